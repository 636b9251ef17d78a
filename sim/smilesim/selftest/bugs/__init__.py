"""The catalogue, by what the dropped rule protects; `catalogue.py` puts it together."""
