"""What a device does in its turn of a tick: it hears, it wakes, and its effects are done at once.

Everything a device does at a tick has left it by the end of that tick and reaches nobody before
the next, so the order of devices inside a tick changes nothing.
"""

from collections import Counter

from smilesim.checks import Checks
from smilesim.coverage import WATCHED
from smilesim.device import UNHARMED, Device, LivePeer
from smilesim.disk import DiskFull
from smilesim.echoes import calm, catch_up, is_copy
from smilesim.engine import NEVER_NS, Host, Mark, Order, Wheel
from smilesim.oscillator import Oscillator
from smilesim.radio import AirLink, Radio, Volley
from smilesim.trace import Trace
from smilesim.wearers import Wearer
from smilesim.wire import Sealed, Wire
from smilesync.effects import (
    AdoptVoterKey,
    Effect,
    EraseVoterKey,
    Event,
    Notice,
    Persist,
    Scene,
    Send,
    Show,
)
from smilesync.ids import PeerId
from smilesync.keys import Signer
from smilesync.peer import Peer
from smilesync.wire.messages import Carried, Clock, Message

WAKE_ORDINAL = 0

Transmission = tuple[AirLink, Message]


class Execution(Host[AirLink, Message | Sealed | Volley, Device, Mark | Order]):
    """Hands devices what reaches them, and does what they ask for. `World` says what reaches them.

    With a `wire` what is in the air is bytes, encoded and decoded on the way.
    """

    def __init__(
        self, radio: Radio, trace: Trace, checks: Checks, wire: Wire | None = None
    ) -> None:
        self.radio = radio
        self.wheel: Wheel = radio.wheel
        self.trace = trace
        self.checks = checks
        self.wire = wire
        self.deliveries = 0
        self.wakes = 0
        self.notices: Counter[Event] = Counter()
        self.fired: Counter[str] = Counter()
        self.touched: dict[int, Wearer] = {}
        """Of the devices in several circles those of which something changed in this tick."""

    def stop(self, device: Device) -> None:
        """End this life of `device`: volatile state is gone."""
        raise NotImplementedError

    def show(self, device: Device, scene: Scene) -> None:
        """Let a lamp have a scene. Of several memberships one drives it, as the stage says."""
        device.scene, tick = scene, self.wheel.tick
        if device.wearer is None:
            self.checks.shown(device, scene, tick)
            return
        device.wearer.show(device, scene, tick)
        if not device.is_villain:
            self.checks.pace.shown(device, scene)
        # The stage hears a membership that turned as any other, and has to do right by it.
        self.checks.stages.said(device, scene, tick)
        self.touched[device.memberships[0].index] = device.wearer

    def present(self) -> None:
        """At the end of a tick, give lamps of devices in several circles what their stages say.

        While the processor of what drives stands still the lamp gets nothing.
        """
        tick = self.wheel.tick
        for wearer in self.touched.values():
            driving, stage = wearer.driving, wearer.stage
            if stage is None or driving is None:
                continue
            if not driving.is_paused and stage.scene != wearer.shown:
                wearer.shown, wearer.lit = stage.scene, driving
                self.checks.presented(wearer, stage.scene, driving, tick)
            elif driving.is_paused and wearer.lit is not None:
                self.checks.darkened(wearer.lit, tick)
                wearer.lit = wearer.shown = None
        self.touched.clear()

    def refresh(self, wearer: Wearer) -> None:
        """Look anew at what the wearer allows and has chosen: no scene may have told."""
        wearer.refresh(self.wheel.tick)
        self.checks.stages.decided(wearer, self.wheel.tick)
        self.touched[wearer.memberships[0].index] = wearer

    def hear(self, way: AirLink, payload: Message | Sealed | Volley, key: int) -> bool:
        """Give a device what reaches it; returns whether it is due in this tick."""
        device: Device = way.station
        peer, tick = device.peer, self.wheel.tick
        if peer is None or key < way.floor:
            return False
        volley = payload if isinstance(payload, Volley) else None
        is_calm = device.calm_until_tick > 0
        if is_calm:
            is_same = volley is not None and volley.memory is device.memory
            if volley is not None and is_same and tick < device.calm_until_tick:
                self._hear_copy(device, way, volley)
                return False
            catch_up(device)
        stalled_until_tick = device.stalled_until_tick
        if stalled_until_tick > tick:
            self.wheel.put(stalled_until_tick, (key, way, payload))
            return False
        message = self._opened(volley.payload if volley is not None else payload)
        if message is None:
            return False
        self._note(device, way, message)
        now_ns = device.oscillator.at(tick)
        if isinstance(message, Carried) and not _is_copy(peer, volley, way.sender, now_ns):
            device.memory, volley = None, None
        effects = _handle(peer, message, way.sender, now_ns)
        if effects:
            self.execute(device, effects)
            if device.peer is None:
                return False
        deadline_ns = _due_ns(peer)
        if deadline_ns < device.armed_ns:
            if deadline_ns <= now_ns:
                return True
            self._arm(device, deadline_ns)
        if device.slow_ms:
            device.is_busy = True
            return True
        if is_calm or volley is not None:
            calm(device)
            if volley is not None and isinstance(message, Carried):
                self._remember_copy(device, way, volley, message)
        return stalled_until_tick > 0

    def _note(self, device: Device, way: AirLink, message: Message) -> None:
        """Write down that a message reached a device, for the trace and the checks."""
        self.deliveries += 1
        self.trace.received(device.index, way.source, message)
        way.said_tick = self.wheel.tick
        if isinstance(message, Clock):
            if message.echo_us and message.circle_us is not None:
                way.heard_tick = way.said_tick
        elif not isinstance(message, Carried):
            self.checks.heard(device, way.source, message, self.wheel.tick)

    def _opened(self, payload: Message | Sealed | Volley) -> Message | None:
        """Return what a device reads in what reached it, None if it refuses the bytes."""
        if isinstance(payload, Sealed):
            assert self.wire is not None, "nobody else seals"
            return self.wire.open(payload)
        assert not isinstance(payload, Volley), "a volley holds one message"
        return payload

    def _remember_copy(
        self, device: Device, way: AirLink, volley: Volley, message: Carried
    ) -> None:
        """As long as a device remembers what it does now, more of a volley are only heard."""
        if device.calm_until_tick:
            volley.memory = device.memory
            volley.item = self.trace.carried_item(device.index, way.source, message)

    def _hear_copy(self, device: Device, way: AirLink, volley: Volley) -> None:
        """Note one more of a volley, and look at nothing of the device that is not at hand."""
        self.deliveries += 1
        self.trace.heard_again(volley.item)
        way.said_tick = self.wheel.tick
        if not way.is_owed:
            way.is_owed = True
            device.owed = (*device.owed, way)

    def wake(self, device: Device) -> None:
        """Wake a device if it is due, after all that reached it, and arm its next wake.

        A timer that became later stays on the wheel and is moved when it fires: most deadlines
        move on with every message, and few ever fire.
        """
        peer = device.peer
        if peer is None:
            return
        is_calm = device.calm_until_tick > 0
        if is_calm:
            catch_up(device)
        tick = self.wheel.tick
        now_ns = device.oscillator.at(tick)
        if device.armed_ns <= now_ns:
            device.armed_ns = NEVER_NS
        deadline_ns = _due_ns(peer)
        if deadline_ns <= now_ns:
            self.wakes += 1
            device.is_busy = device.slow_ms > 0
            self.execute(device, peer.wake(now_ns))
            if device.peer is None:
                return
            deadline_ns = _due_ns(peer)
            assert deadline_ns > now_ns, "a timer that is due again at once starves the rest"
        if deadline_ns < device.armed_ns:
            self._arm(device, deadline_ns)
        if device.stalled_until_tick or device.is_busy:
            self.rest(device)
        elif is_calm:
            calm(device)

    def rest(self, device: Device) -> None:
        """A turn is over: the pause before it is, too, and a slow processor begins another."""
        tick = self.wheel.tick
        if device.stalled_until_tick:
            device.stalled_until_tick = 0
            if device.wearer is None:
                self.checks.resumed(device, tick)
            else:
                self.touched[device.memberships[0].index] = device.wearer
        if device.is_busy:
            device.is_busy = False
            self.pause(device, tick + device.slow_ms)

    def freeze(self, device: Device, until_tick: int) -> None:
        """Let nothing run on the hardware of `device` before that tick."""
        for one in device.memberships:
            self.pause(one, until_tick)

    def pause(self, device: Device, until_tick: int) -> None:
        """Let nothing run on `device` before that tick; what reaches it waits.

        It draws no frames meanwhile, so no check says that it shows something.
        """
        if not device.is_on or until_tick <= max(self.wheel.tick, device.stalled_until_tick):
            return
        catch_up(device)
        is_paused, device.stalled_until_tick = device.is_paused, until_tick
        # Something must come when the pause is over: from then on it is judged again.
        self.wheel.put(until_tick, (device.key | WAKE_ORDINAL, device, Mark.WAKE))
        if device.wearer is not None:
            self.touched[device.memberships[0].index] = device.wearer
        elif not is_paused:
            self.checks.paused(device)

    def slow_down(self, device: Device, busy_ms: int) -> None:
        """Let every turn of `device` keep its processor busy so long from now on; 0: no more."""
        catch_up(device)
        device.slow_ms = busy_ms

    def retime(self, device: Device, oscillator: Oscillator) -> None:
        """Give `device` another crystal from now on, and look anew when it is due by that."""
        catch_up(device)
        device.oscillator = oscillator
        device.armed_ns = NEVER_NS
        if device.peer is not None:
            now_ns = device.oscillator.at(self.wheel.tick)
            self._arm(device, max(device.peer.next_wake_ns(), now_ns + 1))

    def execute(self, device: Device, effects: list[Effect]) -> None:
        """Do what a peer asked for, in order; durable first where it says so."""
        try:
            if device.crash_draw != UNHARMED and _writes(effects):
                self._crash(device, effects[: device.crash_draw % (len(effects) + 1)])
                return
            unsynced = self._perform(device, effects)
            if unsynced:
                self._sync(device, unsynced)
        except DiskFull:
            # As the daemon does: what cannot be remembered must not be acted on.
            self.fired["disk-stop"] += 1
            self.stop(device)

    def _arm(self, device: Device, deadline_ns: int) -> None:
        device.armed_ns = deadline_ns
        due_tick = device.oscillator.tick_at(deadline_ns)
        self.wheel.put(due_tick, (device.key | WAKE_ORDINAL, device, Mark.WAKE))

    def _crash(self, device: Device, effects: list[Effect]) -> None:
        """Do the first of the effects, then lose power; what was last written may be torn."""
        self._perform(device, effects)
        self.died_inside(device)
        self.stop(device)

    def _perform(self, device: Device, effects: list[Effect]) -> list[bytes]:
        """Do the effects; returns the last records if they are written but not yet durable."""
        links = device.links
        sends: list[Transmission] = []
        unsynced: list[bytes] = []
        checked = None
        for effect in effects:
            if isinstance(effect, Send):
                if unsynced:
                    unsynced = self._sync(device, unsynced)
                to, message = effect.to, effect.message
                if message is not checked:
                    checked = message
                    self.checks.sending(device, message, self.wheel.tick)
                link = links.get(to)
                if link is not None:
                    sends.append((link, message))
            elif isinstance(effect, Persist):
                if sends:
                    sends = self._send(device, sends)
                device.disk.write(effect.record)
                unsynced.append(effect.record)
                self.trace.persisted(device.index, effect.record)
            elif isinstance(effect, Notice):
                self._notice(device, effect)
            elif isinstance(effect, Show):
                if unsynced:
                    unsynced = self._sync(device, unsynced)
                self.trace.shown(device.index, effect.scene)
                self.show(device, effect.scene)
            elif isinstance(effect, (EraseVoterKey, AdoptVoterKey)):
                if unsynced:
                    unsynced = self._sync(device, unsynced)
                sends = self._send(device, sends) if sends else []
                self._change_key(device, effect)
        if sends:
            self._send(device, sends)
        return unsynced

    def _notice(self, device: Device, notice: Notice) -> None:
        self.notices[notice.event] += 1
        if notice.event in WATCHED:
            self.checks.noticed(device, notice, self.wheel.tick)

    def _change_key(self, device: Device, effect: EraseVoterKey | AdoptVoterKey) -> None:
        """Give a device another voter key, on its disk first, and let it go on with it."""
        if isinstance(effect, AdoptVoterKey):
            self.adopt_voter_key(device)
            return
        key = self.new_voter_key(device)
        if device.peer is not None:
            self.execute(device, device.peer.renewed(key, device.oscillator.at(self.wheel.tick)))

    def died_inside(self, device: Device) -> None:
        """Count a crash in the midst of effects."""
        raise NotImplementedError

    def new_voter_key(self, device: Device) -> Signer:
        """Make a device forget its voter key for good; returns the one that takes its place."""
        raise NotImplementedError

    def adopt_voter_key(self, device: Device) -> None:
        """Put the voter key that a device asked for in the place of its own, for good."""
        raise NotImplementedError

    def _send(self, device: Device, sends: list[Transmission]) -> list[Transmission]:
        """Put messages on the air, in order; returns that none are left."""
        radio = self.radio
        device.sent += len(sends)
        if self.wire is None and not radio.storm_copies:
            radio.carry_all(sends)
            return []
        transmit = radio.transmit if self.wire is None else self.wire.transmit
        for link, message in sends:
            transmit(link, message)
        return []

    def _sync(self, device: Device, written: list[bytes]) -> list[bytes]:
        """Make what was written durable: from now on it counts, whatever happens."""
        device.disk.sync()
        for record in written:
            self.checks.persisted(device, record, self.wheel.tick)
        return []


def _handle(peer: LivePeer, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
    """Give a peer a message.

    Both ways say the same: compiled, the first is a direct call, since its class is known there.
    """
    if isinstance(peer, Peer):
        return peer.handle(message, sender, now_ns)
    return peer.handle(message, sender, now_ns)


def _is_copy(peer: LivePeer, volley: Volley | None, sender: PeerId, now_ns: int) -> bool:
    """Is it one of a storm that only is heard, and that needs no decoding?"""
    if volley is None or not isinstance(peer, Peer):
        return False
    said = volley.payload
    return isinstance(said, Carried) and is_copy(peer, said, sender, now_ns)


def _due_ns(peer: LivePeer) -> int:
    """Return when a peer is due; two ways for the same reason."""
    if isinstance(peer, Peer):
        return peer.next_wake_ns()
    return peer.next_wake_ns()


def _writes(effects: list[Effect]) -> bool:
    return any(isinstance(effect, Persist) for effect in effects)
