"""Sign-through: an honest simulated signature is remembered as verified when it is made.

Verifying costs more than everything else a delivery does, and proves nothing new about bytes that
this process signed itself a moment ago. Anything that differs from such bytes in one bit - a
forgery, a mutation, a foreign key - goes to the real verifier.
"""

from hashlib import blake2b

from smilesync.keys import Ed25519Signer, Ed25519Verifier, Verifier

KNOWN_MIN = 20_000
KNOWN_PER_PEER = 6
"""A device signs less than once a second; a generation holds what is still in use by others."""
NAME_BYTES = 15
"""Collisions by chance need 2**60 signatures; the object fits 48 bytes."""


class SignThrough:
    """A verifier with a memory of what honest simulated devices signed; two generations of it."""

    def __init__(self, verifier: Verifier | None = None, known_max: int = KNOWN_MIN) -> None:
        self.real_checks = 0
        self._verifier = verifier or Ed25519Verifier()
        self._known_max = known_max
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def expect(self, peers: int) -> None:
        """Remember as much as a city of so many needs."""
        self._known_max = max(self._known_max, KNOWN_PER_PEER * peers)

    def remember(self, public: bytes, data: bytes, signature: bytes) -> None:
        """Take note of a signature just made with the private key of `public`."""
        if len(self._young) >= self._known_max:
            self._young, self._old = set(), self._young
        self._young.add(_name(public, data, signature))

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        """Return whether `signature` of `data` by `public` is acceptable; never raises."""
        name = _name(public, data, signature)
        if name in self._young or name in self._old:
            return True
        self.real_checks += 1
        return self._verifier.verify(public, data, signature)

    def knows(self, public: bytes, data: bytes, signature: bytes) -> bool:
        """Was this signature made in this run, and is it remembered?"""
        name = _name(public, data, signature)
        return name in self._young or name in self._old


def _name(public: bytes, data: bytes, signature: bytes) -> bytes:
    """Return what stands for a signature and all it is about; the sizes of the ends are fixed."""
    return blake2b(public + data + signature, digest_size=NAME_BYTES).digest()


class RememberingSigner:
    """A real Ed25519 signer that tells the verifier what it signed."""

    __slots__ = ("_signer", "_through")

    def __init__(self, seed: bytes, through: SignThrough) -> None:
        self._signer = Ed25519Signer(seed)
        self._through = through

    @property
    def public(self) -> bytes:
        """Return the 32-byte public key."""
        return self._signer.public

    def another(self, seed: bytes) -> "RememberingSigner":
        """Return a signer with another key, known to the same verifier."""
        return RememberingSigner(seed, self._through)

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature, known to the verifier from now on."""
        signature = self._signer.sign(data)
        self._through.remember(self._signer.public, data, signature)
        return signature
