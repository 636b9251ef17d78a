"""Sign-through: an honest simulated signature is remembered as verified when it is made.

Verifying costs more than everything else a delivery does, and proves nothing new about bytes that
this process signed itself a moment ago. Anything that differs from such bytes in one bit - a
forgery, a mutation, a foreign key - goes to the real verifier.

In the largest cities making them is what takes the time, so there the most frequent ones may be
tags: hashes of the signer's name and of what it signs. A simulated device makes them with its own
keys only, and whoever forges draws bytes, so a tag says as much as a signature. Everything that
names and orders are made of is signed for real: they are the same with tags and without.
"""

from hashlib import blake2b

from smilesim.ed25519 import key_pair, seed_of, sign
from smilesync.keys import SIGNATURE_BYTES, Ed25519Verifier, Verifier
from smilesync.wire.envelope import Domain

KNOWN_MIN = 1 << 15
KNOWN_PER_PEER = 24
"""A device signs less than once a second, and what is in use by others are its last six or so."""
NAME_BYTES = 8
SHELF_NAMES = 8
SHELF_BYTES = SHELF_NAMES * NAME_BYTES
"""One line of a processor's cache."""
DIGEST_BYTES = NAME_BYTES + 4
"""The name, and where it is: by chance, one in 2**60 forgeries would be taken for true."""

FEELINGS = (Domain.EMOTION + b"\0",)
"""What begins so may carry a tag: nothing that a circle decides or is named after holds these."""
VOTES = tuple([d + b"\0" for d in (Domain.NOTARIZE, Domain.NULLIFY, Domain.FINALIZE)])
"""And these, where no voter can be expelled: evidence of two votes has their hash as its name."""


def tagged_in(*, is_governed: bool) -> tuple[bytes, ...]:
    """Return what may carry a tag in such circles."""
    return FEELINGS if is_governed else VOTES + FEELINGS


class SignThrough:
    """A verifier with a memory of what honest simulated devices signed.

    What begins as one of `tagged` they give a tag, which it knows without remembering. The memory
    is one table of shelves: a signature has its place on one of them, where it stays until as many
    others came to that shelf as fit on it.
    """

    def __init__(
        self,
        verifier: Verifier | None = None,
        known_max: int = KNOWN_MIN,
        *,
        tagged: tuple[bytes, ...] = (),
    ) -> None:
        self.real_checks = 0
        self.tagged = tagged
        self._verifier = verifier or Ed25519Verifier()
        self._build(known_max)

    def signer(self, seed: bytes) -> "RememberingSigner":
        """Return a signer that this verifier knows."""
        return RememberingSigner(seed, self)

    def expect(self, peers: int) -> None:
        """Remember as much as a city of so many needs; what was signed before is forgotten."""
        self._build(max(KNOWN_MIN, KNOWN_PER_PEER * peers))

    def _build(self, known_max: int) -> None:
        self._shelves = max(1, known_max // SHELF_NAMES)
        self._names = bytearray(self._shelves * SHELF_BYTES)
        self._next = bytearray(self._shelves)
        """Which place of each shelf is taken next."""

    def remember(self, public: bytes, data: bytes, signature: bytes) -> None:
        """Take note of a signature just made with the private key of `public`."""
        digest = _digest(public, data, signature)
        shelf = self._shelf(digest)
        place = self._next[shelf]
        self._next[shelf] = (place + 1) % SHELF_NAMES
        begin = shelf * SHELF_BYTES + place * NAME_BYTES
        self._names[begin : begin + NAME_BYTES] = digest[:NAME_BYTES]

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        """Return whether `signature` of `data` by `public` is acceptable; never raises."""
        if self.knows(public, data, signature):
            return True
        self.real_checks += 1
        return self._verifier.verify(public, data, signature)

    def knows(self, public: bytes, data: bytes, signature: bytes) -> bool:
        """Is it a tag where there may be one, or was it made in this run and is remembered?"""
        if self.tagged and data.startswith(self.tagged) and signature == tag(public, data):
            return True
        digest = _digest(public, data, signature)
        begin = self._shelf(digest) * SHELF_BYTES
        end, name = begin + SHELF_BYTES, digest[:NAME_BYTES]
        at = self._names.find(name, begin, end)
        while at >= 0 and at % NAME_BYTES:
            at = self._names.find(name, at + 1, end)
        return at >= 0

    def _shelf(self, digest: bytes) -> int:
        """Return where it is; by the bytes themselves, which a compiled city asks for at once."""
        place = digest[-4] << 24 | digest[-3] << 16 | digest[-2] << 8 | digest[-1]
        return place % self._shelves


def tag(public: bytes, data: bytes) -> bytes:
    """Return what stands for a signature of `data` by `public`: as long, and no Ed25519."""
    return blake2b(public + data, digest_size=SIGNATURE_BYTES, person=b"smilesim tag").digest()


def _digest(public: bytes, data: bytes, signature: bytes) -> bytes:
    """Return what stands for a signature and all it is about; the sizes of the ends are fixed."""
    return blake2b(public + data + signature, digest_size=DIGEST_BYTES).digest()


class RememberingSigner:
    """A real Ed25519 signer that tells the verifier what it signed."""

    __slots__ = ("_private", "_public", "_through")

    def __init__(self, seed: bytes, through: SignThrough) -> None:
        self._public, self._private = key_pair(seed)
        self._through = through

    @property
    def public(self) -> bytes:
        """Return the 32-byte public key."""
        return self._public

    def another(self, seed: bytes) -> "RememberingSigner":
        """Return a signer with another key, known to the same verifier."""
        return self._through.signer(seed)

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature, or tag, known to the verifier from now on."""
        tagged = self._through.tagged
        if tagged and data.startswith(tagged):
            return tag(self._public, data)
        signature = sign(self._private, data)
        self._through.remember(self._public, data, signature)
        return signature

    def __reduce__(self) -> tuple[object, ...]:
        """Be made of the seed again: no library stores a private key otherwise."""
        return type(self), (seed_of(self._private), self._through)
