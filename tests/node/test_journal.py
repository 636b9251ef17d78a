"""The journal file: what survives power loss, a torn write, a flipped bit, a full disk."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from smilesync.commands import Switch
from smilesync.ids import ValueHash, VoterKey
from smilesync.wire import records
from smilesync.wire.messages import VoteKind, VoteSet
from smilesync.wire.records import Record
from smilesyncd import journal
from smilesyncd.journal import FileJournal, JournalError, Opening, open_journal, replay_bytes

VOTER = VoterKey(b"v" * 32)
OTHER_VOTER = VoterKey(b"w" * 32)
HASH = ValueHash(b"h" * 32)
CERTIFICATE = VoteSet(VoteKind.NOTARIZE, 1, HASH, 0b101, (b"s" * 64, b"t" * 64))
VOTES: tuple[Record, ...] = (
    records.Notarized(7, 1, HASH, b"body of a value"),
    records.Finalized(7, 1, HASH, CERTIFICATE),
    records.Nullified(8, 2),
)


def begin(directory: Path, *batches: tuple[Record, ...]) -> bytes:
    """Return the bytes of a new journal after `batches` were appended to it."""
    opening = open_journal(directory, VOTER, is_new_device=True)
    append(opening.journal, *batches)
    opening.journal.close()
    return (directory / journal.FILE_NAME).read_bytes()


def append(file: FileJournal, *batches: tuple[Record, ...]) -> None:
    async def run() -> None:
        for batch in batches:
            await file.append([records.encode(record) for record in batch])

    trio.run(run)


def reopen(directory: Path, content: bytes | None = None) -> Opening:
    if content is not None:
        (directory / journal.FILE_NAME).write_bytes(content)
    opening = open_journal(directory, VOTER, is_new_device=False)
    opening.journal.close()
    return opening


def test_what_was_appended_is_replayed_in_order(tmp_path: Path) -> None:
    begin(tmp_path, VOTES[:2], VOTES[2:])

    opening = reopen(tmp_path)

    assert opening.records == (records.Opened(VOTER), *VOTES)
    assert opening.amnesia is None


def test_a_journal_torn_at_any_byte_of_its_last_record_loses_only_that_record(
    tmp_path: Path,
) -> None:
    whole = begin(tmp_path, VOTES[:2])
    content = begin(tmp_path, VOTES[:2], VOTES[2:])

    for size in range(len(whole), len(content)):
        opening = reopen(tmp_path, content[:size])

        assert opening.amnesia is None, size
        assert opening.records == (records.Opened(VOTER), *VOTES[:2]), size
        assert (tmp_path / journal.FILE_NAME).read_bytes() == whole


def test_blocks_that_were_never_written_count_as_torn(tmp_path: Path) -> None:
    whole = begin(tmp_path, VOTES[:2])
    content = begin(tmp_path, VOTES[:2], VOTES[2:])
    frame_bytes = len(content) - len(whole)

    for written in range(max(0, frame_bytes - journal.ZERO_TAIL_BYTES)):
        opening = reopen(
            tmp_path, whole + content[len(whole) :][:written].ljust(frame_bytes, b"\0")
        )

        assert opening.amnesia is None, written
        assert opening.records == (records.Opened(VOTER), *VOTES[:2]), written


def test_records_can_be_added_after_a_torn_tail(tmp_path: Path) -> None:
    content = begin(tmp_path, VOTES)
    (tmp_path / journal.FILE_NAME).write_bytes(content[:-3])
    opening = open_journal(tmp_path, VOTER, is_new_device=False)

    append(opening.journal, VOTES[2:])
    opening.journal.close()

    assert reopen(tmp_path).records == (records.Opened(VOTER), *VOTES)


def test_any_flipped_bit_makes_the_device_amnesic_now_and_after_every_restart(
    tmp_path: Path,
) -> None:
    content = begin(tmp_path, VOTES[:2], VOTES[2:])

    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        first = reopen(tmp_path, bytes(damaged))
        second = reopen(tmp_path)

        assert first.amnesia is not None, position
        assert second.amnesia is not None, position
        assert not any(isinstance(record, type(VOTES[0])) for record in first.records)


def test_damage_stays_damage_when_the_tail_was_never_written(tmp_path: Path) -> None:
    content = bytearray(begin(tmp_path, VOTES[:2], VOTES[2:]))
    content[len(journal.MAGIC) + 60] ^= 1

    opening = reopen(tmp_path, bytes(content) + bytes(4096))

    assert opening.amnesia is not None


def test_frames_cannot_change_places(tmp_path: Path) -> None:
    begin_bytes = begin(tmp_path)
    first = begin(tmp_path, VOTES[:1])[len(begin_bytes) :]
    content = begin(tmp_path, VOTES[:1], VOTES[2:])
    second = content[len(begin_bytes) + len(first) :]

    replay = replay_bytes(begin_bytes + second + first)

    assert replay.damage is not None


def test_a_lost_tail_leaves_a_shorter_journal(tmp_path: Path) -> None:
    whole = begin(tmp_path, VOTES[:2])
    begin(tmp_path, VOTES[:2], VOTES[2:])

    opening = reopen(tmp_path, whole)

    assert opening.records == (records.Opened(VOTER), *VOTES[:2])
    assert opening.amnesia is None


def test_a_missing_journal_of_a_known_device_makes_it_amnesic_for_good(tmp_path: Path) -> None:
    first = reopen(tmp_path)
    second = reopen(tmp_path)

    assert first.amnesia is not None
    assert second.amnesia is not None


def test_a_journal_of_another_key_makes_the_device_amnesic(tmp_path: Path) -> None:
    begin(tmp_path, VOTES)

    opening = open_journal(tmp_path, OTHER_VOTER, is_new_device=False)
    opening.journal.close()

    assert opening.amnesia is not None


def test_a_damaged_journal_gives_up_votes_and_unsure_consent_but_no_sequence_number(
    tmp_path: Path,
) -> None:
    kept = (
        records.Felt(1),
        records.Shown(9),
        records.ClockReserved(5_000_000),
    )
    content = bytearray(
        begin(
            tmp_path,
            VOTES,
            (
                *kept,
                records.ConsentSet(int(Switch.SHARE | Switch.SHOW)),
                records.SequenceReserved(1024),
            ),
            VOTES[2:],
        )
    )
    content[-1] ^= 1

    opening = reopen(tmp_path, bytes(content))

    assert opening.records == (
        records.Opened(journal.NOBODY),
        *kept,
        records.ConsentSet(int(Switch.SHOW)),
        records.SequenceReserved(1024 + journal.SEQUENCE_MARGIN),
    )


def test_the_file_stays_bounded_and_keeps_what_binds(tmp_path: Path) -> None:
    opening = open_journal(tmp_path, VOTER, is_new_device=True)
    body = b"b" * 300
    batches: list[tuple[Record, ...]] = [
        (
            records.Notarized(slot, 1, HASH, body),
            records.Finalized(slot, 1, HASH, CERTIFICATE),
            records.DecidedRecord(slot, body, CERTIFICATE),
            records.Shown(slot),
            records.ClockReserved(slot * 4_000_000),
        )
        for slot in range(1, 1200)
    ]
    batches.append((records.Notarized(1200, 1, HASH, body),))

    append(opening.journal, *batches)
    opening.journal.close()
    reopened = reopen(tmp_path)

    assert opening.journal.size_bytes < journal.COMPACT_AT_BYTES + 4096
    assert reopened.amnesia is None
    assert records.Notarized(1200, 1, HASH, body) in reopened.records
    assert records.Shown(1199) in reopened.records
    decided = [r.slot for r in reopened.records if isinstance(r, records.DecidedRecord)]
    assert decided[-journal.DECISIONS_KEPT :] == [1196, 1197, 1198, 1199]


@pytest.mark.parametrize("change", ["flip", "cut"])
def test_compaction_never_turns_a_damaged_journal_into_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(journal, "COMPACT_AT_BYTES", 4_096)
    opening = open_journal(tmp_path, VOTER, is_new_device=True)
    append(opening.journal, VOTES)
    path = tmp_path / journal.FILE_NAME
    data = bytearray(path.read_bytes())
    data[100] ^= 4
    path.write_bytes(data if change == "flip" else data[:-1])

    with pytest.raises(JournalError, match="changed on the disk"):
        append(opening.journal, *[(records.Felt(count % 5),) for count in range(200)])
    with pytest.raises(JournalError, match="earlier"):
        append(opening.journal, VOTES)
    opening.journal.close()

    assert reopen(tmp_path).amnesia is not None


def test_compaction_keeps_the_votes_of_an_undecided_slot() -> None:
    replayed = [
        records.Opened(VOTER),
        records.Notarized(6, 1, HASH, b"old"),
        records.DecidedRecord(6, b"old", CERTIFICATE),
        *VOTES,
        records.Felt(1),
        records.Felt(2),
    ]

    kept = journal.retained(replayed)

    assert kept == [replayed[0], replayed[2], *VOTES, records.Felt(2)]


@pytest.mark.spec("TRU-004")
def test_compaction_keeps_the_last_changes_of_who_votes() -> None:
    replayed: list[records.Record] = [records.Opened(VOTER)]
    for slot in range(1, 200):
        if slot % 5 == 0:
            replayed.append(records.Seated(slot + 1, bytes([slot // 10]), bytes([slot])))
        replayed.append(records.DecidedRecord(slot, b"body", CERTIFICATE))

    once = journal.retained(replayed)
    kept = journal.retained(once)

    assert kept == once
    changes = [slot for slot in range(1, 200) if slot % 10 == 0][-journal.TURNS_KEPT :]
    decided = [r.slot for r in kept if isinstance(r, records.DecidedRecord)]
    assert decided == [*changes, 196, 197, 198, 199]
    seated = [r.slot - 1 for r in kept if isinstance(r, records.Seated)]
    assert set(changes) <= set(seated)
    assert min(seated) == changes[0] - 10, "who decided the oldest change is known"
    assert seated[-3:] == [185, 190, 195]


def full_disk(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def broken_disk(descriptor: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("fault", [full_disk, broken_disk])
def test_a_disk_that_does_not_take_a_record_stops_the_device_with_clear_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[[int], None]
) -> None:
    opening = open_journal(tmp_path, VOTER, is_new_device=True)
    monkeypatch.setattr(os, "fsync", fault)

    with pytest.raises(JournalError, match=r"journal: cannot write: .*start again"):
        append(opening.journal, VOTES)
    monkeypatch.undo()
    with pytest.raises(JournalError, match="earlier"):
        append(opening.journal, VOTES)

    opening.journal.close()
