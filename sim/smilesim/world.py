"""The city: devices on one wheel, and what can happen to them: power, handshakes, partitions.

Entered at `Peer.handle`, above the link, in the fidelities `fast` and `wire`. In `daemon` a device
runs in tasks of its own, and a `DeviceHost` starts, stops and feeds them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any, Protocol

from smilesim.checks import Checks
from smilesim.device import UNHARMED, Device, PeerMaker, open_session, place
from smilesim.dice import digest, mix, salt, stream
from smilesim.disk import DiskFull
from smilesim.echoes import catch_up
from smilesim.engine import NEVER_NS, SEQUENCE_MASK, Mark, Order, step
from smilesim.execution import WAKE_ORDINAL, Execution
from smilesim.interrupts import check
from smilesim.oscillator import crystal
from smilesim.radio import CLOSED, NO_LIFE, AirLink, Radio
from smilesim.stored import restore
from smilesim.trace import Trace
from smilesim.verify import RememberingSigner
from smilesim.wearers import OF_A_CIRCLE, Wearer
from smilesim.wire import Wire
from smilesync.commands import Command, Join, Leave, Merge, RotateKey, SetConsent, WishFor
from smilesync.errors import LocalError
from smilesync.keys import Signer
from smilesync.wire.messages import Message
from smilesync.wire.records import Record

POWER_ORDINAL = WAKE_ORDINAL + 1
LINK_ORDINAL = POWER_ORDINAL + 1
ORDER_ORDINAL = 1 << 24
WAKE = Mark.WAKE
MAY_BE_LATE = WishFor | Join | RotateKey | Merge
HANDSHAKE_MS_MIN = 8
HANDSHAKE_MS_SPAN = 120


class DeviceHost(Protocol):
    """Runs the code of devices elsewhere than in the world's own turn."""

    def start(self, device: Device, journal: Sequence[Record], now_ns: int) -> None: ...
    def stop(self, device: Device) -> None: ...
    def connected(self, device: Device, other: Device) -> None: ...
    def obey(self, device: Device, command: Command) -> None: ...
    def inject(self, link: AirLink, message: Message) -> None: ...


