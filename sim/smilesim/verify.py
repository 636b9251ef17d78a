"""Sign-through: an honest simulated signature is remembered as verified when it is made.

Verifying costs more than everything else a delivery does, and proves nothing new about bytes that
this process signed itself a moment ago. Anything that differs from such bytes in one bit - a
forgery, a mutation, a foreign key - goes to the real verifier.
"""

from smilesync.keys import Ed25519Signer, Ed25519Verifier, Verifier

KNOWN_MAX = 200_000


class SignThrough:
    """A verifier with a memory of what honest simulated devices signed; two generations of it."""

    def __init__(self, verifier: Verifier | None = None, known_max: int = KNOWN_MAX) -> None:
        self.real_checks = 0
        self._verifier = verifier or Ed25519Verifier()
        self._known_max = known_max
        self._young: dict[bytes, tuple[bytes, bytes]] = {}
        self._old: dict[bytes, tuple[bytes, bytes]] = {}

    def remember(self, public: bytes, data: bytes, signature: bytes) -> None:
        """Take note of a signature just made with the private key of `public`."""
        if len(self._young) >= self._known_max:
            self._young, self._old = {}, self._young
        self._young[signature] = (public, data)

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        """Return whether `signature` of `data` by `public` is acceptable; never raises."""
        known = self._young.get(signature) or self._old.get(signature)
        if known is not None and known[1] == data and known[0] == public:
            return True
        self.real_checks += 1
        return self._verifier.verify(public, data, signature)

    def signer_of(self, data: bytes, signature: bytes) -> bytes | None:
        """Return the public key that made `signature` of `data` in this run, if remembered."""
        known = self._young.get(signature) or self._old.get(signature)
        return known[0] if known is not None and known[1] == data else None


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

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature, known to the verifier from now on."""
        signature = self._signer.sign(data)
        self._through.remember(self._signer.public, data, signature)
        return signature
