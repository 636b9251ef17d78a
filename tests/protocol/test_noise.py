"""The handshake library behind our interface: a whole exchange, and what it must refuse."""

import pytest

from smilesync.entropy import Entropy
from smilesync.errors import Unauthentic
from smilesync.mesh.noise import Handshake, StaticKey

PROLOGUE = b"smilesync/1/link\x00\x01\x01"
SMALL_ORDER_KEYS = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
]


def _pair(prologue: bytes = PROLOGUE) -> tuple[Handshake, Handshake]:
    initiator = Handshake(
        StaticKey(b"\x01" * 32), PROLOGUE, entropy=Entropy(b"i" * 16), is_initiator=True
    )
    responder = Handshake(
        StaticKey(b"\x02" * 32), prologue, entropy=Entropy(b"r" * 16), is_initiator=False
    )
    return initiator, responder


@pytest.mark.spec("LNK-001", "LNK-006")
def test_three_messages_give_both_sides_the_same_keys() -> None:
    initiator, responder = _pair()

    assert responder.read(initiator.write(b"one")) == b"one"
    assert initiator.read(responder.write(b"two")) == b"two"
    assert responder.read(initiator.write(b"three")) == b"three"

    assert initiator.keys is not None
    assert responder.keys is not None
    assert initiator.keys.sending == responder.keys.receiving
    assert initiator.keys.receiving == responder.keys.sending
    assert initiator.keys.sending != initiator.keys.receiving
    assert initiator.keys.transcript == responder.keys.transcript
    assert initiator.remote_static == StaticKey(b"\x02" * 32).public
    assert responder.remote_static == StaticKey(b"\x01" * 32).public


def test_the_same_entropy_gives_the_same_bytes() -> None:
    assert _pair()[0].write(b"x") == _pair()[0].write(b"x")


@pytest.mark.spec("LNK-002")
def test_another_prologue_is_refused() -> None:
    initiator, responder = _pair(b"smilesync/1/link\x00\x02\x01\x02")
    responder.read(initiator.write(b""))

    with pytest.raises(Unauthentic, match="LNK-004"):
        initiator.read(responder.write(b""))


@pytest.mark.spec("LNK-004")
def test_a_bad_message_leaves_the_handshake_as_it_was() -> None:
    initiator, responder = _pair()
    responder.read(initiator.write(b"one"))
    second = responder.write(b"two")

    for position in range(len(second)):
        forged = bytearray(second)
        forged[position] ^= 1
        with pytest.raises(Unauthentic, match="LNK-004"):
            initiator.read(bytes(forged))
    assert initiator.read(second) == b"two"

    third = initiator.write(b"three")
    for position in range(len(third)):
        forged = bytearray(third)
        forged[position] ^= 1
        with pytest.raises(Unauthentic, match="LNK-004"):
            responder.read(bytes(forged))
    assert responder.read(third) == b"three"
    assert responder.keys == responder.keys


@pytest.mark.spec("LNK-004")
@pytest.mark.parametrize("size", [0, 1, 31])
def test_a_message_without_room_for_keys_is_refused(size: int) -> None:
    _initiator, responder = _pair()

    with pytest.raises(Unauthentic, match="LNK-004"):
        responder.read(bytes(size))


@pytest.mark.spec("LNK-004")
@pytest.mark.parametrize("key", SMALL_ORDER_KEYS, ids=["zero", "one", "order 8"])
def test_keys_of_small_order_are_refused(key: bytes) -> None:
    initiator, responder = _pair()

    responder.read(key)
    with pytest.raises(Unauthentic, match="LNK-004"):
        responder.write(b"")

    initiator.write(b"")
    with pytest.raises(Unauthentic, match="LNK-004"):
        initiator.read(key + bytes(64))


def test_a_read_can_be_undone() -> None:
    initiator, responder = _pair()
    responder.read(initiator.write(b""))
    second = responder.write(b"two")

    initiator.read(second)
    initiator.unread()

    assert initiator.read(second) == b"two"
    assert responder.read(initiator.write(b"three")) == b"three"
