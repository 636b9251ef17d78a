"""Journal records: what a device must remember across power loss, as SmileSync CBOR arrays.

Record = [kind, ...]; the journal file adds length and checksum. Unknown kinds are an error:
a journal is read by the version that wrote it or a later one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from smilesync.config import GENESIS_BYTES_MAX, PIECED_BYTES_MAX, RECORD_BYTES_MAX, VALUE_BYTES_MAX
from smilesync.errors import LocalError, Malformed
from smilesync.ids import KEY_SIZE_BYTES, CircleId, ValueHash, VoterKey
from smilesync.wire import cbor
from smilesync.wire.fields import U32_MAX, U64_MAX, Fields
from smilesync.wire.messages import VoteSet
from smilesync.wire.votesets import set_of, set_value

SWITCHES_MAX = 31
STATE_MAX = 4


@dataclass(frozen=True, slots=True)
class Opened:
    """First record of a journal: the voter key it belongs to."""

    voter: VoterKey


@dataclass(frozen=True, slots=True)
class Notarized:
    """Own NOTARIZE vote, with the body, so that it can be finalized after total power loss."""

    slot: int
    view: int
    value_hash: ValueHash
    body: bytes


@dataclass(frozen=True, slots=True)
class Nullified:
    """Own NULLIFY vote."""

    slot: int
    view: int


@dataclass(frozen=True, slots=True)
class Finalized:
    """Own FINALIZE vote, with the notarization certificate it rests on."""

    slot: int
    view: int
    value_hash: ValueHash
    certificate: VoteSet


@dataclass(frozen=True, slots=True)
class DecidedRecord:
    """A decision with its certificate; own-vote records of its slot are obsolete after it."""

    slot: int
    body: bytes
    certificate: VoteSet


@dataclass(frozen=True, slots=True)
class Shown:
    """Highest slot whose value was selected for display."""

    slot: int


@dataclass(frozen=True, slots=True)
class ClockReserved:
    """Circle time (us) up to which the clock may have been used."""

    until_us: int


@dataclass(frozen=True, slots=True)
class SequenceReserved:
    """Object sequence numbers below this may have been used."""

    below: int


@dataclass(frozen=True, slots=True)
class ConsentSet:
    """The wearer's switches, as a bitmap of `Switch` values."""

    switches: int


@dataclass(frozen=True, slots=True)
class Felt:
    """The state the wearer set by hand."""

    state: int


@dataclass(frozen=True, slots=True)
class Amnesia:
    """The journal was found to be rolled back: this voter key never votes again."""


