"""The decided values: the head everything extends, who votes next, how a straggler catches up.

A decision names roster and state of the slot after it, so whoever takes slot after slot always
knows the voters. A straggler takes the latest decision: under its own roster if that did not
change, else under the roster it was decided by, fetched by hash, of whose signers enough sit in
the roster it trusts that one of them is honest. Source: SPEC sections Decisions, Membership.
"""

from collections.abc import Mapping, Sequence

from smilesync.circle.bounded import NOTHING, noted
from smilesync.circle.heads import Heads
from smilesync.circle.lawful import seats_after, state_after
from smilesync.circle.library import Library
from smilesync.circle.provenance import Pedigree, known_signers, vouches
from smilesync.circle.quorum import bits, statement, vote_set
from smilesync.circle.repair import SIGNATURES_PER_SET_MAX, pack
from smilesync.circle.roster import Roster
from smilesync.circle.state import EMPTY, State
from smilesync.circle.validity import Head
from smilesync.circle.value import NO_PREVIOUS, Named, named
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import ValueHash
from smilesync.keys import Verifier
from smilesync.wire.messages import CircleMessage, Decided, Piece, VoteKind, VoteSet
from smilesync.wire.records import DecidedRecord, Proven, Seated

Complete = tuple[Named, VoteSet, Roster]
"""A decision, its certificate, and the roster whose certificate it is."""

KEPT_TURNS = 32
"""Decisions kept because they changed the roster: steps for whoever was away meanwhile."""
FUTURE_PARTS_MAX = 8
"""Of later decisions; the oldest are forgotten: what is still needed is asked for again."""


