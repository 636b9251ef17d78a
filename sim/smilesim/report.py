"""The verdict of a run, as `smilesim run --json` prints it and sim/README.md documents it."""

import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smilesim.city import City
from smilesim.engine import TICKS_PER_SECOND
from smilesim.measure import Waits

Figure = float | int | list[float] | dict[str, float] | None

COUNTED_FAULTS = {
    "blackout": ("blackout", "power-loss"),
    "split": ("split", "heal", "cut-link", "cut-message"),
    "surge": ("surge", "storm-copy"),
}
"""What must have been counted at least once for a fault to count as having happened."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One bound of the scenario on one figure."""

    key: str
    found: float | None
    bound: float

    @property
    def is_met(self) -> bool:
        if self.found is None:
            return False
        if self.key.endswith("_min"):
            return self.found >= self.bound
        return self.found <= self.bound


def report(city: City) -> dict[str, object]:
    """Judge a finished run; adds what the scenario expected and did not get to the violations."""
    faults, figures = _faults(city), _figures(city)
    if not city.interrupted and not city.crash:
        _judge_expectations(city)
        _judge_faults(city, faults)
    violations = [
        {"rule": one.rule, "tick": one.tick, "peer": one.peer, "detail": one.detail}
        for one in city.violations.kept
    ]
    is_pass = not violations and not city.interrupted
    return {
        "scenario": city.plan.scenario.name,
        "peers": len(city.devices),
        "seed": city.plan.seed,
        "commit": commit(),
        "virtual_seconds": round(city.world.tick / TICKS_PER_SECOND, 3),
        "wall_seconds": round(city.wall_s, 3),
        "cpu_seconds": round(city.cpu_s, 3),
        "deliveries": city.world.deliveries,
        "digest": city.trace.digest(),
        "violations": violations,
        "faults": faults,
        "figures": figures,
        "verdict": "pass" if is_pass else "interrupted" if city.interrupted else "fail",
    }


def commit() -> str:
    """Return the commit of the checkout this code runs from, "unknown" outside one."""
    for folder in Path(__file__).resolve().parents:
        git = folder / ".git"
        if git.is_dir():
            return _head(git)
    return "unknown"


def _head(git: Path) -> str:
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text(encoding="ascii").strip()
        for line in (git / "packed-refs").read_text(encoding="ascii").splitlines():
            if line.endswith(f" {name}"):
                return line.split()[0]
    except OSError:
        pass
    return "unknown"


def _faults(city: City) -> dict[str, int]:
    """Return what went wrong, by kind; every kind that the scenario could count is listed."""
    radio = city.world.radio
    counts = {
        "lost-message": radio.lost,
        "duplicated-message": radio.duplicated,
        "reordered-message": radio.reordered,
        "cut-message": radio.cut,
        "storm-copy": radio.stormed,
        "torn-record": sum(device.disk.torn for device in city.devices),
        **dict(sorted(city.world.fired.items())),
    }
    return {kind: count for kind, count in counts.items() if count}


def _figures(city: City) -> dict[str, Figure]:
    """Return the figures of the run; README explains each."""
    world, measure, tick = city.world, city.measure, city.world.tick
    peer_seconds = max(1.0, len(city.devices) * tick / TICKS_PER_SECOND)
    decided = [city.checks.votes.decided_slots(circle) for circle in city.circles]
    short, long = city.lights.worst
    return {
        "real_time_factor": round(tick / TICKS_PER_SECOND / max(city.wall_s, 1e-9), 3),
        "cpu_us_per_peer_second": round(city.cpu_s * 1e6 / peer_seconds, 1),
        "deliveries_per_peer_second": round(world.deliveries / peer_seconds, 2),
        "wakes_per_peer_second": round(world.wakes / peer_seconds, 2),
        "memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "circles": len(city.circles),
        "slots_decided": sum(decided),
        "slots_decided_least": min(decided, default=0),
        "patterns_selected": city.checks.display.patterns,
        "signatures_checked": city.verifier.real_checks,
        "trace_items": city.trace.items,
        "light_devices": city.lights.size,
        "light_frames": city.lights.frames,
        "light_worst_in_1_s": short,
        "light_worst_in_5_s": long,
        "share_lit": round(measure.lit_share(), 4),
        "share_lit_at_end": round(measure.end_share(tick), 4),
        "share_told": city.told_share(),
        "share_by_sample": measure.share_by_second,
        "first_commit": _waits(measure.waits("commit", tick)),
        "recommit": _waits(measure.waits("recommit", tick)),
        "dark_s": measure.dark_s(),
        "violations_in_all": city.violations.count,
    }


def _waits(waits: Waits | None) -> dict[str, float] | None:
    if waits is None:
        return None
    return {
        "count": waits.count,
        "missing": waits.missing,
        "p50_s": waits.p50_s,
        "p95_s": waits.p95_s,
        "max_s": waits.max_s,
    }


def _judge_expectations(city: City) -> None:
    tick = city.world.tick
    commit_waits = city.measure.waits("commit", tick)
    recommit = city.measure.waits("recommit", tick)
    found: Mapping[str, float | None] = {
        "end_share_min": city.measure.end_share(tick),
        "lit_share_min": city.measure.lit_share(),
        "told_share_min": city.told_share(),
        "commit_s_max": _longest(commit_waits),
        "recommit_s_max": _longest(recommit),
        "recommit_p95_s_max": recommit.p95_s if recommit is not None else None,
        "dark_s_max": city.measure.dark_s(),
    }
    for key, bound in city.plan.scenario.expect.items():
        expectation = Expectation(key, found[key], bound)
        if not expectation.is_met:
            detail = f"found {expectation.found}, the scenario expects {bound:g}"
            city.violations.add(f"expect {key}", tick, -1, detail)


def _longest(waits: Waits | None) -> float | None:
    """Return the longest wait; who still waits at the end has waited for ever."""
    if waits is None:
        return None
    return waits.max_s if not waits.missing else float("inf")


def _judge_faults(city: City, faults: Mapping[str, int]) -> None:
    """A fault that never fired proves nothing: the run fails."""
    for fault in city.plan.scenario.faults:
        for kind in COUNTED_FAULTS[fault.kind]:
            if not faults.get(kind):
                detail = f"{fault.kind} at {fault.at_s:g} s: no {kind} was seen"
                city.violations.add("fault-not-seen", city.world.tick, -1, detail)
