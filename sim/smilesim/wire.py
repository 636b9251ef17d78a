"""Fidelity `wire`: what is in the air is bytes, and every receiver reads them for itself.

A message is encoded once by its sender and decoded by each receiver, with the codec of the product
and nothing remembered between two deliveries. Damage on the air reaches that decoder: what it
refuses is counted by rule. A flipped bit may also leave the bytes of another message (a CLOCK is
not signed), which in the product never gets past the seal of the link; so there is a stand-in for
the seal behind the decoder, and what gets that far is counted too. Nothing here raises on bytes.
"""

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b

from smilesim.radio import AirLink, Radio
from smilesim.verify import SignThrough
from smilesync.errors import RemoteError
from smilesync.keys import Ed25519Verifier
from smilesync.wire import codec
from smilesync.wire.messages import Message

TAG_BYTES = 16
UNSEALED = "seal"
"""The rule that damaged bytes break which the decoder took for another message."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encoded message in the air and its tag: who changed one did not change the other."""

    data: bytes
    tag: bytes


class Wire:
    """Encoder, decoder and counters between the effects of devices and the radio.

    `refused` counts by rule what was not delivered; `sent_count` and `sent_bytes` are what went on
    the air, storms included. A message is encoded once, however many receive it.
    """

    def __init__(self, radio: Radio) -> None:
        self.sent_count = 0
        self.sent_bytes = 0
        self.decoded = 0
        self.refused: Counter[str] = Counter()
        self._radio = radio
        self._message: Message | None = None
        self._sealed = Sealed(b"", b"")

    def transmit(self, link: AirLink, message: Message) -> None:
        """Put `message` on the air, and every copy of it that a storm makes."""
        if message is not self._message:
            self._message = message
            self._sealed = seal(codec.encode(message))
        waits_ms = self._radio.waits_ms(message)
        self.sent_count += len(waits_ms)
        self.sent_bytes += len(waits_ms) * len(self._sealed.data)
        self._radio.carry_each(link, self._sealed, waits_ms)

    def open(self, sealed: Sealed) -> Message | None:
        """Return what a receiver reads in the bytes it got; None when they are refused."""
        try:
            message = codec.decode(sealed.data)
        except RemoteError as error:
            self.refused[error.rule] += 1
            return None
        if _tag(sealed.data) != sealed.tag:
            self.refused[UNSEALED] += 1
            return None
        self.decoded += 1
        return message


class RealVerifier:
    """Trusts no memory: every signature is computed. Counts in `through`, for the report."""

    def __init__(self, through: SignThrough) -> None:
        self._through = through
        self._verifier = Ed25519Verifier()

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        """Return whether `signature` of `data` by `public` is acceptable; never raises."""
        self._through.real_checks += 1
        return self._verifier.verify(public, data, signature)


def seal(data: bytes) -> Sealed:
    """Return what goes on the air for an encoded message."""
    return Sealed(data, _tag(data))


def damaged(sealed: Sealed, chance: int) -> Sealed:
    """Return what arrives of an encoded message when its bytes are spoilt."""
    return Sealed(spoilt(sealed.data, chance), sealed.tag)


def spoilt(data: bytes, chance: int) -> bytes:
    """Return `data` with one bit flipped, or cut short; never nothing at all, never the same."""
    place = (chance >> 1) % (8 * len(data))
    if chance & 1 and place >> 3:
        return data[: place >> 3]
    flipped = bytearray(data)
    flipped[place >> 3] ^= 1 << (place & 7)
    return bytes(flipped)


def _tag(data: bytes) -> bytes:
    return blake2b(data, digest_size=TAG_BYTES).digest()
