"""The journal file: what the device must remember across power loss, append-only and checked.

File: the line MAGIC, then frames. Frame = length (u32) | CRC-32 of the length's bytes (u32) |
SHA-256(previous frame's hash | length | record) | record; big-endian. The chain of hashes ties each
record to its place, the CRC tells a torn write from a damaged length.

Replay knows three ends: a whole last frame; a torn one (the file stops inside it, or holds only
zeros where blocks were never written), which is cut off because nothing after it was sent; and
damage, after which the device has no trustworthy memory: it is amnesic and never votes again with
this key, and the journal that follows belongs to nobody, so that the next start knows it too.
"""

import hashlib
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from smilesync.commands import DEFAULT_SWITCHES
from smilesync.config import RECORD_BYTES_MAX
from smilesync.errors import Malformed, SmileSyncError
from smilesync.ids import VoterKey
from smilesync.wire import records
from smilesync.wire.records import Record
from smilesyncd import statedir

FILE_NAME = "journal"
MAGIC = b"smilesync journal 1\n"
HEADER_BYTES = 40
COMPACT_AT_BYTES = 256 * 1024
DECISIONS_KEPT = 4
MOVES_KEPT = 4
ROSTERS_KEPT = 6
TURNS_KEPT = 8
PROVEN_KEPT = 24
"""Changes of the voters over which stragglers can be led on after a restart, at least."""
ZERO_TAIL_BYTES = 16
SEQUENCE_MARGIN = 1 << 20
"""How far a device whose journal was damaged skips ahead, so that no sequence number repeats."""

NOBODY = VoterKey(bytes(32))
"""Owner of a journal that was begun after memory had been lost."""


class JournalError(SmileSyncError):
    """The disk did not take a record: the device must stop rather than act on what it may forget.

    The machine's fault; what was to be sent was not.
    """


@dataclass(frozen=True, slots=True)
class Replay:
    """What a journal file holds. `size_bytes` is the end of the last whole frame."""

    records: tuple[Record, ...]
    size_bytes: int
    last_hash: bytes
    damage: str | None


@dataclass(frozen=True, slots=True)
class Opening:
    """An open journal, what it remembers, and why that is not enough to vote (None: it is)."""

    journal: "FileJournal"
    records: tuple[Record, ...]
    amnesia: str | None


class FileJournal:
    """The open file; one append at a time, each durable before it returns."""

    def __init__(self, path: Path, replay: Replay) -> None:
        self._path = path
        self._size_bytes = replay.size_bytes
        self._last_hash = replay.last_hash
        self._compact_at_bytes = max(COMPACT_AT_BYTES, 2 * replay.size_bytes)
        self._has_failed = False
        self._descriptor = _open_for_append(path)

    async def append(self, appended: Sequence[bytes]) -> None:
        """Return when `appended` are durable. Raises JournalError, and from then on always.

        Runs in a thread, so that the light goes on while a slow card writes.
        """
        await trio.to_thread.run_sync(self._append, tuple(appended))

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def size_bytes(self) -> int:
        """How long the file is."""
        return self._size_bytes

    def begin_anew(self, voter: VoterKey) -> None:
        """Go on for another voter key: what the old one signed, and its bans, bind it no more.

        Raises JournalError.
        """
        kept = [record for record in retained(replay_file(self._path).records) if _is_free(record)]
        try:
            replay = _write_new(self._path, [records.Opened(voter), *kept])
            os.close(self._descriptor)
            self._descriptor = _open_for_append(self._path)
        except OSError as error:
            self._has_failed = True
            raise JournalError(f"{self._path}: cannot write: {error.strerror}") from error
        self._size_bytes, self._last_hash = replay.size_bytes, replay.last_hash

    def _append(self, appended: tuple[bytes, ...]) -> None:
        if self._has_failed:
            raise JournalError(f"{self._path}: an earlier write failed")
        data, last_hash = _frames(appended, self._last_hash)
        try:
            statedir.write_all(self._descriptor, data)
            os.fsync(self._descriptor)
            self._last_hash = last_hash
            self._size_bytes += len(data)
            if self._size_bytes > self._compact_at_bytes:
                self._compact()
        except OSError as error:
            # A failed flush may have lost pages for good: asking again would claim too much.
            self._has_failed = True
            raise JournalError(
                f"{self._path}: cannot write: {error.strerror}; free space or repair the disk, "
                "then start again (nothing was sent that is not on the disk)"
            ) from error

    def _compact(self) -> None:
        """Write anew what still binds, unless the file is no longer what was written.

        Then it stays as it is: without its damage in sight, the next start would not know that
        votes may be missing.
        """
        whole = replay_file(self._path)
        if whole.damage is not None or whole.last_hash != self._last_hash:
            self._has_failed = True
            raise JournalError(
                f"{self._path}: changed on the disk since it was written ({whole.damage}); check "
                "the card, then start again: the device will listen, and never vote with this key"
            )
        replay = _write_new(self._path, retained(whole.records))
        os.close(self._descriptor)
        self._descriptor = _open_for_append(self._path)
        self._size_bytes, self._last_hash = replay.size_bytes, replay.last_hash
        self._compact_at_bytes = max(COMPACT_AT_BYTES, 2 * replay.size_bytes)


