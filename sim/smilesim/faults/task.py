"""The faults of one city: each is a trio task that sleeps from step to step of its script."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from smilesim.clock import until
from smilesim.device import SimCircle
from smilesim.dice import shuffled, stream
from smilesim.faults.kind import Fault, Ground, Stage
from smilesim.faults.table import KINDS
from smilesim.measure import Measure
from smilesim.scenario import Scenario
from smilesim.world import World
from smilesync.commands import EmotionState


class Faults:
    """Makes the faults of a scenario happen. `felt` are the feelings of a surge, by device."""

    def __init__(
        self,
        world: World,
        circles: Sequence[SimCircle],
        measure: Measure,
        *,
        scenario: Scenario,
        seed: int,
    ) -> None:
        self.felt: dict[int, EmotionState] = {}
        self.stage = Stage(world, measure, self.felt)
        self._ground_of = partial(ground_of, world, circles, scenario=scenario, seed=seed)
        self._ground: Ground | None = None

    @property
    def ground(self) -> Ground:
        """Return what scripts may know; it is large, and a city without faults needs none."""
        if self._ground is None:
            self._ground = self._ground_of()
        return self._ground

    def task(self, fault: Fault, after_tick: int = 0) -> Callable[[], Awaitable[None]]:
        """Return the task that does what of `fault` is due after `after_tick`."""
        steps = KINDS[fault.kind].script(fault, self.ground)
        stage = replace(self.stage, kind=fault.kind)

        async def act() -> None:
            for number, step in enumerate(steps):
                if step.tick > after_tick:
                    await until(step.tick)
                    stage.world.fired[fault.kind] += number == 0
                    step.act(stage)

        return act


def ground_of(world: World, circles: Sequence[SimCircle], scenario: Scenario, seed: int) -> Ground:
    """Return what scripts may know of a city."""
    devices = world.devices
    return Ground(
        seed=seed,
        positions_cm=tuple(device.position_cm for device in devices),
        pairs=tuple(
            (source, device.index)
            for device in devices
            for source in device.inbound
            if source < device.index
        ),
        circles=circles,
        faulty=_faulty(circles, seed, scenario.villains),
        weather=scenario.weather,
        faults=scenario.faults,
        wearers=tuple(
            tuple(one.index for one in device.memberships)
            for device in devices
            if len(device.memberships) > 1 and device.memberships[0] is device
        ),
    )


def _faulty(circles: Sequence[SimCircle], seed: int, villains: int | None) -> tuple[int, ...]:
    """Draw f voters of every circle, or as many as the scenario says."""
    drawn: list[int] = []
    for circle in circles:
        size = circle.roster.size
        faults = circle.roster.faults if villains is None else villains
        order = shuffled(size, stream(seed, "faulty", circle.index))
        drawn += [circle.members[place] for place in order[:faults]]
    return tuple(drawn)
