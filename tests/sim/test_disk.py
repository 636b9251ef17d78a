"""What was synced survives an honest disk; what a bad one does is what the daemon would see."""

from itertools import permutations

import pytest

from smilesim.dice import stream
from smilesim.disk import FRAME_BYTES, Ailment, Disk, DiskFull
from smilesync.config import RECORD_BYTES_MAX
from smilesync.ids import ValueHash, VoterKey
from smilesync.wire import records
from smilesync.wire.records import (
    ClockReserved,
    Felt,
    Notarized,
    Nullified,
    Opened,
    Record,
    SequenceReserved,
    Shown,
)
from smilesyncd import journal

KEY = VoterKey(b"k" * 32)
HISTORY: tuple[Record, ...] = (
    Opened(KEY),
    SequenceReserved(64),
    ClockReserved(30_000_000),
    records.ConsentSet(31),
    Felt(1),
    Nullified(1, 1),
    Notarized(1, 2, ValueHash(b"v" * 32), b"body"),
    Shown(1),
)


def written(history: tuple[Record, ...] = HISTORY) -> Disk:
    disk = Disk()
    for record in history:
        disk.write(records.encode(record))
    disk.sync()
    return disk


def file_of(history: tuple[Record, ...]) -> bytes:
    """Return the daemon's journal file with these records."""
    frames, _ = journal._frames(
        [records.encode(record) for record in history], journal._first_hash()
    )
    return journal.MAGIC + frames


def test_synced_records_survive_any_power_loss() -> None:
    for seed in range(50):
        disk = Disk()
        disk.write(b"one")
        disk.write(b"two")
        disk.sync()
        disk.write(b"three")

        disk.lose_power(stream(seed, "disk"))

        assert disk.records[:2] == [b"one", b"two"]


def test_the_unsynced_tail_is_cut_anywhere_even_inside_a_record() -> None:
    kept: set[int] = set()
    torn = 0
    for seed in range(200):
        disk = Disk()
        for number in range(4):
            disk.write(bytes(10 + number))
        disk.lose_power(stream(seed, "disk"))
        assert disk.records == [bytes(10 + number) for number in range(len(disk.records))]
        kept.add(len(disk.records))
        torn += disk.torn

    assert {0, 1, 2, 3} <= kept
    assert 100 < torn <= 200


def test_what_survived_is_durable_from_then_on() -> None:
    disk = Disk()
    disk.write(b"one")
    disk.lose_power(stream(1, "disk"))
    survived = list(disk.records)

    for seed in range(20):
        disk.lose_power(stream(seed, "again"))

    assert disk.records == survived


@pytest.mark.parametrize("cut_bytes", range(0, 4 * (FRAME_BYTES + 10), 13))
def test_a_tail_torn_at_a_byte_is_what_the_daemon_reads_of_such_a_file(cut_bytes: int) -> None:
    tail = HISTORY[3:]
    disk = written(HISTORY[:3])
    for record in tail:
        disk.write(records.encode(record))
    disk.tear_at_bytes = cut_bytes

    disk.lose_power(stream(1, "disk"))

    whole = file_of(HISTORY)
    replayed = journal.replay_bytes(whole[: len(file_of(HISTORY[:3])) + cut_bytes])
    assert replayed.damage is None
    assert tuple(disk.replay()) == replayed.records


@pytest.mark.parametrize("ailment", Ailment)
def test_a_disk_that_refuses_says_why_and_loses_nothing_it_had_confirmed(ailment: Ailment) -> None:
    disk = written()
    disk.fall_ill(ailment)

    with pytest.raises(DiskFull, match=ailment.value):
        _put(disk)
    disk.lose_power(stream(1, "disk"))
    refused = disk.recover(ailment)

    assert refused == 1
    assert disk.replay()[: len(HISTORY)] == list(HISTORY)


@pytest.mark.parametrize(("first", "second"), list(permutations(Ailment, 2)))
def test_a_disk_that_is_ill_in_two_ways_works_when_the_last_is_healed(
    first: Ailment, second: Ailment
) -> None:
    disk = written()
    disk.fall_ill(first)
    disk.fall_ill(second)
    disk.recover(first)

    with pytest.raises(DiskFull, match=second.value):
        _put(disk)
    disk.recover(second)
    _put(disk)

    assert disk.synced == len(disk.records)


def _put(disk: Disk) -> None:
    disk.write(records.encode(Shown(2)))
    disk.sync()


@pytest.mark.parametrize("draw", range(0, 600, 7))
def test_a_flipped_bit_leaves_what_the_daemon_would_salvage_of_such_a_file(draw: int) -> None:
    disk, whole = written(), bytearray(file_of(HISTORY))
    size_bytes = len(whole) - len(journal.MAGIC)

    assert disk.flip_bit(draw) == 1
    whole[len(journal.MAGIC) + draw % size_bytes] ^= 0x10

    replayed = journal.replay_bytes(bytes(whole))
    assert replayed.damage is not None
    expected = [Opened(journal.NOBODY), *journal.salvaged(replayed.records)]
    assert disk.replay() == expected
    assert disk.replay() == expected, "the damage is found once"
    assert disk.has_lied
    assert not any(isinstance(one, Notarized | Nullified) for one in expected)


def test_two_flips_leave_what_is_before_the_first() -> None:
    disk = written()
    late, early = sum(FRAME_BYTES + len(data) for data in disk.records) - 1, FRAME_BYTES + 40

    disk.flip_bit(early)
    disk.flip_bit(late)

    assert disk.replay() == [Opened(journal.NOBODY)]


def test_an_empty_journal_has_no_bit_to_flip() -> None:
    disk = Disk()

    assert disk.flip_bit(7) == 0
    assert disk.replay() == []
    assert not disk.has_lied


def test_a_forgotten_tail_shows_nowhere() -> None:
    disk = written()

    assert disk.forget(3) == 3
    assert disk.replay() == list(HISTORY[:-3])
    assert disk.has_lied
    assert disk.forget(100) == len(HISTORY) - 3
    assert disk.replay() == []


def test_damage_in_what_is_forgotten_is_forgotten_with_it() -> None:
    disk = written()
    disk.flip_bit(sum(FRAME_BYTES + len(data) for data in disk.records) - 1)

    disk.forget(1)

    assert disk.replay() == list(HISTORY[:-1])
    assert RECORD_BYTES_MAX > 0
