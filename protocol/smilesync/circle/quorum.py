"""How many votes are enough, and what a vote signs.

q = floor((n + f) / 2) + 1 with f = floor((n - 1) / 3) is the smallest quorum of which any two
share f + 1 voters, so at least one honest one; it never exceeds n - f, so the honest alone reach
it. Source: SPEC sections Quorum and Votes.
"""

import hashlib
from functools import lru_cache

from smilesync.ids import CircleId, ValueHash
from smilesync.wire.envelope import Domain
from smilesync.wire.messages import VoteKind, VoteSet

VOTE_DOMAINS = {
    VoteKind.NOTARIZE: Domain.NOTARIZE + b"\0",
    VoteKind.NULLIFY: Domain.NULLIFY + b"\0",
    VoteKind.FINALIZE: Domain.FINALIZE + b"\0",
}
VALUE_DOMAIN = Domain.VALUE + b"\0"
NO_VALUE = bytes(32)
KNOWN_STATEMENTS = 1024

VoteKey = tuple[VoteKind, int, ValueHash | None]
"""What votes must agree on to be counted together: kind, view, value (None for NULLIFY)."""


def fault_limit(voter_count: int) -> int:
    """Return f, how many Byzantine voters `voter_count` can bear."""
    return (voter_count - 1) // 3


def quorum_size(voter_count: int, *, is_strict: bool = False) -> int:
    """Return q. A strict circle of up to 3 needs all: it stops rather than ever conflict."""
    if is_strict and voter_count <= 3:
        return voter_count
    return (voter_count + fault_limit(voter_count)) // 2 + 1


def value_hash(body: bytes) -> ValueHash:
    """Return the name of an encoded value."""
    return ValueHash(hashlib.sha256(VALUE_DOMAIN + body).digest())


@lru_cache(maxsize=KNOWN_STATEMENTS)
def statement(circle: CircleId, roster_hash: bytes, slot: int, key: VoteKey) -> bytes:
    """Return the bytes that a vote signs; reconstructed by every verifier, never carried.

    Remembered: q voters sign the same.
    """
    kind, view, value = key
    return b"".join(
        (
            VOTE_DOMAINS[kind],
            circle,
            slot.to_bytes(8, "big"),
            roster_hash,
            view.to_bytes(4, "big"),
            value if value is not None else NO_VALUE,
        )
    )


def bits(bitmap: int) -> list[int]:
    """Return the indices of the set bits, ascending."""
    return [index for index in range(bitmap.bit_length()) if bitmap >> index & 1]


def vote_set(key: VoteKey, votes: dict[int, bytes]) -> VoteSet:
    """Return `votes` as one message part, signatures in ascending index order."""
    kind, view, value = key
    bitmap, signatures = 0, []
    for index in sorted(votes):
        bitmap |= 1 << index
        signatures.append(votes[index])
    return VoteSet(kind, view, value, bitmap, tuple(signatures))
