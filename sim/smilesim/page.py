"""A scenario file while it is checked: what is wrong is said with file, line and expectation."""

import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from smilesim.faults.kind import Key
from smilesim.tomllines import KeyPath, line_of_error, lines_of
from smilesync.errors import SettingsError

SECONDS_IN = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "minutes": 60.0, "h": 3600.0}
SPELLED = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "millis": "ms",
    "milliseconds": "ms",
    "minute": "minutes",
    "hours": "h",
    "%": "percent",
    "pct": "percent",
}
UNITS = {
    "s": "seconds",
    "ms": "milliseconds",
    "percent": "percent",
    "hz": "times per second",
    "degrees": "degrees",
}
UNIT_WORDS = frozenset({*UNITS, "us", "minutes", "h"})
"""What may be a unit in a key; `min` there is the least of something."""

PLACED = re.compile(r"(.*) \(at line (\d+), column (\d+)\)")
"""How the library says where it could read no further."""
SHOWN_CHARACTERS_MAX = 60
AMOUNT = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([a-z%]*)\s*")


@dataclass(frozen=True, slots=True)
class Place:
    """A table of the file: its name, "" for the top, and which one of its name."""

    table: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """The text of the file and its name, for messages."""

    source: str
    text: str

    def read(self) -> dict[str, object]:
        """Return what the text says; raises SettingsError with the line where it is no TOML."""
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise SettingsError(f"{self.source}, {self._not_toml(error)}") from None

    def error(self, place: Place, key: str, expectation: str) -> SettingsError:
        """Return the refusal of `key`, at its line; a missing one at the head of its table."""
        return SettingsError(f"{self.source}, line {self._line(place, key)}, {key}: {expectation}")

    def table(self, top: dict[str, object], key: str) -> dict[str, object]:
        """Take a table out of the file; an absent one is empty."""
        found = top.pop(key, {})
        if not isinstance(found, dict):
            raise self.error(Place(), key, f"expected a table [{key}]")
        return found

    def numbers(
        self, place: Place, what: str, table: Mapping[str, object], keys: Sequence[Key]
    ) -> dict[str, float]:
        """Return the numbers of a table by the order of `keys`, and defaults for absent ones."""
        known = {key.name: key for key in keys}
        for name in table:
            if name not in known:
                raise self.error(place, name, _unknown(what, name, table[name], keys))
        numbers: dict[str, float] = {}
        for key in keys:
            if key.name in table:
                numbers[key.name] = self._number(place, key, table[key.name])
            elif key.default is not None:
                numbers[key.name] = key.default
        return numbers

    def must_have(self, place: Place, what: str, numbers: Mapping[str, float], key: str) -> None:
        """Refuse a table without `key`."""
        if key not in numbers:
            raise self.error(place, key, f"missing in {what or 'the file'}")

    def _number(self, place: Place, key: Key, value: object) -> float:
        allowed = f"from {key.low:g} to {key.high:.10g}"
        unit = UNITS.get(_unit(key.name), "")
        plain = ("a whole number" if key.is_whole else "a plain number") + f" of {unit}" * bool(
            unit
        )
        if isinstance(value, bool) or not isinstance(value, int | float):
            hint = _written(key, value)
            got = _shown(repr(value))
            raise self.error(place, key.name, f"expected {plain} {allowed}{hint}, got {got}")
        if not key.low <= value <= key.high:
            wanted = f"{key.low:g} to {key.high:.10g}" + f" {unit}" * bool(unit)
            raise self.error(place, key.name, f"expected {wanted}, got {_shown(str(value))}")
        if abs(value) < key.nearest:
            detail = f"expected {key.nearest:g} at least, either way, got {value}"
            raise self.error(place, key.name, detail)
        if key.is_whole and value != int(value):
            raise self.error(place, key.name, f"expected {plain} {allowed}, got {value}")
        return value

    def _line(self, place: Place, key: str) -> int:
        """Return the line of `key` in its table, or of the table's head."""
        lines = lines_of(self.text)
        table: KeyPath = (place.table,) if place.table else ()
        numbered = (*table, place.number)
        for path in ((*numbered, key), (*table, key), numbered, table):
            if path in lines:
                return lines[path]
        # The head of the file is its first line that is not empty.
        return 1 + self.text[: len(self.text) - len(self.text.lstrip())].count("\n")

    def _not_toml(self, error: Exception) -> str:
        """Return the line of what could not be read, and what is wrong with it."""
        complaint = str(error)
        match = PLACED.fullmatch(complaint)
        if match is not None:
            return f"line {match[2]}: not TOML: {match[1]} (column {match[3]})"
        if isinstance(error, tomllib.TOMLDecodeError):
            line = 1 + self.text.rstrip("\n").count("\n")  # "(at end of document)"
        else:
            line = line_of_error(self.text, error) or 1
            digits = sys.get_int_max_str_digits()
            is_deep = isinstance(error, RecursionError)
            what = "less nesting" if is_deep else f"numbers of at most {digits} digits"
            complaint = f"expected {what}"
        return f"line {line}: not TOML: {complaint}"


def _unknown(what: str, name: str, value: object, keys: Sequence[Key]) -> str:
    """Say what an unknown key was probably meant to be."""
    same = [key for key in keys if _stem(key.name) == _stem(name)]
    if len(same) != 1:
        near = get_close_matches(name, [key.name for key in keys], 1)
        same = [key for key in keys if key.name in near]
    listed = ", ".join(key.name for key in keys)
    if len(same) != 1:
        return f"unknown {what} key".replace("  ", " ") + f"; expected {listed}"
    key = same[0]
    unit = UNITS.get(_unit(key.name), "")
    amount = f"{value} {_unit(name)}" if _is_number(value) else value
    hint = _written(key, amount) or f": write {key.name}"
    return f"unknown {what} key".replace("  ", " ") + f"{hint}" + f" (in {unit})" * bool(unit)


def _written(key: Key, value: object) -> str:
    """Return how an amount such as "5 s" is to be written for `key`, if that is clear."""
    match = AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return ""
    amount, unit = float(match[1]), SPELLED.get(match[2], match[2])
    target = _unit(key.name)
    if unit in SECONDS_IN and target in SECONDS_IN:
        amount = amount * SECONDS_IN[unit] / SECONDS_IN[target]
    elif unit not in ("", target):
        return ""
    return f": write {key.name} = {amount:.10g}"


def _shown(value: str) -> str:
    return value if len(value) <= SHOWN_CHARACTERS_MAX else f"{value[:SHOWN_CHARACTERS_MAX]}..."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unit(name: str) -> str:
    """Return the unit within a key's name, "" if there is none."""
    words = [SPELLED.get(word, word) for word in name.split("_")]
    return next((word for word in reversed(words) if word in UNIT_WORDS), "")


def _stem(name: str) -> tuple[str, ...]:
    """Return a key's name without its unit."""
    words = [SPELLED.get(word, word) for word in name.split("_")]
    return tuple(word for word in words if word not in UNIT_WORDS)
