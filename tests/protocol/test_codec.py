"""Messages as bytes: each vector both ways, each broken rule refused."""

import pytest

from smilesync.errors import LocalError, Malformed
from smilesync.ids import ValueHash
from smilesync.wire import cbor, codec
from smilesync.wire.messages import Body, Clock, Propose, VoteKind, Votes, VoteSet
from support.vectors import Case, by_name, load
from vectors.writing import plain

CASES = load("message")
ACCEPTED = [case for case in CASES if case["expect"] == "accept"]
REJECTED = [case for case in CASES if case["expect"] == "reject"]
SIGNATURE = bytes(64)


@pytest.mark.spec(
    "MSG-001",
    "MSG-010",
    "MSG-011",
    "MSG-012",
    "MSG-013",
    "MSG-014",
    "MSG-015",
    "MSG-016",
    "MSG-017",
    "OBJ-008",
)
@pytest.mark.parametrize("case", ACCEPTED, ids=by_name)
def test_message_reads_as_its_fields(case: Case) -> None:
    data = bytes.fromhex(str(case["given"]["message"]))

    message = codec.decode(data)

    assert {"type": type(message).__name__, "fields": plain(message)} == case["result"]
    if "MSG-004" not in case["req"]:
        assert codec.encode(message) == data


@pytest.mark.spec(
    "MSG-001",
    "MSG-002",
    "MSG-003",
    "MSG-005",
    "MSG-006",
    "MSG-007",
    "MSG-010",
    "MSG-011",
    "MSG-012",
    "MSG-013",
    "MSG-014",
    "MSG-015",
    "MSG-016",
    "MSG-017",
    "MSG-020",
    "MSG-021",
    "MSG-022",
)
@pytest.mark.parametrize("case", REJECTED, ids=by_name)
def test_bad_message_is_rejected(case: Case) -> None:
    with pytest.raises(Malformed) as caught:
        codec.decode(bytes.fromhex(str(case["given"]["message"])))

    general = {"MSG-003", "MSG-005", "MSG-006", "MSG-007", "CBR-010"}
    named = caught.value.rule
    assert named in case["req"] or general & set(case["req"]) or named.startswith("CBR-")


@pytest.mark.spec("MSG-004")
def test_keys_from_64_on_are_ignored() -> None:
    message = Clock(5, 0, 0, None, is_synced=False, wants_reply=True)
    fields = cbor.decode(codec.encode(message))
    assert isinstance(fields, dict)

    for key in (64, 1024, (1 << 64) - 1):
        assert codec.decode(cbor.encode(fields | {key: [1, {2: b""}]})) == message


@pytest.mark.spec("MSG-001")
def test_message_that_fits_no_frame_is_refused_by_its_author() -> None:
    sets = tuple(
        VoteSet(VoteKind.NULLIFY, view, None, 0b11111, (SIGNATURE,) * 5) for view in range(1, 5)
    )

    assert len(codec.encode(Votes(1, sets[:3]))) <= 1168
    with pytest.raises(LocalError, match="Votes of 13"):
        codec.encode(Votes(1, sets))


@pytest.mark.spec("MSG-012", "MSG-017")
def test_largest_value_fits_propose_and_body() -> None:
    value = bytes(1024)
    propose = Propose((1 << 53) - 1, (1 << 32) - 1, value, SIGNATURE, (1 << 32) - 2)

    assert codec.decode(codec.encode(propose)) == propose
    assert len(codec.encode(propose)) <= 1168 - 40, "room for one certificate name"
    assert codec.decode(codec.encode(Body(1, value))) == Body(1, value)


BROKEN_SETS = [
    ("bits without signatures", VoteSet(VoteKind.NULLIFY, 1, None, 3, (SIGNATURE,))),
    ("no bit", VoteSet(VoteKind.NULLIFY, 1, None, 0, ())),
    ("nullify with hash", VoteSet(VoteKind.NULLIFY, 1, ValueHash(bytes(32)), 1, (SIGNATURE,))),
    ("notarize without hash", VoteSet(VoteKind.NOTARIZE, 1, None, 1, (SIGNATURE,))),
    ("short signature", VoteSet(VoteKind.NULLIFY, 1, None, 1, (SIGNATURE[1:],))),
    ("short hash", VoteSet(VoteKind.NOTARIZE, 1, ValueHash(bytes(31)), 1, (SIGNATURE,))),
    ("65th voter", VoteSet(VoteKind.NULLIFY, 1, None, 1 << 64, (SIGNATURE,))),
]


@pytest.mark.spec("MSG-020")
@pytest.mark.parametrize(("name", "votes"), BROKEN_SETS, ids=[name for name, _ in BROKEN_SETS])
def test_vote_set_that_cannot_be_is_never_written(name: str, votes: VoteSet) -> None:
    with pytest.raises(AssertionError):
        codec.encode(Votes(1, (votes,)))
