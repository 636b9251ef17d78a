"""Bugs of what people feel: who is counted, of how many something is said, and for how long."""

from collections.abc import Container

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync import crowd
from smilesync.circle import circle
from smilesync.circle.feelings import Feelings, Present, Word
from smilesync.circle.inputs import Basis, Counts
from smilesync.emotion.hearing import Hearing
from smilesync.ids import PeerId
from smilesync.wire.messages import Feeling


def withdrawn_feeling_counted(patch: Patch) -> None:
    """A voter goes on counting what somebody took back."""
    honest = Feelings._judge

    def judge(
        self: Feelings, feeling: Feeling, present: Present, admitted: frozenset[PeerId]
    ) -> Word | None:
        return None if feeling.state is None else honest(self, feeling, present, admitted)

    patch.set(Feelings, "_judge", judge)


def feelings_of_four_published(patch: Patch) -> None:
    """A leader says what people feel however few they are."""

    def published(own: Counts, *_: Counts | Basis | int | None) -> Counts:
        a, b, c, d, e = ((count + 2) // 5 * 5 for count in own)
        return a, b, c, d, e

    patch.set(circle, "published", published)


def crowd_counted_in_full(patch: Patch) -> None:
    """Whoever follows counts as much as somebody with a seat, and made-up people too."""

    def weighed(members: Counts, others: Counts, _most: int) -> Counts:
        a, b, c, d, e = (one + other for one, other in zip(members, others, strict=True))
        return a, b, c, d, e

    patch.set(crowd, "weighed", weighed)


def aloof_counted(patch: Patch) -> None:
    """What neighbours alone may know counts in the circle too."""

    def tally(self: Hearing, now_ns: int, among: Container[PeerId] | None = None) -> list[int]:
        counts = [0, 0, 0, 0, 0]
        for peer, state in self.held(now_ns):
            counts[state] += among is None or peer in among
        return counts

    patch.set(Hearing, "tally", tally)


BUGS = (
    Bug(aloof_counted, grounds.ALOOF),
    Bug(withdrawn_feeling_counted, grounds.TAKEN_BACK),
    Bug(feelings_of_four_published, grounds.FOUR_WHO_SHARE),
    Bug(crowd_counted_in_full, grounds.MANY_WHO_FOLLOW),
)
