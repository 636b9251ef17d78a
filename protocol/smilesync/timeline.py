"""Circle time as a straight line over local time, cheap to copy and to evaluate."""

from dataclasses import dataclass

NS_PER_US = 1_000
PPB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Timeline:
    """Maps local monotonic nanoseconds to circle microseconds until the next correction.

    Units: `rate_ppb` is the slew, parts per billion that circle time gains on local time.
    """

    local_ns: int
    circle_us: int
    rate_ppb: int = 0

    def at(self, now_ns: int) -> int:
        """Return the circle time in us at local time `now_ns`."""
        elapsed_ns = now_ns - self.local_ns
        return self.circle_us + (elapsed_ns + elapsed_ns * self.rate_ppb // PPB) // NS_PER_US

    def local_at(self, circle_us: int) -> int:
        """Return the earliest local ns (rounded up) at which circle time reaches `circle_us`."""
        elapsed_ns = (circle_us - self.circle_us) * NS_PER_US
        return self.local_ns - (-elapsed_ns * PPB // (PPB + self.rate_ppb))
