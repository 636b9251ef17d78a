"""Judges emitted light without knowing how it was made; nothing here imports the core.

`judge.py` judges one pixel, `trace.py` an output of many, `recording.py` reads and writes files.
"""
