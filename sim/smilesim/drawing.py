"""Faults and weather drawn at random: what scenarios that follow from a seed are made of."""

from typing import NamedTuple

from smilesim.fate import Weather
from smilesim.faults.kind import Fault, Key
from smilesim.faults.table import KINDS
from smilesync.entropy import Entropy

TENTHS = 10


class Span(NamedTuple):
    """When faults may begin, for how long they last at most, and how they may be narrower."""

    first_s: float
    last_s: float
    lasting_s: float
    narrower: dict[tuple[str, str], tuple[float, float]]


RANGES: dict[str, tuple[float, float]] = {
    "late_ms": (64, 3_000),
    "more_ms": (0, 200),
    "islands": (2, 5),
    "percent_per_min": (30, 600),
    "points": (2, 6),
    "every_s": (1, 3),
    "outage_s": (0.5, 3),
    "spread_s": (0.5, 3.5),
    "period_s": (0.2, 3),
    "retry_s": (0.5, 3),
    "records": (1, 10),
    "age_s": (0.5, 5),
    "jump_s": (0.001, 60),
    "busy_ms": (1, 30),
    "pause_s": (0.1, 6),
    "copies": (5, 50),
    "rate_hz": (1, 30),
    "percent": (5, 60),
}
"""Narrower than what a file may say: small cities, short runs, and every fault over in time."""

NARROWER: dict[tuple[str, str], tuple[float, float]] = {
    ("duplication", "percent"): (1, 50),
    ("sides", "percent"): (20, 50),
    ("slow", "percent"): (5, 30),
}


def weather(entropy: Entropy) -> Weather:
    """Return what the air is like all the time: half of all cities have it good.

    A clock is wrong by up to half a round trip, and who is more than g = 20 ms off shows nothing:
    slower air than this, for ever, is one in which no light is promised.
    """
    if entropy.below(2):
        return Weather()
    return Weather(
        delay_ms_min=1 + entropy.below(5),
        delay_ms_span=1 + entropy.below(15),
        loss_ppm=entropy.below(50_000),
        duplicate_ppm=entropy.below(20_000),
        reorder_ppm=entropy.below(50_000),
        reorder_ms_span=1 + entropy.below(200),
    )


def fault(kind: str, span: Span, entropy: Entropy) -> Fault:
    """Return a fault of a kind with random numbers."""
    begin_s = between(span.first_s, span.last_s, entropy)
    numbers: dict[str, float] = {}
    for key in KINDS[kind].keys:
        numbers[key.name] = _number(kind, key, begin_s, span, entropy)
    return Fault(kind, begin_s, numbers)


def _number(kind: str, key: Key, begin_s: float, span: Span, entropy: Entropy) -> float:
    """Draw one number; what lasts is over before the chaos ends."""
    match key.name:
        case "at_s":
            return begin_s
        case "heal_s" | "charged_s" | "back_s":
            return between(begin_s + span.lasting_s / 3, begin_s + span.lasting_s, entropy)
    narrow = span.narrower.get((kind, key.name)) or span.narrower.get(("", key.name))
    usual = NARROWER.get((kind, key.name)) or RANGES.get(key.name) or (key.low, key.high)
    low, high = narrow or usual
    number = between(max(low, key.low), min(high, key.high), entropy)
    if abs(number) < key.nearest:
        return key.high
    return max(key.low, float(round(number))) if key.is_whole else number


def between(low: float, high: float, entropy: Entropy) -> float:
    """Return a number with one decimal, as a person would write it, if the range has room."""
    steps = int((high - low) * TENTHS)
    number = low + entropy.below(steps + 1) / TENTHS
    return round(min(high, number), 3)
