"""The driver: one trio task that owns virtual time and runs the wheel between the others' wakes.

Scenario, faults, probes and observed nodes are ordinary trio tasks that sleep on the same clock.
The driver asks trio for the earliest of their deadlines, runs the wheel up to and including that
tick, then lets every task do what it has to do then. A task therefore sees a tick after the wheel
has finished with it, and what it sends arrives at a later one.
"""

import gc
from collections.abc import Awaitable, Callable

import trio
import trio.testing

from smilesim.clock import VirtualClock, make_deterministic, next_actor_tick
from smilesim.world import World

Actor = Callable[[], Awaitable[None]]


async def drive(world: World, clock: VirtualClock, end_tick: int) -> None:
    """Run the city until `end_tick`, its last tick included."""
    while True:
        await trio.testing.wait_all_tasks_blocked()
        world.end_tick()
        if clock.tick >= end_tick:
            return
        world.run_to(next_actor_tick(clock, end_tick))
        clock.tick = world.tick


def run_city(world: World, actors: list[Actor], *, end_tick: int, seed: int) -> None:
    """Run a city with its tasks in a trio of its own, and no garbage collection meanwhile.

    The core makes no reference cycles, so nothing piles up; what was built before is set aside.
    """
    clock = VirtualClock()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for actor in actors:
                nursery.start_soon(actor)
            await drive(world, clock, end_tick)
            nursery.cancel_scope.cancel()

    make_deterministic(seed)
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        trio.run(main, clock=clock)
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
