"""A fault has happened if it did something itself: what else happens meanwhile proves nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.engine import Wheel
from smilesim.fate import Weather
from smilesim.faults.kind import Fault
from smilesim.faults.table import COUNTED, KINDS, TOLD_APART
from smilesim.radio import AirLink, Radio
from smilesim.report import report

PEERS, SEED, SECONDS = 8, 4, 9
WHEN = {"at_s": 3, "heal_s": 6}
RAIN = Weather(
    loss_ppm=100_000,
    damage_ppm=100_000,
    duplicate_ppm=100_000,
    reorder_ppm=100_000,
    reorder_ms_span=200,
    tail_ppm=100_000,
    tail_ms_max=300,
)


def fault_of(kind: str, **chosen: float) -> Fault:
    given: Mapping[str, float] = {**WHEN, **chosen}
    numbers = {key.name: given.get(key.name, key.default or 0.0) for key in KINDS[kind].keys}
    return Fault(kind, numbers["at_s"], numbers)


def seen(*faults: Fault, weather: Weather = RAIN, peers: int = PEERS) -> dict[str, dict[str, int]]:
    """Return what is counted for each kind."""
    plan = replace(
        scenario.load("calm"), faults=faults, seconds=SECONDS, weather=weather, expect={}
    )
    city = City(Plan(plan, district(peers, SEED), SEED, SECONDS))
    city.run()
    return report(city)["fault_kinds"]


def test_what_several_kinds_count_is_told_apart() -> None:
    kinds_of = Counter(name for names in COUNTED.values() for name in set(names))

    assert {name for name, kinds in kinds_of.items() if kinds > 1} <= TOLD_APART
    assert set(kinds_of) > TOLD_APART


def test_weather_that_is_no_worse_than_the_standing_one_was_not_seen() -> None:
    air = [fault_of(kind, percent=10) for kind in ("loss", "damage", "duplication")]
    late = {"late_ms": 300, "more_ms": 5, "span_ms": 200}
    air += [fault_of(kind, percent=10, **late) for kind in ("reordering", "delay")]
    harsh = [replace(one, numbers={**one.numbers, "percent": 20}) for one in air]

    kinds, worse = seen(*air), seen(*harsh)

    for kind in ("loss", "damage", "duplication", "reordering", "delay"):
        assert kinds[kind] == {kind: 1, COUNTED[kind][1]: 0}
        assert worse[kind][COUNTED[kind][1]] > 5


def test_what_comes_later_than_in_the_standing_weather_was_seen() -> None:
    late = fault_of("delay", percent=10, late_ms=301)
    held = fault_of("reordering", percent=10, span_ms=201)

    kinds = seen(late, held)

    assert kinds["delay"]["late-message"] > 5
    assert kinds["reordering"]["reordered-message"] > 5


def test_weather_counts_exactly_what_the_standing_one_would_have_let_through() -> None:
    def sent(weather: Weather) -> Radio:
        radio = Radio(Wheel(), Weather(loss_ppm=20_000))
        radio.set_weather(weather)
        link = AirLink(SEED, 0, 1)
        link.set_up(is_up=True)
        for _ in range(10_000):
            radio.carry(link, b"")
        return radio

    usual, bad = sent(Weather(loss_ppm=20_000)), sent(Weather(loss_ppm=300_000))

    assert sum(usual.worse[16:]) == 0
    assert sum(bad.worse[16:]) == bad.lost - usual.lost > 2_000


def test_a_cut_that_parts_nobody_was_not_seen_though_another_cuts() -> None:
    disc = fault_of("disc", radius_percent=1, x_percent=0, y_percent=0)

    kinds = seen(disc, fault_of("sides", percent=50))

    assert kinds["disc"] == {"disc": 1, "heal": 1, "cut-link": 0, "cut-message": 0}
    assert kinds["sides"]["cut-message"] > 20


def test_an_outage_of_who_is_off_already_was_not_seen() -> None:
    flat = fault_of("batteries", at_s=2, spread_s=0, percent=100)
    crashes = fault_of("crashes", percent_per_min=300, outage_s=0.5)
    walk = fault_of("torn-writes", points=2, every_s=1, outage_s=0.5)

    kinds = seen(flat, crashes, walk)

    assert kinds["batteries"]["battery-death"] == PEERS
    assert kinds["crashes"]["power-loss"] == 0
    assert kinds["torn-writes"] == {"torn-writes": 1, "crash-inside-effects": 0, "torn-record": 0}


def test_a_disk_that_another_ailment_kept_from_being_asked_was_not_seen() -> None:
    full, failing = (
        fault_of(kind, percent=100, retry_s=1) for kind in ("disk-full", "disk-errors")
    )

    kinds = seen(full, failing)

    assert kinds["disk-full"]["disk-stop"] > 0
    assert kinds["disk-errors"]["disk-stop"] == 0


@pytest.mark.parametrize("first", ["crashes", "persist-points"])
def test_crashes_are_counted_for_the_kind_that_made_them(first: str) -> None:
    given = {"percent_per_min": 300, "points": 3, "every_s": 1, "outage_s": 0.5}
    idle = fault_of("blackout", at_s=7, outage_s=0.5, spread_s=0)

    kinds = seen(fault_of(first, **given), idle)

    assert all(kinds[first].values())
    assert 0 < kinds["blackout"]["power-loss"] <= PEERS
