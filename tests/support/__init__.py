"""What several tests share: vectors, requirement checks."""
