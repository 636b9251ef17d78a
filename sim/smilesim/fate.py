"""What befalls transmissions in some weather, as one table that every link walks in its own way.

A link begins at a place of its own and goes on in strides of its own, an odd number, so it meets
every fate of the table once before it meets one again. Shares are therefore exact over the table,
and two links that meet the same fate next meet different ones.
"""

from array import array
from dataclasses import dataclass
from functools import lru_cache
from hashlib import shake_128
from struct import unpack

FATE_BITS = 14
FATES = 1 << FATE_BITS
FATE_MASK = FATES - 1
PPM = 1_000_000

LOST = 0
DELAY_BITS = 16
DELAY_MASK = (1 << DELAY_BITS) - 1
"""A fate that is not LOST is a delay in ms; above its bits others say what else happens."""
REORDERED = 1 << DELAY_BITS
LATE = 2 << DELAY_BITS
DUPLICATED = 4 << DELAY_BITS
DAMAGED = 8 << DELAY_BITS
MARKS = REORDERED | LATE | DUPLICATED | DAMAGED
WORSE_BITS = DELAY_BITS + 4
"""Above these bits are marks again, of what befalls only because a fault made the weather worse."""
GONE = 16 << WORSE_BITS
"""LOST, because a fault made the weather worse."""

TAIL_RATIO = 64
"""The latest of a heavy tail is so many times as late as its least."""
KEPT_MAX = 64


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad the air is. Delays in ms, at least 1; shares in parts per million."""

    delay_ms_min: int = 2
    delay_ms_span: int = 8
    loss_ppm: int = 10_000
    duplicate_ppm: int = 1_000
    reorder_ppm: int = 5_000
    reorder_ms_span: int = 60
    tail_ppm: int = 0
    tail_ms_max: int = 0
    """That share is late by up to so much more, most of them by little (Pareto, exponent 1)."""
    damage_ppm: int = 0
    """That share arrives with a bit flipped, or cut short."""


@lru_cache(KEPT_MAX)
def fates_of(weather: Weather) -> tuple[int, ...]:
    """Return the fate of each place of the table: LOST, or a delay with what else happens."""
    assert weather.delay_ms_min >= 1, "a delivery in its own tick would have no order"
    spans_ms = weather.delay_ms_span + weather.reorder_ms_span + weather.tail_ms_max
    assert weather.delay_ms_min + spans_ms < DELAY_MASK, "a delay must fit its bits"
    fates = _struck("loss", weather.loss_ppm)
    reorders = _struck("reorder", weather.reorder_ppm)
    tails = _struck("tail", weather.tail_ppm)
    doubles = _struck("duplicate", weather.duplicate_ppm)
    damages = _struck("damage", weather.damage_ppm)
    table: list[int] = []
    for place, delay in enumerate(_order("delay")):
        if fates[place]:
            table.append(LOST)
            continue
        fate = weather.delay_ms_min + (delay * weather.delay_ms_span >> FATE_BITS)
        if reorders[place]:
            more = _order("reorder-ms")[place] * weather.reorder_ms_span >> FATE_BITS
            fate += REORDERED + 1 + more
        if tails[place]:
            part = 1 + (_order("tail-ms")[place] * TAIL_RATIO >> FATE_BITS)
            fate += LATE + weather.tail_ms_max // part
        if damages[place]:
            # No whole copy comes after a damaged one: it would be the first that a seal lets in.
            table.append(fate + DAMAGED)
        else:
            table.append(fate + DUPLICATED * doubles[place])
    return tuple(table)


@lru_cache(KEPT_MAX)
def fates_beyond(weather: Weather, standing: Weather) -> tuple[int, ...]:
    """Return the fates of a weather, with marks for what would not befall in the standing one.

    Faults only make it worse, and who is struck by less is struck by more: shares are nested.
    """
    longer = REORDERED * (weather.reorder_ms_span > standing.reorder_ms_span)
    longer |= LATE * (weather.tail_ms_max > standing.tail_ms_max)
    table: list[int] = []
    for fate, usual in zip(fates_of(weather), fates_of(standing), strict=True):
        if fate == LOST:
            table.append(LOST if usual == LOST else GONE)
        else:
            worse = fate & MARKS & (longer | ~usual)
            table.append(fate | worse >> DELAY_BITS << WORSE_BITS)
    return tuple(table)


def _struck(name: str, share_ppm: int) -> list[bool]:
    """Return for each place whether it is among that share of all, exactly, but one at least."""
    if not share_ppm:
        return [False] * FATES  # in the same order or another
    count = max(1, share_ppm * FATES // PPM)
    return [number < count for number in _order(name)]


@lru_cache
def _order(name: str) -> "array[int]":
    """Return 0..FATES-1 in an order that follows from a name."""
    draws = unpack(f">{FATES}I", shake_128(name.encode()).digest(4 * FATES))
    heights = [float(draw) for draw in draws]  # which are sorted in half the time
    order = [0] * FATES
    for number, place in enumerate(sorted(range(FATES), key=heights.__getitem__)):
        order[place] = number
    return array("H", order)
