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
TASKS_PROCESS_KIB, TASKS_KIB = 4 * 1024, 52
"""What the daemon's own parts take on top, once and for each device."""
MEMINFO = Path("/proc/meminfo")
STATUS = Path("/proc/self/status")
STATM = Path("/proc/self/statm")
CGROUP = Path("/sys/fs/cgroup")
"""Of the second version: in a container, its own group is the root."""

BYTES_PER_MIB = 1 << 20
KIB_PER_MIB = 1 << 10


def estimate_mib(crowd: Crowd, times: float = 1.0, *, has_tasks: bool = False) -> int:
    """Return about how many MiB a city of so many `times` this crowd will hold at most."""
    followers = sum(len(group) for group in crowd.followers)
    numbers = (crowd.size, len(crowd.pairs), followers)
    return city_mib(*(number * times for number in numbers), has_tasks=has_tasks)


def city_mib(devices: float, pairs: float, followers: float, *, has_tasks: bool = False) -> int:
    """Return about how many MiB a city holds at most.

    `has_tasks`: every device is tasks of the daemon's own, with link and driver.
    """
    need_kib = PROCESS_KIB + PEER_KIB * devices + PAIR_KIB * pairs + FOLLOWER_KIB * followers
    if has_tasks:
        need_kib += TASKS_PROCESS_KIB + TASKS_KIB * devices
    return int(need_kib) // KIB_PER_MIB + 1


def available_mib(processes: int = 1) -> int:
    """Return how many MiB so many processes can still have together, and may have.

    That is without swapping. What limits one process limits each.
    """
    return min(_allowed_mib(processes))


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


def _allowed_mib(processes: int) -> list[int]:
    """Return what the machine, limits of processes and that of their control group leave."""
    allowed = [_free_mib()]
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    try:
        if most != resource.RLIM_INFINITY:
            pages = int(STATM.read_text(encoding="ascii").split()[0])
            used = pages * os.sysconf("SC_PAGE_SIZE")
            allowed.append(processes * max(0, most - used) // BYTES_PER_MIB)
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
