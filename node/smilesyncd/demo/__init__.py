"""Seven daemons on one table: a relay that can cut them apart, and an observer that judges."""
