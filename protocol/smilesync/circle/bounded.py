"""Tables that most devices never fill, and that nobody can make grow: replaced, never changed.

So all that are empty are the same one, which costs nothing: a device has dozens of them.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

Key = TypeVar("Key")
Entry = TypeVar("Entry")

NOTHING: Mapping[Any, Any] = {}
"""What a table begins with."""


def noted(table: Mapping[Key, Entry], key: Key, entry: Entry, most: int) -> Mapping[Key, Entry]:
    """Return the table with `key` as its newest entry, without the oldest of more than `most`."""
    grown = {one: held for one, held in table.items() if one != key}
    grown[key] = entry
    while len(grown) > most:
        del grown[next(iter(grown))]
    return grown


def without(table: Mapping[Key, Entry], key: Key) -> Mapping[Key, Entry]:
    """Return the table without an entry."""
    return {one: held for one, held in table.items() if one != key} if key in table else table
