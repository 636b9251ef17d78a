"""The verdict of a run, as `smilesim run --json` prints it and sim/README.md documents it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from smilesim.city import City
from smilesim.engine import TICKS_PER_SECOND
from smilesim.faults.table import COUNTED, TOLD_APART
from smilesim.fidelity import AirFigures, figures_of
from smilesim.measure import Waits, waits_of
from smilesim.memory import peak_mib
from smilesim.origin import commit
from smilesim.pace import GoodCase, certificate_bytes_by_design, messages_by_design
from smilesim.properties import OutcomeRow, outcomes, seat_counts
from smilesim.scenario import DRAWN, Scenario


class WaitFigures(TypedDict):
    """How long devices waited for one thing, and how many still did at the end."""

    count: int
    missing: int
    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float


class GoodCaseFigures(TypedDict):
    """What a decision costs in a circle where nothing goes wrong."""

    commit_message_delays: float | None
    commit_message_delays_least: float | None
    messages_per_slot: int | None
    messages_per_slot_by_design: int | None
    certificate_bytes: int | None
    certificate_bytes_by_design: int | None


class SeatFigures(TypedDict):
    """Who came, who went and who votes; the rates only where people come and go."""

    arrivals_per_min: float | None
    departures_per_min: float | None
    people_admitted: int
    seats_given: int
    seats_taken: int
    seats_lost: int
    views_most: int


class FeelingFigures(TypedDict):
    """What the circle with most who share decided that its people feel, beside a recount."""

    feelings_people: int
    feelings_decided: list[int]
    feelings_counted: list[int]
    feelings_gap: int | None


class Figures(AirFigures, GoodCaseFigures, SeatFigures, FeelingFigures):
    """The figures of a run; sim/README.md explains each."""

    real_time_factor: float
    cpu_us_per_peer_second: float
    deliveries_per_peer_second: float
    wakes_per_peer_second: float
    memory_mib: float
    circles: int
    slots_decided: int
    slots_decided_least: int
    patterns_selected: int
    signatures_checked: int
    trace_items: int
    light_devices: int
    light_frames: int
    light_worst_in_1_s: int
    light_worst_in_5_s: int
    share_lit: float
    share_lit_at_end: float
    share_told: float | None
    share_by_sample: list[float]
    first_commit: WaitFigures | None
    recommit: WaitFigures | None
    dark_s: float | None
    violations_in_all: int
    forks: int
    decide_after_heal: WaitFigures | None


class ViolationRow(TypedDict):
    """One broken promise; `tick` in ms, `peer` -1 for the run as a whole.

    `is_conceded`: with more villains than f nobody promised it, and the run does not fail by it.
    """

    rule: str
    tick: int
    peer: int
    detail: str
    is_conceded: bool


class Report(TypedDict):
    """What `smilesim run --json` prints; sim/README.md explains each field."""

    scenario: str
    fidelity: str
    peers: int
    seed: int
    seconds: int
    commit: str
    virtual_seconds: float
    wall_seconds: float
    cpu_seconds: float
    deliveries: int
    digest: str
    digest_by_second: list[str]
    violations: list[ViolationRow]
    properties: list[OutcomeRow]
    faults: dict[str, int]
    fault_kinds: dict[str, dict[str, int]]
    figures: Figures
    verdict: str


NOT_SEEN = "fault-not-seen"
"""The rule that a run broke in which a fault of its scenario never happened."""


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


def report(city: City, *, is_one_of_many: bool = False) -> Report:
    """Judge a finished run; adds what the scenario expected and did not get to the violations.

    To be called once. The faults of a written scenario must all have happened; over a sweep that
    is asked of all runs together (`sweepreport.py`), and of a drawn scenario only there.
    """
    faults, scenario = _faults(city), city.plan.scenario
    kinds = fault_kinds(scenario, faults, city.world.own)
    if not (city.interrupted or city.crash or city.violations.is_stop):
        _judge_expectations(city)
        if scenario.name not in DRAWN and not is_one_of_many:
            _judge_faults(city, kinds)
    violations = [
        ViolationRow(
            rule=one.rule,
            tick=one.tick,
            peer=one.peer,
            detail=one.detail,
            is_conceded=one.is_conceded,
        )
        for one in city.violations.kept
    ]
    is_pass = not city.violations.unconceded and not city.interrupted
    return {
        "scenario": scenario.name,
        "fidelity": city.fidelity,
        "peers": city.plan.crowd.people,
        "seed": city.plan.seed,
        "seconds": city.plan.seconds,
        "commit": commit(),
        "virtual_seconds": round(max(0, city.world.tick) / TICKS_PER_SECOND, 3),
        "wall_seconds": round(city.wall_s, 3),
        "cpu_seconds": round(city.cpu_s, 3),
        "deliveries": city.world.deliveries,
        "digest": city.trace.digest(),
        "digest_by_second": list(city.trace.seconds),
        "violations": violations,
        "properties": [outcome.row() for outcome in outcomes(city)],
        "faults": faults,
        "fault_kinds": kinds,
        "figures": _figures(city),
        "verdict": "pass" if is_pass else "interrupted" if city.interrupted else "fail",
    }


def fault_kinds(
    scenario: Scenario, faults: Mapping[str, int], own: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """Return for every kind of fault in the scenario what must be counted for it to have fired.

    `own` is what each did itself, by kind; less than nothing in the midst of a fault.
    """
    found: dict[str, dict[str, int]] = {}
    for kind in dict.fromkeys(fault.kind for fault in scenario.faults):
        did = own.get(kind, {})
        found[kind] = {
            name: max(0, did.get(name, 0)) if name in TOLD_APART else faults.get(name, 0)
            for name in COUNTED[kind]
        }
    return found


def _faults(city: City) -> dict[str, int]:
    """Return what went wrong, by kind; every kind that the scenario could count is listed."""
    radio = city.world.radio
    counts = {
        "lost-message": radio.lost,
        "duplicated-message": radio.duplicated,
        "reordered-message": radio.reordered,
        "late-message": radio.late,
        "damaged-message": radio.damaged,
        "cut-message": radio.cut,
        "storm-copy": radio.stormed,
        "torn-record": sum(device.disk.torn for device in city.devices),
        **seat_counts(city),
        **dict(sorted(city.world.fired.items())),
    }
    return {kind: count for kind, count in counts.items() if count}


def _figures(city: City) -> Figures:
    """Return the figures of the run; README explains each."""
    world, measure, tick = city.world, city.measure, max(0, city.world.tick)
    peer_seconds = max(1.0, len(city.devices) * tick / TICKS_PER_SECOND)
    decided = [city.checks.votes.decided_slots(circle) for circle in city.circles]
    short, long = city.lights.worst
    return {
        "real_time_factor": round(tick / TICKS_PER_SECOND / max(city.wall_s, 1e-9), 3),
        "cpu_us_per_peer_second": round(city.cpu_s * 1e6 / peer_seconds, 1),
        "deliveries_per_peer_second": round(world.deliveries / peer_seconds, 2),
        "wakes_per_peer_second": round(world.wakes / peer_seconds, 2),
        "memory_mib": peak_mib(),
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
        "forks": city.violations.broken["I1"],
        "decide_after_heal": _waits(waits_of(city.pace.waits_ticks)),
        **_seat_figures(city),
        **_good_case_figures(city),
        **_feeling_figures(city),
        **figures_of(city.world.wire, city.nodes),
    }


def _seat_figures(city: City) -> SeatFigures:
    seats, fired = city.checks.seats, city.world.fired
    churns = [fault for fault in city.plan.scenario.faults if fault.kind == "churn"]
    minutes = sum(fault.numbers["heal_s"] - fault.at_s for fault in churns) / 60
    return {
        "arrivals_per_min": round(fired["arrived"] / minutes, 1) if churns else None,
        "departures_per_min": round(fired["departed"] / minutes, 1) if churns else None,
        "people_admitted": seats.admitted,
        "seats_given": seats.given,
        "seats_taken": seats.taken,
        "seats_lost": city.violations.broken["seat"],
        "views_most": seats.views_most,
    }


def _feeling_figures(city: City) -> FeelingFigures:
    found = city.checks.inputs.recount()
    return {
        "feelings_people": found.people if found is not None else 0,
        "feelings_decided": list(found.decided) if found is not None else [],
        "feelings_counted": list(found.counted) if found is not None else [],
        "feelings_gap": found.gap if found is not None else None,
    }


def _good_case_figures(city: City) -> GoodCaseFigures:
    found = _good_case(city)
    is_told = found.messages is not None
    circle = city.circles[0]
    return {
        "commit_message_delays": found.delays_most,
        "commit_message_delays_least": found.delays_least,
        "messages_per_slot": found.messages,
        "messages_per_slot_by_design": messages_by_design(circle) if is_told else None,
        "certificate_bytes": found.certificate_bytes,
        "certificate_bytes_by_design": certificate_bytes_by_design(circle) if is_told else None,
    }


def _good_case(city: City) -> GoodCase:
    if city.counting is None:
        return GoodCase(None, None, None, None)
    counts, weather = city.counting.of_slot, city.plan.scenario.weather
    return city.pace.good_case(city.circles[0], weather, counts)


def _waits(waits: Waits | None) -> WaitFigures | None:
    if waits is None:
        return None
    return {
        "count": waits.count,
        "missing": waits.missing,
        "p50_s": waits.p50_s,
        "p95_s": waits.p95_s,
        "p99_s": waits.p99_s,
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
        "commit_message_delays_max": _good_case(city).delays_most,
        "circles_max": _circles_at_end(city),
        "forks_min": city.violations.broken["I1"],
        "views_max": city.checks.seats.views_most,
        "seats_given_min": city.checks.seats.given,
        "seats_taken_min": city.checks.seats.taken,
        "feelings_gap_max": _feeling_figures(city)["feelings_gap"],
    }
    for key, bound in city.plan.scenario.expect.items():
        expectation = Expectation(key, found[key], bound)
        if not expectation.is_met:
            detail = f"found {expectation.found}, the scenario expects {bound:g}"
            city.violations.add(f"expect {key}", tick, -1, detail)


def _circles_at_end(city: City) -> int:
    """Return how many circles those are in who are on and want to be part of one."""
    here = [one.circle for one in city.devices if one.is_on and one.is_willing]
    return len({circle.index for circle in here if circle is not None})


def _longest(waits: Waits | None) -> float | None:
    """Return the longest wait; who still waits at the end has waited for ever."""
    if waits is None:
        return None
    return waits.max_s if not waits.missing else float("inf")


def _judge_faults(city: City, kinds: Mapping[str, Mapping[str, int]]) -> None:
    """A fault that never fired proves nothing: the run fails."""
    for kind, counts in kinds.items():
        for name, count in counts.items():
            if not count:
                detail = f"{kind} is in the scenario, and no {name} was seen"
                city.violations.add(NOT_SEEN, city.world.tick, -1, detail)
