"""JOIN, LEAVE, INVITE and REVOKE: the objects by which people come into a circle and go.

A JOIN is signed by the identity and by the new voter key, names a head the circle had of late, so
that it cannot be prepared or replayed, and carries the invitation where the policy wants one. A
LEAVE names the voter key that it ends, so a later seat with a new key is not ended by an old one.
Source: SPEC section Membership (INV-001 to INV-007).
"""

from dataclasses import dataclass

from smilesync.circle.genesis import Parameters, Policy
from smilesync.config import OBJECT_BODY_BYTES_MAX
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import KEY_SIZE_BYTES, SIGNATURE_SIZE_BYTES, CircleId, PeerId, VoterKey
from smilesync.keys import Signer, Verifier
from smilesync.wire import cbor, envelope
from smilesync.wire.envelope import Domain
from smilesync.wire.fields import Fields
from smilesync.wire.messages import Carried, ObjectKind

GRANT_BYTES_MAX = 256
INVITE_PREFIX = "smileinvite1"
FOREVER_US = 2**53 - 1
_DOMAINS = {
    ObjectKind.JOIN: Domain.JOIN,
    ObjectKind.LEAVE: Domain.LEAVE,
    ObjectKind.REVOKE: Domain.REVOKE,
}


@dataclass(frozen=True, slots=True)
class Petition:
    """A JOIN, LEAVE, REVOKE or ROTATE, whose `identity` is out. From `head` on all is a JOIN's.

    `until_us` is the circle time up to which it may be decided; `invite` is what allows it. Of a
    ROTATE there is a head too, and `voter` is to take the place of `old`.
    """

    kind: ObjectKind
    hash: bytes
    identity: PeerId
    voter: VoterKey
    carried: Carried
    head: bytes = b""
    inviter: PeerId | None = None
    until_us: int = FOREVER_US
    consent: bytes = b""
    invite: Carried | None = None
    old: VoterKey | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What an INVITE says; `guest` None: whoever holds it."""

    by: PeerId
    until_us: int
    guest: PeerId | None


def write_join(
    identity: Signer, voter: Signer, head: bytes, circle: CircleId, grant: Carried | None = None
) -> Carried:
    """Return the signed wish to become a voter."""
    body: dict[int, cbor.CborValue] = {1: voter.public, 2: head}
    body[3] = voter.sign(_consent_bytes(identity.public, voter.public, head, circle))
    if grant is not None:
        body[4] = envelope.encode(grant)
    return envelope.sign(ObjectKind.JOIN, identity, body, circle=circle)


def write_leave(identity: Signer, voter: bytes, circle: CircleId) -> Carried:
    """Return the signed word that this voter key is used no more."""
    return envelope.sign(ObjectKind.LEAVE, identity, {1: voter}, circle=circle)


def write_invite(
    inviter: Signer, until_us: int, circle: CircleId, guest: PeerId | None = None
) -> Carried:
    """Return an invitation, or a steward's certificate for `guest`."""
    body: dict[int, cbor.CborValue] = {1: until_us}
    if guest is not None:
        body[2] = guest
    return envelope.sign(ObjectKind.INVITE, inviter, body, circle=circle)


def read(
    carried: Carried, circle: CircleId, parameters: Parameters, verifier: Verifier
) -> Petition:
    """Return the JOIN, LEAVE or REVOKE that `carried` is, verified for this circle and its policy.

    Errors: Malformed, Unauthentic, Unwelcome. Whether an inviter has a seat is not judged here.
    """
    petition = look_at(carried, parameters)
    verify(petition, circle, verifier)
    return petition


def look_at(carried: Carried, parameters: Parameters, *, is_waiting: bool = False) -> Petition:
    """Return what a JOIN, LEAVE or REVOKE says, if it has its form; no signature is verified yet.

    `is_waiting`: the signer of the JOIN was admitted, so that no invitation is asked for.
    Errors: Malformed, Unwelcome.
    """
    value = cbor.decode(carried.body, limit_bytes=OBJECT_BODY_BYTES_MAX)
    named, by = envelope.object_hash(carried), carried.signer
    if carried.kind == ObjectKind.REVOKE:
        fields = Fields.of_map(value, "INV-007")
        guest = PeerId(fields.sized(1, KEY_SIZE_BYTES))
        fields.close()
        if by != parameters.steward:
            raise Unwelcome("INV-007", "a revocation that is not the steward's")
        return Petition(ObjectKind.REVOKE, named, guest, VoterKey(b""), carried)
    if carried.kind == ObjectKind.LEAVE:
        fields = Fields.of_map(value, "INV-002")
        voter = VoterKey(fields.sized(1, KEY_SIZE_BYTES))
        fields.close()
        return Petition(ObjectKind.LEAVE, named, by, voter, carried)
    fields = Fields.of_map(value, "INV-001")
    voter, head = VoterKey(fields.sized(1, KEY_SIZE_BYTES)), fields.sized(2, KEY_SIZE_BYTES)
    consent = fields.sized(3, SIGNATURE_SIZE_BYTES)
    grant_bytes = fields.octets(4, least=1, most=GRANT_BYTES_MAX) if fields.has(4) else None
    fields.close()
    invite = envelope.decode(grant_bytes) if grant_bytes is not None and not is_waiting else None
    grant = granted(invite, by, parameters) if not is_waiting else None
    return Petition(
        ObjectKind.JOIN,
        named,
        by,
        voter,
        carried,
        head=head,
        inviter=grant.by if grant is not None and parameters.policy is Policy.INVITE else None,
        until_us=grant.until_us if grant is not None else FOREVER_US,
        consent=consent,
        invite=invite,
    )


