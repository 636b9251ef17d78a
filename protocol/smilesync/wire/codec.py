"""Messages as bytes and back: the payload of a DATA frame.

SPEC section Messages (MSG). A message is a map of SmileSync CBOR; key 0 holds its type, keys 1 to
63 are closed, higher ones are ignored so that later revisions can add to it. Fields that hold
their default are absent. `decode` builds a value only when every field is known to be in range,
so nothing above the codec checks sizes or types again.
"""

from collections.abc import Callable
from typing import assert_never

from smilesync.config import MESSAGE_BYTES_MAX, PIECED_BYTES_MAX, VALUE_BYTES_MAX
from smilesync.errors import LocalError, Malformed
from smilesync.ids import KEY_SIZE_BYTES, SIGNATURE_SIZE_BYTES, ValueHash, VoterKey
from smilesync.wire import cbor
from smilesync.wire.cbor import CborValue
from smilesync.wire.envelope import carried_of, carried_value
from smilesync.wire.feeling import FEELINGS, feelings_fields, read_feelings
from smilesync.wire.fields import U32_MAX, U64_MAX, Fields
from smilesync.wire.meeting import MEETING_READERS, meeting_fields
from smilesync.wire.messages import (
    Ask,
    Beacons,
    Body,
    Call,
    Carried,
    CertificateName,
    Clock,
    Decided,
    Evidence,
    Feelings,
    Heir,
    Hello,
    Meet,
    Message,
    Piece,
    Pledge,
    Proof,
    Propose,
    Prove,
    Ready,
    SignedVote,
    Status,
    Stranded,
    Told,
    VoteKind,
    Votes,
    Want,
)
from smilesync.wire.spreading import (
    ASK,
    BEACONS,
    HELLO,
    TOLD,
    read_ask,
    read_beacons,
    read_hello,
    read_told,
    spread_fields,
)
from smilesync.wire.succeeding import (
    CALL,
    HEIR,
    PLEDGE,
    STRANDED,
    read_call,
    read_heir,
    read_pledge,
    read_stranded,
    succession_fields,
)
from smilesync.wire.votesets import (
    bitmap_octets,
    name_of,
    name_value,
    set_of,
    set_value,
    summary_of,
    summary_value,
)

CLOCK = 1
CARRIED = 2
PROPOSE = 3
VOTES = 4
STATUS = 5
DECIDED = 6
WANT = 7
BODY = 8
PIECE = 16
EVIDENCE = 17

SETS_MAX = 32
HELD_MAX = 128
NAMES_MAX = 32
BODIES_MAX = 32
PIECES_MAX = 8


def encode(message: Message) -> bytes:
    """Return the payload of `message`.

    Errors: LocalError when it does not fit one frame; split votes and trim hints before.
    """
    payload = cbor.encode(_fields_of(message))
    if len(payload) > MESSAGE_BYTES_MAX:
        raise LocalError(f"{type(message).__name__} of {len(payload)} bytes fits no frame")
    return payload


def decode(data: bytes) -> Message:
    """Return the message that `data` is.

    Errors: Malformed only, naming the rule, whatever the bytes.
    """
    value = cbor.decode(data, limit_bytes=MESSAGE_BYTES_MAX)
    if not isinstance(value, dict):
        raise Malformed("MSG-001", "not a map")
    kind = value.pop(0, None)
    reader = _READERS.get(kind) if type(kind) is int else None
    if reader is None:
        raise Malformed("MSG-002", "message type missing or unknown")
    rule, read = reader
    fields = Fields(value, rule)
    message = read(fields)
    fields.close()
    return message


def _fields_of(message: Message) -> dict[int, CborValue]:
    """Return the map of `message`, fields at their default left out."""
    match message:
        case Clock():
            return _clock_fields(message)
        case Carried():
            return {0: CARRIED, 1: carried_value(message)}
        case Propose():
            return _propose_fields(message)
        case Votes():
            return {0: VOTES, 1: message.slot, 2: [set_value(item) for item in message.sets]}
        case Status():
            return _status_fields(message)
        case Decided():
            return _decided_fields(message)
        case Want():
            return _want_fields(message)
        case Body() | Piece():
            return _answer_fields(message)
        case Evidence():
            return _evidence_fields(message)
        case Hello() | Beacons() | Ask() | Told():
            return spread_fields(message)
        case Feelings():
            return feelings_fields(message)
        case Stranded() | Call() | Pledge() | Heir():
            return succession_fields(message)
        case Meet() | Ready() | Prove() | Proof():
            return meeting_fields(message)
        case _:
            assert_never(message)


