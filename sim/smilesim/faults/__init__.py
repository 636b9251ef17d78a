"""What can go wrong in a city: a table of kinds, each with a script of what it does when."""
