"""A city of SmileSync devices on one machine: the same core, a virtual clock, a seeded world."""
