"""Noise_XX_25519_ChaChaPoly_SHA256 behind a narrow interface; keys in, transport keys out.

SPEC section Link; The Noise Protocol Framework, revision 34. The library does the handshake
only. We differ from its own connection object in three ways: ephemeral keys come from `Entropy`,
so that a run can be replayed; a message that fails leaves the handshake as it was, so that a
forger cannot spoil one in progress; transport uses the split keys with explicit counters
(`mesh/session.py`), because datagrams get lost and reordered.
"""

import struct
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from noise.backends.default import noise_backend
from noise.noise_protocol import NoiseProtocol

from smilesync.entropy import Entropy
from smilesync.errors import Unauthentic

PROTOCOL_NAME = b"Noise_XX_25519_ChaChaPoly_SHA256"
KEY_SIZE_BYTES = 32

MESSAGE_SIZES_BYTES_MIN = {3: 32, 2: 96, 1: 64}
"""Smallest Noise message by how many are left: keys and tags. The library checks no sizes."""


_TRANSPORT_NONCE = struct.Struct("<4xQ")


@dataclass(frozen=True, slots=True)
class TransportKeys:
    """What a finished handshake leaves: two cipher keys and the hash of the whole transcript."""

    sending: bytes
    receiving: bytes
    transcript: bytes


class TransportCipher:
    """ChaCha20-Poly1305 under one transport key, with the counter as nonce."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    def seal(self, counter: int, plaintext: bytes, header: bytes) -> bytes:
        """Return ciphertext and tag; a counter must never be used twice."""
        return self._cipher.encrypt(_TRANSPORT_NONCE.pack(counter), plaintext, header)

    def open(self, counter: int, sealed: bytes, header: bytes) -> bytes:
        """Return the plaintext; Unauthentic LNK-020 if tag, header or counter do not fit."""
        try:
            return self._cipher.decrypt(_TRANSPORT_NONCE.pack(counter), sealed, header)
        except InvalidTag as error:
            raise Unauthentic("LNK-020", "packet does not authenticate") from error


class _KeyPair(Protocol):
    public_bytes: bytes


class _Cipher(Protocol):
    def initialize(self, key: bytes) -> None: ...


class _CipherState(Protocol):
    k: bytes
    n: int
    cipher: _Cipher

    def has_key(self) -> bool: ...


class _SymmetricState(Protocol):
    h: bytes
    ck: bytes
    cipher_state: _CipherState


class _HandshakeState(Protocol):
    symmetric_state: _SymmetricState
    message_patterns: list[list[str]]
    re: _KeyPair
    rs: _KeyPair

    def write_message(
        self, payload: bytes, message_buffer: bytearray
    ) -> tuple[_CipherState, _CipherState] | None: ...

    def read_message(
        self, message: bytes, payload_buffer: bytearray
    ) -> tuple[_CipherState, _CipherState] | None: ...


@dataclass(frozen=True, slots=True)
class _Mark:
    """All that reading a message changes in the library's state."""

    h: bytes
    ck: bytes
    key: bytes
    n: int
    message_patterns: tuple[list[str], ...]
    re: _KeyPair
    rs: _KeyPair


class StaticKey:
    """The long-term X25519 key pair of a device, derived once."""

    __slots__ = ("pair", "public")

    def __init__(self, seed: bytes) -> None:
        assert len(seed) == KEY_SIZE_BYTES
        self.pair = _key_pair(seed)
        self.public = self.pair.public_bytes


class Handshake:
    """One side of one XX handshake, from the first message to the split keys."""

    __slots__ = ("_before", "_is_initiator", "_state", "keys")

    def __init__(
        self, static: StaticKey, prologue: bytes, *, entropy: Entropy, is_initiator: bool
    ) -> None:
        protocol = NoiseProtocol(protocol_name=PROTOCOL_NAME, backend=noise_backend)
        protocol.initiator = is_initiator
        protocol.prologue = prologue
        protocol.keypairs["s"] = static.pair
        protocol.keypairs["e"] = _key_pair(entropy.draw(KEY_SIZE_BYTES))
        # The library's own validate() is skipped: it only warns that an ephemeral key was given.
        protocol.initialise_handshake_state()
        # Kept here because the library forgets it, and the remote static key, at the end.
        self._state: _HandshakeState = protocol.handshake_state
        self._is_initiator = is_initiator
        self._before: _Mark | None = None
        self.keys: TransportKeys | None = None

    @property
    def remote_static(self) -> bytes:
        """Return the other side's X25519 public key; known after its first encrypted message."""
        return self._state.rs.public_bytes

    def write(self, payload: bytes) -> bytes:
        """Return our next handshake message with `payload` in it.

        Errors: Unauthentic LNK-004 for a remote key of small order; the handshake is then useless.
        """
        message = bytearray()
        try:
            ciphers = self._state.write_message(payload, message)
        except ValueError as error:
            # The exchange with a remote key of small order fails here, not when it is read.
            raise Unauthentic("LNK-004", "remote key of small order") from error
        self._before = None
        self._finish(ciphers)
        return bytes(message)

    def read(self, message: bytes) -> bytes:
        """Return the payload of the other side's next message.

        Errors: Unauthentic LNK-004 for anything that does not verify; the handshake is untouched.
        """
        if len(message) < MESSAGE_SIZES_BYTES_MIN[len(self._state.message_patterns)]:
            raise Unauthentic("LNK-004", "handshake message too short for its keys")
        mark = self._mark()
        payload = bytearray()
        try:
            ciphers = self._state.read_message(message, payload)
        except (InvalidTag, ValueError) as error:
            # ValueError: the exchange with a key of small order.
            self._restore(mark)
            raise Unauthentic("LNK-004", "handshake message does not verify") from error
        self._before = mark
        self._finish(ciphers)
        return bytes(payload)

    def unread(self) -> None:
        """Undo the last `read`, whose payload turned out to be unacceptable; not after the last."""
        assert self._before is not None
        assert self.keys is None
        self._restore(self._before)
        self._before = None

    def _finish(self, ciphers: tuple[_CipherState, _CipherState] | None) -> None:
        if ciphers is None:
            return
        ours, theirs = ciphers if self._is_initiator else (ciphers[1], ciphers[0])
        self.keys = TransportKeys(ours.k, theirs.k, self._state.symmetric_state.h)

    def _mark(self) -> _Mark:
        state, symmetric = self._state, self._state.symmetric_state
        cipher = symmetric.cipher_state
        return _Mark(
            h=symmetric.h,
            ck=symmetric.ck,
            key=cipher.k,
            n=cipher.n,
            message_patterns=tuple(state.message_patterns),
            re=state.re,
            rs=state.rs,
        )

    def _restore(self, mark: _Mark) -> None:
        state, symmetric = self._state, self._state.symmetric_state
        symmetric.h, symmetric.ck = mark.h, mark.ck
        state.message_patterns = list(mark.message_patterns)
        state.re, state.rs = mark.re, mark.rs
        cipher = symmetric.cipher_state
        cipher.k, cipher.n = mark.key, mark.n
        if cipher.has_key():
            cipher.cipher.initialize(mark.key)


def _key_pair(private: bytes) -> _KeyPair:
    """Return the library's key pair object for 32 private bytes."""
    pair: _KeyPair = noise_backend.keypairs["25519"].from_private_bytes(private)
    return pair
