"""What makes a proposed value acceptable: V1, V4, V5, V8 and V9, each a named function.

A test returns None when the value passes, else the verdict. V1, V4 and V8 hold for every value;
V5 depends on the voter's clock and V9 on whom it heard; both are asked of fresh values only: a
value carried from an earlier view was fresh to q voters once, and testing it again would let the
circle deadlock. V2 and V3 need certificates and are in slot.py; V6 is in lawful.py, what
V6 and V7 ask of a voter's own eyes in witness.py; judge.py puts all together.
Source: SPEC section Validity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from smilesync.circle.genesis import LEASE_US_MAX, Parameters
from smilesync.circle.inputs import Counts, is_plausible
from smilesync.circle.value import Value
from smilesync.ids import ValueHash

PatternCheck = Callable[[bytes], str | None]
"""Returns the ID of the first broken static condition of an encoded pattern, or None."""


class Verdict(Enum):
    """What to do with a proposal now."""

    ACCEPT = "accept"
    KEEP = "keep"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Head:
    """What a value must extend: the decided value before it, or the genesis."""

    slot: int
    hash: ValueHash
    not_after_us: int
    value: Value | None

    @property
    def is_last(self) -> bool:
        """Did it end the circle? Then nothing extends it."""
        return self.value is not None and self.value.is_last


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a value is not accepted: the SPEC ID, and whether waiting may mend it."""

    rule: str
    verdict: Verdict
    detail: str


def v1_extends_head(value: Value, head: Head, roster_hash: bytes, state: bytes) -> Reason | None:
    """V1: slot, parent, roster, state and previous pattern are exactly what the head says."""
    if value.slot != head.slot + 1 or value.parent != head.hash:
        return Reason("CIR-021", Verdict.REJECT, "does not extend the decided value")
    if value.roster_hash != roster_hash or value.state_hash != state:
        return Reason("CIR-021", Verdict.REJECT, "names another roster or state")
    expected = expected_previous(value.pattern, value.start_us, head)
    if (value.previous, value.previous_start_us) != expected:
        return Reason("CIR-022", Verdict.REJECT, "fades from another pattern than the decided one")
    return None


def v4_lease(value: Value, head: Head, parameters: Parameters) -> Reason | None:
    """V4: leases do not overlap and have exactly the length they must have."""
    if value.not_before_us < head.not_after_us:
        return Reason("CIR-024", Verdict.REJECT, "begins before the last lease ends")
    length_us = lease_length_us(value, head, parameters)
    if value.not_after_us - value.not_before_us != length_us:
        return Reason("CIR-024", Verdict.REJECT, f"has another length than {length_us} us")
    return None


def lease_length_us(value: Value, head: Head, parameters: Parameters) -> int:
    """Return L(h): twice as long as the last lease while nothing changes, else the base length.

    `value` need not have its end yet. A lease that does not touch the last one renews nothing.
    """
    last = head.value
    if last is None or value.not_before_us != last.not_after_us:
        return parameters.lease_us
    # Not the state hash: lots that are drawn for later slots change nothing in this one.
    changeable = (value.pattern, value.start_us, value.inputs, value.roster_hash)
    before = (last.pattern, last.start_us, last.inputs, last.roster_hash)
    if changeable != before or not value.changes.are_none or value.merging is not None:
        return parameters.lease_us
    return min(2 * (last.not_after_us - last.not_before_us), LEASE_US_MAX)


def v5_timely(value: Value, circle_us: int | None, parameters: Parameters) -> Reason | None:
    """V5: begins near this voter's own now; `circle_us` is None while it is not SYNCED.

    Never a final no: a certificate that comes later may show the value to be a carried one.
    """
    if circle_us is None:
        return Reason("CIR-025", Verdict.KEEP, "this device's clock is not synchronised")
    latest_us = circle_us + parameters.window_us + parameters.tolerance_us
    if value.not_before_us > latest_us:
        return Reason("CIR-025", Verdict.KEEP, "begins too far ahead")
    if value.not_before_us < circle_us - parameters.lease_us // 2:
        return Reason("CIR-025", Verdict.KEEP, "began too long ago")
    return None


def v9_inputs(value: Value, head: Head, own: Counts, view: int) -> Reason | None:
    """V9: the inputs are those of the slot before, or near what this voter counts itself.

    Never a final no: this voter may hear in a moment what the leader has heard.
    """
    last = head.value.inputs if head.value is not None else None
    if not is_plausible(value.inputs, own, last, view):
        return Reason("INP-005", Verdict.KEEP, "its inputs are not what this voter counts")
    return None


def v8_pattern(value: Value, check: PatternCheck) -> Reason | None:
    """V8: the pattern passes the static light conditions."""
    broken = check(value.pattern)
    if broken is not None:
        return Reason("CIR-028", Verdict.REJECT, f"its pattern breaks {broken}")
    return None


def expected_previous(pattern: bytes, start_us: int, head: Head) -> tuple[bytes | None, int]:
    """Return what a value showing `pattern` must name as previous: nothing on renewal."""
    last = head.value
    if last is None or (last.pattern == pattern and last.start_us == start_us):
        return None, 0
    return last.pattern, last.start_us
