"""What the wearer feels and allows, and what others said of themselves."""
