"""A voter that signs what excludes each other: a second value, and NULLIFY beside FINALIZE."""

from typing import TYPE_CHECKING

from smilesim.villains.pen import Pen, invented, is_own_alone
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.circle.quorum import VoteKey
from smilesync.effects import Effect, Send
from smilesync.wire.messages import VoteKind, Votes

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "double-vote"
N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE


class DoubleVoter:
    """Votes as ever, and right after each vote for the opposite."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)

    def act(self, effects: list[Effect], _heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Let a contradiction follow every own vote, to the same member."""
        bent: list[Effect] = []
        opposed: dict[VoteKey, Votes] = {}
        for effect in effects:
            bent.append(effect)
            if not isinstance(effect, Send) or not isinstance(effect.message, Votes):
                continue
            message = effect.message
            own = [one for one in message.sets if is_own_alone(one, self._pen.me)]
            if not own or message.slot != self._pen.slot.number:
                continue
            key = (own[0].kind, own[0].view, own[0].value_hash)
            if key not in opposed:
                opposed[key] = self._pen.votes(*self._against(key))
                self._means.fired[COUNT] += 1
            bent.append(Send(effect.to, opposed[key]))
        return bent

    def _against(self, key: VoteKey) -> list[VoteKey]:
        """Return what nobody may sign who signed this."""
        kind, view, _ = key
        if kind is N:
            return [(N, view, invented(self._means.entropy))]
        if kind is F:
            return [(X, view, None), (F, view, invented(self._means.entropy))]
        return [(F, view, invented(self._means.entropy))]
