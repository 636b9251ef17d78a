"""Circle time: readings of other devices, and the correction that follows."""
