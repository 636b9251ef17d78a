"""Counts turning points of one brightness over time, and says whether another one is allowed now.

One tracker watches the luminance that one observer sees of one pixel, or of the mean of all. It
holds a direction, the extremum reached in that direction, and the times at which the last six runs
last moved. A value strictly beyond the extremum against the direction *confirms* a new run; a value
beyond it along the direction *extends* the newest one.

A run counts as long as its last extension lies in the window, not its confirmation: a run confirmed
before a window may still move inside it, and counting by confirmation lets 3 transitions into one
second and 7 into five. Source: SPEC section Governor, GOV-008 and GOV-009.
"""

STEP_MIN = 0.0999
"""A change of luminance this large is strict whatever the level; WCAG says 0.10."""

RATIO_UP = 18.01 / 16.01
"""(hi - lo) / (hi + lo) >= 1/17.01, solved for hi / lo; the public threshold is 1/17."""

RATIO_DOWN = 16.01 / 18.01

LUMINANCE_FLOOR_MAX = 0.002
VISIBLE_CD_M2 = 20.0

RUNS_KEPT = 6
WINDOW_SHORT_NS = 1_000_000_000
WINDOW_LONG_NS = 5_000_000_000


def luminance_floor(peak_cd_m2: float | None) -> float:
    """Return the luminance below which only a step of STEP_MIN is strict.

    Units:   of full white, whose luminance is `peak_cd_m2`; None when nobody measured it.
    """
    if peak_cd_m2 is None:
        return LUMINANCE_FLOOR_MAX
    return min(LUMINANCE_FLOOR_MAX, VISIBLE_CD_M2 / peak_cd_m2)


class Tracker:
    """One direction, one extremum, six times. Starts dark and with its budget spent (GOV-011)."""

    __slots__ = ("_bound", "_extremum", "_floor", "_is_rising", "_last_ns")

    def __init__(self, floor: float, now_ns: int) -> None:
        self._floor = floor
        self._is_rising = False
        self._extremum = 0.0
        self._bound = self._next_bound()
        self._last_ns = [now_ns] * RUNS_KEPT

    def would_confirm(self, luminance: float) -> bool:
        """Say whether showing `luminance` would begin a new run."""
        if self._is_rising:
            return luminance <= self._bound
        return luminance >= self._bound

    def is_permitted(self, now_ns: int, jitter_ns: int) -> bool:
        """Say whether a run may begin now: at most 1 run moved in the last second, 5 in five.

        Units:   `jitter_ns` widens both windows by what emission may shift a frame.
        """
        last_ns = self._last_ns
        reach_ns = now_ns - jitter_ns
        return last_ns[-2] < reach_ns - WINDOW_SHORT_NS and last_ns[0] < reach_ns - WINDOW_LONG_NS

    def opposes(self, before: float, after: float) -> bool:
        """Say whether a change from `before` to `after` runs against the direction."""
        return after < before if self._is_rising else after > before

    def observe(self, luminance: float, now_ns: int) -> None:
        """Take what was shown at `now_ns` into account: confirm, extend, or neither."""
        if self.would_confirm(luminance):
            self._is_rising = not self._is_rising
            del self._last_ns[0]
            self._last_ns.append(now_ns)
        elif self.opposes(luminance, self._extremum):
            self._last_ns[-1] = now_ns
        else:
            return
        self._extremum = luminance
        self._bound = self._next_bound()

    def _next_bound(self) -> float:
        """Return the luminance from which on a value against the direction is strictly beyond."""
        extremum = self._extremum
        if not self._is_rising:
            return min(extremum + STEP_MIN, max(self._floor, extremum * RATIO_UP))
        if extremum < self._floor:
            return extremum - STEP_MIN
        return max(extremum - STEP_MIN, extremum * RATIO_DOWN)
