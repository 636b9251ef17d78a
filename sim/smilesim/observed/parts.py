"""What the daemon's driver stands on, in memory: socket, local clock and journal of one device."""

from collections.abc import Callable, Sequence

import trio

from smilesim.device import Device
from smilesim.observed.instants import Instants
from smilesim.observed.witness import WitnessedPeer
from smilesim.world import World
from smilesync.ids import Address

UDP_PORT = 7412


class CrystalClock:
    """A device's crystal as the daemon's local clock."""

    def __init__(self, device: Device, world: World, instants: Instants) -> None:
        self._device = device
        self._world = world
        self._instants = instants
        self._asked_ns = 0
        self._deadline = 0.0

    def now_ns(self) -> int:
        """Return local time at the current tick."""
        return self._device.oscillator.at(self._world.tick)

    def trio_deadline(self, local_ns: int) -> float:
        """Return when that local time comes, at the device's instant of the tick."""
        self._asked_ns = local_ns
        tick = self._device.oscillator.tick_at(local_ns)
        self._deadline = self._instants.deadline(tick, self._device.index)
        return self._deadline

    def later(self) -> float | None:
        """Return until when the deadline asked for last is put off; None if it is not.

        A paused device notices nothing, and one whose clock was changed sleeps by the new one.
        """
        device = self._device
        if trio.current_time() < self._deadline:
            return None
        tick = max(device.stalled_until_tick, device.oscillator.tick_at(self._asked_ns))
        return self._instants.deadline(tick, device.index) if tick > self._world.tick else None


class AirSocket:
    """A datagram socket on the simulated air.

    All that reaches a device in a tick is one batch, as on the wheel, however much it is.
    `on_turn_over` is called before every wait, `transmit` gets what is sent.
    """

    def __init__(
        self,
        clock: CrystalClock,
        transmit: Callable[[bytes], None],
        on_turn_over: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._transmit = transmit
        self._on_turn_over = on_turn_over
        self._inbox: list[tuple[bytes, Address]] = []
        self._is_readable = trio.Event()
        self._pause: trio.CancelScope | None = None
        self._is_closed = False

    def put(self, datagram: bytes, source: int) -> None:
        """A datagram arrives from a device."""
        self._inbox.append((datagram, address_at(source)))
        self._is_readable.set()

    def nudge(self) -> None:
        """Let the driver look at its deadlines anew."""
        self._is_readable.set()

    def close(self) -> None:
        """End every wait: the power is gone."""
        self._is_closed = True
        if self._pause is not None:
            self._pause.cancel()

    async def wait_readable(self) -> None:
        """Return when a datagram waits, or somebody nudged."""
        self._on_turn_over()
        if self._inbox:
            await trio.lowlevel.checkpoint()
            return
        self._is_readable = trio.Event()
        try:
            await self._is_readable.wait()
        except trio.Cancelled:
            if not await self._sleep_on():
                raise

    def receive_batch(self, limit: int) -> list[tuple[bytes, Address]]:
        """Return what came in this tick; `limit` is for sockets that never run empty."""
        batch, self._inbox = self._inbox, []
        return batch

    def send(self, datagram: bytes, to: Address) -> None:
        """Give a datagram to the air."""
        self._transmit(datagram)

    async def _sleep_on(self) -> bool:
        """Sleep until the deadline has really come; True if something else came before it."""
        while not self._is_closed and (deadline := self._clock.later()) is not None:
            with trio.CancelScope(shield=True, deadline=deadline) as self._pause:
                await self._is_readable.wait()
            self._pause = None
            if self._is_readable.is_set():
                return self._clock.later() is not None
        return False


class DiskJournal:
    """The journal that the driver awaits before it acts on what it wrote.

    The simulated disk took the records when the peer asked for it, in the order in which a crash
    may tear them (`witness.py`). Here the checks learn of them: they hold the driver to it that
    nothing which rests on a record has left before.
    """

    def __init__(self, device: Device, world: World, peer: WitnessedPeer) -> None:
        self._device = device
        self._world = world
        self._peer = peer

    async def append(self, records: Sequence[bytes]) -> None:
        """Return when `records` are durable; the last of a dying device may not be."""
        for record in records[: len(records) - self._peer.unsynced]:
            self._world.checks.persisted(self._device, record, self._world.tick)
        await trio.lowlevel.checkpoint()


def address_at(index: int) -> Address:
    """Return the address of a device."""
    return (f"node-{index}", UDP_PORT)


def index_at(address: Address) -> int:
    """Return whose address this is."""
    return int(address[0].removeprefix("node-"))
