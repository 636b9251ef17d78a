"""An accuser: it shows true signatures of honest voters under statements they never signed."""

from typing import TYPE_CHECKING

from smilesim.villains.pen import Pen, invented
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.effects import Effect, Send
from smilesync.wire.messages import VoteKind, Votes, VoteSet

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "forged-evidence"
N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE


class EvidenceForger:
    """Turns every vote it hears into two that exclude each other, and shows both around."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)

    def act(self, effects: list[Effect], heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Add false evidence against whoever voted."""
        if heard is None or not isinstance(heard.message, Votes):
            return effects
        false = [self._against(votes) for votes in heard.message.sets[:1]]
        self._means.fired[COUNT] += len(false)
        accusations: list[Effect] = [
            Send(to, Votes(heard.message.slot, (votes,)))
            for votes in false
            for to in self._pen.others
            if to != heard.sender
        ]
        return effects + accusations

    def _against(self, votes: VoteSet) -> VoteSet:
        """Return the same signatures under another statement."""
        draw = self._means.entropy.below(3)
        if draw == 0 or votes.kind is X:
            value = invented(self._means.entropy)
            return VoteSet(F, votes.view, value, votes.bitmap, votes.signatures)
        if draw == 1:
            return VoteSet(X, votes.view, None, votes.bitmap, votes.signatures)
        value = invented(self._means.entropy)
        return VoteSet(N, votes.view, value, votes.bitmap, votes.signatures)
