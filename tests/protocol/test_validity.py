"""V1, V4, V5 and V8, one at a time, with the verdict of each."""

from dataclasses import replace

import pytest

from smilesync.circle.changes import Changes, Cited
from smilesync.circle.draw import Reveal
from smilesync.circle.genesis import Parameters
from smilesync.circle.validity import (
    Head,
    Reason,
    Verdict,
    expected_previous,
    lease_length_us,
    v1_extends_head,
    v4_lease,
    v5_timely,
    v8_pattern,
)
from smilesync.circle.value import Value
from smilesync.ids import PeerId, ValueHash

ROSTER, STATE = b"r" * 32, b"s" * 32
PARAMETERS = Parameters()
GENESIS = Head(0, ValueHash(bytes(32)), 0, None)
FIRST = Value(
    slot=1,
    parent=ValueHash(bytes(32)),
    not_before_us=10_000_000,
    not_after_us=14_000_000,
    pattern=b"p",
    start_us=10_000_000,
    previous=None,
    previous_start_us=0,
    fade_us=2_000_000,
    roster_hash=ROSTER,
    state_hash=STATE,
)
HEAD = Head(1, ValueHash(b"h" * 32), 14_000_000, FIRST)
NEXT = replace(
    FIRST,
    slot=2,
    parent=HEAD.hash,
    not_before_us=14_000_000,
    not_after_us=18_000_000,
    pattern=b"q",
    start_us=14_000_000,
    previous=b"p",
    previous_start_us=10_000_000,
)
RENEWAL = replace(NEXT, pattern=b"p", start_us=10_000_000, previous=None, previous_start_us=0)


def _extends(value: Value, head: Head) -> Reason | None:
    return v1_extends_head(value, head, ROSTER, STATE)


@pytest.mark.spec("CIR-021", "CIR-022")
@pytest.mark.parametrize(
    ("value", "head"),
    [(FIRST, GENESIS), (NEXT, HEAD), (RENEWAL, HEAD)],
    ids=["first", "other pattern", "renewal"],
)
def test_value_that_extends_the_head_passes(value: Value, head: Head) -> None:
    assert _extends(value, head) is None


@pytest.mark.spec("CIR-021")
@pytest.mark.parametrize(
    "value",
    [
        replace(NEXT, slot=3),
        replace(NEXT, parent=ValueHash(bytes(32))),
        replace(NEXT, roster_hash=bytes(32)),
        replace(NEXT, state_hash=bytes(32)),
    ],
    ids=["slot", "parent", "roster", "state"],
)
def test_value_that_extends_something_else_is_rejected(value: Value) -> None:
    reason = _extends(value, HEAD)

    assert reason is not None
    assert (reason.rule, reason.verdict) == ("CIR-021", Verdict.REJECT)


@pytest.mark.spec("CIR-022")
@pytest.mark.parametrize(
    ("value", "head"),
    [
        (replace(NEXT, previous=None, previous_start_us=0), HEAD),
        (replace(NEXT, previous=b"x"), HEAD),
        (replace(NEXT, previous_start_us=1), HEAD),
        (replace(RENEWAL, previous=b"p", previous_start_us=10_000_000), HEAD),
        (replace(FIRST, previous=b"p", previous_start_us=0), GENESIS),
        (replace(RENEWAL, start_us=14_000_000), HEAD),
    ],
    ids=["absent", "other", "other start", "on renewal", "in slot 1", "same pattern anew"],
)
def test_value_that_fades_from_something_else_is_rejected(value: Value, head: Head) -> None:
    reason = _extends(value, head)

    assert reason is not None
    assert (reason.rule, reason.verdict) == ("CIR-022", Verdict.REJECT)


def test_expected_previous_is_nothing_on_renewal() -> None:
    assert expected_previous(b"p", 10_000_000, HEAD) == (None, 0)
    assert expected_previous(b"p", 14_000_000, HEAD) == (b"p", 10_000_000)
    assert expected_previous(b"p", 0, GENESIS) == (None, 0)


@pytest.mark.spec("CIR-024")
@pytest.mark.parametrize(
    ("begin_us", "end_us", "is_lawful"),
    [
        (14_000_000, 18_000_000, True),
        (15_000_000, 19_000_000, True),
        (13_999_999, 17_999_999, False),
        (14_000_000, 18_000_001, False),
        (14_000_000, 17_999_999, False),
    ],
)
def test_leases_of_new_patterns_do_not_overlap_and_have_one_length(
    begin_us: int, end_us: int, is_lawful: bool
) -> None:
    reason = v4_lease(replace(NEXT, not_before_us=begin_us, not_after_us=end_us), HEAD, PARAMETERS)

    assert (reason is None) == is_lawful
    if reason is not None:
        assert (reason.rule, reason.verdict) == ("CIR-024", Verdict.REJECT)


