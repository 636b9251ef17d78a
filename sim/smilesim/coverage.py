"""What a run has been through, by name: the facts that *sometimes* properties ask for.

Every fact is read from what a bystander sees: records on the disk, scenes, notices, handshakes. A
sweep in which a fact never happened has tested nothing about it.
"""

from collections import Counter

from smilesim.decision import read_decision
from smilesim.device import Device
from smilesync.commands import Switch
from smilesync.effects import Event, Rung, Scene
from smilesync.wire.messages import Body, Decided
from smilesync.wire.records import ConsentSet, DecidedRecord, Notarized, Nullified, Record

WATCHED = frozenset(
    (
        *(Event.AMNESIC, Event.CLOCK_LOST, Event.CLOCK_SYNCED),
        *(Event.EQUIVOCATION_SEEN, Event.MESSAGE_DROPPED),
    )
)
"""The notices that tell a fact; the others are not worth a call."""

RUNG_FACTS = tuple(f"rung-{rung.name.lower()}" for rung in Rung)


COLLECTIVE = int(Switch.COLLECTIVE)


class Coverage:
    """Counts facts in `seen`, over all devices and all their lives."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._torn: dict[int, int] = {}
        self._clockless: set[int] = set()

    def powered_on(self, device: Device) -> None:
        """`device` starts; what its last power loss tore is still on its disk."""
        self._clockless.discard(device.index)
        if device.boots > 1:
            self.seen["restarted"] += 1
        if device.disk.torn > self._torn.get(device.index, 0):
            self._torn[device.index] = device.disk.torn
            self.seen["torn-record-met"] += 1

    def persisted(self, device: Device, record: Record) -> None:
        """`record` of `device` became durable."""
        if isinstance(record, DecidedRecord):
            self._decided(device, record.body)
        elif isinstance(record, Notarized):
            if record.view > 1:
                self.seen["leader-changed"] += 1
        elif isinstance(record, Nullified):
            self.seen["view-nullified"] += 1
        elif isinstance(record, ConsentSet) and not record.switches & COLLECTIVE:
            self.seen["consent-withdrawn"] += 1

    def _decided(self, device: Device, body: bytes) -> None:
        self.seen["slot-decided"] += 1
        if device.boots > 1:
            self.seen["decided-after-restart"] += 1
        decision, circle = read_decision(body), device.circle
        if decision is not None and circle is not None:
            lease_us = decision.not_after_us - decision.not_before_us
            self.seen["lease-renewed"] += lease_us > circle.genesis.parameters.lease_us

    def sent(self, message: Decided | Body) -> None:
        """Somebody gives another what that one missed."""
        is_decision = isinstance(message, Decided)
        self.seen["certificate-repaired" if is_decision else "body-repaired"] += 1

    def shown(self, scene: Scene) -> None:
        """A lamp's input changed."""
        self.seen[RUNG_FACTS[scene.rung]] += 1

    def noticed(self, device: Device, event: Event) -> None:
        """`device` reports one of the `WATCHED` events."""
        match event:
            case Event.AMNESIC:
                device.is_amnesic = True
                self.seen["became-amnesic"] += 1
            case Event.EQUIVOCATION_SEEN:
                self.seen["equivocation-seen"] += 1
            case Event.CLOCK_LOST:
                self._clockless.add(device.index)
            case Event.CLOCK_SYNCED if device.index in self._clockless:
                self._clockless.discard(device.index)
                self.seen["clock-found-again"] += 1
            case _:
                pass

    def linked(self, *, is_repeated: bool) -> None:
        """A handshake ended; the second one in the same lives of both repairs a link."""
        if is_repeated:
            self.seen["handshake-repeated"] += 1
