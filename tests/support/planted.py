"""Peers with a planted bug each: what the city's properties must catch."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from smilesim.city import City, Plan
from smilesim.device import Device, LivePeer
from smilesync.circle.quorum import value_hash
from smilesync.commands import Command, SetConsent, SetOff
from smilesync.effects import Effect, Notice, Persist, Rung, Scene, Send, Show
from smilesync.ids import PeerId
from smilesync.light.lamp import Frame, Lamp
from smilesync.statistics import Statistics
from smilesync.wire import cbor, records
from smilesync.wire.messages import Decided, Message
from smilesync.wire.records import (
    ClockReserved,
    DecidedRecord,
    Finalized,
    Notarized,
    Nullified,
    Record,
    Shown,
)

ALONE_NS = 5_000_000_000
NOT_AFTER, START, ROSTER = 3, 5, 10
"""Keys of a decided value."""


class Planted:
    """A peer with a bug: `bend` changes what it asks the world to do."""

    def __init__(self, peer: LivePeer, device: Device) -> None:
        self._peer = peer
        self.device = device

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return effects

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.handle(message, sender, now_ns))

    def wake(self, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.wake(now_ns))

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.command(command, now_ns))

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.connected(peer, now_ns))

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.disconnected(peer, now_ns))

    def next_wake_ns(self) -> int:
        return self._peer.next_wake_ns()

    def statistics(self, now_ns: int) -> Statistics:
        return self._peer.statistics(now_ns)


Bug = Callable[[LivePeer, Device], LivePeer]


def infested(plan: Plan, bug: Bug, *, keep_going: bool = True) -> City:
    """Return a city in which every peer has the bug."""

    def make(device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer:
        return bug(city.make_peer(device, journal, now_ns), device)

    city = City(plan, make_peer=make, keep_going=keep_going)
    return city


def record_of(effect: Effect) -> Record | None:
    return records.decode(effect.record) if isinstance(effect, Persist) else None


class ForgetsVotes(Planted):
    """Never writes its NOTARIZE votes down."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [effect for effect in effects if not isinstance(record_of(effect), Notarized)]


class ForgetsTime(Planted):
    """Never reserves circle time."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [effect for effect in effects if not isinstance(record_of(effect), ClockReserved)]


class WritesLate(Planted):
    """Sends first and writes afterwards."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return sorted(effects, key=lambda effect: isinstance(effect, Persist))


class VotesTwice(Planted):
    """Nullifies every view it finalized."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        bent = list(effects)
        for effect in effects:
            record = record_of(effect)
            if isinstance(record, Finalized):
                bent.append(Persist(records.encode(Nullified(record.slot, record.view))))
        return bent


class Rewrites(Planted):
    """Journals another value than its circle decided: `key` of it is moved by `by_us`."""

    key, by_us = START, 1

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [self._rewritten(effect) for effect in effects]

    def _rewritten(self, effect: Effect) -> Effect:
        record = record_of(effect)
        if not isinstance(record, DecidedRecord):
            return effect
        value = cbor.decode(record.body)
        assert isinstance(value, dict)
        body = cbor.encode({**value, self.key: value[self.key] + self.by_us})
        return Persist(records.encode(replace(record, body=body)))


class DecidesAlone(Rewrites):
    """Every device decides something else."""

    def __init__(self, peer: LivePeer, device: Device) -> None:
        super().__init__(peer, device)
        self.by_us = 1 + device.index


class SmugglesRoster(Rewrites):
    """All agree on a value that names another roster."""

    def _rewritten(self, effect: Effect) -> Effect:
        record = record_of(effect)
        if not isinstance(record, DecidedRecord):
            return effect
        value = cbor.decode(record.body)
        assert isinstance(value, dict)
        body = cbor.encode({**value, ROSTER: bytes(32)})
        return Persist(records.encode(replace(record, body=body)))


class DecidesForAll(Planted):
    """Left alone for five seconds, it writes down what the others may have decided meanwhile."""

    _last: DecidedRecord | None = None
    _heard_ns = 0

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        self._heard_ns = now_ns
        return super().handle(message, sender, now_ns)

    def wake(self, now_ns: int) -> list[Effect]:
        effects = super().wake(now_ns)
        if self._last is None or now_ns - self._heard_ns < ALONE_NS:
            return effects
        value = cbor.decode(self._last.body)
        assert isinstance(value, dict)
        slot = self._last.slot + 1
        record = replace(self._last, slot=slot, body=cbor.encode({**value, 0: slot}))
        return self.bend([*effects, Persist(records.encode(record))])

    def bend(self, effects: list[Effect]) -> list[Effect]:
        for effect in effects:
            record = record_of(effect)
            if isinstance(record, DecidedRecord):
                self._last = record
        return effects


class NotarizesAnew(Planted):
    """Accepts another value in the next view, although the last one stands."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        bent = list(effects)
        for effect in effects:
            record = record_of(effect)
            if isinstance(record, Finalized):
                body = b"another"
                other = Notarized(record.slot, record.view + 1, value_hash(body), body)
                bent.append(Persist(records.encode(other)))
        return bent


class Chatters(Planted):
    """Says everything two hundred times."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [one for one in effects for _ in range(200 if isinstance(one, Send) else 1)]


class LeasesTooLong(Rewrites):
    """All agree on a lease that lasts a second longer than it may."""

    key, by_us = NOT_AFTER, 1_000_000


class ShowsForEver(Planted):
    """Never ends a certified pattern."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [
            effect for effect in effects if not isinstance(effect, Show) or effect.scene.is_selected
        ]


