"""What makes a pattern safe before it is ever shown: static conditions, checked in constant time.

A pattern that keeps them is a trigonometric polynomial of low degree with a bounded slope, so on
linear outputs at fixed positions and equal clock rates it turns at most 2 deg times per period and
the governor leaves it alone. Whatever does not hold in the field rests on the governor.
Source: SPEC section Patterns, "Conditions and their argument".
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

from smilesync.errors import LocalError, Malformed
from smilesync.light.palette import LINEAR_MAX, Linear
from smilesync.light.pattern import Kind, Pattern, decode
from smilesync.light.prepare import colours_of
from smilesync.light.render import Gamut, fit

KNOWN_PATTERNS = 64

PERIOD_PER_DEGREE_DS = 21
"""2.1 s per degree: two turning points are then more than a second apart, 5 % of rate included."""

HARMONY_PERIOD_MIN_DS = 40
STORY_FADE_DS = 30
RAMP_S_MAX = 1800

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


def must_be_safe(encoded: bytes) -> None:
    """Raise LocalError for an encoded pattern that this device must not ask for."""
    broken = check(encoded)
    if broken is not None:
        raise LocalError(f"this pattern breaks {broken}; `smilesync lint` says how")


def faults(pattern: Pattern) -> tuple[Fault, ...]:
    """Return every static condition that `pattern` breaks, in the order of their rules."""
    found = (test(pattern) for test in _STATIC)
    return tuple(fault for fault in found if fault is not None)


def extent_fault(pattern: Pattern, extent_cm: int) -> Fault | None:
    """Test the one condition that depends on the crowd: how many cycles lie across it."""
    if pattern.kind is Kind.RIPPLE and extent_cm > EXTENT_CYCLES_MAX * pattern.wavelength_cm:
        return Fault(
            "PAT-022",
            f"a ripple has at most {EXTENT_CYCLES_MAX} wavelengths across the circle",
            "more light and dark rings make a spatial pattern, which can hurt without flashing",
            "raise the wavelength (key 12), or use it in a smaller circle",
        )
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

    A mosaic shows the wearer's own colour, which may have any channel at full. For a story it is
    the most that a channel moves in one fade, for a harmony in one breath.
    """
    if pattern.kind is Kind.STEADY:
        return 0
    if pattern.kind is Kind.STORY:
        return max(_fades(pattern))
    if pattern.kind is Kind.MOSAIC:
        return _of_depth(pattern.depth, LINEAR_MAX)
    colours = _brightest_fit(pattern)
    brightest = max(max(colour) for colour in colours)
    if len(colours) > 1 and pattern.kind is not Kind.HARMONISE:
        return brightest
    return _of_depth(pattern.depth, brightest)


def period_min_ds(degree: int, swing_of_65535: int) -> int:
    """Return the shortest period, in tenths of a second, that keeps the slope within 0.5/s."""
    return -(-TWO_PI_E4 * degree * swing_of_65535 // (1000 * LINEAR_MAX))


def _brightest_fit(pattern: Pattern) -> tuple[Linear, ...]:
    return fit(colours_of(pattern), Gamut(), pattern.ceiling_percent)


def _between(first: Linear, second: Linear) -> int:
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def _fades(pattern: Pattern) -> list[int]:
    """Return the most a channel moves in the fade after each step of a story, of 65535."""
    colours = _brightest_fit(pattern)
    lights = [colours[step.colour] for step in pattern.story]
    return [_between(*pair) for pair in zip(lights, lights[1:] + lights[:1], strict=True)]


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
    if pattern.period_ds >= needed_ds:
        return None
    return Fault(
        "PAT-011",
        f"the period (key 3) is at least {PERIOD_PER_DEGREE_DS} tenths of a second per degree",
        "turning points closer than a second add up to flashes where circles meet",
        f"set the period to {needed_ds} or more, or lower the sharpness (key 5)",
    )


def _slope(pattern: Pattern) -> Fault | None:
    needed_ds = period_min_ds(pattern.degree, swing(pattern))
    if pattern.period_ds >= needed_ds or pattern.kind in (Kind.STORY, Kind.HARMONISE):
        return None
    return Fault(
        "PAT-012",
        "the period is at least 2 pi times degree times swing, in seconds",
        "a steeper pattern is reshaped by every governor, and the crowd falls out of step",
        f"set the period to {needed_ds} or more, or lower depth (key 4) or ceiling (key 6)",
    )


def _story_pace(pattern: Pattern) -> Fault | None:
    """A smooth fade has 1.5 times its mean slope: 3 s for a channel from black to full."""
    if pattern.kind is not Kind.STORY:
        return None
    for number, (step, move) in enumerate(zip(pattern.story, _fades(pattern), strict=True)):
        needed_ds = -(-STORY_FADE_DS * move // LINEAR_MAX)
        if step.fade_ds < needed_ds:
            return Fault(
                "PAT-021",
                f"a fade takes {STORY_FADE_DS / 10:.0f} s times what a channel moves in it",
                "a steeper fade is reshaped by every governor, and the crowd falls out of step",
                f"set the fade of step {number} (key 15) to {needed_ds} or more, or bring its "
                "colour closer to the next (key 7), or lower the ceiling (key 6)",
            )
    return None


def _harmony_period(pattern: Pattern) -> Fault | None:
    if pattern.kind is not Kind.HARMONISE or pattern.period_ds >= HARMONY_PERIOD_MIN_DS:
        return None
    return Fault(
        "PAT-018",
        f"the period (key 3) of a harmony is at least {HARMONY_PERIOD_MIN_DS} tenths of a second",
        "a breath in a colour that moves may turn more often than one in a colour that stays",
        f"set the period to {HARMONY_PERIOD_MIN_DS} or more",
    )


def _harmony_slope(pattern: Pattern) -> Fault | None:
    """Breath and ramp add up: pi swing / T + move / ramp may be 0.5/s at most."""
    if pattern.kind is not Kind.HARMONISE:
        return None
    ramp = pattern.ramp_s * LINEAR_MAX
    room = ramp - 2 * _between(*_brightest_fit(pattern))
    needed_ds = -(-TWO_PI_E4 * swing(pattern) * pattern.ramp_s // (1000 * room))
    if pattern.period_ds >= needed_ds:
        return None
    return Fault(
        "PAT-019",
        "breath and ramp together move a channel by at most half of full scale in a second",
        "a steeper pattern is reshaped by every governor, and the crowd falls out of step",
        f"set the period (key 3) to {needed_ds} or more, or lower depth (key 4) or ceiling (key 6)",
    )


def _harmony_end(pattern: Pattern) -> Fault | None:
    if pattern.kind is not Kind.HARMONISE or 20 * pattern.ramp_s % pattern.period_ds == 0:
        return None
    return Fault(
        "PAT-020",
        "the ramp (key 18) is a whole number of half periods",
        "a ramp that ends between two turning points adds one",
        _ramp_advice(pattern),
    )


def _ramp_advice(pattern: Pattern) -> str:
    grain_s = pattern.period_ds // gcd(20, pattern.period_ds)
    above_s = -(-pattern.ramp_s // grain_s) * grain_s
    ramp_s = above_s if above_s <= RAMP_S_MAX else RAMP_S_MAX // grain_s * grain_s
    return f"set the ramp to {ramp_s}, or the period (key 3) to a divisor of twice the ramp"


_STATIC: tuple[Callable[[Pattern], Fault | None], ...] = (
    _degree,
    _pace,
    _slope,
    _harmony_period,
    _harmony_slope,
    _harmony_end,
    _story_pace,
)
