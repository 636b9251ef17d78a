"""Runs a daemon whose power, or disk, fails at its k-th flush.

    python -m support.interrupted MODE K VOTES [smilesync words ...]

MODE `before`: killed before the flush, so the disk holds what it held after the last one, plus the
torn beginning of what was being written. `after`: killed after the flush, before anything that
waited for it. `full`: from the k-th flush on the disk is full. K 0: no failure. Every vote that
goes out is also noted in the file VOTES, as what a neighbour may have heard.
"""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from smilesync.circle.quorum import value_hash
from smilesync.effects import LinkEffect
from smilesync.ids import PeerId
from smilesync.mesh.link import Link
from smilesync.wire.messages import Message, Propose, Votes
from smilesyncd import main
from smilesyncd.journal import replay_file

sync_to_disk = os.fsync
send_over_link = Link.send


class FailingDisk:
    """Counts flushes; remembers how much of each file was durable."""

    def __init__(self, mode: str, at: int) -> None:
        self._mode = mode
        self._at = at
        self._count = 0
        self._durable_bytes: dict[str, int] = {}

    def starts_with(self, journal: Path) -> None:
        """Take what a journal holds before the daemon opens it as durable, but not a torn end."""
        if journal.exists():
            self._durable_bytes[str(journal.resolve())] = replay_file(journal).size_bytes

    def fsync(self, descriptor: int) -> None:
        self._count += 1
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if self._count == self._at and self._mode == "before":
            self._lose_tail(path)
            os.kill(os.getpid(), signal.SIGKILL)
        if self._count >= self._at > 0 and self._mode == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync_to_disk(descriptor)
        if os.path.isfile(path):
            self._durable_bytes[path] = os.path.getsize(path)
        if self._count == self._at and self._mode == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    def _lose_tail(self, path: str) -> None:
        if not os.path.isfile(path):
            return
        durable, written = self._durable_bytes.get(path, 0), os.path.getsize(path)
        torn = (written - durable) * (self._at % 4) // 4
        os.truncate(path, durable + torn)


def note_votes(path: str) -> None:
    """From now on, append every vote that is sent to `path`: slot, view, kind, value, signers."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def send(link: Link, to: PeerId, message: Message, now_ns: int) -> list[LinkEffect]:
        for line in votes_in(message):
            os.write(log, f"{line}\n".encode("ascii"))
        return send_over_link(link, to, message, now_ns)

    Link.send = send  # type: ignore[method-assign] # this program exists to look over its shoulder


def votes_in(message: Message) -> list[str]:
    """Return the signatures that a message carries, each with what it signs."""
    if isinstance(message, Propose):
        return [f"{message.slot} {message.view} PROPOSE {value_hash(message.value).hex()} 1"]
    if not isinstance(message, Votes):
        return []
    return [
        f"{message.slot} {votes.view} {votes.kind.name} "
        f"{votes.value_hash.hex() if votes.value_hash else '-'} {votes.bitmap}"
        for votes in message.sets
    ]


def run(words: Sequence[str]) -> int:
    mode, at, votes, *rest = words
    disk = FailingDisk(mode, int(at))
    disk.starts_with(Path(rest[rest.index("--state-dir") + 1]) / "journal")
    os.fsync = disk.fsync  # type: ignore[assignment] # as above
    note_votes(votes)
    return main.main(rest)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
