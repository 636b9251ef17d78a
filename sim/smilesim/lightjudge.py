"""Judges what one pixel emitted, without knowing how it was made.

Written apart from the governor and sharing no code with it: a fault in the one must not hide in the
other. For every window of 1 s and of 5 s it finds the longest alternating chain of strict luminance
transitions that any choice of samples in the window contains, which is what any way of counting
could at most count, from whichever sample it starts and in whichever direction. It also judges
saturated red, the luminance and channel limits, the slew, and general and red flashes as WCAG 2.2
defines them (without its exemption for small areas).

A chain is followed as "the latest sample it may have begun at": for each number of steps and each
direction the judge keeps the samples that a longer chain could still leave from, sorted by
luminance, later beginnings above earlier ones. A sample then costs a few binary searches however
long the window is.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

Rgb = tuple[float, float, float]

SECOND_NS = 1_000_000_000
WINDOWS_NS = (SECOND_NS, 5 * SECOND_NS)

STRICT_STEP = 0.10
STRICT_RATIO = 18 / 16
"""(hi - lo) / (hi + lo) >= 1/17, as hi / lo."""

WCAG_STEP = 0.10
WCAG_DARK = 0.80
WCAG_TRANSITIONS_MAX = 6
"""Three flashes of two opposing transitions in any one second."""

RED_SATURATED = 0.80
RED_DISTANCE = 0.2

FALL_PER_S = 2.0
"""A forced fall takes full light to black in half a second or longer."""

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Limits:
    """What a trace may contain. Units: luminance and channels of full scale, slew per second.

    `short` and `long` bound the strict transitions in any 1 s and 5 s; a trace with a forced fall
    or a loss of power may have one more (`with_fall`). `lsb` is one code of the sink, `slew_lsb`
    what quantisation may add to a step. `fall_per_s` bounds how fast light may go down. A late
    frame may move no further than one of `frame_s_max`.
    """

    short: int = 2
    long: int = 6
    floor: float = 0.002
    luminance_max: float = 0.6
    channel_max: float = 1.0
    slew_per_s: float | None = 0.5
    fall_per_s: float | None = 0.5
    frame_s_max: float = 1 / 30
    slew_lsb: float = 6.0
    lsb: float = 1 / 255

    def with_fall(self) -> "Limits":
        """Return the limits for a trace that may hold forced falls and losses of power."""
        fall_per_s = None if self.fall_per_s is None else FALL_PER_S
        return replace(self, short=self.short + 1, long=self.long + 1, fall_per_s=fall_per_s)


@dataclass(frozen=True, slots=True)
class Violation:
    """One limit broken at one time: which, by how much, and what was allowed."""

    time_ns: int
    limit: str
    found: float
    allowed: float


class Frontier:
    """Samples a chain may continue from, by luminance; later beginnings lie further inward.

    `sign` +1 for steps that go up from here, -1 for steps that go down. Entries are kept sorted by
    signed luminance, with strictly growing beginnings; an entry that is both further out and begins
    no later than another can never be the better one and is dropped.
    """

    __slots__ = ("_begins", "_levels", "_sign")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._levels: list[float] = []
        self._begins: list[int] = []

    def add(self, luminance: float, begin_ns: int) -> None:
        """Offer a sample at which a chain that began at `begin_ns` ends."""
        level = luminance * self._sign
        levels, begins = self._levels, self._begins
        place = bisect_right(levels, level)
        if place and begins[place - 1] >= begin_ns:
            return
        if place and levels[place - 1] == level:
            place -= 1
        until = place
        while until < len(levels) and begins[until] <= begin_ns:
            until += 1
        levels[place:until] = [level]
        begins[place:until] = [begin_ns]

    def latest(self, bound: float) -> int | None:
        """Return the latest beginning among samples that a step to `bound` may leave from."""
        place = bisect_right(self._levels, bound * self._sign)
        return self._begins[place - 1] if place else None

    def forget_before(self, time_ns: int) -> None:
        """Drop what began too early for any window that is still open."""
        begins = self._begins
        if begins and begins[0] < time_ns:
            count = bisect_left(begins, time_ns)
            del begins[:count], self._levels[:count]


class ChainCounter:
    """The longest alternating chains of one kind of transition, in every window at once."""

    __slots__ = ("_depth", "_downs", "_floor", "_horizon_ns", "_is_wcag", "_tail_ns", "_ups")

    def __init__(self, depth: int, horizon_ns: int, *, floor: float, is_wcag: bool) -> None:
        self._depth = depth
        self._horizon_ns = horizon_ns
        self._floor = floor
        self._is_wcag = is_wcag
        # _ups[k]: ends of chains of k steps from which an up-step may leave; _downs likewise.
        self._ups = [Frontier(1) for _ in range(depth)]
        self._downs = [Frontier(-1) for _ in range(depth)]

    def add(self, time_ns: int, luminance: float) -> list[int | None]:
        """Take a sample; return for 1, 2, ... steps the latest beginning of a chain ending here."""
        oldest_ns = time_ns - self._horizon_ns
        low = self._low_bound(luminance)
        high = self._high_bound(luminance)
        found: list[int | None] = []
        arrivals: list[tuple[int | None, int | None]] = [(time_ns, time_ns)]
        for ups, downs in zip(self._ups, self._downs, strict=True):
            ups.forget_before(oldest_ns)
            downs.forget_before(oldest_ns)
            risen = None if low is None else ups.latest(low)
            fallen = None if high is None else downs.latest(high)
            found.append(_later(risen, fallen))
            arrivals.append((risen, fallen))
            if risen is None and fallen is None:
                break
        for steps in range(min(len(arrivals), self._depth)):
            risen, fallen = arrivals[steps]
            if risen is not None:
                self._downs[steps].add(luminance, risen)
            if fallen is not None:
                self._ups[steps].add(luminance, fallen)
        return found

    def _low_bound(self, luminance: float) -> float | None:
        """Return the luminance from which a step up to here is a transition, or from below it."""
        if self._is_wcag:
            return min(luminance - WCAG_STEP, WCAG_DARK - ROUNDING)
        by_step = luminance - STRICT_STEP
        if luminance < self._floor:
            return by_step if by_step >= 0 else None
        return max(by_step, luminance / STRICT_RATIO)

    def _high_bound(self, luminance: float) -> float | None:
        """Return the luminance from which a step down to here is a transition, or from above."""
        if self._is_wcag:
            return luminance + WCAG_STEP if luminance < WCAG_DARK else None
        return min(luminance + STRICT_STEP, max(self._floor, luminance * STRICT_RATIO))


class LightJudge:
    """Judges one pixel's trace sample by sample. Feed linear light in the order of time."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        limits = self._limits
        self._strict = ChainCounter(
            limits.long + 1, WINDOWS_NS[1], floor=limits.floor, is_wcag=False
        )
        self._wcag = ChainCounter(WCAG_TRANSITIONS_MAX + 1, WINDOWS_NS[0], floor=0.0, is_wcag=True)
        self._red = RedCounter()
        self._before: tuple[int, Rgb] | None = None
        self._is_held = False
        self._violations: list[Violation] = []
        self.worst = [0, 0]
        """Most strict transitions found in any 1 s and in any 5 s, up to one beyond the limit."""

    def add(self, time_ns: int, light: Rgb) -> list[Violation]:
        """Take one emitted frame; return the limits it breaks."""
        if self._before is not None and self._before[1] == light:
            # An unchanged frame only lets chains begin later; it breaks nothing by itself.
            self._before = (time_ns, light)
            self._is_held = True
            return []
        self._release()
        luminance = luminance_of(light)
        first = len(self._violations)
        self._judge_gamut(time_ns, light, luminance)
        self._judge_slew(time_ns, light)
        self._judge_counts(time_ns, luminance)
        flashes = self._red.add(time_ns, light)
        if flashes > WCAG_TRANSITIONS_MAX:
            self._break(time_ns, "wcag-red-1s", flashes, WCAG_TRANSITIONS_MAX)
        self._before = (time_ns, light)
        return self._violations[first:]

    def lost_power(self, time_ns: int) -> list[Violation]:
        """Say that the light went out by itself: no slew is judged, the transition is counted."""
        self._release()
        self._before = None
        return self.add(time_ns, (0.0, 0.0, 0.0))

    def finish(self) -> tuple[Violation, ...]:
        """Return every violation of the trace."""
        return tuple(self._violations)

    def _release(self) -> None:
        """Let chains begin at the last of the unchanged frames: the latest is as good as all."""
        if self._is_held and self._before is not None:
            time_ns, light = self._before
            self._strict.add(time_ns, luminance_of(light))
            self._wcag.add(time_ns, luminance_of(light))
        self._is_held = False

    def _judge_gamut(self, time_ns: int, light: Rgb, luminance: float) -> None:
        limits = self._limits
        red, green, blue = light
        if red > 3 * (green + blue) + ROUNDING:
            self._break(time_ns, "red-share", red / (red + green + blue), 0.75)
        if luminance > limits.luminance_max + ROUNDING:
            self._break(time_ns, "luminance", luminance, limits.luminance_max)
        if max(light) > limits.channel_max + ROUNDING:
            self._break(time_ns, "channel", max(light), limits.channel_max)
        if min(light) < 0:
            self._break(time_ns, "negative", min(light), 0.0)

    def _judge_slew(self, time_ns: int, light: Rgb) -> None:
        if self._before is None:
            return
        limits = self._limits
        before_ns, before = self._before
        seconds = min((time_ns - before_ns) / SECOND_NS, limits.frame_s_max)
        slack = limits.slew_lsb * limits.lsb + ROUNDING
        for was, is_now in zip(before, light, strict=True):
            rate = limits.slew_per_s if is_now > was else limits.fall_per_s
            if rate is not None and abs(is_now - was) > rate * seconds + slack:
                self._break(time_ns, "slew", abs(is_now - was), rate * seconds + slack)

    def _judge_counts(self, time_ns: int, luminance: float) -> None:
        limits = self._limits
        begins = self._strict.add(time_ns, luminance)
        allowed = (limits.short, limits.long)
        for place, (window_ns, most) in enumerate(zip(WINDOWS_NS, allowed, strict=True)):
            count = _longest(begins, time_ns - window_ns)
            self.worst[place] = max(self.worst[place], count)
            if count > most:
                self._break(time_ns, ("strict-1s", "strict-5s")[place], count, most)
        count = _longest(self._wcag.add(time_ns, luminance), time_ns - WINDOWS_NS[0])
        if count > WCAG_TRANSITIONS_MAX:
            self._break(time_ns, "wcag-general-1s", count, WCAG_TRANSITIONS_MAX)

    def _break(self, time_ns: int, limit: str, found: float, allowed: float) -> None:
        self._violations.append(Violation(time_ns, limit, found, allowed))


