"""What goes wrong in a scenario, each as one trio task that waits for its time and acts."""

from collections.abc import Awaitable, Callable, Sequence

from smilesim.clock import until
from smilesim.device import Device, SimCircle
from smilesim.dice import shuffled, stream
from smilesim.engine import TICKS_PER_SECOND
from smilesim.measure import Measure
from smilesim.scenario import Fault
from smilesim.world import World
from smilesync.commands import EmotionState, Feel

CAPACITOR_MS = 500
"""Half the devices die in the middle of what they write next, at the latest after this."""


class Faults:
    """The faults of one city. `told` are the feelings of a surge, by device, for the figures."""

    def __init__(
        self, world: World, circles: Sequence[SimCircle], measure: Measure, seed: int
    ) -> None:
        self.felt: dict[int, EmotionState] = {}
        self._world = world
        self._circles = circles
        self._measure = measure
        self._seed = seed

    def task(self, fault: Fault) -> Callable[[], Awaitable[None]]:
        """Return the task that makes `fault` happen."""
        run = {"blackout": self._blackout, "split": self._split, "surge": self._surge}[fault.kind]

        async def act() -> None:
            await until(_ticks(fault.at_s))
            await run(fault)

        return act

    async def _blackout(self, fault: Fault) -> None:
        """Power goes everywhere at once; it comes back in random order."""
        world, entropy = self._world, stream(self._seed, "blackout", _ticks(fault.at_s))
        world.fired["blackout"] += 1
        for device in world.devices:
            if entropy.below(2):
                world.power_off(device)
            else:
                world.crash_inside(device, entropy.below(1 << 30))
        start = world.tick + _ticks(fault.numbers["outage_s"])
        spread = max(1, _ticks(fault.numbers["spread_s"]))
        order = shuffled(len(world.devices), entropy)
        for place, index in enumerate(order):
            tick = start + place * spread // len(order)
            world.power_on_at(world.devices[index], tick)
        await until(world.tick + CAPACITOR_MS)
        for device in world.devices:
            world.power_off(device)

    async def _split(self, fault: Fault) -> None:
        """Every circle loses up to half of its members to the other side, some to nowhere.

        As many as its quorum can spare, in one circle of four half of it. A circle of two can spare
        nobody, so the cut takes the quorum from both; one alone has nobody to be cut from.
        """
        world, entropy = self._world, stream(self._seed, "split", _ticks(fault.at_s))
        parts = [0] * len(world.devices)
        stranded: list[Device] = []
        for circle in self._circles:
            size, quorum = circle.roster.size, circle.roster.quorum
            spared = max(1, size - quorum)
            away = size // 2 if entropy.below(4) == 0 else min(spared, size // 2)
            drawn = [circle.members[place] for place in shuffled(size, entropy)]
            for member in drawn[:away]:
                is_lone = entropy.below(100) < fault.numbers["lone_percent"]
                parts[member] = 2 + member if is_lone else 1
            stranded += [
                world.devices[member]
                for member in drawn
                if sum(parts[other] == parts[member] for other in drawn) < quorum
            ]
        world.fired["split"] += 1
        world.cut(parts)
        self._measure.stranded(stranded, world.tick)
        await until(_ticks(fault.numbers["heal_s"]))
        world.mend()
        world.fired["heal"] += 1
        self._measure.healed(world.tick)

    async def _surge(self, fault: Fault) -> None:
        """Everybody feels something else at once, and the air repeats it all the time."""
        world, entropy = self._world, stream(self._seed, "surge", _ticks(fault.at_s))
        spread_ms = _ticks(fault.numbers["spread_s"])
        world.fired["surge"] += 1
        world.radio.start_storm(int(fault.numbers["copies"]), spread_ms)
        for device in world.devices:
            state = EmotionState(entropy.below(len(EmotionState)))
            self.felt[device.index] = state
            world.command(device, Feel(state))
        await until(world.tick + spread_ms)
        world.radio.stop_storm()


def _ticks(seconds: float) -> int:
    return round(seconds * TICKS_PER_SECOND)