def open_journal(directory: Path, voter: VoterKey, *, is_new_device: bool) -> Opening:
    """Open the device's journal, or begin one. A torn tail is cut off before anything is added.

    Errors: JournalError if the disk does not take it.
    """
    path = directory / FILE_NAME
    try:
        return _open(path, voter, is_new_device)
    except OSError as error:
        raise JournalError(f"{path}: cannot open: {error.strerror}") from error


def replay_file(path: Path) -> Replay:
    """Return what the file holds; never raises over its content."""
    return replay_bytes(path.read_bytes())


def replay_bytes(data: bytes) -> Replay:
    """Return what `data`, a whole journal file, holds."""
    found: list[Record] = []
    offset, last_hash = len(MAGIC), _first_hash()
    if not data.startswith(MAGIC):
        return Replay((), 0, last_hash, "the file does not begin as a journal")
    while offset < len(data):
        rest = data[offset : offset + HEADER_BYTES + RECORD_BYTES_MAX]
        damage = _frame_damage(rest, last_hash)
        end = offset + HEADER_BYTES + int.from_bytes(rest[:4], "big")
        is_torn = end > len(data) if damage is None else _is_unwritten(data, offset)
        if is_torn:
            break
        if damage is None:
            try:
                found.append(records.decode(data[offset + HEADER_BYTES : end]))
            except Malformed as error:
                damage = str(error)
        if damage is not None:
            where = f"record {len(found)} at byte {offset}"
            return Replay(tuple(found), offset, last_hash, f"{where}: {damage}")
        offset, last_hash = end, rest[8:HEADER_BYTES]
    return Replay(tuple(found), offset, last_hash, None)


def retained(replayed: Sequence[Record]) -> list[Record]:
    """Return the records that still bind the device, in their order.

    Own votes fall away once their slot's decision is here; of every reservation, switch and
    feeling only the last counts, of the decisions the newest few and the last that changed who
    votes. Of the rosters the last few stay: the newest may be that of a decision that was torn. Of
    what proves a circle so many stay that a proof is whole (MRG-008).
    """
    moved = [index for index, record in enumerate(replayed) if isinstance(record, records.Moved)]
    if moved:
        # What was said in a circle that was succeeded binds nobody; its slots count elsewhere.
        bound, here = records.CIRCLE_BOUND, moved[-1]
        replayed = [r for i, r in enumerate(replayed) if i >= here or not isinstance(r, bound)]
    decided = sorted(r.slot for r in replayed if isinstance(r, records.DecidedRecord))
    oldest_kept = decided[-DECISIONS_KEPT:][0] if decided else 0
    head = decided[-1] if decided else -1
    last_of = {type(record): index for index, record in enumerate(replayed)}
    seated = [(i, one) for i, one in enumerate(replayed) if isinstance(one, records.Seated)]
    turns = [
        (index, one.slot - 1)
        for before, (index, one) in zip([None, *seated], seated, strict=False)
        if before is None or before[1].roster != one.roster
    ]
    rosters = {index for index, _ in [*seated[-ROSTERS_KEPT:], *turns[-TURNS_KEPT - 1 :]]}
    # The roster before the oldest of these may be gone: then nobody can tell who decided it.
    turned = {slot for _, slot in turns[-TURNS_KEPT:]}
    moves = [i for i, record in enumerate(replayed) if isinstance(record, records.Moved)]
    proven = [i for i, record in enumerate(replayed) if isinstance(record, records.Proven)]
    kept: list[Record] = []
    for index, record in enumerate(replayed):
        match record:
            case records.Notarized() | records.Nullified() | records.Finalized():
                is_kept = record.slot > head
            case records.DecidedRecord():
                is_kept = record.slot >= oldest_kept or record.slot in turned
            case records.Opened():
                is_kept = index == 0
            case records.Seated():
                is_kept = index in rosters
            case records.Proven():
                is_kept = index in proven[-PROVEN_KEPT:]
            case records.Moved():
                is_kept = index in moves[-MOVES_KEPT:]
            case _:
                is_kept = index == last_of[type(record)]
        if is_kept:
            kept.append(record)
    return kept