def verify(petition: Petition, circle: CircleId, verifier: Verifier) -> None:
    """Raise Unauthentic unless all signed what the petition says, for this circle."""
    carried, voter = petition.carried, petition.voter
    envelope.verify(carried, _DOMAINS[petition.kind], verifier, circle=circle)
    if petition.kind != ObjectKind.JOIN:
        return
    data = _consent_bytes(petition.identity, voter, petition.head, circle)
    if not verifier.verify(voter, data, petition.consent):
        raise Unauthentic("INV-003", "the new voter key did not sign its JOIN")
    if petition.invite is not None:
        envelope.verify(petition.invite, Domain.JOIN_GRANT, verifier, circle=circle)


def write_revoke(steward: Signer, guest: PeerId, circle: CircleId) -> Carried:
    """Return the steward's word that `guest` is out, and stays out."""
    return envelope.sign(ObjectKind.REVOKE, steward, {1: guest}, circle=circle)


def read_invite(carried: Carried, circle: CircleId, verifier: Verifier) -> Grant:
    """Return what an INVITE says, verified. Errors: Malformed, Unauthentic."""
    grant = _grant(carried)
    envelope.verify(carried, Domain.JOIN_GRANT, verifier, circle=circle)
    return grant


def granted(invite: Carried | None, guest: PeerId, parameters: Parameters) -> Grant | None:
    """Return what an invitation says, if it is one that the policy wants; None if it wants none.

    Errors: Malformed, Unwelcome. Its signature is not verified here.
    """
    if parameters.policy is Policy.OPEN:
        if invite is not None:
            raise Unwelcome("INV-006", "an open circle needs no invitation")
        return None
    if invite is None:
        raise Unwelcome("INV-006", "a JOIN without the invitation that this circle asks for")
    grant = _grant(invite)
    is_steward = parameters.policy is Policy.STEWARD
    if is_steward and (grant.by != parameters.steward or grant.guest is None):
        raise Unwelcome("INV-006", "a certificate is the steward's, for one identity")
    if grant.guest not in (None, guest):
        raise Unwelcome("INV-006", "an invitation of somebody else")
    return grant


def invite_text(circle: CircleId, invite: Carried) -> str:
    """Return an invitation as one word a person can copy, or a picture can hold."""
    return INVITE_PREFIX + cbor.encode([circle, envelope.encode(invite)]).hex()


def invite_from_text(text: str, verifier: Verifier) -> tuple[CircleId, Carried]:
    """Return the circle and the invitation of a word that `invite_text` wrote.

    Errors: Malformed (INV-005), Unauthentic for one that was not signed so.
    """
    text = text.lower()
    if not text.startswith(INVITE_PREFIX):
        raise Malformed("INV-005", f"an invitation starts with {INVITE_PREFIX}")
    try:
        data = bytes.fromhex(text[len(INVITE_PREFIX) :])
    except ValueError:
        raise Malformed("INV-005", "an invitation is hexadecimal after its prefix") from None
    fields = Fields.of_array(cbor.decode(data), 2, "INV-005")
    circle = CircleId(fields.sized(0, KEY_SIZE_BYTES))
    invite = envelope.decode(fields.octets(1, least=1, most=GRANT_BYTES_MAX))
    read_invite(invite, circle, verifier)
    return circle, invite


def _grant(carried: Carried) -> Grant:
    fields = Fields.of_map(cbor.decode(carried.body, limit_bytes=OBJECT_BODY_BYTES_MAX), "INV-004")
    until_us = fields.uint(1)
    guest = fields.optional_sized(2, KEY_SIZE_BYTES)
    fields.close()
    return Grant(carried.signer, until_us, PeerId(guest) if guest is not None else None)


def _consent_bytes(identity: bytes, voter: bytes, head: bytes, circle: CircleId) -> bytes:
    body = cbor.encode({1: identity, 2: voter, 3: head})
    return envelope.signed_bytes(Domain.VOTER_KEY, body, circle=circle)
