"""Can the checks see? Each rule is taken out in turn, and a named check must notice."""

from collections.abc import Callable, Iterable

import pytest

from smilesync.circle import judge, proposing, roster, validity
from smilesync.circle.book import VoteBook
from smilesync.circle.circumstances import Moment
from smilesync.circle.genesis import Parameters
from smilesync.circle.guard import RestartGuard
from smilesync.circle.quorum import VoteKey, quorum_size, statement
from smilesync.circle.slot import Slot
from smilesync.circle.validity import Head, Reason
from smilesync.circle.value import Named, Value, named
from smilesync.effects import Effect, Persist
from smilesync.ids import ValueHash
from smilesync.wire import records
from smilesync.wire.messages import CertificateName, Propose, VoteKind
from smilesync.wire.records import Finalized, Notarized, Nullified
from support import attacks
from support.storm import storm

Plant = Callable[[pytest.MonkeyPatch], None]
N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
STORMS = 12


def storms() -> list[str]:
    """Return what a few random runs at n = 4 find."""
    return [fault for seed in range(STORMS) for fault in storm(seed, size=4).faults]


def storms_of_all_sizes() -> list[str]:
    """Return what a few random runs at random sizes find."""
    return [fault for seed in range(STORMS) for fault in storm(seed).faults]


def quorum_minus_one(patch: pytest.MonkeyPatch) -> None:
    def smaller(count: int, *, is_strict: bool = False) -> int:
        return quorum_size(count, is_strict=is_strict) - 1

    patch.setattr(roster, "quorum_size", smaller)


def nullify_and_finalize(patch: pytest.MonkeyPatch) -> None:
    """R3 without its condition: the voter forgets that it nullified the view."""
    original = Slot._finalize

    def finalize(self: Slot, moment: Moment) -> list[Effect] | None:
        own = self.own
        self.own = {key: own[key] for key in own if key[0] is not X}
        effects = original(self, moment)
        self.own = own | self.own
        return effects

    patch.setattr(Slot, "_finalize", finalize)


def _without_records(patch: pytest.MonkeyPatch, kind: type[records.Record]) -> None:
    original = Slot._vote

    def vote(self: Slot, key: VoteKey, record: records.Record) -> list[Effect]:
        effects = original(self, key, record)
        is_lost = isinstance(record, kind)
        return [e for e in effects if not (is_lost and isinstance(e, Persist))]

    patch.setattr(Slot, "_vote", vote)


def notarize_not_persisted(patch: pytest.MonkeyPatch) -> None:
    _without_records(patch, Notarized)


def nullify_not_persisted(patch: pytest.MonkeyPatch) -> None:
    _without_records(patch, Nullified)


def finalize_not_persisted(patch: pytest.MonkeyPatch) -> None:
    _without_records(patch, Finalized)


def sent_before_persisted(patch: pytest.MonkeyPatch) -> None:
    original = Slot._vote

    def vote(self: Slot, key: VoteKey, record: records.Record) -> list[Effect]:
        persist, *sends = original(self, key, record)
        return [*sends, persist]

    patch.setattr(Slot, "_vote", vote)


def notarize_not_restored(patch: pytest.MonkeyPatch) -> None:
    """As if the record of the vote were not in the journal after a restart."""

    def restore(self: Slot, view: int, candidate: Named) -> None:
        self.bodies[candidate.hash] = candidate

    patch.setattr(Slot, "_restore_notarized", restore)


def body_not_persisted(patch: pytest.MonkeyPatch) -> None:
    original = Slot._restore_notarized

    def restore(self: Slot, view: int, candidate: Named) -> None:
        original(self, view, candidate)
        del self.bodies[candidate.hash]
        self.proposals.pop(view, None)

    patch.setattr(Slot, "_restore_notarized", restore)


def certificate_not_persisted(patch: pytest.MonkeyPatch) -> None:
    def restore(self: Slot, journal: Iterable[records.Record]) -> None:
        for record in journal:
            match record:
                case Notarized(number, view, _, body) if number == self.number:
                    self._restore_notarized(view, named(body))
                case Nullified(number, view) if number == self.number:
                    self._count_own((X, view, None))
                case Finalized(number, view, value_hash, _) if number == self.number:
                    self._count_own((F, view, value_hash))

    patch.setattr(Slot, "restore", restore)


def skipped_views_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    """V3 left out."""

    def justify(
        self: VoteBook, view: int, value_hash: ValueHash
    ) -> tuple[int, CertificateName | None]:
        carried = [at for at in range(1, view) if self.notarized(at) == value_hash]
        return max(carried, default=0), None

    patch.setattr(VoteBook, "justify", justify)


def clock_asked_of_carried_values(patch: pytest.MonkeyPatch) -> None:
    original = Slot._test

    def test(self: Slot, candidate: Named, moment: Moment) -> Reason | None:
        parameters = self.around.parameters
        reason = original(self, candidate, moment)
        return reason or validity.v5_timely(candidate.value, moment.circle_us, parameters)

    patch.setattr(Slot, "_test", test)


def leases_may_overlap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(judge, "v4_lease", lambda value, head, parameters: None)


