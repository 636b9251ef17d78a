"""What a leader proposes when it carries nothing: today's pattern, in the lease after the last.

The same pattern goes on without a seam; its lease may then be longer (`validity.lease_length_us`).
Source: SPEC sections Voting (CIR-016) and Validity.
"""

from dataclasses import replace

from smilesync.circle.circumstances import Circumstances
from smilesync.circle.validity import Head, expected_previous, lease_length_us
from smilesync.circle.value import Value


def fresh_value(pattern: bytes, circle_us: int, head: Head, around: Circumstances) -> Value:
    """Return the value that shows `pattern` as soon as the head's lease and the lead allow."""
    parameters, last = around.parameters, head.value
    begin_us = max(head.not_after_us, circle_us + parameters.lead_us)
    start_us = last.start_us if last is not None and last.pattern == pattern else begin_us
    previous, previous_start_us = expected_previous(pattern, start_us, head)
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
        roster_hash=around.roster.hash,
        state_hash=around.state_hash,
    )
    return replace(value, not_after_us=begin_us + lease_length_us(value, head, parameters))