class RedCounter:
    """Opposing transitions to or from saturated red, as WCAG 2.2 defines a red flash.

    Counts greedily: a step to or from saturated red that moves more than 0.2 in CIE 1976 u'v'
    is a transition; its end is where the next one is measured from.
    """

    __slots__ = ("_anchor", "_times_ns")

    def __init__(self) -> None:
        self._anchor: Rgb | None = None
        self._times_ns: list[int] = []

    def add(self, time_ns: int, light: Rgb) -> int:
        """Take one frame; return the transitions in the second that ends with it."""
        anchor = self._anchor
        if anchor is None:
            self._anchor = light
            return 0
        if is_saturated_red(anchor) != is_saturated_red(light):
            if chroma_distance(anchor, light) > RED_DISTANCE:
                self._times_ns.append(time_ns)
            self._anchor = light
        self._times_ns = [at_ns for at_ns in self._times_ns if at_ns >= time_ns - SECOND_NS]
        return len(self._times_ns)


def luminance_of(light: Rgb) -> float:
    """Return the relative luminance of linear light (ITU-R BT.709)."""
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


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


def _longest(begins: list[int | None], since_ns: int) -> int:
    """Return the most steps of a chain that began no earlier than `since_ns`."""
    count = 0
    for steps, begin_ns in enumerate(begins, start=1):
        if begin_ns is not None and begin_ns >= since_ns:
            count = steps
    return count


def _later(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return max(first, second)
