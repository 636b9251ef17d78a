"""The fault-tolerant midpoint of clock readings that come with error bounds.

Lundelius and Lynch 1984: drop the f lowest and f highest readings, take the middle of the rest.
The bound of the result comes from the ends of the readings' intervals, dropped in the same way.
SPEC section Clock (CLK-015).
"""


class Reading:
    """How far another clock is ahead of ours. Units: us; the truth is within `error_us`.

    Of a voter also what it said of itself, and since when its clock has not been seen to step.
    """

    __slots__ = ("error_us", "is_synced", "offset_us", "steady_us")

    def __init__(
        self, offset_us: int, error_us: int, is_synced: bool = False, steady_us: int = 0
    ) -> None:
        self.offset_us = offset_us
        self.error_us = error_us
        self.is_synced = is_synced
        self.steady_us = steady_us


def midpoint(readings: list[Reading], faults: int) -> Reading:
    """Return the middle of what remains after the `faults` lowest and highest are dropped.

    Shapes:  any order; at least 2 x `faults` + 1 readings.
    Units:   us; the middle is rounded down.
    Errors:  none. With at most `faults` lying readings the result lies between honest ones,
             and the bound reaches from it to ends of honest intervals, whatever the liars say.
    """
    assert 0 <= 2 * faults < len(readings)
    offsets_us = sorted([reading.offset_us for reading in readings])
    middle_us = (offsets_us[faults] + offsets_us[-1 - faults]) // 2
    low_us = sorted([reading.offset_us - reading.error_us for reading in readings])[faults]
    high_us = sorted([reading.offset_us + reading.error_us for reading in readings])[-1 - faults]
    return Reading(middle_us, max(high_us - middle_us, middle_us - low_us))


def high_offset_us(readings: list[Reading], faults: int) -> int:
    """Return the (f+1)-th highest offset: at least one honest clock is that far ahead or more."""
    assert 0 <= faults < len(readings)
    return sorted([reading.offset_us for reading in readings])[-1 - faults]


def tightest(readings: list[Reading], count: int) -> Reading | None:
    """Return the middle of the `count` readings that lie closest together, None if too few.

    `error_us` of the result is half their spread, rounded up. Among equals the lowest group wins.
    """
    assert count >= 1
    offsets_us = sorted([reading.offset_us for reading in readings])
    best: Reading | None = None
    for low_us, high_us in zip(offsets_us, offsets_us[count - 1 :], strict=False):
        middle_us = (low_us + high_us) // 2
        if best is None or high_us - middle_us < best.error_us:
            best = Reading(middle_us, high_us - middle_us)
    return best
