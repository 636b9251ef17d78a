"""A leader that shows each half of its circle another value, and tells everybody what they hope.

Where it leads, half of the others see one light pattern, the rest another. Elsewhere it signs to
each member, and to nobody else, whatever that member has signed. Up to f of them change nothing;
with f + 1 both halves reach a quorum and the circle forks: `fork.toml` shows it.
"""

from typing import TYPE_CHECKING

from smilesim.dice import shuffled
from smilesim.villains.pen import Pen, is_own_alone, of_sender
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.circle.quorum import VoteKey
from smilesync.circle.value import Value, named
from smilesync.effects import Effect, Send
from smilesync.ids import PeerId
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.wire.messages import Propose, VoteKind, Votes

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "equivocal-proposal"
N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE

Told = tuple[PeerId, VoteKey]


class Equivocator:
    """Shows two values, and votes for both."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)
        self._slot = 0
        self._told: set[Told] = set()
        self._second: dict[int, tuple[Propose, frozenset[PeerId]]] = {}

    def act(self, effects: list[Effect], heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Split what it proposes; keep its honest votes to itself and echo those of others."""
        if self._pen.slot.number != self._slot:
            self._slot = self._pen.slot.number
            self._told.clear()
            self._second.clear()
        bent = [one for effect in effects if (one := self._bent(effect)) is not None]
        return bent + self._echo(heard) if heard is not None else bent

    def _bent(self, effect: Effect) -> Effect | None:
        fresh = self._pen.own_fresh(effect)
        if fresh is not None:
            assert isinstance(effect, Send)
            return Send(effect.to, self._shown_to(effect.to, fresh))
        if isinstance(effect, Send) and isinstance(effect.message, Votes):
            me = self._pen.me
            if all(is_own_alone(one, me) and one.kind is not X for one in effect.message.sets):
                return None
        return effect

    def _shown_to(self, to: PeerId, fresh: Propose) -> Propose:
        """Return which of the two values a member is shown in this view."""
        known = self._second.get(fresh.view)
        if known is None:
            others = self._pen.others
            order = shuffled(len(others), self._means.entropy)
            half = frozenset(others[place] for place in order[: (len(others) + 1) // 2])
            other = self._pen.propose(fresh, self._other(named(fresh.value).value))
            known = self._second[fresh.view] = other, half
            self._means.fired[COUNT] += 1
        other, half = known
        return other if to in half else fresh

    def _other(self, value: Value) -> Value:
        """Return a value as good as this one, of another pattern."""
        place = MOOD_PATTERNS.index(value.pattern) if value.pattern in MOOD_PATTERNS else 0
        return self._pen.repainted(value, MOOD_PATTERNS[(place + 1) % len(MOOD_PATTERNS)])

    def _is_from_leader(self, message: Propose, place: int | None) -> bool:
        slot = self._pen.slot
        is_open = message.slot == slot.number and message.view > 0
        return is_open and slot.leader(message.view) == place

    def _echo(self, heard: Heard) -> list[Effect]:
        """Sign to the sender what it signed, once."""
        message, slot = heard.message, self._pen.slot
        place = slot.around.roster.index_of.get(heard.sender)
        keys: list[VoteKey] = []
        if isinstance(message, Votes) and message.slot == slot.number:
            keys = of_sender(message, place)
        elif isinstance(message, Propose) and self._is_from_leader(message, place):
            keys = [(N, message.view, slot.value_of_view(message.view))]
        echoes: list[VoteKey] = []
        for kind, view, value_hash in keys:
            if value_hash is not None:
                echoes += [(N, view, value_hash), (F, view, value_hash)]
            elif kind is X:
                echoes.append((X, view, None))
        fresh = [key for key in dict.fromkeys(echoes) if (heard.sender, key) not in self._told]
        self._told.update((heard.sender, key) for key in fresh)
        return [Send(heard.sender, self._pen.votes(*fresh))] if fresh else []
