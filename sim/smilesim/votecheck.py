"""Invariants I1 to I6: what was signed, certified and decided in every circle.

I1 one decided value per slot. I2 every decision has q distinct signers and extends the one before.
I3 no two notarized values in one view, no nullified and finalized view. I4 nobody signs two values
in one view, or both NULLIFY and FINALIZE, across restarts. I5 nothing leaves before its record.
I6 leases do not overlap, and one that renews the one before is twice as long, up to 16 s.
Who votes in which slot is followed by `rolls.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smilesim.ballots import KEPT_SLOTS, Book, Said, Tally
from smilesim.decision import Decision, hashed, named, read_decision
from smilesim.device import Device, SimCircle
from smilesim.equals import shared
from smilesim.rolls import Roll, Rolls
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
KEPT_DECISIONS = 4
LONGEST_LEASE_US = 16_000_000


@dataclass(slots=True)
class Voter:
    """What the disk of one device holds in this life: own votes that still bind it, decisions."""

    durable: tuple[Said, ...] = ()
    decided_slot: int = 0
    decisions: tuple[Decision, ...] = ()


class VoteCheck:
    """Follows every vote from the disk to the air."""

    def __init__(
        self,
        circles: Sequence[SimCircle],
        verifier: SignThrough,
        violations: Violations,
        devices: Sequence[Device],
    ) -> None:
        self._books: list[Book] = []
        self.rolls = Rolls(circles, devices, violations)
        self._voters = [Voter() for _ in devices]
        self._verifier = verifier
        self._violations = violations

    def holds(self, device: Device, said: Said) -> bool:
        """Is this vote on the disk of `device`, in this life of it?"""
        return said in self._voters[device.index].durable

    def decision(self, device: Device, slot: int) -> Decision | None:
        """Return what `device` itself holds as decided in `slot`."""
        decisions = self._voters[device.index].decisions
        for one in decisions:
            if one.slot == slot:
                return one
        return None

    def decided_slot(self, device: Device) -> int:
        """Return the highest slot that `device` itself holds as decided, 0 for none."""
        return self._voters[device.index].decided_slot

    def decided_slots(self, circle: SimCircle) -> int:
        """Return the highest slot that anybody of the circle decided."""
        return self._book(circle).highest_slot

    def decided_value(self, circle: SimCircle, slot: int) -> bytes:
        """Return the hash of what somebody of the circle decided first in `slot`; empty: nobody."""
        decision = self._book(circle).decided.get(slot)
        return decision.hash if decision is not None else b""

    def roll(self, device: Device) -> Roll:
        """Return who votes after the slot that `device` decided last."""
        assert device.circle is not None
        return self.rolls.at(device.circle, self._voters[device.index].decided_slot + 1)

    def journalled(self, device: Device, record: Record, tick: int) -> None:
        """An own vote or a decision became durable before anything that follows."""
        circle = device.circle
        if circle is None:
            return
        match record:
            case Notarized(slot, view, value_hash, body):
                self._own(device, (VoteKind.NOTARIZE, slot, view, value_hash), tick)
                if named(body) != value_hash:
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
        gone, self._voters[device.index] = self._voters[device.index], Voter()
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
        book = self._book(device.circle)
        tally, own = book.tally(said), book.bit(device)
        if tally is None:
            tally = Tally(view, kind, shared(value))
            book.said[slot] = (*book.said.get(slot, ()), tally)
        if tally.signers & own:
            return
        self._violations.judged["I4"] += 1
        for other in book.said[slot]:
            if (
                other.signers & own
                and tally.conflicts(other)
                and not self._is_lost(device, slot, other)
            ):
                detail = f"signed {other.kind.name} and {kind.name} in slot {slot} view {view}"
                self._violations.add("I4", tick, device.index, detail)
        tally.signers |= own
        if tally.signers.bit_count() == roll.quorum:
            self._certified(device, book.said[slot], tally, (slot, roll.quorum), tick)

    def _is_lost(self, device: Device, slot: int, tally: Tally) -> bool:
        """Did the disk lose a vote that it had confirmed? Then its voter is one of f faulty ones.

        It must not vote once it is told of it (I18), but all that know may have lost power since.
        """
        said = (tally.kind, slot, tally.view, tally.value)
        is_open = slot > self.decided_slot(device)
        return device.disk.has_lied and is_open and not self.holds(device, said)

    def _certified(
        self,
        device: Device,
        tallies: tuple[Tally, ...],
        last: Tally,
        bounds: tuple[int, int],
        tick: int,
    ) -> None:
        """The last vote makes the circle certify something: is it what must not be (I3)?"""
        slot, quorum = bounds
        self._violations.judged["I3"] += 1
        for other in tallies:
            # Two FINALIZE certificates are I1's business; every other conflict is seen here.
            if other.signers.bit_count() >= quorum and last.conflicts(other):
                names = f"{other.kind.name} and {last.kind.name}"
                detail = f"{names} certified in slot {slot} view {last.view}"
                self._violations.add("I3", tick, device.index, detail)

    def _must_be_durable(self, device: Device, said: Said, tick: int) -> None:
        self._violations.judged["I5"] += 1
        voter = self._voters[device.index]
        if said in voter.durable:
            return
        assert device.circle is not None
        kind, slot = said[0], said[1]
        book = self._book(device.circle)
        is_decided = slot <= voter.decided_slot
        if is_decided and slot < book.highest_slot - KEPT_SLOTS:
            return
        # A decision takes the place of the votes before it. A vote that flash lost though it had
        # confirmed it comes back from others: passing it on is no new vote.
        tally = book.tally(said)
        was_signed = tally is not None and tally.signers & book.bit(device) > 0
        if not (was_signed and (is_decided or device.disk.has_lied)):
            detail = f"own {kind.name} of slot {slot} left before its record"
            self._violations.add("I5", tick, device.index, detail)

    def _decided(
        self, device: Device, slot: int, body: bytes, certificate: VoteSet, tick: int
    ) -> None:
        assert device.circle is not None
        book = self._book(device.circle)
        voter = self._voters[device.index]
        decision = self._read(device, slot, body, tick)
        if decision is None:
            return
        wanted = (VoteKind.FINALIZE, slot, certificate.view, decision.hash)
        self._certificate(device, wanted, certificate, tick)
        self._violations.judged["I1"] += 1
        known = book.decided.get(slot)
        if known is None or known.hash != decision.hash:
            self._must_extend(device, book, decision, tick)
        self.rolls.decided(device, slot, body, tick)
        voter.decided_slot = max(voter.decided_slot, slot)
        if slot > book.highest_slot:
            book.highest_slot = slot
            book.prune()
        kept = [
            one
            for one in voter.decisions
            if one.slot >= slot - KEPT_DECISIONS and one.hash != decision.hash
        ]
        voter.decisions = book.kept((*kept, decision))
        voter.durable = tuple([vote for vote in voter.durable if vote[1] > voter.decided_slot])

    def _must_extend(self, device: Device, book: Book, decision: Decision, tick: int) -> None:
        """A value was decided that nobody had yet: does it follow the one before, and its lease?"""
        assert device.circle is not None
        slot = decision.slot
        if book.decided.setdefault(slot, decision) is not decision:
            self._violations.add("I1", tick, device.index, f"two decisions in slot {slot}")
        before, after = book.decided.get(slot - 1), book.decided.get(slot + 1)
        is_chained = (before is None or before.hash == decision.parent) and (
            after is None or after.parent == decision.hash
        )
        if not is_chained:
            self._violations.add("I2", tick, device.index, f"slot {slot} extends another value")
        if slot > book.highest_slot and (before is not None or slot == 1):
            self._violations.judged["I6"] += 1
            base_us = device.circle.genesis.parameters.lease_us
            for fault in lease_faults(before, decision, base_us):
                self._violations.add("I6", tick, device.index, fault)

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
        self._violations.judged["I2"] += 1
        book = self._book(circle)
        if certificate is book.proven and wanted == book.proven_for:
            return
        if self._is_proof(circle, wanted, certificate):
            book.proven, book.proven_for = certificate, wanted
        else:
            detail = f"{wanted[0].name} certificate of slot {wanted[1]} proves nothing"
            self._violations.add("I2", tick, device.index, detail)

    def _is_proof(self, circle: SimCircle, wanted: Said, certificate: VoteSet) -> bool:
        slot, bitmap, signatures = wanted[1], certificate.bitmap, certificate.signatures
        named = (certificate.kind, slot, certificate.view, bytes(certificate.value_hash or b""))
        roll = self.rolls.at(circle, slot)
        signers = [voter for i, voter in enumerate(roll.voters) if bitmap >> i & 1]
        if named != wanted or len(signers) < roll.quorum:
            return False
        if not len(signers) == len(signatures) == bitmap.bit_count():
            return False
        data = statement(circle, wanted, roll.hash)
        for voter, signature in zip(signers, signatures, strict=True):
            if not self._verifier.verify(voter, data, signature):
                return False
        return True

    def _book(self, circle: SimCircle) -> Book:
        """Return the book of a circle; a successor is new."""
        books = self._books
        while len(books) <= circle.index:
            books.append(Book())
        return books[circle.index]


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
