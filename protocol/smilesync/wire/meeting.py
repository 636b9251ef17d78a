"""MEET, READY, PROVE, PROOF as maps: how devices of two circles find out that they may merge.

SPEC section Merging (MRG-001 to MRG-004).
"""

from collections.abc import Callable

from smilesync.config import PROOF_BYTES_MAX, ROSTER_MAX
from smilesync.errors import Malformed
from smilesync.ids import KEY_SIZE_BYTES, CircleId, ValueHash
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import Fields
from smilesync.wire.messages import Meet, MeetingMessage, Proof, Prove, Ready

MEET = 44
READY = 45
PROVE = 46
PROOF = 47

PART_BYTES_MAX = 1024


def meeting_fields(message: MeetingMessage) -> dict[int, CborValue]:
    """Return the map of `message`, fields at their default left out."""
    fields: dict[int, CborValue]
    match message:
        case Meet(circle, slot, head, voters, offer, offered_to):
            fields = {0: MEET, 1: circle, 2: slot, 3: head, 4: voters}
            if offer is not None:
                fields |= {5: offer, 6: offered_to}
            return fields
        case Ready(circle, other, offer):
            fields = {0: READY, 1: circle, 2: other}
            return fields if offer is None else fields | {3: offer}
        case Prove(circle, offer, offset):
            return {0: PROVE, 1: circle, 2: offer, 3: offset}
        case Proof(circle, offer, offset, size_bytes, data):
            return {0: PROOF, 1: circle, 2: offer, 3: offset, 4: size_bytes, 5: data}


def read_meet(fields: Fields) -> Meet:
    """Return the MEET with these fields; raises Malformed."""
    offer, to = (fields.optional_sized(key, KEY_SIZE_BYTES) for key in (5, 6))
    if (offer is None) is not (to is None):
        raise Malformed("MRG-001", "a MEET has an offer and whom it is for, or neither")
    return Meet(
        circle=_circle(fields, 1),
        slot=fields.uint(2),
        head=ValueHash(fields.sized(3, KEY_SIZE_BYTES)),
        voters=fields.uint(4, least=1, most=ROSTER_MAX),
        offer=ValueHash(offer) if offer is not None else None,
        offered_to=CircleId(to) if to is not None else None,
    )


def read_ready(fields: Fields) -> Ready:
    """Return the READY with these fields; raises Malformed."""
    offer = fields.optional_sized(3, KEY_SIZE_BYTES)
    return Ready(
        circle=_circle(fields, 1),
        other=_circle(fields, 2),
        offer=ValueHash(offer) if offer is not None else None,
    )


def read_prove(fields: Fields) -> Prove:
    """Return the PROVE with these fields; raises Malformed."""
    offer = ValueHash(fields.sized(2, KEY_SIZE_BYTES))
    return Prove(_circle(fields, 1), offer, fields.uint(3, most=PROOF_BYTES_MAX))


def read_proof_part(fields: Fields) -> Proof:
    """Return the PROOF with these fields; raises Malformed."""
    return Proof(
        circle=_circle(fields, 1),
        offer=ValueHash(fields.sized(2, KEY_SIZE_BYTES)),
        offset=fields.uint(3, most=PROOF_BYTES_MAX),
        size_bytes=fields.uint(4, least=1, most=PROOF_BYTES_MAX),
        data=fields.octets(5, least=1, most=PART_BYTES_MAX),
    )


def _circle(fields: Fields, key: int) -> CircleId:
    return CircleId(fields.sized(key, KEY_SIZE_BYTES))


MEETING_READERS: dict[int, tuple[str, Callable[[Fields], MeetingMessage]]] = {
    MEET: ("MRG-001", read_meet),
    READY: ("MRG-002", read_ready),
    PROVE: ("MRG-003", read_prove),
    PROOF: ("MRG-004", read_proof_part),
}
"""Who reads which type, and the rule that its errors name."""
