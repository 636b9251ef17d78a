"""Bugs of mergers: a circle that goes on after its end, or ends for nothing."""

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle.circle import Circle
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.merging import Merger
from smilesync.circle.offer import Dissolve, Merging, comes_first
from smilesync.circle.validity import Head, Reason
from smilesync.circle.value import Value
from smilesync.effects import Effect, EraseVoterKey


def goes_on_after_the_end(patch: Patch) -> None:
    """A circle that decided its end opens the next slot."""
    patch.set(Value, "is_last", property(lambda _: False))


def unproven_offer_trusted(patch: Patch) -> None:
    """A circle ends when a larger one is near, without a proof that it offered."""

    def objection(
        self: Merger, merging: Merging, head: Head, around: Circumstances, now_ns: int
    ) -> Reason | None:
        return None

    def choose(
        self: Merger, head: Head, around: Circumstances, begin_us: int, now_ns: int
    ) -> Merging | None:
        own, size = around.roster.circle, around.roster.size
        for voice in self._encounters._voices.values():
            meet = voice.meet
            if comes_first(meet.voters, meet.circle, size, own):
                return Dissolve(meet.circle, meet.head)
        return None

    patch.set(Merger, "objection", objection)
    patch.set(Merger, "choose", choose)


def key_kept_when_going_over(patch: Patch) -> None:
    """Who goes over has the voter key replaced, and no record that it was given up."""

    def abandon(self: Circle) -> list[Effect]:
        self.members.part()
        return [EraseVoterKey()]

    patch.set(Circle, "abandon", abandon)


BUGS = (
    Bug(goes_on_after_the_end, grounds.MEETING),
    Bug(unproven_offer_trusted, grounds.MEETING),
    Bug(key_kept_when_going_over, grounds.MEETING),
)
