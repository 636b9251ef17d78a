"""The wheel, bytes on the air and the daemon's own driver live through the same, item by item."""

import os
from dataclasses import replace

import pytest

from smilesim import execution, scenario, swarm
from smilesim.city import City, Plan
from smilesim.crowd import Crowd, district
from smilesim.fidelity import DAEMON, FAST, TAGGED, WIRE
from smilesim.recipe import Recipe, crowd
from smilesim.scenario import Scenario
from smilesync.circle.circle import Circle
from smilesync.peer import Peer
from smilesync.wire.messages import Clock
from support.ledger import Item, Ledger, first_difference

PEERS = 24
SWARM_PEERS = 12
SEEDS = int(os.environ.get("SMILESIM_SEEDS", "2"))
"""How many seeds of the swarm; a long run asks for more."""

TOWNS = {
    "calm": """
        seconds = 8
        weather = { loss_percent = 3, duplicate_percent = 3, reorder_percent = 2 }
        """,
    "blackout": """
        seconds = 11
        [[fault]]
        kind = "blackout"
        at_s = 4
        outage_s = 0.5
        spread_s = 2
        """,
    "split": """
        seconds = 12
        [[fault]]
        kind = "split"
        at_s = 3.1
        heal_s = 8.2
        lone_percent = 20
        """,
    "absence": """
        seconds = 34
        governed = 1
        [[fault]]
        kind = "split"
        at_s = 3.1
        heal_s = 26
        lone_percent = 20
        """,
    "surge": """
        seconds = 7
        [[fault]]
        kind = "surge"
        at_s = 3
        spread_s = 2.5
        copies = 200
        """,
    "wearers": """
        seconds = 10
        [[fault]]
        kind = "withdraw"
        at_s = 3
        percent = 50
        back_s = 6
        [[fault]]
        kind = "off-wave"
        at_s = 4
        percent = 50
        back_s = 7
        [[fault]]
        kind = "wishes"
        at_s = 2
        percent = 60
        [[fault]]
        kind = "wishes"
        at_s = 5
        percent = 60
        """,
    "crashes": """
        seconds = 14
        weather = { late_percent = 5, late_ms_max = 2000 }
        [[fault]]
        kind = "crashes"
        at_s = 3
        heal_s = 12
        percent_per_min = 300
        outage_s = 0.1
        [[fault]]
        kind = "persist-points"
        at_s = 4
        every_s = 1
        outage_s = 0.3
        [[fault]]
        kind = "disk-full"
        at_s = 5
        heal_s = 9
        retry_s = 0.5
        [[fault]]
        kind = "disk-errors"
        at_s = 5
        heal_s = 9
        retry_s = 0.5
        """,
    "machines": """
        seconds = 12
        [[fault]]
        kind = "slow"
        at_s = 2
        heal_s = 11
        busy_ms = 20
        percent = 40
        [[fault]]
        kind = "pauses"
        at_s = 3
        percent = 60
        pause_s = 1
        [[fault]]
        kind = "clock-drift"
        at_s = 3
        heal_s = 6
        percent = 40
        [[fault]]
        kind = "clock-drift"
        at_s = 7
        heal_s = 9
        drift_percent = -10
        percent = 40
        [[fault]]
        kind = "clock-jump"
        at_s = 4
        """,
    "liars": """
        seconds = 9
        [[fault]]
        kind = "forgeries"
        at_s = 3
        heal_s = 7
        [[fault]]
        kind = "replayer"
        at_s = 3
        [[fault]]
        kind = "flapping"
        at_s = 3
        heal_s = 7
        [[fault]]
        kind = "one-way"
        at_s = 4
        heal_s = 6
        """,
}


def town(name: str, peers: int = PEERS, text: str = "") -> Scenario:
    """Return a scenario that makes everything of interest happen within seconds."""
    text = text or TOWNS[name]
    return scenario.parse(name, f'summary = ""\npeers = {peers}\n{text}', name)


def live(plan: Plan, fidelity: str) -> tuple[City, Ledger]:
    ledger = Ledger()
    city = City(plan, trace=ledger, fidelity=fidelity)
    city.run()
    assert not city.crash
    return city, ledger