def _clock_fields(message: Clock) -> dict[int, CborValue]:
    fields: dict[int, CborValue] = {0: CLOCK, 1: message.stamp_us}
    if message.echo_us:
        fields[2] = message.echo_us
    if message.held_us:
        fields[3] = message.held_us
    if message.circle_us is not None:
        fields[4] = message.circle_us
    fields[5] = message.is_synced
    fields[6] = message.wants_reply
    if message.away:
        fields[7] = bitmap_octets(message.away)
    return fields


def _answer_fields(message: Body | Piece) -> dict[int, CborValue]:
    if isinstance(message, Body):
        return {0: BODY, 1: message.slot, 2: message.value}
    part = message
    return {0: PIECE, 1: part.hash, 2: part.offset, 3: part.size_bytes, 4: part.data}


def _read_clock(fields: Fields) -> Clock:
    return Clock(
        stamp_us=fields.uint(1),
        echo_us=fields.uint(2, default=0),
        held_us=fields.uint(3, default=0),
        circle_us=fields.optional_uint(4),
        is_synced=fields.flag(5),
        wants_reply=fields.flag(6),
        away=_away(fields, 7),
    )


def _read_carried(fields: Fields) -> Carried:
    return carried_of(fields.item(1))


def _propose_fields(message: Propose) -> dict[int, CborValue]:
    assert len(message.signature) == SIGNATURE_SIZE_BYTES
    fields: dict[int, CborValue] = {
        0: PROPOSE,
        1: message.slot,
        2: message.view,
        3: message.value,
        4: message.signature,
    }
    if message.carried_view:
        fields[5] = message.carried_view
    if message.certificates:
        fields[6] = [name_value(name) for name in message.certificates]
    return fields


def _read_propose(fields: Fields) -> Propose:
    return Propose(
        slot=fields.uint(1),
        view=fields.uint(2, least=1, most=U32_MAX),
        value=_value(fields, 3),
        signature=fields.sized(4, SIGNATURE_SIZE_BYTES),
        carried_view=fields.uint(5, most=U32_MAX, default=0),
        certificates=_names(fields, 6),
    )


def _read_votes(fields: Fields) -> Votes:
    slot = fields.uint(1)
    sets = fields.array(2, least=1, most=SETS_MAX)
    return Votes(slot, tuple(set_of(item) for item in sets))


def _status_fields(message: Status) -> dict[int, CborValue]:
    fields: dict[int, CborValue] = {0: STATUS, 1: message.slot, 2: message.view}
    if message.held:
        fields[3] = [summary_value(item) for item in message.held]
    if message.bodies:
        fields[4] = list(message.bodies)
    if message.question:
        fields[5] = message.question
    if message.answer:
        fields[6] = message.answer
    if message.recalled_slot:
        fields[7] = message.recalled_slot
    if message.recalled is not None:
        fields[8] = set_value(message.recalled)
    if message.away:
        fields[9] = bitmap_octets(message.away)
    return fields


def _read_status(fields: Fields) -> Status:
    recalled = fields.item(8)
    return Status(
        slot=fields.uint(1),
        view=fields.uint(2, most=U32_MAX),
        held=tuple(summary_of(item) for item in fields.array(3, least=0, most=HELD_MAX)),
        bodies=_hashes(fields, 4),
        question=fields.uint(5, most=U64_MAX, default=0),
        answer=fields.uint(6, most=U64_MAX, default=0),
        recalled_slot=fields.uint(7, default=0),
        recalled=None if recalled is None else set_of(recalled),
        away=_away(fields, 9),
    )


def _decided_fields(message: Decided) -> dict[int, CborValue]:
    fields: dict[int, CborValue] = {0: DECIDED, 1: message.value, 2: message.view}
    if message.roster_hash is not None:
        fields[3] = message.roster_hash
    return fields


def _read_decided(fields: Fields) -> Decided:
    return Decided(
        value=_value(fields, 1),
        view=fields.uint(2, least=1, most=U32_MAX),
        roster_hash=fields.optional_sized(3, KEY_SIZE_BYTES),
    )


