"""Which circle a circle succeeds, and what its founders signed to found it.

A founder of a successor signs the whole call: the circle that was lost, its head, and everybody
else who is to found with it. So a card of one call says nothing for another one, and nobody can
be left out or smuggled in afterwards. Source: SPEC section Succession.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from smilesync.ids import CircleId, PeerId, ValueHash
from smilesync.wire import cbor
from smilesync.wire.envelope import Domain, signed_bytes
from smilesync.wire.messages import Call

CALL_DOMAIN = Domain.SUCCESSION + b"\0"


@dataclass(frozen=True, slots=True)
class Lineage:
    """The circle that is succeeded, and the last value that its founders know it decided."""

    circle: CircleId
    head: ValueHash


def call_hash(call: Call) -> bytes:
    """Return the 32 bytes that name a call (SUC-005)."""
    body: dict[int, cbor.CborValue] = {
        1: call.circle,
        2: call.head,
        3: call.nonce,
        4: list(call.founders),
    }
    return hashlib.sha256(CALL_DOMAIN + cbor.encode(body)).digest()


def call_of(lineage: Lineage, nonce: bytes, identities: Sequence[PeerId]) -> Call:
    """Return the call that a genesis with this lineage and these founders answers."""
    return Call(lineage.circle, lineage.head, nonce, tuple(sorted(identities)))


def pledge_bytes(call: Call, identity: bytes, voter: bytes) -> bytes:
    """Return what both keys of a founder sign (SUC-006)."""
    body = cbor.encode({1: identity, 2: voter, 3: call_hash(call)})
    return signed_bytes(Domain.SUCCESSION, body, circle=call.circle)