def assert_same(town: Scenario, seed: int, crowd: Crowd | None = None) -> tuple[City, City, City]:
    """Run a town in all three fidelities; fails with the first item that differs."""
    plan = Plan(town, crowd or district(town.peers, seed), seed, town.seconds)
    fast, expected = live(plan, FAST)
    others: list[City] = []
    for fidelity in (WIRE, DAEMON):
        city, ledger = live(plan, fidelity)
        difference = first_difference((FAST, fidelity), expected, ledger)
        assert difference is None, f"{town.name}, seed {seed}: {difference}"
        assert city.trace.digest() == fast.trace.digest()
        assert counts(city) == counts(fast)
        for device, other in zip(fast.devices, city.devices, strict=True):
            assert device.disk.records == other.disk.records
        others.append(city)
    return fast, others[0], others[1]


def assert_tags_change_nothing(plan: Plan) -> City:
    """Run with tags for signatures, too; fails with the first item that differs otherwise."""
    fast, expected = live(plan, FAST)
    tagged, found = live(plan, TAGGED)
    difference = first_difference((FAST, TAGGED), expected, found, but_signatures=True)
    assert difference is None, f"{plan.scenario.name}, seed {plan.seed}: {difference}"
    assert tagged.trace.digest() != fast.trace.digest(), "there are no tags"
    assert counts(tagged) == counts(fast)
    return tagged


def counts(city: City) -> dict[str, object]:
    """Return what else must be equal: how much was done, and every accident."""
    world, radio = city.world, city.world.radio
    return {
        "deliveries": world.deliveries,
        "wakes": world.wakes,
        "notices": world.notices,
        "fired": world.fired,
        "lost": radio.lost,
        "cut": radio.cut,
        "damaged": radio.damaged,
        "stormed": radio.stormed,
        "violations": [(one.rule, one.tick, one.peer) for one in city.violations.kept],
    }


@pytest.mark.parametrize("name", TOWNS)
def test_every_fidelity_leaves_the_same_trace(name: str) -> None:
    fast, wire, daemon = assert_same(town(name), seed=5)

    assert fast.world.deliveries > 1_000
    assert fast.world.wire is None
    assert wire.world.wire is not None
    assert wire.world.wire.decoded == wire.world.deliveries
    assert not wire.world.wire.refused
    assert fast.verifier.real_checks < wire.verifier.real_checks < daemon.verifier.real_checks
    assert daemon.nodes is not None
    assert daemon.nodes.tally.refused["LNK-021"] > 0, (
        "copies that the air made meet the replay window"
    )
    for fault in fast.plan.scenario.faults:
        assert fast.world.fired[fault.kind] > 0


@pytest.mark.parametrize("name", TOWNS)
def test_tags_for_signatures_leave_the_same_trace_but_for_these(name: str) -> None:
    one = town(name)
    assert_tags_change_nothing(Plan(one, district(one.peers, 5), 5, one.seconds))


@pytest.mark.parametrize("name", ["merge", "rotation", "succession", "two-circles", "fork"])
def test_tags_change_nothing_where_circles_do(name: str) -> None:
    one = scenario.load(name)
    recipe = Recipe(one, 5)
    assert_tags_change_nothing(Plan(one, crowd(recipe), 5, one.seconds))


def test_tags_change_nothing_where_a_voter_is_expelled_for_two_votes() -> None:
    text = """
        seconds = 40
        one_circle = 1
        governed = 1
        [[fault]]
        kind = "double-voter"
        at_s = 4
        """
    one = town("expelled", peers=8, text=text)
    assert_tags_change_nothing(Plan(one, crowd(Recipe(one, 1)), 1, one.seconds))


@pytest.mark.slow
def test_tags_change_nothing_for_five_hundred_people() -> None:
    one = town("calm", peers=500)
    assert_tags_change_nothing(Plan(one, district(500, 5), 5, one.seconds))


@pytest.mark.parametrize("seed", range(1, 1 + SEEDS))
def test_whatever_the_swarm_does(seed: int) -> None:
    drawn = replace(swarm.draw(seed), peers=SWARM_PEERS)
    assert_same(drawn, seed)
    assert_tags_change_nothing(Plan(drawn, district(SWARM_PEERS, seed), seed, drawn.seconds))


def test_people_who_meet_and_part() -> None:
    people = district(PEERS, 7)
    open_ticks = tuple(
        (number * 379 % 4_000, 5_000 + number * 613 % 4_000) for number in range(len(people.pairs))
    )

    fast, _wire, _daemon = assert_same(town("calm"), 7, replace(people, open_ticks=open_ticks))

    assert any(link.is_far for device in fast.devices for link in device.inbound.values())


