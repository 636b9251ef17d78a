"""Invariant I16 for mergers: a circle that ended decides and signs nothing more.

And what may end a circle and move its people: an offer that the other circle decided, to this
circle and while this one was known by the head that the offer names; then the device has the end
in its own journal, gave up its voter key first, and goes to that circle and no other. Written apart
from the core, but for the encodings.
"""

import hashlib
from dataclasses import dataclass

from smilesim.decision import read_decision
from smilesim.device import Device, SimCircle
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck
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


@dataclass(frozen=True, slots=True)
class Fate:
    """Where the people of a circle go since it ended in `slot`."""

    slot: int
    into: bytes
    offer: bytes


class MergeCheck:
    """Follows what the journals of honest devices say of the ends of circles."""

    def __init__(self, violations: Violations, votes: VoteCheck) -> None:
        self._violations = violations
        self._votes = votes
        self._fates: dict[bytes, Fate] = {}
        """Of the circles that ended."""
        self.offers: dict[tuple[bytes, bytes], list[cbor.CborValue]] = {}
        """What circles offered, by their ids and the hashes of the values."""
        self._knows: set[tuple[int, bytes]] = set()
        """Devices in whose journal the end of a circle stands."""
        self._given_up: set[tuple[int, bytes]] = set()

    def is_over(self, device: Device) -> bool:
        """Does the device's own journal say that its circle ended?"""
        circle = device.circle
        return circle is not None and (device.index, circle.roster.circle) in self._knows

    def journalled(self, device: Device, record: Record, tick: int) -> None:
        """A record of `device` became durable, and the votes have read it."""
        circle = device.circle
        if circle is None:
            return
        if isinstance(record, (DecidedRecord, Notarized, Nullified, Finalized)):
            fate = self._fates.get(circle.roster.circle) if self._fates else None
            if fate is not None:
                self._must_go_on(device, fate, record, tick)
            if isinstance(record, DecidedRecord):
                self._decided(device, circle, record, tick)
        elif isinstance(record, Abandoned):
            self._given_up.add((device.index, bytes(record.circle)))

    def moved(self, device: Device, record: Moved, tick: int) -> bool:
        """Judge a move out of a circle that ended; False if this is none."""
        circle = device.circle
        if circle is None or not self.is_over(device):
            return False
        self._violations.judged[RULE] += 1
        left = bytes(circle.roster.circle)
        fate = self._fates[left]
        if hashlib.sha256(GENESIS_DOMAIN + record.genesis).digest() != fate.into:
            self._add(device, tick, "went to another circle than the one that its own ended for")
        if device.roster_index >= 0 and (device.index, left) not in self._given_up:
            self._add(device, tick, "went over before it had given up its voter key")
        return True

    def _decided(self, device: Device, circle: SimCircle, record: DecidedRecord, tick: int) -> None:
        decision = read_decision(record.body)
        if decision is None or not decision.has_changes:
            return  # votecheck reports what cannot be read
        value, left = cbor.decode(record.body), bytes(circle.roster.circle)
        assert isinstance(value, dict)
        offer, end = value.get(KEY_OFFER), value.get(KEY_END)
        if isinstance(offer, list):
            self.offers[left, decision.hash] = offer
        if not isinstance(end, list):
            return
        self._knows.add((device.index, left))
        if left not in self._fates:
            fate = self._fates[left] = Fate(record.slot, _octets(end[0]), _octets(end[1]))
            self._must_be_offered(device, circle, fate, tick)

    def _must_be_offered(self, device: Device, circle: SimCircle, fate: Fate, tick: int) -> None:
        """The first to know of an end: is there such an offer, to this circle as it was?"""
        self._violations.judged[RULE] += 1
        offer = self.offers.get((fate.into, fate.offer))
        if offer is None:
            self._add(device, tick, "its circle ended for an offer that nobody decided")
            return
        if offer[0] != circle.roster.circle:
            self._add(device, tick, "its circle ended for an offer to another one")
        slot = offer[1]
        assert isinstance(slot, int)
        is_late = not fate.slot - HEADS_MAX <= slot < fate.slot
        if is_late or (self._votes.decided_value(circle, slot) or offer[2]) != offer[2]:
            self._add(device, tick, "its circle ended for an offer from before its last slots")

    def _must_go_on(
        self,
        device: Device,
        fate: Fate,
        record: DecidedRecord | Notarized | Nullified | Finalized,
        tick: int,
    ) -> None:
        self._violations.judged[RULE] += 1
        if record.slot <= fate.slot:
            return
        is_decision = isinstance(record, DecidedRecord)
        did = f"decided slot {record.slot}" if is_decision else f"signed {type(record).__name__}"
        self._add(device, tick, f"{did} after its circle had ended in slot {fate.slot}")

    def _add(self, device: Device, tick: int, detail: str) -> None:
        self._violations.add(RULE, tick, device.index, detail)


def _octets(item: cbor.CborValue) -> bytes:
    assert isinstance(item, bytes)
    return item
