"""A journal on flash: it can refuse, lose what was not synced, tear, forget and rot.

What power-up makes of it is what the daemon's journal makes of the same: a torn tail is cut off
by its length and checksum, damage is found by the chain of hashes and makes the device amnesic.
A whole tail that is gone shows nowhere: only the others can tell.
"""

from enum import Enum
from functools import lru_cache

from smilesim.equals import shared
from smilesim.retention import retained, salvaged, unbound
from smilesync.entropy import Entropy
from smilesync.wire import records
from smilesync.wire.records import Record

FRAME_BYTES = 40
"""Length, its checksum and SHA-256 that stand before each record in the daemon's journal."""

READ_MAX = 1 << 13
COMPACT_AT = 16
"""The daemon compacts by size; so few records keep a large city small."""


class Ailment(Enum):
    """Why a disk takes no records."""

    FULL = "no space left on device"
    READ_ONLY = "read-only file system"
    FAILING = "input/output error"


WELL: dict[Ailment, int] = {}
"""What ails most disks, all the time: one for all of them, which nobody changes."""


class DiskFull(Exception):
    """The disk takes no more: the device must stop rather than act on what it may forget."""


class Disk:
    """Records in the order written; `records` before `synced` survive anything but harm.

    `ailments`: what ails it now, and how often it refused for each. `tear_at_bytes`: where the next
    power loss cuts the unsynced tail, if not at random. `has_lied`: something that it had confirmed
    is gone or changed.
    """

    __slots__ = (
        "_backup",
        "_compact_at",
        "_damaged_from",
        "ailments",
        "has_lied",
        "records",
        "synced",
        "tear_at_bytes",
        "torn",
    )

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.synced = 0
        self.torn = 0
        self.has_lied = False
        self.ailments = WELL
        self.tear_at_bytes: int | None = None
        self._damaged_from: int | None = None
        self._backup: list[bytes] | None = None
        self._compact_at = COMPACT_AT

    def fall_ill(self, ailment: Ailment) -> None:
        """Take no records from now on, whatever else ails it and is healed."""
        assert ailment not in self.ailments, "faults of a kind do not overlap"
        self.ailments = {**self.ailments, ailment: 0}

    def recover(self, ailment: Ailment) -> int:
        """Let this ail it no more; returns how often it refused for that."""
        left = dict(self.ailments)
        refused = left.pop(ailment)
        self.ailments = left or WELL
        return refused

    def _refuse(self, *ailments: Ailment) -> None:
        """Refuse a record for all of these that ail it, if any does."""
        found = [ailment for ailment in ailments if ailment in self.ailments]
        for ailment in found:
            self.ailments[ailment] += 1
        if found:
            raise DiskFull(found[0].value)

    def write(self, record: bytes) -> None:
        """Append; not durable yet. Errors: DiskFull without space or on a read-only disk."""
        if self.ailments:
            self._refuse(Ailment.FULL, Ailment.READ_ONLY)
        self.records.append(shared(record))

    def sync(self) -> None:
        """Make everything written so far durable, and let go of what no longer binds.

        Errors: DiskFull on a failing disk.
        """
        if self.ailments:
            self._refuse(Ailment.FAILING)
        self.synced = len(self.records)
        if self.synced >= self._compact_at and self._damaged_from is None:
            self.records = retained(self.records)
            self.synced = len(self.records)
            self._compact_at = max(COMPACT_AT, 2 * self.synced)

    def begin_anew(self) -> None:
        """Let go of what the voter key signed that was erased; whole and durable on return."""
        if self._damaged_from is None:
            self.records = unbound(self.records)
            self.synced = len(self.records)

    def lose_power(self, entropy: Entropy) -> int:
        """Cut the unsynced tail at a random byte; returns how many records were lost.

        A record that the cut goes through is torn: its start is on the disk, replay drops it.
        """
        tail = self.records[self.synced :]
        size_bytes = sum(_size_bytes(record) for record in tail)
        cut_bytes = entropy.below(size_bytes + 1) if tail else 0
        if tail and self.tear_at_bytes is not None:
            cut_bytes = self.tear_at_bytes % (size_bytes + 1)
            self.tear_at_bytes = None
        kept = 0
        for record in tail:
            if cut_bytes < _size_bytes(record):
                self.torn += 1 if cut_bytes > 0 else 0
                break
            cut_bytes -= _size_bytes(record)
            kept += 1
        del self.records[self.synced + kept :]
        self.synced = len(self.records)
        return len(tail) - kept

    def forget(self, count: int) -> int:
        """Lose the last `count` records though they were synced; returns how many there were."""
        lost = min(count, len(self.records))
        del self.records[len(self.records) - lost :]
        self.synced = len(self.records)
        self.has_lied = self.has_lied or lost > 0
        if self._damaged_from is not None and self._damaged_from >= self.synced:
            self._damaged_from = None
        return lost

    def wipe(self) -> int:
        """Lose the whole journal; returns how many records there were."""
        lost = self.forget(len(self.records))
        self.records = salvaged([])
        self.synced = len(self.records)
        return lost

    def back_up(self) -> None:
        """Keep a copy of what is durable now."""
        self._backup = self.records[: self.synced] if self._damaged_from is None else None

    def restore(self) -> int:
        """Put the copy in the place of what was written since; returns how many records differ."""
        backup, self._backup = self._backup, None
        if backup is None or backup == self.records:
            return 0
        lost = sum(record not in backup for record in self.records)
        self.records, self.synced = backup, len(backup)
        self._damaged_from = None
        self.has_lied = True
        return lost

    def flip_bit(self, draw: int) -> int:
        """Change the bit of the file that `draw` points at; returns 1, or 0 if it is empty."""
        size_bytes = sum(_size_bytes(record) for record in self.records)
        if not size_bytes:
            return 0
        self.has_lied = True
        place = draw % size_bytes
        for index, record in enumerate(self.records):
            if place < _size_bytes(record):
                first = self._damaged_from
                self._damaged_from = index if first is None else min(first, index)
                break
            place -= _size_bytes(record)
        return 1

    def replay(self) -> list[Record]:
        """Return what the journal holds at power-up; after damage, what may still be used."""
        if self._damaged_from is not None:
            self.records = salvaged(self.records[: self._damaged_from])
            self.synced = len(self.records)
            self._damaged_from = None
        return [read_record(record) for record in self.records]


@lru_cache(READ_MAX)
def read_record(data: bytes) -> Record:
    """Return the record that `data` is; of a circle's records two in three are equal to another."""
    return records.decode(data)


def _size_bytes(record: bytes) -> int:
    return FRAME_BYTES + len(record)
