"""Voters of a city that lose their journals, or want another voter key: they vote with it."""

import pytest

from smilesim import recipe, scenario
from smilesim.city import City
from smilesim.faults.table import KINDS, UNDRAWN
from smilesim.recipe import Recipe
from smilesim.report import report


def _lived(text: str, seed: int = 1) -> City:
    chosen = scenario.parse("keys", 'summary = "Other keys."\n' + text, "keys")
    order = Recipe(chosen, seed, keep_going=True)
    city = recipe.settle(order, recipe.crowd(order))
    city.run()
    return city


@pytest.mark.parametrize("seed", [1, 2])
def test_closed_circle_of_four_bears_a_crash_after_a_lost_journal(seed: int) -> None:
    order = Recipe(scenario.load("rotation"), seed, keep_going=True)
    city = recipe.settle(order, recipe.crowd(order))
    keys = {device.index: device.keys.voter.public for device in city.devices}
    city.run()

    result = report(city)
    assert result["violations"] == []
    assert result["verdict"] == "pass"
    changed = [one for one in city.devices if one.keys.voter.public != keys[one.index]]
    assert len(changed) == 1
    assert changed[0].keys.spare is None
    assert not changed[0].is_amnesic
    assert sum(not device.is_on for device in city.devices) == 1


@pytest.mark.parametrize("governed", [0, 1])
def test_voters_take_other_keys_one_after_the_other_while_others_crash(governed: int) -> None:
    city = _lived(
        f"seconds = 70\npeers = 7\none_circle = 1\ngoverned = {governed}\n"
        '[[fault]]\nkind = "wishes"\nat_s = 2\nspread_s = 40\npercent = 100\n'
        '[[fault]]\nkind = "key-rotations"\nat_s = 6\nspread_s = 20\npercent = 50\n'
        '[[fault]]\nkind = "persist-points"\nat_s = 8\npoints = 20\nevery_s = 2\noutage_s = 0.5\n'
    )

    result = report(city)
    assert result["violations"] == []
    assert result["faults"]["voter-key-rotated"] >= 2


def test_scripts_are_pure_and_for_scenarios_that_ask_for_them() -> None:
    order = Recipe(scenario.load("rotation"), 1, keep_going=True)
    city = recipe.settle(order, recipe.crowd(order))
    fault = next(one for one in city.plan.scenario.faults if one.kind == "lost-journals")
    script, ground = KINDS[fault.kind].script, city.faults.ground
    ticks = [step.tick for step in script(fault, ground)]
    assert ticks == [step.tick for step in script(fault, ground)] == sorted(ticks)
    assert {"lost-journals", "key-rotations"} <= UNDRAWN
