"""One device that speaks for a crowd which is not there: feelings signed by keys it just made."""

from typing import TYPE_CHECKING

from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.circle.feelings import sign
from smilesync.commands import EmotionState
from smilesync.effects import Effect, Send
from smilesync.emotion.statement import Statement, write
from smilesync.keys import Ed25519Signer
from smilesync.wire.messages import Carried, Feelings, VoteKind, Votes, VoteSet

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "sybil-statement"
SEED_BYTES = 32
HEARD_PER_SYBIL = 4
REST_NS = 20_000_000
"""Else two of its kind in range would incite each other without end."""


class SybilCrowd:
    """Brings a new person into being for every few messages it hears: each feels, and votes."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._heard = 0
        self._rest_until_ns = 0

    def act(self, effects: list[Effect], heard: Heard | None, now_ns: int) -> list[Effect]:
        """Let a Sybil say how it feels, to everybody in range, and vote from beyond the roster."""
        if heard is None:
            return effects
        self._heard += 1
        if self._heard % HEARD_PER_SYBIL or now_ns < self._rest_until_ns:
            return effects
        self._rest_until_ns = now_ns + REST_NS
        self._means.fired[COUNT] += 1
        sybil = Ed25519Signer(self._means.entropy.draw(SEED_BYTES))
        feeling = write(Statement(self._heard, EmotionState.HIGH), sybil)
        spoken: list[Effect] = [Send(to, feeling) for to in self._means.device.links]
        return [*effects, *spoken, *self._follow(sybil, now_ns), *self._vote(sybil, feeling)]

    def _follow(self, sybil: Ed25519Signer, now_ns: int) -> list[Effect]:
        """Let the Sybil follow the circle, and tell all its voters how it feels."""
        peer = self._means.peer
        circle, line = peer.circle, peer.clock.timeline
        assert circle is not None, "only voters turn"
        if line is None:
            return []
        everybody = (1 << circle.roster.size) - 1
        word = sign(sybil, circle.roster.circle, self._heard, EmotionState.HIGH, line.at(now_ns))
        message = Feelings((word._replace(voters=everybody),))
        return [Send(to, message) for to in peer.relays.partners.known]

    def _vote(self, sybil: Ed25519Signer, feeling: Carried) -> list[Effect]:
        circle = self._means.peer.circle
        assert circle is not None, "only voters turn"
        place = 1 << circle.roster.size
        signature = sybil.sign(feeling.body)
        votes = VoteSet(VoteKind.NULLIFY, circle.slot.view, None, place, (signature,))
        message = Votes(circle.slot.number, (votes,))
        return [
            Send(to, message) for to in circle.roster.identities if to in self._means.device.links
        ]
