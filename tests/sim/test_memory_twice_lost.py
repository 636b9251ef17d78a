"""Named seeds: memory of one circle that is lost in two ways at once, within what may be faulty.

A voter whose disk lied counts among the f faulty ones. What binds it is what the others tell it of,
and nobody can tell whose own memory is gone as well.
"""

import pytest

from smilesim.city import City
from smilesim.recipe import Recipe, crowd, settle
from smilesim.scenario import parse

AIR = """
[weather]
delay_ms_min = 2
delay_ms_span = 8
"""

AMNESIA_UNDONE = """
seconds = 14
peers = 4
[[fault]]
kind = "restored-backup"
at_s = 4.6
spread_s = 0
percent = 0.1
age_s = 2
outage_s = 0.1
[[fault]]
kind = "bit-flips"
at_s = 5.7
spread_s = 0
percent = 0.1
outage_s = 0.1
"""
TOLD_AND_PUT_BACK = """
seconds = 30
peers = 4
[[fault]]
kind = "restored-backup"
at_s = 11.2
spread_s = 1.5
percent = 0.1
age_s = 0.5
outage_s = 0.1
[[fault]]
kind = "lost-writes"
at_s = 12.3
spread_s = 0.8
percent = 0.1
records = 2
outage_s = 0.1
"""
NOBODY_LEFT_TO_TELL = """
seconds = 22
peers = 12
[[fault]]
kind = "disk-full"
at_s = 11.5
heal_s = 18
percent = 41.5
retry_s = 0.5
[[fault]]
kind = "lost-writes"
at_s = 13.5
spread_s = 0
percent = 0.1
records = 2
outage_s = 0.1
"""
AMNESIA_LOST = """
seconds = 33
peers = 16
[[fault]]
kind = "restored-backup"
at_s = 7.5
spread_s = 0
percent = 0.1
age_s = 1
outage_s = 0.1
[[fault]]
kind = "lost-writes"
at_s = 16.6
spread_s = 0
percent = 0.1
records = 4
outage_s = 0.1
"""


def lived(text: str, seed: int) -> City:
    recipe = Recipe(parse("lost", f'summary = ""\n{text}{AIR}', "lost"), seed, keep_going=True)
    city = settle(recipe, crowd(recipe))
    city.run()
    return city


def broken(city: City) -> list[tuple[str, int, str]]:
    return [(one.rule, one.peer, one.detail) for one in city.violations.kept]


@pytest.mark.parametrize(
    ("text", "seed", "voter"), [(AMNESIA_UNDONE, 1295, 1), (TOLD_AND_PUT_BACK, 678, 3)]
)
def test_a_backup_from_before_amnesia_that_holds_all_votes_undoes_it(
    text: str, seed: int, voter: int
) -> None:
    city = lived(text, seed)

    assert broken(city) == []
    assert city.checks.coverage.seen["became-amnesic"] == 1
    assert not city.devices[voter].is_amnesic


def test_who_lost_a_vote_of_which_all_others_lost_power_may_sign_another() -> None:
    city = lived(NOBODY_LEFT_TO_TELL, 452)

    assert broken(city) == []
    assert city.world.fired["forgotten-record"] == 2


def test_who_lost_the_record_of_an_amnesia_that_binds_no_more_may_vote() -> None:
    """The slot of the forgotten vote is decided by then, so nobody has anything to tell it."""
    city = lived(AMNESIA_LOST, 4465)

    assert broken(city) == []
    assert city.checks.coverage.seen["became-amnesic"] == 1
    assert not city.devices[0].is_amnesic
