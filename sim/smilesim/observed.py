"""Observed nodes: the daemon's own driver and link, as trio tasks on the city's virtual time.

Each node is what a Raspberry Pi runs, but for its socket, clock and journal: those are in memory.
Datagrams that carry messages meet on the air the same fate as the messages of the `fast` fidelity,
so the trace above the link must be the same; a test compares them.
"""

from collections.abc import Sequence

import trio
import trio.testing

from smilesim.clock import VirtualClock, make_deterministic, next_actor_tick
from smilesim.device import Device, LivePeer, PeerMaker, open_session
from smilesim.dice import digest, stream
from smilesim.engine import (
    DESTINATION_SHIFT,
    NEVER_NS,
    SEQUENCE_BITS,
    SOURCE_MASK,
    TICKS_PER_SECOND,
    Bucket,
)
from smilesim.oscillator import Oscillator
from smilesim.radio import AirLink, Radio
from smilesim.trace import Trace
from smilesim.verify import SignThrough
from smilesync.commands import Command
from smilesync.config import LinkConfig
from smilesync.effects import Effect, LinkEffect, LinkUp, Notice, Persist, Scene, Show, Transmit
from smilesync.ids import Address, PeerId
from smilesync.mesh.link import Link
from smilesync.wire.messages import Message
from smilesyncd.driver import Node, drive
from smilesyncd.driver import World as NodeWorld

PORT = 7412
CONTROL_SALT = 0x5E55_1011
LINK_UP_TICK = 1


class MemorySocket:
    """A datagram socket on the simulated air."""

    def __init__(self, nodes: "ObservedNodes", index: int) -> None:
        self.outgoing: set[bytes] = set()
        self._nodes = nodes
        self._index = index
        self._inbox: list[tuple[bytes, Address]] = []
        self._is_readable = trio.Event()

    def put(self, datagram: bytes, source: Address) -> None:
        """A datagram arrives."""
        self._inbox.append((datagram, source))
        self._is_readable.set()

    async def wait_readable(self) -> None:
        """Return when a datagram waits."""
        if self._inbox:
            await trio.lowlevel.checkpoint()
        else:
            self._is_readable = trio.Event()
            await self._is_readable.wait()

    def receive_batch(self, limit: int) -> list[tuple[bytes, Address]]:
        """Return what waits, at most `limit`."""
        batch, self._inbox = self._inbox[:limit], self._inbox[limit:]
        return batch

    def send(self, datagram: bytes, to: Address) -> None:
        """Give a datagram to the air."""
        is_message = datagram in self.outgoing
        self.outgoing.discard(datagram)
        self._nodes.carry(self._index, to, datagram, is_message=is_message)


class MemoryClock:
    """A device's crystal as the daemon's local clock."""

    def __init__(self, oscillator: Oscillator, clock: VirtualClock) -> None:
        self._oscillator = oscillator
        self._clock = clock

    def now_ns(self) -> int:
        """Return local time at the current tick."""
        return self._oscillator.at(self._clock.tick)

    def trio_deadline(self, local_ns: int) -> float:
        """Return when that local time comes, in the city's seconds."""
        return self._oscillator.tick_at(local_ns) / TICKS_PER_SECOND


class MemoryJournal:
    """Appends to the simulated disk."""

    def __init__(self, device: Device) -> None:
        self._device = device

    async def append(self, records: Sequence[bytes]) -> None:
        """Make `records` durable."""
        for record in records:
            self._device.disk.write(record)
        self._device.disk.sync()
        await trio.lowlevel.checkpoint()


class TellingLink:
    """The real link, which tells its socket what datagrams carry a message.

    The handshakes were over before time began; that their links are up it reports at `up_ns`.
    """

    def __init__(self, link: Link, socket: MemorySocket, ups: Sequence[LinkUp], up_ns: int) -> None:
        self._link = link
        self._socket = socket
        self._ups = ups
        self._up_ns = up_ns

    def hint(self, address: Address, now_ns: int, *, permanent: bool = False) -> list[LinkEffect]:
        return self._link.hint(address, now_ns, permanent=permanent)

    def receive(self, datagram: bytes, source: Address, now_ns: int) -> list[LinkEffect]:
        return self._link.receive(datagram, source, now_ns)

    def send(self, to: PeerId, message: Message, now_ns: int) -> list[LinkEffect]:
        effects = self._link.send(to, message, now_ns)
        for effect in effects:
            if isinstance(effect, Transmit):
                self._socket.outgoing.add(effect.datagram)
        return effects

    def wake(self, now_ns: int) -> list[LinkEffect]:
        effects: list[LinkEffect] = []
        if now_ns >= self._up_ns:
            effects += self._ups
            self._up_ns = NEVER_NS
        if now_ns >= self._link.next_wake_ns():
            effects += self._link.wake(now_ns)
        return effects

    def next_wake_ns(self) -> int:
        return min(self._up_ns, self._link.next_wake_ns())

    def close(self, now_ns: int) -> list[LinkEffect]:
        return self._link.close(now_ns)


class TracedPeer:
    """The real peer, with everything that goes in and comes out written to the trace."""

    def __init__(self, device: Device, peer: LivePeer, nodes: "ObservedNodes") -> None:
        self._device = device
        self._peer = peer
        self._nodes = nodes

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        other = self._nodes.devices[self._nodes.index_of[peer]]
        open_session(self._device, other)
        self._nodes.trace.linked(self._device.index, other.index, is_up=True)
        return self._note(self._peer.connected(peer, now_ns))

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        self._nodes.trace.linked(self._device.index, self._nodes.index_of[peer], is_up=False)
        return self._note(self._peer.disconnected(peer, now_ns))

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        self._nodes.deliveries += 1
        self._nodes.trace.received(self._device.index, self._nodes.index_of[sender], message)
        return self._note(self._peer.handle(message, sender, now_ns))

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        return self._note(self._peer.command(command, now_ns))

    def wake(self, now_ns: int) -> list[Effect]:
        return self._note(self._peer.wake(now_ns))

    def next_wake_ns(self) -> int:
        return self._peer.next_wake_ns()

    def _note(self, effects: list[Effect]) -> list[Effect]:
        for effect in effects:
            if isinstance(effect, Persist):
                self._nodes.trace.persisted(self._device.index, effect.record)
            elif isinstance(effect, Show):
                self._nodes.trace.shown(self._device.index, effect.scene)
        return effects


