"""What one voter's clock told us of late: a window of readings, and the one to believe.

Readings over a loaded radio are mostly wrong in one direction and by much; those with the
shortest round trip are right. So the quarter with the smallest error bounds is kept and its
median taken. The bound grows with age, which makes one order of both: a reading's rank does not
change as time passes, and is computed once. SPEC section Clock (CLK-010 to CLK-014).
"""

from struct import Struct, unpack

from smilesync.clock.midpoint import Reading
from smilesync.config import ClockConfig
from smilesync.ids import PeerId

_PPM = 1_000_000
DELAY_PART = 16
"""A delay is forgotten by this part with each reading: half of it in 11 s."""
_NO_TIME_US = -(2**62)

_SIZE = 16
_TAKEN = 8
_LEAD = 12
"""Bytes of a packed sample, and where in it these begin; it begins with the rank."""
_pack = Struct("<qii").pack
_unpack_all = Struct("<qii").iter_unpack
_number = Struct("<i").unpack_from
_FAR_US = 2**31
"""What is so far from the first sample, in time or in lead, needs another to be told from."""
_NO_RANK = 2**61
"""Behind every sample."""


class Window:
    """The readings of one voter's clock against the own local clock.

    A sample is (rank, taken at, lead), in us: lead is circle time there minus local time here; rank
    is a million times the error bound, extrapolated back to `_since_us`, from which on taken counts
    as well, and lead from `_base_us`. Samples lie packed one after the other, as they came: a tenth
    of the memory of tuples. The best two, those with the lowest rank, are kept beside them: mostly
    they are the quarter.
    """

    __slots__ = (
        "_base_us",
        "_config",
        "_lead_us",
        "_rank",
        "_samples",
        "_second_lead_us",
        "_second_rank",
        "_since_us",
        "counted_us",
        "delay_us",
        "has_fallen",
        "is_synced",
        "sent_us",
        "spoke_us",
        "steady_us",
        "voter",
    )

    def __init__(self, config: ClockConfig, voter: PeerId) -> None:
        # What a message looks at comes first, then what a correction does.
        self.is_synced = False
        """What the voter last said of itself."""
        self.has_fallen = False
        """It said so of itself before, and does no more."""
        self.sent_us = _NO_TIME_US
        """Latest local time that the last reading can speak for."""
        self._samples = b""
        self._rank = self._second_rank = _NO_RANK
        self._lead_us = self._second_lead_us = 0
        self._since_us = self._base_us = 0
        self._config = config
        self.steady_us = _NO_TIME_US
        """Since when it was heard, over one link and without a long gap, not to step beyond g."""
        self.counted_us = _NO_TIME_US
        """Latest local time that the readings which let us be SYNCED can speak for."""
        self.spoke_us = _NO_TIME_US
        """The same for the newest of all readings: they may arrive in another order."""
        self.delay_us = 0
        """One-way delay: the longest of late, forgotten slowly."""
        self.voter = voter

    def says(self, *, is_synced: bool) -> bool:
        """Note what the voter says of itself; returns whether that is news."""
        if is_synced == self.is_synced:
            return False
        self.has_fallen = self.is_synced
        self.is_synced = is_synced
        return True

    def unsettle(self, now_us: int) -> None:
        """Count the voter's clock as steady from now on only: a new link may mean a restart."""
        self.steady_us = now_us

    def add(self, lead_us: int, error_us: int, now_us: int) -> None:
        """Take a reading. One that contradicts the best held so far shows a step over there."""
        config, size = self._config, len(self._samples)
        if now_us - self.sent_us > config.gap_us:
            self.steady_us = now_us
        if size > 0:
            growth = (now_us - self._since_us) * config.reading_growth_ppm
            step_us = lead_us - self._lead_us
            if step_us < 0:
                step_us = -step_us
            if step_us * _PPM > error_us * _PPM + self._rank + growth:
                self._forget(size)
                if step_us > config.guard_us:
                    self.steady_us = now_us
            elif size >= _SIZE * config.window_count:
                self._forget(_SIZE)
        taken_us, offset_us = now_us - self._since_us, lead_us - self._base_us
        if not self._samples or not (_is_near(taken_us) and _is_near(offset_us)):
            self._tell_from(now_us, lead_us)
            taken_us = offset_us = 0
        rank = error_us * _PPM - taken_us * config.reading_growth_ppm
        self._samples = self._samples + _pack(rank, taken_us, offset_us)
        if rank < self._rank:
            self._second_rank, self._second_lead_us = self._rank, self._lead_us
            self._rank, self._lead_us = rank, lead_us
        elif rank < self._second_rank:
            self._second_rank, self._second_lead_us = rank, lead_us

    def took(self, delay_us: int) -> None:
        """Note how long a message of this voter took, one way."""
        faded_us = self.delay_us - self.delay_us // DELAY_PART
        self.delay_us = delay_us if delay_us > faded_us else faded_us

    def has_since(self, since_us: int, count: int) -> bool:
        """Are that many readings newer? They lie in the order in which they came."""
        place = len(self._samples) - _SIZE * count
        return place >= 0 and self._since_us + self._at(place + _TAKEN) > since_us

    def read(self, now_us: int, circle_us: int) -> Reading | None:
        """Return how far the voter is ahead of `circle_us`; None if unheard for too long."""
        config, size = self._config, len(self._samples)
        oldest_us, stale = now_us - config.reading_age_us - self._since_us, 0
        while stale < size and self._at(stale + _TAKEN) < oldest_us:
            stale += _SIZE
        if stale > 0:
            self._forget(stale)
        count = ((size - stale) // _SIZE + 3) // 4
        if count == 0:
            return None
        if count == 1:
            rank, lead_us = self._rank, self._lead_us
        elif count == 2:
            rank, lead_us = self._second_rank, (self._lead_us + self._second_lead_us) // 2
        else:
            rank, lead_us = self._best(count)
        growth = (now_us - self._since_us) * config.reading_growth_ppm
        offset_us = lead_us + now_us - circle_us
        return Reading(offset_us, -(-(rank + growth) // _PPM), self.is_synced, self.steady_us)

    def _best(self, count: int) -> tuple[int, int]:
        """Return the highest rank and the median lead of the `count` best; the older of equals."""
        ranks = self._ranks()
        worst = sorted(ranks)[count - 1]
        places = [place for place, rank in enumerate(ranks) if rank <= worst]
        if len(places) > count:
            places = sorted(places, key=ranks.__getitem__)[:count]
        leads_us = sorted([self._lead_at(place) for place in places])
        return worst, (leads_us[(count - 1) // 2] + leads_us[count // 2]) // 2

    def _forget(self, size: int) -> None:
        """Let go of the oldest samples, so many bytes of them, and find the best of the others."""
        self._samples = self._samples[size:]
        self._rank = self._second_rank = _NO_RANK
        best = second = -1
        for place, rank in enumerate(self._ranks()):
            if rank < self._rank:
                second, self._second_rank = best, self._rank
                best, self._rank = place, rank
            elif rank < self._second_rank:
                second, self._second_rank = place, rank
        if best >= 0:
            self._lead_us = self._lead_at(best)
        if second >= 0:
            self._second_lead_us = self._lead_at(second)

    def _tell_from(self, now_us: int, lead_us: int) -> None:
        """Tell samples from this time and lead on, but not those that are too far: they are old."""
        taken_us, offset_us = now_us - self._since_us, lead_us - self._base_us
        growth = taken_us * self._config.reading_growth_ppm
        told = [
            _pack(rank + growth, taken - taken_us, offset - offset_us)
            for rank, taken, offset in _unpack_all(self._samples)
            if _is_near(taken - taken_us) and _is_near(offset - offset_us)
        ]
        self._since_us, self._base_us, self._samples = now_us, lead_us, b"".join(told)
        self._forget(0)

    def _ranks(self) -> tuple[int, ...]:
        return unpack("<" + "q8x" * (len(self._samples) // _SIZE), self._samples)

    def _lead_at(self, number: int) -> int:
        return self._base_us + self._at(_SIZE * number + _LEAD)

    def _at(self, place: int) -> int:
        number: int = _number(self._samples, place)[0]
        return number


def _is_near(distance_us: int) -> bool:
    return -_FAR_US < distance_us < _FAR_US


def window_of(windows: list[Window], voter: PeerId) -> Window | None:
    """Return that voter's window; there are so few that looking through them is fastest."""
    for window in windows:
        if window.voter == voter:
            return window
    return None
