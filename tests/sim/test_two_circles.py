"""Devices in several circles: memberships apart, one person, one power and one light."""

from dataclasses import replace
from itertools import pairwise

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.faults.kind import Fault
from smilesim.faults.table import KINDS
from smilesim.fidelity import DAEMON, FAST, WIRE
from smilesim.overlap import CIRCLE_SIZE, overlapping
from smilesim.recipe import Recipe, crowd
from smilesim.report import report
from smilesync.commands import SetConsent, Switch
from smilesync.errors import SettingsError
from smilesync.wire.records import ConsentSet

PEERS, PERCENT, SEED = 13, 29.0, 3

STRAINED = """
summary = "Whatever strikes hardware strikes all memberships on it."
seconds = 40
peers = 13
overlap_percent = 29

[[fault]]
kind = "choices"
at_s = 4
heal_s = 39
choices_per_min = 20

[[fault]]
kind = "pauses"
at_s = 6
spread_s = 3
percent = 40
pause_s = 2

[[fault]]
kind = "slow"
at_s = 8
heal_s = 20
percent = 60
busy_ms = 20

[[fault]]
kind = "clock-jump"
at_s = 14
spread_s = 2
percent = 30
jump_s = 20

[[fault]]
kind = "batteries"
at_s = 20
spread_s = 1
percent = 20
charged_s = 23

[[fault]]
kind = "disk-full"
at_s = 24
heal_s = 28.5
percent = 100

[[fault]]
kind = "blackout"
at_s = 29
outage_s = 1
spread_s = 1
"""


def city_of(text: str | None = None, fidelity: str = FAST) -> City:
    if text is None:
        chosen = replace(scenario.load("two-circles"), peers=PEERS)
    else:
        chosen = scenario.parse("strained", text, "strained.toml")
    people = overlapping(chosen.peers, chosen.overlap_percent, SEED)
    return City(Plan(chosen, people, SEED, chosen.seconds), fidelity=fidelity)


@pytest.mark.parametrize("peers", [1, 7, 8, 12, 13, 41])
@pytest.mark.parametrize("percent", [1.0, 29.0, 43.0])
def test_neighbouring_circles_share_people_and_nobody_else_is_twice(
    peers: int, percent: float
) -> None:
    people = overlapping(peers, percent, SEED)

    twice = {who for one in people.wearers for who in one}
    shared = max(1, round(CIRCLE_SIZE * percent / 100))

    assert people.people == peers
    assert people.size == sum(map(len, people.groups)) == peers + len(people.wearers)
    assert all(len(group) <= CIRCLE_SIZE for group in people.groups)
    assert len(people.wearers) == shared * (len(people.groups) - 1)
    assert all(len({people.positions_cm[who] for who in one}) == 1 for one in people.wearers)
    for before, after in zip(people.groups, people.groups[1:], strict=False):
        both = [one for one in people.wearers if one[0] in before and one[1] in after]
        assert len(both) == shared
    assert len(twice) == 2 * len(people.wearers)


@pytest.mark.spec("DRV-001")
def test_the_memberships_of_a_device_have_an_identity_in_common_and_nothing_else() -> None:
    city = city_of()
    wearer = next(one.wearer for one in city.devices if one.wearer is not None)
    one, other = wearer.memberships

    assert one.identity == other.identity
    assert one.keys.voter.public != other.keys.voter.public
    assert one.disk is not other.disk
    assert one.circle is not other.circle
    assert other.index not in one.inbound
    assert not one.links.keys() & {other.identity}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_scenario_every_promise_is_kept(seed: int) -> None:
    chosen = replace(scenario.load("two-circles"), peers=24)
    people = overlapping(chosen.peers, chosen.overlap_percent, seed)
    city = City(Plan(chosen, people, seed, chosen.seconds))

    city.run()
    result = report(city)

    assert result["violations"] == []
    assert result["peers"] == 24
    results = {one["name"]: one["result"] for one in result["properties"]}
    assert (results["stage"], results["changed-over"]) == ("held", "seen")


@pytest.mark.parametrize("villain", ["equivocator", "delayer"])
def test_the_stage_hears_a_membership_that_turned_as_any_other(villain: str) -> None:
    chosen = replace(scenario.load("two-circles"), peers=24)
    text = f'summary = ""\nseconds = 9\npeers = 24\n[[fault]]\nkind = "{villain}"\nat_s = 4\n'
    turned = scenario.parse("turned", text, "turned.toml").faults
    people = overlapping(chosen.peers, chosen.overlap_percent, SEED)
    both = replace(chosen, faults=(*turned, *chosen.faults))
    city = City(Plan(both, people, SEED, chosen.seconds))

    city.run()

    assert any(one.is_villain and one.wearer is not None for one in city.devices)
    assert report(city)["violations"] == []