@pytest.mark.parametrize("seed", [6, 7])
def test_people_in_two_circles(seed: int) -> None:
    one = town("overlapping", peers=14, text="seconds = 4\noverlap_percent = 29\n")

    fast, _wire, _daemon = assert_same(one, seed, crowd(Recipe(one, seed)))

    assert any(device.wearer is not None for device in fast.devices)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["succession", "merge", "rotation"])
def test_circles_that_end_and_keys_that_change(name: str) -> None:
    one = scenario.load(name)
    assert_same(one, 3, crowd(Recipe(one, 3)))


def test_damage_on_the_air_is_dropped_whatever_stops_it() -> None:
    calm = town("calm")
    fast, wire, daemon = assert_same(
        replace(calm, weather=replace(calm.weather, damage_ppm=100_000)), seed=6
    )

    assert fast.world.radio.damaged > 200
    assert wire.world.wire is not None
    assert sum(wire.world.wire.refused.values()) > 200
    assert daemon.nodes is not None
    assert sum(daemon.nodes.tally.refused.values()) > 200


@pytest.mark.slow
def test_two_hundred_peers_lose_power_and_come_back() -> None:
    text = """
        seconds = 6
        [[fault]]
        kind = "blackout"
        at_s = 3
        outage_s = 0.5
        spread_s = 1
        """
    fast, _wire, _daemon = assert_same(town("two hundred", peers=200, text=text), seed=8)

    assert fast.world.fired["power-loss"] == 200


@pytest.mark.parametrize("name", ["calm", "split", "absence", "wearers", "machines"])
def test_who_settles_after_everything_lives_through_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Peer` and `Circle` are right that they may leave out a settling, whatever else happens."""
    one = town(name)
    plan = Plan(one, district(one.peers, 9), 9, one.seconds)
    _city, expected = live(plan, FAST)
    monkeypatch.setattr(Peer, "_is_settled", lambda _peer, _now_ns: False)
    monkeypatch.setattr(Circle, "_is_settled", lambda _circle: False)

    _city, found = live(plan, FAST)

    difference = first_difference((FAST, "settling"), expected, found)
    assert difference is None, f"{name}: {difference}"


STORM = """
        [[fault]]
        kind = "surge"
        at_s = 2
        spread_s = 3.5
        copies = 99
        """


LATE = """
        [[fault]]
        kind = "slow"
        at_s = 3.3
        heal_s = 6
        busy_ms = 20
        percent = 60
        """


@pytest.mark.parametrize("name", ["wearers", "crashes", "machines", "split", "calm"])
def test_who_handles_every_copy_lives_through_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The world is right about the copies that it spares a device, whatever else happens."""
    one = town(name, text=TOWNS[name] + STORM + (LATE if name == "calm" else ""))
    plan = Plan(one, district(one.peers, 9), 9, one.seconds)
    city, expected = live(plan, FAST)
    assert expected.copies > 1_000
    monkeypatch.setattr(execution, "calm", lambda _device: None)

    other, found = live(plan, FAST)

    assert found.copies == 0
    difference = first_difference((FAST, "handling"), expected, found)
    assert difference is None, f"{name}: {difference}"
    assert counts(other) == counts(city)


def test_a_difference_is_told_so_that_a_person_sees_it() -> None:
    calm = town("calm", peers=5)
    plan = Plan(replace(calm, seconds=3), district(5, 1), 1, 3)
    _city, expected = live(plan, FAST)
    _city, found = live(plan, FAST)
    place = next(n for n, item in enumerate(found.all) if isinstance(item.value, Clock))
    tick, peer, what, value = found.all[place]
    assert isinstance(value, Clock), "found by that"
    found.all[place] = Item(tick, peer, what, replace(value, held_us=77))

    difference = first_difference((FAST, WIRE), expected, found)

    assert difference is not None
    assert f"the first {place} items are equal" in difference
    assert f"then in fast:\n{expected.all[place]}" in difference
    assert f"then in wire:\n{tick:>6} ms  peer {peer:<3} hears from" in difference
    assert "held_us=77" in difference
    assert first_difference((FAST, WIRE), expected, expected) is None
