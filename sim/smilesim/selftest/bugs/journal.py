"""Bugs of memory: what must be on the disk first, and what a restart must make of it."""

from collections.abc import Iterable

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle import circle, guard
from smilesync.circle.circle import Circle
from smilesync.circle.guard import RestartGuard
from smilesync.circle.lease import Standing
from smilesync.circle.quorum import VoteKey
from smilesync.circle.slot import Slot
from smilesync.circle.value import Named, named
from smilesync.clock.sync import CircleClock
from smilesync.effects import Effect, Persist
from smilesync.wire import records
from smilesync.wire.messages import VoteKind
from smilesync.wire.records import Finalized, Notarized, Nullified

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE


def vote_before_fsync(patch: Patch) -> None:
    """A vote is on the air before it is on the disk."""
    honest = Slot._vote

    def vote(self: Slot, key: VoteKey, record: records.Record) -> list[Effect]:
        persist, *sends = honest(self, key, record)
        return [*sends, persist]

    patch.set(Slot, "_vote", vote)


def _unwritten(patch: Patch, kind: type[records.Record]) -> None:
    honest = Slot._vote

    def vote(self: Slot, key: VoteKey, record: records.Record) -> list[Effect]:
        effects = honest(self, key, record)
        is_lost = isinstance(record, kind)
        return [one for one in effects if not (is_lost and isinstance(one, Persist))]

    patch.set(Slot, "_vote", vote)


def notarize_not_written(patch: Patch) -> None:
    """NOTARIZE votes are not journalled."""
    _unwritten(patch, Notarized)


def nullify_not_written(patch: Patch) -> None:
    """NULLIFY votes are not journalled."""
    _unwritten(patch, Nullified)


def finalize_not_written(patch: Patch) -> None:
    """FINALIZE votes are not journalled."""
    _unwritten(patch, Finalized)


def notarize_forgotten(patch: Patch) -> None:
    """A restart passes over the NOTARIZE votes of the journal."""

    def restore(self: Slot, view: int, candidate: Named) -> None:
        self.bodies[candidate.hash] = candidate

    patch.set(Slot, "_restore_notarized", restore)


def body_not_kept(patch: Patch) -> None:
    """The journal keeps a NOTARIZE vote without the value that it is for."""
    honest = Slot._restore_notarized

    def restore(self: Slot, view: int, candidate: Named) -> None:
        honest(self, view, candidate)
        del self.bodies[candidate.hash]
        self.proposals.pop(view, None)

    patch.set(Slot, "_restore_notarized", restore)


def notarization_not_kept(patch: Patch) -> None:
    """The journal keeps a FINALIZE vote without the notarization it rests on."""

    def restore(self: Slot, journal: Iterable[records.Record]) -> None:
        for record in journal:
            match record:
                case Notarized(number, view, _, body) if number == self.number:
                    self._restore_notarized(view, named(body))
                case Nullified(number, view) if number == self.number:
                    self._count_own((X, view, None))
                case Finalized(number, view, value_hash, _) if number == self.number:
                    self._count_own((F, view, value_hash))

    patch.set(Slot, "restore", restore)


def own_votes_not_recounted(patch: Patch) -> None:
    """After a restart own votes are remembered and not counted (R7)."""
    honest = Slot.restore

    def restore(self: Slot, journal: Iterable[records.Record]) -> None:
        honest(self, journal)
        self.book.votes.clear()
        self.book._certificates.clear()

    patch.set(Slot, "restore", restore)


def no_question_after_restart(patch: Patch) -> None:
    """A restarted voter votes without asking the others."""

    def judge(self: RestartGuard) -> None:
        self.is_asking, self.may_vote = False, self._me is not None and not self.is_amnesic

    patch.set(RestartGuard, "_judge", judge)


def answers_without_memory(patch: Patch) -> None:
    """Who is asked after a restart answers, and does not tell which vote it knows of."""
    patch.set(guard, "recall", lambda *_args: (0, None))


def rollback_guard_forgotten(patch: Patch) -> None:
    """Who is shown a vote of its own that it does not remember shrugs, and votes."""
    patch.set(RestartGuard, "_is_forgotten", lambda *_args: False)
    patch.set(Slot, "_recognise", lambda self, key, index: None)
    patch.set(circle, "remembers", lambda *_args: True)


def shown_slot_not_durable(patch: Patch) -> None:
    """Which slot was shown last is not journalled."""
    honest = Circle.select

    def select(self: Circle, standing: Standing) -> list[Effect]:
        honest(self, standing)
        return []

    patch.set(Circle, "select", select)


def time_not_reserved(patch: Patch) -> None:
    """Circle time is told before the journal covers it."""
    honest = CircleClock.publish_us

    def publish_us(self: CircleClock, now_ns: int, _effects: list[Effect]) -> int | None:
        return honest(self, now_ns, [])

    patch.set(CircleClock, "publish_us", publish_us)


BUGS = (
    Bug(vote_before_fsync, grounds.CALM),
    Bug(notarize_not_written, grounds.CALM),
    Bug(nullify_not_written, grounds.LATE),
    Bug(finalize_not_written, grounds.CALM),
    Bug(notarize_forgotten, grounds.RESTART_UNDER_A_LIAR),
    Bug(body_not_kept, grounds.TOTAL_POWER_LOSS),
    Bug(notarization_not_kept, grounds.TOTAL_POWER_LOSS),
    Bug(own_votes_not_recounted, grounds.TOTAL_POWER_LOSS),
    Bug(no_question_after_restart, grounds.CALM),
    Bug(answers_without_memory, grounds.RESTORED_BACKUP),
    Bug(rollback_guard_forgotten, grounds.RESTORED_BACKUP),
    Bug(shown_slot_not_durable, grounds.BLACKOUT),
    Bug(time_not_reserved, grounds.CALM),
)
