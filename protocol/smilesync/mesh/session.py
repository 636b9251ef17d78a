"""Transport of one finished handshake: seal, open, and the window that stops replays.

SPEC section Link. Counters are explicit because datagrams get lost and reordered. The window
advances only after a packet has authenticated: a forged high counter must not push honest
packets out of it.
"""

from smilesync.errors import Unwelcome
from smilesync.ids import Address, PeerId
from smilesync.mesh.noise import TransportCipher, TransportKeys
from smilesync.wire.frame import DATA_FIRST_BYTE, HEADER, HEADER_SIZE_BYTES

WINDOW_BITS = 128
_WINDOW_MASK = (1 << WINDOW_BITS) - 1


class ReplayWindow:
    """Which of the last 128 counters have been seen; bit i stands for `highest - i`."""

    __slots__ = ("bitmap", "highest")

    def __init__(self) -> None:
        self.highest = -1
        self.bitmap = 0

    def is_fresh(self, counter: int) -> bool:
        """Return whether a packet with this counter may still be new."""
        age = self.highest - counter
        return age < 0 or (age < WINDOW_BITS and not self.bitmap >> age & 1)

    def mark(self, counter: int) -> None:
        """Remember the counter of a packet that authenticated."""
        advance = counter - self.highest
        if advance <= 0:
            self.bitmap |= 1 << -advance
        elif advance < WINDOW_BITS:
            self.bitmap = (self.bitmap << advance | 1) & _WINDOW_MASK
            self.highest = counter
        else:
            # Never shift by what a packet says: the counter has 64 bits.
            self.bitmap = 1
            self.highest = counter


class Session:
    """One direction pair of keys with one peer, and where that peer was last heard.

    `is_confirmed` is False on the initiator's side until the first packet of the responder shows
    that it has the keys too. `last_hs3` is kept by a responder until then, to know a duplicate.
    """

    __slots__ = (
        "_opener",
        "_sealer",
        "address",
        "heard_ns",
        "instance",
        "is_confirmed",
        "is_initiator",
        "last_hs3",
        "local_index",
        "peer",
        "remote_index",
        "retired_ns",
        "sent_count",
        "since_ns",
        "window",
    )

    def __init__(
        self,
        keys: TransportKeys,
        peer: PeerId,
        *,
        instance: bytes,
        local_index: int,
        remote_index: int,
        is_initiator: bool,
        address: Address,
        now_ns: int,
    ) -> None:
        self._sealer = TransportCipher(keys.sending)
        self._opener = TransportCipher(keys.receiving)
        self.peer = peer
        self.instance = instance
        self.local_index = local_index
        self.remote_index = remote_index
        self.is_initiator = is_initiator
        self.is_confirmed = not is_initiator
        self.address = address
        self.since_ns = now_ns
        self.heard_ns = now_ns
        self.retired_ns = 0
        self.sent_count = 0
        self.window = ReplayWindow()
        self.last_hs3 = b""

    def seal(self, plaintext: bytes) -> bytes:
        """Return the DATA datagram for a padded plaintext; each uses up one counter."""
        counter = self.sent_count
        self.sent_count = counter + 1
        header = HEADER.pack(DATA_FIRST_BYTE, 0, self.remote_index, counter)
        return header + self._sealer.seal(counter, plaintext, header)

    def open(self, datagram: bytes, counter: int) -> bytes:
        """Return the plaintext of a DATA datagram whose header names this session.

        Errors: Unwelcome LNK-021 (seen or too old), Unauthentic LNK-020 (tag); window untouched.
        """
        if not self.window.is_fresh(counter):
            raise Unwelcome("LNK-021", "counter seen before or too old")
        header, sealed = datagram[:HEADER_SIZE_BYTES], datagram[HEADER_SIZE_BYTES:]
        plaintext = self._opener.open(counter, sealed, header)
        self.window.mark(counter)
        return plaintext
