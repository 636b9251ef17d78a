"""Bytes on the air: what is damaged gets nowhere, whatever it looks like, and nothing raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesim.dice import stream
from smilesim.engine import Wheel
from smilesim.fate import Weather
from smilesim.radio import AirLink, Radio, Volley
from smilesim.verify import SignThrough
from smilesim.wire import UNSEALED, RealVerifier, Sealed, Wire, damaged, seal, spoilt
from smilesync.ids import PeerId, ValueHash
from smilesync.keys import Ed25519Signer
from smilesync.wire import codec
from smilesync.wire.messages import Carried, Clock, Message, VoteKind, Votes, VoteSet

CLOCK = Clock(70_000_000, 0, 0, 116_000, is_synced=False, wants_reply=True)
STATEMENT = Carried(2, PeerId(bytes(32)), b"\x01\x02", bytes(64))
SET = VoteSet(VoteKind.NOTARIZE, 1, ValueHash(bytes(32)), 5, (bytes(64), bytes(64)))
VOTES = Votes(3, (SET,))


def new_wire() -> tuple[Wire, Radio]:
    radio = Radio(Wheel(), Weather(loss_ppm=0, duplicate_ppm=0, reorder_ppm=0))
    return Wire(radio), radio


def open_link() -> AirLink:
    link = AirLink(1, 0, 1)
    link.set_up(is_up=True)
    return link


@pytest.mark.parametrize("message", [CLOCK, STATEMENT, VOTES])
def test_a_receiver_reads_what_was_sent(message: Message) -> None:
    wire, radio = new_wire()

    wire.transmit(open_link(), message)
    wire.transmit(open_link(), message)
    in_the_air = [event[2] for event in radio.wheel.pending()]

    assert [type(sealed) for sealed in in_the_air] == [Sealed, Sealed]
    assert [wire.open(sealed) for sealed in in_the_air] == [message, message]
    assert wire.open(in_the_air[0]) is not message
    assert (wire.sent_count, wire.decoded) == (2, 3)
    assert wire.sent_bytes == 2 * len(codec.encode(message))


@pytest.mark.parametrize("message", [CLOCK, STATEMENT, VOTES])
def test_no_flipped_bit_and_no_cut_gets_through(message: Message) -> None:
    wire, _radio = new_wire()
    sealed = seal(codec.encode(message))
    bits = 8 * len(sealed.data)

    for chance in range(2 * bits):
        spoilt = damaged(sealed, chance)
        assert spoilt.data != sealed.data
        assert wire.open(spoilt) is None

    assert sum(wire.refused.values()) == 2 * bits
    assert wire.decoded == 0


def test_the_decoder_alone_would_let_damage_through() -> None:
    """Without the stand-in for the seal, a clock reading with a flipped bit is another reading."""
    wire, _radio = new_wire()
    sealed = seal(codec.encode(CLOCK))

    for chance in range(0, 16 * len(sealed.data), 2):
        wire.open(damaged(sealed, chance))

    assert wire.refused[UNSEALED] > 0
    assert sum(wire.refused.values()) > wire.refused[UNSEALED], "most of it is refused before"


@given(st.binary(max_size=1_300))
def test_garbage_is_refused_and_counted(data: bytes) -> None:
    wire, _radio = new_wire()

    assert wire.open(Sealed(data, bytes(16))) is None
    assert sum(wire.refused.values()) == 1


@given(st.binary(min_size=1, max_size=64), st.integers(0, 2**64 - 1))
def test_spoilt_bytes_are_never_the_same_and_never_none(data: bytes, chance: int) -> None:
    arrived = spoilt(data, chance)

    assert arrived != data
    assert 1 <= len(arrived) <= len(data)


def test_a_storm_repeats_a_statement_with_the_bytes_of_the_first() -> None:
    wire, radio = new_wire()
    radio.start_storm(3, 30)

    wire.transmit(open_link(), STATEMENT)
    wire.transmit(open_link(), CLOCK)

    arriving = [event[2] for event in radio.wheel.pending()]
    sent = [one.payload if isinstance(one, Volley) else one for one in arriving]
    assert len(sent) == 5
    assert sum(sealed == seal(codec.encode(STATEMENT)) for sealed in sent) == 4
    assert wire.sent_count == 5


def test_the_real_verifier_believes_no_memory() -> None:
    through = SignThrough()
    verifier = RealVerifier(through)
    signer = Ed25519Signer(stream(1, "signer").draw(32))
    false = bytes(64)
    through.remember(signer.public, b"a lie", false)

    assert through.verify(signer.public, b"a lie", false)
    assert not verifier.verify(signer.public, b"a lie", false)
    assert verifier.verify(signer.public, b"truth", signer.sign(b"truth"))
    assert through.real_checks == 2
