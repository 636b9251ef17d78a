"""Whole recordings: the codes of every zone, judged per zone and on the mean, by every observer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from smilesim.lightjudge import LightJudge, Limits, Rgb, Violation

Codes = tuple[int, int, int]


def linear_light(code: int) -> float:
    return code / 255


def gamma_light(code: int) -> float:
    return float((code / 255) ** 2.8)


def srgb_light(code: int) -> float:
    value = code / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


@dataclass(slots=True)
class Trace:
    """Emitted frames in order, and when power was lost. Units: ns; current in milliamperes."""

    frames: list[tuple[int, tuple[Codes, ...]]] = field(default_factory=list)
    cuts_ns: set[int] = field(default_factory=set)

    def add(self, time_ns: int, codes: Sequence[Codes]) -> None:
        self.frames.append((time_ns, tuple(codes)))

    def cut(self, time_ns: int) -> None:
        """Say that all light went out at this time, by itself."""
        zones = len(self.frames[-1][1])
        self.frames.append((time_ns, ((0, 0, 0),) * zones))
        self.cuts_ns.add(time_ns)

    def worst_current_ma(self, channel_ma: float, idle_ma: float) -> float:
        """Return the largest current of any frame, one LED per zone, light as linear as can be."""
        return max(
            len(codes) * idle_ma + channel_ma * sum(sum(pixel) for pixel in codes) / 255
            for _, codes in self.frames
        )


@dataclass(slots=True)
class Report:
    """What was found: every violation, and the worst strict counts per 1 s and per 5 s."""

    violations: list[Violation]
    worst: tuple[int, int]

    @property
    def limits_broken(self) -> set[str]:
        return {violation.limit for violation in self.violations}


def judge(
    trace: Trace,
    limits: Limits | None = None,
    *,
    observers: Sequence[Callable[[int], float]] = (linear_light,),
    slew_seen_by: int | None = 0,
) -> Report:
    """Judge every zone and the mean for each observer; slew only for the one that is linear."""
    limits = limits or Limits()
    violations: list[Violation] = []
    worst = [0, 0]
    for number, light in enumerate(observers):
        table = [light(code) for code in range(256)]
        own = (
            limits if number == slew_seen_by else replace(limits, slew_per_s=None, fall_per_s=None)
        )
        for one in _judges(trace, own, table):
            violations += one.finish()
            worst = [max(pair) for pair in zip(worst, one.worst, strict=True)]
    return Report(violations, (worst[0], worst[1]))


def _judges(trace: Trace, limits: Limits, table: Sequence[float]) -> list[LightJudge]:
    zones = len(trace.frames[0][1])
    judges = [LightJudge(limits) for _ in range(zones + (1 if zones > 1 else 0))]
    for time_ns, codes in trace.frames:
        lights: list[Rgb] = [(table[r], table[g], table[b]) for r, g, b in codes]
        if zones > 1:
            red, green, blue = (sum(light[c] for light in lights) / zones for c in range(3))
            lights.append((red, green, blue))
        for one, light in zip(judges, lights, strict=True):
            if time_ns in trace.cuts_ns:
                one.lost_power(time_ns)
            else:
                one.add(time_ns, light)
    return judges
