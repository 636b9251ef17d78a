"""All devices of a city as nodes of the daemon: a task for each life of each device.

The world keeps power, sessions, partitions, faults and checks, as in every fidelity. What runs on
a device is the daemon's driver, on its link and its peer, in a cancel scope; to lose power is to
have that scope cancelled. Time goes from device to device (`instants.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

import trio
import trio.testing

from smilesim.clock import VirtualClock
from smilesim.device import Device, PeerMaker
from smilesim.dice import digest, stream
from smilesim.drive import Books
from smilesim.engine import NEVER_NS, Bucket, Event, Mark
from smilesim.interrupts import check
from smilesim.observed.instants import Instants
from smilesim.observed.life import Life
from smilesim.observed.parts import CrystalClock
from smilesim.observed.session import REPORT, Letter, ModelLink, Tally
from smilesim.observed.witness import WitnessedPeer
from smilesim.radio import AirLink
from smilesim.world import World
from smilesync.commands import Command
from smilesync.keys import Verifier
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.link import Link
from smilesync.wire.messages import Message
from smilesync.wire.records import Record


class Nodes:
    """The host of all devices."""

    def __init__(self, make_peer: PeerMaker, verifier: Verifier, config: LinkConfig) -> None:
        self.tally = Tally()
        self._make_peer = make_peer
        self._verifier = verifier
        # The model ends sessions with power only: silence, or a clock that leaps, must end none.
        self._config = replace(config, dead_after_ns=NEVER_NS)
        self._lives: dict[int, Life] = {}
        self._world: World
        self._instants: Instants
        self._nursery: trio.Nursery

    def start(self, device: Device, journal: Sequence[Record], now_ns: int) -> None:
        """Power came: begin a life."""
        world = self._world
        clock = CrystalClock(device, world, self._instants)
        peer = WitnessedPeer(device, self._make_peer(device, journal, now_ns), world)
        link = ModelLink(device, self._new_link(device), world, self.tally, self._link_of)
        life = Life(device, world, peer=peer, link=link, clock=clock)
        device.peer = peer
        self._lives[device.index] = life
        self._nursery.start_soon(life.run)

    def stop(self, device: Device) -> None:
        """Power went: end the life."""
        life = self._lives.pop(device.index)
        life.link.end()
        life.end()

    def connected(self, device: Device, other: Device) -> None:
        """A handshake is over: the device hears of it after what else reaches it in this tick."""
        life = self._lives[device.index]
        life.link.expect(self._lives[other.index].link)
        life.socket.put(REPORT, other.index)

    def obey(self, device: Device, command: Command) -> None:
        """The wearer does something; nothing happens while the device is off."""
        life = self._lives.get(device.index)
        if life is not None:
            is_taken = life.node.post(command)
            assert is_taken, "more orders in a tick than a daemon takes"

    def inject(self, link: AirLink, message: Message) -> None:
        """Send what no peer said; a source without power or session only loses it."""
        life = self._lives.get(link.source)
        if life is None:
            self._world.radio.carry(link, REPORT)
        else:
            life.link.inject(link, message)

    async def drive(self, world: World, clock: VirtualClock, end_tick: int, books: Books) -> None:
        """Run the city until `end_tick`, its last tick included."""
        self._world = world
        self._instants = Instants(clock, len(world.devices))
        async with trio.open_nursery() as self._nursery:
            try:
                await trio.testing.wait_all_tasks_blocked()
                await books.close(world)
                while clock.tick < end_tick:
                    await self._run_tick(self._next_bucket(end_tick))
                    await trio.testing.wait_all_tasks_blocked()
                    await books.close(world)
            finally:
                for device in world.devices:
                    if device.index in self._lives:
                        self.stop(device)

    def _next_bucket(self, end_tick: int) -> Bucket:
        """Advance to the next tick in which something happens.

        Errors: KeyboardInterrupt, the books of the last tick closed.
        """
        check()
        wheel = self._world.wheel
        limit = self._instants.next_tick(end_tick)
        bucket = wheel.advance()
        while not bucket and wheel.tick < limit:
            self._world.end_tick()
            bucket = wheel.advance()
        return bucket

    async def _run_tick(self, bucket: Bucket) -> None:
        """Let every device act that something reaches or that is due, one after the other."""
        tick, violations = self._world.tick, self._world.checks.violations
        violations.hold(is_held=True)
        for index, events in groupby(bucket, key=_destination):
            await self._instants.come(tick, index)
            await self._feed(self._world.devices[index], events)
            await trio.testing.wait_all_tasks_blocked()
        bucket.clear()
        await self._instants.finish(tick)
        violations.hold(is_held=False)

    async def _feed(self, device: Device, events: Iterable[Event]) -> None:
        """Give a device what reaches it in this tick, and let it take its turn."""
        world, wheel = self._world, self._world.wheel
        for event in events:
            key, lane, payload = event
            if lane is device:
                was_on = device.is_on
                world.mark(device, payload, key)
                if payload is Mark.POWER_ON and not was_on:
                    await _boot(device)
                continue
            assert isinstance(lane, AirLink)
            if device.peer is None or key < lane.floor:
                continue
            if device.stalled_until_tick > world.tick:
                wheel.put(device.stalled_until_tick, event)
            else:
                datagram = payload.arrive() if isinstance(payload, Letter) else payload
                if datagram:
                    self._lives[device.index].socket.put(datagram, lane.source)
        life = self._lives.get(device.index)
        if life is not None and device.stalled_until_tick <= world.tick:
            life.socket.nudge()

    def _link_of(self, index: int) -> ModelLink | None:
        life = self._lives.get(index)
        return None if life is None else life.link

    def _new_link(self, device: Device) -> Link:
        seed = self._world.seed
        return Link(
            self._config,
            device.keys.identity,
            self._verifier,
            digest(seed, "static", device.index),
            stream(seed, "link-entropy", device.index, device.boots),
        )


async def _boot(device: Device) -> None:
    """Let a device boot, and only that: if it dies of it, what comes next in this tick sees it."""
    is_busy, device.is_busy = device.is_busy, False
    await trio.testing.wait_all_tasks_blocked()
    device.is_busy = is_busy and device.is_on


def _destination(event: Event) -> int:
    station: Device = event[1].station
    return station.index
