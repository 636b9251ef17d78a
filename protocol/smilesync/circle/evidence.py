"""Two votes that no honest voter signs beside each other: proof against whoever signed both.

It speaks for itself, so nobody signs it, and whoever passes it on answers for nothing. Votes carry
their slot, roster and view in what is signed; so the pair needs no history to be judged, only the
voter key that still has a seat or waits for one. Source: SPEC section Evidence (EVD).
"""

import hashlib

from smilesync.circle.quorum import VoteKey, statement
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import CircleId, VoterKey
from smilesync.keys import Verifier
from smilesync.wire import codec
from smilesync.wire.envelope import Domain
from smilesync.wire.messages import Evidence, SignedVote, VoteKind

SLOTS_MAX = 300
"""Evidence of a slot longer ago than this is stale."""
_OPPOSED = (VoteKind.NULLIFY, VoteKind.FINALIZE)


def conflict(one: VoteKey, other: VoteKey) -> bool:
    """Would no honest voter sign both of these?"""
    if one == other or one[1] != other[1]:
        return False
    return one[0] is other[0] or (one[0] in _OPPOSED and other[0] in _OPPOSED)


def proof(
    place: tuple[int, VoterKey, bytes], one: tuple[VoteKey, bytes], other: tuple[VoteKey, bytes]
) -> Evidence:
    """Return the evidence that two signed votes are; `place` is slot, voter key, roster hash."""
    assert conflict(one[0], other[0])
    votes = [SignedVote(key[0], key[2], signature) for key, signature in (one, other)]
    first, second = sorted(votes, key=_rank)
    slot, voter, roster_hash = place
    return Evidence(slot, voter, roster_hash, one[0][1], first, second)


def hash_of(evidence: Evidence) -> bytes:
    """Return the 32 bytes by which a decided value names it."""
    return hashlib.sha256(Domain.EVIDENCE + b"\0" + codec.encode(evidence)).digest()


def verify(evidence: Evidence, circle: CircleId, open_slot: int, verifier: Verifier) -> None:
    """Return if the evidence proves what it says.

    Errors: Malformed, Unwelcome, Unauthentic; cheap tests come first.
    """
    one, other = evidence.one, evidence.other
    keys = [(vote.kind, evidence.view, vote.value_hash) for vote in (one, other)]
    if _rank(one) >= _rank(other) or not conflict(keys[0], keys[1]):
        raise Malformed("EVD-002", "two votes that one voter may sign, or in the wrong order")
    if not open_slot - SLOTS_MAX <= evidence.slot <= open_slot:
        raise Unwelcome("EVD-003", f"evidence of slot {evidence.slot}, open is {open_slot}")
    for key, vote in zip(keys, (one, other), strict=True):
        data = statement(circle, evidence.roster_hash, evidence.slot, key)
        if not verifier.verify(evidence.voter, data, vote.signature):
            raise Unauthentic("EVD-004", "a vote in the evidence does not verify")


def _rank(vote: SignedVote) -> tuple[int, bytes]:
    return vote.kind, vote.value_hash or b""