@pytest.mark.parametrize("text", [None, STRAINED], ids=["two-circles", "strained"])
def test_all_fidelities_live_through_the_same(text: str | None) -> None:
    digests = {}
    for fidelity in (FAST, WIRE, DAEMON):
        city = city_of(text, fidelity)
        city.run()
        assert report(city)["violations"] == []
        digests[fidelity] = city.trace.digest()

    assert len(set(digests.values())) == 1


@pytest.mark.spec("DRV-015", "DRV-016")
def test_what_one_journal_was_told_before_power_failed_is_withdrawn_in_all() -> None:
    city = city_of('summary = "Calm."\nseconds = 12\npeers = 13\noverlap_percent = 29\n')
    world = city.world
    wearer = next(one.wearer for one in city.devices if one.wearer is not None)
    first, last = wearer.memberships
    for device in city.devices:
        world.power_on_at(device, 1)
    world.run_to(8_000)
    assert wearer.shown is not None
    assert wearer.shown.is_selected

    world.crash_inside(last, 0)
    world.command(first, SetConsent(Switch.COLLECTIVE, on=False))
    world.run_to(8_010)
    assert not first.is_on
    assert not last.is_on
    assert [_withdrew(one.disk.replay()) for one in (first, last)] == [True, False]

    world.power_on_at(last, 8_020)
    world.run_to(12_000)
    assert first.is_on
    assert _withdrew(last.disk.replay())
    assert not wearer.shown.is_selected
    assert not city.violations.count


def _withdrew(journal: list[object]) -> bool:
    said = [one for one in journal if isinstance(one, ConsentSet)]
    return bool(said) and not said[-1].switches & Switch.COLLECTIVE


@pytest.mark.parametrize("beside", [{"is_one_circle": True}, {"circle_size": 20}])
def test_circles_overlap_only_where_nothing_else_says_who_is_in_which(
    beside: dict[str, int],
) -> None:
    chosen = replace(scenario.load("two-circles"), **beside)  # type: ignore[arg-type]

    with pytest.raises(SettingsError, match="overlap_percent 29: expected no recording"):
        crowd(Recipe(chosen, SEED))


def test_a_scenario_of_overlapping_circles_is_written_back() -> None:
    chosen = scenario.load("two-circles")

    assert scenario.parse("two-circles", scenario.render(chosen), "again") == chosen


def test_more_memberships_than_the_daemon_fidelity_has_places_for_are_refused() -> None:
    most = replace(scenario.load("two-circles"), peers=716)

    assert crowd(Recipe(most, SEED, DAEMON)).size == 1_000
    with pytest.raises(SettingsError, match="at most 1000 peers, got 1001 of 717 people, one for"):
        crowd(Recipe(replace(most, peers=717), SEED, DAEMON))
    assert crowd(Recipe(replace(most, peers=717), SEED, WIRE)).people == 717


@pytest.mark.parametrize("kind", ["sides", "islands"])
def test_who_is_in_two_circles_stands_on_one_side_only(kind: str) -> None:
    numbers = {"at_s": 2.0, "heal_s": 9.0, "percent": 50.0, "islands": 4.0}
    fault = Fault(kind, 2.0, {key.name: numbers[key.name] for key in KINDS[kind].keys})
    plan = replace(scenario.load("two-circles"), faults=(fault,), seconds=3)
    city = City(Plan(plan, overlapping(41, PERCENT, SEED), SEED, 3))

    city.run()

    ground = city.faults.ground
    together = [pair for pair in ground.pairs if not is_cut(city, *pair)]
    together += [pair for memberships in ground.wearers for pair in pairwise(memberships)]
    parted = [pair for pair in ground.pairs if is_cut(city, *pair)]
    part = list(range(ground.size))
    for _ in part:
        for one, other in together:
            part[one] = part[other] = min(part[one], part[other])
    assert len(ground.wearers) > 10
    assert parted
    assert all(part[one] != part[other] for one, other in parted)


def is_cut(city: City, source: int, destination: int) -> bool:
    return city.devices[destination].inbound[source].is_cut
