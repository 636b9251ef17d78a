"""A crystal: local monotonic time of one boot as an exact integer function of true time."""

from smilesim.dice import salt
from smilesim.engine import NEVER_NS, TICK_NS

DRIFT_PPB_MAX = 80_000
"""Crystals differ by up to 80 ppm either way; the protocol allows for 100."""

BOOT_NS_MIN = 5_000_000_000
BOOT_NS_SPAN = 60_000_000_000

TICK_PS = TICK_NS * 1_000
"""A tick in picoseconds: a drift of 1 ppb is one picosecond per tick."""


class Oscillator:
    """Local nanoseconds at each tick, and back. A reboot makes a new one: the count starts anew.

    Units: `drift_ppb` is parts per billion that this crystal runs fast.
    """

    __slots__ = ("_origin_ns", "_tick_ps")

    def __init__(self, drift_ppb: int, origin_ns: int) -> None:
        self._tick_ps = TICK_PS + drift_ppb
        self._origin_ns = origin_ns

    def at(self, tick: int) -> int:
        """Return local ns at `tick`."""
        return self._origin_ns + tick * self._tick_ps // 1_000

    def tick_at(self, local_ns: int) -> int:
        """Return the first tick at which local time has reached `local_ns`; -1 for never."""
        if local_ns >= NEVER_NS:
            return -1
        return -((self._origin_ns - local_ns) * 1_000 // self._tick_ps)


def crystal(seed: int, index: int, boots: int, tick: int) -> Oscillator:
    """Return the crystal of a device that boots at `tick`: its drift stays, its count does not."""
    drift_ppb = salt(seed, "drift", index) % (2 * DRIFT_PPB_MAX + 1) - DRIFT_PPB_MAX
    local_ns = BOOT_NS_MIN + salt(seed, "boot", index, boots) % BOOT_NS_SPAN
    return Oscillator(drift_ppb, local_ns - tick * (TICK_PS + drift_ppb) // 1_000)
