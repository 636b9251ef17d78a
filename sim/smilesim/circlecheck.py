"""Invariants I9, I10 and I14, and I3 where villains sign: what a circle may decide at all.

I9 the roster changes by lawful steps only; founders without a policy stay the voters for ever,
whatever their keys. I10 beside a value that was notarized and that cannot have been nullified no
honest voter notarizes another one: a carried value is the same, byte for byte. I14 nothing is
decided without q voters who could hear one another, directly or through others, since the slot
opened; villains count as heard everywhere. I3 here rests on the certificates in honest journals,
whoever signed them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from smilesim.decision import read_decision
from smilesim.device import NO_TICK, Device, SimCircle
from smilesim.equals import shared
from smilesim.pace import Pace
from smilesim.rolls import Rolls, quorum_of
from smilesim.violations import Violations
from smilesync.wire.messages import VoteSet
from smilesync.wire.records import DecidedRecord, Finalized, Notarized, Nullified, Record

KEPT_SLOTS = 3
CLOCK_TICKS = 100
"""Clocks differ by up to 2g, so somebody may open a slot so much before another."""


Certified = tuple[tuple[int, bytes], ...]
"""Views, and the value that each of them certified."""


@dataclass(slots=True)
class SlotBook:
    """One slot: by view the values notarized and finalized, and which devices nullified it."""

    slot: int
    notarized: Certified = ()
    finalized: Certified = ()
    nullifiers: dict[int, set[int]] | None = None
    voted_tick: int = NO_TICK
    """When the first honest vote of the slot was on a disk: by then it was open."""


@dataclass(slots=True)
class Book:
    """One circle: its last slots."""

    slots: tuple[SlotBook, ...] = ()
    highest: int = 0

    def slot(self, slot: int) -> SlotBook:
        """Return what is known of a slot."""
        for book in self.slots:
            if book.slot == slot:
                return book
        book = SlotBook(slot)
        self.slots = (*self.slots, book)
        return book


class CircleCheck:
    """Follows what honest journals say of every slot."""

    def __init__(
        self, violations: Violations, pace: Pace, rolls: Rolls, devices: Sequence[Device]
    ) -> None:
        self._books: list[Book] = []
        self._violations = violations
        self._pace = pace
        self._rolls = rolls
        self._devices = devices

    def journalled(self, device: Device, record: Record, tick: int) -> None:
        """A record of `device` became durable."""
        circle = device.circle
        if circle is None:
            return
        if isinstance(record, DecidedRecord):
            self._decided(device, circle, record, tick)
        elif isinstance(record, (Notarized, Nullified, Finalized)):
            self._voted(device, circle, record, tick)

    def _voted(
        self,
        device: Device,
        circle: SimCircle,
        record: Notarized | Nullified | Finalized,
        tick: int,
    ) -> None:
        book = self._book(circle).slot(record.slot)
        if book.voted_tick == NO_TICK:
            book.voted_tick = tick
        if isinstance(record, Notarized):
            self._notarized(device, circle, book, record, tick)
        elif isinstance(record, Finalized):
            value = bytes(record.value_hash)
            book.notarized = self._certified(device, book.notarized, record.view, value, tick)
        else:
            book.nullifiers = book.nullifiers or {}
            book.nullifiers.setdefault(record.view, set()).add(device.index)

    def _book(self, circle: SimCircle) -> Book:
        """Return the book of a circle; a successor is new."""
        books = self._books
        while len(books) <= circle.index:
            books.append(Book())
        return books[circle.index]

    def _certified(
        self, device: Device, known: Certified, view: int, value: bytes, tick: int
    ) -> Certified:
        """Return what is certified, with a value of one view more, which must be the only one."""
        self._violations.judged["I3"] += 1
        other = _value_of(known, view)
        if other is None:
            return (*known, (view, shared(value)))
        if other != value:
            detail = f"two values certified in view {view}"
            self._violations.add("I3", tick, device.index, detail)
        return known

    def _finalized(self, device: Device, book: SlotBook, certificate: VoteSet, tick: int) -> None:
        view, value = certificate.view, bytes(certificate.value_hash or b"")
        book.finalized = self._certified(device, book.finalized, view, value, tick)
        if (_value_of(book.notarized, view) or value) != value:
            detail = f"one value notarized and another finalized in view {view}"
            self._violations.add("I3", tick, device.index, detail)

    def _notarized(
        self, device: Device, circle: SimCircle, book: SlotBook, record: Notarized, tick: int
    ) -> None:
        """An honest voter accepts a value: no earlier view may bind the circle to another."""
        liars = circle.roster.faults
        self._violations.judged["I10"] += 1
        for view, value in book.notarized:
            if view >= record.view:
                continue
            against = len((book.nullifiers or {}).get(view, ()))
            if value != record.value_hash and against + liars < quorum_of(circle):
                detail = f"view {record.view} has another value than view {view}, which stands"
                self._violations.add("I10", tick, device.index, detail)

    def _decided(self, device: Device, circle: SimCircle, record: DecidedRecord, tick: int) -> None:
        decision, slot = read_decision(record.body), record.slot
        self._violations.judged["I9"] += 1
        if decision is not None and not self._is_lawful(circle, decision.roster_hash):
            detail = f"slot {slot} names a roster that does not follow"
            self._violations.add("I9", tick, device.index, detail)
        book = self._book(circle)
        if slot > book.highest:
            book.highest = slot
            self._must_have_met(device, circle, slot, tick)
            book.slots = tuple([one for one in book.slots if one.slot > slot - KEPT_SLOTS])
        self._finalized(device, book.slot(slot), record.certificate, tick)

    def _is_lawful(self, circle: SimCircle, roster_hash: bytes) -> bool:
        """Is this a roster that `rolls.py` knows? It judges each step from the one before.

        Where there is a policy it may know less, for who looks at slots that it has no step of yet.
        """
        return bool(circle.genesis.parameters.policy) or roster_hash in circle.rosters

    def _must_have_met(self, device: Device, circle: SimCircle, slot: int, tick: int) -> None:
        """Somebody is the first to decide a slot: were there q voters to hear?"""
        # By the clock of the light before; after a restart clocks may have jumped ahead.
        voted = self._book(circle).slot(slot).voted_tick
        opened = self._pace.opened_tick(circle, slot)
        opened = min((one for one in (opened, voted) if one != NO_TICK), default=tick)
        heard = self._heard_by(device, circle, opened - CLOCK_TICKS)
        roll = self._rolls.at(circle, slot)
        self._violations.judged["I14"] += 1
        voters = sum(one.index in heard or one.is_villain for one in roll.seated)
        if voters < roll.quorum:
            detail = f"slot {slot} decided, and {voters} voters could hear one another"
            self._violations.add("I14", tick, device.index, detail)

    def _heard_by(self, device: Device, circle: SimCircle, since_tick: int) -> set[int]:
        """Return who of the circle reached `device` since then, directly or through others.

        Followers pass on what voters say, so they count as ways and not as voters.
        """
        heard, waiting = {device.index}, [device]
        while waiting:
            inbound = waiting.pop().inbound
            for member in circle.everybody:
                way = inbound.get(member)
                if member in heard or way is None or way.said_tick < since_tick:
                    continue
                heard.add(member)
                waiting.append(self._devices[member])
        return heard


def _value_of(known: Certified, view: int) -> bytes | None:
    """Return what a view certified."""
    for one, value in known:
        if one == view:
            return value
    return None
