"""STRANDED, CALL, PLEDGE, HEIR as maps: what a circle that lost its quorum is succeeded by.

SPEC section Succession (SUC-001 to SUC-004).
"""

from smilesync.config import FOUNDERS_MAX, GENESIS_BYTES_MAX
from smilesync.errors import Malformed
from smilesync.ids import (
    KEY_SIZE_BYTES,
    SIGNATURE_SIZE_BYTES,
    CircleId,
    PeerId,
    ValueHash,
    VoterKey,
)
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import Fields
from smilesync.wire.messages import Call, Heir, Pledge, Stranded, SuccessionMessage

STRANDED = 40
CALL = 41
PLEDGE = 42
HEIR = 43

HEIR_BYTES_MAX = 1024


def succession_fields(message: SuccessionMessage) -> dict[int, CborValue]:
    """Return the map of `message`."""
    match message:
        case Stranded(circle, head, founds):
            return {0: STRANDED, 1: circle, 2: head, 3: founds}
        case Call(circle, head, nonce, founders):
            return {0: CALL, 1: circle, 2: head, 3: nonce, 4: list(founders)}
        case Pledge(call, voter, identity_signature, voter_signature):
            return {0: PLEDGE, 1: call, 2: voter, 3: identity_signature, 4: voter_signature}
        case Heir(circle, offset, size_bytes, data):
            return {0: HEIR, 1: circle, 2: offset, 3: size_bytes, 4: data}


def read_stranded(fields: Fields) -> Stranded:
    """Return the STRANDED with these fields; raises Malformed."""
    head = ValueHash(fields.sized(2, KEY_SIZE_BYTES))
    return Stranded(_circle(fields), head, fields.flag(3))


def read_call(fields: Fields) -> Call:
    """Return the CALL with these fields; raises Malformed."""
    listed = fields.array_of_octets(4, size_bytes=KEY_SIZE_BYTES, most=FOUNDERS_MAX)
    if len(listed) < 2 or list(listed) != sorted(set(listed)):
        raise Malformed("SUC-002", "a CALL lists at least two founders, ascending")
    return Call(
        circle=_circle(fields),
        head=ValueHash(fields.sized(2, KEY_SIZE_BYTES)),
        nonce=fields.sized(3, KEY_SIZE_BYTES),
        founders=tuple(PeerId(one) for one in listed),
    )


def read_pledge(fields: Fields) -> Pledge:
    """Return the PLEDGE with these fields; raises Malformed."""
    return Pledge(
        call=fields.sized(1, KEY_SIZE_BYTES),
        voter=VoterKey(fields.sized(2, KEY_SIZE_BYTES)),
        identity_signature=fields.sized(3, SIGNATURE_SIZE_BYTES),
        voter_signature=fields.sized(4, SIGNATURE_SIZE_BYTES),
    )


def read_heir(fields: Fields) -> Heir:
    """Return the HEIR with these fields; raises Malformed."""
    return Heir(
        circle=_circle(fields),
        offset=fields.uint(2, most=GENESIS_BYTES_MAX),
        size_bytes=fields.uint(3, least=1, most=GENESIS_BYTES_MAX),
        data=fields.octets(4, least=1, most=HEIR_BYTES_MAX),
    )


def _circle(fields: Fields) -> CircleId:
    return CircleId(fields.sized(1, KEY_SIZE_BYTES))
