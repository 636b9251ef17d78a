"""HELLO, BEACONS, ASK, TOLD as maps: what spreads a circle over devices without own links.

SPEC section Spreading (SPR-010 to SPR-013).
"""

from smilesync.config import ROSTER_MAX
from smilesync.ids import SIGNATURE_SIZE_BYTES
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import Fields
from smilesync.wire.messages import Ask, Beacon, Beacons, Hello, SpreadMessage, Told
from smilesync.wire.votesets import bitmap_octets

HELLO = 24
BEACONS = 25
ASK = 26
TOLD = 27

SALT_BYTES = 8
TAG_BYTES = 16
NONCE_BYTES = 16
BEACON_ITEMS = 5
BEACONS_MAX = 10
"""What fits a datagram: a beacon takes up to 99 bytes."""
QUESTION_BYTES_MAX = 960
BODY_BYTES_MAX = 960


def spread_fields(message: SpreadMessage) -> dict[int, CborValue]:
    """Return the map of `message`, fields at their default left out."""
    match message:
        case Hello(salt, tag, reach, serves):
            return {0: HELLO, 1: salt, 2: tag, 3: bitmap_octets(reach), 4: serves}
        case Beacons(beacons):
            return {0: BEACONS, 1: [_beacon_items(beacon) for beacon in beacons]}
        case Told(nonce, voter, body, signature):
            return {0: TOLD, 1: nonce, 2: voter, 3: body, 4: signature}
        case Ask(nonce, voters, asker, question):
            fields: dict[int, CborValue] = {0: ASK, 1: nonce, 2: bitmap_octets(voters)}
            if asker is not None:
                fields[3] = asker
            if question is not None:
                fields[4] = question
            return fields


def read_hello(fields: Fields) -> Hello:
    """Return the HELLO with these fields; raises Malformed."""
    return Hello(
        salt=fields.sized(1, SALT_BYTES),
        tag=fields.sized(2, TAG_BYTES),
        reach=fields.bitmap(3),
        serves=fields.flag(4),
    )


def read_beacons(fields: Fields) -> Beacons:
    """Return the BEACONS with these fields; raises Malformed."""
    listed = fields.array(1, least=1, most=BEACONS_MAX)
    return Beacons(tuple(_beacon(item) for item in listed))


def read_ask(fields: Fields) -> Ask:
    """Return the ASK with these fields; raises Malformed."""
    return Ask(
        nonce=fields.sized(1, NONCE_BYTES),
        voters=fields.bitmap(2, least_bits=1),
        asker=fields.optional_uint(3, most=ROSTER_MAX - 1),
        question=fields.maybe_octets(4, most=QUESTION_BYTES_MAX),
    )


def read_told(fields: Fields) -> Told:
    """Return the TOLD with these fields; raises Malformed."""
    return Told(
        nonce=fields.sized(1, NONCE_BYTES),
        voter=fields.uint(2, most=ROSTER_MAX - 1),
        body=fields.octets(3, least=1, most=BODY_BYTES_MAX),
        signature=fields.sized(4, SIGNATURE_SIZE_BYTES),
    )


def _beacon_items(beacon: Beacon) -> list[CborValue]:
    """Return the array of a beacon; its last item only if somebody is away."""
    items: list[CborValue] = list(beacon[:BEACON_ITEMS])
    return [*items, bitmap_octets(beacon.away)] if beacon.away else items


def _beacon(item: CborValue) -> Beacon:
    is_long = isinstance(item, (list, tuple)) and len(item) > BEACON_ITEMS
    fields = Fields.of_array(item, BEACON_ITEMS + is_long, "SPR-011")
    return Beacon(
        away=fields.bitmap(BEACON_ITEMS, least_bits=1) if is_long else 0,
        voter=fields.uint(0, most=ROSTER_MAX - 1),
        circle_us=fields.uint(1),
        slot=fields.uint(2),
        is_synced=fields.flag(3),
        signature=fields.sized(4, SIGNATURE_SIZE_BYTES),
    )
