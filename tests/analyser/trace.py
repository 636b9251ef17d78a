"""Whole recordings in a test's memory: the codes of every zone, given to the judge of outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from smilesyncd.analyser.judge import Limits, Violation
from smilesyncd.analyser.trace import (
    Budget,
    Codes,
    TraceJudge,
    gamma_light,
    linear_light,
    srgb_light,
)

__all__ = ["Budget", "Codes", "Report", "Trace", "gamma_light", "judge", "linear_light"]
__all__ += ["srgb_light"]


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
    budget: Budget | None = None,
) -> Report:
    """Judge every zone and the mean for each observer; slew only for the one that is linear."""
    tables = [[light(code) for code in range(256)] for light in observers]
    zones = len(trace.frames[0][1])
    one = TraceJudge(zones, tables, limits, linear=slew_seen_by, budget=budget)
    for time_ns, codes in trace.frames:
        if time_ns in trace.cuts_ns:
            one.lost_power(time_ns)
        else:
            one.add(time_ns, codes)
    return Report([found.violation for found in one.found], one.worst)
