"""What a villain signs with: its device's own voter key, for whatever it likes.

Every signature is remembered among the votes of its honest self, which would otherwise find, when
others show it one, that it forgot what it signed, and never vote again.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from smilesync.circle.quorum import VoteKey, bits, statement, vote_set
from smilesync.circle.slot import Slot
from smilesync.circle.validity import expected_previous, lease_length_us
from smilesync.circle.value import Value, named
from smilesync.effects import Effect, Send
from smilesync.entropy import Entropy
from smilesync.ids import PeerId, ValueHash
from smilesync.wire.messages import Propose, VoteKind, Votes, VoteSet

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

HASH_BYTES = 32
Change = Callable[[Value], Value]


class Pen:
    """Signs votes and proposals of the slot that is open at its device."""

    def __init__(self, means: "Means") -> None:
        self._means = means

    @property
    def slot(self) -> Slot:
        """The slot that is open at the device."""
        assert self._means.peer.circle is not None, "only voters turn"
        return self._means.peer.circle.slot

    @property
    def me(self) -> int:
        """The own place in the roster."""
        return self._means.device.roster_index

    @property
    def others(self) -> list[PeerId]:
        """The other members of the circle, in roster order."""
        identities = self.slot.around.roster.identities
        return [one for place, one in enumerate(identities) if place != self.me]

    def sign(self, key: VoteKey) -> bytes:
        """Sign a vote of the open slot, and remember it as the own."""
        roster = self.slot.around.roster
        data = statement(roster.circle, roster.hash, self.slot.number, key)
        signature = self._means.device.keys.voter.sign(data)
        self.slot.own[key] = signature
        return signature

    def votes(self, *keys: VoteKey) -> Votes:
        """Return own votes as a message."""
        sets = tuple(vote_set(key, {self.me: self.sign(key)}) for key in keys)
        return Votes(self.slot.number, sets)

    def propose(self, like: Propose, value: Value) -> Propose:
        """Return a proposal of `value` in the view of another one, as its leader."""
        body = value.encode()
        signature = self.sign((VoteKind.NOTARIZE, like.view, named(body).hash))
        return Propose(like.slot, like.view, body, signature, like.carried_view)

    def repainted(self, value: Value, pattern: bytes) -> Value:
        """Return a valid value of the open slot like this one, of another pattern."""
        slot = self.slot
        start_us = value.not_before_us
        previous, previous_start_us = expected_previous(pattern, start_us, slot.head)
        other = replace(
            value,
            pattern=pattern,
            start_us=start_us,
            previous=previous,
            previous_start_us=previous_start_us,
        )
        return self.leased(other)

    def leased(self, value: Value) -> Value:
        """Return the value with a lease of the length that it must have."""
        slot = self.slot
        length_us = lease_length_us(value, slot.head, slot.around.parameters)
        return replace(value, not_after_us=value.not_before_us + length_us)

    def own_fresh(self, effect: Effect) -> Propose | None:
        """Return the message if it is a fresh proposal that this device makes as leader now."""
        if not isinstance(effect, Send) or not isinstance(effect.message, Propose):
            return None
        message, slot = effect.message, self.slot
        is_leader = message.slot == slot.number and slot.leader(message.view) == self.me
        return message if is_leader and not message.carried_view else None

    def replaced(self, effects: list[Effect], change: Change) -> tuple[list[Effect], int]:
        """Return the effects with every fresh proposal of its own changed, and how many were."""
        bent: list[Effect] = []
        changed: dict[bytes, Propose] = {}
        for effect in effects:
            fresh = self.own_fresh(effect)
            if fresh is None:
                bent.append(effect)
                continue
            assert isinstance(effect, Send)
            if fresh.value not in changed:
                value = change(named(fresh.value).value)
                changed[fresh.value] = self.propose(fresh, value)
            bent.append(Send(effect.to, changed[fresh.value]))
        return bent, len(changed)


def is_own_alone(votes: VoteSet, me: int) -> bool:
    """Is this nothing but one vote of the device itself? Never without a seat."""
    return me >= 0 and votes.bitmap == 1 << me


def of_sender(message: Votes, place: int | None) -> list[VoteKey]:
    """Return what the member at `place` itself votes for in a message."""
    return [
        (votes.kind, votes.view, votes.value_hash)
        for votes in message.sets
        if place is not None and place in bits(votes.bitmap)
    ]


def invented(entropy: Entropy) -> ValueHash:
    """Return the name of a value that does not exist."""
    return ValueHash(entropy.draw(HASH_BYTES))
