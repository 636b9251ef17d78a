"""Whole cities of real peers: scenarios pass, and runs repeat."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.drive import Books
from smilesim.recipe import Recipe, crowd
from smilesim.report import report
from smilesync.peer import Peer

PEERS, SEED = 30, 4
MANY = 100
"""Enough for a circle with followers."""


def plan(name: str, *, peers: int = PEERS, seconds: int | None = None) -> Plan:
    chosen = scenario.load(name)
    if chosen.circle_size:
        peers = MANY
    chosen = chosen if chosen.is_one_circle else replace(chosen, peers=peers)
    people = crowd(Recipe(chosen, SEED))
    return Plan(chosen, people, SEED, seconds or chosen.seconds)


def judged(city: City) -> dict[str, object]:
    city.run()
    return report(city)


def rules(result: dict[str, object]) -> set[str]:
    violations = result["violations"]
    assert isinstance(violations, list)
    return {one["rule"] for one in violations}


@pytest.mark.parametrize("name", scenario.names())
def test_a_small_city_lives_through_every_scenario(name: str) -> None:
    result = judged(City(plan(name)))

    assert [one for one in result["violations"] if not one["is_conceded"]] == []
    assert result["verdict"] == "pass"


def test_a_run_repeats_exactly_and_another_seed_does_not() -> None:
    first = judged(City(plan("blackout", peers=15)))
    second = judged(City(plan("blackout", peers=15)))
    chosen = scenario.load("blackout")
    other = judged(City(Plan(chosen, district(15, SEED), SEED + 1, chosen.seconds)))

    assert first["digest"] == second["digest"]
    assert first["figures"] != {}
    assert first["digest"] != other["digest"]


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    here = Path(__file__).parents[2]
    program = (
        "from smilesim.city import City, Plan\n"
        "from smilesim.crowd import district\n"
        "from smilesim import scenario\n"
        "city = City(Plan(scenario.load('blackout'), district(15, 4), 4, 12))\n"
        "city.run()\n"
        "print(city.trace.digest())\n"
    )
    digests = set()
    for hash_seed in ("0", "1", "4711"):
        path = os.pathsep.join(str(here / part) for part in ("protocol", "node", "sim"))
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        run = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(run.stdout)

    assert len(digests) == 1


def test_the_light_of_at_most_32_devices_is_drawn_30_times_a_second() -> None:
    city = City(plan("calm", peers=40, seconds=5))
    city.run()

    assert city.lights.size == 32
    assert 32 * 30 * 4.4 < city.lights.frames < 32 * 30 * 5


def test_an_expectation_that_is_not_met_fails_the_run() -> None:
    chosen = plan("calm", peers=7, seconds=6)
    strict = replace(chosen.scenario, expect={"commit_s_max": 0.01, "recommit_s_max": 5})
    result = judged(City(replace(chosen, scenario=strict)))

    assert rules(result) == {"expect commit_s_max", "expect recommit_s_max"}


def test_a_fault_that_never_fired_fails_the_run() -> None:
    city = City(plan("split", peers=1))

    assert "fault-not-seen" in rules(judged(city))


def test_voters_who_are_away_lose_their_seats_and_come_back() -> None:
    city = City(plan("absence", peers=60, seconds=70))
    result = judged(city)

    assert result["verdict"] == "pass", result["violations"]
    assert city.violations.judged["I9"] >= 2
    sizes = [len(circle.voters) for circle in city.circles]
    assert sizes == [len(circle.members) for circle in city.circles], "everybody is back"


def broken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a bug: everybody asks to be woken when it is 300 ms too late."""
    in_time = Peer.next_wake_ns
    monkeypatch.setattr(Peer, "next_wake_ns", lambda peer: in_time(peer) + 300_000_000)


def test_the_first_broken_promise_ends_the_run_in_its_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_at_once(monkeypatch)
    city = City(plan("calm", peers=14), keep_going=False)
    result = judged(city)

    assert "I8" in rules(result)
    assert city.violations.kept[0].tick == city.world.tick < 20_000
    assert result["verdict"] == "fail"


def test_a_run_that_keeps_going_finds_more(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_at_once(monkeypatch)
    city = City(plan("calm", peers=14), keep_going=True)
    city.run()

    assert city.world.tick == 20_000
    assert city.violations.count > 1


def test_where_a_broken_run_ends_does_not_depend_on_who_looks_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A progress bar wakes every second; nothing may follow from that."""
    broken_at_once(monkeypatch)
    alone, seen = (City(plan("calm", peers=14), keep_going=False) for _ in range(2))
    looks: list[int] = []

    async def look(city: City, books: Books) -> None:
        while True:
            await books.closed(city.world.tick + 7)
            looks.append(city.world.tick)

    alone.run()
    seen.run(looks.append, probes=[look])

    assert looks
    assert seen.world.tick == alone.world.tick
    assert seen.trace.digest() == alone.trace.digest()


def test_what_a_task_raises_cancels_the_city_with_one_group() -> None:
    class Mistake(BaseException):
        pass

    async def fail(city: City, books: Books) -> None:
        await books.closed(1_500)
        raise Mistake

    city = City(plan("calm", peers=7))
    with pytest.RaisesGroup(Mistake):
        city.run(probes=[fail])

    assert city.world.tick == 1_500


@pytest.mark.parametrize("error", [RuntimeError, OSError, RecursionError, EOFError])
def test_whatever_the_code_under_test_raises_is_a_crash_of_it(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error("on fire")

    city = City(plan("calm", peers=3, seconds=3))
    monkeypatch.setattr(Peer, "handle", fail)
    city.run()

    result = judged(city)
    assert (result["verdict"], rules(result)) == ("fail", {"crash"})
    assert "on fire" in city.crash


def test_no_memory_is_no_crash_of_the_code_under_test(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    city = City(plan("calm", peers=3, seconds=3))
    monkeypatch.setattr(Peer, "handle", fail)

    with pytest.raises(MemoryError):
        city.run()


def test_a_probe_sees_a_tick_when_all_of_it_is_in_the_trace() -> None:
    """Whoever looks at second 8 sees what the blackout of that very tick has done."""
    digests: dict[int, str] = {}

    async def look(city: City, books: Books) -> None:
        for tick in (8_000, 8_100, 9_000):
            await books.closed(tick)
            digests[city.world.tick] = city.trace.digest()
            assert (city.world.fired["blackout"] > 0) == (tick >= 8_100)

    city = City(plan("blackout", peers=14))
    city.run(probes=[look])

    assert list(digests) == [8_000, 8_100, 9_000]
    for second in (8, 9):
        assert len(city.trace.seconds[second - 1]) == 16
    assert len(set(digests.values())) == 3
