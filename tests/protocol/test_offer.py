"""What the keys 16 and 17 of a value may say, whoever judges."""

from dataclasses import replace

import pytest

from smilesync.circle.changes import Changes, Cited
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.lawful import state_after, successors
from smilesync.circle.offer import (
    OPEN_US_MAX,
    OPEN_US_MIN,
    RESPITE_US,
    Dissolve,
    Merging,
    Offer,
    comes_first,
)
from smilesync.circle.state import EMPTY, State, state_of
from smilesync.circle.validity import Head, lease_length_us
from smilesync.circle.value import Value, decode_value, named
from smilesync.errors import Malformed
from smilesync.ids import CircleId, PeerId, ValueHash
from smilesync.wire import cbor
from support.lab import Lab

LAB = Lab(4, silent=frozenset(range(4)))
OPEN = Parameters(policy=Policy.OPEN)
OTHER = CircleId(b"o" * 32)
HASH = ValueHash(b"h" * 32)
END = Dissolve(OTHER, HASH)


def offered(open_us: int = OPEN_US_MIN, circle: CircleId = OTHER) -> Value:
    """Return a value that offers for so long from its beginning."""
    plain = LAB.value()
    until_us = plain.not_before_us + open_us
    return replace(plain, merging=Offer(circle, 3, HASH, until_us))


def rule(value: Value, state: State = EMPTY, parameters: Parameters = OPEN) -> str | None:
    try:
        successors(value, LAB.roster, state, parameters)
    except Malformed as error:
        return error.rule
    return None


@pytest.mark.spec("MRG-010")
@pytest.mark.parametrize("merging", [Offer(OTHER, 3, HASH, 66), END])
def test_value_that_merges_round_trips(merging: Merging) -> None:
    value = replace(LAB.value(), merging=merging)

    assert decode_value(value.encode()) == value
    assert value.is_last is (merging == END)
    assert not LAB.value().is_last


@pytest.mark.spec("MRG-010")
def test_value_that_merges_changes_nobody() -> None:
    changes = Changes(expelled=(Cited(HASH, PeerId(OTHER)),))
    body = replace(LAB.value(), merging=END, changes=changes).encode()

    with pytest.raises(Malformed) as caught:
        decode_value(body)

    assert caught.value.rule == "MRG-010"


@pytest.mark.spec("MRG-011")
@pytest.mark.parametrize(
    "parameters", [Parameters(), Parameters(policy=Policy.OPEN, is_strict=True)]
)
def test_closed_and_strict_circles_never_merge(parameters: Parameters) -> None:
    assert rule(offered(), parameters=parameters) == "MRG-011"
    assert rule(replace(LAB.value(), merging=END), parameters=parameters) == "MRG-011"


@pytest.mark.spec("MRG-011")
def test_circle_does_not_merge_with_itself() -> None:
    own = LAB.roster.circle

    assert rule(offered(circle=own)) == "MRG-011"
    assert rule(replace(LAB.value(), merging=Dissolve(own, HASH))) == "MRG-011"


@pytest.mark.spec("MRG-012")
@pytest.mark.parametrize(
    ("open_us", "expected"),
    [
        (OPEN_US_MIN, None),
        (OPEN_US_MIN - 1, "MRG-012"),
        (OPEN_US_MAX, None),
        (OPEN_US_MAX + 1, "MRG-012"),
    ],
)
def test_offer_is_open_for_half_a_minute_to_two(open_us: int, expected: str | None) -> None:
    assert rule(offered(open_us)) == expected


@pytest.mark.spec("MRG-012")
def test_second_offer_waits_for_the_end_of_the_first() -> None:
    value = offered()
    begin_us = value.not_before_us

    assert rule(value, State(offered_us=begin_us)) is None
    assert rule(value, State(offered_us=begin_us + 1)) == "MRG-012"


@pytest.mark.spec("MRG-013")
def test_circle_ends_itself_some_time_after_its_own_offer_is_over() -> None:
    value = replace(LAB.value(), merging=END)
    since_us = value.not_before_us - RESPITE_US

    assert rule(value) is None, "it never offered"
    assert rule(value, State(offered_us=since_us)) is None
    with pytest.raises(Malformed) as caught:
        successors(value, LAB.roster, State(offered_us=since_us + 1), OPEN)
    assert caught.value.rule == "MRG-013"


@pytest.mark.spec("MRG-014")
def test_state_keeps_until_when_the_last_offer_is_open() -> None:
    value = offered()
    assert isinstance(value.merging, Offer)

    _, state = successors(value, LAB.roster, EMPTY, OPEN)

    assert state == State(offered_us=value.merging.until_us)
    assert state_of(state.encode()) == state
    with pytest.raises(Malformed) as caught:
        state_of(cbor.encode({1: [], 2: [], 3: [], 7: 0}))
    assert caught.value.rule == "MEM-004"


@pytest.mark.spec("MRG-014")
def test_state_after_a_decided_offer_is_the_one_that_it_names() -> None:
    value = offered()
    _, state = successors(value, LAB.roster, EMPTY, OPEN)
    decided = replace(value, state_hash=state.hash(LAB.roster.circle))

    assert state_after(decided, LAB.roster, EMPTY, is_next=True) == state
    assert state_after(value, LAB.roster, EMPTY, is_next=True) == EMPTY, "as its hash says"


@pytest.mark.spec("MRG-014")
def test_later_changes_leave_the_offer_in_the_state() -> None:
    roster = LAB.roster

    after = State(offered_us=7).after(Changes(removed=1), roster, 1_000)

    assert after.offered_us == 7


@pytest.mark.spec("MRG-015")
def test_lease_of_a_value_that_merges_is_a_short_one() -> None:
    last = LAB.value()
    head = Head(1, named(last.encode()).hash, last.not_after_us, last)
    renewal = replace(last, slot=2, not_before_us=last.not_after_us)

    assert lease_length_us(renewal, head, OPEN) == 2 * OPEN.lease_us
    assert lease_length_us(replace(renewal, merging=END), head, OPEN) == OPEN.lease_us


@pytest.mark.spec("MRG-016")
def test_of_two_circles_the_one_with_more_voters_offers_else_the_lesser_id() -> None:
    low, high = CircleId(b"a" * 32), CircleId(b"b" * 32)

    assert comes_first(5, high, 4, low)
    assert not comes_first(4, low, 5, high)
    assert comes_first(4, low, 4, high)
    assert not comes_first(4, high, 4, low)
