"""Many seeds of one scenario at several sizes: what failed, and what was never put to the test.

A run is decided by scenario, peers and seed, so neither the number of processes nor who does what
changes anything but the time it takes. Over the whole sweep every kind of fault that is in some
scenario must have fired, and no property may have gone unseen or unjudged.
"""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from smilesim import recipe, replay, swarm
from smilesim.fidelity import FAST
from smilesim.properties import Outcome, outcomes
from smilesim.recipe import Recipe
from smilesim.report import report
from smilesim.scenario import Scenario, lasting
from smilesim.workers import Died, work_off
from smilesync.errors import SettingsError

DIED = "worker-died"
"""The rule that a run broke whose process came to no verdict."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a sweep: what decides it, what an operator types to repeat it, and the file that
    gets its replay should it fail.
    """

    recipe: Recipe
    command: str
    file: Path | None


@dataclass(frozen=True, slots=True)
class Run:
    """What is kept of a run; of one whose process died, only how. Waits are in ticks."""

    rules: tuple[str, ...]
    detail: str
    digest: str = ""
    outcomes: tuple[Outcome, ...] = ()
    faults: Mapping[str, int] = field(default_factory=dict)
    fault_kinds: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    first_commits: tuple[int, ...] = ()
    recommits: tuple[int, ...] = ()
    decides: tuple[int, ...] = ()
    deliveries: int = 0
    real_time_factor: float = 0.0
    cpu_s: float = 0.0
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be swept. `name` is a scenario's, `swarm`, or a path; `seconds` None: its own."""

    name: str
    peers: tuple[int, ...]
    seeds: range
    seconds: int | None = None
    failures: Path | None = None
    fidelity: str = FAST
    villains: int | None = None


@dataclass(slots=True)
class Sweep:
    """A sweep while it goes on: `runs` by place among the jobs, with None for what is not done."""

    order: Order
    jobs: tuple[Job, ...]
    runs: list[Run | None] = field(default_factory=list)
    is_interrupted: bool = False
    wall_s: float = 0.0

    @property
    def done(self) -> list[tuple[Job, Run]]:
        """Return what ran, in the order of peers, then seeds."""
        pairs = zip(self.jobs, self.runs, strict=True)
        return [(job, run) for job, run in pairs if run is not None]


def plan(order: Order) -> Sweep:
    """Return a sweep of which nothing has run.

    Errors: SettingsError for a scenario that is none, for seconds that end before its faults, and
    for a number of peers that cannot be.
    """
    chosen = [_timed(swarm.resolve(order.name, seed), order.seconds) for seed in order.seeds]
    chosen = [recipe.with_villains(one, order.villains) for one in chosen]
    for peers in order.peers:
        recipe.check(Recipe(replace(chosen[0], peers=peers), order.seeds.start, order.fidelity))
    jobs = tuple(
        _job(order, replace(one, peers=peers), seed)
        for peers in order.peers
        for one, seed in zip(chosen, order.seeds, strict=True)
    )
    return Sweep(order, jobs, [None] * len(jobs))


def sweep(
    planned: Sweep,
    processes: int,
    *,
    tell: Callable[[Run], None] | None = None,
    act: Callable[[Job], Run] | None = None,
) -> None:
    """Run everything in so many processes; Ctrl-C ends it where it is.

    `tell` is told of each run that is over. Tests replace `act`, which does one job in a worker.
    """
    started_s = time.perf_counter()
    try:
        for place, answer in work_off(planned.jobs, act or run_one, processes):
            run = Run((DIED,), answer.detail) if isinstance(answer, Died) else answer
            planned.runs[place] = run
            if tell is not None:
                tell(run)
    except KeyboardInterrupt:
        planned.is_interrupted = True
    planned.wall_s = time.perf_counter() - started_s


def run_one(job: Job) -> Run:
    """Run one city and judge it; called in a worker."""
    started_s = time.process_time()
    city = recipe.settle(job.recipe, recipe.crowd(job.recipe))
    city.run()
    result = report(city, is_one_of_many=True)
    violations = [one for one in result["violations"] if not one["is_conceded"]]
    detail = f"at {violations[0]['tick']} ms: {violations[0]['detail']}" if violations else ""
    file = job.file if violations else None
    if file is not None:
        try:
            replay.write(file, replay.of(job.recipe, city))
        except SettingsError as error:
            file, detail = None, f"{detail}; {error}"
    return Run(
        rules=tuple(dict.fromkeys(one["rule"] for one in violations)),
        detail=detail,
        digest=result["digest"],
        outcomes=outcomes(city),
        faults=result["faults"],
        fault_kinds=result["fault_kinds"],
        first_commits=tuple(city.measure.waited_ticks("commit")),
        recommits=tuple(city.measure.waited_ticks("recommit")),
        decides=tuple(city.pace.waits_ticks),
        deliveries=result["deliveries"],
        real_time_factor=result["figures"]["real_time_factor"],
        cpu_s=time.process_time() - started_s,
        file=file,
    )


def _timed(scenario: Scenario, seconds: int | None) -> Scenario:
    return scenario if seconds is None else lasting(scenario, seconds)


def _job(order: Order, scenario: Scenario, seed: int) -> Job:
    parts: Sequence[str] = (
        *("smilesim", "run", order.name, "--peers", str(scenario.peers), "--seed", str(seed)),
        *(("--seconds", str(order.seconds)) if order.seconds is not None else ()),
        *(("--villains", str(order.villains)) if order.villains is not None else ()),
        *(("--fidelity", order.fidelity) if order.fidelity != FAST else ()),
    )
    file = None
    if order.failures is not None:
        file = order.failures / f"{scenario.name}-{scenario.peers}-{seed}.toml"
    return Job(Recipe(scenario, seed, order.fidelity), shlex.join(parts), file)