def renewal_without_equality(patch: pytest.MonkeyPatch) -> None:
    """Every lease is twice as long as the last, whatever it shows."""

    def length_us(value: Value, head: Head, parameters: Parameters) -> int:
        last = head.value
        base_us = parameters.lease_us
        return 2 * (last.not_after_us - last.not_before_us) if last is not None else base_us

    patch.setattr(validity, "lease_length_us", length_us)
    patch.setattr(proposing, "lease_length_us", length_us)


def own_vote_not_counted(patch: pytest.MonkeyPatch) -> None:
    def count_own(self: Slot, key: VoteKey) -> bytes:
        assert self.around.signer is not None
        roster = self.around.roster
        data = statement(roster.circle, roster.hash, self.number, key)
        self.own[key] = self.around.signer.sign(data)
        return self.own[key]

    patch.setattr(Slot, "_count_own", count_own)


def own_vote_not_counted_after_restart(patch: pytest.MonkeyPatch) -> None:
    original = Slot.restore

    def restore(self: Slot, journal: Iterable[records.Record]) -> None:
        original(self, journal)
        self.book.votes.clear()
        self.book._certificates.clear()

    patch.setattr(Slot, "restore", restore)


def no_question_after_restart(patch: pytest.MonkeyPatch) -> None:
    def judge(self: RestartGuard) -> None:
        self.is_asking, self.may_vote = False, self._me is not None and not self.is_amnesic

    patch.setattr(RestartGuard, "_judge", judge)


def signatures_not_verified(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(VoteBook, "verify", lambda self, key, index, signature: None)


def second_value_voted_for(patch: pytest.MonkeyPatch) -> None:
    """R2 without `at most one per view`: own earlier notarizations do not count."""
    original = Slot._has_own

    def has_own(self: Slot, kind: VoteKind, view: int) -> bool:
        if kind is N:
            return (N, view, self.value_of_view(view)) in self.own
        return original(self, kind, view)

    def handle(self: Slot, message: Propose, moment: Moment) -> list[Effect]:
        if self.value_of_view(message.view) != named(message.value).hash:
            self.proposals.pop(message.view, None)
            self._hash_of_view.pop(message.view, None)
        return receive(self, message, moment)

    receive = Slot.handle_propose
    patch.setattr(Slot, "_has_own", has_own)
    patch.setattr(Slot, "handle_propose", handle)


Check = Callable[[], list[str]]

MUTANTS: list[tuple[Plant, Check, str]] = [
    (quorum_minus_one, attacks.split_in_half, "fork in slot 1"),
    (quorum_minus_one, storms_of_all_sizes, "fork in slot"),
    (nullify_and_finalize, attacks.late_votes, "NULLIFY and FINALIZE"),
    (notarize_not_restored, attacks.restart_under_an_equivocating_leader, "two NOTARIZE"),
    (notarize_not_restored, attacks.restart_under_an_equivocating_leader, "2 notarizations"),
    (notarize_not_restored, storms, "became amnesic"),
    (body_not_persisted, attacks.total_power_loss, "decided 0 slots"),
    (certificate_not_persisted, attacks.total_power_loss, "decided 0 slots"),
    (skipped_views_not_asked_for, attacks.skipped_nullification, "fork in slot 1"),
    (clock_asked_of_carried_values, lambda: attacks.total_power_loss(9), "decided 0 slots"),
    (leases_may_overlap, attacks.overlapping_lease, "begins before the last lease ends"),
    (leases_may_overlap, attacks.stretched_lease, "has a lease of 16000000 us, not 4000000"),
    (renewal_without_equality, storms, "has a lease of"),
    (own_vote_not_counted, attacks.solo_power_loss, "nothing decided since"),
    (own_vote_not_counted_after_restart, attacks.solo_power_loss, "nothing decided since"),
    (no_question_after_restart, attacks.restored_backup, "2 notarizations"),
    (no_question_after_restart, attacks.restored_backup, "two NOTARIZE"),
    (signatures_not_verified, attacks.forged_votes, "a forged decision was taken"),
    (second_value_voted_for, attacks.equivocating_leader, "two NOTARIZE"),
]


@pytest.mark.spec("CIR-002", "CIR-017", "CIR-018", "CIR-020", "CIR-023", "CIR-024", "CIR-025")
@pytest.mark.spec("CIR-045")
@pytest.mark.parametrize(
    ("plant", "check", "finding"),
    MUTANTS,
    ids=[f"{plant.__name__}-{finding}" for plant, _, finding in MUTANTS],
)
def test_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, check: Check, finding: str
) -> None:
    plant(monkeypatch)

    faults = check()

    assert any(finding in fault for fault in faults), faults


UNRECORDED: list[Plant] = [
    notarize_not_persisted,
    nullify_not_persisted,
    finalize_not_persisted,
    sent_before_persisted,
]


@pytest.mark.spec("CIR-050")
@pytest.mark.parametrize("plant", UNRECORDED)
def test_vote_that_leaves_before_it_is_on_record_is_found(
    monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    plant(monkeypatch)

    with pytest.raises(AssertionError, match="too early"):
        attacks.late_votes()
