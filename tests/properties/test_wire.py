"""The wire under bytes that nobody meant: round trips, refusals, and pinned encodings."""

import hashlib
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smilesync.errors import Malformed
from smilesync.ids import PeerId, ValueHash, VoterKey
from smilesync.wire import cbor, codec, envelope, records
from smilesync.wire.cbor import CborValue
from smilesync.wire.messages import (
    Body,
    Carried,
    CertificateName,
    Clock,
    Decided,
    Evidence,
    Message,
    Piece,
    Propose,
    SignedVote,
    Status,
    VoteKind,
    Votes,
    VoteSet,
    VoteSummary,
    Want,
)
from support import strict_cbor
from support.vectors import load
from vectors import make_wire
from vectors.writing import FOLDER, text_of

U53 = st.integers(0, (1 << 53) - 1)
U64 = st.integers(0, (1 << 64) - 1)
VIEW = st.integers(1, (1 << 32) - 1)
HASH = st.binary(min_size=32, max_size=32).map(ValueHash)
SIGNATURE = st.binary(min_size=64, max_size=64)
VALUE = st.binary(min_size=1, max_size=60)
BITMAP = st.integers(0, (1 << 64) - 1)


@st.composite
def vote_sets(draw: st.DrawFn) -> VoteSet:
    name = draw(NAMES)
    indices = draw(st.sets(st.integers(0, 63), min_size=1, max_size=4))
    bitmap = sum(1 << index for index in indices)
    signatures = tuple(draw(SIGNATURE) for _ in indices)
    return VoteSet(name.kind, name.view, name.value_hash, bitmap, signatures)


def _name(kind: VoteKind, view: int, value_hash: ValueHash) -> CertificateName:
    return CertificateName(kind, view, None if kind is VoteKind.NULLIFY else value_hash)


NAMES = st.builds(_name, st.sampled_from(VoteKind), VIEW, HASH)
SUMMARIES = st.builds(
    lambda name, bitmap: VoteSummary(name.kind, name.view, name.value_hash, bitmap), NAMES, BITMAP
)
CARRIED = st.builds(
    Carried, st.integers(0, 255), HASH.map(PeerId), st.binary(min_size=1, max_size=918), SIGNATURE
)
SIGNED = st.builds(
    lambda name, signature: SignedVote(name.kind, name.value_hash, signature), NAMES, SIGNATURE
)
MESSAGES: dict[str, st.SearchStrategy[Message]] = {
    "Clock": st.builds(
        Clock,
        U53,
        U53,
        U53,
        st.none() | U53,
        is_synced=st.booleans(),
        wants_reply=st.booleans(),
        away=BITMAP,
    ),
    "Carried": CARRIED,
    "Propose": st.builds(
        Propose,
        U53,
        VIEW,
        VALUE,
        SIGNATURE,
        st.integers(0, (1 << 32) - 1),
        st.lists(NAMES, max_size=3).map(tuple),
    ),
    "Votes": st.builds(Votes, U53, st.lists(vote_sets(), min_size=1, max_size=3).map(tuple)),
    "Status": st.builds(
        Status,
        U53,
        st.integers(0, (1 << 32) - 1),
        st.lists(SUMMARIES, max_size=4).map(tuple),
        st.lists(HASH, max_size=3).map(tuple),
        U64,
        U64,
        U53,
        st.none() | vote_sets(),
        BITMAP,
    ),
    "Decided": st.builds(Decided, VALUE, VIEW, st.none() | HASH),
    "Want": st.builds(
        Want,
        U53,
        st.lists(HASH, max_size=3).map(tuple),
        st.lists(NAMES, max_size=3).map(tuple),
        st.lists(st.tuples(HASH, st.integers(0, 16_384)), max_size=3).map(tuple),
    ),
    "Body": st.builds(Body, U53, VALUE),
    "Evidence": st.builds(
        Evidence, st.integers(1, 9), HASH.map(VoterKey), HASH, VIEW, SIGNED, SIGNED
    ),
    "Piece": st.builds(Piece, HASH, st.integers(0, 16_384), st.integers(1, 16_384), VALUE),
}
KEYS = HASH.map(VoterKey)
RECORDS: st.SearchStrategy[records.Record] = st.one_of(
    st.builds(records.Opened, KEYS),
    st.builds(records.Notarized, U53, VIEW, HASH, VALUE),
    st.builds(records.Nullified, U53, VIEW),
    st.builds(records.Finalized, U53, VIEW, HASH, vote_sets()),
    st.builds(records.DecidedRecord, U53, VALUE, vote_sets()),
    st.builds(records.Shown, U53),
    st.builds(records.ClockReserved, U53),
    st.builds(records.SequenceReserved, U64),
    st.builds(records.ConsentSet, st.integers(0, 31)),
    st.builds(records.Felt, st.integers(0, 4)),
    st.builds(records.Amnesia),
    st.builds(records.Seated, U53, VALUE, st.none() | st.binary(max_size=99)),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 64), (1 << 64) - 1),
    st.binary(max_size=40),
    st.text(max_size=16),
)
ITEMS: st.SearchStrategy[CborValue] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(U64, inner, max_size=5),
    max_leaves=12,
).filter(lambda value: _depth(value) <= 6)


