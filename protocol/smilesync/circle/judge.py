"""What a voter asks of a proposal, in two halves: of every value, and of fresh ones only.

The first half follows from what is decided and from the genesis, so every voter finds the same.
The second depends on who judges, on its clock, on whom it hears and what it holds: asked of a
carried value it would let the circle deadlock. Source: SPEC sections Validity, Membership.
"""

from smilesync.circle.circumstances import Circumstances, Moment
from smilesync.circle.lawful import seats_after, successors
from smilesync.circle.validity import (
    Head,
    Reason,
    Verdict,
    v1_extends_head,
    v4_lease,
    v5_timely,
    v8_pattern,
)
from smilesync.circle.value import Value
from smilesync.errors import Malformed


def of_every_value(value: Value, head: Head, around: Circumstances) -> Reason | None:
    """V1, V4, V8 and the lawful half of V6."""
    if around.state is None:
        return Reason("CIR-021", Verdict.KEEP, "the state before it is not known")
    try:
        roster, state = successors(value, around.roster, around.state, around.parameters)
    except Malformed as error:
        return Reason(error.rule, Verdict.REJECT, error.detail)
    return (
        v1_extends_head(value, head, roster.hash, state.hash(roster.circle))
        or v4_lease(value, head, around.parameters)
        or v8_pattern(value, around.check_pattern)
    )


def of_a_fresh_value(
    value: Value, around: Circumstances, moment: Moment, leader: int
) -> Reason | None:
    """V5, V7 and the observed half of V6; never a final no, since a certificate may come.

    But for a link that is said to be another's than its leader's.
    """
    if value.reveal is not None and value.reveal.place != leader:
        return Reason("ROT-004", Verdict.REJECT, "a link in the name of another than its leader")
    reason = v5_timely(value, moment.circle_us, around.parameters)
    if reason is not None or value.changes.are_none:
        return reason
    after = seats_after(value, around.roster)
    assert after is not None, "asked after `of_every_value`"
    if around.witness is None:
        return Reason("MEM-030", Verdict.KEEP, "nobody here saw what it says")
    return around.witness.objection(value.changes, after, value.not_before_us, moment.now_ns)


def of_a_merger(value: Value, head: Head, around: Circumstances, now_ns: int) -> Reason | None:
    """Ask of a fresh value whether this voter, too, met the circle that it would merge with."""
    if value.merging is None:
        return None
    if around.matchmaker is None:
        return Reason("MRG-020", Verdict.KEEP, "nobody here met the circle that it names")
    return around.matchmaker.objection(value.merging, head, around, now_ns)
