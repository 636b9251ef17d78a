"""The driver: one trio task that owns virtual time and runs the wheel between the others' wakes.

Scenario, faults, checks, probes and observed nodes are ordinary trio tasks that sleep on the same
clock. The driver asks trio for the earliest of their deadlines, runs the wheel up to and including
that tick, then lets every task do what it has to do then. A task therefore sees a tick after the
wheel has finished with it, and what it sends arrives at a later one.
"""

import gc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import trio
import trio.testing

from smilesim.clock import VirtualClock, make_deterministic, next_actor_tick, until
from smilesim.interrupts import check, noted
from smilesim.world import World

Actor = Callable[[], Awaitable[None]]


class Books:
    """Lets a task wait until a tick is over: all of it has happened and is in the trace.

    Who waits here may look at the city as it then is, for a checkpoint, but must not act on it.
    """

    def __init__(self) -> None:
        self._waiting = trio.lowlevel.ParkingLot()

    async def closed(self, tick: int) -> None:
        """Wait until `tick` is over, or the present tick if that is later."""
        await until(tick)
        await self._waiting.park()

    async def close(self, world: World) -> None:
        """Close the present tick; time stands still until everybody has looked."""
        world.end_tick()
        if self._waiting:
            self._waiting.unpark_all()
            await trio.testing.wait_all_tasks_blocked()


async def drive(world: World, clock: VirtualClock, end_tick: int, books: Books) -> None:
    """Run the city until `end_tick`, its last tick included."""
    while True:
        await trio.testing.wait_all_tasks_blocked()
        await books.close(world)
        if clock.tick >= end_tick:
            return
        world.run_to(next_actor_tick(clock, end_tick))
        clock.tick = world.tick


Drive = Callable[[World, VirtualClock, int, Books], Awaitable[None]]
"""Moves time; gets the city, the clock, the last tick, and the books to close after every tick."""


def run_city(
    world: World, actors: Sequence[Actor], *, end_tick: int, books: Books, moving: Drive = drive
) -> None:
    """Run a city with its tasks in a trio of its own, and no garbage collection meanwhile.

    Time goes on where the world is. What a task raises cancels the others and arrives as one group.
    Ctrl-C is answered between two ticks: trio would raise it from whatever runs.
    """
    clock = VirtualClock(max(0, world.tick))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for actor in actors:
                nursery.start_soon(actor)
            await moving(world, clock, end_tick, books)
            nursery.cancel_scope.cancel()

    make_deterministic()
    with noted(), uncollected():
        trio.run(main, clock=clock)
        check()


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile: the code under test makes no cycles, so nothing piles up."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # All that was made becomes old without a look at each of it.
        gc.freeze()
        gc.unfreeze()
        if was_enabled:
            gc.enable()
