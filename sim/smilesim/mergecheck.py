"""Invariant I16 for mergers: a circle that ended decides and signs nothing more.

And what may end a circle and move its people: an offer that the other circle decided, to this
circle and while this one was known by the head that the offer names; then the device has the end
in its own journal, gave up its voter key first, and goes to that circle and no other. Written apart
from the core, but for the encodings.
"""

import hashlib
from dataclasses import dataclass, field

from smilesim.decision import read_decision
from smilesim.device import Device
from smilesim.violations import Violations
from smilesync.wire import cbor
from smilesync.wire.records import (
    Abandoned,
    DecidedRecord,
    Finalized,
    Moved,
    Notarized,
    Nullified,
    Record,
)

RULE = "I16"
KEY_OFFER, KEY_END = 16, 17
GENESIS_DOMAIN = b"smilesync/1/genesis\0"
HEADS_MAX = 8


@dataclass(slots=True)
class Fate:
    """What a circle decided, by slot, and where its people go since it ended in `slot`."""

    heads: dict[int, bytes] = field(default_factory=dict)
    slot: int | None = None
    into: bytes = b""
    offer: bytes = b""


class MergeCheck:
    """Follows what the journals of honest devices say of the ends of circles."""

    def __init__(self, violations: Violations) -> None:
        self._violations = violations
        self._fates: dict[bytes, Fate] = {}
        self.offers: dict[tuple[bytes, bytes], list[cbor.CborValue]] = {}
        """What circles offered, by their ids and the hashes of the values."""
        self._knows: set[tuple[int, bytes]] = set()
        """Devices in whose journal the end of a circle stands."""
        self._given_up: set[tuple[int, bytes]] = set()

    def is_over(self, device: Device) -> bool:
        """Does the device's own journal say that its circle ended?"""
        circle = device.circle
        return circle is not None and (device.index, circle.genesis.circle_id) in self._knows

    def journalled(self, device: Device, record: Record, tick: int) -> None:
        """A record of `device` became durable."""
        if device.circle is None:
            return
        circle = bytes(device.circle.genesis.circle_id)
        fate = self._fates.setdefault(circle, Fate())
        match record:
            case DecidedRecord(slot):
                self._must_go_on(device, fate, slot, f"decided slot {slot}", tick)
                self._decided(device, fate, record, tick)
            case Notarized(slot) | Nullified(slot) | Finalized(slot):
                self._must_go_on(device, fate, slot, f"signed {type(record).__name__}", tick)
            case Abandoned(lost, _):
                self._given_up.add((device.index, bytes(lost)))
            case _:
                pass

    def moved(self, device: Device, record: Moved, tick: int) -> bool:
        """Judge a move out of a circle that ended; False if this is none."""
        circle = device.circle
        if circle is None or not self.is_over(device):
            return False
        self._violations.judged[RULE] += 1
        left = bytes(circle.genesis.circle_id)
        fate = self._fates[left]
        if hashlib.sha256(GENESIS_DOMAIN + record.genesis).digest() != fate.into:
            self._add(device, tick, "went to another circle than the one that its own ended for")
        if device.roster_index >= 0 and (device.index, left) not in self._given_up:
            self._add(device, tick, "went over before it had given up its voter key")
        return True

    def _decided(self, device: Device, fate: Fate, record: DecidedRecord, tick: int) -> None:
        assert device.circle is not None
        circle, slot = bytes(device.circle.genesis.circle_id), record.slot
        decision = read_decision(record.body)
        if decision is None:
            return  # votecheck reports what cannot be read
        name = fate.heads[slot] = decision.hash
        if not decision.has_changes:
            return
        value = cbor.decode(record.body)
        assert isinstance(value, dict)
        offer, end = value.get(KEY_OFFER), value.get(KEY_END)
        if isinstance(offer, list):
            self.offers[circle, name] = offer
        if not isinstance(end, list):
            return
        self._knows.add((device.index, circle))
        if fate.slot is None:
            fate.slot = slot
            fate.into, fate.offer = _octets(end[0]), _octets(end[1])
            self._must_be_offered(device, circle, fate, tick)

    def _must_be_offered(self, device: Device, circle: bytes, fate: Fate, tick: int) -> None:
        """The first to know of an end: is there such an offer, to this circle as it was?"""
        self._violations.judged[RULE] += 1
        assert fate.slot is not None
        offer = self.offers.get((fate.into, fate.offer))
        if offer is None:
            self._add(device, tick, "its circle ended for an offer that nobody decided")
            return
        if offer[0] != circle:
            self._add(device, tick, "its circle ended for an offer to another one")
        slot = offer[1]
        assert isinstance(slot, int)
        is_late = not fate.slot - HEADS_MAX <= slot < fate.slot
        if is_late or fate.heads.get(slot, offer[2]) != offer[2]:
            self._add(device, tick, "its circle ended for an offer from before its last slots")

    def _must_go_on(self, device: Device, fate: Fate, slot: int, did: str, tick: int) -> None:
        if fate.slot is None:
            return
        self._violations.judged[RULE] += 1
        if slot > fate.slot:
            self._add(device, tick, f"{did} after its circle had ended in slot {fate.slot}")

    def _add(self, device: Device, tick: int, detail: str) -> None:
        self._violations.add(RULE, tick, device.index, detail)


def _octets(item: cbor.CborValue) -> bytes:
    assert isinstance(item, bytes)
    return item
