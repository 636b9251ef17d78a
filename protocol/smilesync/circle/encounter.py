"""Other circles, as their devices nearby tell of them: one word of each neighbour, the newest.

What is said here is a stranger's claim. It decides whom to talk to, and never what is true.
Source: SPEC section Merging (MRG-020, MRG-021).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from smilesync.circle.bounded import NOTHING, noted
from smilesync.circle.offer import comes_first
from smilesync.config import MergingConfig
from smilesync.ids import CircleId, PeerId, ValueHash
from smilesync.wire.messages import Meet

VOICES_MAX = 256
"""Neighbours remembered; as many as links can be."""
HEADS_KEPT = 8
VOICES_MIN = 2
"""So many devices speak for a circle of more than one voter."""

Head = tuple[int, ValueHash]


@dataclass(slots=True)
class Voice:
    """What one neighbour says. Local ns: `since_ns` without a pause, `at_ns` last."""

    meet: Meet
    since_ns: int
    at_ns: int
    heads: dict[Head, int]
    """The last few heads that it named, and when first."""


class Encounters:
    """Who was met."""

    __slots__ = ("_config", "_voices")

    def __init__(self, config: MergingConfig) -> None:
        self._config = config
        self._voices: Mapping[PeerId, Voice] = NOTHING

    def heard(self, meet: Meet, sender: PeerId, now_ns: int) -> bool:
        """Take the word of a neighbour; one that changes its circle is new.

        Returns whether it was taken: not more often than twice as often as it is to be said.
        """
        known = self._voices.get(sender)
        if known is not None and now_ns - known.at_ns < self._config.say_ns // 2:
            return False
        is_old = known is None or known.at_ns < now_ns - self._config.near_ns
        if known is None or is_old or known.meet.circle != meet.circle:
            known = Voice(meet, now_ns, now_ns, {})
        known.meet, known.at_ns = meet, now_ns
        known.heads.setdefault((meet.slot, meet.head), now_ns)
        while len(known.heads) > HEADS_KEPT:
            del known.heads[next(iter(known.heads))]
        self._voices = noted(self._voices, sender, known, VOICES_MAX)
        return True

    def smaller(self, size: int, circle: CircleId, now_ns: int) -> list[CircleId]:
        """Return the circles, by id, that one of `size` voters may offer to: heard for a while."""
        since_ns = now_ns - self._config.acquaint_ns
        counts: dict[CircleId, tuple[int, int]] = {}
        for voice in self._present(now_ns):
            meet = voice.meet
            if voice.since_ns > since_ns or meet.circle == circle:
                continue
            if comes_first(size, circle, meet.voters, meet.circle):
                count, least = counts.get(meet.circle, (0, meet.voters))
                counts[meet.circle] = count + 1, min(least, meet.voters)
        return sorted(
            one for one, (count, least) in counts.items() if count >= min(VOICES_MIN, least)
        )

    def offers(
        self, size: int, circle: CircleId, now_ns: int
    ) -> dict[tuple[CircleId, ValueHash], list[PeerId]]:
        """Return what larger circles are said to offer to one of `size` voters, and by whom.

        By one device alone only if its circle has one voter: fewer end nobody's circle (MRG-021).
        """
        found: dict[tuple[CircleId, ValueHash], list[PeerId]] = {}
        for sender, voice in self._voices.items():
            meet = voice.meet
            is_for_it = meet.offered_to == circle and self._is_present(voice, now_ns)
            is_larger = comes_first(meet.voters, meet.circle, size, circle)
            if is_for_it and is_larger and meet.offer is not None:
                found.setdefault((meet.circle, meet.offer), []).append(sender)
        least = min(VOICES_MIN, size)
        return {name: tellers for name, tellers in found.items() if len(tellers) >= least}

    def knows(self, circle: CircleId, head: Head) -> bool:
        """Did anybody name this decision of a circle of late?"""
        return any(
            voice.meet.circle == circle and head in voice.heads for voice in self._voices.values()
        )

    def settled_head(self, circle: CircleId, now_ns: int) -> Head | None:
        """Return the newest decision of a circle that others had the time to hear of, too.

        One that most of those name who speak for it: nobody alone makes up a newer one.
        """
        until_ns = now_ns - 3 * self._config.say_ns // 2
        voices = [one for one in self._present(now_ns) if one.meet.circle == circle]
        counts = Counter(
            head for one in voices for head, first_ns in one.heads.items() if first_ns <= until_ns
        )
        named = [head for head, count in counts.items() if 2 * count > len(voices)]
        return max(named, default=None)

    def witnesses(
        self, circle: CircleId, offer: ValueHash, voters: Collection[PeerId], now_ns: int
    ) -> int:
        """Return how many of these voters say now that an offer of their circle is open."""
        return sum(
            sender in voters and (voice.meet.circle, voice.meet.offer) == (circle, offer)
            for sender, voice in self._voices.items()
            if self._is_present(voice, now_ns)
        )

    def _present(self, now_ns: int) -> Iterator[Voice]:
        return (one for one in self._voices.values() if self._is_present(one, now_ns))

    def _is_present(self, voice: Voice, now_ns: int) -> bool:
        return voice.at_ns >= now_ns - self._config.near_ns
