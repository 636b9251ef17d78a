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

    Units: `drift_ppb` is parts per billion that this crystal runs fast; `turned_tick` is when it
           changed last, -1 if never: at that tick and before, it read differently.
    """

    __slots__ = ("_origin_ns", "_tick_ps", "turned_tick")

    def __init__(self, drift_ppb: int, origin_ns: int, turned_tick: int = -1) -> None:
        self._tick_ps = TICK_PS + drift_ppb
        self._origin_ns = origin_ns
        self.turned_tick = turned_tick

    def at(self, tick: int) -> int:
        """Return local ns at `tick`."""
        return self._origin_ns + tick * self._tick_ps // 1_000

    def turned(self, tick: int, *, drift_ppb: int | None = None, jump_ns: int = 0) -> "Oscillator":
        """Return a crystal that goes on from here at another drift, or leaps ahead first."""
        assert jump_ns >= 0, "local time never goes back"
        drift_ppb = self._tick_ps - TICK_PS if drift_ppb is None else drift_ppb
        origin_ns = self.at(tick) + jump_ns - tick * (TICK_PS + drift_ppb) // 1_000
        return Oscillator(drift_ppb, origin_ns, tick)

    def tick_at(self, local_ns: int) -> int:
        """Return the first tick at which local time has reached `local_ns`; -1 for never."""
        if local_ns >= NEVER_NS:
            return -1
        return -((self._origin_ns - local_ns) * 1_000 // self._tick_ps)


def drift_ppb_of(seed: int, index: int) -> int:
    """Return how much too fast the crystal of a device runs, all its life."""
    return salt(seed, "drift", index) % (2 * DRIFT_PPB_MAX + 1) - DRIFT_PPB_MAX


def crystal(
    seed: int, index: int, boots: int, tick: int, drift_ppb: int | None = None
) -> Oscillator:
    """Return the crystal of a device that boots at `tick`: its drift stays, its count does not.

    It has the drift that is its own, if no other is given.
    """
    if drift_ppb is None:
        drift_ppb = drift_ppb_of(seed, index)
    local_ns = BOOT_NS_MIN + salt(seed, "boot", index, boots) % BOOT_NS_SPAN
    return Oscillator(drift_ppb, local_ns - tick * (TICK_PS + drift_ppb) // 1_000)
