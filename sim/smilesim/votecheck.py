"""Invariants I1 to I6: what was signed, certified and decided in every circle.

I1 one decided value per slot. I2 every decision has q distinct signers and extends the one before.
I3 no two notarized values in one view, no nullified and finalized view. I4 nobody signs two values
in one view, or both NULLIFY and FINALIZE, across restarts. I5 nothing leaves before its record.
I6 leases do not overlap, and one that renews the one before is twice as long, up to 16 s.
Who votes in which slot is followed by `rolls.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from smilesim.decision import Decision, hashed, read_decision
from smilesim.device import Device, SimCircle
from smilesim.rolls import Rolls
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesync.wire.messages import Propose, VoteKind, VoteSet
from smilesync.wire.records import (
    ClockReserved,
    DecidedRecord,
    Finalized,
    Notarized,
    Nullified,
    Record,
)

DOMAINS = {
    VoteKind.NOTARIZE: b"smilesync/1/notarize\0",
    VoteKind.NULLIFY: b"smilesync/1/nullify\0",
    VoteKind.FINALIZE: b"smilesync/1/finalize\0",
}
KEPT_SLOTS = 64
KEPT_DECISIONS = 4
LONGEST_LEASE_US = 16_000_000

Said = tuple[VoteKind, int, int, bytes]
"""What a vote says: kind, slot, view, value hash (empty for NULLIFY)."""

View = tuple[int, int]
"""Slot and view."""

What = tuple[VoteKind, bytes]
"""Kind and value hash."""


@dataclass(slots=True)
class Voter:
    """What the disk of one device holds in this life: own votes that still bind it, decisions."""

    durable: tuple[Said, ...] = ()
    decided_slot: int = 0
    decisions: tuple[Decision, ...] = ()


@dataclass(slots=True)
class Book:
    """All votes of one circle that anybody ever signed: who said what, as bitmaps.

    `bits`: the bit of each device, in the order in which they voted first.
    """

    bits: dict[int, int] = field(default_factory=dict)
    said: dict[View, dict[What, int]] = field(default_factory=dict)
    decided: dict[int, Decision] = field(default_factory=dict)
    highest_slot: int = 0

    def bit(self, device: Device) -> int:
        """Return a bitmap with the bit of a device set: a small one, however large the city."""
        return self.bits.setdefault(device.index, 1 << len(self.bits))


class VoteCheck:
    """Follows every vote from the disk to the air."""

    def __init__(
        self,
        circles: Sequence[SimCircle],
        verifier: SignThrough,
        violations: Violations,
        devices: Sequence[Device] = (),
    ) -> None:
        self._books: defaultdict[int, Book] = defaultdict(Book)
        self.rolls = Rolls(circles, devices, violations)
        self._voters: defaultdict[int, Voter] = defaultdict(Voter)
        self._verifier = verifier
        self._violations = violations

    def holds(self, device: Device, said: Said) -> bool:
        """Is this vote on the disk of `device`, in this life of it?"""
        return said in self._voters[device.index].durable

    def decision(self, device: Device, slot: int) -> Decision | None:
        """Return what `device` itself holds as decided in `slot`."""
        decisions = self._voters[device.index].decisions
        return next((one for one in decisions if one.slot == slot), None)

    def decided_slot(self, device: Device) -> int:
        """Return the highest slot that `device` itself holds as decided, 0 for none."""
        return self._voters[device.index].decided_slot

    def decided_slots(self, circle: SimCircle) -> int:
        """Return the highest slot that anybody of the circle decided."""
        return self._books[circle.index].highest_slot

    def journalled(self, device: Device, record: Record, tick: int) -> None:
        """An own vote or a decision became durable before anything that follows."""
        circle = device.circle
        if circle is None:
            return
        match record:
            case Notarized(slot, view, value_hash, body):
                self._own(device, (VoteKind.NOTARIZE, slot, view, value_hash), tick)
                if hashed(body) != value_hash:
                    self._violations.add("I4", tick, device.index, "journalled a wrong body")
            case Nullified(slot, view):
                self._own(device, (VoteKind.NULLIFY, slot, view, b""), tick)
            case Finalized(slot, view, value_hash, certificate):
                self._own(device, (VoteKind.FINALIZE, slot, view, value_hash), tick)
                wanted = (VoteKind.NOTARIZE, slot, view, bytes(value_hash))
                self._certificate(device, wanted, certificate, tick)
            case DecidedRecord(slot, body, certificate):
                self._decided(device, slot, body, certificate, tick)
            case _:
                pass

    def sending(self, device: Device, slot: int, votes: VoteSet, tick: int) -> None:
        """Votes leave; the own one among them must be on the disk (I5)."""
        if device.circle is None:
            return
        place = self.rolls.at(device.circle, slot).place(device.keys.voter.public)
        if place >= 0 and votes.bitmap >> place & 1:
            said = (votes.kind, slot, votes.view, bytes(votes.value_hash or b""))
            self._must_be_durable(device, said, tick)

    def proposing(self, device: Device, message: Propose, tick: int) -> None:
        """A proposal leaves; if it is the device's own, so does its NOTARIZE vote."""
        circle = device.circle
        if circle is None:
            return
        value_hash = hashed(message.value)
        said = (VoteKind.NOTARIZE, message.slot, message.view, value_hash)
        data = statement(circle, said, self.rolls.at(circle, message.slot).hash)
        if self._verifier.knows(device.keys.voter.public, data, message.signature):
            self._must_be_durable(device, said, tick)

    def clock_reserved(self, device: Device, until_us: int) -> None:
        """The journal covers the use of circle time up to `until_us`."""
        device.covered_us = max(device.covered_us, until_us)

    def clock_published(self, device: Device, circle_us: int, tick: int) -> None:
        """A circle time leaves; a reservation covers it (I5), or the end of a journalled lease.

        Both count, because a restart takes the larger of the two (CLK-030).
        """
        if circle_us <= device.covered_us:
            return
        ends = [decision.not_after_us for decision in self._voters[device.index].decisions]
        if circle_us > max(ends, default=0):
            detail = f"circle time {circle_us} us left before its reservation"
            self._violations.add("I5", tick, device.index, detail)

    def restarted(self, device: Device, journal: Iterable[Record], tick: int) -> None:
        """Forget what the disk did not keep; what was signed stays signed (I4)."""
        self._voters[device.index] = Voter()
        device.covered_us = 0
        for record in journal:
            self.journalled(device, record, tick)
            if isinstance(record, ClockReserved):
                self.clock_reserved(device, record.until_us)

    def moved(self, device: Device, *, is_elsewhere: bool) -> None:
        """The device is in another circle: of the old one at most the time it reached counts."""
        gone = self._voters.pop(device.index, Voter())
        ends = [0, *(decision.not_after_us for decision in gone.decisions)]
        device.covered_us = 0 if is_elsewhere else max(device.covered_us, *ends)

    def _own(self, device: Device, said: Said, tick: int) -> None:
        """A vote of this device exists from now on."""
        kind, slot, view, value = said
        assert device.circle is not None
        roll = self.rolls.at(device.circle, slot)
        if roll.place(device.keys.voter.public) < 0:
            self._violations.add("I4", tick, device.index, "voted without a seat")
        voter = self._voters[device.index]
        if said not in voter.durable:
            voter.durable = (*voter.durable, said)
        book = self._books[device.circle.index]
        tally, own = book.said.setdefault((slot, view), {}), book.bit(device)
        if tally.get((kind, value), 0) & own:
            return
        self._violations.judged["I4"] += 1
        for other, signers in tally.items():
            if signers & own and _conflict((kind, value), other):
                detail = f"signed {other[0].name} and {kind.name} in slot {slot} view {view}"
                self._violations.add("I4", tick, device.index, detail)
        before = tally.get((kind, value), 0)
        tally[kind, value] = before | own
        self._certified(device, said, (before, before | own), roll.quorum, tick)

    def _certified(
        self, device: Device, said: Said, counted: tuple[int, int], quorum: int, tick: int
    ) -> None:
        """See whether the last vote makes the circle certify what must not be (I3)."""
        assert device.circle is not None
        kind, slot, view, value = said
        before, after = counted
        tally = self._books[device.circle.index].said[slot, view]
        if after.bit_count() < quorum or before.bit_count() >= quorum:
            return
        self._violations.judged["I3"] += 1
        for other, signers in tally.items():
            # Two FINALIZE certificates are I1's business; every other conflict is seen here.
            if signers.bit_count() >= quorum and _conflict((kind, value), other):
                detail = f"{other[0].name} and {kind.name} certified in slot {slot} view {view}"
                self._violations.add("I3", tick, device.index, detail)

    def _must_be_durable(self, device: Device, said: Said, tick: int) -> None:
        self._violations.judged["I5"] += 1
        voter = self._voters[device.index]
        if said in voter.durable:
            return
        assert device.circle is not None
        kind, slot, view, value = said
        book = self._books[device.circle.index]
        is_decided = slot <= voter.decided_slot
        if is_decided and slot < book.highest_slot - KEPT_SLOTS:
            return
        # A decision takes the place of the votes before it. A vote that flash lost though it had
        # confirmed it comes back from others: passing it on is no new vote.
        tally = book.said.get((slot, view), {})
        was_signed = tally.get((kind, value), 0) & book.bit(device)
        if not (was_signed and (is_decided or device.disk.has_lied)):
            detail = f"own {kind.name} of slot {slot} left before its record"
            self._violations.add("I5", tick, device.index, detail)

    def _decided(
        self, device: Device, slot: int, body: bytes, certificate: VoteSet, tick: int
    ) -> None:
        assert device.circle is not None
        book = self._books[device.circle.index]
        voter = self._voters[device.index]
        decision = self._read(device, slot, body, tick)
        if decision is None:
            return
        wanted = (VoteKind.FINALIZE, slot, certificate.view, decision.hash)
        self._certificate(device, wanted, certificate, tick)
        self._violations.judged["I1"] += 1
        known = book.decided.setdefault(slot, decision)
        if known.hash != decision.hash:
            self._violations.add("I1", tick, device.index, f"two decisions in slot {slot}")
        before, after = book.decided.get(slot - 1), book.decided.get(slot + 1)
        is_chained = (before is None or before.hash == decision.parent) and (
            after is None or after.parent == decision.hash
        )
        if not is_chained:
            self._violations.add("I2", tick, device.index, f"slot {slot} extends another value")
        base_us = device.circle.genesis.parameters.lease_us
        if slot > book.highest_slot and (before is not None or slot == 1):
            self._violations.judged["I6"] += 1
            for fault in lease_faults(before, decision, base_us):
                self._violations.add("I6", tick, device.index, fault)
        self.rolls.decided(device, slot, body, tick)
        voter.decided_slot = max(voter.decided_slot, slot)
        if slot > book.highest_slot:
            book.highest_slot = slot
            _prune(book, slot)
        kept = [one for one in voter.decisions if one.slot >= slot - KEPT_DECISIONS]
        voter.decisions = tuple(kept if decision in kept else [*kept, decision])
        voter.durable = tuple([vote for vote in voter.durable if vote[1] > voter.decided_slot])

    def _read(self, device: Device, slot: int, body: bytes, tick: int) -> Decision | None:
        decision = read_decision(body)
        if decision is None or decision.slot != slot:
            self._violations.add("I2", tick, device.index, f"slot {slot} decided no valid value")
            return None
        return decision

    def _certificate(self, device: Device, wanted: Said, certificate: VoteSet, tick: int) -> None:
        """A certificate in the journal must name what it is for, and hold q true signatures."""
        circle = device.circle
        assert circle is not None
        slot = wanted[1]
        named = (certificate.kind, slot, certificate.view, bytes(certificate.value_hash or b""))
        roll = self.rolls.at(circle, slot)
        signers = [i for i in range(len(roll.seats)) if certificate.bitmap >> i & 1]
        is_whole = (
            named == wanted
            and len(signers) >= roll.quorum
            and len(signers) == len(certificate.signatures) == certificate.bitmap.bit_count()
        )
        self._violations.judged["I2"] += 1
        data = statement(circle, wanted, roll.hash)
        if not is_whole or not all(
            self._verifier.verify(roll.seats[index][0], data, signature)
            for index, signature in zip(signers, certificate.signatures, strict=True)
        ):
            detail = f"{wanted[0].name} certificate of slot {slot} proves nothing"
            self._violations.add("I2", tick, device.index, detail)


