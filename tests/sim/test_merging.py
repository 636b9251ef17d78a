"""A city in which two circles meet: they become one only if both decide so."""

from dataclasses import replace

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import gathering
from smilesim.device import Device
from smilesim.fidelity import DAEMON, FAST
from smilesim.recipe import check_gathering
from smilesync.circle.offer import Dissolve
from smilesync.circle.value import named
from smilesync.commands import Merge
from smilesync.effects import Rung
from smilesync.errors import SettingsError
from smilesync.wire.records import DecidedRecord, Moved

MET_S = 20
MERGED_S = 80
APART = '\n[[fault]]\nkind = "apart"\nat_s = {at_s}\nheal_s = {heal_s}\n'
TEXT = """summary = "Two circles meet."
seconds = {seconds}
peers = {peers}
one_circle = 1
second_circle = {others}
governed = 2
"""


def lived(text: str, seed: int = 1, fidelity: str = FAST) -> City:
    """Return a city that lived through a scenario; nobody broke a promise in it."""
    chosen = scenario.parse("merge", text, "merge")
    people = gathering(chosen.peers, seed, chosen.second_circle)
    city = City(Plan(chosen, people, seed, chosen.seconds), fidelity=fidelity)
    city.run()
    assert not city.crash
    assert [(one.rule, one.detail) for one in city.violations.kept] == []
    return city


def text_of(peers: int, others: int, seconds: int, *faults: str) -> str:
    return TEXT.format(seconds=seconds, peers=peers, others=others) + "".join(faults)


def decided(city: City, kind: type[Dissolve]) -> int:
    """Return how many devices hold a decision of this kind on their disks."""
    found = 0
    for device in city.devices:
        records = [one for one in device.disk.replay() if isinstance(one, DecidedRecord)]
        found += any(isinstance(named(one.body).value.merging, kind) for one in records)
    return found


def is_lit(device: Device) -> bool:
    """Does the lamp show certified light, or hold it between two leases?"""
    return device.scene is not None and device.scene.rung in (Rung.COMMITTED, Rung.HOLD)


def moved(city: City) -> int:
    return sum(any(isinstance(one, Moved) for one in d.disk.replay()) for d in city.devices)


@pytest.mark.spec("MRG-022", "MRG-030", "MRG-032", "MRG-033")
@pytest.mark.parametrize(
    ("peers", "others", "seed"), [(7, 3, 1), (5, 2, 2), (10, 5, 3), (2, 1, 4), (14, 4, 5)]
)
def test_circles_that_meet_show_one_pattern_within_a_minute(
    peers: int, others: int, seed: int
) -> None:
    away = APART.format(at_s=1, heal_s=MET_S)
    city = lived(text_of(peers, others, MET_S + 60, away), seed)

    willing = [device for device in city.devices if device.is_willing]
    assert len({device.circle.index for device in willing if device.circle}) == 1
    values = {device.scene.value_hash for device in willing if device.scene}
    assert len(values) == 1
    assert None not in values
    assert city.violations.judged["I16"] > 10
    assert 0 < moved(city) <= others or 2 * others == peers


@pytest.mark.spec("MRG-020", "MRG-021")
@pytest.mark.parametrize("kind", ["double-voter", "roster-smuggler", "sybil-crowd"])
def test_circles_merge_although_some_of_both_lie(kind: str) -> None:
    away = APART.format(at_s=1, heal_s=MET_S)
    liars = f'\n[[fault]]\nkind = "{kind}"\nat_s = 3\nspread_s = 0\n'
    city = lived(text_of(11, 4, MERGED_S, away, liars))

    honest = [device for device in city.devices if not device.is_villain]
    assert len(honest) == 8
    assert len({device.circle.index for device in honest if device.circle}) == 1
    assert city.world.fired["sybil-statement"] < 5_000, "liars do not incite one another"


@pytest.mark.spec("MRG-033")
def test_it_is_the_same_where_every_byte_is_sealed() -> None:
    city = lived(text_of(4, 1, 60), 6, DAEMON)

    assert moved(city) == 1


@pytest.mark.spec("MRG-012", "MRG-021")
def test_offer_that_nobody_can_take_in_time_changes_nothing() -> None:
    """They are parted again when the offer was made, for longer than it is open."""
    for heal_s in range(30, 50):
        met = lived(text_of(7, 3, heal_s))
        if met.checks.merging.offers:
            break
    assert not decided(met, Dissolve)

    city = lived(text_of(7, 3, 110, APART.format(at_s=heal_s, heal_s=109)))

    assert len(city.checks.merging.offers) == 1
    assert decided(city, Dissolve) == 0
    assert moved(city) == 0
    assert all(is_lit(device) for device in city.devices if device.is_willing)


@pytest.mark.spec("MRG-040")
def test_wearers_who_say_no_stay_what_they_are() -> None:
    no = '\n[[fault]]\nkind = "no-merger"\nat_s = 2\nspread_s = 1\npercent = 60\n'

    city = lived(text_of(7, 3, MERGED_S, no))

    assert city.world.fired["merger-refused"] == 4
    assert moved(city) == 0
    assert decided(city, Dissolve) == 0
    assert all(is_lit(device) for device in city.devices if device.is_willing)


@pytest.mark.spec("MRG-035", "MRG-037")
def test_who_was_off_when_the_circles_merged_comes_after_them() -> None:
    """Power fails here and there while the circles merge; nobody is left behind or shines alone."""
    flat = (
        '\n[[fault]]\nkind = "batteries"\nat_s = 22\nspread_s = 2\npercent = 15\ncharged_s = 90\n'
    )

    city = lived(text_of(7, 3, 160, flat), 3)

    assert len({d.circle.index for d in city.devices if d.circle and d.is_willing}) == 1
    assert all(is_lit(device) for device in city.devices if device.is_willing)


def test_second_circle_needs_somebody_in_the_first() -> None:
    chosen = scenario.parse("merge", text_of(3, 3, 60), "merge")

    with pytest.raises(SettingsError, match="expected more than the 3 of the second circle"):
        check_gathering(chosen)


def test_a_circle_that_cannot_merge_refuses_what_its_wearer_says_and_goes_on() -> None:
    calm = replace(scenario.load("calm"), seconds=5)
    city = City(Plan(calm, gathering(4, 1, 0), 1, calm.seconds))

    city.world.command_at(city.devices[0], 4_000, Merge(agrees=False))
    city.run()

    assert not city.crash
    assert all(is_lit(device) for device in city.devices if device.is_willing)
