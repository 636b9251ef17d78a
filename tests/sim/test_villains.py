"""What villains do to the others, and that the honest hold: one circle for each habit."""

from dataclasses import replace

import pytest

from smilesim import recipe, scenario
from smilesim.city import City
from smilesim.dice import stream
from smilesim.faults.kind import Fault
from smilesim.recipe import Recipe
from smilesim.report import report
from smilesim.villains.cast import VILLAINS
from smilesim.villains.flasher import FLASH
from smilesim.villains.pen import invented, is_own_alone, of_sender
from smilesync.effects import Event
from smilesync.light import conditions
from smilesync.wire.messages import VoteKind, Votes, VoteSet

PEERS, SEED, SECONDS = 7, 1, 26
WISHES = Fault("wishes", 2.0, {"at_s": 2.0, "spread_s": 16.0, "percent": 100.0})


def circle_with(kind: str, *, villains: int | None = None, fidelity: str = "fast") -> City:
    turning = Fault(kind, 2.0, {"at_s": 2.0, "spread_s": 0.0, "percent": 100.0})
    chosen = replace(
        scenario.load("calm"),
        faults=(WISHES, turning),
        seconds=SECONDS,
        peers=PEERS,
        is_one_circle=True,
        villains=villains,
        expect={},
    )
    order = Recipe(chosen, SEED, fidelity, keep_going=True)
    city = recipe.settle(order, recipe.crowd(order))
    city.run()
    return city


@pytest.mark.parametrize("kind", VILLAINS)
def test_f_villains_act_and_the_circle_goes_on_deciding(kind: str) -> None:
    city = circle_with(kind)

    assert report(city)["violations"] == []
    assert city.world.fired[VILLAINS[kind].counts] > 0
    assert sum(device.is_villain for device in city.devices) == 2
    assert city.checks.votes.decided_slots(city.circles[0]) >= 4


@pytest.mark.parametrize("kind", ["equivocator", "double-voter"])
def test_who_signs_twice_is_seen_and_nobody_else_is_accused(kind: str) -> None:
    city = circle_with(kind)

    assert city.world.notices[Event.EQUIVOCATION_SEEN] > 0
    assert city.violations.broken["I15"] == 0


@pytest.mark.parametrize(
    "kind", ["lease-stretcher", "roster-smuggler", "flasher", "forger", "evidence-forger"]
)
def test_what_breaks_a_rule_is_refused_by_the_honest(kind: str) -> None:
    city = circle_with(kind)

    assert city.world.notices[Event.MESSAGE_DROPPED] > 0
    assert city.violations.broken["refused"] == 0


def test_a_sybil_crowd_is_no_company_and_takes_no_room() -> None:
    city = circle_with("sybil-crowd")

    known = {device.identity for device in city.devices}
    for device in city.devices:
        assert device.peer is not None
        statistics = device.peer.statistics(device.oscillator.at(city.world.tick))
        assert {peer for peer, _ in statistics.emotions} <= known
        assert {peer for peer, _ in statistics.neighbours} <= known


def test_twins_are_two_and_found_out_by_the_vote_that_one_does_not_remember() -> None:
    city = circle_with("twins")

    assert city.world.fired["twin-message"] > 50


def test_what_a_flasher_proposes_breaks_a_static_condition() -> None:
    assert conditions.check(FLASH) is not None


def test_villains_leave_the_same_trace_as_bytes() -> None:
    fast, wire = circle_with("equivocator"), circle_with("equivocator", fidelity="wire")

    assert fast.trace.digest() == wire.trace.digest()


def test_a_vote_is_the_own_one_only_if_it_is_alone() -> None:
    mine = VoteSet(VoteKind.NULLIFY, 1, None, 0b10, (bytes(64),))
    both = replace(mine, bitmap=0b11, signatures=(bytes(64), bytes(64)))

    assert is_own_alone(mine, 1)
    assert not is_own_alone(both, 1)
    assert of_sender(Votes(1, (mine, both)), 0) == [(VoteKind.NULLIFY, 1, None)]
    assert of_sender(Votes(1, (mine,)), None) == []
    assert invented(stream(1, "test")) != invented(stream(2, "test"))
