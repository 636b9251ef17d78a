"""A wearer's own design: how each of the five states looks and moves here, and how bright.

A design is the wearer's alone: nothing here is ever sent. It travels only as a word that the wearer
copies, with a check so that a slip of the pen is noticed. Before it is worn it is held to the
conditions of a pattern of one colour. Source: SPEC section Designs, DSG-001 to DSG-008.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from smilesync.config import LightConfig
from smilesync.errors import LocalError, Malformed
from smilesync.light.conditions import PERIOD_PER_DEGREE_DS, Fault, period_min_ds
from smilesync.light.palette import LINEAR_MAX, STATE_LINEAR, STATE_PERIOD_DS, Linear
from smilesync.light.render import Gamut, fit
from smilesync.wire import cbor

PREFIX = "smiledesign"
VERSION = 1
STATES = len(STATE_LINEAR)
NAME_BYTES_MAX = 64
PERIOD_DS_MAX = 600
DEPTH_MAX = 255
SHARE_MAX = 255
CEILING_PERCENT_MAX = 100
WORD_BYTES_MAX = 256
CHECK_BYTES = 4
KEYS = frozenset(range(6))


@dataclass(frozen=True, slots=True)
class Expression:
    """One state's light. Units: `colour` linear of 65535, `period_ds` tenths of a second.

    `depth` counts of 255. A steady expression has neither period nor depth.
    """

    colour: Linear
    period_ds: int = 0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Design:
    """Five expressions in the order of `EmotionState`, and two limits.

    `ceiling_percent`, of the device's luminance limit, bounds whatever the device shows, the
    circle's patterns too. `share` of 255 is the most a circle's pattern may make of the light.
    """

    name: str
    expressions: tuple[Expression, ...]
    ceiling_percent: int
    share: int

    @property
    def colours(self) -> tuple[Linear, ...]:
        """The light of the five states."""
        return tuple(one.colour for one in self.expressions)

    def text(self) -> str:
        """Return the design as one word a person can copy. Errors: LocalError if it is unsafe."""
        for place, fault in faults(self):
            raise LocalError(f"no design: {place}: {fault.rule}: {fault.condition}")
        body = cbor.encode(_fields(self))
        return PREFIX + (body + sha256(body).digest()[:CHECK_BYTES]).hex()


@lru_cache(maxsize=8)
def standard(config: LightConfig) -> Design:
    """Return what a device wears whose wearer designed nothing."""
    expressions = tuple(
        Expression(colour, period_ds, config.own_depth)
        for colour, period_ds in zip(STATE_LINEAR, STATE_PERIOD_DS, strict=True)
    )
    return Design("", expressions, config.own_ceiling_percent, config.share_max)


def from_text(text: str) -> Design:
    """Read what `Design.text` wrote; raises Malformed with the rule that is broken."""
    if not text.startswith(PREFIX):
        raise Malformed("DSG-001", f"a shared design starts with {PREFIX}")
    digits = text[len(PREFIX) :]
    if len(digits) > 2 * (WORD_BYTES_MAX + CHECK_BYTES) or digits != digits.strip().lower():
        raise Malformed("DSG-001", f"at most {WORD_BYTES_MAX} bytes follow, in lower case")
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        raise Malformed("DSG-001", "a shared design is hexadecimal after its prefix") from None
    if data.hex() != digits:
        raise Malformed("DSG-001", "a shared design is one word, without blanks")
    body, check = data[:-CHECK_BYTES], data[-CHECK_BYTES:]
    if sha256(body).digest()[:CHECK_BYTES] != check:
        raise Malformed("DSG-002", "the check at the end does not fit: copy the whole word again")
    design = _read(cbor.decode(body, limit_bytes=WORD_BYTES_MAX))
    for place, fault in faults(design):
        raise Malformed(fault.rule, f"{place}: {fault.condition}")
    return design


def faults(design: Design) -> Iterator[tuple[str, Fault]]:
    """Yield every condition that a design of well-formed fields breaks, with its place."""
    for number, one in enumerate(design.expressions):
        for fault in expression_faults(one, design.ceiling_percent):
            yield f"expression {number}", fault


def expression_faults(one: Expression, ceiling_percent: int) -> Iterator[Fault]:
    """Yield the conditions that one expression breaks, judged on the brightest device there is."""
    red, green, blue = one.colour
    if red > 3 * (green + blue):
        yield Fault(
            "DSG-005",
            "red is at most three quarters of the light: R <= 3 (G + B), in linear light",
            "saturated red is the colour that most often starts a seizure",
            "mix some green or blue into it, or turn the hue towards orange or pink",
        )
    if one.period_ds and one.period_ds < PERIOD_PER_DEGREE_DS:
        yield Fault(
            "DSG-006",
            f"a breath takes at least {PERIOD_PER_DEGREE_DS / 10} s",
            "turning points closer than a second add up to flashes where people meet",
            f"set the period to {PERIOD_PER_DEGREE_DS / 10} or more",
        )
    needed_ds = shortest_ds(one, ceiling_percent)
    if one.period_ds and PERIOD_PER_DEGREE_DS <= one.period_ds < needed_ds:
        yield Fault(
            "DSG-007",
            "a breath takes at least 2 pi times its swing, in seconds",
            "a steeper one would be reshaped by the governor and look unlike the design",
            f"set the period to {needed_ds / 10} or more, or lower depth or ceiling",
        )


def shortest_ds(one: Expression, ceiling_percent: int) -> int:
    """Return the shortest period whose slope the governor leaves alone, tenths of a second."""
    brightest = max(fit((one.colour,), Gamut(), ceiling_percent)[0])
    return period_min_ds(1, -(-one.depth * brightest // DEPTH_MAX))


def _fields(design: Design) -> dict[int, cbor.CborValue]:
    return {
        0: VERSION,
        1: design.name,
        2: design.ceiling_percent,
        3: design.share,
        4: [[*one.colour] for one in design.expressions],
        5: [[one.period_ds, one.depth] for one in design.expressions],
    }


def _read(item: cbor.CborValue) -> Design:
    """Build a design of whatever was decoded; what passes may still break a condition."""
    if not isinstance(item, dict) or frozenset(item) != KEYS:
        raise Malformed("DSG-003", "a design is a map of exactly the keys 0 to 5")
    if item[0] != VERSION or isinstance(item[0], bool):
        raise Malformed("DSG-003", f"key 0, the version, is {VERSION}")
    name = item[1]
    if not isinstance(name, str) or not is_name(name):
        raise Malformed("DSG-004", f"key 1 is a printable text of at most {NAME_BYTES_MAX} bytes")
    colours = _rows(item[4], "key 4", (LINEAR_MAX, LINEAR_MAX, LINEAR_MAX))
    rhythms = _rows(item[5], "key 5", (PERIOD_DS_MAX, DEPTH_MAX))
    if any((period_ds == 0) != (depth == 0) for period_ds, depth in rhythms):
        raise Malformed("DSG-004", "key 5: a period without depth, or a depth without period")
    return Design(
        name,
        tuple(
            Expression((red, green, blue), period_ds, depth)
            for (red, green, blue), (period_ds, depth) in zip(colours, rhythms, strict=True)
        ),
        ceiling_percent=_integer(item[2], "key 2", 1, CEILING_PERCENT_MAX),
        share=_integer(item[3], "key 3", 0, SHARE_MAX),
    )


def _rows(item: cbor.CborValue, key: str, highest: tuple[int, ...]) -> list[list[int]]:
    if not isinstance(item, list) or len(item) != STATES:
        raise Malformed("DSG-004", f"{key} is an array of {STATES}, one for each state")
    rows: list[list[int]] = []
    for row in item:
        if not isinstance(row, list) or len(row) != len(highest):
            raise Malformed("DSG-004", f"{key} has arrays of {len(highest)}")
        rows.append([_integer(one, key, 0, high) for one, high in zip(row, highest, strict=True)])
    return rows


def _integer(item: cbor.CborValue, key: str, low: int, high: int) -> int:
    if isinstance(item, bool) or not isinstance(item, int) or not low <= item <= high:
        raise Malformed("DSG-004", f"{key} has integers from {low} to {high}")
    return item


def is_name(text: str) -> bool:
    """Say whether a text may name a design: it is printed on other people's terminals."""
    return text.isprintable() and len(text.encode("utf-8", "replace")) <= NAME_BYTES_MAX
