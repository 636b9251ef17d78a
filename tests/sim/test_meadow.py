"""One circle of voters and followers that have links with a few others only."""

from dataclasses import replace

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.commands.run import add
from smilesim.farcheck import FarCheck
from smilesim.meadow import meadow
from smilesim.recipe import Recipe, crowd
from smilesim.report import report
from smilesync.circle.genesis import VOTERS_USUAL_MAX
from smilesync.clock.sync import CircleClock
from smilesync.errors import SettingsError
from smilesync.wire.messages import Beacon, Beacons, Told
from support import planted
from support.planted import infested

PEERS = 32
SIDES = """
summary = "Half of a circle is cut off in a long lease."
seconds = 38
peers = 32
circle_size = 32

[weather]
loss_percent = 1

[[fault]]
kind = "sides"
at_s = 21
heal_s = 30
percent = 75
"""

ISLANDS = """
summary = "All are cut off from one another."
seconds = 18
peers = 32
circle_size = 32

[[fault]]
kind = "islands"
at_s = 6
heal_s = 16
islands = 30
"""


def _city(text: str, peers: int = PEERS, seed: int = 2) -> City:
    chosen = scenario.parse("meadow", text, "meadow.toml")
    people = meadow(peers, chosen.circle_size, seed)
    return City(Plan(chosen, people, seed, chosen.seconds))


QUIET = """
summary = "A circle that nobody follows, and nothing goes wrong."
seconds = 20
peers = {0}
circle_size = {0}
"""


@pytest.mark.parametrize("people", [3, 12, 16, 17, 22])
def test_a_circle_that_nobody_follows_is_lit_and_keeps_its_promises(people: int) -> None:
    city = _city(QUIET.format(people), people)

    city.run()

    told = report(city)
    assert told["violations"] == []
    assert told["verdict"] == "pass"


def test_a_gathering_hangs_together_with_few_links_each() -> None:
    crowd = meadow(500, 300, 1)
    degrees = [0] * 500
    for low, high in crowd.pairs:
        degrees[low] += 1
        degrees[high] += 1

    assert [len(group) for group in crowd.groups] == [VOTERS_USUAL_MAX, VOTERS_USUAL_MAX]
    assert [len(who) for who in crowd.followers] == [278, 178]
    assert 8 <= sum(degrees) / 500 <= 12
    reached, edge = {0}, [0]
    while edge:
        here = edge.pop()
        near = [low + high - here for low, high in crowd.pairs if here in (low, high)]
        edge += [other for other in near if other not in reached]
        reached.update(near)
    assert reached == set(range(300)), "the second circle stands apart"


def test_everybody_is_back_after_a_blackout() -> None:
    text = SIDES.partition("[[fault]]")[0].replace("seconds = 38", "seconds = 18") + (
        '[[fault]]\nkind = "blackout"\nat_s = 6\noutage_s = 1\nspread_s = 2\n'
    )
    city = _city(text)

    city.run()

    found = report(city)
    assert found["verdict"] == "pass", found["violations"]
    recommit = found["figures"]["recommit"]
    assert recommit is not None
    assert recommit["missing"] == 0
    assert recommit["max_s"] < 10


@pytest.mark.spec("LSE-007", "SPR-035", "BCN-004")
@pytest.mark.parametrize("is_planted", [False, True])
def test_a_cut_off_side_goes_dark_and_the_check_sees_it_if_not(
    monkeypatch: pytest.MonkeyPatch, is_planted: bool
) -> None:
    if is_planted:
        monkeypatch.setattr(CircleClock, "quorum_heard_until_ns", lambda *_: 2**62)
    city = _city(SIDES)

    city.run()

    rules = {one.rule for one in city.violations.kept}
    assert rules == ({"I8"} if is_planted else set())


def test_nothing_is_decided_where_few_hear_one_another_and_the_check_sees_it_if_it_is() -> None:
    chosen = scenario.parse("meadow", ISLANDS, "meadow.toml")
    plan = Plan(chosen, meadow(PEERS, chosen.circle_size, 2), 2, chosen.seconds)
    sound, broken = City(plan), infested(plan, planted.DecidesForAll)

    sound.run()
    broken.run()

    assert sound.violations.kept == []
    assert sound.violations.judged["I14"] > 0
    assert "I14" in {one.rule for one in broken.violations.kept}


def test_what_nobody_signed_counts_for_nothing() -> None:
    city = _city(SIDES)
    check: FarCheck = city.checks.far
    follower = city.devices[city.circles[0].followers[0]]

    check.heard(follower, Beacons((Beacon(1, 5, 1, True, bytes(64)),)))
    check.heard(follower, Told(bytes(16), 1, b"\xa0", bytes(64)))

    assert not follower.far_heard
    assert not follower.far_read


def test_circle_size_is_written_back_and_offered_as_an_option() -> None:
    import argparse

    chosen = scenario.parse("meadow", SIDES, "meadow.toml")
    assert scenario.parse("meadow", scenario.render(chosen), "again.toml") == chosen
    assert "circle_size" not in scenario.render(scenario.load("calm"))
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    assert parser.parse_args(["run", "calm", "--circle-size", "9"]).circle_size == 9


def test_two_answers_to_who_is_in_which_circle_are_refused() -> None:
    order = Recipe(replace(scenario.load("goodcase"), circle_size=9), 1)

    with pytest.raises(SettingsError, match="circle_size 9: expected none"):
        crowd(order)
