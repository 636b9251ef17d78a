"""The city: devices on one wheel, their effects executed at once, power that can go and come.

Entered at `Peer.handle`, above the link (fidelity `fast`). Everything a device does at a tick has
left it by the end of that tick and reaches nobody before the next, so the order of devices inside
a tick changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from smilesim.checks import Checks
from smilesim.device import UNHARMED, Device, PeerMaker, open_session
from smilesim.dice import mix, salt, stream
from smilesim.disk import read_record
from smilesim.engine import (
    DESTINATION_SHIFT,
    NEVER_NS,
    NOBODY,
    SEQUENCE_BITS,
    SEQUENCE_MASK,
    SOURCE_MASK,
    Bucket,
    Mark,
    Order,
    Wheel,
    WheelEvent,
    mark_key,
)
from smilesim.oscillator import crystal
from smilesim.radio import Radio
from smilesim.trace import Trace
from smilesync.commands import Command
from smilesync.effects import Effect, Event, Persist, Send, Show
from smilesync.wire.messages import Clock, Message

POWER_ORDINAL = 1
LINK_ORDINAL = 2
ORDER_ORDINAL = 1 << 24
HANDSHAKE_MS_MIN = 8
HANDSHAKE_MS_SPAN = 120


class World:
    """All devices and what lies between them, at the wheel's tick."""

    def __init__(
        self,
        *,
        seed: int,
        devices: Sequence[Device],
        radio: Radio,
        trace: Trace,
        checks: Checks,
        make_peer: PeerMaker,
    ) -> None:
        self.seed = seed
        self.devices = devices
        self.radio = radio
        self.wheel: Wheel = radio.wheel
        self.trace = trace
        self.checks = checks
        self.deliveries = 0
        self.wakes = 0
        self.notices: Counter[Event] = Counter()
        self.fired: Counter[str] = Counter()
        self.is_dialling = True
        """Whether devices that are switched on look for the others by themselves."""
        self._make_peer = make_peer
        self._orders = 0
        self._chance = stream(seed, "power-loss")
        self._identities = [device.identity for device in devices]

    @property
    def tick(self) -> int:
        """Return the tick being executed, or executed last."""
        return self.wheel.tick

    def run_to(self, tick: int) -> None:
        """Execute every tick up to and including `tick`; the books of the last stay open.

        Tasks may still act at `tick`; whoever lets them closes it with `end_tick`.
        """
        wheel = self.wheel
        while wheel.tick < tick:
            bucket = wheel.advance()
            if bucket:
                self._run_bucket(bucket)
                bucket.clear()
            if wheel.tick < tick:
                self.end_tick()

    def end_tick(self) -> None:
        """Close the books of the current tick."""
        self.trace.end_tick(self.wheel.tick)
        self.checks.end_tick(self.wheel.tick)

    def command(self, device: Device, command: Command) -> None:
        """Let the wearer of `device` do something now; nothing happens while it is off."""
        self._obey(device, command)
        self._settle(device, device.oscillator.at(self.wheel.tick))

    def command_at(self, device: Device, tick: int, command: Command) -> None:
        """Let the wearer do something at a later tick."""
        self._orders += 1
        key = mark_key(device.index, ORDER_ORDINAL + self._orders)
        self.wheel.put(tick, key, Order(command))

    def power_off(self, device: Device) -> None:
        """Cut the power now: volatile state is gone, the disk keeps what it had synced."""
        if not device.is_on:
            return
        lost = device.disk.lose_power(self._chance)
        self.fired["power-loss"] += 1
        self.fired["lost-record"] += lost
        device.is_on = False
        device.peer = None
        device.scene = None
        device.crash_draw = UNHARMED
        device.armed_ns = NEVER_NS
        device.floors = {}
        for link in device.inbound.values():
            link.set_up(is_up=False)
        for link in device.links.values():
            link.set_up(is_up=False)
        self.trace.powered(device.index, is_on=False)
        self.checks.powered_off(device, self.wheel.tick)

    def crash_inside(self, device: Device, draw: int) -> None:
        """Cut the power in the middle of the next effects that write to the disk.

        How many of them are still done is `draw` modulo their number plus one.
        """
        if device.is_on:
            device.crash_draw = draw

    def power_on_at(self, device: Device, tick: int) -> None:
        """Switch `device` on at a later tick."""
        self.wheel.put(tick, mark_key(device.index, POWER_ORDINAL), Mark.POWER_ON)

    def cut(self, parts: Sequence[int]) -> None:
        """Let nothing pass between devices of different parts, by device index."""
        for device in self.devices:
            for source, link in device.inbound.items():
                if parts[source] != parts[device.index] and not link.is_cut:
                    link.set_cut(is_cut=True)
                    self.fired["cut-link"] += 1

    def mend(self) -> None:
        """End every partition; links dial each other anew, and sessions go on meanwhile."""
        for device in self.devices:
            cut = [source for source, link in device.inbound.items() if link.is_cut]
            for source in cut:
                device.inbound[source].set_cut(is_cut=False)
            self.connect_soon(device, [source for source in cut if source < device.index])

    def range_changed(self, low: int, high: int, *, is_far: bool) -> None:
        """Two people walked apart, or met."""
        for source, destination in ((low, high), (high, low)):
            self.devices[destination].inbound[source].set_far(is_far=is_far)
        if not is_far and self.devices[low].is_on:
            self.connect_soon(self.devices[low], [high])

    def connect_at(self, device: Device, other: Device, tick: int) -> None:
        """Let a handshake between two devices end at `tick`, if both are on then."""
        for near, far in ((device, other), (other, device)):
            key = mark_key(near.index, LINK_ORDINAL + far.index)
            self.wheel.put(tick, key, Mark.LINK_UP)

    def connect_soon(self, device: Device, others: Iterable[int]) -> None:
        """Let handshakes with those of `others` that are on end after some 10 to 130 ms."""
        draw = salt(self.seed, "handshake", device.index, self.wheel.tick)
        for index in others:
            other = self.devices[index]
            if other.is_on and device.inbound[index].is_reachable:
                delay = HANDSHAKE_MS_MIN + mix(draw + index) % HANDSHAKE_MS_SPAN
                self.connect_at(device, other, self.wheel.tick + delay)

    def _run_bucket(self, bucket: Bucket) -> None:
        """Run the events of one tick: each device's in order, then what became due for it."""
        devices, tick, wake = self.devices, self.wheel.tick, Mark.WAKE
        current: Device | None = None
        now_ns = 0
        for key in sorted(bucket):
            device = devices[key >> DESTINATION_SHIFT]
            if device is not current:
                if current is not None:
                    self._settle(current, now_ns)
                current = device
                now_ns = device.oscillator.at(tick)
            event = bucket[key]
            source = key >> SEQUENCE_BITS & SOURCE_MASK
            if source == NOBODY:
                if event is not wake:
                    self._mark(device, event, (key & SEQUENCE_MASK) - LINK_ORDINAL)
                    now_ns = device.oscillator.at(tick)
                continue
            floors = device.floors
            if floors is None or key & SEQUENCE_MASK >= floors.get(source, NEVER_NS):
                # What comes from a device is a message: only observed nodes are sent bytes.
                self._deliver(device, source, event, now_ns)  # type: ignore[arg-type]
        if current is not None:
            self._settle(current, now_ns)

    def _deliver(self, device: Device, source: int, message: Message, now_ns: int) -> None:
        peer = device.peer
        if peer is None:
            return
        self.deliveries += 1
        self.trace.received(device.index, source, message)
        if isinstance(message, Clock) and message.echo_us and message.circle_us is not None:
            device.heard_tick[source] = self.wheel.tick
        effects = peer.handle(message, self._identities[source], now_ns)
        if effects:
            self._execute(device, effects)

    def _settle(self, device: Device, now_ns: int) -> None:
        """Wake a device that is due, after all that reached it, and arm its next wake.

        A timer that became later stays on the wheel and is moved when it fires: most deadlines
        move on with every message, and few ever fire.
        """
        peer = device.peer
        if peer is None:
            return
        if device.armed_ns <= now_ns:
            device.armed_ns = NEVER_NS
        deadline_ns = peer.next_wake_ns()
        if deadline_ns <= now_ns:
            self.wakes += 1
            self._execute(device, peer.wake(now_ns))
            if not device.is_on:
                return
            deadline_ns = peer.next_wake_ns()
            assert deadline_ns > now_ns, "a timer that is due again at once starves the rest"
        if deadline_ns < device.armed_ns:
            device.armed_ns = deadline_ns
            due_tick = device.oscillator.tick_at(deadline_ns)
            self.wheel.put(due_tick, mark_key(device.index), Mark.WAKE)

    def _mark(self, device: Device, event: WheelEvent, source: int) -> None:
        if event is Mark.POWER_ON:
            self._power_on(device)
        elif event is Mark.LINK_UP:
            self._link_up(device, self.devices[source])
        elif isinstance(event, Order):
            self._obey(device, event.command)

    def _obey(self, device: Device, command: Command) -> None:
        if device.peer is not None:
            now_ns = device.oscillator.at(self.wheel.tick)
            self._execute(device, device.peer.command(command, now_ns))

    def _power_on(self, device: Device) -> None:
        if device.is_on:
            return
        tick = self.wheel.tick
        device.oscillator = crystal(self.seed, device.index, device.boots, tick)
        device.boots += 1
        device.is_on = True
        self.trace.powered(device.index, is_on=True)
        journal = [read_record(record) for record in device.disk.records]
        self.checks.powered_on(device, journal, tick)
        now_ns = device.oscillator.at(tick)
        device.peer = self._make_peer(device, journal, now_ns)
        self._execute(device, device.peer.wake(now_ns))
        if self.is_dialling:
            self.connect_soon(device, device.inbound)

    def _link_up(self, device: Device, other: Device) -> None:
        if device.peer is None or not other.is_on:
            return
        if not device.inbound[other.index].is_reachable:
            return
        open_session(device, other)
        self.trace.linked(device.index, other.index, is_up=True)
        now_ns = device.oscillator.at(self.wheel.tick)
        self._execute(device, device.peer.connected(other.identity, now_ns))

    def _execute(self, device: Device, effects: list[Effect]) -> None:
        """Do what a peer asked for, in order; durable first where it says so."""
        if device.crash_draw != UNHARMED and _writes(effects):
            self._crash(device, effects[: device.crash_draw % (len(effects) + 1)])
            return
        unsynced = self._perform(device, effects)
        if unsynced:
            self._sync(device, unsynced)

    def _crash(self, device: Device, effects: list[Effect]) -> None:
        """Do the first of the effects, then lose power; what was last written may be torn."""
        self._perform(device, effects)
        self.fired["crash-inside-effects"] += 1
        self.power_off(device)

    def _perform(self, device: Device, effects: list[Effect]) -> list[bytes]:
        """Do the effects; returns the last records if they are written but not yet durable."""
        tick, links, transmit = self.wheel.tick, device.links, self.radio.transmit
        unsynced: list[bytes] = []
        checked = None
        for effect in effects:
            if isinstance(effect, Send):
                if unsynced:
                    unsynced = self._sync(device, unsynced)
                message = effect.message
                if message is not checked:
                    checked = message
                    self.checks.sending(device, message, tick)
                link = links.get(effect.to)
                if link is not None:
                    transmit(link, message)
            elif isinstance(effect, Persist):
                device.disk.write(effect.record)
                unsynced.append(effect.record)
                self.trace.persisted(device.index, effect.record)
            elif isinstance(effect, Show):
                if unsynced:
                    unsynced = self._sync(device, unsynced)
                device.scene = effect.scene
                self.trace.shown(device.index, effect.scene)
                self.checks.shown(device, effect.scene, tick)
            else:
                self.notices[effect.event] += 1
        return unsynced

    def _sync(self, device: Device, written: list[bytes]) -> list[bytes]:
        """Make what was written durable: from now on it counts, whatever happens."""
        device.disk.sync()
        for record in written:
            self.checks.persisted(device, record, self.wheel.tick)
        return []


def _writes(effects: list[Effect]) -> bool:
    return any(isinstance(effect, Persist) for effect in effects)
