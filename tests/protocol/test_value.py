"""Values as bytes: one encoding, and every field in its range."""

import hashlib

import pytest

from smilesync.circle.quorum import value_hash
from smilesync.circle.state import EMPTY
from smilesync.circle.value import Value, decode_value, named
from smilesync.errors import Malformed
from smilesync.ids import CircleId, ValueHash
from smilesync.wire import cbor
from smilesync.wire.cbor import CborValue

FIRST = Value(
    slot=1,
    parent=ValueHash(bytes(32)),
    not_before_us=10,
    not_after_us=20,
    pattern=b"p",
    start_us=10,
    previous=None,
    previous_start_us=0,
    fade_us=2_000_000,
    roster_hash=b"r" * 32,
    state_hash=b"s" * 32,
)
FIELDS: dict[int, CborValue] = {
    0: 1,
    1: bytes(32),
    2: 10,
    3: 20,
    4: b"p",
    5: 10,
    8: 2_000_000,
    10: b"r" * 32,
    11: b"s" * 32,
}


@pytest.mark.spec("CIR-010")
def test_value_is_a_map_of_these_keys() -> None:
    assert FIRST.encode() == cbor.encode(FIELDS)
    assert decode_value(FIRST.encode()) == FIRST


@pytest.mark.spec("CIR-010", "CIR-011")
def test_value_with_a_previous_pattern_round_trips() -> None:
    body = cbor.encode(FIELDS | {6: b"q", 7: 3})

    value = decode_value(body)

    assert (value.previous, value.previous_start_us) == (b"q", 3)
    assert value.encode() == body


@pytest.mark.spec("CIR-004")
def test_named_keeps_the_bytes_that_came() -> None:
    body = FIRST.encode()

    carried = named(body)

    assert carried.value == FIRST
    assert carried.body is body
    assert carried.hash == value_hash(body)


@pytest.mark.spec("CIR-010")
@pytest.mark.parametrize(
    "fields",
    [
        [1],
        {0: 1},
        FIELDS | {40: 0},
        FIELDS | {6: b"q"},
        FIELDS | {7: 3},
        {key: FIELDS[key] for key in FIELDS if key != 11},
    ],
    ids=["array", "one key", "unknown key 16", "6 without 7", "7 without 6", "without 11"],
)
def test_reader_refuses_other_shapes(fields: CborValue) -> None:
    with pytest.raises(Malformed) as caught:
        decode_value(cbor.encode(fields))

    assert caught.value.rule == "CIR-010"


WRONG: list[tuple[str, dict[int, CborValue]]] = [
    ("slot 0", {0: 0}),
    ("slot is true", {0: True}),
    ("slot is bytes", {0: b"1"}),
    ("parent too short", {1: bytes(31)}),
    ("parent is a number", {1: 5}),
    ("negative begin", {2: -1}),
    ("end beyond 2^53 - 1", {3: 2**53}),
    ("empty pattern", {4: b""}),
    ("pattern too long", {4: bytes(201)}),
    ("previous empty", {6: b"", 7: 0}),
    ("previous start is text", {6: b"q", 7: "0"}),
    ("fade too short", {8: 1_999_999}),
    ("fade too long", {8: 4_000_001}),
    ("roster hash too long", {10: bytes(33)}),
    ("state hash is null", {11: None}),
    ("ends as it begins", {3: 10}),
    ("ends before it begins", {3: 9}),
    ("pattern starts after the lease", {5: 11}),
]


@pytest.mark.spec("CIR-011")
@pytest.mark.parametrize("changes", [case[1] for case in WRONG], ids=[case[0] for case in WRONG])
def test_reader_refuses_fields_out_of_range(changes: dict[int, CborValue]) -> None:
    with pytest.raises(Malformed) as caught:
        decode_value(cbor.encode(FIELDS | changes))

    assert caught.value.rule == "CIR-011"


def test_largest_value_of_this_revision_is_far_below_the_limit() -> None:
    changes: dict[int, CborValue] = {4: bytes(200), 6: bytes(200), 7: 2**53 - 1}

    assert len(cbor.encode(FIELDS | changes)) < 600


def test_state_hash_is_that_of_the_circle_id() -> None:
    circle = CircleId(b"c" * 32)

    assert EMPTY.hash(circle) == hashlib.sha256(b"smilesync/1/state\0" + circle).digest()
