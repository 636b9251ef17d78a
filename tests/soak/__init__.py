"""Many real daemons on one machine, killed and restarted for minutes; see `__main__.py`."""
