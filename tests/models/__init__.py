"""Models of what must never go wrong, checked for every case; `python -m models`, see README.md."""
