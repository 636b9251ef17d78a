"""How many votes are enough, and the exact bytes a vote signs."""

import hashlib

import pytest

from smilesync.circle.quorum import (
    bits,
    fault_limit,
    quorum_size,
    statement,
    value_hash,
    vote_set,
)
from smilesync.ids import CircleId, ValueHash
from smilesync.wire.messages import VoteKind

CIRCLE = CircleId(b"c" * 32)
ROSTER_HASH = b"r" * 32
VALUE = ValueHash(b"v" * 32)

SIZES = [
    (1, 0, 1),
    (2, 0, 2),
    (3, 0, 2),
    (4, 1, 3),
    (5, 1, 4),
    (6, 1, 4),
    (7, 2, 5),
    (8, 2, 6),
    (9, 2, 6),
    (10, 3, 7),
    (22, 7, 15),
]


@pytest.mark.spec("CIR-002")
@pytest.mark.parametrize(("count", "faults", "quorum"), SIZES)
def test_quorum_sizes_are_those_of_the_table(count: int, faults: int, quorum: int) -> None:
    assert fault_limit(count) == faults
    assert quorum_size(count) == quorum


@pytest.mark.spec("CIR-002")
@pytest.mark.parametrize("count", range(1, 65))
def test_two_quorums_share_an_honest_voter_and_the_honest_are_one(count: int) -> None:
    faults, quorum = fault_limit(count), quorum_size(count)

    assert 2 * quorum - count >= faults + 1
    assert quorum <= count - faults
    assert 2 * (quorum - 1) - count < faults + 1, "no smaller quorum would do"


@pytest.mark.spec("CIR-002")
@pytest.mark.parametrize(("count", "quorum"), [(1, 1), (2, 2), (3, 3), (4, 3), (7, 5)])
def test_strict_circle_of_three_or_fewer_needs_all(count: int, quorum: int) -> None:
    assert quorum_size(count, is_strict=True) == quorum


@pytest.mark.spec("CIR-003")
@pytest.mark.parametrize(
    ("kind", "domain", "value"),
    [
        (VoteKind.NOTARIZE, b"smilesync/1/notarize", VALUE),
        (VoteKind.NULLIFY, b"smilesync/1/nullify", None),
        (VoteKind.FINALIZE, b"smilesync/1/finalize", VALUE),
    ],
)
def test_vote_signs_exactly_these_bytes(
    kind: VoteKind, domain: bytes, value: ValueHash | None
) -> None:
    data = statement(CIRCLE, ROSTER_HASH, 0x0102, (kind, 0x0304, value))

    slot, view = bytes(6) + b"\x01\x02", b"\x00\x00\x03\x04"
    named = value if value is not None else bytes(32)
    assert data == domain + b"\0" + CIRCLE + slot + ROSTER_HASH + view + named


@pytest.mark.spec("CIR-003")
def test_votes_that_differ_in_anything_sign_different_bytes() -> None:
    variants = [
        statement(circle, roster, slot, (kind, view, value))
        for circle in (CIRCLE, CircleId(bytes(32)))
        for roster in (ROSTER_HASH, bytes(32))
        for slot in (1, 2)
        for view in (1, 2)
        for kind, value in (
            (VoteKind.NOTARIZE, VALUE),
            (VoteKind.NOTARIZE, ValueHash(b"w" * 32)),
            (VoteKind.NULLIFY, None),
            (VoteKind.FINALIZE, VALUE),
        )
    ]

    assert len(set(variants)) == len(variants)


@pytest.mark.spec("CIR-004")
def test_value_hash_is_that_of_the_bytes_as_carried() -> None:
    expected = hashlib.sha256(b"smilesync/1/value\0" + b"body").digest()

    assert value_hash(b"body") == expected


def test_vote_set_stands_in_ascending_order_of_index() -> None:
    votes = vote_set((VoteKind.NULLIFY, 3, None), {5: b"five", 0: b"zero", 2: b"two"})

    assert votes.bitmap == 0b100101
    assert votes.signatures == (b"zero", b"two", b"five")
    assert bits(votes.bitmap) == [0, 2, 5]
    assert bits(0) == []
