"""Virtual time stands still until the driver moves it, and tasks see their tick exactly."""

import sys

import pytest
import trio
import trio.testing

from smilesim.clock import (
    DeterminismMissing,
    VirtualClock,
    make_deterministic,
    next_actor_tick,
    tick_of,
    until,
)


def drive(end_tick: int, *actors: int) -> list[tuple[int, int]]:
    """Run actors that each sleep their number of ticks again and again; return who woke when."""
    clock = VirtualClock()
    woken: list[tuple[int, int]] = []

    async def act(period: int) -> None:
        while True:
            await until(clock.tick + period)
            woken.append((clock.tick, period))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for period in actors:
                nursery.start_soon(act, period)
            while True:
                await trio.testing.wait_all_tasks_blocked()
                if clock.tick >= end_tick:
                    break
                clock.tick = next_actor_tick(clock, end_tick)
            nursery.cancel_scope.cancel()

    make_deterministic()
    trio.run(main, clock=clock)
    return woken


def test_every_task_wakes_at_exactly_its_ticks() -> None:
    woken = drive(3_000, 7, 70, 1_000)

    for period in (7, 70, 1_000):
        expected = list(range(period, 3_001, period))
        assert [tick for tick, who in woken if who == period] == expected


def test_the_order_of_tasks_is_the_same_every_time() -> None:
    assert drive(2_000, *range(1, 40)) == drive(2_000, *range(1, 40))


@pytest.mark.parametrize("history", [(), (9,), (1, 2, 3)])
def test_tasks_of_a_tick_run_in_the_order_of_their_start_whatever_ran_before(
    history: tuple[int, ...],
) -> None:
    """So a resumed run, whose scheduler has no past, goes on like one that has."""
    for period in history:
        drive(500, period)
    woken = drive(1_000, 250, 500, 125, 1_000)

    assert [who for tick, who in woken if tick == 500] == [250, 500, 125]
    assert [who for tick, who in woken if tick == 1_000] == [250, 500, 125, 1_000]


@pytest.mark.parametrize("tick", [0, 1, 29, 1_001, 33_333, 86_400_000, 10**9 + 7])
def test_a_tick_survives_the_way_through_trios_seconds(tick: int) -> None:
    assert tick_of(tick / 1_000) == tick
    assert tick_of(tick / 1_000 + 0.0004) == tick + 1


def test_a_trio_without_the_private_names_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = sys.modules["trio._core._run"]
    monkeypatch.delattr(scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING")

    with pytest.raises(DeterminismMissing, match="_ALLOW_DETERMINISTIC_SCHEDULING"):
        make_deterministic()
