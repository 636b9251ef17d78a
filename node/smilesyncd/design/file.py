"""Design files: TOML that a person writes, read with every problem found at once.

A problem reads `file:line: field: what was given; expected what`. What is left out is as in the
standard design, so that a file may hold one colour only.
"""

import difflib
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from smilesync.config import LightConfig
from smilesync.errors import Malformed, SettingsError
from smilesync.light.design import (
    PREFIX,
    Design,
    Expression,
    expression_faults,
    from_text,
    is_name,
    standard,
)
from smilesync.light.palette import Linear
from smilesync.light.render import Gamut, fit
from smilesyncd.design import colour
from smilesyncd.expectations import Unexpected
from smilesyncd.vocabulary import STATES

Parsed = TypeVar("Parsed")
FILE_BYTES_MAX = 65_536
STANDARD_WORD = "standard"
TOP = ("name", "ceiling", "collective")
OF_STATE = ("colour", "rhythm", "period", "depth")
# Which field a person would change to mend a condition.
FIELD_OF_RULE = {"DSG-005": "colour", "DSG-006": "period", "DSG-007": "period"}


def standard_design() -> Design:
    """Return what a device wears whose wearer designed nothing."""
    return standard(LightConfig())


def read(given: str) -> Design:
    """Return the design in a file, or of a shared word, or the standard one.

    Errors: SettingsError with one line for each problem.
    """
    if given == STANDARD_WORD:
        return standard_design()
    if given.startswith(PREFIX):
        try:
            return from_text(given)
        except Malformed as error:
            raise SettingsError(f"{given[:24]}...: {error.rule}: {error.detail}") from error
    return parse(_text_of(given), given)


def parse(text: str, where: str) -> Design:
    """Return the design that `text` describes. Errors: SettingsError, as `read`."""
    try:
        table: dict[str, object] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{where}: {error}; expected a design file in TOML") from error
    reader = _Reader(table, text, where)
    design = reader.design()
    if reader.problems:
        raise SettingsError("\n".join(reader.problems))
    return design


def dump(design: Design) -> str:
    """Return the file of a design, with a comment for whoever edits it."""
    head = f"""\
# How your smile looks. Yours alone: it never leaves this device unless you share it.
# See it:  smilesync design show FILE      wear it:  smilesync design use FILE
# Whatever is left out is as in the standard design.

name = {_quoted(design.name)}
ceiling = {design.ceiling_percent}        # never brighter than this, 1 to 100 % of what is safe
collective = {design.share / 255:.3f}  # how much of your light a circle may have, 0 to 1

# colour: "#rrggbb", or "oklch(L C H)" with lightness 0 to 1, chroma 0 to 0.4, hue 0 to 360.
#         At most three quarters red: saturated red is what most often starts a seizure.
# rhythm: "breathe", with a period in seconds (2.1 to 60; longer for deep and bright breaths)
#         and a depth from 0 to 1; or "steady".
"""
    return head + "".join(
        _dumped(name, design.expressions[state.value]) for name, state in STATES.items()
    )


def _dumped(name: str, one: Expression) -> str:
    lines = [f"\n[{name}]", f'colour = "{colour.written(one.colour)}"']
    if one.period_ds:
        lines += ['rhythm = "breathe"', f"period = {one.period_ds / 10:.1f}"]
        lines += [f"depth = {one.depth / 255:.3f}"]
    else:
        lines += ['rhythm = "steady"']
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text_of(given: str) -> str:
    try:
        with Path(given).open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise SettingsError(f"{given}: more than {FILE_BYTES_MAX} bytes; expected a design")
        return data.decode("utf-8")
    except OSError as error:
        raise SettingsError(
            f"{given[:60]}: {error.strerror}; expected a design file, a word that starts with "
            f"{PREFIX}, or {STANDARD_WORD}; make a file with: smilesync design new {given[:60]}"
        ) from error
    except (UnicodeDecodeError, ValueError) as error:
        raise SettingsError(f"{given[:60]!r}: {error}; expected a design file in TOML") from error


