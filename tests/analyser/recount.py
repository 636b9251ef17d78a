"""Strict transitions counted the literal way: afresh in every window, from both directions.

Slow and plain. The fast judge is held against it, and it against every chain there is.
"""

from collections.abc import Sequence

Sample = tuple[int, float]
"""Time in ns and luminance."""


def is_strict(first: float, second: float, floor: float = 0.002) -> bool:
    """SPEC GOV-017: a tenth of full scale, or a visible ratio of 18 to 16."""
    high, low = max(first, second), min(first, second)
    if high - low >= 0.10:
        return True
    return high >= floor and high > 0 and 16 * high >= 18 * low


def greedy_count(values: Sequence[float], *, is_rising: bool, floor: float = 0.002) -> int:
    """Count turns with one tracker that starts at the first value in the given direction."""
    count, extremum = 0, values[0]
    for value in values[1:]:
        is_against = value < extremum if is_rising else value > extremum
        if is_against and is_strict(value, extremum, floor):
            is_rising = not is_rising
            extremum = value
            count += 1
        elif not is_against:
            extremum = value
    return count


def longest_chain(values: Sequence[float], floor: float = 0.002) -> int:
    """Return the longest alternating chain of strict steps among all choices of values."""
    ups, downs = [0] * len(values), [0] * len(values)
    for later, value in enumerate(values):
        for earlier in range(later):
            if not is_strict(values[earlier], value, floor):
                continue
            if values[earlier] < value:
                ups[later] = max(ups[later], downs[earlier] + 1)
            else:
                downs[later] = max(downs[later], ups[earlier] + 1)
    return max([0, *ups, *downs])


def worst_window(samples: Sequence[Sample], window_ns: int, floor: float = 0.002) -> int:
    """Return the most transitions that a fresh count finds in any window."""
    worst = 0
    for place, (begin_ns, _) in enumerate(samples):
        values = [luma for time_ns, luma in samples[place:] if time_ns <= begin_ns + window_ns]
        for is_rising in (False, True):
            worst = max(worst, greedy_count(values, is_rising=is_rising, floor=floor))
    return worst
