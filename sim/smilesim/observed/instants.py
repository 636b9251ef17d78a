"""The order inside a tick: every device has an instant of its own in the millisecond before it.

On the wheel the devices of a tick act one after the other, by index. Tasks that trio wakes at the
same time would act in an order that says nothing, and a device that loses power in the middle of
a tick makes the order matter. So device i of n wakes for tick T at T - 1 + (i + 1) / (n + 1) ms,
and the tasks of scenario, faults and checks at T, when every device is done.
"""

from math import ceil

import trio
import trio.testing

from smilesim.clock import VirtualClock
from smilesim.engine import TICKS_PER_SECOND

DEVICES_MAX = 1_000
SPARE_TICKS = 1e-5
"""Less than between two devices, more than a double loses in a day of milliseconds."""


class Instants:
    """Moves a clock from device to device. Only for as many devices as doubles tell apart."""

    def __init__(self, clock: VirtualClock, count: int) -> None:
        assert count <= DEVICES_MAX
        self._clock = clock
        self._count = count

    def deadline(self, tick: int, index: int) -> float:
        """Return the trio time at which a device wakes for `tick`."""
        return self._ticks(tick, index) / TICKS_PER_SECOND

    def next_tick(self, limit: int) -> int:
        """Return the tick for which the next task wakes, at most `limit`, later than now."""
        due = self._next_due()
        return limit if due > limit else max(self._clock.tick + 1, ceil(due - SPARE_TICKS))

    async def come(self, tick: int, index: int) -> None:
        """Let every task act that is due before this device in `tick`, then stop at its instant."""
        ticks = self._ticks(tick, index)
        await self._pass(ticks)
        self._set(ticks + SPARE_TICKS)

    async def finish(self, tick: int) -> None:
        """Let every device act that is still due in `tick`, then stop at the tick itself."""
        await self._pass(tick)
        self._clock.tick, self._clock.part = tick, 0.0

    async def _pass(self, ticks: float) -> None:
        while (due := self._next_due()) < ticks - SPARE_TICKS:
            self._set(due + SPARE_TICKS)
            await trio.testing.wait_all_tasks_blocked()

    def _next_due(self) -> float:
        """Return the earliest deadline of all tasks, in ticks."""
        wait_s = trio.lowlevel.current_statistics().seconds_to_next_deadline
        return (self._clock.current_time() + wait_s) * TICKS_PER_SECOND

    def _ticks(self, tick: int, index: int) -> float:
        return tick - 1 + (index + 1) / (self._count + 1)

    def _set(self, ticks: float) -> None:
        self._clock.tick = int(ticks)
        self._clock.part = ticks - int(ticks)