def _conflict(one: What, other: What) -> bool:
    """Would an honest voter never sign both in one view?"""
    kinds = {one[0], other[0]}
    if len(kinds) == 1:
        return one[1] != other[1]
    return kinds == {VoteKind.NULLIFY, VoteKind.FINALIZE}


def statement(circle: SimCircle, said: Said, roster_hash: bytes) -> bytes:
    """Return the bytes a vote signs, as SPEC section Votes says."""
    kind, slot, view, value = said
    place = slot.to_bytes(8, "big") + roster_hash + view.to_bytes(4, "big")
    return DOMAINS[kind] + circle.roster.circle + place + (value or bytes(32))


def lease_faults(before: Decision | None, decision: Decision, base_us: int) -> list[str]:
    """Return what is wrong with a lease, given the decision of the slot before; None for slot 1."""
    found_us, wanted_us = decision.not_after_us - decision.not_before_us, base_us
    faults = []
    if before is not None:
        apart_us = decision.not_before_us - before.not_after_us
        if apart_us < 0:
            faults.append(f"the lease of slot {decision.slot} begins {-apart_us} us too early")
        same = ("pattern", "start_us", "roster_hash", "inputs")
        is_same = all(getattr(before, key) == getattr(decision, key) for key in same)
        if not apart_us and is_same and not decision.has_changes:
            doubled_us = 2 * (before.not_after_us - before.not_before_us)
            wanted_us = LONGEST_LEASE_US if doubled_us > LONGEST_LEASE_US else doubled_us
    if found_us != wanted_us:
        faults.append(f"the lease of slot {decision.slot} is {found_us} us long, not {wanted_us}")
    return faults


def _prune(book: Book, slot: int) -> None:
    """Let go of what is far below the highest slot."""
    below_slot = slot - KEPT_SLOTS
    if below_slot > 0:
        book.said = {view: who for view, who in book.said.items() if view[0] >= below_slot}
        book.decided = {slot: kept for slot, kept in book.decided.items() if slot >= below_slot}
