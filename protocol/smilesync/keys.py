"""Ed25519 signing, and verification that accepts the same bytes in every implementation.

SPEC section Signatures (SIG). RFC 8032 leaves room: libraries differ on keys and nonces of small
order and on encodings that are not reduced, so that a crafted vote could count for one half of a
circle only. The rule here is the intersection of what common libraries accept, as a check of
fixed encodings before the library's own cofactor-less verification.
"""

from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64

FIELD_PRIME = (1 << 255) - 19
GROUP_ORDER = (1 << 252) + 27742317777372353535851937790883648493
_SIGN_MASK = (1 << 255) - 1

_ORDER_8_Y = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER_Y = frozenset((0, 1, FIELD_PRIME - 1, _ORDER_8_Y, FIELD_PRIME - _ORDER_8_Y))
"""The y coordinates of all eight points whose order divides 8, whatever the sign bit says."""


class Signer(Protocol):
    """Holds one private key. `public` is the 32-byte public key."""

    @property
    def public(self) -> bytes: ...

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature of `data`."""
        ...


class Verifier(Protocol):
    """Decides about signatures by the strict rule."""

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        """Return whether `signature` of `data` by `public` is acceptable; never raises."""
        ...


class Ed25519Signer:
    """Signs with the key that the 32-byte secret `seed` stands for (RFC 8032 5.1.5)."""

    __slots__ = ("_key", "_public")

    def __init__(self, seed: bytes) -> None:
        assert len(seed) == SEED_BYTES
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()

    @property
    def public(self) -> bytes:
        """Return the 32-byte public key."""
        return self._public

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature; the same for the same data, no randomness."""
        return self._key.sign(data)


class Ed25519Verifier:
    """Accepts exactly the signatures of SPEC SIG, by `cryptography` behind a cheap check."""

    __slots__ = ()

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        """Return whether the strict rule accepts; false for any other bytes of any length."""
        if len(signature) != SIGNATURE_BYTES or len(public) != KEY_BYTES:
            return False
        if int.from_bytes(signature[32:], "little") >= GROUP_ORDER:
            return False
        if not (_is_strict_point(public) and _is_strict_point(signature[:32])):
            return False
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True


def is_strict_key(public: bytes) -> bool:
    """Return whether `public` passes SIG-003 and SIG-004; it may still lie off the curve.

    A key off the curve verifies nothing, so it is harmless wherever signatures are asked for.
    """
    return len(public) == KEY_BYTES and _is_strict_point(public)


def _is_strict_point(encoding: bytes) -> bool:
    """Return whether y is reduced (y < p) and not that of a point of small order."""
    y = int.from_bytes(encoding, "little") & _SIGN_MASK
    return y < FIELD_PRIME and y not in SMALL_ORDER_Y
