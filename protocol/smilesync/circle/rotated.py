"""What a decided value does when it puts another voter key in the place of one.

The person stays: the seat or the place on the standby list, who invited whom, and evidence against
the key from before. A key comes once and never again, so an old word brings no old key back.
Source: SPEC section Another voter key (RKY-002 to RKY-007).
"""

from collections.abc import Sequence
from dataclasses import replace

from smilesync.circle.changes import Changes, Rotation
from smilesync.circle.former import FORMER_MAX, WAITING_MAX, Former
from smilesync.circle.roster import Roster, Seat
from smilesync.circle.state import State
from smilesync.errors import Malformed
from smilesync.ids import PeerId, VoterKey


def places(roster: Roster, state: State | None) -> list[Seat]:
    """Return those who have a voter key, by the place that names them: with seats, then waiting."""
    waiting = state.standby if state is not None else ()
    return [*roster.seats, *(one.seat for one in waiting)]


def owners(roster: Roster, state: State | None) -> dict[VoterKey, PeerId]:
    """Return whose each voter key is: with a seat, waiting for one, or out of use of late."""
    former = state.former if state is not None else ()
    owner = {one.voter: one.identity for one in former}
    return owner | {seat.voter: seat.identity for seat in places(roster, state)}


def new_keys(changes: Changes, roster: Roster) -> dict[int, VoterKey]:
    """Return the voter keys that seats of `roster` get, by index."""
    return {one.place: one.voter for one in changes.rotated if one.place < roster.size}


def check_rotations(changes: Changes, roster: Roster, state: State) -> None:
    """Raise Malformed unless each is another key, never used, of somebody who just stays."""
    if not changes.rotated:
        return
    is_waiting = any(one.place >= roster.size for one in changes.rotated)
    most = WAITING_MAX if is_waiting else FORMER_MAX
    if len(state.former) + len(changes.rotated) > most:
        raise Malformed("RKY-004", f"more than {most} voter keys went out of use of late")
    voters = [one.voter for one in changes.rotated]
    used = owners(roster, state).keys() | {one.voter for one in changes.admitted}
    if len(set(voters)) < len(voters) or not used.isdisjoint(voters):
        raise Malformed("RKY-003", "a voter key that is in use, or was of late")
    moved = {one.identity for one in (*changes.left, *changes.expelled)}
    moved |= {seat.identity for seat in changes.added}
    moved |= {one for i, one in enumerate(roster.identities) if changes.removed >> i & 1}
    for seat in _whose(changes.rotated, roster, state):
        if seat.identity in moved or state.has_rotated(seat.identity):
            raise Malformed("RKY-002", "another key for who moves, or got one of late")


def after_rotations(
    states: tuple[State, State],
    rotated: Sequence[Rotation],
    slot: int,
    rosters: tuple[Roster, Roster],
) -> State:
    """Return the state with other keys for who waits, and the former ones remembered for a while.

    `states` and `rosters` as for `lawful.completed`. Errors: Malformed for a place of nobody.
    """
    before, state = states
    if not rotated and not before.former:
        return state
    whose = _whose(rotated, rosters[0], before)
    fresh = {seat.identity: one.voter for seat, one in zip(whose, rotated, strict=True)}
    standby = tuple(
        replace(one, seat=Seat(fresh.get(one.seat.identity, one.seat.voter), one.seat.identity))
        for one in state.standby
    )
    inside = {*rosters[1].identities, *(one.seat.identity for one in standby)}
    former = [*before.former, *(Former(*seat, slot) for seat in whose)]
    kept = (one for one in former if one.counts_after(slot) and one.identity in inside)
    return replace(state, standby=standby, former=tuple(kept))


def _whose(rotated: Sequence[Rotation], roster: Roster, state: State) -> list[Seat]:
    """Return who gets another key, with the one from before. Errors: Malformed (RKY-002)."""
    seats = places(roster, state)
    if any(one.place >= len(seats) for one in rotated):
        raise Malformed("RKY-002", "another key for a place of nobody")
    return [seats[one.place] for one in rotated]
