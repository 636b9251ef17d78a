"""What a leader proposes to change: who is out, who is away, who gets a seat, who may wait.

In that order, step by step, and each step only if the whole stays lawful and fits a value. From
view 3 on nothing that voters may see differently, but removals that q of them reported: a fresh
value must not fail for ever because of who hears whom. Source: SPEC section Membership (MEM-034).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from smilesync.circle.changes import NAMED_MAX, NO_CHANGES, Changes, Cited
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Policy
from smilesync.circle.lawful import following
from smilesync.circle.roster import Roster
from smilesync.circle.state import State, Waiting
from smilesync.circle.witness import Witness
from smilesync.errors import Malformed
from smilesync.wire import cbor

EARLY_VIEWS = 2
CHANGES_BYTES_MAX = 400
"""Two patterns of 200 bytes, a link and the rest of a value take 623 of its 1024 bytes."""


class Moment(NamedTuple):
    """When a leader chooses: the value's circle us, its view, and local ns."""

    at_us: int
    view: int
    now_ns: int


def choose(around: Circumstances, witness: Witness, moment: Moment) -> Changes:
    """Return the changes of a fresh value."""
    changes, state = NO_CHANGES, around.state
    if state is None:
        return changes
    is_closed = around.parameters.policy is Policy.CLOSED
    steps = _other_keys(witness, moment) if is_closed else _steps(around, state, witness, moment)
    for step in steps:
        more = _merged(changes, step)
        if _is_possible(more, around, state, witness, moment):
            changes = more
    return changes


def _steps(
    around: Circumstances, state: State, witness: Witness, moment: Moment
) -> Iterator[Changes]:
    """Return what might be done, most urgent first, each alone."""
    now_ns, roster = moment.now_ns, around.roster
    if moment.view <= EARLY_VIEWS:
        yield from _put_out(roster, state, witness)
    yield from _other_keys(witness, moment)
    agreed = witness.presence.agreed_away(witness.away(now_ns), now_ns)
    for index in range(roster.size):
        if agreed >> index & 1:
            yield Changes(removed=1 << index)
    if moment.view > EARLY_VIEWS:
        return
    for waiting in _in_order(state):
        if witness.is_near(waiting.seat.identity, now_ns):
            yield Changes(added=(waiting.seat,))
    for admission in witness.pool.admissions(witness.chain.heads, moment.at_us):
        yield Changes(admitted=(admission,))


def _other_keys(witness: Witness, moment: Moment) -> Iterator[Changes]:
    """Return what other voter keys are asked for."""
    if moment.view <= EARLY_VIEWS:
        for rotation in witness.rotations(moment.now_ns):
            yield Changes(rotated=(rotation,))


def _in_order(state: State) -> list[Waiting]:
    """Return who waits: first those drawn by the seed, then who came too late for that one.

    So did who got another voter key of late: it may be made to fit links that were seen.
    """
    draw = state.draw
    if draw is None or not draw.seed:
        return list(state.standby)
    late = [
        one
        for one in state.standby
        if one.since_us >= draw.eligible_us or state.has_rotated(one.seat.identity)
    ]
    drawn = [one for one in state.standby if one not in late]
    return sorted(drawn, key=lambda one: draw.rank(one.seat.voter)) + late


def _put_out(roster: Roster, state: State, witness: Witness) -> Iterator[Changes]:
    """Return whom held proofs expel, and who said that they leave."""
    for name, identity in witness.proofs():
        index = roster.index_of.get(identity)
        removed = 1 << index if index is not None else 0
        yield Changes(expelled=(Cited(name, identity),), removed=removed)
    for leave in witness.pool.leaves():
        index = roster.index_of.get(leave.identity)
        if index is not None or state.waiting(leave.identity) is not None:
            yield Changes(left=(leave,), removed=1 << index if index is not None else 0)


def _merged(one: Changes, other: Changes) -> Changes:
    return replace(
        one,
        expelled=tuple(sorted(one.expelled + other.expelled)),
        admitted=tuple(sorted(one.admitted + other.admitted)),
        left=tuple(sorted(one.left + other.left)),
        removed=one.removed | other.removed,
        added=tuple(sorted(one.added + other.added)),
        rotated=tuple(sorted(one.rotated + other.rotated)),
    )


def _is_possible(
    changes: Changes, around: Circumstances, state: State, witness: Witness, moment: Moment
) -> bool:
    """Would others find it lawful, and this voter itself have nothing against it?"""
    at_us = moment.at_us
    named = changes.expelled, changes.admitted, changes.left, changes.rotated
    if max(map(len, named)) > NAMED_MAX:
        return False
    try:
        after, _ = following(changes, around.roster, state, at_us, around.parameters)
    except Malformed:
        return False
    is_seen = witness.objection(changes, after, at_us, moment.now_ns) is None
    return is_seen and len(cbor.encode(changes.fields())) <= CHANGES_BYTES_MAX
