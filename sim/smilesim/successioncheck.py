"""Invariant I16: a voter that journaled ABANDON never signs for that circle again.

And what a successor may be at all: founded by those who saw no decision for a minute, who gave up
the old circle before they signed, and signed all of them, the very list that its genesis has, each
at most one such list in 30 s. Written apart from the core, but for the encodings.
"""

import hashlib
from array import array
from dataclasses import dataclass

from smilesim.device import Device, Registry, SimCircle
from smilesim.engine import TICKS_PER_SECOND
from smilesim.mergecheck import MergeCheck
from smilesim.violations import Violations
from smilesync.keys import Verifier
from smilesync.wire import cbor
from smilesync.wire.messages import Pledge
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
DOMAIN = b"smilesync/1/succession\0"
NO_EPOCH = bytes(8)
KEY_NONCE, KEY_CARDS, KEY_LINEAGE = 1, 2, 10
GENESIS_BYTES_MAX = 16_384
STRANDED_TICKS = 60 * TICKS_PER_SECOND
PLEDGE_TICKS = 30 * TICKS_PER_SECOND
CLOCK_TICKS = 100
"""A crystal that runs fast by 100 ppm counts a minute 6 ms too early; pauses shift a little."""


@dataclass(slots=True)
class History:
    """What one device did that few ever do: the circles it gave up, its last pledge."""

    given_up: tuple[bytes, ...] = ()
    pledged: bytes = b""
    pledged_tick: int = -PLEDGE_TICKS


class SuccessionCheck:
    """Follows what the journals of honest devices say of successors."""

    def __init__(
        self,
        verifier: Verifier,
        violations: Violations,
        merging: MergeCheck,
        *,
        registry: Registry,
        devices: int,
    ) -> None:
        self._verifier = verifier
        self._violations = violations
        self._merging = merging
        self._registry = registry
        self._of: dict[int, History] = {}
        self._decided_tick = array("q", bytes(8 * devices))
        """Of each device: its last decision or start."""

    def powered_on(self, device: Device, tick: int) -> None:
        """A life begins: as far as it knows, its circle decided a moment ago."""
        self._decided_tick[device.index] = tick

    def persisted(self, device: Device, record: Record, tick: int) -> None:
        """A record is durable."""
        circle = device.circle
        if circle is None:
            return
        if isinstance(record, DecidedRecord):
            self._decided_tick[device.index] = tick
        elif isinstance(record, (Notarized, Nullified, Finalized)):
            self._violations.judged[RULE] += 1
            if self._has_given_up(device, circle):
                detail = f"signed {type(record).__name__} after it had given up the circle"
                self._violations.add(RULE, tick, device.index, detail)
        elif isinstance(record, Abandoned):
            self._abandoned(device, bytes(record.circle), tick)
        elif isinstance(record, Moved):
            self._moved(device, record.genesis, tick)

    def sending(self, device: Device, pledge: Pledge, tick: int) -> None:
        """A signature for a call leaves."""
        history = self._history(device)
        self._violations.judged[RULE] += 1
        if not device.has_abandoned:
            detail = "signed for a successor before it had given up the circle"
            self._violations.add(RULE, tick, device.index, detail)
        if pledge.call == history.pledged:
            return
        if tick - history.pledged_tick < PLEDGE_TICKS - CLOCK_TICKS:
            detail = "signed for two successors within 30 s"
            self._violations.add(RULE, tick, device.index, detail)
        history.pledged, history.pledged_tick = pledge.call, tick

    def _has_kept(self, founder: bytes, circle: SimCircle) -> bool:
        """Has an honest founder not given up the old circle?"""
        known = self._registry.find(founder, circle)
        return not (known is None or known.is_villain or self._has_given_up(known, circle))

    def _has_given_up(self, device: Device, circle: SimCircle) -> bool:
        history = self._of.get(device.index)
        return history is not None and circle.roster.circle in history.given_up

    def _history(self, device: Device) -> History:
        return self._of.setdefault(device.index, History())

    def _abandoned(self, device: Device, lost: bytes, tick: int) -> None:
        self._violations.judged[RULE] += 1
        history = self._history(device)
        history.given_up = (*history.given_up, lost)
        device.has_abandoned = True
        waited = tick - self._decided_tick[device.index]
        if self._merging.is_over(device):
            return  # it goes over to the circle that its own ended for
        if waited < STRANDED_TICKS - CLOCK_TICKS:
            detail = f"gave up the circle {waited / TICKS_PER_SECOND:.1f} s after a decision"
            self._violations.add(RULE, tick, device.index, detail)

    def _moved(self, device: Device, data: bytes, tick: int) -> None:
        """May this genesis be that of a successor of the circle the device is in?"""
        self._violations.judged[RULE] += 1
        fields = cbor.decode(data, limit_bytes=GENESIS_BYTES_MAX)
        assert isinstance(fields, dict)
        nonce, listed, lineage = fields[KEY_NONCE], fields[KEY_CARDS], fields.get(KEY_LINEAGE)
        assert isinstance(listed, list)
        cards = [card for card in listed if isinstance(card, list)]
        for fault in self._faults(device, nonce, cards, lineage):
            self._violations.add(RULE, tick, device.index, fault)

    def _faults(
        self,
        device: Device,
        nonce: cbor.CborValue,
        cards: list[list[cbor.CborValue]],
        lineage: cbor.CborValue,
    ) -> list[str]:
        assert device.circle is not None
        if not isinstance(lineage, list) or lineage[0] != device.circle.roster.circle:
            return ["moved to a circle that does not succeed its own"]
        lost, identities = _octets(lineage[0]), sorted(_octets(card[0]) for card in cards)
        call: dict[int, cbor.CborValue] = {1: lost, 2: lineage[1], 3: nonce, 4: list(identities)}
        called = hashlib.sha256(DOMAIN + cbor.encode(call)).digest()
        faults = []
        for card in cards:
            identity, voter, *signatures = map(_octets, card)
            body: dict[int, cbor.CborValue] = {1: identity, 2: voter, 3: called}
            data = DOMAIN + lost + NO_EPOCH + cbor.encode(body)
            pairs = zip((identity, voter), signatures, strict=True)
            if not all(self._verifier.verify(key, data, signed) for key, signed in pairs):
                faults.append("moved to a circle that not all it lists have signed")
            if self._has_kept(identity, device.circle):
                faults.append("a founder had not given up the old circle")
        if len(cards) < 2:
            faults.append("moved to a circle of one")
        if not self._has_given_up(device, device.circle):
            faults.append("moved before it had given up the old circle")
        return faults


def _octets(item: cbor.CborValue) -> bytes:
    assert isinstance(item, bytes)
    return item