class Chain:
    """The last decision, and parts of later ones; `roster` and `state` of the next slot.

    `state` is None while it is not known, which is after a jump over changes.
    """

    __slots__ = (
        "_bodies",
        "_certificates",
        "_decided_by",
        "_founding",
        "_head",
        "_turns",
        "_verifier",
        "_votes",
        "heads",
        "library",
        "newest",
        "pedigree",
        "roster",
        "state",
    )

    def __init__(self, roster: Roster, verifier: Verifier) -> None:
        self.newest: tuple[Named, VoteSet] | None = None
        """What was decided last, and its certificate."""
        self.roster = roster
        self.state: State | None = EMPTY
        self.library = Library(roster)
        self.heads = Heads()
        self.pedigree = Pedigree(roster)
        self._founding = self._decided_by = roster
        self._turns: tuple[Complete, ...] = ()
        self._verifier = verifier
        self._bodies: Mapping[ValueHash, tuple[Named, bytes]] = NOTHING
        self._certificates: Mapping[tuple[int, ValueHash], tuple[VoteSet, Roster]] = NOTHING
        self._votes: Mapping[tuple[int, int, ValueHash], dict[int, bytes]] = NOTHING
        self._head = Head(0, NO_PREVIOUS, 0, None)

    def head(self) -> Head:
        """Return what the next value must extend."""
        return self._head

    def restore(self, record: DecidedRecord, seated: Sequence[Seated]) -> Named | None:
        """Take a decision from the own journal; `seated` are its records of rosters and states.

        Returns the value, None if a later one was taken before.
        """
        if record.slot <= self.head().slot:
            return None
        self._decided_by, _ = self._seated(seated, record.slot)
        roster, state = self._seated(seated, record.slot + 1)
        decided = named(record.body)
        if seats_after(decided.value, roster) is roster:
            self._decided_by = roster  # also where slots before were skipped
        if roster.hash != self._decided_by.hash:
            self._turn(decided, record.certificate, self._decided_by)
        self._take(decided, record.certificate, roster, state)
        self.pedigree.follow((decided, record.certificate, self._decided_by))
        return decided

    def append(
        self, decided: Named, certificate: VoteSet, by: Roster
    ) -> list[DecidedRecord | Seated | Proven]:
        """Make `decided`, certified under `by`, the head; returns the records to persist.

        What follows a decision is on the record before it: never a decision without its roster.
        """
        value = decided.value
        assert value.slot > self.head().slot
        before, state_before = self.roster, self.state
        roster = seats_after(value, by)
        assert roster is not None, "tested before it counts as decided"
        is_next = value.slot == self.head().slot + 1
        state = state_after(value, by, self.state, is_next=is_next)
        self._decided_by = by
        if roster.hash != by.hash:
            self._turn(decided, certificate, by)
        self._take(decided, certificate, roster, state)
        link = self.pedigree.follow((decided, certificate, by))
        records: list[DecidedRecord | Seated | Proven] = [] if link is None else [link]
        is_same = state is state_before or state == state_before
        if not is_same or roster.hash != before.hash:
            body = state.encode() if state is not None else None
            records.append(Seated(value.slot + 1, roster.body, body))
        return [*records, DecidedRecord(value.slot, decided.body, certificate)]

    def learn_state(self, state: State) -> Seated:
        """Take the state of the next slot, fetched from others; returns the record to persist."""
        self.state = state
        return Seated(self.head().slot + 1, self.roster.body, state.encode())

    def state_wanted(self) -> bytes | None:
        """Return the hash of the state that this device lacks, None if it lacks none."""
        last = self._head.value
        return last.state_hash if last is not None and self.state is None else None

    def pieces(self, wanted: bytes, offset: int) -> list[Piece]:
        """Return the next pieces of a roster or of the state, as far as held."""
        state = self.state
        is_state = state is not None and state.hash(self.roster.circle) == wanted
        body = state.encode() if state is not None and is_state else None
        return self.library.pieces(wanted, offset, body)

    def answer(self, slot: int) -> list[CircleMessage]:
        """Return what proves the head to a straggler whose open slot is `slot`.

        Where the voters changed too much since, the latest turn that its own roster can vouch for;
        and before it the first turn, which its own roster decided: that needs no trust.
        """
        if self.newest is None:
            return []
        newest = (*self.newest, self._decided_by)
        turns = [turn for turn in self._turns if turn[0].value.slot >= slot]
        trusted = turns[0][2] if turns else self._decided_by
        steps = [newest, *reversed(turns)]
        last = next((step for step in steps if vouches(trusted, step)), newest)
        is_first = not turns or turns[0][0].hash == last[0].hash
        return shown(last) if is_first else [*shown(turns[0]), *shown(last)]

    def last_step(self) -> Complete | None:
        """Return the decision that ended the circle, with what proves it; None before that."""
        newest = self.newest if self._head.is_last else None
        return (*newest, self._decided_by) if newest is not None else None

    def must_go_on(self, slot: int) -> None:
        """Raise Unwelcome for what comes after the decision that ended the circle."""
        if self._head.is_last and slot > self._head.slot:
            raise Unwelcome("MRG-030", "of a slot after the last one of its circle")

    def handle_decided(self, message: Decided) -> Complete | None:
        """Take the body of a later decision; returns it with its certificate once both are held."""
        candidate = named(message.value)
        slot = candidate.value.slot
        if slot <= self.head().slot:
            return None
        self.must_go_on(slot)
        by = message.roster_hash or candidate.value.roster_hash
        if slot == self.head().slot + 1:
            by = self.roster.hash
            if seats_after(candidate.value, self.roster) is None:
                raise Unwelcome("CIR-041", "a decision of another roster")
        self._bodies = noted(self._bodies, candidate.hash, (candidate, by), FUTURE_PARTS_MAX)
        self.library.want(by)
        return self._complete(slot, candidate.hash)

    def signed_by(self, voter: bytes) -> tuple[VoteSet, int] | None:
        """Return the newest certificate and a voter key's index in the roster that signed it."""
        seat = self._decided_by.place_of(voter)
        return (self.newest[1], seat) if self.newest is not None and seat is not None else None

    def body(self, value_hash: ValueHash) -> bytes | None:
        """Return the bytes of a value some member called decided, if it did."""
        claimed = self._bodies.get(value_hash)
        return claimed[0].body if claimed is not None else None

    def handle_certificate(self, slot: int, votes: VoteSet, *, may_skip: bool) -> Complete | None:
        """Take an F certificate of a later slot; returns the decision once both are held.

        `may_skip`: the own roster is young enough to vouch for another one.
        """
        if votes.kind is not VoteKind.FINALIZE or votes.value_hash is None:
            return None
        if slot <= self.head().slot or (slot, votes.value_hash) in self._certificates:
            return None
        roster = self._roster_of(votes.value_hash)
        indices = bits(votes.bitmap)
        if roster is None or len(indices) != len(votes.signatures):
            return None
        is_cut = roster.quorum > SIGNATURES_PER_SET_MAX
        if len(indices) < roster.quorum and not is_cut:
            return None
        if indices[-1] >= roster.size:
            raise Malformed("CIR-032", "a certificate signed by a non-member")
        key = (votes.kind, votes.view, votes.value_hash)
        held = self._votes.get((slot, votes.view, votes.value_hash), {})
        signed = held | dict(zip(indices, votes.signatures, strict=True))
        is_whole = len(signed) >= roster.quorum
        whole = vote_set(key, dict(list(signed.items())[: roster.quorum])) if held else votes
        is_other = roster.hash != self.roster.hash
        known = known_signers(self.roster, roster, whole)
        is_vouched = may_skip and known >= self.roster.vouchers
        if is_whole and is_other and not is_vouched:
            raise Unwelcome("MEM-021", "too few signers of a new roster are known")
        data = statement(roster.circle, roster.hash, slot, key)
        for index, signature in signed.items():
            if index not in held and not self._verifier.verify(
                roster.voters[index], data, signature
            ):
                raise Unauthentic("CIR-033", f"a vote of member {index} does not verify")
        if not is_whole:
            place = slot, votes.view, votes.value_hash
            self._votes = noted(self._votes, place, signed, FUTURE_PARTS_MAX)
            return None
        found = whole, roster
        self._certificates = noted(
            self._certificates, (slot, votes.value_hash), found, FUTURE_PARTS_MAX
        )
        return self._complete(slot, votes.value_hash)

    def _turn(self, decided: Named, certificate: VoteSet, by: Roster) -> None:
        """Remember a decision that changed the roster, and who decided it."""
        self._turns = (*self._turns, (decided, certificate, by))[-KEPT_TURNS:]
        self.library.keep(by)

    def _take(
        self, decided: Named, certificate: VoteSet, roster: Roster, state: State | None
    ) -> None:
        value = decided.value
        if value.slot != self.head().slot + 1:
            self.heads.clear()
        self.heads.add(decided.hash, (one.identity for one in value.changes.left))
        self.newest = decided, certificate
        self._head = Head(value.slot, decided.hash, value.not_after_us, value)
        self.roster, self.state = roster, state
        self.library.keep(roster)
        later = [(h, b) for h, b in self._bodies.items() if b[0].value.slot > value.slot]
        self._bodies = dict(later) or NOTHING
        proven = {k: c for k, c in self._certificates.items() if k[0] > value.slot}
        self._certificates = proven or NOTHING
        self._votes = {k: v for k, v in self._votes.items() if k[0] > value.slot} or NOTHING

    def _seated(self, seated: Sequence[Seated], slot: int) -> tuple[Roster, State | None]:
        """Return roster and state of a slot: what the last change before it left."""
        last = next((one for one in reversed(seated) if one.slot <= slot), None)
        return self.library.restore(last) if last is not None else (self._founding, EMPTY)

    def _roster_of(self, value_hash: ValueHash) -> Roster | None:
        """Return the roster that a later value was decided by, as far as said; None if not held."""
        claimed = self._bodies.get(value_hash)
        return self.roster if claimed is None else self.library.roster(claimed[1])

    def _complete(self, slot: int, value_hash: ValueHash) -> Complete | None:
        claimed = self._bodies.get(value_hash)
        found = self._certificates.get((slot, value_hash))
        if claimed is None or found is None or claimed[0].value.slot != slot:
            return None
        certificate, roster = found
        if seats_after(claimed[0].value, roster) is None:
            return None
        return claimed[0], certificate, roster


def shown(step: Complete) -> list[CircleMessage]:
    """Return the messages that show a decision."""
    decided, certificate, by = step
    hint = by.hash if by.hash != decided.value.roster_hash else None
    votes = pack(decided.value.slot, [certificate])
    return [Decided(decided.body, certificate.view, hint), *votes]
