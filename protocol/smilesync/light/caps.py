"""Caps that move: night, heat and battery lower the luminance a wearer may ask for.

Each moves by itself and slowly. They bound the request only: the light that is already shown obeys
the fixed limits, and follows a falling cap through the governor like any other change. Source: SPEC
section Governor, GOV-003.
"""

from enum import Enum


class Cap(Enum):
    """Why the light is lowered."""

    NIGHT = "night"
    HEAT = "heat"
    BATTERY = "battery"


NIGHT_LUMINANCE = 0.2
SKIN_WARM_C = 38.0
SKIN_HOT_C = 43.0
BATTERY_LOW_PERCENT = 20.0
BATTERY_FLOOR = 0.05


class Caps:
    """The present luminance of each cap, and where each is going."""

    __slots__ = ("_goals", "_levels", "_slew_per_s", "_top", "are_lowered", "now")

    def __init__(self, luminance_max: float, slew_per_s: float) -> None:
        self._top = luminance_max
        self._slew_per_s = slew_per_s
        self._goals = dict.fromkeys(Cap, luminance_max)
        self._levels = dict.fromkeys(Cap, luminance_max)
        self.now = luminance_max
        """The lowest of them, which is what counts."""
        self.are_lowered = False
        """True while one stands below the fixed limit, or is about to."""

    def aim(self, cap: Cap, luminance_max: float) -> None:
        """Let `cap` move towards `luminance_max`, which is kept within [0, fixed limit]."""
        self._goals[cap] = min(self._top, max(0.0, luminance_max))
        self.are_lowered = True

    def move(self, seconds: float) -> None:
        """Move every cap towards its goal by no more than its pace."""
        if not self.are_lowered:
            return
        most = self._slew_per_s * seconds
        for cap, goal in self._goals.items():
            level = self._levels[cap]
            self._levels[cap] = min(goal, level + most) if goal > level else max(goal, level - most)
        self.now = min(self._levels.values())
        self.are_lowered = min(self.now, *self._goals.values()) < self._top


def heat_cap(skin_c: float, luminance_max: float) -> float:
    """Return the cap for a temperature at the skin: full at 38 C, black at 43 C."""
    share = (SKIN_HOT_C - skin_c) / (SKIN_HOT_C - SKIN_WARM_C)
    return luminance_max * min(1.0, max(0.0, share))


def battery_cap(percent: float, luminance_max: float) -> float:
    """Return the cap for a battery: full down to 20 %, then falling to a glow at 0 %."""
    share = min(1.0, max(0.0, percent / BATTERY_LOW_PERCENT))
    return max(min(BATTERY_FLOOR, luminance_max), luminance_max * share)
