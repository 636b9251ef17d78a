"""The standby list is short, and those who never come do not keep it closed."""

import pytest

from smilesync.circle.changes import Admission, Changes
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.lawful import following
from smilesync.circle.roster import Seat
from smilesync.circle.state import PATIENCE_US, STANDBY_MAX, State, Waiting
from smilesync.errors import Malformed
from smilesync.ids import PeerId, VoterKey
from support.lab import Lab

ROSTER = Lab(5, silent=frozenset(range(5))).roster
OPEN = Parameters(policy=Policy.OPEN)
AT_US = 10 * PATIENCE_US


def seat(number: int) -> Seat:
    return Seat(VoterKey(bytes([1, number]) * 16), PeerId(bytes([2, number]) * 16))


NEW = seat(99)
ADMITTED = Changes(admitted=(Admission(b"h" * 32, NEW.identity, NEW.voter, None),))


def crowd(*since_us: int) -> State:
    return State(tuple(Waiting(seat(n), since) for n, since in enumerate(since_us)))


@pytest.mark.spec("MEM-018")
def test_a_list_of_people_who_came_of_late_is_full() -> None:
    recent = crowd(*[AT_US - PATIENCE_US + 1] * STANDBY_MAX)

    with pytest.raises(Malformed) as caught:
        following(ADMITTED, ROSTER, recent, AT_US, OPEN)

    assert caught.value.rule == "MEM-018"


@pytest.mark.spec("MEM-005", "MEM-018")
def test_who_waited_for_half_an_hour_gives_way_and_nobody_else() -> None:
    since = [AT_US - 1] * STANDBY_MAX
    since[7] = AT_US - PATIENCE_US
    before = crowd(*since)

    _, after = following(ADMITTED, ROSTER, before, AT_US, OPEN)

    names = [one.seat for one in after.standby]
    assert names == [*(seat(n) for n in range(STANDBY_MAX) if n != 7), NEW]


@pytest.mark.spec("MEM-005")
def test_who_lost_a_seat_comes_in_and_the_first_gives_way_where_all_are_recent() -> None:
    before = crowd(*[AT_US - 1] * STANDBY_MAX)

    after = before.after(Changes(removed=0b1), ROSTER, AT_US)

    assert after.standby[:-1] == before.standby[1:]
    assert after.standby[-1] == Waiting(ROSTER.seats[0], 0)
