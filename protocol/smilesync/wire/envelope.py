"""Carried objects: statements signed once, forwarded as they are, verified as they came.

SPEC section Objects (OBJ). Every kind of signed thing has its own domain string, so a signature
made for one purpose never counts for another. The circle and its secret's epoch are signed but
not sent: whoever verifies takes them from where it heard the object.
"""

import hashlib
from enum import Enum

from smilesync.config import OBJECT_BODY_BYTES_MAX, OBJECT_BYTES_MAX
from smilesync.errors import LocalError, Unauthentic
from smilesync.ids import KEY_SIZE_BYTES, NO_CIRCLE, SIGNATURE_SIZE_BYTES, CircleId, PeerId
from smilesync.keys import Signer, Verifier
from smilesync.wire import cbor
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import Fields
from smilesync.wire.messages import Carried, ObjectKind

MESSAGE_ID_BYTES = 16
KIND_MAX = 255


class Domain(bytes, Enum):
    """What a signature or hash is for; written before the signed bytes, ended by a zero byte."""

    NOTARIZE = b"smilesync/1/notarize"
    NULLIFY = b"smilesync/1/nullify"
    FINALIZE = b"smilesync/1/finalize"
    EMOTION = b"smilesync/1/emotion"
    CONSENT = b"smilesync/1/consent"
    FEELING = b"smilesync/1/feeling"
    LOT = b"smilesync/1/lot"
    LEAVE = b"smilesync/1/leave"
    JOIN = b"smilesync/1/join"
    JOIN_GRANT = b"smilesync/1/join-grant"
    VOTER_KEY = b"smilesync/1/voter-key"
    LIGHT_PATTERN = b"smilesync/1/light-pattern"
    STORY = b"smilesync/1/story"
    CLOCK = b"smilesync/1/clock"
    BEACON = b"smilesync/1/beacon"
    NOISE_STATIC = b"smilesync/1/noise-static"
    KEY_ROTATE = b"smilesync/1/key-rotate"
    REVOKE = b"smilesync/1/revoke"
    EVIDENCE = b"smilesync/1/evidence"
    DELEGATE = b"smilesync/1/delegate"
    THEME = b"smilesync/1/theme"
    UPDATE_ROOT = b"smilesync/1/update-root"
    UPDATE_TARGET = b"smilesync/1/update-target"
    GENESIS = b"smilesync/1/genesis"
    SUCCESSION = b"smilesync/1/succession"
    ROSTER = b"smilesync/1/roster"
    STATE = b"smilesync/1/state"
    SEED = b"smilesync/1/seed"
    REVEAL = b"smilesync/1/reveal"
    VALUE = b"smilesync/1/value"
    ID = b"smilesync/1/id"
    OPEN = b"smilesync/1/open"
    GATE = b"smilesync/1/gate"


DOMAINS: dict[int, Domain] = {
    ObjectKind.EMOTION: Domain.EMOTION,
    ObjectKind.CONSENT: Domain.CONSENT,
    ObjectKind.VOTER_KEY: Domain.VOTER_KEY,
    ObjectKind.JOIN: Domain.JOIN,
    ObjectKind.LEAVE: Domain.LEAVE,
    ObjectKind.INVITE: Domain.JOIN_GRANT,
    ObjectKind.REVOKE: Domain.REVOKE,
    ObjectKind.ROTATE: Domain.KEY_ROTATE,
    ObjectKind.WISH: Domain.LIGHT_PATTERN,
}
"""The domain of each kind of carried object that this revision knows."""


def signed_bytes(
    domain: bytes, body: bytes, *, circle: CircleId = NO_CIRCLE, epoch: int = 0
) -> bytes:
    """Return what is signed: domain, zero byte, circle, epoch (8 bytes, big-endian), body."""
    assert len(circle) == KEY_SIZE_BYTES
    return b"".join((domain, b"\0", circle, epoch.to_bytes(8, "big"), body))


def sign(
    kind: int,
    signer: Signer,
    body_value: CborValue,
    *,
    circle: CircleId = NO_CIRCLE,
    epoch: int = 0,
) -> Carried:
    """Return an object of `kind` with the encoding of `body_value` as body.

    Errors: LocalError for a kind without domain or a body too large.
    """
    domain = DOMAINS.get(kind)
    if domain is None:
        raise LocalError(f"object kind {kind} has no domain string")
    body = cbor.encode(body_value)
    if len(body) > OBJECT_BODY_BYTES_MAX:
        raise LocalError(f"object body of {len(body)} bytes, limit {OBJECT_BODY_BYTES_MAX}")
    signature = signer.sign(signed_bytes(domain, body, circle=circle, epoch=epoch))
    return Carried(int(kind), PeerId(signer.public), body, signature)


def verify(
    carried: Carried,
    domain: bytes,
    verifier: Verifier,
    *,
    circle: CircleId = NO_CIRCLE,
    epoch: int = 0,
) -> None:
    """Return if `carried` is a statement in `domain` of the key it names.

    Errors: Unauthentic when its kind belongs elsewhere or the signature is not acceptable.
    """
    if DOMAINS.get(carried.kind) != domain:
        raise Unauthentic("OBJ-005", f"kind {carried.kind} is not of this domain")
    data = signed_bytes(domain, carried.body, circle=circle, epoch=epoch)
    if not verifier.verify(carried.signer, data, carried.signature):
        raise Unauthentic("OBJ-006", f"signature of kind {carried.kind} is not acceptable")


def message_id(carried: Carried) -> bytes:
    """Return 16 bytes that name the statement, whatever its signature.

    A signer can make many signatures of one body, so the signature is left out; remember an id
    only after the signature was verified, or a damaged copy would keep the good one out.
    """
    return object_hash(carried)[:MESSAGE_ID_BYTES]


def object_hash(carried: Carried) -> bytes:
    """Return the 32 bytes by which a decided value names the statement; it begins with its id."""
    kind = carried.kind.to_bytes(1, "big")
    digest = hashlib.sha256(b"".join((Domain.ID, b"\0", kind, carried.signer, carried.body)))
    return digest.digest()


def encode(carried: Carried) -> bytes:
    """Return the object as bytes of its own, as stored or embedded elsewhere."""
    return cbor.encode(carried_value(carried))


def decode(data: bytes) -> Carried:
    """Return the object that `data` is.

    Errors: Malformed only.
    """
    return carried_of(cbor.decode(data, limit_bytes=OBJECT_BYTES_MAX))


def carried_value(carried: Carried) -> CborValue:
    """Return `[kind, signer, body, signature]`."""
    return [carried.kind, carried.signer, carried.body, carried.signature]


def carried_of(value: CborValue) -> Carried:
    """Return the object that `value` is; the body stays bytes, unread.

    Errors: Malformed(OBJ-001).
    """
    fields = Fields.of_array(value, 4, "OBJ-001")
    return Carried(
        kind=fields.uint(0, most=KIND_MAX),
        signer=PeerId(fields.sized(1, KEY_SIZE_BYTES)),
        body=fields.octets(2, least=1, most=OBJECT_BODY_BYTES_MAX),
        signature=fields.sized(3, SIGNATURE_SIZE_BYTES),
    )
