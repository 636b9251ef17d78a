"""How fast circles decide: from proposal to decision, in messages, and after the last fault.

The first slot of a circle is left out of the good case: its members find their clocks at
different moments, and a voter that has none yet keeps the proposal.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from smilesim.device import NO_TICK, Device, SimCircle
from smilesim.fate import Weather
from smilesim.trace import Trace
from smilesync.effects import Scene
from smilesync.wire import cbor
from smilesync.wire.messages import (
    BelongingMessage,
    Carried,
    Clock,
    Decided,
    Feelings,
    Message,
    Piece,
    SpreadMessage,
    VoteSet,
)
from smilesync.wire.records import DecidedRecord, Notarized
from smilesync.wire.votesets import set_value

CERTIFICATE_HEAD_BYTES, SIGNATURE_BYTES = 44, 64
"""Of the form that the design reckons with; ours is measured."""

KEPT_SLOTS = 2
"""Others may still decide what somebody has decided."""

View = tuple[int, int]
"""Slot and view."""

Moments = tuple[tuple[int, int], ...]
"""Slots, and the tick in which each opened."""


@dataclass(frozen=True, slots=True)
class GoodCase:
    """What deciding takes when nothing goes wrong; None where the run cannot tell.

    `delays_most` and `delays_least`: message delays from proposal to decision, over all devices
    and slots. `messages`: of one slot, the most. `certificate_bytes`: as it is sent and kept.
    """

    delays_most: float | None
    delays_least: float | None
    messages: int | None
    certificate_bytes: int | None


UNCOUNTED = Clock | Carried | Decided | Piece | SpreadMessage | Feelings | BelongingMessage
"""What is of no slot, or repairs one that is over."""


class CountingTrace(Trace):
    """A trace that counts the messages of every slot; STATUS and repair of it among them."""

    def __init__(self) -> None:
        super().__init__()
        self.of_slot: Counter[int] = Counter()

    def received(self, peer: int, source: int, message: Message) -> None:
        """A message reached `peer`."""
        super().received(peer, source, message)
        if not isinstance(message, UNCOUNTED):
            self.of_slot[message.slot] += 1


class Pace:
    """Follows proposals and decisions of all circles. `healed_tick`: None if faults never end."""

    def __init__(
        self, circles: Sequence[SimCircle], healed_tick: int | None, *, devices: int
    ) -> None:
        self._circles = circles
        self._healed_tick = healed_tick
        self._proposed: defaultdict[int, dict[View, int]] = defaultdict(dict)
        self._opened: defaultdict[int, Moments] = defaultdict(tuple)
        self._highest: Counter[int] = Counter()
        self._highest_healed: Counter[int] | None = None
        self._has_decided = bytearray(devices)
        self._delays: tuple[int, int] | None = None
        """The shortest and the longest, from proposal to decision."""
        self._certificate: VoteSet | None = None
        self.waits_ticks = array("q")
        """Of each device: from healing, or the opening of the slot if later, to its decision."""

    def notarized(self, device: Device, record: Notarized, tick: int) -> None:
        """A NOTARIZE vote became durable; the first of a view is the leader's proposal."""
        assert device.circle is not None
        self._proposed[device.circle.index].setdefault((record.slot, record.view), tick)
        # Clocks that jumped ahead after a restart make a slot open earlier than a light told.
        if self.opened_tick(device.circle, record.slot) > tick:
            self._open(device.circle, record.slot, tick)

    def shown(self, device: Device, scene: Scene) -> None:
        """A certified light says, by the clock it runs on, when the next slot opens."""
        circle = device.circle
        if circle is None or scene.timeline is None or not scene.is_selected:
            return
        parameters = circle.genesis.parameters
        opens_us = scene.until_us + parameters.guard_us - parameters.window_us
        opens_tick = device.oscillator.tick_at(scene.timeline.local_at(opens_us))
        known_tick = self.opened_tick(circle, scene.slot + 1)
        if known_tick == NO_TICK or opens_tick < known_tick:
            self._open(circle, scene.slot + 1, opens_tick)

    def opened_tick(self, circle: SimCircle, slot: int) -> int:
        """Return when the slot opened at whoever was first, NO_TICK if no light told."""
        for one, tick in self._opened.get(circle.index, ()):
            if one == slot:
                return tick
        return NO_TICK

    def _open(self, circle: SimCircle, slot: int, tick: int) -> None:
        others = [one for one in self._opened[circle.index] if one[0] != slot]
        self._opened[circle.index] = (*others, (slot, tick))

    def decided(self, device: Device, record: DecidedRecord, tick: int) -> None:
        """A decision of `device` became durable."""
        circle = device.circle
        assert circle is not None
        slot, view = record.slot, record.certificate.view
        began = self._proposed[circle.index].get((slot, view))
        if slot > 1 and began is not None:
            shortest, longest = self._delays or (tick - began, tick - began)
            self._delays = min(shortest, tick - began), max(longest, tick - began)
            self._certificate = record.certificate
        self._wait(device, circle, slot, tick)
        if slot > self._highest[circle.index]:
            self._highest[circle.index] = slot
            self._forget(circle.index, slot)

    def good_case(self, circle: SimCircle, weather: Weather, counts: Counter[int]) -> GoodCase:
        """Return the figures of a run in which every message takes the same time."""
        is_even = weather.delay_ms_span == 1 and not weather.loss_ppm + weather.reorder_ppm
        delays = self._delays if is_even and not weather.tail_ppm else None
        slots = range(2, self._highest[circle.index] + 1)
        certificate = self._certificate
        return GoodCase(
            delays_most=_in_delays(delays[1], weather) if delays else None,
            delays_least=_in_delays(delays[0], weather) if delays else None,
            messages=max((counts[slot] for slot in slots), default=None),
            certificate_bytes=len(cbor.encode(set_value(certificate))) if certificate else None,
        )

    def _wait(self, device: Device, circle: SimCircle, slot: int, tick: int) -> None:
        healed = self._healed_tick
        if healed is None or tick < healed or self._has_decided[device.index]:
            return
        if self._highest_healed is None:
            self._highest_healed = Counter(self._highest)
        if slot <= self._highest_healed[circle.index]:
            return
        self._has_decided[device.index] = True
        since = max(healed, self.opened_tick(circle, slot))
        self.waits_ticks.append(max(0, tick - since))

    def _forget(self, circle: int, slot: int) -> None:
        """Proposals of a circle are few; those of long ago are of no use."""
        opened = self._opened[circle]
        self._opened[circle] = tuple([one for one in opened if one[0] != slot - KEPT_SLOTS])
        proposed = self._proposed[circle]
        for view in [view for view in proposed if view[0] < slot - KEPT_SLOTS]:
            del proposed[view]


def _in_delays(ticks: int, weather: Weather) -> float:
    """Return a time in what one message takes; a whole number as such."""
    whole, rest = divmod(ticks, weather.delay_ms_min)
    return round(ticks / weather.delay_ms_min, 3) if rest else whole


def certificate_bytes_by_design(circle: SimCircle) -> int:
    """Return 44 + ceil(n/8) + 64 q."""
    size, quorum = circle.roster.size, circle.roster.quorum
    return CERTIFICATE_HEAD_BYTES + -(-size // 8) + SIGNATURE_BYTES * quorum


def messages_by_design(circle: SimCircle) -> int:
    """Return (n-1) + (n-1)^2 + n(n-1): one proposal, NOTARIZE of the others, FINALIZE of all."""
    size = circle.roster.size
    return (size - 1) * (1 + (size - 1) + size)
