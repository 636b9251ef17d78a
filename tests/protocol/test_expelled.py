"""Who was expelled stays out, however many others accuse themselves to be listed after it."""

import pytest

from smilesync.circle.changes import Admission, Changes, Cited
from smilesync.circle.draw import Anchor, Draw
from smilesync.circle.former import FORMER_MAX, Former
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.lawful import following
from smilesync.circle.roster import Seat
from smilesync.circle.state import (
    EXPELLED_MAX,
    STRUCK_MAX,
    Guest,
    State,
    Waiting,
    state_of,
)
from smilesync.config import PIECED_BYTES_MAX, ROSTER_MAX
from smilesync.errors import Malformed
from smilesync.ids import PeerId, VoterKey
from smilesync.wire import records
from support.lab import Lab

ROSTER = Lab(5, silent=frozenset(range(5))).roster
OPEN = Parameters(policy=Policy.OPEN)
AT_US = 10**9


def seat(number: int) -> Seat:
    name = number.to_bytes(2, "big")
    return Seat(VoterKey(b"v" + name * 15 + b"."), PeerId(b"i" + name * 15 + b"."))


def admitted(one: Seat) -> Changes:
    return Changes(admitted=(Admission(one.identity, one.identity, one.voter, None),))


def expelled(one: Seat, removed: int = 0) -> Changes:
    return Changes(expelled=(Cited(one.identity, one.identity),), removed=removed)


def _is_admitted(one: Seat, state: State) -> bool:
    try:
        following(admitted(one), ROSTER, state, AT_US, OPEN)
    except Malformed:
        return False
    return True


@pytest.mark.spec("MEM-005", "MEM-018", "PTN-006")
def test_sybils_that_accuse_themselves_push_no_expelled_voter_off_the_list() -> None:
    liar = ROSTER.seats[4]
    _, state = following(expelled(liar, 0b10000), ROSTER, State(), AT_US, OPEN)
    after = ROSTER.changed(0b10000, ())

    for number in range(2 * STRUCK_MAX):
        _, state = following(admitted(seat(number)), after, state, AT_US, OPEN)
        _, state = following(expelled(seat(number)), after, state, AT_US, OPEN)

    assert state.expelled == (liar.identity,)
    assert state.is_out(liar.identity)
    assert not _is_admitted(liar, state)
    assert len(state.struck) == STRUCK_MAX
    assert state.is_out(seat(2 * STRUCK_MAX - 1).identity)
    assert not state.is_out(seat(0).identity), "of those who never had a seat the newest stay"


@pytest.mark.spec("MEM-005", "PTN-006")
def test_a_voter_that_was_removed_for_absence_counts_as_one_that_had_a_seat() -> None:
    former = Waiting(seat(7), 0)

    _, state = following(expelled(seat(7)), ROSTER, State((former,)), AT_US, OPEN)

    assert (state.expelled, state.struck) == ((seat(7).identity,), ())


@pytest.mark.spec("MEM-005", "PTN-006")
def test_a_circle_that_expelled_as_many_as_it_can_list_admits_nobody_any_more() -> None:
    liars = tuple(seat(number).identity for number in range(EXPELLED_MAX))
    almost, full = State(expelled=liars[:-1]), State(expelled=liars)
    assert _is_admitted(seat(99), almost)

    _, state = following(expelled(ROSTER.seats[4], 0b10000), ROSTER, full, AT_US, OPEN)

    assert state.expelled == liars, "nobody is forgotten"
    for one in (ROSTER.seats[4], seat(99)):
        with pytest.raises(Malformed) as caught:
            following(admitted(one), ROSTER.changed(0b10000, ()), state, AT_US, OPEN)
        assert caught.value.rule == "PTN-006"


@pytest.mark.spec("MEM-004", "MEM-023", "JRN-004")
def test_the_largest_state_is_told_in_pieces_and_kept_beside_the_largest_roster() -> None:
    latest = 2**53 - 1
    many = [PeerId(bytes([number]) * 32) for number in range(96)]
    anchors = tuple(Anchor(VoterKey(bytes([n]) * 32), bytes(32), latest) for n in range(22))
    state = State(
        tuple(Waiting(seat(n), latest) for n in range(22)),
        tuple(Guest(one, one, latest) for one in many),
        tuple(many[:EXPELLED_MAX]),
        tuple(many[:STRUCK_MAX]),
        Draw(bytes(32), bytes(32), latest, latest, anchors),
        latest,
        tuple(Former(*seat(n), latest) for n in range(FORMER_MAX)),
    )
    roster = bytes(1 + 64 * ROSTER_MAX)

    assert len(state.encode()) <= PIECED_BYTES_MAX
    assert state_of(state.encode()) == state
    kept = records.Seated(latest, roster, state.encode())
    assert records.decode(records.encode(kept)) == kept