class ObservedNodes:
    """All devices of a small city as nodes of the daemon; every link is up at `LINK_UP_TICK`."""

    def __init__(
        self,
        seed: int,
        devices: Sequence[Device],
        *,
        radio: Radio,
        trace: Trace,
        make_peer: PeerMaker,
        verifier: SignThrough,
    ) -> None:
        self.devices = devices
        self.trace = trace
        self.deliveries = 0
        self.index_of = {device.identity: device.index for device in devices}
        self._seed = seed
        self._radio = radio
        self._make_peer = make_peer
        self._clock = VirtualClock()
        self._sockets = [MemorySocket(self, device.index) for device in devices]
        self._links = [_link(seed, device, verifier) for device in devices]
        self._control: dict[tuple[int, int], AirLink] = {}

    def carry(self, source: int, to: Address, datagram: bytes, *, is_message: bool) -> None:
        """Send a datagram over the air; what the link says for itself has a sequence apart."""
        destination = index_at(to)
        link = self.devices[destination].inbound.get(source)
        if link is None:
            return
        if not is_message:
            link = self._control.setdefault((source, destination), _control(self._seed, link))
        self._radio.transmit(link, datagram)

    def run(self, end_tick: int) -> None:
        """Run every node as a task until `end_tick`."""
        make_deterministic(self._seed)
        trio.run(self._main, end_tick, clock=self._clock)

    async def _main(self, end_tick: int) -> None:
        self._bring_up()
        async with trio.open_nursery() as nursery:
            for device in self.devices:
                nursery.start_soon(self._live, device)
            await self._drive(end_tick)
            nursery.cancel_scope.cancel()

    def _bring_up(self) -> None:
        """Let every pair in range shake hands before time begins."""
        for device in self.devices:
            for source in sorted(device.inbound):
                if source < device.index:
                    now_ns = device.oscillator.at(0)
                    effects = self._links[device.index].hint(address_at(source), now_ns)
                    self._shuttle(device.index, effects)

    def _shuttle(self, index: int, effects: Sequence[LinkEffect]) -> None:
        queue = [(index, effect) for effect in effects]
        while queue:
            source, effect = queue.pop(0)
            if isinstance(effect, Transmit):
                to = index_at(effect.to)
                now_ns = self.devices[to].oscillator.at(0)
                link = self._links[to]
                answers = link.receive(effect.datagram, address_at(source), now_ns)
                queue += [(to, answer) for answer in answers]

    async def _live(self, device: Device) -> None:
        """Be one node, as the daemon is."""
        clock = MemoryClock(device.oscillator, self._clock)
        socket = self._sockets[device.index]
        peer = TracedPeer(device, self._make_peer(device, [], clock.now_ns()), self)
        self.trace.powered(device.index, is_on=True)
        world = NodeWorld(socket, clock, MemoryJournal(device), _ignore_scene, _ignore_notice)
        ups = [
            LinkUp(self.devices[source].identity, address_at(source))
            for source in sorted(device.inbound)
        ]
        up_ns = device.oscillator.at(LINK_UP_TICK)
        await drive(Node(peer, TellingLink(self._links[device.index], socket, ups, up_ns), world))

    async def _drive(self, end_tick: int) -> None:
        """Move time: to the next deadline of a task, or the next datagram, whichever is first."""
        wheel, clock = self._radio.wheel, self._clock
        wheel.advance()
        while True:
            await trio.testing.wait_all_tasks_blocked()
            self.trace.end_tick(clock.tick)
            if clock.tick >= end_tick:
                return
            limit = next_actor_tick(clock, end_tick)
            while wheel.tick < limit:
                bucket = wheel.advance()
                if bucket:
                    self._hand_out(bucket)
                    break
            clock.tick = wheel.tick

    def _hand_out(self, bucket: Bucket) -> None:
        for key in sorted(bucket):
            datagram = bucket[key]
            assert isinstance(datagram, bytes)
            source = key >> SEQUENCE_BITS & SOURCE_MASK
            self._sockets[key >> DESTINATION_SHIFT].put(datagram, address_at(source))
        bucket.clear()


def address_at(index: int) -> Address:
    """Return the address of a device."""
    return (f"node-{index}", PORT)


def index_at(address: Address) -> int:
    """Return whose address this is."""
    return int(address[0].removeprefix("node-"))


def _link(seed: int, device: Device, verifier: SignThrough) -> Link:
    return Link(
        LinkConfig(),
        device.keys.identity,
        verifier,
        digest(seed, "static", device.index),
        stream(seed, "link-entropy", device.index),
    )


def _control(seed: int, link: AirLink) -> AirLink:
    """Return a way for handshakes and keep-alives beside the one for messages."""
    control = AirLink(seed ^ CONTROL_SALT, link.source, link.destination)
    control.key = link.key | 1 << SEQUENCE_BITS - 1
    control.set_up(is_up=True)
    return control


def _ignore_scene(_scene: Scene, _now_ns: int) -> None:
    """Nobody looks at an observed node's lamp: the trace has its scenes."""


def _ignore_notice(_notice: Notice, _now_ns: int) -> None:
    """Nobody reads an observed node's log."""
