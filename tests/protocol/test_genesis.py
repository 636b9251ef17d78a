"""The birth of a circle: what a reader takes, and what it refuses."""

import hashlib

import pytest

from smilesync.circle.genesis import (
    VOTERS_MAX,
    VOTERS_USUAL_MAX,
    FounderCard,
    Genesis,
    Parameters,
    card_from_text,
    decode_genesis,
    found,
    make_card,
)
from smilesync.circle.roster import ORDERS_MAX
from smilesync.errors import Malformed, RemoteError, Unauthentic
from smilesync.ids import PeerId
from smilesync.keys import Ed25519Signer
from smilesync.wire import cbor
from smilesync.wire.cbor import CborValue
from support.lab import CachedVerifier, cards, genesis_of, signers

VERIFIER = CachedVerifier()


def _fields(count: int = 3) -> dict[int, CborValue]:
    fields = cbor.decode(genesis_of(count).encode(), limit_bytes=16_384)
    assert isinstance(fields, dict)
    return fields


def _founders(count: int = 3) -> list[CborValue]:
    listed = _fields(count)[2]
    assert isinstance(listed, list)
    return listed


def _card_fields(card: FounderCard) -> list[CborValue]:
    return [card.identity, card.voter, card.identity_signature, card.voter_signature]


@pytest.mark.spec("GEN-001", "GEN-002", "GEN-003", "GEN-004", "GEN-005")
@pytest.mark.parametrize("count", [1, 2, 7, VOTERS_MAX])
def test_genesis_round_trips(count: int) -> None:
    genesis = genesis_of(count, is_strict=count == 2)

    assert decode_genesis(genesis.encode(), VERIFIER) == genesis


@pytest.mark.spec("GEN-006")
def test_circle_id_is_the_hash_of_the_genesis() -> None:
    genesis = genesis_of(3)

    expected = hashlib.sha256(b"smilesync/1/genesis\0" + genesis.encode()).digest()
    assert genesis.circle_id == expected
    assert genesis.circle_id != genesis_of(3, is_strict=True).circle_id


@pytest.mark.spec("GEN-007", "GEN-008")
@pytest.mark.parametrize("is_strict", [False, True])
def test_roster_and_its_hash_follow_the_order_of_the_genesis(is_strict: bool) -> None:
    genesis = genesis_of(3, is_strict=is_strict)

    roster = genesis.roster

    assert roster.voters == tuple(sorted(card.voter for card in genesis.founders))
    assert [roster.index_of[card.identity] for card in genesis.founders] == [0, 1, 2]
    members = b"".join(card.voter + card.identity for card in genesis.founders)
    rule = b"\1" if is_strict else b"\0"
    assert roster.hash == hashlib.sha256(b"smilesync/1/roster\0" + rule + members).digest()
    assert roster.quorum == (3 if is_strict else 2)
    assert roster.faults == 0


WRONG: list[tuple[str, str, dict[int, CborValue]]] = [
    ("version 2", "GEN-001", {0: 2}),
    ("version true", "GEN-001", {0: True}),
    ("nonce too short", "GEN-001", {1: bytes(31)}),
    ("nonce is text", "GEN-001", {1: "x" * 32}),
    ("strict is a number", "GEN-001", {3: 1}),
    ("founders are no array", "GEN-001", {2: 5}),
    ("unknown key", "GEN-001", {11: 0}),
    ("lineage of one hash", "SUC-007", {10: [bytes(32)]}),
    ("no founders", "GEN-002", {2: []}),
    ("founders out of order", "GEN-002", {2: list(reversed(_founders()))}),
    ("a founder twice", "GEN-002", {2: [_founders()[0], _founders()[0]]}),
    ("a founder is no array", "GEN-003", {2: [b"card"]}),
    ("a founder of three parts", "GEN-003", {2: [[bytes(32), bytes(32), bytes(64)]]}),
    ("a founder with a short part", "GEN-003", {2: [[bytes(32), bytes(31), bytes(64), bytes(64)]]}),
    ("a founder with a number", "GEN-003", {2: [[bytes(32), bytes(32), bytes(64), 64]]}),
    ("tolerance too small", "GEN-005", {4: 999}),
    ("lease too long", "GEN-005", {5: 16_000_001}),
    ("window is true", "GEN-005", {6: True}),
    ("lead is text", "GEN-005", {7: "300000"}),
    ("window as long as the lease", "GEN-005", {5: 2_000_000, 6: 2_000_000}),
]


