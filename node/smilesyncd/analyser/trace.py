"""One output's frames: every zone and the mean of all, judged as every observer sees them.

Luminance, colour and counts hold for each observer; slew only for a linear one, since the law it
follows is that of the linear light before the codes; current for the observer who sees most light.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from smilesyncd.analyser.chains import ROUNDING
from smilesyncd.analyser.flashes import Rgb
from smilesyncd.analyser.judge import LightJudge, Limits, Violation, luminance_of

Codes = tuple[int, int, int]
Table = Sequence[float]


def linear_light(code: float) -> float:
    """Return the light of an 8-bit code on a linear output."""
    return code / 255


def gamma_light(code: float) -> float:
    """Return the light of an 8-bit code behind a gamma of 2.8."""
    return float((code / 255) ** 2.8)


def srgb_light(code: float) -> float:
    """Return the light of an 8-bit code on a screen."""
    value = code / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


LIGHT_OF: dict[str, Callable[[float], float]] = {
    "linear": linear_light,
    "srgb": srgb_light,
    "gamma-2.8": gamma_light,
}


def light_table(observer: str, bits: int = 8) -> tuple[float, ...]:
    """Return the light of every code of `bits` bits as `observer` sees it."""
    code_max = (1 << bits) - 1
    return tuple(LIGHT_OF[observer](code * 255 / code_max) for code in range(code_max + 1))


@dataclass(frozen=True, slots=True)
class Budget:
    """The current an output may draw. Units: milliamperes; `leds_per_zone` show the same zone."""

    budget_ma: float | None = None
    channel_ma: float = 18.0
    idle_ma: float = 1.0
    leds_per_zone: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """One limit broken: by which zone (None for mean or whole), as which observer saw it."""

    zone: int | None
    observer: int
    violation: Violation


class TraceJudge:
    """Judges frames of codes as they come. `tables` are the observers, `linear` which is linear."""

    def __init__(
        self,
        zones: int,
        tables: Sequence[Table],
        limits: Limits | None = None,
        *,
        linear: int | None = 0,
        budget: Budget | None = None,
    ) -> None:
        limits = limits or Limits()
        unseen = replace(limits, slew_per_s=None, fall_per_s=None)
        # The mean of one pixel is that pixel.
        self._zones: list[int | None] = [*range(zones), *([None] if zones > 1 else [])]
        self._tables = [tuple(table) for table in tables]
        self._budget = budget or Budget()
        self._judges = [
            [LightJudge(limits if number == linear else unseen) for _ in self._zones]
            for number in range(len(tables))
        ]
        self._before: Sequence[Codes] = ((0, 0, 0),) * zones
        self.found: list[Found] = []
        self.frames = 0
        self.peak_luminance = 0.0
        self.peak_ma = 0.0

    @property
    def worst(self) -> tuple[int, int]:
        """Most strict transitions in any 1 s and any 5 s, of any zone or mean and observer."""
        judges = [judge for row in self._judges for judge in row]
        return max(judge.worst[0] for judge in judges), max(judge.worst[1] for judge in judges)

    def begin(self, time_ns: int) -> None:
        """Say that all light is out at this time, before the first frame."""
        for row in self._judges:
            for judge in row:
                judge.add(time_ns, (0.0, 0.0, 0.0))

    def add(self, time_ns: int, codes: Sequence[Codes], *, is_falling: bool = False) -> None:
        """Take one frame, a triple of codes per zone; times never decrease.

        A fall only falls: `is_falling` counts for nothing in a frame in which any channel rises, or
        a recording that marks every frame would be allowed more than one that marks none.
        """
        self.frames += 1
        is_falling = is_falling and not _rises(self._before, codes)
        self._before = codes
        totals: list[float] = []
        for observer, table in enumerate(self._tables):
            lights: list[Rgb] = [(table[r], table[g], table[b]) for r, g, b in codes]
            red, green, blue = (sum(light[c] for light in lights) for c in range(3))
            totals.append(red + green + blue)
            if len(lights) > 1:
                lights.append((red / len(codes), green / len(codes), blue / len(codes)))
            for zone, judge, light in zip(self._zones, self._judges[observer], lights, strict=True):
                self.peak_luminance = max(self.peak_luminance, luminance_of(light))
                broken = judge.add(time_ns, light, is_falling=is_falling)
                self.found += [Found(zone, observer, violation) for violation in broken]
        self._judge_current(time_ns, len(codes), max(totals))

    def lost_power(self, time_ns: int) -> None:
        """Say that all light went out by itself at this time."""
        self._before = ((0, 0, 0),) * len(self._before)
        for observer, row in enumerate(self._judges):
            for zone, judge in zip(self._zones, row, strict=True):
                broken = judge.lost_power(time_ns)
                self.found += [Found(zone, observer, violation) for violation in broken]

    def _judge_current(self, time_ns: int, zones: int, total: float) -> None:
        budget = self._budget
        drawn_ma = budget.leds_per_zone * (zones * budget.idle_ma + budget.channel_ma * total)
        self.peak_ma = max(self.peak_ma, drawn_ma)
        if budget.budget_ma is not None and drawn_ma > budget.budget_ma * (1 + ROUNDING):
            broken = Violation(time_ns, "current", drawn_ma, budget.budget_ma)
            self.found.append(Found(None, 0, broken))


def _rises(before: Sequence[Codes], codes: Sequence[Codes]) -> bool:
    """Say whether any channel of any zone is higher than before."""
    return any(
        is_now > was
        for earlier, later in zip(before, codes, strict=True)
        for was, is_now in zip(earlier, later, strict=True)
    )
