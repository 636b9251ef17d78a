"""What a leader proposes when it carries nothing: today's pattern, in the lease after the last.

The same pattern goes on without a seam; its lease may then be longer (`validity.lease_length_us`).
Source: SPEC sections Voting (CIR-016) and Validity.
"""

from dataclasses import replace
from typing import NamedTuple

from smilesync.circle.changes import NO_CHANGES, Changes
from smilesync.circle.circumstances import Circumstances, Moment
from smilesync.circle.draw import Reveal, next_reveal
from smilesync.circle.genesis import Policy
from smilesync.circle.inputs import Counts
from smilesync.circle.lawful import completed, following
from smilesync.circle.offer import Merging, after_merging
from smilesync.circle.validity import Head, expected_previous, lease_length_us
from smilesync.circle.value import Value

NO_STATE = bytes(32)
VIEWS_THAT_MERGE = 2
"""In later views of a slot nothing may hang on who met whom."""


class Draft(NamedTuple):
    """What is new in a fresh value: all else follows from the head and the time."""

    pattern: bytes
    changes: Changes
    inputs: Counts | None
    view: int


def fresh_value(draft: Draft, moment: Moment, *, head: Head, around: Circumstances) -> Value:
    """Return the value that shows a pattern as soon as the head's lease and the lead allow.

    The state and the time are known, and the changes are lawful at that time. A value that merges
    leaves them for a later one.
    """
    assert moment.circle_us is not None
    pattern, changes, inputs, view = draft
    parameters, last = around.parameters, head.value
    begin_us = begins_us(moment.circle_us, head, around)
    merging = _merging(head, around, begin_us, moment.now_ns) if view <= VIEWS_THAT_MERGE else None
    changes = changes if merging is None else NO_CHANGES
    start_us = last.start_us if last is not None and last.pattern == pattern else begin_us
    previous, previous_start_us = expected_previous(pattern, start_us, head)
    assert around.state is not None
    roster, changed = following(changes, around.roster, around.state, begin_us, parameters)
    value = Value(
        slot=head.slot + 1,
        parent=head.hash,
        not_before_us=begin_us,
        not_after_us=begin_us + parameters.lease_us,
        pattern=pattern,
        start_us=start_us,
        previous=previous,
        previous_start_us=previous_start_us,
        fade_us=around.config.fade_us,
        roster_hash=roster.hash,
        state_hash=NO_STATE,
        changes=changes,
        inputs=inputs,
        reveal=_reveal(head.slot + 1, around),
        merging=merging,
    )
    merged = after_merging(changed, merging, begin_us, roster.circle, parameters)
    state = completed((around.state, merged), value, (around.roster, roster))
    end_us = begin_us + lease_length_us(value, head, parameters)
    return replace(value, not_after_us=end_us, state_hash=state.hash(roster.circle))


def _merging(head: Head, around: Circumstances, begin_us: int, now_ns: int) -> Merging | None:
    """Return what a value that begins then would do to merge with another circle."""
    matchmaker = around.matchmaker
    return matchmaker.choose(head, around, begin_us, now_ns) if matchmaker is not None else None


def _reveal(slot: int, around: Circumstances) -> Reveal | None:
    """Return what this leader does for the next seed; a closed circle has none."""
    state, me, signer = around.state, around.me, around.signer
    if around.parameters.policy is Policy.CLOSED or state is None or me is None or signer is None:
        return None
    return next_reveal(state.draw, slot, me, signer, around.roster.circle)


def begins_us(circle_us: int, head: Head, around: Circumstances) -> int:
    """Return when a value proposed at `circle_us` begins."""
    return max(head.not_after_us, circle_us + around.parameters.lead_us)
