"""A member that turned: its honest peer goes on, and a habit bends what leaves the device.

A habit sees what its device hears and what its honest self wants to do, and returns what is done
instead. It has the keys and links of its device, and nothing of anybody else.
"""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from smilesync.commands import Command
from smilesync.effects import Effect
from smilesync.entropy import Entropy
from smilesync.ids import PeerId
from smilesync.keys import Signer
from smilesync.peer import Peer
from smilesync.statistics import Statistics
from smilesync.wire.messages import Message

if TYPE_CHECKING:
    from smilesim.device import Device

NEVER_NS = 2**62 - 1


class Means(NamedTuple):
    """What a villain has. `again` makes a second peer from the same keys and the same journal."""

    peer: Peer
    device: "Device"
    entropy: Entropy
    fired: Counter[str]
    again: Callable[[], Peer]


class Heard(NamedTuple):
    """A message that reached the device, and from whom."""

    message: Message
    sender: PeerId


class Habit(Protocol):
    """What a villain does. `due_ns`: when it wants to act without a cause, NEVER_NS if never."""

    due_ns: int

    def act(self, effects: list[Effect], heard: Heard | None, now_ns: int) -> list[Effect]:
        """Return what the device does, in place of what its honest self wants to do."""
        ...


class Turned:
    """A peer whose every wish passes through a habit."""

    def __init__(self, peer: Peer, habit: Habit) -> None:
        self._peer = peer
        self.habit = habit

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        effects = self._peer.handle(message, sender, now_ns)
        return self.habit.act(effects, Heard(message, sender), now_ns)

    def wake(self, now_ns: int) -> list[Effect]:
        effects = self._peer.wake(now_ns) if now_ns >= self._peer.next_wake_ns() else []
        return self.habit.act(effects, None, now_ns)

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        return self.habit.act(self._peer.command(command, now_ns), None, now_ns)

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self.habit.act(self._peer.connected(peer, now_ns), None, now_ns)

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self.habit.act(self._peer.disconnected(peer, now_ns), None, now_ns)

    def renewed(self, key: Signer, now_ns: int) -> list[Effect]:
        return self.habit.act(self._peer.renewed(key, now_ns), None, now_ns)

    def next_wake_ns(self) -> int:
        return min(self._peer.next_wake_ns(), self.habit.due_ns)

    def statistics(self, now_ns: int) -> Statistics:
        return self._peer.statistics(now_ns)
