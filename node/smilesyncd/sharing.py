"""One UDP port for the links of several circles: each gets the datagrams that it claims.

A link knows its own: a first packet by its mark, every other by an index that it drew (DRV-005).
"""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import trio

from smilesync.ids import Address
from smilesyncd.driver import DatagramSocket

BATCH_MAX = 64
WAITING_MAX = 512


class Claimant(Protocol):
    """A link, as far as it says what is for it."""

    def claims(self, datagram: bytes, source: Address) -> bool: ...


class Mailbox:
    """What one link has of a shared socket. Without a sorter it stays empty."""

    def __init__(self, socket: DatagramSocket) -> None:
        self._socket = socket
        self._waiting: deque[tuple[bytes, Address]] = deque(maxlen=WAITING_MAX)
        self._arrived = trio.Event()

    def put(self, datagram: bytes, source: Address) -> None:
        """Let a datagram wait; of too many the oldest is lost, as in a full socket buffer."""
        self._waiting.append((datagram, source))
        self._arrived.set()

    async def wait_readable(self) -> None:
        """Return when a datagram waits; always a checkpoint."""
        if self._waiting:
            await trio.lowlevel.checkpoint()
            return
        self._arrived = trio.Event()
        await self._arrived.wait()

    def receive_batch(self, limit: int) -> list[tuple[bytes, Address]]:
        """Return up to `limit` waiting datagrams with their sources."""
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def send(self, datagram: bytes, to: Address) -> None:
        """Send by the shared socket; never raises."""
        self._socket.send(datagram, to)


async def sort(socket: DatagramSocket, boxes: Sequence[tuple[Claimant, Mailbox]]) -> None:
    """Give every datagram to whoever claims it, until cancelled.

    What nobody claims goes to the first, whose link counts why it is dropped.
    """
    while True:
        await socket.wait_readable()
        for datagram, source in socket.receive_batch(BATCH_MAX):
            claimed = [box for link, box in boxes if link.claims(datagram, source)]
            for box in claimed or [boxes[0][1]]:
                box.put(datagram, source)
