"""How much memory a city will need, and how much this machine has left.

The figures are measured, on CPython 3.11 and 64 bits, and a test measures them again: resident size
at the end of `calm` for crowds of 500 to 10,000, and how it grows per peer and per pair in range.
"""

import os
import resource
from pathlib import Path

from smilesim.crowd import Crowd

PROCESS_KIB = 56 * 1024
"""Interpreter, libraries, the wheel, and caches that do not grow with the crowd."""

PEER_KIB = 25
PAIR_KIB = 2
FOLLOWER_KIB = 145
"""What it takes to follow a circle over others: books of what each partner holds, readings on the
way, and beacons. 240 MiB in all for one circle of 1,000 after 120 s of a blackout."""
MEMINFO = Path("/proc/meminfo")
STATUS = Path("/proc/self/status")
STATM = Path("/proc/self/statm")
CGROUP = Path("/sys/fs/cgroup")
"""Of the second version: in a container, its own group is the root."""

BYTES_PER_MIB = 1 << 20
KIB_PER_MIB = 1 << 10


def estimate_mib(crowd: Crowd) -> int:
    """Return about how many MiB a city of this crowd will hold at most."""
    following = sum(len(group) for group in crowd.followers)
    need_kib = PROCESS_KIB + PEER_KIB * crowd.size + PAIR_KIB * len(crowd.pairs)
    need_kib += FOLLOWER_KIB * following
    return need_kib // KIB_PER_MIB + 1


def available_mib() -> int:
    """Return how many MiB this process can still have without swapping, and may have."""
    return min(_allowed_mib())


def peak_mib() -> float:
    """Return the largest resident size this program had.

    What the system counts for a process begins with that of whoever started it, so its memory map
    is asked where there is one.
    """
    try:
        status = STATUS.read_text(encoding="ascii")
        return round(int(status.partition("VmHWM:")[2].split()[0]) / KIB_PER_MIB, 1)
    except (OSError, ValueError, IndexError):
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB, 1)


def _allowed_mib() -> list[int]:
    """Return what the process's own limit and that of its control group leave."""
    allowed = [_free_mib()]
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    try:
        if most != resource.RLIM_INFINITY:
            pages = int(STATM.read_text(encoding="ascii").split()[0])
            used = pages * os.sysconf("SC_PAGE_SIZE")
            allowed.append(max(0, most - used) // BYTES_PER_MIB)
    except OSError:
        pass
    try:
        most = int((CGROUP / "memory.max").read_text(encoding="ascii"))
        stat = (CGROUP / "memory.stat").read_text(encoding="ascii")
        used = int(stat.partition("anon ")[2].split()[0])
        allowed.append(max(0, most - used) // BYTES_PER_MIB)
    except (OSError, ValueError, IndexError):
        # No such group, or "max": no limit.
        pass
    return allowed


def _free_mib() -> int:
    """Return how many MiB the machine has left."""
    try:
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // KIB_PER_MIB
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