def _renewal(length_us: int, last_us: int, **changes: object) -> tuple[Value, Head]:
    """Return a renewal of that length, after a lease of `last_us`, with `changes`."""
    last = replace(FIRST, not_after_us=FIRST.not_before_us + last_us)
    head = replace(HEAD, not_after_us=last.not_after_us, value=last)
    begin_us = last.not_after_us
    value = replace(RENEWAL, not_before_us=begin_us, not_after_us=begin_us + length_us)
    return replace(value, **changes), head  # type: ignore[arg-type]  # names are Value's


@pytest.mark.spec("CIR-024", "CIR-045")
@pytest.mark.parametrize(
    ("last_us", "length_us"),
    [
        (4_000_000, 8_000_000),
        (8_000_000, 16_000_000),
        (16_000_000, 16_000_000),
        (10_000_000, 16_000_000),
        (5_000_001, 10_000_002),
    ],
)
def test_renewal_doubles_the_lease_and_never_beyond_16_s(last_us: int, length_us: int) -> None:
    value, head = _renewal(length_us, last_us)

    assert lease_length_us(value, head, PARAMETERS) == length_us
    assert v4_lease(value, head, PARAMETERS) is None
    for wrong_us in (length_us - 1, length_us + 1, 4_000_000, 2 * last_us + 2, 32_000_000):
        reason = v4_lease(*_renewal(wrong_us, last_us), PARAMETERS)
        assert reason is not None
        assert (reason.rule, reason.verdict) == ("CIR-024", Verdict.REJECT)


@pytest.mark.spec("CIR-024", "CIR-045")
@pytest.mark.parametrize(
    "changes",
    [
        {"pattern": b"q"},
        {"start_us": 10_000_001},
        {"roster_hash": bytes(32)},
        {"inputs": (5, 0, 0, 0, 0)},
        {"changes": Changes(left=(Cited(bytes(32), PeerId(bytes(32))),))},
        {"not_before_us": 18_000_001},
    ],
    ids=["pattern", "start", "roster", "inputs", "people", "lapsed"],
)
def test_lease_that_renews_nothing_has_the_base_length_and_no_other(
    changes: dict[str, object],
) -> None:
    value, head = _renewal(4_000_000, 8_000_000, **changes)
    value = replace(value, not_after_us=value.not_before_us + 4_000_000)

    assert v4_lease(value, head, PARAMETERS) is None
    for length_us in (8_000_000, 16_000_000):
        longer = replace(value, not_after_us=value.not_before_us + length_us)
        assert v4_lease(longer, head, PARAMETERS) is not None


@pytest.mark.spec("CIR-045")
def test_lots_for_later_slots_end_no_renewal() -> None:
    drawn = {"state_hash": bytes(32), "reveal": Reveal(0, bytes(32))}

    value, head = _renewal(16_000_000, 8_000_000, **drawn)

    assert v4_lease(value, head, PARAMETERS) is None


@pytest.mark.spec("CIR-045")
def test_base_length_is_the_circles_own() -> None:
    slow = Parameters(lease_us=10_000_000)

    assert lease_length_us(FIRST, GENESIS, slow) == 10_000_000
    assert lease_length_us(NEXT, HEAD, slow) == 10_000_000
    assert lease_length_us(*_renewal(0, 10_000_000), slow) == 16_000_000


BEGIN_US = FIRST.not_before_us


@pytest.mark.spec("CIR-025")
@pytest.mark.parametrize(
    ("circle_us", "is_timely"),
    [
        (BEGIN_US, True),
        (BEGIN_US - 1_540_000, True),
        (BEGIN_US - 1_540_001, False),
        (BEGIN_US + 2_000_000, True),
        (BEGIN_US + 2_000_001, False),
        (None, False),
    ],
)
def test_fresh_value_begins_near_the_voters_own_now(circle_us: int | None, is_timely: bool) -> None:
    reason = v5_timely(FIRST, circle_us, PARAMETERS)

    assert (reason is None) == is_timely
    if reason is not None:
        assert (reason.rule, reason.verdict) == ("CIR-025", Verdict.KEEP)


@pytest.mark.spec("CIR-028")
def test_pattern_that_breaks_a_static_condition_is_rejected() -> None:
    seen: list[bytes] = []

    def check(pattern: bytes) -> str | None:
        seen.append(pattern)
        return "PAT-007" if pattern == b"q" else None

    assert v8_pattern(FIRST, check) is None
    reason = v8_pattern(NEXT, check)

    assert seen == [b"p", b"q"]
    assert reason is not None
    assert (reason.rule, reason.verdict) == ("CIR-028", Verdict.REJECT)
    assert "PAT-007" in reason.detail