@pytest.mark.spec("GEN-001", "GEN-002", "GEN-003", "GEN-005", "SUC-007")
@pytest.mark.parametrize(
    ("rule", "changes"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
def test_reader_refuses(rule: str, changes: dict[int, CborValue]) -> None:
    data = cbor.encode(_fields() | changes)

    with pytest.raises(Malformed) as caught:
        decode_genesis(data, VERIFIER)

    assert caught.value.rule == rule


@pytest.mark.spec("GEN-001")
@pytest.mark.parametrize(
    "data", [cbor.encode([1]), cbor.encode({0: 1}), b"", b"\xff", bytes(16_385)]
)
def test_reader_refuses_what_is_no_genesis_at_all(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode_genesis(data, VERIFIER)


@pytest.mark.spec("GEN-002")
def test_founders_share_no_identity() -> None:
    identity = Ed25519Signer(bytes(32))
    pair = [make_card(identity, Ed25519Signer(bytes([n]) * 32)) for n in (1, 2)]
    pair.sort(key=lambda card: card.voter)
    data = cbor.encode(_fields() | {2: [_card_fields(card) for card in pair]})

    with pytest.raises(Malformed) as caught:
        decode_genesis(data, VERIFIER)

    assert caught.value.rule == "GEN-002"


@pytest.mark.spec("GEN-002")
def test_more_founders_than_a_bitmap_has_room_for_are_refused() -> None:
    many = cards(signers(VOTERS_MAX + 1))
    data = cbor.encode(_fields() | {2: [_card_fields(card) for card in many]})

    with pytest.raises(Malformed) as caught:
        decode_genesis(data, VERIFIER)
    assert caught.value.rule == "GEN-002"
    with pytest.raises(Malformed):
        found(many, bytes(32), voters_max=VOTERS_MAX)
    with pytest.raises(Malformed, match="1 to 22 founders"):
        found(many[: VOTERS_USUAL_MAX + 1], bytes(32))


@pytest.mark.spec("GEN-002")
@pytest.mark.parametrize("count", [0, 2])
def test_nobody_founds_a_circle_of_none_or_of_one_card_twice(count: int) -> None:
    with pytest.raises(Malformed):
        found(cards(signers(1)) * count, bytes(32))


@pytest.mark.spec("GEN-004")
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_card_with_a_part_of_another_is_refused(place: int) -> None:
    own, other = _founders(2)
    assert isinstance(own, list)
    assert isinstance(other, list)
    forged = [*own[:place], other[place], *own[place + 1 :]]
    data = cbor.encode(_fields(1) | {2: [forged]})

    with pytest.raises(Unauthentic) as caught:
        decode_genesis(data, VERIFIER)

    assert caught.value.rule == "GEN-004"


@pytest.mark.spec("GEN-003", "GEN-004")
def test_card_text_round_trips() -> None:
    card = cards(signers(1))[0]

    read = card_from_text(card.text())

    assert read == card
    read.verify(VERIFIER)
    assert card.text().startswith("smilecard1")


@pytest.mark.spec("GEN-003")
@pytest.mark.parametrize("text", ["", "smilecard1", "smilecard1xyz", "smilecard180", "smile84"])
def test_card_text_that_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(RemoteError):
        card_from_text(text)


def test_default_parameters_are_those_of_the_specification() -> None:
    parameters = Parameters()

    assert (parameters.tolerance_us, parameters.guard_us) == (40_000, 20_000)
    assert (parameters.lease_us, parameters.window_us) == (4_000_000, 1_500_000)
    assert parameters.lead_us == 300_000
    assert not parameters.is_strict


@pytest.mark.spec("CIR-012")
@pytest.mark.parametrize("count", [1, 4, 7])
def test_leaders_are_a_hashed_order_that_changes_with_slot_and_pass(count: int) -> None:
    roster = genesis_of(count).roster

    asked = [(slot, turn) for slot in range(1, 6 + ORDERS_MAX) for turn in (0, 1)]
    orders = {(slot, turn): roster.leaders(slot, turn) for slot, turn in (*asked, *asked)}

    for (slot, turn), order in orders.items():
        seed = roster.circle + slot.to_bytes(8, "big") + turn.to_bytes(4, "big")
        ranked = sorted(
            range(count), key=lambda i: hashlib.sha256(seed + roster.voters[i]).digest()
        )
        assert order == ranked
    if count == 7:
        assert len({tuple(order) for order in orders.values()}) == len(orders)


def test_identity_of_a_stranger_has_no_index() -> None:
    assert PeerId(bytes(32)) not in genesis_of(2).roster.index_of


def test_genesis_is_a_value() -> None:
    assert Genesis(bytes(32), cards(signers(2))) == genesis_of(2)
