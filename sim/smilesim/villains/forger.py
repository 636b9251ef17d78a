"""A member that signs for others: votes, whole certificates, and decisions nobody made."""

from typing import TYPE_CHECKING

from smilesim.villains.pen import Pen, invented
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.effects import Effect, Send
from smilesync.ids import SIGNATURE_SIZE_BYTES
from smilesync.wire.messages import Clock, Decided, Message, VoteKind, Votes, VoteSet

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "forged-vote"


class Forger:
    """Answers every message of the circle with one that somebody else should have signed."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)
        self._turn = 0

    def act(self, effects: list[Effect], heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Add the forgeries, and vote as ever."""
        others = self._pen.others
        if heard is None or isinstance(heard.message, Clock) or not others:
            return effects
        self._turn += 1
        self._means.fired[COUNT] += 1
        to = others[self._means.entropy.below(len(others))]
        return [*effects, *(Send(to, message) for message in self._forged())]

    def _forged(self) -> list[Message]:
        """Return a vote of one other, or a certificate of a decision with its body."""
        pen, entropy = self._pen, self._means.entropy
        slot, roster = pen.slot, pen.slot.around.roster
        if self._turn % 2 and slot.bodies:
            body = next(iter(slot.bodies.values()))
            everyone = (1 << roster.quorum) - 1
            key = (VoteKind.FINALIZE, slot.view, body.hash)
            # Its own signature is good; it stands for everybody here.
            signatures = (pen.sign(key),) * roster.quorum
            votes = VoteSet(*key, everyone, signatures)
            return [Votes(slot.number, (votes,)), Decided(body.body, slot.view)]
        victim = 1 << entropy.below(roster.size)
        kind = VoteKind(1 + entropy.below(len(VoteKind)))
        value = None if kind is VoteKind.NULLIFY else invented(entropy)
        half = SIGNATURE_SIZE_BYTES // 2
        signature = entropy.draw(half) + entropy.draw(half)
        return [Votes(slot.number, (VoteSet(kind, slot.view, value, victim, (signature,)),))]
