"""Bytes: the only folder that knows how anything is written."""
