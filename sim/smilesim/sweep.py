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
from typing import overload

from smilesim import recipe, replay, swarm
from smilesim.fidelity import FAST
from smilesim.properties import Outcome, outcomes
from smilesim.recipe import Recipe
from smilesim.report import report
from smilesim.scenario import DRAWN, Scenario, lasting
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


class Jobs(Sequence[Job]):
    """What an order asks for: every seed with the first number of peers, then with the next.

    There may be millions, so each is made when somebody asks for it.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._written = None if order.name in DRAWN else _chosen(order, order.seeds.start)

    def __len__(self) -> int:
        return len(self._order.peers) * len(self._order.seeds)

    @overload
    def __getitem__(self, place: int) -> Job: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Job]: ...
    def __getitem__(self, place: int | slice) -> Job | Sequence[Job]:
        places = range(len(self))
        if isinstance(place, slice):
            return [self[one] for one in places[place]]
        size, number = divmod(places[place], len(self._order.seeds))
        seed = self._order.seeds[number]
        chosen = self._written or _chosen(self._order, seed)
        return _job(self._order, replace(chosen, peers=self._order.peers[size]), seed)


@dataclass(slots=True)
class Sweep:
    """A sweep while it goes on: `runs` by place among the jobs, of what is done."""

    order: Order
    jobs: Sequence[Job]
    runs: dict[int, Run] = field(default_factory=dict)
    is_interrupted: bool = False
    wall_s: float = 0.0

    @property
    def done(self) -> list[tuple[Job, Run]]:
        """Return what ran, in the order of peers, then seeds."""
        return [(self.jobs[place], self.runs[place]) for place in sorted(self.runs)]


def plan(order: Order) -> Sweep:
    """Return a sweep of which nothing has run.

    Errors: SettingsError for a scenario that is none, for seconds that end before its faults, and
    for a number of peers that cannot be.
    """
    jobs = Jobs(order)
    if order.name in DRAWN:
        _check_draws(order)
    for first in range(0, len(jobs), len(order.seeds)):
        recipe.check(jobs[first].recipe)
    return Sweep(order, jobs)


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


def _chosen(order: Order, seed: int) -> Scenario:
    """Return the scenario of a seed. Villains turn only where a drawn one has any."""
    found = swarm.resolve(order.name, seed)
    if order.seconds is not None:
        found = lasting(found, order.seconds)
    if order.name in DRAWN and not recipe.has_turning(found):
        return found
    return recipe.with_villains(found, order.villains)


def _check_draws(order: Order) -> None:
    """Refuse what the scenarios of some seeds do not allow. Errors: SettingsError, with a seed."""
    drawn = (swarm.resolve(order.name, seed) for seed in order.seeds)
    if order.villains is not None and not any(map(recipe.has_turning, drawn)):
        raise SettingsError(
            f"--villains {order.villains}: expected a seed with which voters turn; {order.name} "
            f"has no such fault from seed {order.seeds[0]} to {order.seeds[-1]}"
        )
    for seed in order.seeds if order.seconds is not None else ():
        try:
            _chosen(order, seed)
        except SettingsError as error:
            raise SettingsError(f"{error}, with seed {seed}") from None


def _has_villains(order: Order, scenario: Scenario) -> bool:
    return order.villains is not None and recipe.has_turning(scenario)


def _job(order: Order, scenario: Scenario, seed: int) -> Job:
    parts: Sequence[str] = (
        *("smilesim", "run", order.name, "--peers", str(scenario.peers), "--seed", str(seed)),
        *(("--seconds", str(order.seconds)) if order.seconds is not None else ()),
        *(("--villains", str(order.villains)) if _has_villains(order, scenario) else ()),
        *(("--fidelity", order.fidelity) if order.fidelity != FAST else ()),
    )
    file = None
    if order.failures is not None:
        file = order.failures / f"{scenario.name}-{scenario.peers}-{seed}.toml"
    return Job(Recipe(scenario, seed, order.fidelity), shlex.join(parts), file)