class World(Execution):
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
        wire: Wire | None = None,
        host: DeviceHost | None = None,
    ) -> None:
        super().__init__(radio, trace, checks, wire)
        self.seed = seed
        self.devices = devices
        self.host = host
        self.is_dialling = True
        """Whether devices that are switched on look for the others by themselves."""
        self._make_peer = make_peer
        self._orders = 0
        self._is_ordered = True
        """Did devices act in their order in this tick? Who loses power takes others along."""
        self._chance = stream(seed, "power-loss")
        self.own: dict[str, Counter[str]] = defaultdict(Counter)
        """By kind of fault: what it did itself, of what is not its alone."""
        self._crashers: dict[int, str] = {}
        self._askers: dict[int, str] = {}
        place(devices)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Links are stored without the devices they lead to."""
        restore(self, state)
        place(self.devices)

    @property
    def tick(self) -> int:
        """Return the tick being executed, or executed last."""
        return self.wheel.tick

    def run_to(self, tick: int) -> None:
        """Execute every tick up to and including `tick`; the books of the last stay open.

        Tasks may still act at `tick`; whoever lets them closes it with `end_tick`. Ends early, with
        the books open, after the tick in which a promise was broken, if that ends the run.

        Errors: KeyboardInterrupt between two ticks, the books of the first closed.
        """
        wheel, radio, violations = self.wheel, self.radio, self.checks.violations
        check()
        while wheel.tick < tick:
            if radio.volleys:
                radio.release()
            is_busy = step(wheel, self)
            if violations.count and violations.is_stop:
                return
            if wheel.tick < tick:
                if self.touched:
                    self.present()
                self.trace.end_tick(wheel.tick, is_ordered=self._is_ordered)
                self._is_ordered = True
                self.checks.end_tick(wheel.tick)
                if is_busy:  # thousands of others take no time
                    check()

    def end_tick(self) -> None:
        """Close the books of the current tick."""
        self.present()
        self.trace.end_tick(self.wheel.tick)
        self.checks.end_tick(self.wheel.tick)

    def mark(self, device: Device, mark: Mark | Order, key: int) -> bool:
        """Let an event of its own happen to a device; returns whether it is then due."""
        tick = self.wheel.tick
        if device.stalled_until_tick > tick:
            self.wheel.put(device.stalled_until_tick, (key, device, mark))
            return False
        if mark is not WAKE:
            if mark is Mark.POWER_ON:
                self._power_on(device)
            elif mark is Mark.LINK_UP:
                self._link_up(device, self.devices[(key & SEQUENCE_MASK) - LINK_ORDINAL])
            elif isinstance(mark, Order):
                self._obey(device, mark.command)
            device.is_busy = device.slow_ms > 0 or device.is_busy
        return device.peer is not None

    def command(self, device: Device, command: Command) -> None:
        """Let the wearer of `device` do something now: it reaches the device in the next tick."""
        self.command_at(device, self.wheel.tick + 1, command)

    def command_at(self, device: Device, tick: int, command: Command) -> None:
        """Let the wearer do something at a later tick; nothing happens while it is off."""
        for one in (device,) if isinstance(command, OF_A_CIRCLE) else device.memberships:
            self._orders += 1
            self._put(one, tick, ORDER_ORDINAL + self._orders, Order(command))

    def choose(self, wearer: Wearer, device: Device | None) -> None:
        """Let a wearer choose which of several circles drives, None: whichever stands highest."""
        wearer.choose(device)
        self.checks.stages.chosen(wearer, device)
        self.refresh(wearer)

    def power_off(self, device: Device) -> None:
        """Cut the power now: volatile state is gone, the disk keeps what it had synced."""
        if device.is_on:
            self.fired["power-loss"] += 1
            self.stop(device)

    def stop(self, device: Device) -> None:
        """End this life of `device`: volatile state is gone, unsynced records may be."""
        for one in device.memberships:
            self._stop(one)
        if device.wearer is not None:
            self._is_ordered = False
            device.wearer.end()
            self.checks.stages.stopped(device.wearer)

    def _stop(self, device: Device) -> None:
        self.fired["lost-record"] += device.disk.lose_power(self._chance)
        device.is_on = False
        device.stalled_until_tick = 0
        device.is_busy = False
        device.peer = device.memory = None
        catch_up(device)
        device.scene = None
        device.crash_draw = UNHARMED
        device.armed_ns = NEVER_NS
        for link in device.inbound.values():
            link.set_up(is_up=False)
            link.floor = CLOSED
            link.life = NO_LIFE
        for link in device.links.values():
            link.set_up(is_up=False)
        self.trace.powered(device.index, is_on=False)
        self.checks.powered_off(device, self.wheel.tick)
        if self.host is not None:
            self.host.stop(device)

    def crash_inside(self, device: Device, draw: int, kind: str = "") -> None:
        """Cut the power in the middle of the next effects that write to the disk.

        How many of them are still done is `draw` modulo their number plus one. It is the doing of
        a fault of that kind.
        """
        if device.is_on:
            device.crash_draw = draw
            self._crashers[device.index] = kind

    def died_inside(self, device: Device) -> None:
        """Count a crash in the midst of effects."""
        for name in ("crash-inside-effects", "power-loss"):
            self.fired[name] += 1
            self.own[self._crashers.get(device.index, "")][name] += 1

    def inject(self, link: AirLink, message: Message) -> None:
        """Let the source of `link` send what no peer of its said, within its session."""
        if self.host is not None:
            self.host.inject(link, message)
        elif self.wire is not None:
            self.wire.transmit(link, message)
        else:
            self.radio.transmit(link, message)

    def new_voter_key(self, device: Device) -> Signer:
        """Make a device forget its voter key for good; returns the one that takes its place."""
        voter = self._made_key(device)
        device.keys = replace(device.keys, voter=voter, spare=None)
        device.is_amnesic = False
        self.checks.restarts.renewed(device)
        device.disk.begin_anew()
        self.fired["voter-key-renewed"] += 1
        return voter

    def ask_for_key(self, device: Device, kind: str = "") -> None:
        """Let the wearer ask for another voter key, which is on the disk first.

        It is the doing of a fault of that kind.
        """
        if not device.is_on:
            return
        self._askers[device.index] = kind
        if device.keys.spare is None:
            device.keys = replace(device.keys, spare=self._made_key(device))
        assert device.keys.spare is not None
        self.command(device, RotateKey(device.keys.spare))

    def adopt_voter_key(self, device: Device) -> None:
        """Put the voter key that a device asked for in the place of its own, for good."""
        assert device.keys.spare is not None, "decided because this device asked"
        device.keys = replace(device.keys, voter=device.keys.spare, spare=None)
        device.is_amnesic = False
        self.checks.restarts.rotated(device)
        device.disk.begin_anew()
        self.fired["voter-key-rotated"] += 1
        self.own[self._askers.get(device.index, "")]["voter-key-rotated"] += 1

    def _made_key(self, device: Device) -> RememberingSigner:
        device.renewals += 1
        seed = digest(self.seed, "voter", device.index, device.renewals)
        return device.keys.voter.another(seed)

    def begin_outage(self, device: Device) -> None:
        """Let nothing switch `device` on again, until this outage and all others have ended."""
        device.memberships[0].outages += 1

    def end_outage(self, device: Device) -> None:
        """End one outage; after the last one the device boots in the next tick."""
        first = device.memberships[0]
        first.outages -= 1
        assert first.outages >= 0, "an outage ended that never began"
        if not first.outages:
            self.power_on_at(device, self.wheel.tick + 1)

    def power_on_at(self, device: Device, tick: int) -> None:
        """Switch `device` on at a later tick, if no outage keeps it off then."""
        for one in device.memberships:
            self._put(one, tick, POWER_ORDINAL, Mark.POWER_ON)

    def range_changed(self, low: int, high: int, *, is_far: bool) -> None:
        """Two people walked apart, or met."""
        for source, destination in ((low, high), (high, low)):
            self.devices[destination].inbound[source].set_far(is_far=is_far)
        if not is_far and self.devices[low].is_on:
            self.connect_soon(self.devices[low], [high])

    def connect_at(self, device: Device, other: Device, tick: int) -> None:
        """Let a handshake between two devices end at `tick`, if both are on then."""
        for near, far in ((device, other), (other, device)):
            self._put(near, tick, LINK_ORDINAL + far.index, Mark.LINK_UP)

    def connect_soon(self, device: Device, others: Iterable[int]) -> None:
        """Let handshakes with those of `others` that are on end after some 10 to 130 ms."""
        draw = salt(self.seed, "handshake", device.index, self.wheel.tick)
        for index in others:
            other = self.devices[index]
            if other.is_on and _is_reachable(device, other):
                delay = HANDSHAKE_MS_MIN + mix(draw + index) % HANDSHAKE_MS_SPAN
                self.connect_at(device, other, self.wheel.tick + delay)

    def _put(self, device: Device, tick: int, ordinal: int, mark: Mark | Order) -> None:
        self.wheel.put(tick, (device.key | ordinal, device, mark))

    def _obey(self, device: Device, command: Command) -> None:
        wearer = device.wearer
        if wearer is None:
            self._tell(device, command)
        elif wearer.is_told(device, command):
            if isinstance(command, Leave):
                self.checks.stages.left(device)
                wearer.leave(device)
            self._tell(device, command)
            if isinstance(command, Join) and device.index in wearer.left:
                # What the wearer allows holds again there, before it counts for the light.
                self.checks.stages.joining(device)
                for switch in wearer.given(self.wheel.tick):
                    self._tell(device, SetConsent(switch, on=True))
                self.checks.stages.came_back(device)
                wearer.come_back(device)
            self.refresh(wearer)

    def _tell(self, device: Device, command: Command) -> None:
        catch_up(device)
        if device.is_on:
            self.checks.commanded(device, command, self.wheel.tick)
        if self.host is not None:
            self.host.obey(device, command)
        elif device.peer is not None:
            now_ns = device.oscillator.at(self.wheel.tick)
            # A wish may come too soon, a seat or key just now, and a circle may be given up; other
            # refusals are a fault of ours.
            with suppress(LocalError) if isinstance(command, MAY_BE_LATE) else nullcontext():
                self.execute(device, device.peer.command(command, now_ns))

    def _power_on(self, device: Device) -> None:
        first = device.memberships[0]
        if device.is_on or first.outages:
            return
        wearer, tick = device.wearer, self.wheel.tick
        if wearer is not None and not self._is_recollected(wearer, device):
            return
        device.oscillator = crystal(self.seed, first.index, device.boots, tick, device.drift_ppb)
        device.boots += 1
        device.is_on = True
        self.trace.powered(device.index, is_on=True)
        journal = device.disk.replay()
        self.checks.powered_on(device, journal, tick)
        now_ns = device.oscillator.at(tick)
        if self.host is not None:
            self.host.start(device, journal, now_ns)
        else:
            device.peer = self._make_peer(device, journal, now_ns)
            self.execute(device, device.peer.wake(now_ns))
        if self.is_dialling:
            self.connect_soon(device, device.inbound)
        if wearer is not None and all(one.is_on for one in wearer.memberships):
            wearer.begin(tick)
            self.refresh(wearer)

    def _is_recollected(self, wearer: Wearer, device: Device) -> bool:
        """Do the journals of all memberships agree, so that `device`, one of them, may start?

        The first one sees to it; the others start in the same tick, if those before them run.
        """
        before = wearer.memberships[: wearer.memberships.index(device)]
        if before:
            return all(one.is_on for one in before)
        try:
            journals = wearer.recollect()
        except DiskFull:
            self.fired["disk-stop"] += 1
            return False
        self.checks.stages.started(wearer, journals, self.wheel.tick)
        return True

    def _link_up(self, device: Device, other: Device) -> None:
        """A handshake ended at `device`: a new session, or the one it has with this life again."""
        if not device.is_on or not other.is_on or not _is_reachable(device, other):
            return
        link = device.inbound[other.index]
        known_life, link.life = link.life, other.boots
        open_session(device, other)
        self.checks.bounds.met(device, self.wheel.tick)
        self.checks.coverage.linked(is_repeated=known_life == other.boots)
        if self.host is not None:
            self.host.connected(device, other)
            return
        peer = device.peer
        if peer is None or known_life == other.boots:
            return
        now_ns = device.oscillator.at(self.wheel.tick)
        catch_up(device)
        if known_life != NO_LIFE:
            self.trace.linked(device.index, other.index, is_up=False)
            self.execute(device, peer.disconnected(other.identity, now_ns))
        if device.peer is not None:
            self.trace.linked(device.index, other.index, is_up=True)
            self.execute(device, peer.connected(other.identity, now_ns))


def _is_reachable(one: Device, other: Device) -> bool:
    """A handshake takes both directions."""
    near, far = one.inbound[other.index], other.inbound[one.index]
    return near.is_reachable and far.is_reachable
