"""The verdict of a sweep, as `smilesim sweep --json` prints it; docs/verdicts.md explains it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from smilesim.engine import TICKS_PER_SECOND
from smilesim.origin import commit
from smilesim.properties import Kind, Outcome, OutcomeRow, Result
from smilesim.sweep import Job, Run, Sweep

SECONDS_PER_HOUR = 3600
NEVER_FIRED, NEVER_SEEN, NEVER_JUDGED = "fault-not-seen", "never-seen", "never-judged"


class Failure(TypedDict):
    """A run that failed. `digest` is empty if its process died, `file` if no replay was written."""

    peers: int
    seed: int
    rules: list[str]
    detail: str
    digest: str
    replay: str
    file: str


class Gap(TypedDict):
    """What a sweep left untested, which fails it."""

    rule: str
    name: str


class Quantiles(TypedDict):
    """A figure over all runs of the sweep, or a wait over all devices of all runs."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


class SweepFigures(TypedDict):
    """Figures over a sweep; waits in virtual seconds. None: there was nothing to measure."""

    first_commit_s: Quantiles | None
    recommit_s: Quantiles | None
    decide_after_heal_s: Quantiles | None
    deliveries: Quantiles | None
    real_time_factor: Quantiles | None


class SweepReport(TypedDict):
    """What `smilesim sweep --json` prints."""

    scenario: str
    fidelity: str
    peers: list[int]
    first_seed: int
    seeds: int
    seconds: int | None
    commit: str
    planned: int
    runs: int
    failures: list[Failure]
    gaps: list[Gap]
    properties: list[OutcomeRow]
    faults: dict[str, int]
    fault_kinds: dict[str, dict[str, int]]
    figures: SweepFigures
    digest: str
    cpu_seconds: float
    wall_seconds: float
    seeds_per_core_hour: float
    verdict: str


def sweep_report(sweep: Sweep) -> SweepReport:
    """Judge a sweep, finished or interrupted; of an interrupted one gaps say nothing."""
    order, done = sweep.order, sweep.done
    runs = [run for _, run in done]
    failures = [_failure(job, run) for job, run in done if run.rules]
    merged, kinds = _merged(runs), _fault_kinds(runs)
    gaps = [] if sweep.is_interrupted else _gaps(merged, kinds)
    cpu_s = sum(run.cpu_s for run in runs)
    verdict = "fail" if failures or gaps else "pass"
    return {
        "scenario": order.name,
        "fidelity": order.fidelity,
        "peers": list(order.peers),
        "first_seed": order.seeds.start,
        "seeds": len(order.seeds),
        "seconds": order.seconds,
        "commit": commit(),
        "planned": len(sweep.jobs),
        "runs": len(done),
        "failures": failures,
        "gaps": gaps,
        "properties": [outcome.row() for outcome in merged],
        "faults": _summed(run.faults for run in runs),
        "fault_kinds": kinds,
        "figures": _figures(runs),
        "digest": _digest(done),
        "cpu_seconds": round(cpu_s, 3),
        "wall_seconds": round(sweep.wall_s, 3),
        "seeds_per_core_hour": round(len(done) * SECONDS_PER_HOUR / cpu_s, 1) if cpu_s else 0.0,
        "verdict": "interrupted" if sweep.is_interrupted else verdict,
    }


def _failure(job: Job, run: Run) -> Failure:
    return {
        "peers": job.recipe.scenario.peers,
        "seed": job.recipe.seed,
        "rules": list(run.rules),
        "detail": run.detail,
        "digest": run.digest,
        "replay": job.command,
        "file": str(run.file) if run.file is not None else "",
    }


def _merged(runs: Sequence[Run]) -> list[Outcome]:
    """Return every property's outcome over all runs."""
    merged: dict[str, Outcome] = {}
    for run in runs:
        for one in run.outcomes:
            merged[one.name] = merged[one.name].merge(one) if one.name in merged else one
    return list(merged.values())


def _fault_kinds(runs: Sequence[Run]) -> dict[str, dict[str, int]]:
    """Return what was counted of each kind, over the runs that have it in their scenario."""
    kinds: dict[str, Counter[str]] = {}
    for run in runs:
        for kind, counts in run.fault_kinds.items():
            kinds.setdefault(kind, Counter()).update(counts)
    return {kind: dict(kinds[kind]) for kind in sorted(kinds)}


def _gaps(merged: Sequence[Outcome], kinds: Mapping[str, Mapping[str, int]]) -> list[Gap]:
    gaps: list[Gap] = [
        {"rule": NEVER_FIRED, "name": kind if name == kind else f"{kind}: {name}"}
        for kind, counts in kinds.items()
        for name, count in counts.items()
        if not count
    ]
    for one in merged:
        if one.result in (Result.UNSEEN, Result.UNJUDGED):
            rule = NEVER_SEEN if one.kind is Kind.SOMETIMES else NEVER_JUDGED
            gaps.append({"rule": rule, "name": one.name})
    return gaps


def _figures(runs: Sequence[Run]) -> SweepFigures:
    judged = [run for run in runs if run.digest]
    return {
        "first_commit_s": _waits([ticks for run in runs for ticks in run.first_commits]),
        "recommit_s": _waits([ticks for run in runs for ticks in run.recommits]),
        "decide_after_heal_s": _waits([ticks for run in runs for ticks in run.decides]),
        "deliveries": _quantiles([run.deliveries for run in judged]),
        "real_time_factor": _quantiles([run.real_time_factor for run in judged]),
    }


def _waits(ticks: Sequence[int]) -> Quantiles | None:
    return _quantiles([one / TICKS_PER_SECOND for one in ticks])


def _quantiles(values: Sequence[float]) -> Quantiles | None:
    if not values:
        return None
    ordered = sorted(values)

    def at(percent: int) -> float:
        return ordered[(len(ordered) - 1) * percent // 100]

    return {"count": len(ordered), "p50": at(50), "p95": at(95), "p99": at(99), "max": at(100)}


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return {name: total[name] for name in sorted(total)}


def _digest(done: Sequence[tuple[Job, Run]]) -> str:
    """Return SHA-256 over the digests of all runs, in order: the same for any number of jobs."""
    sha = hashlib.sha256()
    for job, run in done:
        sha.update(f"{job.recipe.scenario.peers} {job.recipe.seed} {run.digest}\n".encode())
    return sha.hexdigest()
