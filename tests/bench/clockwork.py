"""Measuring: CPU time, the best of several windows, engines that are compared taking turns.

The best window is the one that other work on the machine disturbed least. Turns are short, so that
a machine that slows down slows down everybody.
"""

import gc
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise

import trio

from bench.engines import Advance
from bench.others import TrioCity, run_trio
from smilesim.drive import Books, run_city
from smilesim.engine import TICKS_PER_SECOND
from smilesim.toy import EVENTS_PER_NODE, ToyCity

SECOND_MS = 1_000
ACTORS = 20


@contextmanager
def no_collector() -> Iterator[None]:
    """Let nobody's garbage be collected while it is measured; what exists is set aside."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        gc.collect()


def best_rates(engines: Mapping[str, Advance], turns: int) -> dict[str, float]:
    """Return events per CPU second of each, in the best of its windows of one simulated second."""
    with no_collector():
        for advance in engines.values():
            advance(SECOND_MS)
        best = dict.fromkeys(engines, 0.0)
        for _ in range(turns):
            for name, advance in engines.items():
                best[name] = max(best[name], _rate(advance))
    return best


def rate_as_used(advance: Advance, turns: int) -> float:
    """Return events per CPU second of an engine as its users run it: with Python's collector on."""
    advance(SECOND_MS)
    return max(_rate(advance) for _ in range(turns))


def _rate(advance: Advance) -> float:
    started_s = time.process_time()
    events = advance(SECOND_MS)
    return events / (time.process_time() - started_s)


def rate_of_trio_tasks(count: int, seconds: int) -> float:
    """Return events per CPU second of one trio task per node, in the best simulated second."""
    city, ends_s = TrioCity(count), list[float]()
    run_trio(city, seconds * SECOND_MS, lambda: ends_s.append(time.process_time()))
    spans_s = [after - before for before, after in pairwise(ends_s[1:])]
    return count * EVENTS_PER_NODE / min(spans_s)


def rate_of_driver(count: int, seconds: int) -> tuple[float, float]:
    """Return events per CPU second of the bare wheel, and of trio's driver with actors over it."""
    bare, driven = ToyCity(count), ToyCity(count)
    best = [0.0, 0.0]
    for turn in range(1, seconds + 1):
        end_tick = turn * TICKS_PER_SECOND
        for place, run in enumerate((_bare, _driven)):
            city = (bare, driven)[place]
            with no_collector():
                started_s = time.process_time()
                run(city, end_tick)
                took_s = time.process_time() - started_s
            if turn > 1:
                best[place] = max(best[place], count * EVENTS_PER_NODE / took_s)
    return best[0], best[1]


def _bare(city: ToyCity, end_tick: int) -> None:
    city.run_to(end_tick)


def _driven(city: ToyCity, end_tick: int) -> None:
    actors = [_actor(place * TICKS_PER_SECOND // ACTORS) for place in range(ACTORS)]
    run_city(city, actors, end_tick=end_tick, books=Books())


def _actor(phase_ms: int) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        while True:
            await trio.sleep((1 + phase_ms) / TICKS_PER_SECOND)
            await trio.sleep((TICKS_PER_SECOND - phase_ms) / TICKS_PER_SECOND)

    return act
