"""A journal on flash that can lose what was not synced, and tear the record being written.

What it keeps of an interrupted write is decided byte by byte: a record survives only whole, as
the length and checksum in front of it demand of the real journal.
"""

from functools import lru_cache

from smilesync.entropy import Entropy
from smilesync.wire import records
from smilesync.wire.records import Record

FRAME_BYTES = 40
"""Length, its checksum and SHA-256 that stand before each record in the daemon's journal."""

READ_MAX = 1 << 13


class Disk:
    """Records in the order written; `records` before `synced` survive anything."""

    __slots__ = ("records", "synced", "torn")

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.synced = 0
        self.torn = 0

    def write(self, record: bytes) -> None:
        """Append; not durable yet."""
        self.records.append(record)

    def sync(self) -> None:
        """Make everything written so far durable."""
        self.synced = len(self.records)

    def lose_power(self, entropy: Entropy) -> int:
        """Cut the unsynced tail at a random byte; returns how many records were lost.

        A record that the cut goes through is torn: its start is on the disk, replay drops it.
        """
        tail = self.records[self.synced :]
        size_bytes = sum(FRAME_BYTES + len(record) for record in tail)
        cut_bytes = entropy.below(size_bytes + 1) if tail else 0
        kept = 0
        for record in tail:
            if cut_bytes < FRAME_BYTES + len(record):
                self.torn += 1 if cut_bytes > 0 else 0
                break
            cut_bytes -= FRAME_BYTES + len(record)
            kept += 1
        del self.records[self.synced + kept :]
        self.sync()
        return len(tail) - kept


@lru_cache(READ_MAX)
def read_record(data: bytes) -> Record:
    """Return the record that `data` is; of a circle's records two in three are equal to another."""
    return records.decode(data)