class ShowsAgain(Planted):
    """Goes back to the slot before whenever a new one is to be shown."""

    def __init__(self, peer: LivePeer, device: Device) -> None:
        super().__init__(peer, device)
        self._before: Scene | None = None

    def bend(self, effects: list[Effect]) -> list[Effect]:
        bent: list[Effect] = []
        for effect in effects:
            bent.append(effect)
            if isinstance(effect, Show) and effect.scene.is_selected:
                if self._before is not None and self._before.slot < effect.scene.slot:
                    bent.append(Show(self._before))
                self._before = effect.scene
        return bent


class IgnoresConsent(Planted):
    """Says on every record that the wearer had withdrawn, and shows all the same."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        withdrawn = Persist(records.encode(records.ConsentSet(0)))
        return [
            part
            for effect in effects
            for part in ((withdrawn, effect) if isinstance(effect, Show) else (effect,))
        ]


class ShowsOthers(Planted):
    """Shows a pattern that nobody decided, and that no lint would pass."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [
            Show(replace(effect.scene, pattern=b"\xa0"))
            if isinstance(effect, Show) and effect.scene.is_selected
            else effect
            for effect in effects
        ]


class TrustsNoClock(Planted):
    """Shows as if its clock were a quarter of a second ahead."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [self._shift(effect) for effect in effects]

    def _shift(self, effect: Effect) -> Effect:
        if isinstance(effect, Show) and effect.scene.timeline is not None:
            line = effect.scene.timeline
            return Show(
                replace(effect.scene, timeline=replace(line, circle_us=line.circle_us + 250_000))
            )
        return effect


class Explodes(Planted):
    """Has a bug of the plain kind."""

    def wake(self, now_ns: int) -> list[Effect]:
        effects = super().wake(now_ns)
        assert not any(isinstance(effect, Send) for effect in effects)
        return effects


class Hangs(Planted):
    """Never comes to an end once it has said something."""

    def wake(self, now_ns: int) -> list[Effect]:
        effects = super().wake(now_ns)
        while any(isinstance(effect, Send) for effect in effects):
            pass
        return effects


class OverslepsWakes(Planted):
    """Asks to be woken when it is too late."""

    def next_wake_ns(self) -> int:
        return super().next_wake_ns() + 300_000_000


class Strobe(Lamp):
    """A lamp without a governor: full white and black in turns, four times a second."""

    def frame(self, scene: Scene, now_ns: int) -> Frame:
        level = float(now_ns // 125_000_000 % 2)
        return replace(super().frame(scene, now_ns), light=((level, level, level),))


class NeverDecides(Planted):
    """Writes no decision down."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [effect for effect in effects if not isinstance(record_of(effect), DecidedRecord)]


class SticksToOneLeader(Planted):
    """Never takes part in a second view of a slot."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [effect for effect in effects if not self._is_later(record_of(effect))]

    def _is_later(self, record: Record | None) -> bool:
        return isinstance(record, Nullified) or (isinstance(record, Notarized) and record.view > 1)


class StaysDumb(Planted):
    """Does nothing at all after a restart."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return effects if self.device.boots == 1 else []


class StaysDark(Planted):
    """Goes without certified light after a restart, but for that it works."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [
            effect
            for effect in effects
            if self.device.boots == 1
            or not isinstance(effect, Show)
            or not effect.scene.is_selected
        ]


class KeepsDecisions(Planted):
    """Never tells anybody a decision that was missed."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [
            effect
            for effect in effects
            if not isinstance(effect, Send) or not isinstance(effect.message, Decided)
        ]


class HasNoNotices(Planted):
    """Has nothing to say of itself."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [effect for effect in effects if not isinstance(effect, Notice)]


class NeverWithdraws(Planted):
    """Ignores whoever takes back consent."""

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        if isinstance(command, SetConsent) and not command.on:
            return []
        return super().command(command, now_ns)


class IgnoresTheButton(Planted):
    """Stays lit whoever presses the off button."""

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        return [] if isinstance(command, SetOff) else super().command(command, now_ns)


class WithdrawsLate(Planted):
    """Puts on record at once that consent is withdrawn, and stays lit for 0.4 s."""

    _until_ns = 0
    _late: Show | None = None

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        self._until_ns = now_ns + 400_000_000
        return self._put_off(super().command(command, now_ns), now_ns)

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        return self._put_off(super().handle(message, sender, now_ns), now_ns)

    def wake(self, now_ns: int) -> list[Effect]:
        return self._put_off(super().wake(now_ns), now_ns)

    def _put_off(self, effects: list[Effect], now_ns: int) -> list[Effect]:
        if now_ns >= self._until_ns:
            late, self._late = self._late, None
            return effects if late is None else [late, *effects]
        for effect in effects:
            if isinstance(effect, Show):
                self._late = effect
        return [effect for effect in effects if not isinstance(effect, Show)]


class ForgetsShown(Planted):
    """Never writes down which slots it showed."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [effect for effect in effects if not isinstance(record_of(effect), Shown)]


def lacks(rung: Rung) -> Bug:
    """Return the bug of a device that never shows one rung of the ladder."""

    class Lacks(Planted):
        def bend(self, effects: list[Effect]) -> list[Effect]:
            return [
                effect
                for effect in effects
                if not isinstance(effect, Show) or effect.scene.rung is not rung
            ]

    return Lacks
