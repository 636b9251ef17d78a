"""Fidelity `daemon`: each device is a task of the daemon's own driver, with link and datagrams."""
