"""How much memory a city will need, and how much this machine has left.

The figures are measured, on CPython 3.11 and 64 bits, and a test measures them again: resident size
at the end of `calm` for crowds of 500 to 10,000, and how it grows per peer and per pair in range.
"""

import os
from pathlib import Path

from smilesim.crowd import Crowd

PROCESS_KIB = 56 * 1024
"""Interpreter, libraries, the wheel, and caches that do not grow with the crowd."""

PEER_KIB = 30
PAIR_KIB = 2
MEMINFO = Path("/proc/meminfo")
KIB_PER_MIB = 1 << 10


def estimate_mib(crowd: Crowd) -> int:
    """Return about how many MiB a city of this crowd will hold at most."""
    need_kib = PROCESS_KIB + PEER_KIB * crowd.size + PAIR_KIB * len(crowd.pairs)
    return need_kib // KIB_PER_MIB + 1


def available_mib() -> int:
    """Return how many MiB a process can still have without swapping."""
    try:
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // KIB_PER_MIB
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
