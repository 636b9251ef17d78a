"""Bugs of succession: a circle given up too early, too late, or by halves."""

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle.circle import Circle
from smilesync.circle.genesis import found
from smilesync.circle.lineage import Lineage
from smilesync.circle.succession import Situation, Succession
from smilesync.effects import Effect, Persist
from smilesync.keys import Signer
from smilesync.wire import records
from smilesync.wire.messages import Call, Pledge

EARLY_NS = 40_000_000_000


def signs_after_abandon(patch: Patch) -> None:
    """Who gave up the circle keeps the voter key, and votes on when the quorum comes back."""

    def abandon(self: Circle) -> list[Effect]:
        return [Persist(records.encode(self.members.abandonment()))]

    patch.set(Circle, "abandon", abandon)


def abandon_not_written(patch: Patch) -> None:
    """The circle is given up without a record of it."""
    honest = Circle.abandon

    def abandon(self: Circle) -> list[Effect]:
        return honest(self)[1:]

    patch.set(Circle, "abandon", abandon)


def founds_too_early(patch: Patch) -> None:
    """A circle is taken for lost after 20 s."""
    honest = Succession._stranded_ns
    may = Succession._may_found

    def stranded_ns(self: Succession, now: Situation) -> int:
        return honest(self, now) - EARLY_NS

    def may_found(self: Succession, now: Situation, now_ns: int) -> bool:
        return may(self, now, now_ns + EARLY_NS)

    patch.set(Succession, "_stranded_ns", stranded_ns)
    patch.set(Succession, "_may_found", may_found)


def founds_without_all_signatures(patch: Patch) -> None:
    """A successor exists when two of its founders have signed."""

    def complete(self: Succession, call: Call, now: Situation) -> list[Effect]:
        if len(self._cards) >= 2:
            lineage, cards = Lineage(call.circle, call.head), tuple(self._cards.values())
            parameters = now.around.parameters
            self.outcome = found(cards, call.nonce, parameters, lineage=lineage)
        return []

    patch.set(Succession, "_complete", complete)


def two_pledges_at_a_time(patch: Patch) -> None:
    """A founder signs the next call as soon as it comes."""
    honest = Succession._pledge

    def pledge(self: Succession, call: Call, now: Situation) -> list[Effect]:
        nonce = self._entropy.draw(32)
        other = Call(call.circle, call.head, nonce, call.founders)
        return honest(self, other, now) + honest(self, call, now)

    patch.set(Succession, "_pledge", pledge)


def pledges_with_the_old_key(patch: Patch) -> None:
    """A founder signs first, and gives up the circle afterwards."""
    honest = Succession._answer

    def answer(
        self: Succession, call: Call, caller: object, now: Situation, now_ns: int
    ) -> list[Effect]:
        key: Signer | None = now.around.signer
        if key is None or self.key is not None:
            return honest(self, call, caller, now, now_ns)  # type: ignore[arg-type]
        self.key = key
        effects = honest(self, call, caller, now, now_ns)  # type: ignore[arg-type]
        self.key = None
        is_last = [one for one in effects if isinstance(getattr(one, "message", None), Pledge)]
        return is_last + self._abandon(now)

    patch.set(Succession, "_answer", answer)


BUGS = (
    Bug(signs_after_abandon, grounds.LOST_AND_FOUND),
    Bug(abandon_not_written, grounds.WALKED_AWAY),
    Bug(founds_too_early, grounds.CUT_FOR_A_WHILE),
    Bug(founds_without_all_signatures, grounds.WALKED_AWAY),
    Bug(two_pledges_at_a_time, grounds.WALKED_AWAY),
    Bug(pledges_with_the_old_key, grounds.WALKED_AWAY),
)
