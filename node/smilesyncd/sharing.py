"""One UDP port for the links of several circles: each gets the datagrams that it claims.

A link knows its own: a first packet by its mark, every other by an index that it drew (DRV-005).
The only link of a device reads the socket itself; when a second one is plugged in, a sorter does.
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
    """What one link has of a shared socket. While nothing is put into it, it stays empty."""

    def __init__(self, socket: DatagramSocket) -> None:
        self._socket = socket
        self._waiting: deque[tuple[bytes, Address]] = deque(maxlen=WAITING_MAX)
        self._arrived = trio.Event()
        self._is_alone = False
        self._scope: trio.CancelScope | None = None

    def put(self, datagram: bytes, source: Address) -> None:
        """Let a datagram wait; of too many the oldest is lost, as in a full socket buffer."""
        self._waiting.append((datagram, source))
        self._arrived.set()

    def share(self, *, is_alone: bool) -> None:
        """Read the socket itself from now on, or leave that to others.

        Who waits returns at once, so that never two wait for one socket.
        """
        self._is_alone = is_alone
        self._arrived.set()
        if self._scope is not None:
            self._scope.cancel()

    async def wait_readable(self) -> None:
        """Return when a datagram waits, or somebody else reads the socket; always a checkpoint."""
        if self._waiting:
            await trio.lowlevel.checkpoint()
            return
        self._arrived = trio.Event()
        with trio.CancelScope() as self._scope:
            await (self._socket.wait_readable() if self._is_alone else self._arrived.wait())
        self._scope = None

    def receive_batch(self, limit: int) -> list[tuple[bytes, Address]]:
        """Return up to `limit` waiting datagrams with their sources."""
        if self._is_alone and not self._waiting:
            return self._socket.receive_batch(limit)
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def send(self, datagram: bytes, to: Address) -> None:
        """Send by the shared socket; never raises."""
        self._socket.send(datagram, to)


class Switchboard:
    """Which links share a socket now."""

    def __init__(self, socket: DatagramSocket) -> None:
        self._socket = socket
        self._plugged: list[tuple[Claimant, Mailbox]] = []
        self._sorting = trio.CancelScope()

    def plug(self, link: Claimant, box: Mailbox) -> None:
        """Let a link have its part of what arrives."""
        self._plugged.append((link, box))
        self._share()

    def unplug(self, box: Mailbox) -> None:
        """Let a link have nothing any more."""
        box.share(is_alone=False)
        self._plugged = [item for item in self._plugged if item[1] is not box]
        self._share()

    async def run(self) -> None:
        """Sort while several links are plugged in, until cancelled."""
        while True:
            self._sorting = trio.CancelScope()
            with self._sorting:
                if len(self._plugged) > 1:
                    await sort(self._socket, self._plugged)
                else:
                    await trio.sleep_forever()

    def _share(self) -> None:
        self._sorting.cancel()
        for _, box in self._plugged:
            box.share(is_alone=len(self._plugged) == 1)


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
