"""FEELINGS as a map: what people feel, on its way to the voters. SPEC section Inputs (INP-010)."""

from smilesync.ids import KEY_SIZE_BYTES, SIGNATURE_SIZE_BYTES, PeerId
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import Fields
from smilesync.wire.messages import Feeling, Feelings
from smilesync.wire.votesets import bitmap_octets

FEELINGS = 28
FEELINGS_MAX = 8
"""What fits a datagram: a feeling takes up to 129 bytes."""
ITEMS = 6
STATE_MAX = 4


def feelings_fields(message: Feelings) -> dict[int, CborValue]:
    """Return the map of `message`."""
    items: list[CborValue] = [[bitmap_octets(one.voters), *one[1:]] for one in message.feelings]
    return {0: FEELINGS, 1: items}


def read_feelings(fields: Fields) -> Feelings:
    """Return the FEELINGS with these fields; raises Malformed."""
    return Feelings(tuple(map(_feeling, fields.array(1, least=1, most=FEELINGS_MAX))))


def _feeling(item: CborValue) -> Feeling:
    fields = Fields.of_array(item, ITEMS, "INP-010")
    is_withdrawal = isinstance(item, list) and item[3] is None
    if is_withdrawal:
        fields.null(3)
    return Feeling(
        voters=fields.bitmap(0, least_bits=1),
        signer=PeerId(fields.sized(1, KEY_SIZE_BYTES)),
        sequence=fields.uint(2),
        state=None if is_withdrawal else fields.uint(3, most=STATE_MAX),
        made_us=fields.uint(4),
        signature=fields.sized(5, SIGNATURE_SIZE_BYTES),
    )
