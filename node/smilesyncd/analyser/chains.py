"""The longest alternating chain of luminance transitions, in every window of time at once.

For every window it finds the longest chain that any choice of samples in the window contains, which
is what any way of counting could at most count, from whichever sample it starts and in whichever
direction: a recount afresh in every window, from both directions, without the cost of one.

A chain is followed as "the latest sample it may have begun at": for each number of steps and each
direction the counter keeps the samples that a longer chain could still leave from, sorted by
luminance, later beginnings above earlier ones. A sample then costs a few binary searches however
long the window is.
"""

from bisect import bisect_left, bisect_right

STRICT_STEP = 0.10
STRICT_RATIO = 18 / 16
"""(hi - lo) / (hi + lo) >= 1/17, as hi / lo."""

WCAG_STEP = 0.10
WCAG_DARK = 0.80
ROUNDING = 1e-9


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


def longest_since(begins: list[int | None], since_ns: int) -> int:
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