def _depth(value: object) -> int:
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 0


@pytest.mark.spec("CBR-001", "CBR-002")
@given(value=ITEMS)
def test_every_value_has_one_encoding_that_reads_back(value: CborValue) -> None:
    data = cbor.encode(value)

    assert cbor.decode(data, limit_bytes=1 << 16) == value
    assert strict_cbor.read(data, 1 << 16) == value


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_read_back(name: str) -> None:
    @settings(max_examples=40)
    @given(message=MESSAGES[name])
    def check(message: Message) -> None:
        data = codec.encode(message)
        assert codec.decode(data) == message
        assert len(data) <= 1168

    check()


@given(record=RECORDS)
def test_records_read_back(record: records.Record) -> None:
    assert records.decode(records.encode(record)) == record


@given(carried=CARRIED)
def test_objects_read_back(carried: Carried) -> None:
    assert envelope.decode(envelope.encode(carried)) == carried
    assert len(envelope.encode(carried)) <= 1024


SEEDS = [
    bytes.fromhex(str(case["given"][key]))
    for key, cases in (
        ("cbor", load("cbor")),
        ("message", load("message")),
        ("object", load("object")),
        ("record", load("record")),
    )
    for case in cases
]


@st.composite
def hostile_bytes(draw: st.DrawFn) -> bytes:
    """Return random bytes, or a vector with a few bytes changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from(SEEDS) | st.binary(max_size=80)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from(("set", "cut", "insert", "truncate")))
        if change == "set" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif change == "cut":
            del data[at : at + draw(st.integers(1, 3))]
        elif change == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=3))
        elif change == "truncate":
            del data[at:]
    return bytes(data)


@pytest.mark.spec("CBR-001", "CBR-002")
@settings(max_examples=400)
@given(data=hostile_bytes())
def test_cbor_never_takes_what_it_would_not_write(data: bytes) -> None:
    try:
        value = cbor.decode(data, limit_bytes=16_384)
    except Malformed:
        with pytest.raises(strict_cbor.BrokenRuleError):
            strict_cbor.read(data, 16_384)
        return

    assert cbor.encode(value) == data
    assert strict_cbor.read(data, 16_384) == value


def _rewrites(data: bytes, *, read: Callable[[bytes], bytes]) -> bool:
    """Return whether `data` was refused as malformed, or comes out as it went in."""
    try:
        return read(data) == data
    except Malformed:
        return True


def _has_extension(data: bytes) -> bool:
    value = cbor.decode(data)
    return isinstance(value, dict) and any(key >= 64 for key in value)


@pytest.mark.spec("MSG-005", "MSG-006")
@settings(max_examples=400)
@given(data=hostile_bytes())
def test_readers_refuse_or_give_back_the_same_bytes(data: bytes) -> None:
    assert _rewrites(data, read=lambda one: records.encode(records.decode(one)))
    assert _rewrites(data, read=lambda one: envelope.encode(envelope.decode(one)))
    assert _rewrites(data, read=lambda one: codec.encode(codec.decode(one))) or (
        _has_extension(data)
    )


def test_twenty_thousand_damaged_messages_raise_nothing_else() -> None:
    rng = random.Random(7)
    taken = 0
    for _ in range(20_000):
        data = bytearray(rng.choice(SEEDS))
        for _ in range(rng.randrange(1, 4)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            codec.decode(bytes(data))
        except Malformed:
            continue
        taken += 1

    assert taken > 500, "the damage must leave some messages valid, or it proves little"


# A change of these is a change of the wire: it needs a new revision of SPEC.md in the same commit.
PINNED = {
    "Clock": "b9e56d5f4a269c8d4c31278f3f8dec95",
    "Carried": "9c8a9646f636cdff3b44baaaa6d81931",
    "Propose": "e2614502d0ba51270e94ff510ff074c2",
    "Votes": "0d00cb51667a42596a37be6b27c8e887",
    "Status": "5c306b0d317fca4f753433613996112a",
    "Decided": "38cf1f3d39b56edba04609f1a73fe657",
    "Want": "80a9ed8a01c74bdf0a3700076ce17527",
    "Body": "628331059c4d467d588ecc5f55a3c5f0",
}


def _sample(rng: random.Random, name: str) -> Message:
    slot, view = rng.randrange(1 << 53), rng.randrange(1, 1 << 32)
    value = rng.randbytes(rng.randrange(1, 200))
    signatures = tuple(rng.randbytes(64) for _ in range(rng.randrange(1, 6)))
    kind = rng.choice(list(VoteKind))
    title = _name(kind, view, ValueHash(rng.randbytes(32)))
    bits = (1 << len(signatures)) - 1 << rng.randrange(58)
    votes = VoteSet(kind, view, title.value_hash, bits, signatures)
    summary = VoteSummary(kind, view, title.value_hash, rng.randrange(1 << 64))
    flag = rng.random() < 0.5
    match name:
        case "Clock":
            later = slot if flag else None
            return Clock(slot, view, rng.randrange(3), later, is_synced=flag, wants_reply=not flag)
        case "Carried":
            return Carried(rng.randrange(256), PeerId(rng.randbytes(32)), value, signatures[0])
        case "Propose":
            return Propose(slot, view, value, signatures[0], rng.randrange(2), (title,) * flag)
        case "Votes":
            return Votes(slot, (votes,) * rng.randrange(1, 3))
        case "Status":
            held, bodies = (summary,) * rng.randrange(3), (ValueHash(bytes(32)),) * flag
            recalled = votes if flag else None
            return Status(slot, view, held, bodies, view * flag, view, slot * flag, recalled)
        case "Decided":
            return Decided(value, view)
        case "Want":
            return Want(slot, (ValueHash(bytes(32)),) * flag, (title,) * rng.randrange(3))
        case _:
            return Body(slot, value)


@pytest.mark.parametrize("name", PINNED)
def test_encodings_are_pinned(name: str) -> None:
    rng = random.Random(2026)
    digest = hashlib.sha256()
    for _ in range(1000):
        digest.update(codec.encode(_sample(rng, name)))

    assert digest.hexdigest()[:32] == PINNED[name]


@pytest.mark.parametrize("area", make_wire.AREAS)
def test_committed_vectors_are_what_the_generator_writes(area: str) -> None:
    made = text_of(area, make_wire.AREAS[area]())

    assert (FOLDER / f"{area}.json").read_text(encoding="utf-8") == made, (
        "run `python -m vectors.make_wire` and look at the difference"
    )
