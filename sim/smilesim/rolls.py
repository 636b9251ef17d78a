"""Invariants I9 and I15: who votes in which slot, and that every step there is lawful.

Written apart from the core: seats are followed from the genesis over every decided value in order.
A step changes at most a quarter of the seats, nobody is seated who did not wait for it, absence
leaves four, nobody is admitted again who was expelled, or with a key that left, nobody is
expelled who did not lie, a voter key that another took the place of never comes back, and a leader
shows for the seed what it promised and nothing else.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from smilesim.decision import hashed, read_decision
from smilesim.device import Device, Registry, SimCircle
from smilesim.violations import Violations
from smilesync.wire import cbor
from smilesync.wire.cbor import CborValue

KEY_ROSTER, KEY_LINK, KEY_EXPELLED, KEY_PETITIONS, KEY_DELTA, KEY_ROTATED = 10, 12, 13, 14, 15, 18
KEYS_OF_STEPS = KEY_EXPELLED, KEY_PETITIONS, KEY_DELTA, KEY_ROTATED
EPOCH_SLOTS, COMMIT_SLOTS = 32, 24
ROTATION_SLOTS = 300
ADMITTED = 1
ABSENCE_LEAVES = 4
KEPT_ROLLS = 64

Seat = tuple[bytes, bytes]
"""Voter key and identity."""


@dataclass(frozen=True, slots=True)
class Roll:
    """The voters from slot `since` on, in ascending order of key.

    `seated`: their devices; those that are known, in the same order.
    """

    since: int
    voters: tuple[bytes, ...]
    identities: tuple[bytes, ...]
    hash: bytes
    quorum: int
    seated: tuple[Device, ...]

    @property
    def seats(self) -> tuple[Seat, ...]:
        """Return both keys of every voter."""
        return tuple(zip(self.voters, self.identities, strict=True))

    def place(self, voter: bytes) -> int:
        """Return the index of a voter key, -1 if it has no seat."""
        return self.voters.index(voter) if voter in self.voters else -1


class SeatStep(NamedTuple):
    """What a decided value changed; `absent` and `added` are devices, the rest are numbers."""

    slot: int
    value_hash: bytes
    absent: tuple[int, ...]
    added: tuple[int, ...]
    removed: int
    admitted: int
    left: int


@dataclass(slots=True)
class Changes:
    """What the values of one circle made of people so far."""

    waiting: set[bytes] = field(default_factory=set)
    expelled: set[bytes] = field(default_factory=set)
    keys: dict[bytes, bytes] = field(default_factory=dict)
    """The voter key with which each identity was admitted last."""
    gone_keys: set[bytes] = field(default_factory=set)
    """Voter keys of those who left, or got another: what they said before is over."""
    rotated: dict[bytes, int] = field(default_factory=dict)
    """The slot in which each identity with a seat got another voter key last."""


@dataclass(slots=True)
class Book:
    """One circle: its rolls, oldest first. Most circles never change who votes."""

    rolls: tuple[Roll, ...]
    next_slot: int = 1
    changes: Changes | None = None
    links: tuple[tuple[bytes, bytes], ...] = ()
    """The last link of its chain of hashes that each voter key committed to or showed."""
    early: dict[int, bytes] | None = None
    steps: tuple[SeatStep, ...] = ()


class Rolls:
    """The rolls of all circles."""

    def __init__(
        self, circles: Sequence[SimCircle], devices: Sequence[Device], violations: Violations
    ) -> None:
        self.devices = Registry(devices)
        self._books: list[Book] = []
        self._circles = circles
        self.ever = bytearray(len(devices))
        """Of each device: has it, or had it once, a seat?"""
        self._violations = violations
        if circles:
            self._book(circles[-1])

    def at(self, circle: SimCircle, slot: int) -> Roll:
        """Return who votes in `slot`, as far as decided; the oldest known for long ago."""
        rolls = self._book(circle).rolls
        last = rolls[-1]
        if last.since <= slot:
            return last
        return next((roll for roll in reversed(rolls) if roll.since <= slot), rolls[0])

    def take_steps(self, circle: SimCircle) -> tuple[SeatStep, ...]:
        """Return the steps that were not asked for yet, in order."""
        book = self._book(circle)
        steps, book.steps = book.steps, ()
        return steps

    def waiting(self, circle: SimCircle) -> tuple[set[bytes], int]:
        """Return who waits for a seat, as far as all slots up to the one returned say."""
        book = self._book(circle)
        waiting = book.changes.waiting if book.changes is not None else set[bytes]()
        return waiting, book.next_slot - 1

    def decided(self, device: Device, slot: int, body: bytes, tick: int) -> None:
        """A value of `slot` was decided; the step it takes is judged once, in the order of slots.

        After a step `voters` and `quorum` of the circle are those of the next slot.
        """
        circle = device.circle
        assert circle is not None
        book = self._book(circle)
        if slot < book.next_slot:
            return
        if slot > book.next_slot:
            book.early = {**(book.early or {}), slot: body}
            return
        next_body: bytes | None = body
        while next_body is not None:
            decision = read_decision(next_body)
            if decision is None or decision.has_link or decision.has_changes:
                self._follow(device, circle, book, next_body, tick)
            book.next_slot += 1
            next_body = book.early.pop(book.next_slot, None) if book.early else None

    def _follow(
        self, device: Device, circle: SimCircle, book: Book, body: bytes, tick: int
    ) -> None:
        """Judge what the value of the next slot does for the seed, and who votes after it."""
        value = cbor.decode(body)
        assert isinstance(value, dict)
        if KEY_LINK in value and not _is_promised(book, value[KEY_LINK]):
            detail = f"slot {book.next_slot}: a link that was not promised"
            self._violations.add("I9", tick, device.index, detail)
        if any(key in value for key in KEYS_OF_STEPS):
            self._step(device, circle, book, value, tick)
            last = book.steps[-1]._replace(value_hash=hashed(body))
            book.steps = (*book.steps[:-1], last)

    def _book(self, circle: SimCircle) -> Book:
        """Return the book of a circle; a successor is new."""
        if circle.index < len(self._books):
            return self._books[circle.index]
        for new in self._circles[len(self._books) :]:
            roll = self._roll(new, 1, _founders(new))
            self._books.append(Book((roll,)))
            self._take_note(new.members)
            new.quorum = roll.quorum
            new.rosters.add(roll.hash)
        return self._books[circle.index]

    def _step(
        self,
        device: Device,
        circle: SimCircle,
        book: Book,
        value: dict[int, CborValue],
        tick: int,
    ) -> None:
        self._violations.judged["I9"] += 1
        self._violations.judged["I15"] += 1
        expelled = {_octets(item, 1) for item in _items(value.get(KEY_EXPELLED))}
        petitions = _items(value.get(KEY_PETITIONS))
        admitted = {_octets(item, 2) for item in petitions if _first(item) == ADMITTED}
        left = {_octets(item, 2) for item in petitions if _first(item) != ADMITTED}
        if book.changes is None:
            book.changes = Changes()
        changes, before = book.changes, book.rolls[-1].seats
        removed, added = _delta(value.get(KEY_DELTA), before)
        absent = {identity for _, identity in removed} - expelled - left
        rotations = _items(value.get(KEY_ROTATED))
        turned, faults = _rotated(changes, book.next_slot, before, rotations)
        after = sorted([turned.get(seat, seat) for seat in before if seat not in removed] + added)
        if len(removed) + len(added) + len(turned) > max(1, len(before) // 4):
            faults.append(f"{len(removed)} out and {len(added)} in, of {len(before)} seats")
        if _must_be_closed(circle, value):
            faults.append("a closed circle changes who belongs to it")
        if any(identity not in changes.waiting for _, identity in added):
            faults.append("a seat for somebody who did not wait")
        if absent and len(after) < ABSENCE_LEAVES:
            faults.append(f"absence leaves {len(after)} voters")
        if admitted & (changes.expelled | expelled):
            faults.append("somebody who was expelled is admitted")
        faults += _returned(changes, before, petitions)
        roll = self._roll(circle, book.next_slot + 1, after)
        if value.get(KEY_ROSTER) != roll.hash:
            faults.append("the value names another roster than it makes")
        for fault in faults:
            self._violations.add("I9", tick, device.index, f"slot {book.next_slot}: {fault}")
        for identity in sorted(expelled):
            accused = self.devices.find(identity, circle)
            # A device whose flash lost what it had confirmed may have signed twice unknowingly.
            if accused is None or not (accused.is_villain or accused.disk.has_lied):
                detail = f"slot {book.next_slot}: an honest voter is expelled"
                self._violations.add("I15", tick, device.index, detail)
        changes.expelled |= expelled
        changes.waiting = (changes.waiting | absent | admitted) - expelled - left
        changes.waiting -= {identity for _, identity in added}
        if removed or added or turned:
            self._seat(circle, book, roll)
        step = SeatStep(
            book.next_slot,
            b"",
            self._indices(circle, absent),
            self._indices(circle, {identity for _, identity in added}),
            removed=len(removed),
            admitted=len(admitted),
            left=len(left),
        )
        book.steps = (*book.steps, step)[-KEPT_ROLLS:]

    def _seat(self, circle: SimCircle, book: Book, roll: Roll) -> None:
        """From the next slot on these are the voters."""
        book.rolls = (*book.rolls, roll)[-KEPT_ROLLS:]
        circle.voters = tuple(device.index for device in roll.seated)
        circle.quorum = roll.quorum
        circle.rosters.add(roll.hash)
        self._take_note(circle.voters)

    def _take_note(self, seated: Sequence[int]) -> None:
        for index in seated:
            self.ever[index] = True

    def _roll(self, circle: SimCircle, since: int, seats: Sequence[Seat]) -> Roll:
        is_strict = circle.genesis.parameters.is_strict
        size = len(seats)
        quorum = (size + (size - 1) // 3) // 2 + 1
        if is_strict and size <= 3:
            quorum = size
        body = bytes([is_strict]) + b"".join(voter + identity for voter, identity in seats)
        name = hashlib.sha256(b"smilesync/1/roster\0" + body).digest()
        voters = tuple(voter for voter, _ in seats)
        identities = tuple(identity for _, identity in seats)
        found = [self.devices.find(identity, circle) for identity in identities]
        seated = tuple(one for one in found if one is not None)
        return Roll(since, voters, identities, name, quorum, seated)

    def _indices(self, circle: SimCircle, identities: set[bytes]) -> tuple[int, ...]:
        known = (self.devices.find(one, circle) for one in identities)
        return tuple(sorted(one.index for one in known if one is not None))


def _must_be_closed(circle: SimCircle, value: dict[int, CborValue]) -> bool:
    """Does a value of a circle without policy do more than change voter keys?"""
    keys = value.keys() & set(KEYS_OF_STEPS)
    return not circle.genesis.parameters.policy and keys != {KEY_ROTATED}


def _rotated(
    changes: Changes, slot: int, seats: Sequence[Seat], rotations: list[CborValue]
) -> tuple[dict[Seat, Seat], list[str]]:
    """Return what becomes of the seats that get another voter key, and what is wrong with that."""
    turned: dict[Seat, Seat] = {}
    faults = []
    for one in rotations:
        place, voter = _items(one)[1], _octets(one, 2)
        assert isinstance(place, int)
        if voter in changes.gone_keys or any(voter == key for key, _ in seats):
            faults.append("a voter key that was used before")
        if place >= len(seats):
            continue  # of who waits: no roll has it
        former, identity = seats[place]
        last_slot = changes.rotated.get(identity, -ROTATION_SLOTS)
        if slot - last_slot < ROTATION_SLOTS:
            faults.append("somebody gets another voter key again, too soon")
        changes.rotated[identity] = slot
        changes.gone_keys.add(former)
        turned[former, identity] = voter, identity
    return turned, faults


def _returned(changes: Changes, seats: Sequence[Seat], petitions: list[CborValue]) -> list[str]:
    """Return what is wrong if a voter key is admitted whose owner left: that has a new one."""
    keys = changes.keys | {identity: voter for voter, identity in seats}
    admitted = {_octets(one, 2): _octets(one, 3) for one in petitions if _first(one) == ADMITTED}
    left = [_octets(one, 2) for one in petitions if _first(one) != ADMITTED]
    changes.keys.update(admitted)
    found = [voter for voter in admitted.values() if voter in changes.gone_keys]
    changes.gone_keys |= {keys[identity] for identity in left if identity in keys}
    for identity in left:
        changes.rotated.pop(identity, None)
    return ["somebody who left is admitted by what it said before"] if found else []


def _is_promised(book: Book, item: CborValue) -> bool:
    """Is a link a commitment, or the one before the last of its voter's chain?"""
    place, link = _items(item)
    voters = book.rolls[-1].voters
    if not isinstance(place, int) or not isinstance(link, bytes) or place >= len(voters):
        return False
    links = dict(book.links)
    before = links.get(voters[place])
    links[voters[place]] = link
    book.links = tuple(links.items())
    is_committing = book.next_slot % EPOCH_SLOTS < COMMIT_SLOTS
    return is_committing or hashlib.sha256(link).digest() == before


def quorum_of(circle: SimCircle) -> int:
    """Return q of the newest slot as `rolls.py` counts it, not what the core makes of it."""
    return circle.quorum


def _founders(circle: SimCircle) -> list[Seat]:
    return [(card.voter, card.identity) for card in circle.genesis.founders]


def _delta(item: CborValue, seats: Sequence[Seat]) -> tuple[list[Seat], list[Seat]]:
    """Return who loses a seat and who gets one."""
    if not isinstance(item, list):
        return [], []
    bitmap, listed = item
    assert isinstance(bitmap, bytes)
    bits = int.from_bytes(bitmap, "little")
    added = [(_octets(one, 0), _octets(one, 1)) for one in _items(listed)]
    return [seat for i, seat in enumerate(seats) if bits >> i & 1], added


def _items(value: CborValue) -> list[CborValue]:
    return value if isinstance(value, list) else []


def _first(item: CborValue) -> CborValue:
    assert isinstance(item, list)
    return item[0]


def _octets(item: CborValue, place: int) -> bytes:
    assert isinstance(item, list)
    value = item[place]
    assert isinstance(value, bytes)
    return value
