"""Local time: nanoseconds since boot that also pass while the machine sleeps.

A clock that stopped in suspend would revive ended leases, so the boot-time clock is used where
the system has one.
"""

import time

import trio

from smilesyncd.driver import NS_PER_SECOND

_CLOCK_ID = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class BootClock:
    """The local clock of a daemon, and its translation into trio's deadlines."""

    def now_ns(self) -> int:
        """Return the local time."""
        return time.clock_gettime_ns(_CLOCK_ID)

    def trio_deadline(self, local_ns: int) -> float:
        """Return when, by trio's clock, local time will reach `local_ns`."""
        return trio.current_time() + (local_ns - self.now_ns()) / NS_PER_SECOND
