"""Flashes that luminance in one second does not tell: saturated red, and flashing that lasts.

Source: WCAG 2.2, red flash threshold; ITU-R BT.1702 and the tests of broadcasters for the second.
"""

from collections import deque

from smilesyncd.analyser.chains import WCAG_DARK, WCAG_STEP

Rgb = tuple[float, float, float]

SECOND_NS = 1_000_000_000

RED_SATURATED = 0.80
RED_DISTANCE = 0.2

BUSY_TRANSITIONS = 4
"""Two flashes in the last second: allowed for a while, not for long."""

BUSY_WINDOW_NS = 5 * SECOND_NS
BUSY_NS_MAX = 4 * SECOND_NS


class RedCounter:
    """Opposing transitions to or from saturated red, as WCAG 2.2 defines a red flash.

    A step between two states of which one is saturated red, and which are more than 0.2 apart in
    CIE 1976 u'v', is a transition. Any state shown since the last one ended may be its beginning,
    if it was still shown within the second: the most that anybody could count. Red that came back
    through shades too close to count may leave once more, which is on the safe side.
    """

    __slots__ = ("_recent", "_times_ns")

    def __init__(self) -> None:
        self._recent: deque[tuple[int, Rgb, bool]] = deque()
        self._times_ns: list[int] = []

    def add(self, time_ns: int, light: Rgb) -> int:
        """Take one frame; return the transitions in the second that ends with it."""
        recent = self._recent
        if recent:
            recent[-1] = (time_ns, *recent[-1][1:])  # it was shown until now
        while recent and recent[0][0] < time_ns - SECOND_NS:
            recent.popleft()
        is_red = is_saturated_red(light)
        if any(
            was_red != is_red and chroma_distance(before, light) > RED_DISTANCE
            for _, before, was_red in recent
        ):
            self._times_ns.append(time_ns)
            recent.clear()
        recent.append((time_ns, light, is_red))
        self._times_ns = [at_ns for at_ns in self._times_ns if at_ns >= time_ns - SECOND_NS]
        return len(self._times_ns)


class ExtendedCounter:
    """For how long light flashes at a rate that would do no harm if it stopped soon.

    An instant is *busy* if the second before it holds four transitions of a tenth of full scale
    from or to something darker than 0.80. Counted greedily, once for each direction to begin in.
    """

    __slots__ = ("_busy", "_extremes", "_times_ns")

    def __init__(self) -> None:
        self._extremes: list[float] = []
        self._times_ns: tuple[list[int], list[int]] = ([], [])
        self._busy: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])

    def add(self, time_ns: int, luminance: float) -> int:
        """Take one sample; return the most busy time, in ns, of any five seconds so far known."""
        if not self._extremes:
            self._extremes = [luminance, luminance]
        return max(self._follow(way, time_ns, luminance) for way in (0, 1))

    def _follow(self, way: int, time_ns: int, luminance: float) -> int:
        times_ns, extreme = self._times_ns[way], self._extremes[way]
        is_rising = (len(times_ns) + way) % 2 == 0
        change = extreme - luminance if is_rising else luminance - extreme
        if change <= 0:
            self._extremes[way] = luminance
            return 0
        if change < WCAG_STEP or min(extreme, luminance) >= WCAG_DARK:
            return 0
        self._extremes[way] = luminance
        times_ns.append(time_ns)
        if len(times_ns) < BUSY_TRANSITIONS:
            return 0
        until_ns = times_ns[-BUSY_TRANSITIONS] + SECOND_NS
        return self._mark(self._busy[way], time_ns, until_ns) if time_ns <= until_ns else 0

    def _mark(self, busy: list[tuple[int, int]], begin_ns: int, until_ns: int) -> int:
        """Add a busy stretch; stretches overlap and grow, so only their union is kept."""
        if busy and begin_ns <= busy[-1][1]:
            busy[-1] = busy[-1][0], max(busy[-1][1], until_ns)
        else:
            busy.append((begin_ns, until_ns))
        since_ns = busy[-1][1] - BUSY_WINDOW_NS
        while busy[0][1] < since_ns:
            del busy[0]
        return sum(end_ns - max(start_ns, since_ns) for start_ns, end_ns in busy)


def is_saturated_red(light: Rgb) -> bool:
    """Say whether red is at least 0.8 of the sum of the channels."""
    total = sum(light)
    return total > 0 and light[0] / total >= RED_SATURATED


def chroma_distance(first: Rgb, second: Rgb) -> float:
    """Return the distance of two colours in CIE 1976 u'v'; black stands at white's place."""
    u1, v1 = _chromaticity(first)
    u2, v2 = _chromaticity(second)
    return float(((u1 - u2) ** 2 + (v1 - v2) ** 2) ** 0.5)


def _chromaticity(light: Rgb) -> tuple[float, float]:
    red, green, blue = light if sum(light) > 0 else (1.0, 1.0, 1.0)
    x = 0.4124 * red + 0.3576 * green + 0.1805 * blue
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = 0.0193 * red + 0.1192 * green + 0.9505 * blue
    whole = x + 15 * y + 3 * z
    return 4 * x / whole, 9 * y / whole
