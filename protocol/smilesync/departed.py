"""Circles that the device left because they ended: who may still be there, and what to tell them.

Source: SPEC section Merging (MRG-035, MRG-037).
"""

from collections.abc import Mapping, Sequence

from smilesync.boot import ends
from smilesync.circle.bounded import NOTHING
from smilesync.circle.chain import shown
from smilesync.circle.circle import Circle
from smilesync.circle.partners import Partners
from smilesync.circle.provenance import Step
from smilesync.circle.roster import roster_of
from smilesync.circle.value import named
from smilesync.effects import Effect, Send
from smilesync.ids import CircleId, PeerId
from smilesync.wire.messages import Meet, MeetingMessage
from smilesync.wire.records import Proven, Record


class Departed:
    """`ended`: the decision that ended each circle, with all that proves it."""

    __slots__ = ("_gap_ns", "_told_ns", "ended")

    def __init__(self, journal: Sequence[Record], gap_ns: int) -> None:
        self.ended = ended(journal)
        self._gap_ns = gap_ns
        self._told_ns: Mapping[PeerId, int] = NOTHING

    def tell_end(self, message: MeetingMessage, to: PeerId, now_ns: int) -> list[Effect]:
        """Tell somebody who still speaks for a circle that it ended."""
        step = self.ended.get(message.circle) if isinstance(message, Meet) else None
        since_ns = now_ns - self._gap_ns
        self._told_ns = {peer: at for peer, at in self._told_ns.items() if at > since_ns}
        if step is None or to in self._told_ns:
            return []
        self._told_ns = {**self._told_ns, to: now_ns}
        return [Send(to, one) for one in shown(step)]


class Apart:
    """Whom the time of the present circle is not told: who may still keep that of one that ended.

    That is whoever voted there, but for those who are known to be here, too.
    """

    def __init__(self, ended: Mapping[CircleId, Step], here: Circle, partners: Partners) -> None:
        self._former = {one for _, _, roster in ended.values() for one in roster.identities}
        self._here = here
        self._partners = partners

    def __contains__(self, peer: object) -> bool:
        if peer not in self._former:
            return False
        return peer not in self._here.roster.index_of and peer not in self._partners.known


def ended(journal: Sequence[Record]) -> dict[CircleId, Step]:
    """Return the circles that ended while the device was in them, and their last decisions."""
    return {
        one.circle: (named(one.body), one.certificate, roster_of(one.circle, one.roster))
        for one in journal
        if isinstance(one, Proven) and ends(one)
    }
