"""What a value may change about the circle, whoever judges and whenever: the static half of V6.

All of it follows from the value, the roster and the state before it, and the genesis; so it holds
for carried values too. What depends on the voter (who is heard, which objects are held) is in
`witness.py`. Few seats change at once, so that a takeover needs many visible steps.
Source: SPEC section Membership (MEM-010 to MEM-019).
"""

from dataclasses import replace

from smilesync.circle.changes import Admission, Changes
from smilesync.circle.draw import after_slot
from smilesync.circle.genesis import VOTERS_USUAL_MAX, Parameters, Policy
from smilesync.circle.offer import Offer, after_merging
from smilesync.circle.roster import Roster, Seat
from smilesync.circle.rotated import after_rotations, check_rotations, new_keys, owners
from smilesync.circle.state import EMPTY, EXPELLED_MAX, STANDBY_MAX, State
from smilesync.circle.value import Value
from smilesync.errors import Malformed

ABSENCE_SIZE_MIN = 4
"""Absence alone never leaves fewer voters: a circle that can bear a liar stays one that can."""
TENURE_US = 300_000_000
TENURED_SIZE = 8
"""From this many voters on a new one has waited for five minutes, and has few kin in the roster."""
INVITATIONS_MAX = 3

Next = tuple[Roster, State]


