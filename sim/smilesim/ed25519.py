"""Ed25519 by libsodium where it is installed, by the daemon's library where it is not.

RFC 8032 leaves a signer no choice, so both make the same bytes; libsodium needs two thirds of the
time, and a city signs a great deal. Devices have one crypto library only, and it is not this one.
"""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from smilesync.keys import SEED_BYTES, SIGNATURE_BYTES

try:
    from nacl.bindings import crypto_sign, crypto_sign_seed_keypair
except ImportError:
    IS_INSTALLED = False
else:
    IS_INSTALLED = True

PrivateKey = bytes | Ed25519PrivateKey
"""The seed and then the public key, as libsodium wants them, or an object of the other library."""


def key_pair(seed: bytes, *, by_sodium: bool = IS_INSTALLED) -> tuple[bytes, PrivateKey]:
    """Return the public key that belongs to a 32-byte seed, and what `sign` signs with."""
    if by_sodium:
        public, private = crypto_sign_seed_keypair(seed)
        return public, private
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.public_key().public_bytes_raw(), key


def sign(private: PrivateKey, data: bytes) -> bytes:
    """Return the 64-byte signature."""
    if isinstance(private, bytes):
        signed: Any = crypto_sign(data, private)
        return bytes(signed[:SIGNATURE_BYTES])
    return private.sign(data)


def seed_of(private: PrivateKey) -> bytes:
    """Return the seed that a private key was made of."""
    return private[:SEED_BYTES] if isinstance(private, bytes) else private.private_bytes_raw()
