"""Two correct devices with one identity, each seen by half of the circle.

Neither does anything wrong. What one signs the other does not remember; where both were to vote,
somebody would see two votes of one voter.
"""

from typing import TYPE_CHECKING

from smilesim.villains.pen import Pen
from smilesync.commands import Command
from smilesync.effects import Effect, Send
from smilesync.ids import PeerId
from smilesync.keys import Signer
from smilesync.statistics import Statistics
from smilesync.wire.messages import Message

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "twin-message"


class Twins:
    """A second peer beside the first; its disk and its lamp are elsewhere, and nobody sees them."""

    def __init__(self, means: "Means") -> None:
        self._peer = means.peer
        self._twin = means.again()
        self._fired = means.fired
        self._its = frozenset(Pen(means).others[1::2])

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        """What a half says reaches its own twin alone."""
        if sender in self._its:
            return self._its_words(self._twin.handle(message, sender, now_ns))
        return self._own_words(self._peer.handle(message, sender, now_ns))

    def wake(self, now_ns: int) -> list[Effect]:
        effects: list[Effect] = []
        if now_ns >= self._peer.next_wake_ns():
            effects += self._own_words(self._peer.wake(now_ns))
        if now_ns >= self._twin.next_wake_ns():
            effects += self._its_words(self._twin.wake(now_ns))
        return effects

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        effects = self._its_words(self._twin.command(command, now_ns))
        return self._own_words(self._peer.command(command, now_ns)) + effects

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        if peer in self._its:
            return self._its_words(self._twin.connected(peer, now_ns))
        return self._own_words(self._peer.connected(peer, now_ns))

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        one = self._twin if peer in self._its else self._peer
        one.disconnected(peer, now_ns)
        return []

    def renewed(self, key: Signer, now_ns: int) -> list[Effect]:
        return self._own_words(self._peer.renewed(key, now_ns))

    def next_wake_ns(self) -> int:
        return min(self._peer.next_wake_ns(), self._twin.next_wake_ns())

    def statistics(self, now_ns: int) -> Statistics:
        return self._peer.statistics(now_ns)

    def _own_words(self, effects: list[Effect]) -> list[Effect]:
        """The first twin keeps journal and lamp, and is not heard by the other's half."""
        return [one for one in effects if not isinstance(one, Send) or one.to not in self._its]

    def _its_words(self, effects: list[Effect]) -> list[Effect]:
        """Of the second twin only words reach the world, those to its half."""
        words: list[Effect] = [
            one for one in effects if isinstance(one, Send) and one.to in self._its
        ]
        self._fired[COUNT] += len(words)
        return words
