"""A simulated journal lets go of exactly what the daemon's lets go of."""

import random

import pytest

from smilesim.disk import Disk
from smilesim.retention import retained, salvaged, slot_of
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
from smilesyncd import journal

HASH = ValueHash(bytes(32))
VOTES = VoteSet(VoteKind.FINALIZE, 1, HASH, 1, (bytes(64),))
SLOTS = (0, 1, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**40)


def record_of(chance: random.Random) -> Record:
    slot = chance.choice(SLOTS) if chance.random() < 0.3 else chance.randrange(1, 30)
    number = chance.randrange(1, 5)
    makers = (
        lambda: Notarized(slot, number, HASH, b"body"),
        lambda: Nullified(slot, number),
        lambda: Finalized(slot, number, HASH, VOTES),
        lambda: DecidedRecord(slot, b"body", VOTES),
        lambda: Shown(slot),
        lambda: ClockReserved(slot),
        lambda: SequenceReserved(slot),
        lambda: ConsentSet(number),
        lambda: Felt(number),
        lambda: Amnesia(),
        lambda: Seated(slot, bytes([number]), None),
        lambda: Seated(slot, bytes([number // 2]), b"state"),
        lambda: Abandoned(NO_CIRCLE, VoterKey(bytes([number]) * 32)),
        lambda: Moved(NO_CIRCLE, bytes([number])) if number == 1 else Felt(number),
        lambda: Proven(NO_CIRCLE, bytes([number]), VOTES, b"roster"),
        lambda: MergingSet(number > 2),
    )
    made: Record = chance.choice(makers)()
    return made


@pytest.mark.parametrize("seed", range(60))
def test_what_stays_is_what_stays_in_the_journal_of_the_daemon(seed: int) -> None:
    chance = random.Random(seed)
    written: list[Record] = [record_of(chance) for _ in range(chance.randrange(120))]
    if chance.random() < 0.7:
        written.insert(chance.choice((0, 0, len(written))), Opened(VoterKey(bytes(32))))
    encoded = [records.encode(record) for record in written]

    assert retained(encoded) == [records.encode(kept) for kept in journal.retained(written)]


@pytest.mark.spec("SUC-044")
def test_of_the_circles_that_a_device_moved_to_the_last_few_stay() -> None:
    written = [Moved(NO_CIRCLE, bytes([number])) for number in range(1, 9)]
    encoded = [records.encode(record) for record in written]

    assert retained(encoded) == encoded[-4:]
    assert journal.retained(written) == written[-4:]


@pytest.mark.spec("MRG-008")
def test_what_proves_a_circle_stays_as_long_as_its_proof_may_be() -> None:
    written = [Proven(NO_CIRCLE, bytes([number]), VOTES, b"roster") for number in range(30)]
    encoded = [records.encode(record) for record in written]

    assert retained(encoded) == encoded[-24:]
    assert journal.retained(written) == written[-24:]


@pytest.mark.spec("MRG-040", "MRG-041")
@pytest.mark.parametrize("agrees", [True, False])
def test_damaged_journal_lets_no_circle_merge_that_a_wearer_did_not_want_to(agrees: bool) -> None:
    said = MergingSet(agrees)

    assert (said in journal.salvaged([said])) is not agrees
    assert (records.encode(said) in salvaged([records.encode(said)])) is not agrees


@pytest.mark.parametrize("slot", SLOTS)
def test_a_slot_is_read_without_decoding(slot: int) -> None:
    assert slot_of(records.encode(Nullified(slot, 1))) == slot


def test_the_disk_of_a_long_life_stays_small_and_binds_as_before() -> None:
    disk = Disk()
    disk.write(records.encode(Opened(VoterKey(bytes(32)))))
    for slot in range(1, 1_000):
        for record in (
            Notarized(slot, 1, HASH, b"body"),
            Finalized(slot, 1, HASH, VOTES),
            DecidedRecord(slot, b"body", VOTES),
            ClockReserved(slot * 1_000),
        ):
            disk.write(records.encode(record))
            disk.sync()
    disk.write(records.encode(Notarized(1_000, 1, HASH, b"body")))
    disk.sync()

    assert len(disk.records) < 50
    assert disk.synced == len(disk.records)
    replayed = disk.replay()
    assert isinstance(replayed[0], Opened)
    assert replayed[-1] == Notarized(1_000, 1, HASH, b"body")
    assert DecidedRecord(999, b"body", VOTES) in replayed
    assert ClockReserved(999_000) in replayed


def test_a_damaged_journal_is_left_as_it_is() -> None:
    disk = Disk()
    disk.write(records.encode(Opened(VoterKey(bytes(32)))))
    disk.sync()
    disk.flip_bit(3)
    for slot in range(1, 200):
        disk.write(records.encode(Nullified(slot, 1)))
        disk.sync()

    assert len(disk.records) == 200
