"""What makes a pattern safe before it is ever shown: static conditions, checked in constant time.

A pattern that keeps them is a trigonometric polynomial of low degree with a bounded slope, so on
linear outputs at fixed positions and equal clock rates it turns at most 2 deg times per period and
the governor leaves it alone. Whatever does not hold in the field rests on the governor.
Source: SPEC section Patterns, "Conditions and their argument".
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from smilesync.errors import Malformed
from smilesync.light.palette import LINEAR_MAX, decode_colour
from smilesync.light.pattern import Kind, Pattern, decode
from smilesync.light.render import Gamut, fit

KNOWN_PATTERNS = 64

PERIOD_PER_DEGREE_DS = 21
"""2.1 s per degree: two turning points are then more than a second apart, 5 % of rate included."""

DEGREE_MAX = 3
EXTENT_CYCLES_MAX = 5

TWO_PI_E4 = 62_832
"""2 pi in ten-thousandths, rounded up."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One condition that a pattern breaks: which, what it says, why, what would help."""

    rule: str
    condition: str
    why: str
    change: str


@lru_cache(maxsize=KNOWN_PATTERNS)
def check(encoded: bytes) -> str | None:
    """Return the rule an encoded pattern breaks first, format or condition, or None.

    Remembered: every voter of every view asks it of the same few patterns.
    """
    try:
        pattern = decode(encoded)
    except Malformed as error:
        return error.rule
    for fault in faults(pattern):
        return fault.rule
    return None


def faults(pattern: Pattern) -> tuple[Fault, ...]:
    """Return every static condition that `pattern` breaks, in the order of their rules."""
    found = (test(pattern) for test in _STATIC)
    return tuple(fault for fault in found if fault is not None)


def extent_fault(pattern: Pattern, extent_cm: int) -> Fault | None:
    """Test the one condition that depends on the crowd: how many cycles lie across it."""
    square = (pattern.wave_x**2 + pattern.wave_y**2) * extent_cm**2
    if square <= (EXTENT_CYCLES_MAX * 10_000) ** 2:
        return None
    return Fault(
        "PAT-013",
        f"a wave has at most {EXTENT_CYCLES_MAX} cycles across the circle",
        "more light and dark stripes make a spatial pattern, which can hurt without flashing",
        "lower the wave vector (keys 8, 9), or use it in a smaller circle",
    )


def swing(pattern: Pattern) -> int:
    """Return the most a channel can move over a period on the brightest device, of 65535.

    A mosaic shows the wearer's own colour, which may have any channel at full.
    """
    if pattern.kind is Kind.STEADY:
        return 0
    if pattern.kind is Kind.MOSAIC:
        return _of_depth(pattern.depth, LINEAR_MAX)
    colours = fit(
        [decode_colour(code) for code in pattern.colours], Gamut(), pattern.ceiling_percent
    )
    brightest = max(max(colour) for colour in colours)
    return brightest if len(colours) > 1 else _of_depth(pattern.depth, brightest)


def period_min_ds(degree: int, swing_of_65535: int) -> int:
    """Return the shortest period, in tenths of a second, that keeps the slope within 0.5/s."""
    return -(-TWO_PI_E4 * degree * swing_of_65535 // (1000 * LINEAR_MAX))


def _of_depth(depth: int, brightest: int) -> int:
    return -(-depth * brightest // 255)


def _degree(pattern: Pattern) -> Fault | None:
    if pattern.degree <= DEGREE_MAX:
        return None
    return Fault(
        "PAT-010",
        f"sharpness (key 5), plus 1 with several colours, is at most {DEGREE_MAX}",
        "each degree adds two turning points to every period",
        "lower the sharpness or use one colour",
    )


def _pace(pattern: Pattern) -> Fault | None:
    needed_ds = PERIOD_PER_DEGREE_DS * pattern.degree
    if pattern.kind is Kind.STEADY or pattern.period_ds >= needed_ds:
        return None
    return Fault(
        "PAT-011",
        f"the period (key 3) is at least {PERIOD_PER_DEGREE_DS} tenths of a second per degree",
        "turning points closer than a second add up to flashes where circles meet",
        f"set the period to {needed_ds} or more, or lower the sharpness (key 5)",
    )


def _slope(pattern: Pattern) -> Fault | None:
    needed_ds = period_min_ds(pattern.degree, swing(pattern))
    if pattern.kind is Kind.STEADY or pattern.period_ds >= needed_ds:
        return None
    return Fault(
        "PAT-012",
        "the period is at least 2 pi times degree times swing, in seconds",
        "a steeper pattern is reshaped by every governor, and the crowd falls out of step",
        f"set the period to {needed_ds} or more, or lower depth (key 4) or ceiling (key 6)",
    )


_STATIC: tuple[Callable[[Pattern], Fault | None], ...] = (_degree, _pace, _slope)
