"""The peer of an observed node, with a witness: all that enters and leaves it goes to the trace."""

from smilesim.coverage import WATCHED
from smilesim.device import UNHARMED, Device, LivePeer
from smilesim.disk import DiskFull
from smilesim.engine import NEVER_NS
from smilesim.world import World
from smilesync.commands import Command
from smilesync.effects import Effect, Notice, Persist, Send, Show
from smilesync.ids import PeerId
from smilesync.keys import Signer
from smilesync.statistics import Statistics
from smilesync.wire.messages import Clock, Message

CRASH, DISK_STOP = "crash-inside-effects", "disk-stop"


class WitnessedPeer:
    """A live peer that is traced, whose disk takes records in order, and that may die of either.

    `death` is the kind of fault that ends this life with the present turn, "" while there is none:
    the driver still does what the peer asked for before it, and the peer answers no more. Of the
    last records in it, `unsynced` may be lost.
    """

    def __init__(self, device: Device, peer: LivePeer, world: World) -> None:
        self.death = ""
        self.unsynced = 0
        self._is_born = False
        self._device = device
        self._peer = peer
        self._world = world
        self._index_of = {link.sender: source for source, link in device.inbound.items()}

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """The link to `peer` came up."""
        if self.death:
            return []
        self._world.trace.linked(self._device.index, self._index_of[peer], is_up=True)
        return self._note(self._peer.connected(peer, now_ns))

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """The link to `peer` is gone."""
        if self.death:
            return []
        self._world.trace.linked(self._device.index, self._index_of[peer], is_up=False)
        return self._note(self._peer.disconnected(peer, now_ns))

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        """A message was received, opened and decoded."""
        if self.death:
            return []
        device, world, source = self._device, self._world, self._index_of[sender]
        world.deliveries += 1
        world.trace.received(device.index, source, message)
        if isinstance(message, Clock) and message.echo_us and message.circle_us is not None:
            device.inbound[source].heard_tick = world.tick
        world.checks.heard(device, source, message, world.tick)
        device.inbound[source].said_tick = world.tick
        device.is_busy = device.slow_ms > 0
        return self._note(self._peer.handle(message, sender, now_ns))

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        """The wearer does something."""
        return [] if self.death else self._note(self._peer.command(command, now_ns))

    def wake(self, now_ns: int) -> list[Effect]:
        """Run what is due; the first time is part of being switched on."""
        if self.death:
            return []
        if self._is_born:
            self._world.wakes += 1
            self._device.is_busy = self._device.slow_ms > 0
        self._is_born = True
        return self._note(self._peer.wake(now_ns))

    def renewed(self, key: Signer, now_ns: int) -> list[Effect]:
        """The device has another voter key."""
        return [] if self.death else self._note(self._peer.renewed(key, now_ns))

    def next_wake_ns(self) -> int:
        """Return the earliest deadline."""
        return NEVER_NS if self.death else self._peer.next_wake_ns()

    def statistics(self, now_ns: int) -> Statistics:
        """Return a picture of the state."""
        return self._peer.statistics(now_ns)

    def _note(self, effects: list[Effect]) -> list[Effect]:
        """Return what of the effects is still done: all, unless the device dies among them."""
        device = self._device
        is_write = any(isinstance(effect, Persist) for effect in effects)
        if device.crash_draw != UNHARMED and is_write:
            effects = effects[: device.crash_draw % (len(effects) + 1)]
            self.death = CRASH
        done: list[Effect] = []
        try:
            for effect in effects:
                self._write(effect)
                done.append(effect)
            if not self.death:
                self._sync()
        except DiskFull:
            self.death = DISK_STOP
        return done

    def _write(self, effect: Effect) -> None:
        """Let disk and trace have their part of an effect."""
        device, world = self._device, self._world
        match effect:
            case Persist(record=record):
                device.disk.write(record)
                self.unsynced += 1
                world.trace.persisted(device.index, record)
            case Send():
                self._sync()
            case Show(scene=scene):
                self._sync()
                world.trace.shown(device.index, scene)
            case Notice(event=event):
                world.notices[event] += 1
                if event in WATCHED:
                    world.checks.noticed(device, effect, world.tick)

    def _sync(self) -> None:
        if self.unsynced:
            self._device.disk.sync()
            self.unsynced = 0
