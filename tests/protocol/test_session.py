"""Sealing, opening and the replay window."""

import pytest

from smilesync.errors import Unauthentic, Unwelcome
from smilesync.ids import PeerId
from smilesync.mesh.noise import TransportKeys
from smilesync.mesh.session import ReplayWindow, Session
from smilesync.wire.frame import HEADER
from support.vectors import Case, by_name, load


def _pair() -> tuple[Session, Session]:
    def make(sending: bytes, receiving: bytes, *, is_initiator: bool) -> Session:
        return Session(
            TransportKeys(sending * 32, receiving * 32, b""),
            PeerId(bytes(32)),
            instance=bytes(8),
            local_index=1 if is_initiator else 2,
            remote_index=2 if is_initiator else 1,
            is_initiator=is_initiator,
            address=("10.0.0.1", 7412),
            now_ns=5,
        )

    return make(b"a", b"b", is_initiator=True), make(b"b", b"a", is_initiator=False)


def _counter(datagram: bytes) -> int:
    counter: int = HEADER.unpack_from(datagram)[3]
    return counter


@pytest.mark.spec("LNK-020", "LNK-036")
def test_what_one_seals_the_other_opens() -> None:
    one, other = _pair()

    for expected in range(3):
        datagram = one.seal(b"hello")
        assert datagram[:6] == bytes.fromhex("140000000002")
        assert _counter(datagram) == expected
        assert other.open(datagram, expected) == b"hello"


@pytest.mark.spec("LNK-020", "LNK-022")
def test_every_changed_byte_is_refused_and_moves_nothing() -> None:
    one, other = _pair()
    one.sent_count = 7
    datagram = one.seal(b"hello")

    for position in range(len(datagram)):
        forged = bytearray(datagram)
        forged[position] ^= 0x80
        with pytest.raises(Unauthentic, match="LNK-020"):
            other.open(bytes(forged), _counter(bytes(forged)))
    assert (other.window.highest, other.window.bitmap) == (-1, 0)
    assert other.open(datagram, 7) == b"hello"


@pytest.mark.spec("LNK-021")
def test_a_replayed_packet_is_refused() -> None:
    one, other = _pair()
    datagram = one.seal(b"hello")
    other.open(datagram, 0)

    with pytest.raises(Unwelcome, match="LNK-021"):
        other.open(datagram, 0)


@pytest.mark.spec("LNK-020")
def test_a_packet_is_not_accepted_in_the_wrong_direction() -> None:
    one, _other = _pair()

    with pytest.raises(Unauthentic):
        one.open(one.seal(b"hello"), 0)


@pytest.mark.parametrize("case", load("replay"), ids=by_name)
def test_window_vectors(case: Case) -> None:
    window = ReplayWindow()
    verdicts = []
    counters = case["given"]["counters"]
    assert isinstance(counters, list)
    for counter in (int(str(each)) for each in counters):
        is_fresh = window.is_fresh(counter)
        if is_fresh:
            window.mark(counter)
        verdicts.append(is_fresh)

    assert verdicts == case["result"]["accepted"]
