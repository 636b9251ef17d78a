"""Bugs of voting: quorums, votes that exclude each other, what may be believed."""

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle import book as book_module
from smilesync.circle import chain, guard, judge, quorum, roster, slot, validity
from smilesync.circle.book import VoteBook
from smilesync.circle.circumstances import Moment
from smilesync.circle.quorum import VoteKey, quorum_size, statement
from smilesync.circle.slot import Slot
from smilesync.circle.validity import Reason, Verdict
from smilesync.circle.value import Named, named
from smilesync.effects import Effect, Event, Notice
from smilesync.ids import CircleId, ValueHash
from smilesync.wire.messages import CertificateName, Propose, VoteKind

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE


def quorum_minus_one(patch: Patch) -> None:
    """One vote less than q is enough."""

    def smaller(count: int, *, is_strict: bool = False) -> int:
        return max(1, quorum_size(count, is_strict=is_strict) - 1)

    patch.set(roster, "quorum_size", smaller)


def nullify_and_finalize(patch: Patch) -> None:
    """A voter finalizes a view that it nullified (R3)."""
    honest = Slot._finalize

    def finalize(self: Slot, moment: Moment) -> list[Effect] | None:
        own = self.own
        self.own = {key: own[key] for key in own if key[0] is not X}
        effects = honest(self, moment)
        self.own = own | self.own
        return effects

    patch.set(Slot, "_finalize", finalize)


def second_value_voted_for(patch: Patch) -> None:
    """A voter notarizes every value its leader shows, not only the first of a view (R2)."""
    honest_has, honest_handle = Slot._has_own, Slot.handle_propose

    def has_own(self: Slot, kind: VoteKind, view: int) -> bool:
        if kind is N:
            return (N, view, self.value_of_view(view)) in self.own
        return honest_has(self, kind, view)

    def handle(self: Slot, message: Propose, moment: Moment) -> list[Effect]:
        if self.value_of_view(message.view) != named(message.value).hash:
            self.proposals.pop(message.view, None)
            self._hash_of_view.pop(message.view, None)
        return honest_handle(self, message, moment)

    patch.set(Slot, "_has_own", has_own)
    patch.set(Slot, "handle_propose", handle)


def skipped_views_not_asked_for(patch: Patch) -> None:
    """A proposal need not show that the views it skips were nullified (V3)."""

    def justify(
        self: VoteBook, view: int, value_hash: ValueHash
    ) -> tuple[int, CertificateName | None]:
        carried = [at for at in range(1, view) if self.notarized(at) == value_hash]
        return max(carried, default=0), None

    patch.set(VoteBook, "justify", justify)


def unsigned_k_trusted(patch: Patch) -> None:
    """A voter believes the k that a proposal comes with, which nobody signed (V2)."""
    honest_handle, honest_test = Slot.handle_propose, Slot._test
    claims: dict[tuple[int, int, ValueHash], int] = {}

    def handle(self: Slot, message: Propose, moment: Moment) -> list[Effect]:
        key = self.number, message.view, named(message.value).hash
        claims.setdefault(key, message.carried_view)
        return honest_handle(self, message, moment)

    def test(self: Slot, candidate: Named, moment: Moment) -> Reason | None:
        claimed = claims.get((self.number, self.view, candidate.hash), 0)
        if claimed and self.book.notarized(claimed) != candidate.hash:
            return Reason("CIR-023", Verdict.KEEP, "the view it names is not notarized")
        return honest_test(self, candidate, moment)

    patch.set(Slot, "handle_propose", handle)
    patch.set(Slot, "_test", test)


def clock_asked_of_carried_values(patch: Patch) -> None:
    """A carried value is tested by the clock once more (V5 for all)."""
    honest = Slot._test

    def test(self: Slot, candidate: Named, moment: Moment) -> Reason | None:
        parameters = self.around.parameters
        reason = honest(self, candidate, moment)
        return reason or validity.v5_timely(candidate.value, moment.circle_us, parameters)

    patch.set(Slot, "_test", test)


def own_vote_not_counted(patch: Patch) -> None:
    """An own vote is not counted where it was signed (R7)."""

    def count_own(self: Slot, key: VoteKey) -> bytes:
        assert self.around.signer is not None
        voters = self.around.roster
        data = statement(voters.circle, voters.hash, self.number, key)
        self.own[key] = self.around.signer.sign(data)
        return self.own[key]

    patch.set(Slot, "_count_own", count_own)


def unverified_signature_counted(patch: Patch) -> None:
    """Votes count whoever signed them."""
    patch.set(VoteBook, "verify", lambda self, key, index, signature: None)


def domain_separation_dropped(patch: Patch) -> None:
    """All votes of a view sign the same bytes, whatever their kind."""

    def sign_same(circle: CircleId, roster_hash: bytes, number: int, key: VoteKey) -> bytes:
        return statement(circle, roster_hash, number, (N, key[1], key[2]))

    for module in (quorum, slot, book_module, chain, guard):
        patch.set(module, "statement", sign_same)


def votes_without_limit(patch: Patch) -> None:
    """A liar may cast more than three votes in a view, and all are kept."""
    patch.set(VoteBook, "_with_room", lambda self, key, votes: votes)


def another_accused(patch: Patch) -> None:
    """Who votes twice is seen, and the next in the roster is accused."""

    def accuse(self: Slot, index: int, _key: VoteKey, _signature: bytes) -> list[Effect]:
        identities = self.around.roster.identities
        return [Notice(Event.EQUIVOCATION_SEEN, identities[(index + 1) % len(identities)])]

    patch.set(Slot, "_accuse", accuse)


def head_not_extended(patch: Patch) -> None:
    """A value need not name the roster and state that follow, nor the value before it (V1)."""
    patch.set(judge, "v1_extends_head", lambda *_args, **_names: None)


BUGS = (
    Bug(quorum_minus_one, grounds.CALM_OF_SIX),
    Bug(nullify_and_finalize, grounds.LATE),
    Bug(second_value_voted_for, grounds.EQUIVOCATING_LEADER),
    Bug(skipped_views_not_asked_for, grounds.SKIPPED_NULLIFICATION),
    Bug(unsigned_k_trusted, grounds.RESENT_PROPOSALS),
    Bug(clock_asked_of_carried_values, grounds.LONG_POWER_LOSS),
    Bug(own_vote_not_counted, grounds.ALONE),
    Bug(unverified_signature_counted, grounds.villain("forger")),
    Bug(domain_separation_dropped, grounds.CALM),
    Bug(votes_without_limit, grounds.LIAR_IN_A_CUT),
    Bug(another_accused, grounds.villain("double-voter")),
    Bug(head_not_extended, grounds.villain("roster-smuggler")),
)
