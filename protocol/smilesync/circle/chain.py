"""The decided values: the head everything extends, and how a straggler jumps to it.

The roster of this revision never changes, so one F certificate under it proves a decision of any
slot: a straggler takes the latest and needs none between. Source: SPEC section Decisions.
"""

from typing import TypeVar

from smilesync.circle.genesis import Roster
from smilesync.circle.quorum import bits, statement
from smilesync.circle.validity import Head
from smilesync.circle.value import NO_PREVIOUS, Named, named
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import ValueHash
from smilesync.keys import Verifier
from smilesync.wire.messages import CircleMessage, Decided, VoteKind, Votes, VoteSet
from smilesync.wire.records import DecidedRecord

Key = TypeVar("Key")
Part = TypeVar("Part")

KEPT_DECISIONS = 3
FUTURE_PARTS_MAX = 8


class Chain:
    """Decisions, newest last, and parts of later ones that wait for the rest."""

    def __init__(self, roster: Roster, verifier: Verifier) -> None:
        self.decisions: list[tuple[Named, VoteSet]] = []
        self._roster = roster
        self._verifier = verifier
        self._bodies: dict[ValueHash, Named] = {}
        self._certificates: dict[tuple[int, ValueHash], VoteSet] = {}
        self._head = Head(0, NO_PREVIOUS, 0, None)

    def head(self) -> Head:
        """Return what the next value must extend."""
        return self._head

    def restore(self, record: DecidedRecord) -> None:
        """Take a decision from the own journal."""
        if record.slot > self.head().slot:
            self.append(named(record.body), record.certificate)

    def append(self, decided: Named, certificate: VoteSet) -> DecidedRecord:
        """Make `decided` the head; returns the record to persist."""
        assert decided.value.slot > self.head().slot
        self.decisions.append((decided, certificate))
        del self.decisions[:-KEPT_DECISIONS]
        value = decided.value
        self._head = Head(value.slot, decided.hash, value.not_after_us, value)
        self._bodies = {h: b for h, b in self._bodies.items() if b.value.slot > decided.value.slot}
        later = {key: c for key, c in self._certificates.items() if key[0] > decided.value.slot}
        self._certificates = later
        return DecidedRecord(decided.value.slot, decided.body, certificate)

    def answer(self) -> list[CircleMessage]:
        """Return what proves the head to a straggler."""
        if not self.decisions:
            return []
        decided, certificate = self.decisions[-1]
        votes = Votes(decided.value.slot, (certificate,))
        return [votes, Decided(decided.body, certificate.view)]

    def handle_decided(self, message: Decided) -> tuple[Named, VoteSet] | None:
        """Take the body of a later decision; returns it with its certificate once both are held."""
        candidate = named(message.value)
        if candidate.value.slot <= self.head().slot:
            return None
        if candidate.value.roster_hash != self._roster.hash:
            raise Unwelcome("CIR-041", "a decision of another roster")
        self._bodies[candidate.hash] = candidate
        _bound(self._bodies)
        return self._complete(candidate.value.slot, candidate.hash)

    def body(self, value_hash: ValueHash) -> bytes | None:
        """Return the bytes of a value some member called decided, if it did."""
        claimed = self._bodies.get(value_hash)
        return claimed.body if claimed is not None else None

    def handle_certificate(self, slot: int, votes: VoteSet) -> tuple[Named, VoteSet] | None:
        """Take an F certificate of a later slot; returns the decision once both are held."""
        if votes.kind is not VoteKind.FINALIZE or votes.value_hash is None:
            return None
        if slot <= self.head().slot or (slot, votes.value_hash) in self._certificates:
            return None
        indices = bits(votes.bitmap)
        if len(indices) < self._roster.quorum or len(indices) != len(votes.signatures):
            return None
        if indices[-1] >= self._roster.size:
            raise Malformed("CIR-032", "a certificate signed by a non-member")
        key = (votes.kind, votes.view, votes.value_hash)
        data = statement(self._roster.circle, self._roster.hash, slot, key)
        for index, signature in zip(indices, votes.signatures, strict=True):
            if not self._verifier.verify(self._roster.voters[index], data, signature):
                raise Unauthentic("CIR-033", f"a vote of member {index} does not verify")
        self._certificates[slot, votes.value_hash] = votes
        _bound(self._certificates)
        return self._complete(slot, votes.value_hash)

    def _complete(self, slot: int, value_hash: ValueHash) -> tuple[Named, VoteSet] | None:
        body = self._bodies.get(value_hash)
        certificate = self._certificates.get((slot, value_hash))
        if body is None or certificate is None or body.value.slot != slot:
            return None
        return body, certificate


def _bound(parts: dict[Key, Part]) -> None:
    """Forget the oldest parts; what is still needed is asked for again."""
    while len(parts) > FUTURE_PARTS_MAX:
        del parts[next(iter(parts))]
