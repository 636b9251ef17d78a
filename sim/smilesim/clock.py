"""Virtual time for trio, and the two private switches that make trio's scheduling repeatable.

Trio shuffles the order of runnable tasks with a generator of its own and breaks ties between
equal deadlines by address. Both must go, or a seed would not replay. Here tasks that wake in the
same tick run in the order in which they were started: an order that a run resumed from a checkpoint
has too, whatever has run before, and with a progress bar or without. The names that do it are
private to trio, so they are touched here only, and a trio without them is refused.
"""

import random
import sys
import types
from collections.abc import MutableSequence
from typing import Any

import trio
import trio.abc
import trio.lowlevel

from smilesim.engine import TICKS_PER_SECOND

IDLE_SECONDS = 1e9
_SWITCHES = ("_r", "_ALLOW_DETERMINISTIC_SCHEDULING")


class VirtualClock(trio.abc.Clock):
    """A clock that stands still until the city's driver moves it; `tick` is milliseconds.

    It never leaps by itself, so `trio.testing.wait_all_tasks_blocked` tells the driver reliably
    that everybody has done what there was to do at this instant.
    """

    def __init__(self, tick: int = 0) -> None:
        self.tick = tick
        self.part = 0.0
        """How much of the next tick has passed; only observed nodes act between two ticks."""

    def start_clock(self) -> None:
        """Do nothing: time begins at the tick given."""

    def current_time(self) -> float:
        """Return virtual seconds since the run began."""
        return (self.tick + self.part) / TICKS_PER_SECOND

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Return 0 when `deadline` has come, else a wait that only the driver can end."""
        return 0.0 if deadline <= self.current_time() else IDLE_SECONDS


def tick_of(deadline: float) -> int:
    """Return the first tick at or after a trio time; float error below 1 us is forgiven."""
    ticks = deadline * TICKS_PER_SECOND
    nearest = round(ticks)
    if abs(ticks - nearest) < TICKS_PER_SECOND / 1_000_000:
        return nearest
    return int(ticks) + 1


def next_actor_tick(clock: VirtualClock, limit: int) -> int:
    """Return the tick of trio's earliest deadline, at most `limit`, later than now."""
    wait_s = trio.lowlevel.current_statistics().seconds_to_next_deadline
    if wait_s > (limit - clock.tick) / TICKS_PER_SECOND:
        return limit
    return max(clock.tick + 1, min(limit, tick_of(clock.current_time() + wait_s)))


async def until(tick: int) -> None:
    """Sleep until virtual `tick`; what the wheel does in that tick comes before the caller."""
    await trio.sleep_until(tick / TICKS_PER_SECOND)


class DeterminismMissing(RuntimeError):
    """This trio has no switch for repeatable scheduling: our pin is wrong. Nothing has run."""


class InOrder(random.Random):
    """Stands where trio keeps its generator: a batch of tasks is not shuffled.

    Trio has sorted it by age and takes the last first, so it is turned round.
    """

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Let the oldest task run first."""
        x.reverse()


def make_deterministic() -> None:
    """Make every later `trio.run` of this process run tasks of a tick in the order of their start.

    Errors: DeterminismMissing when trio lacks the private names.
    """
    scheduler = _scheduler()
    missing = [name for name in _SWITCHES if not hasattr(scheduler, name)]
    if missing:
        raise DeterminismMissing(f"trio {trio.__version__} lacks {', '.join(missing)}")
    scheduler.__dict__["_ALLOW_DETERMINISTIC_SCHEDULING"] = True
    scheduler.__dict__["_r"] = InOrder(0)


def _scheduler() -> types.ModuleType:
    return sys.modules["trio._core._run"]
