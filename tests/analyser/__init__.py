"""Judges recorded light without knowing how it was made; nothing here imports the governor."""
