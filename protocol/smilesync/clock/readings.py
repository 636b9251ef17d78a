"""What one voter's clock told us of late: a window of readings, and the one to believe.

Readings over a loaded radio are mostly wrong in one direction and by much; those with the
shortest round trip are right. So the quarter with the smallest error bounds is kept and its
median taken. The bound grows with age, which makes one order of both: a reading's rank does not
change as time passes, and is computed once. SPEC section Clock (CLK-010 to CLK-014).
"""

from array import array

from smilesync.clock.midpoint import Reading
from smilesync.config import ClockConfig

_PPM = 1_000_000
DELAY_PART = 16
"""A delay is forgotten by this part with each reading: half of it in 11 s."""
_NO_TIME_US = -(2**62)

_NO_SAMPLE = -1
_SIZE = 3
_TAKEN, _LEAD = 1, 2
"""Where in a sample these are; the rank is its first number."""


class Window:
    """The readings of one voter's clock against the own local clock.

    A sample is (rank, taken at, lead): lead is circle time there minus local time here, in us;
    rank is a million times the error bound extrapolated back to local time zero. They lie one
    after the other in one array, a tenth of the memory of as many tuples. `_best` is the place in
    it of the sample with the lowest rank.
    """

    __slots__ = (
        "_best",
        "_config",
        "_samples",
        "counted_us",
        "delay_us",
        "has_fallen",
        "is_synced",
        "sent_us",
        "spoke_us",
        "steady_us",
    )

    def __init__(self, config: ClockConfig) -> None:
        self._config = config
        self._samples = array("q")
        self._best = _NO_SAMPLE
        self.delay_us = 0
        """One-way delay: the longest of late, forgotten slowly."""
        self.is_synced = False
        """What the voter last said of itself."""
        self.has_fallen = False
        """It said so of itself before, and does no more."""
        self.counted_us = _NO_TIME_US
        """Latest local time that the readings which let us be SYNCED can speak for."""
        self.sent_us = _NO_TIME_US
        """The same for the last reading of any kind."""
        self.spoke_us = _NO_TIME_US
        """The same for the newest of all readings: they may arrive in another order."""
        self.steady_us = _NO_TIME_US
        """Since when it was heard, over one link and without a long gap, not to step beyond g."""

    def unsettle(self, now_us: int) -> None:
        """Count the voter's clock as steady from now on only: a new link may mean a restart."""
        self.steady_us = now_us

    def add(self, lead_us: int, error_us: int, now_us: int) -> None:
        """Take a reading. One that contradicts the best held so far shows a step over there."""
        if now_us - self.sent_us > self._config.gap_us:
            self.steady_us = now_us
        growth_ppm = self._config.reading_growth_ppm
        rank = error_us * _PPM - now_us * growth_ppm
        samples, best = self._samples, self._best
        if best != _NO_SAMPLE:
            bounds = rank + samples[best] + 2 * now_us * growth_ppm
            step_us = abs(lead_us - samples[best + _LEAD])
            if step_us * _PPM > bounds:
                self._forget(len(samples) // _SIZE)
                if step_us > self._config.guard_us:
                    self.steady_us = now_us
            elif len(samples) >= _SIZE * self._config.window_count:
                self._forget(1)
        samples, best = self._samples, self._best
        if best == _NO_SAMPLE or rank < samples[best]:
            self._best = len(samples)
        samples.extend((rank, now_us, lead_us))

    def took(self, delay_us: int) -> None:
        """Note how long a message of this voter took, one way."""
        faded_us = self.delay_us - self.delay_us // DELAY_PART
        self.delay_us = delay_us if delay_us > faded_us else faded_us

    def has_since(self, since_us: int, count: int) -> bool:
        """Are that many readings newer? They lie in the order in which they came."""
        samples = self._samples
        return len(samples) >= _SIZE * count and samples[_TAKEN - _SIZE * count] > since_us

    def read(self, now_us: int, circle_us: int) -> Reading | None:
        """Return how far the voter is ahead of `circle_us`; None if unheard for too long."""
        samples = self._samples
        oldest_us = now_us - self._config.reading_age_us
        taken = _TAKEN
        while taken < len(samples) and samples[taken] < oldest_us:
            taken += _SIZE
        if taken > _TAKEN:
            self._forget(taken // _SIZE)
            samples = self._samples
        if not samples:
            return None
        count = (len(samples) // _SIZE + 3) // 4
        if count == 1:
            worst_rank, lead_us = samples[self._best], samples[self._best + _LEAD]
        else:
            ranks = samples[::_SIZE]
            best = sorted(range(len(ranks)), key=ranks.__getitem__)[:count]
            worst_rank = ranks[best[-1]]
            leads_us = sorted([samples[_SIZE * place + _LEAD] for place in best])
            lead_us = (leads_us[(count - 1) // 2] + leads_us[count // 2]) // 2
        error_us = -(-(worst_rank + now_us * self._config.reading_growth_ppm) // _PPM)
        return Reading(lead_us + now_us - circle_us, error_us)

    def _forget(self, count: int) -> None:
        """Let go of the oldest samples, and of their memory: an array that shrinks keeps it."""
        self._samples = self._samples[_SIZE * count :]
        self._best -= _SIZE * count
        if self._best < 0:
            ranks = self._samples[::_SIZE]
            self._best = _SIZE * ranks.index(min(ranks)) if ranks else _NO_SAMPLE