class _Reader:
    """Takes one field after the other, collecting what is wrong."""

    def __init__(self, table: dict[str, object], text: str, where: str) -> None:
        self._table = table
        self._lines = _lines(text)
        self._where = where
        self.problems: list[str] = []

    def design(self) -> Design:
        usual = standard_design()
        self._refuse_unknown("", self._table, (*TOP, *STATES))
        name = self._take("", "name", _name, usual.name)
        ceiling = self._take("", "ceiling", _ceiling, usual.ceiling_percent)
        share = self._take("", "collective", _share, usual.share)
        expressions = tuple(
            self._expression(state, usual.expressions[number.value], ceiling)
            for state, number in STATES.items()
        )
        return Design(name, expressions, ceiling, share)

    def _expression(self, state: str, usual: Expression, ceiling: int) -> Expression:
        section = self._table.get(state, {})
        if not isinstance(section, dict):
            self._complain(state, "", f"{section!r:.40}; expected a table [{state}]")
            return usual
        before = len(self.problems)
        self._refuse_unknown(state, section, OF_STATE)
        light = self._take(state, "colour", colour.parse, usual.colour)
        rhythm = self._take(state, "rhythm", _rhythm, "breathe")
        period_ds = self._take(state, "period", _period_ds, usual.period_ds)
        depth = self._take(state, "depth", _depth, usual.depth)
        if rhythm == "steady":
            for needless in ("period", "depth"):
                if needless in section:
                    self._complain(state, needless, "a steady light has none; leave it out")
            period_ds, depth = 0, 0
        made = Expression(light, period_ds, depth)
        if len(self.problems) == before:
            self._judge(state, made, ceiling)
        return made

    def _judge(self, state: str, made: Expression, ceiling: int) -> None:
        for fault in expression_faults(made, ceiling):
            change = fault.change
            if fault.rule == "DSG-005":
                change = f"{change}; the nearest is {_nearest_allowed(made.colour)}"
            self._complain(
                state,
                FIELD_OF_RULE[fault.rule],
                f"{fault.rule}: expected: {fault.condition}, because {fault.why}; {change}",
            )

    def _take(
        self, section: str, key: str, accept: Callable[[object], Parsed], usual: Parsed
    ) -> Parsed:
        table = self._table.get(section, {}) if section else self._table
        if not isinstance(table, dict) or key not in table:
            return usual
        try:
            return accept(table[key])
        except Unexpected as error:
            self._complain(section, key, f"{table[key]!r:.40}; expected {error}")
            return usual

    def _refuse_unknown(
        self, section: str, table: dict[str, object], known: tuple[str, ...]
    ) -> None:
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"expected {', '.join(known)}"
                self._complain(section, key, f"unknown; {hint}")

    def _complain(self, section: str, key: str, text: str) -> None:
        field = ".".join(part for part in (section, key) if part)
        places = ((section, key), (section, ""), ("", section), (key, ""))
        line = next((self._lines[place] for place in places if place in self._lines), None)
        where = f"{self._where}:{line}" if line else self._where
        # A key may hold anything, also what would move somebody's cursor.
        printable = "".join(one if one.isprintable() else "?" for one in field[:60])
        self.problems.append(f"{where}: {printable}: {text}")


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Return the line of each (section, key), as far as plain TOML shows it."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped.strip("[] ").split("]")[0].strip(" \"'")
            found.setdefault((section, ""), number)
        elif "=" in stripped and not stripped.startswith("#"):
            key = stripped.split("=", 1)[0].strip(" \"'")
            whole = f"{section}.{key}" if section else key
            before, _, last = whole.rpartition(".")
            found.setdefault((before, last), number)
    return found


def _nearest_allowed(light: Linear) -> str:
    (covered,) = fit((light,), Gamut(luminance_max=1 << 20), 100)
    red, green, blue = covered
    # One step to the safe side of what #rrggbb can say.
    for more in range(0, 4096, 64):
        shown = colour.hexadecimal((red, min(65535, green + more), min(65535, blue + more)))
        r, g, b = colour.parse(shown)
        if r <= 3 * (g + b):
            return shown
    raise AssertionError(light)


def _name(value: object) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise Unexpected("a printable text of at most 64 bytes")
    return value


def _ceiling(value: object) -> int:
    return round(_number(value, 1, 100, "a number from 1 to 100, in percent of what is safe"))


def _share(value: object) -> int:
    return round(255 * _number(value, 0, 1, "a number from 0 to 1"))


def _rhythm(value: object) -> str:
    if value not in ("breathe", "steady"):
        raise Unexpected('"breathe" or "steady"')
    return str(value)


def _period_ds(value: object) -> int:
    return round(10 * _number(value, 0.1, 60, "a number of seconds from 2.1 to 60"))


def _depth(value: object) -> int:
    expected = 'a number above 0 up to 1; for no breath say rhythm = "steady"'
    depth = round(255 * _number(value, 0, 1, expected))
    if depth == 0:
        raise Unexpected(expected)
    return depth


def _number(value: object, low: float, high: float, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unexpected(expected)
    # Compared before it is a float: an integer may be larger than any float.
    if (isinstance(value, float) and not math.isfinite(value)) or not low <= value <= high:
        raise Unexpected(expected)
    return float(value)
