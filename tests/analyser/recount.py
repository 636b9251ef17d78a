"""Transitions counted the literal way: afresh in every window, from both directions.

Slow and plain. The fast judge is held against it, and it against every chain there is.
"""

from collections.abc import Sequence

Rgb = tuple[float, float, float]
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


def longest_red_chain(samples: Sequence[tuple[int, Rgb]], window_ns: int = 1_000_000_000) -> int:
    """Return the most steps between saturated red and else, one after the other, in any window."""
    worst = 0
    for place, (begin_ns, _) in enumerate(samples):
        lights = [light for time_ns, light in samples[place:] if time_ns <= begin_ns + window_ns]
        most = [0]
        for later in range(1, len(lights)):
            steps = [i for i in range(later) if _is_red_step(lights[i], lights[later])]
            most.append(max([most[-1], *(most[i] + 1 for i in steps)]))
        worst = max(worst, most[-1])
    return worst


def _is_red_step(first: Rgb, second: Rgb) -> bool:
    """WCAG 2.2: one of two states is saturated red, and they are more than 0.2 apart in u'v'."""
    reds = [sum(light) > 0 and light[0] >= 0.8 * sum(light) for light in (first, second)]
    (u1, v1), (u2, v2) = (_uv(light) for light in (first, second))
    return reds[0] != reds[1] and (u1 - u2) ** 2 + (v1 - v2) ** 2 > 0.04


def _uv(light: Rgb) -> tuple[float, float]:
    red, green, blue = light if any(light) else (1.0, 1.0, 1.0)
    x = 0.4124 * red + 0.3576 * green + 0.1805 * blue
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = 0.0193 * red + 0.1192 * green + 0.9505 * blue
    return 4 * x / (x + 15 * y + 3 * z), 9 * y / (x + 15 * y + 3 * z)


def busiest_ns(samples: Sequence[Sample], grain_ns: int = 10_000_000) -> int:
    """Return the most time in any five seconds in which the last second held four transitions.

    Looks at every instant of a grid; samples must lie on it.
    """
    return max(_busiest_from(samples, grain_ns, is_rising=way) for way in (False, True))


def _busiest_from(samples: Sequence[Sample], grain_ns: int, *, is_rising: bool) -> int:
    turns_ns: list[int] = []
    extremum = samples[0][1]
    for time_ns, value in samples:
        step = extremum - value if is_rising else value - extremum
        if step <= 0:
            extremum = value
        elif step >= 0.10 and min(extremum, value) < 0.80:
            turns_ns.append(time_ns)
            extremum, is_rising = value, not is_rising
    end_ns = samples[-1][0] + 1_000_000_000
    grid_ns = range(samples[0][0], end_ns, grain_ns)
    busy = [
        sum(1 for turn_ns in turns_ns if at_ns - 1_000_000_000 < turn_ns <= at_ns) >= 4
        for at_ns in grid_ns
    ]
    width = 5_000_000_000 // grain_ns
    return max(sum(busy[at : at + width]) for at in range(len(busy))) * grain_ns
