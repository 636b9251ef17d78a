"""Every kind of fault: what its script does when, and that it happens in a real city."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.faults.kind import Fault, Ground, ticks
from smilesim.faults.table import COUNTED, FAMILIES, KINDS, UNDRAWN, over_s
from smilesim.faults.weather import weather_at
from smilesim.report import report
from smilesim.scenario import Scenario
from smilesim.villains.cast import VILLAINS
from smilesync.wire.messages import VoteKind

PEERS, SEED, SECONDS = 30, 4, 12
WHEN = {"at_s": 5, "heal_s": 9}
GIVEN = {"lone_percent": 50, "outage_s": 1, "copies": 5, "percent_per_min": 300, "percent": 40}
GIVEN |= {"spread_s": 2, "points": 3}
VILLAIN_S = 32
ANYWHERE = [kind for kind in KINDS if kind not in UNDRAWN]
"""Kinds that happen in any city; the others are at home in `test_churn.py`."""


def numbers_of(kind: str, **chosen: float) -> dict[str, float]:
    """Return numbers for a kind: as chosen, else its defaults, else small ones."""
    numbers: dict[str, float] = {}
    for key in KINDS[kind].keys:
        known: Mapping[str, float] = {**GIVEN, **WHEN, **chosen}
        default = key.default if key.default is not None else 0.0
        numbers[key.name] = known.get(key.name, default)
    return numbers


def fault_of(kind: str, **chosen: float) -> Fault:
    numbers = numbers_of(kind, **chosen)
    return Fault(kind, numbers["at_s"], numbers)


def city_of(*faults: Fault, peers: int = PEERS, seconds: int = SECONDS) -> City:
    calm = scenario.load("calm")
    plan: Scenario = replace(calm, name="test", faults=faults, seconds=seconds, expect={})
    return City(Plan(plan, district(peers, SEED), SEED, seconds))


def ground_of(*faults: Fault, peers: int = PEERS) -> Ground:
    return city_of(*faults, peers=peers).faults.ground


def rules(city: City) -> Sequence[str]:
    return [f"{one['rule']}: {one['detail']}" for one in report(city)["violations"]]


def test_a_kind_is_in_the_table_once_and_says_what_it_does() -> None:
    names = [kind.name for family in FAMILIES for kind in family.KINDS]

    assert len(names) == len(set(names)) == len(KINDS) >= 30
    for name, kind in KINDS.items():
        keys = [key.name for key in kind.keys]
        assert len(keys) == len(set(keys)), name
        assert keys[0] == "at_s"
        assert all(key.low <= key.high and key.meaning for key in kind.keys), name
        assert kind.meaning
        assert COUNTED[name][0] == name
        assert kind.counts


@pytest.mark.parametrize("kind", ANYWHERE)
def test_a_script_is_in_order_begins_in_time_and_is_over_when_it_says(kind: str) -> None:
    fault = fault_of(kind)
    ground = ground_of(fault)

    steps = KINDS[kind].script(fault, ground)
    again = KINDS[kind].script(fault, ground)

    assert steps
    assert [step.tick for step in steps] == [step.tick for step in again]
    assert all(one.tick <= other.tick for one, other in pairwise(steps))
    assert steps[0].tick >= ticks(fault.at_s)
    assert steps[-1].tick <= ticks(over_s(fault))


@pytest.mark.parametrize("kind", ANYWHERE)
def test_a_kind_happens_is_counted_and_breaks_no_promise(kind: str) -> None:
    city = city_of(fault_of(kind))
    if kind in VILLAINS:
        # Some act only where they lead: wishes, so that a slot comes every four seconds.
        wishes = fault_of("wishes", percent=100, spread_s=25)
        city = city_of(fault_of(kind), wishes, seconds=VILLAIN_S)

    city.run()

    result = report(city)
    assert result["violations"] == []
    seen = result["fault_kinds"][kind]
    assert list(seen) == list(COUNTED[kind])
    assert [
        count for count in COUNTED[kind] if not 0 < seen[count] <= result["faults"][count]
    ] == []


def test_a_fault_that_never_happened_fails_the_run() -> None:
    city = city_of(fault_of("bit-flips"), peers=3)

    city.run()

    assert any(rule.startswith("fault-not-seen: bit-flips") for rule in rules(city))


def test_the_air_is_as_bad_as_the_worst_that_acts_on_it() -> None:
    mild = fault_of("loss", percent=10)
    harsh = Fault("delay", 7, {"at_s": 7, "heal_s": 12, "percent": 5, "late_ms": 900, "more_ms": 7})
    ground = ground_of(mild, harsh)

    def at(second: float) -> tuple[int, int, int]:
        weather = weather_at(ground, ticks(second))
        return weather.loss_ppm, weather.tail_ms_max, weather.delay_ms_min

    assert at(4.999) == (10_000, 0, 2)
    assert at(5) == (100_000, 0, 2)
    assert at(7) == (100_000, 900, 9)
    assert at(9) == (10_000, 900, 9)
    assert at(12) == (10_000, 0, 2)


def test_overlapping_partitions_do_not_heal_each_other() -> None:
    first = fault_of("sides", at_s=5, heal_s=7)
    second = fault_of("islands", at_s=6, heal_s=9, islands=2)
    city = city_of(first, second, seconds=8)
    cut_ways: list[int] = []

    city.run()
    cut_ways.append(_cut_ways(city))
    alone = city_of(second, seconds=8)
    alone.run()

    assert cut_ways == [_cut_ways(alone)] != [0]


def test_every_way_is_open_when_all_partitions_are_over() -> None:
    kinds = ["split", "sides", "islands", "line", "disc", "one-way", "flapping", "swizzle"]
    city = city_of(*[fault_of(kind) for kind in kinds])

    city.run()

    assert _cut_ways(city) == 0
    assert rules(city) == []


def _cut_ways(city: City) -> int:
    return sum(link.is_cut for device in city.devices for link in device.inbound.values())


def test_one_way_cuts_one_direction_of_a_pair_only() -> None:
    city = city_of(fault_of("one-way"), seconds=7)

    city.run()

    cut = {(s, d.index) for d in city.devices for s, link in d.inbound.items() if link.is_cut}
    assert cut
    assert all((destination, source) not in cut for source, destination in cut)


def test_a_line_and_a_disc_cut_by_place() -> None:
    line = fault_of("line", angle_degrees=0, at_percent=50)
    disc = fault_of("disc", radius_percent=30, x_percent=50, y_percent=50)
    places = [device.position_cm for device in city_of().devices]
    middle = (min(x for x, _ in places) + max(x for x, _ in places)) / 2
    side = max(max(place) for place in places)

    for fault, part in (
        (line, lambda x, y: x > middle),
        (disc, lambda x, y: (x - side / 2) ** 2 + (y - side / 2) ** 2 <= (0.3 * side) ** 2),
    ):
        city = city_of(fault, seconds=6)
        city.run()
        for device in city.devices:
            for source, link in device.inbound.items():
                here, there = part(*device.position_cm), part(*places[source])
                assert link.is_cut == (here != there)


def test_a_split_cuts_every_circle_that_has_two_and_strands_who_lost_the_quorum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stranded: set[int] = set()
    city = city_of(fault_of("split"), peers=83, seconds=7)
    monkeypatch.setattr(
        city.measure, "stranded", lambda who, _: stranded.update(one.index for one in who)
    )

    city.run()

    assert {circle.roster.size for circle in city.circles} == set(range(1, 8))
    for circle in city.circles:
        reach = {
            one: 1 + sum(not city.devices[one].inbound[other].is_cut for other in others)
            for one in circle.members
            if (others := [other for other in circle.members if other != one]) or True
        }
        assert circle.roster.size == 1 or min(reach.values()) < circle.roster.size
        lost = {one for one, count in reach.items() if count < circle.roster.quorum}
        assert stranded & set(circle.members) == lost
        assert circle.roster.size != 2 or len(lost) == 2


def test_a_flat_battery_stays_flat_whatever_switches_on_until_it_is_charged() -> None:
    flat = fault_of("batteries", at_s=4, spread_s=0, percent=50, charged_s=12)
    blackout = fault_of("blackout", at_s=5, outage_s=1, spread_s=1)
    before, after = (city_of(flat, blackout, seconds=seconds) for seconds in (11, 14))

    before.run()
    after.run()

    assert sum(device.outages for device in before.devices) == PEERS // 2
    assert all(device.is_on != bool(device.outages) for device in before.devices)
    assert all(device.is_on and not device.outages for device in after.devices)


@pytest.mark.parametrize("kind", ["disk-full", "read-only", "disk-errors"])
def test_a_disk_that_refuses_stops_its_device_until_it_takes_writes(kind: str) -> None:
    fault = fault_of(kind, percent=100, heal_s=11, retry_s=1)
    ill, well = city_of(fault, seconds=10), city_of(fault, seconds=20)

    ill.run()
    well.run()

    assert sum(device.is_on for device in ill.devices) < PEERS / 2
    assert all(device.is_on for device in well.devices)
    assert rules(well) == []


def test_bit_flips_make_devices_amnesic_and_only_as_many_as_a_circle_can_bear() -> None:
    city = city_of(fault_of("bit-flips", percent=100), seconds=16)

    city.run()

    amnesic = [device for device in city.devices if _is_amnesic(device.peer, city)]
    by_circle = Counter(device.circle.index for device in amnesic if device.circle is not None)
    assert amnesic
    assert {device.index for device in amnesic} <= set(city.faults.ground.faulty)
    assert all(count <= city.circles[index].roster.faults for index, count in by_circle.items())


def _is_amnesic(peer: object, city: City) -> bool:
    statistics = getattr(peer, "statistics", None)
    return statistics is not None and statistics(1 << 62).is_amnesic


def test_the_faulty_are_f_of_every_circle_and_drawn_from_the_seed() -> None:
    city = city_of(peers=83)
    counts = Counter(
        device.circle.index
        for device in (city.devices[index] for index in city.faults.ground.faulty)
        if device.circle is not None
    )

    assert {circle.roster.faults for circle in city.circles} == {0, 1, 2}
    assert all(counts[circle.index] == circle.roster.faults for circle in city.circles)


def test_withdrawn_consent_is_dark_and_given_back_is_lit() -> None:
    fault = fault_of("withdraw", percent=100, spread_s=0.5, back_s=10)
    gone, back = city_of(fault, seconds=9), city_of(fault, seconds=18)

    gone.run()
    back.run()

    assert not any(gone.checks.display.is_selected(device) for device in gone.devices)
    assert sum(back.checks.display.is_selected(device) for device in back.devices) > PEERS / 2


def test_a_villain_is_marked_restarted_and_known_to_its_device() -> None:
    city = city_of(fault_of("replayer"))

    city.run()

    villains = [device for device in city.devices if device.is_villain]
    assert {device.villain for device in villains} == {"replayer"}
    assert {device.index for device in villains} <= set(city.faults.ground.faulty)
    assert all(device.boots == 2 and device.is_on for device in villains)


def test_forged_votes_are_told_from_true_ones_by_their_signature_alone() -> None:
    city = city_of(fault_of("forgeries", percent=100, rate_hz=30))

    city.run()

    dropped: Counter[str] = Counter()
    for device in city.devices:
        assert device.peer is not None
        dropped.update(dict(device.peer.statistics(1 << 62).dropped))
    assert city.verifier.real_checks > 100
    assert sum(dropped.values()) > 500
    assert len(dropped) >= 5, dropped
    assert len(VoteKind) == 3


def test_a_task_does_only_what_is_due_after_a_tick() -> None:
    fault = fault_of("flapping", period_s=1)
    city = city_of(fault)
    steps = KINDS["flapping"].script(fault, city.faults.ground)

    assert [step.tick for step in steps] == [5000, 5500, 6000, 6500, 7000, 7500, 8000, 8500]
    city.world.fired.clear()
    # Cut once, at 8 s, and mended: what was before 7.5 s is not done again.
    for step in steps:
        if step.tick > 7_500:
            step.act(city.faults.stage)
    assert city.world.fired["cut-link"] == 2 * round(len(city.faults.ground.pairs) / 2.5)
