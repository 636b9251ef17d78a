"""A festival: people come and go, seats change hands, and none is lost unlawfully."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from smilesim import recipe, scenario
from smilesim.city import City
from smilesim.faults.kind import Fault
from smilesim.faults.table import KINDS, UNDRAWN
from smilesim.recipe import Recipe
from smilesim.report import report
from smilesim.rolls import SeatStep
from smilesim.scenario import Scenario
from smilesim.seatcheck import RULE, SPARE_TICKS
from smilesync.effects import Rung

BUSY = {"come_percent_per_min": 60, "go_percent_per_min": 60, "founder_percent": 30}


def _festival(peers: int, seed: int, **numbers: float) -> City:
    chosen = scenario.load("festival-churn")
    faults = tuple(replace(one, numbers={**one.numbers, **numbers}) for one in chosen.faults)
    order = Recipe(replace(chosen, peers=peers, faults=faults), seed, keep_going=True)
    return recipe.settle(order, recipe.crowd(order))


@pytest.fixture(scope="module")
def lived() -> City:
    city = _festival(60, 1, **BUSY)
    city.run()
    return city


def test_seats_are_given_and_taken_and_every_promise_holds(lived: City) -> None:
    result = report(lived)

    assert result["violations"] == []
    figures = result["figures"]
    assert (figures["arrivals_per_min"] or 0) >= 20
    assert (figures["departures_per_min"] or 0) >= 20
    assert figures["seats_given"] >= 1
    assert figures["seats_taken"] >= 2
    assert figures["people_admitted"] >= 1
    assert figures["seats_lost"] == 0
    assert 1 <= figures["views_most"] <= 3
    seen = {row["name"]: row["result"] for row in result["properties"]}
    assert seen[RULE] == "held"
    assert seen["seat-given"] == seen["seat-taken"] == "seen"


def test_the_script_is_pure_and_as_busy_as_it_says() -> None:
    city = _festival(100, 3)
    fault = city.plan.scenario.faults[0]
    script = KINDS["churn"].script

    ticks = [step.tick for step in script(fault, city.faults.ground)]

    assert ticks == [step.tick for step in script(fault, city.faults.ground)]
    assert ticks == sorted(ticks)
    assert ticks != [step.tick for step in script(fault, replace(city.faults.ground, seed=4))]
    assert fault.kind in UNDRAWN


def test_founders_are_never_out_all_at_once() -> None:
    city = _festival(60, 2, go_percent_per_min=600, founder_percent=100, goodbye_percent=100)
    city.run()

    assert report(city)["figures"]["slots_decided"] > 5
    assert len(city.circles[0].voters) >= 22 - 3


@pytest.mark.parametrize(("streak_began", "is_lost"), [(0, True), (5_000, False), (None, False)])
def test_a_seat_is_lost_if_its_voter_was_heard_all_the_time(
    streak_began: int | None, is_lost: bool
) -> None:
    city = _festival(30, 1)
    check, circle = city.checks.seats, city.circles[0]
    voter = circle.voters[0]
    step = SeatStep(3, b"v", (voter,), (), removed=1, admitted=0, left=0)
    check._first_vote[circle.index][3, b"v"] = 5_000 + SPARE_TICKS - 1
    if streak_began is not None:
        check._heard_since[voter] = streak_began

    check._judge(city.devices[voter], circle, step, 9_000)

    assert [one.rule for one in city.violations.kept] == [RULE] * is_lost
    assert check.taken == 1


@pytest.mark.spec("NBR-002")
@pytest.mark.parametrize(("met_tick", "rules"), [(45_000, []), (44_000, ["I13"]), (None, ["I13"])])
def test_a_handshake_is_company_for_five_seconds_without_a_word(
    met_tick: int | None, rules: list[str]
) -> None:
    city = _festival(30, 1)
    device, check = city.devices[0], city.checks.bounds
    if met_tick is not None:
        check.met(device, met_tick)

    check._must_be_in_time(device, Rung.HARMONY, 50_000)

    assert [one.rule for one in city.violations.kept] == rules


def _names(faults: Sequence[Fault]) -> list[str]:
    return [fault.kind for fault in faults]


def test_the_scenario_is_one_governed_circle_whoever_comes() -> None:
    chosen: Scenario = scenario.load("festival-churn")

    assert chosen.is_governed
    assert _names(chosen.faults) == ["churn"]
    assert len(_festival(300, 1).circles) == 1