def _want_fields(message: Want) -> dict[int, CborValue]:
    fields: dict[int, CborValue] = {0: WANT, 1: message.slot}
    if message.bodies:
        fields[2] = list(message.bodies)
    if message.certificates:
        fields[3] = [name_value(name) for name in message.certificates]
    if message.pieces:
        fields[4] = [list(piece) for piece in message.pieces]
    return fields


def _read_want(fields: Fields) -> Want:
    return Want(
        slot=fields.uint(1),
        bodies=_hashes(fields, 2),
        certificates=_names(fields, 3),
        pieces=tuple(_request(item) for item in fields.array(4, least=0, most=PIECES_MAX)),
    )


def _request(item: CborValue) -> tuple[bytes, int]:
    fields = Fields.of_array(item, 2, "MSG-016")
    return fields.sized(0, KEY_SIZE_BYTES), fields.uint(1, most=PIECED_BYTES_MAX)


def _read_piece(fields: Fields) -> Piece:
    return Piece(
        hash=fields.sized(1, KEY_SIZE_BYTES),
        offset=fields.uint(2, most=PIECED_BYTES_MAX),
        size_bytes=fields.uint(3, least=1, most=PIECED_BYTES_MAX),
        data=_value(fields, 4),
    )


def _read_body(fields: Fields) -> Body:
    return Body(slot=fields.uint(1), value=_value(fields, 2))


def _evidence_fields(message: Evidence) -> dict[int, CborValue]:
    return {
        0: EVIDENCE,
        1: message.slot,
        2: message.voter,
        3: message.roster_hash,
        4: message.view,
        5: _signed_value(message.one),
        6: _signed_value(message.other),
    }


def _signed_value(vote: SignedVote) -> CborValue:
    return [int(vote.kind), vote.value_hash, vote.signature]


def _read_evidence(fields: Fields) -> Evidence:
    return Evidence(
        slot=fields.uint(1, least=1),
        voter=VoterKey(fields.sized(2, KEY_SIZE_BYTES)),
        roster_hash=fields.sized(3, KEY_SIZE_BYTES),
        view=fields.uint(4, least=1, most=U32_MAX),
        one=_signed(fields.item(5)),
        other=_signed(fields.item(6)),
    )


def _signed(item: CborValue) -> SignedVote:
    fields = Fields.of_array(item, 3, "EVD-001")
    kind = VoteKind(fields.uint(0, least=min(VoteKind), most=max(VoteKind)))
    value_hash = None
    if kind is VoteKind.NULLIFY:
        fields.null(1)
    else:
        value_hash = ValueHash(fields.sized(1, KEY_SIZE_BYTES))
    return SignedVote(kind, value_hash, fields.sized(2, SIGNATURE_SIZE_BYTES))


def _away(fields: Fields, key: int) -> int:
    return fields.bitmap(key, least_bits=1) if fields.has(key) else 0


def _value(fields: Fields, key: int) -> bytes:
    return fields.octets(key, least=1, most=VALUE_BYTES_MAX)


def _names(fields: Fields, key: int) -> tuple[CertificateName, ...]:
    return tuple(name_of(item) for item in fields.array(key, least=0, most=NAMES_MAX))


def _hashes(fields: Fields, key: int) -> tuple[ValueHash, ...]:
    hashes = fields.array_of_octets(key, size_bytes=KEY_SIZE_BYTES, most=BODIES_MAX)
    return tuple(ValueHash(item) for item in hashes)


_READERS: dict[int, tuple[str, Callable[[Fields], Message]]] = {
    CLOCK: ("MSG-010", _read_clock),
    CARRIED: ("MSG-011", _read_carried),
    PROPOSE: ("MSG-012", _read_propose),
    VOTES: ("MSG-013", _read_votes),
    STATUS: ("MSG-014", _read_status),
    DECIDED: ("MSG-015", _read_decided),
    WANT: ("MSG-016", _read_want),
    BODY: ("MSG-017", _read_body),
    PIECE: ("MEM-022", _read_piece),
    EVIDENCE: ("EVD-001", _read_evidence),
    HELLO: ("SPR-010", read_hello),
    BEACONS: ("SPR-011", read_beacons),
    ASK: ("SPR-012", read_ask),
    TOLD: ("SPR-013", read_told),
    FEELINGS: ("INP-010", read_feelings),
    STRANDED: ("SUC-001", read_stranded),
    CALL: ("SUC-002", read_call),
    PLEDGE: ("SUC-003", read_pledge),
    HEIR: ("SUC-004", read_heir),
    **MEETING_READERS,
}
