"""ROTATE: the object by which a device asks for another voter key in the place of its own.

The identity signs it alone, for who lost a key, or must never use it again, cannot sign with it.
The new key signs too, so nobody gets a seat by a key that is not theirs. It names the key that
goes and a head the circle had of late: an old one is worth nothing.
Source: SPEC section Another voter key (RKY-010 to RKY-014).
"""

from collections.abc import Container

from smilesync.circle.circumstances import Circumstances
from smilesync.circle.petitions import Petition
from smilesync.circle.rotated import owners, places
from smilesync.config import OBJECT_BODY_BYTES_MAX
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import KEY_SIZE_BYTES, SIGNATURE_SIZE_BYTES, CircleId, PeerId, VoterKey
from smilesync.keys import Signer, Verifier
from smilesync.wire import cbor, envelope
from smilesync.wire.envelope import Domain
from smilesync.wire.fields import Fields
from smilesync.wire.messages import Carried, ObjectKind


def write_rotate(
    identity: Signer, voter: Signer, old: bytes, head: bytes, circle: CircleId
) -> Carried:
    """Return the signed wish that `voter` takes the place of the key `old`."""
    data = _consent_bytes(identity.public, old, voter.public, head, circle)
    body: dict[int, cbor.CborValue] = {1: old, 2: voter.public, 3: head, 4: voter.sign(data)}
    return envelope.sign(ObjectKind.ROTATE, identity, body, circle=circle)


def look_at_rotate(carried: Carried) -> Petition:
    """Return what a ROTATE says, if it has its form; no signature is verified yet.

    Errors: Malformed (RKY-010).
    """
    value = cbor.decode(carried.body, limit_bytes=OBJECT_BODY_BYTES_MAX)
    fields = Fields.of_map(value, "RKY-010")
    old, voter = fields.sized(1, KEY_SIZE_BYTES), fields.sized(2, KEY_SIZE_BYTES)
    head, consent = fields.sized(3, KEY_SIZE_BYTES), fields.sized(4, SIGNATURE_SIZE_BYTES)
    fields.close()
    if old == voter:
        raise Malformed("RKY-010", "a voter key in the place of itself")
    return Petition(
        ObjectKind.ROTATE,
        envelope.object_hash(carried),
        carried.signer,
        VoterKey(voter),
        carried,
        head=head,
        consent=consent,
        old=VoterKey(old),
    )


def verify_rotate(petition: Petition, circle: CircleId, verifier: Verifier) -> None:
    """Raise Unauthentic unless identity and new key signed what the petition says, for here."""
    envelope.verify(petition.carried, Domain.KEY_ROTATE, verifier, circle=circle)
    assert petition.old is not None
    identity, voter = petition.identity, petition.voter
    data = _consent_bytes(identity, petition.old, voter, petition.head, circle)
    if not verifier.verify(voter, data, petition.consent):
        raise Unauthentic("RKY-011", "the new voter key did not sign its ROTATE")


def must_be_due(petition: Petition, around: Circumstances, heads: Container[bytes]) -> None:
    """Raise Unwelcome for what cannot be granted: no signature need be verified for that."""
    roster, state = around.roster, around.state
    if key_of(petition.identity, around) != petition.old:
        raise Unwelcome("RKY-012", "a ROTATE of a voter key that is not in use by its signer")
    if petition.voter in owners(roster, state):
        raise Unwelcome("RKY-012", "a ROTATE to a voter key that is in use, or was of late")
    if state is not None and state.has_rotated(petition.identity):
        raise Unwelcome("RKY-012", "a ROTATE of somebody who got another key of late")
    if petition.head not in heads:
        raise Unwelcome("RKY-012", "a ROTATE that names none of the last heads")


def request(around: Circumstances, head: bytes | None) -> Carried | None:
    """Return the ROTATE by which this device asks for its spare key, None if it cannot."""
    spare, identity = around.spare, around.identity
    if spare is None or identity is None or head is None:
        return None
    old = key_of(PeerId(identity.public), around)
    if old is None:
        return None
    return write_rotate(identity, spare, old, head, around.roster.circle)


def key_of(identity: PeerId, around: Circumstances) -> VoterKey | None:
    """Return the voter key somebody has a seat with or waits with, None if neither is known."""
    seats = places(around.roster, around.state)
    return next((seat.voter for seat in seats if seat.identity == identity), None)


def _consent_bytes(
    identity: bytes, old: bytes, voter: bytes, head: bytes, circle: CircleId
) -> bytes:
    body = cbor.encode({1: identity, 2: voter, 3: head, 4: old})
    return envelope.signed_bytes(Domain.VOTER_KEY, body, circle=circle)
