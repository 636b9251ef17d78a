"""One clock for all processes of the demo, the one that the daemons' `monotonic_ns` counts."""

import time

SECOND_NS = 1_000_000_000
MS_NS = 1_000_000

_CLOCK_ID = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_ns() -> int:
    """Return nanoseconds since boot."""
    return time.clock_gettime_ns(_CLOCK_ID)