@dataclass(frozen=True, slots=True)
class Seated:
    """Roster and state of a slot and those after it: their bytes; state None: not known."""

    slot: int
    roster: bytes
    state: bytes | None


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The device gave up `circle` for a successor: `voter` signs nothing any more."""

    circle: CircleId
    voter: VoterKey


@dataclass(frozen=True, slots=True)
class Moved:
    """From here on the device is in the circle of `genesis`; what stands before binds another.

    `origin` is the circle whose genesis the device was given by a person.
    """

    origin: CircleId
    genesis: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """A decision of `circle` with all that proves it: a link of the proof of what the circle is.

    Or, if it ended that circle, why the device is not in it any more.
    """

    circle: CircleId
    body: bytes
    certificate: VoteSet
    roster: bytes


@dataclass(frozen=True, slots=True)
class MergingSet:
    """Does the wearer agree that the own circle merges with others?"""

    agrees: bool


CIRCLE_BOUND = (Notarized, Nullified, Finalized, DecidedRecord, Shown, Amnesia, Seated)
"""Records that say something of one circle, and nothing once the device has moved to another."""

Record = (
    Opened
    | Notarized
    | Nullified
    | Finalized
    | DecidedRecord
    | Shown
    | ClockReserved
    | SequenceReserved
    | ConsentSet
    | Felt
    | Amnesia
    | Seated
    | Abandoned
    | Moved
    | Proven
    | MergingSet
)


def encode(record: Record) -> bytes:
    """Return the journal bytes of `record`.

    Errors: LocalError when it is out of the profile or larger than a record may be.
    """
    fields = [getattr(record, name) for name in record.__match_args__]
    items = [set_value(one) if one.__class__ is VoteSet else one for one in fields]
    data = cbor.encode([_KINDS[record.__class__], *items])
    if len(data) > RECORD_BYTES_MAX:
        raise LocalError(f"{type(record).__name__} of {len(data)} bytes is too large")
    return data


def decode(data: bytes) -> Record:
    """Return the record that `data` is.

    Errors: Malformed only; for a journal that means damage, or a later version.
    """
    value = cbor.decode(data, limit_bytes=RECORD_BYTES_MAX)
    if not isinstance(value, list) or not value:
        raise Malformed("JRN-001", "not an array with a kind")
    kind = value[0]
    reader = _READERS.get(kind) if type(kind) is int else None
    if reader is None:
        raise Malformed("JRN-002", "record kind is unknown")
    count, read = reader
    return read(Fields.of_array(value, count, "JRN-003"))


def _read_opened(fields: Fields) -> Opened:
    return Opened(VoterKey(fields.sized(1, KEY_SIZE_BYTES)))


def _read_notarized(fields: Fields) -> Notarized:
    return Notarized(
        slot=fields.uint(1),
        view=_view(fields),
        value_hash=_hash(fields),
        body=fields.octets(4, least=1, most=VALUE_BYTES_MAX),
    )


def _read_nullified(fields: Fields) -> Nullified:
    return Nullified(slot=fields.uint(1), view=_view(fields))


def _read_finalized(fields: Fields) -> Finalized:
    return Finalized(
        slot=fields.uint(1),
        view=_view(fields),
        value_hash=_hash(fields),
        certificate=set_of(fields.item(4)),
    )


def _read_decided(fields: Fields) -> DecidedRecord:
    return DecidedRecord(
        slot=fields.uint(1),
        body=fields.octets(2, least=1, most=VALUE_BYTES_MAX),
        certificate=set_of(fields.item(3)),
    )


def _read_shown(fields: Fields) -> Shown:
    return Shown(fields.uint(1))


def _read_clock_reserved(fields: Fields) -> ClockReserved:
    return ClockReserved(fields.uint(1))


def _read_sequence_reserved(fields: Fields) -> SequenceReserved:
    return SequenceReserved(fields.uint(1, most=U64_MAX))


def _read_consent_set(fields: Fields) -> ConsentSet:
    return ConsentSet(fields.uint(1, most=SWITCHES_MAX))


def _read_felt(fields: Fields) -> Felt:
    return Felt(fields.uint(1, most=STATE_MAX))


def _read_amnesia(_: Fields) -> Amnesia:
    return Amnesia()


def _read_seated(fields: Fields) -> Seated:
    slot = fields.uint(1)
    roster = fields.octets(2, least=1, most=PIECED_BYTES_MAX)
    return Seated(slot, roster, fields.optional_octets(3, most=PIECED_BYTES_MAX))


def _read_abandoned(fields: Fields) -> Abandoned:
    voter = VoterKey(fields.sized(2, KEY_SIZE_BYTES))
    return Abandoned(CircleId(fields.sized(1, KEY_SIZE_BYTES)), voter)


def _read_moved(fields: Fields) -> Moved:
    origin = CircleId(fields.sized(1, KEY_SIZE_BYTES))
    return Moved(origin, fields.octets(2, least=1, most=GENESIS_BYTES_MAX))


def _read_proven(fields: Fields) -> Proven:
    return Proven(
        circle=CircleId(fields.sized(1, KEY_SIZE_BYTES)),
        body=fields.octets(2, least=1, most=VALUE_BYTES_MAX),
        certificate=set_of(fields.item(3)),
        roster=fields.octets(4, least=1, most=PIECED_BYTES_MAX),
    )


def _read_merging_set(fields: Fields) -> MergingSet:
    return MergingSet(fields.flag(1))


def _view(fields: Fields) -> int:
    return fields.uint(2, least=1, most=U32_MAX)


def _hash(fields: Fields) -> ValueHash:
    return ValueHash(fields.sized(3, KEY_SIZE_BYTES))


_KINDS: dict[type[Record], int] = {
    Opened: 1,
    Notarized: 2,
    Nullified: 3,
    Finalized: 4,
    DecidedRecord: 5,
    Shown: 6,
    ClockReserved: 7,
    SequenceReserved: 8,
    ConsentSet: 9,
    Felt: 10,
    Amnesia: 11,
    Seated: 12,
    Abandoned: 20,
    Moved: 21,
    Proven: 22,
    MergingSet: 23,
}

_READERS: dict[int, tuple[int, Callable[[Fields], Record]]] = {
    1: (2, _read_opened),
    2: (5, _read_notarized),
    3: (3, _read_nullified),
    4: (5, _read_finalized),
    5: (4, _read_decided),
    6: (2, _read_shown),
    7: (2, _read_clock_reserved),
    8: (2, _read_sequence_reserved),
    9: (2, _read_consent_set),
    10: (2, _read_felt),
    11: (1, _read_amnesia),
    12: (4, _read_seated),
    20: (3, _read_abandoned),
    21: (3, _read_moved),
    22: (5, _read_proven),
    23: (2, _read_merging_set),
}
"""Items of each kind, the kind itself included, and who reads them."""
