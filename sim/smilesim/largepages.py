"""A large city in large pages: its processor finds what it looks for in a shorter table.

Python asks for memory a MiB at a time, which is less than a large page, so by itself the system
never gives it one. It can lay together what is there, though, and every event of a large city
looks at a device and a link that nobody looked at for a second. It is only a matter of time: what
is refused, on a system that cannot do it or does not want to, stays as it is.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path

MAPS = Path("/proc/self/maps")
PAGE_BYTES = 2 << 20
PEERS_MIN = 2_000
"""A smaller city has little to gain."""

MADV_COLLAPSE = 25
"""Linux 6.1 and later: lay the pages of this range together now."""


def lay_together() -> int:
    """Ask for large pages under all of this program's memory; returns how many MiB have them."""
    laid = 0
    try:
        ranges = list(_ranges())
    except OSError:
        # Another system, or one that does not show it.
        return 0
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for begin, end in ranges:
        for page in range(-(-begin // PAGE_BYTES) * PAGE_BYTES, end - PAGE_BYTES + 1, PAGE_BYTES):
            laid += advise(page, PAGE_BYTES, MADV_COLLAPSE) == 0
    return laid * PAGE_BYTES >> 20


def _ranges() -> Iterator[tuple[int, int]]:
    """Yield where there is memory of this program's own: of no file, and not the main stack."""
    for line in MAPS.read_text(encoding="ascii").splitlines():
        where, rights, _offset, _device, inode, *name = line.split(maxsplit=5)
        if rights == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
            begin, end = (int(bound, 16) for bound in where.split("-"))
            yield begin, end