def salvaged(replayed: Sequence[Record]) -> list[Record]:
    """Return what may still be used of a journal that lost an unknown part of its end.

    Never a vote or a decision. A withdrawn consent may be in the lost part, so only switches that
    are on by default survive; sequence numbers skip what may have been used.
    """
    kept: list[Record] = []
    for record in retained(replayed):
        match record:
            case records.ConsentSet(switches=switches):
                kept.append(records.ConsentSet(int(switches & DEFAULT_SWITCHES)))
            case records.SequenceReserved(below=below):
                kept.append(records.SequenceReserved(below + SEQUENCE_MARGIN))
            case records.Felt() | records.Shown() | records.ClockReserved():
                kept.append(record)
            case records.Abandoned() | records.Moved() | records.Proven():
                kept.append(record)
            case records.MergingSet(agrees=False):
                kept.append(record)
            case _:
                pass
    return kept


def _is_free(record: Record) -> bool:
    """Does the record say nothing of the voter key that the journal belonged to?"""
    match record:
        case records.Opened() | records.Amnesia():
            return False
        case records.Notarized() | records.Nullified() | records.Finalized():
            return False
        case _:
            return True


def _open(path: Path, voter: VoterKey, is_new_device: bool) -> Opening:
    if is_new_device or not path.exists():
        owner = voter if is_new_device else NOBODY
        replay = _write_new(path, [records.Opened(owner)])
        amnesia = None if is_new_device else "the journal is missing while the keys exist"
        return Opening(FileJournal(path, replay), replay.records, amnesia)
    replay = replay_file(path)
    if replay.damage is not None:
        # Kept for a person to look at; one copy, so that the disk cannot fill up with them.
        path.replace(path.with_name("journal.damaged"))
        amnesia = replay.damage
        replay = _write_new(path, [records.Opened(NOBODY), *salvaged(replay.records)])
        return Opening(FileJournal(path, replay), replay.records, amnesia)
    os.truncate(path, replay.size_bytes)
    first = replay.records[0] if replay.records else None
    if not isinstance(first, records.Opened) or first.voter != voter:
        amnesia = "the journal was begun after memory had been lost, or for another key"
        return Opening(FileJournal(path, replay), replay.records, amnesia)
    return Opening(FileJournal(path, replay), replay.records, None)


def _write_new(path: Path, kept: Sequence[Record]) -> Replay:
    data, last_hash = _frames([records.encode(record) for record in kept], _first_hash())
    statedir.write_atomically(path, MAGIC + data)
    return Replay(tuple(kept), len(MAGIC) + len(data), last_hash, None)


def _frame_damage(rest: bytes, last_hash: bytes) -> str | None:
    """Return what is wrong with the frame at the start of `rest`; None if whole or torn."""
    if len(rest) < HEADER_BYTES:
        return None
    length = int.from_bytes(rest[:4], "big")
    if zlib.crc32(rest[:4]) != int.from_bytes(rest[4:8], "big") or length > RECORD_BYTES_MAX:
        return "its length is damaged"
    if len(rest) < HEADER_BYTES + length:
        return None
    record = rest[HEADER_BYTES : HEADER_BYTES + length]
    if _chain(last_hash, rest[:4], record) != rest[8:HEADER_BYTES]:
        return "its checksum does not match"
    return None


def _is_unwritten(data: bytes, offset: int) -> bool:
    """Were the blocks from inside the frame at `offset` to the end of the file never written?"""
    end = offset + HEADER_BYTES
    if zlib.crc32(data[offset : offset + 4]) == int.from_bytes(
        data[offset + 4 : offset + 8], "big"
    ):
        end += int.from_bytes(data[offset : offset + 4], "big")
    return not any(data[min(end, len(data)) - ZERO_TAIL_BYTES :])


def _frames(appended: Sequence[bytes], last_hash: bytes) -> tuple[bytes, bytes]:
    parts: list[bytes] = []
    for record in appended:
        assert len(record) <= RECORD_BYTES_MAX
        length = len(record).to_bytes(4, "big")
        last_hash = _chain(last_hash, length, record)
        parts += (length, zlib.crc32(length).to_bytes(4, "big"), last_hash, record)
    return b"".join(parts), last_hash


def _chain(last_hash: bytes, length: bytes, record: bytes) -> bytes:
    return hashlib.sha256(last_hash + length + record).digest()


def _first_hash() -> bytes:
    return hashlib.sha256(MAGIC).digest()


def _open_for_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