def step_max(size: int) -> int:
    """Return how many seats may change in one slot; a replacement counts two."""
    return max(1, size // 4)


def kin_max(size: int) -> int:
    """Return how many seats those may have whom one voter, directly or not, has invited."""
    return -(-size // 8)


def following(
    changes: Changes, roster: Roster, state: State, at_us: int, parameters: Parameters
) -> Next:
    """Return roster and state of the next slot, if a value that begins at `at_us` may do this.

    Errors: Malformed with the rule that forbids it.
    """
    if changes.are_none:
        return roster, state
    if parameters.policy is Policy.CLOSED and not replace(changes, rotated=()).are_none:
        raise Malformed("MEM-010", "a closed circle keeps its founders")
    check_rotations(changes, roster, state)
    keys = new_keys(changes, roster)
    after = roster.changed(changes.removed, changes.added, keys)
    size, moves = after.size, changes.moves + len(keys)
    if moves > step_max(roster.size) or size > max(VOTERS_USUAL_MAX, roster.size):
        raise Malformed("MEM-012", f"{moves} seats change of {roster.size}, to {size}")
    _removals(changes, roster, after)
    for seat in changes.added:
        _addition(seat, after, state, at_us, parameters)
    _admissions(changes, roster, state, at_us, parameters)
    return after, state.after(changes, roster, at_us)


def successors(value: Value, roster: Roster, state: State, parameters: Parameters) -> Next:
    """Return roster and state of the slot after `value`, if it may do what it says.

    Errors: Malformed with the rule that forbids it.
    """
    if value.reveal is not None and parameters.policy is Policy.CLOSED:
        raise Malformed("ROT-001", "a link in a closed circle")
    at_us = value.not_before_us
    after, changed = following(value.changes, roster, state, at_us, parameters)
    merged = after_merging(changed, value.merging, at_us, roster.circle, parameters)
    return after, completed((state, merged), value, (roster, after))


def completed(states: tuple[State, State], value: Value, rosters: tuple[Roster, Roster]) -> State:
    """Return the state with what `value` does for voter keys and seed as well.

    `states`: that of its slot, and the same after its other changes; `rosters`: of its slot, and of
    the next. Errors: Malformed for a link that was not promised, or another key for nobody.
    """
    state = after_rotations(states, value.changes.rotated, value.slot, rosters)
    draw = after_slot(state.draw, value.reveal, value.slot, value.not_before_us, rosters)
    return state if draw == state.draw else replace(state, draw=draw)


def _removals(changes: Changes, roster: Roster, after: Roster) -> None:
    """Who leaves or is expelled loses the seat at once; the others were away."""
    out = {one.identity for one in (*changes.left, *changes.expelled)}
    if len(out) < len(changes.left) + len(changes.expelled):
        raise Malformed("MEM-013", "somebody leaves and is expelled at once")
    if any(identity in after.index_of for identity in out):
        raise Malformed("MEM-013", "somebody who is out keeps a seat")
    removed = [one for i, one in enumerate(roster.identities) if changes.removed >> i & 1]
    if any(one not in out for one in removed) and after.size < ABSENCE_SIZE_MIN:
        raise Malformed("MEM-014", f"absence leaves no fewer than {ABSENCE_SIZE_MIN} voters")


def _addition(seat: Seat, after: Roster, state: State, at_us: int, parameters: Parameters) -> None:
    waiting = state.waiting(seat.identity)
    if waiting is None or waiting.seat != seat:
        raise Malformed("MEM-015", "seats somebody who does not wait for it")
    is_new = waiting.since_us > 0
    waits = is_new and (parameters.policy is Policy.OPEN or after.size >= TENURED_SIZE)
    if waits and at_us < waiting.since_us + TENURE_US:
        raise Malformed("MEM-016", "seats somebody who has not waited for five minutes")
    root = state.root(seat.identity)
    kin = sum(one != root and state.root(one) == root for one in after.identities)
    if root != seat.identity and after.size >= TENURED_SIZE and kin > kin_max(after.size):
        raise Malformed("MEM-017", f"{kin} seats by the invitation of one voter")


def _admissions(
    changes: Changes, roster: Roster, state: State, at_us: int, parameters: Parameters
) -> None:
    named = [one.identity for one in (*changes.left, *changes.expelled)]
    named += [one.identity for one in changes.admitted]
    keys = [one.voter for one in changes.admitted]
    inside = {one.seat.identity for one in state.standby} | set(roster.identities)
    taken = owners(roster, state)
    if len(set(named)) < len(named) or len(set(keys)) < len(keys):
        raise Malformed("MEM-018", "somebody is named twice")
    if any(one.identity not in inside for one in (*changes.left, *changes.expelled)):
        raise Malformed("MEM-013", "somebody is put out who was not in")
    if state.crowding(at_us) + len(changes.admitted) > STANDBY_MAX:
        raise Malformed("MEM-018", f"more than {STANDBY_MAX} would wait for a seat")
    if changes.admitted and len(state.expelled) >= EXPELLED_MAX:
        raise Malformed("PTN-006", f"admits somebody after {EXPELLED_MAX} voters were expelled")
    for one in changes.admitted:
        if one.identity in inside or one.voter in taken or state.is_out(one.identity):
            raise Malformed("MEM-018", "admits somebody who is in already, or was expelled")
        if parameters.policy is Policy.INVITE:
            _invitation(one, changes, roster, state, at_us)
        elif one.inviter is not None:
            raise Malformed("MEM-019", "names an inviter where voters do not invite")


def _invitation(one: Admission, changes: Changes, roster: Roster, state: State, at_us: int) -> None:
    """A voter invited this one, and not too many others of late."""
    if one.inviter is None or one.inviter not in roster.index_of:
        raise Malformed("MEM-019", "admits somebody whom no voter invited")
    count = sum(other.inviter == one.inviter for other in changes.admitted)
    if state.invitations(one.inviter, at_us) + count > INVITATIONS_MAX:
        raise Malformed("MEM-019", f"more than {INVITATIONS_MAX} invitations of a voter per hour")


def seats_after(value: Value, roster: Roster) -> Roster | None:
    """Return the roster that follows a value of a slot with `roster`; None if its hash differs."""
    changes, after = value.changes, roster
    if not changes.are_none:
        try:
            keys = new_keys(changes, roster)
            if changes.moves or keys:
                after = roster.changed(changes.removed, changes.added, keys)
        except Malformed:
            return None
    return after if after.hash == value.roster_hash else None


def state_after(
    value: Value, roster: Roster, state: State | None, *, is_next: bool
) -> State | None:
    """Return the state that follows a decided value; None if it does not follow from `state`.

    `is_next`: `state` is that of the value's slot, not of an earlier one.
    """
    choices = [EMPTY]
    after = seats_after(value, roster)
    if state is not None and not is_next:
        choices.append(state)
    elif state is not None and after is not None:
        changes, at_us = value.changes, value.not_before_us
        changed = state if changes.are_none else state.after(changes, roster, at_us)
        if isinstance(value.merging, Offer):
            changed = replace(changed, offered_us=value.merging.until_us)
        try:
            choices.append(completed((state, changed), value, (roster, after)))
        except Malformed:
            return None
    for choice in choices:
        if choice.hash(roster.circle) == value.state_hash:
            return choice
    return None
