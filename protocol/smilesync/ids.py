"""Names of things: fixed-size byte strings with distinct types, and their text forms."""

from typing import NewType

PeerId = NewType("PeerId", bytes)
"""A device's long-term Ed25519 identity public key, 32 bytes."""

VoterKey = NewType("VoterKey", bytes)
"""A device's Ed25519 public key for votes in one circle, 32 bytes."""

CircleId = NewType("CircleId", bytes)
"""SHA-256 over the genesis of a circle, 32 bytes."""

ValueHash = NewType("ValueHash", bytes)
"""SHA-256 over a proposed or decided value, 32 bytes."""

Address = tuple[str, int]
"""Where datagrams go: host text and UDP port. Opaque to the core."""

KEY_SIZE_BYTES = 32
SIGNATURE_SIZE_BYTES = 64
NO_CIRCLE = CircleId(bytes(32))
"""Stands for the circle in objects that belong to none."""


def short(name: bytes) -> str:
    """Return the first eight hex digits, enough for a person to tell devices apart."""
    return name[:4].hex()
