"""What a journal may let go of: the daemon's rule, told from the first bytes of a record.

A device of a long run would otherwise carry all it ever wrote. A record is a CBOR array of fewer
than 24 items: one byte, then its kind; votes and decisions have their slot next.
"""

from collections.abc import Sequence

from smilesync.commands import DEFAULT_SWITCHES
from smilesync.ids import NO_CIRCLE, ValueHash, VoterKey
from smilesync.wire import records
from smilesync.wire.messages import VoteKind, VoteSet
from smilesync.wire.records import (
    Abandoned,
    Amnesia,
    ClockReserved,
    ConsentSet,
    DecidedRecord,
    Felt,
    Finalized,
    MergingSet,
    Moved,
    Notarized,
    Nullified,
    Opened,
    Proven,
    Record,
    Seated,
    SequenceReserved,
    Shown,
)

PLACE_OF_KIND = 1
PLACE_OF_SLOT = 2
SHORT_UINT_MAX = 23
DECISIONS_KEPT = 4
MOVES_KEPT = 4
ROSTERS_KEPT = 6
TURNS_KEPT = 8
PROVEN_KEPT = 24
SEQUENCE_MARGIN = 1 << 20
NOBODY = VoterKey(bytes(32))


def kind_of(record: Record) -> int:
    """Return the byte that says in an encoded record what it is."""
    return records.encode(record)[PLACE_OF_KIND]


_HASH = ValueHash(bytes(32))
_VOTES = VoteSet(VoteKind.NOTARIZE, 1, _HASH, 1, (bytes(64),))
OPENED = kind_of(Opened(VoterKey(bytes(32))))
DECIDED = kind_of(DecidedRecord(1, b"", _VOTES))
SEATED = kind_of(Seated(1, b"", None))
OWN_VOTES = frozenset(
    (
        kind_of(Notarized(1, 1, _HASH, b"")),
        kind_of(Nullified(1, 1)),
        kind_of(Finalized(1, 1, _HASH, _VOTES)),
    )
)

PROVEN = kind_of(Proven(NO_CIRCLE, b"", _VOTES, b""))
MOVED = kind_of(Moved(NO_CIRCLE, b"x"))
AMNESIA = kind_of(Amnesia())
CIRCLE_BOUND = OWN_VOTES | {DECIDED, SEATED, kind_of(Shown(0)), AMNESIA}


def retained(journal: Sequence[bytes]) -> list[bytes]:
    """Return the records that still bind the device, in their order.

    Own votes fall away once their slot's decision is here; of every reservation, switch and
    feeling only the last counts, of the decisions and rosters the newest few, and those of the last
    changes of who votes.
    """
    kinds = [record[PLACE_OF_KIND] for record in journal]
    if MOVED in kinds:
        here = len(kinds) - 1 - kinds[::-1].index(MOVED)
        # What was said in a circle that was succeeded binds nobody; its slots count elsewhere.
        journal = [r for i, r in enumerate(journal) if i >= here or kinds[i] not in CIRCLE_BOUND]
        kinds = [record[PLACE_OF_KIND] for record in journal]
    decided = sorted(
        slot_of(record) for kind, record in zip(kinds, journal, strict=True) if kind == DECIDED
    )
    oldest_kept = decided[-DECISIONS_KEPT:][0] if decided else 0
    head = decided[-1] if decided else -1
    last_of = {kind: index for index, kind in enumerate(kinds)}
    moves = [index for index, kind in enumerate(kinds) if kind == MOVED][-MOVES_KEPT:]
    proven = [index for index, kind in enumerate(kinds) if kind == PROVEN][-PROVEN_KEPT:]
    rosters, turned = _turns(journal, [i for i, kind in enumerate(kinds) if kind == SEATED])
    kept: list[bytes] = []
    for index, (kind, record) in enumerate(zip(kinds, journal, strict=True)):
        if kind in OWN_VOTES:
            is_kept = slot_of(record) > head
        elif kind == DECIDED:
            is_kept = slot_of(record) >= oldest_kept or slot_of(record) in turned
        elif kind == OPENED:
            is_kept = index == 0
        elif kind == SEATED:
            is_kept = index in rosters
        elif kind == MOVED:
            is_kept = index in moves
        elif kind == PROVEN:
            is_kept = index in proven
        else:
            is_kept = index == last_of[kind]
        if is_kept:
            kept.append(record)
    return kept


def _turns(journal: Sequence[bytes], places: list[int]) -> tuple[set[int], set[int]]:
    """Return which records of rosters to keep, and the slots that changed who votes."""
    turns: list[tuple[int, int]] = []
    before = b""
    for place in places:
        record = records.decode(journal[place])
        if isinstance(record, Seated) and record.roster != before:
            turns.append((place, record.slot - 1))
            before = record.roster
    rosters = {*places[-ROSTERS_KEPT:], *(place for place, _ in turns[-TURNS_KEPT - 1 :])}
    return rosters, {slot for _, slot in turns[-TURNS_KEPT:]}


def salvaged(journal: Sequence[bytes]) -> list[bytes]:
    """Return the new journal of a device whose old one is whole only as far as `journal`.

    It belongs to nobody, so the device is amnesic. Never a vote or a decision is kept. A withdrawn
    consent may be in the lost part, so only switches that are on by default survive; sequence
    numbers skip what may have been used.
    """
    kept = [records.encode(Opened(NOBODY))]
    for data in retained(journal):
        match records.decode(data):
            case ConsentSet(switches):
                kept.append(records.encode(ConsentSet(int(switches & DEFAULT_SWITCHES))))
            case SequenceReserved(below):
                kept.append(records.encode(SequenceReserved(below + SEQUENCE_MARGIN)))
            case Felt() | Shown() | ClockReserved() | Abandoned() | Moved() | Proven():
                kept.append(data)
            case MergingSet(agrees=False):
                kept.append(data)
            case _:
                pass
    return kept


def unbound(journal: Sequence[bytes]) -> list[bytes]:
    """Return the journal of a device with another voter key: nothing of the erased one binds it."""
    bound = OWN_VOTES | {OPENED, AMNESIA}
    return [record for record in retained(journal) if record[PLACE_OF_KIND] not in bound]


def slot_of(record: bytes) -> int:
    """Return the slot of an encoded vote or decision: a CBOR integer that is not negative."""
    first = record[PLACE_OF_SLOT]
    if first <= SHORT_UINT_MAX:
        return first
    size_bytes = 1 << first - SHORT_UINT_MAX - 1
    begin = PLACE_OF_SLOT + 1
    return int.from_bytes(record[begin : begin + size_bytes], "big")
