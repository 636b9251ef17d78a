"""A member that never forgets: it sends what it once heard to everybody, again and again."""

from collections import Counter
from typing import TYPE_CHECKING

from smilesync.commands import Command
from smilesync.effects import Effect, Send
from smilesync.entropy import Entropy
from smilesync.ids import PeerId
from smilesync.statistics import Statistics
from smilesync.wire.messages import Clock, Message

if TYPE_CHECKING:
    from smilesim.device import Device, LivePeer

KEPT_MAX = 64
COUNT = "replayed-message"


class Replayer:
    """Does all that an honest member does, and after each message repeats an old one."""

    def __init__(
        self, peer: "LivePeer", device: "Device", entropy: Entropy, fired: Counter[str]
    ) -> None:
        self._peer = peer
        self._device = device
        self._entropy = entropy
        self._fired = fired
        self._kept: list[Message] = []

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        effects = list(self._peer.handle(message, sender, now_ns))
        # A clock reading is believed for who sent it, so repeating one is a lie, not a replay.
        if not isinstance(message, Clock):
            if len(self._kept) < KEPT_MAX:
                self._kept.append(message)
            else:
                self._kept[self._entropy.below(KEPT_MAX)] = message
        others = list(self._device.links)
        if self._kept and others:
            to = others[self._entropy.below(len(others))]
            old = self._kept[self._entropy.below(len(self._kept))]
            self._fired[COUNT] += 1
            effects.append(Send(to, old))
        return effects

    def wake(self, now_ns: int) -> list[Effect]:
        return self._peer.wake(now_ns)

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        return self._peer.command(command, now_ns)

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self._peer.connected(peer, now_ns)

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self._peer.disconnected(peer, now_ns)

    def next_wake_ns(self) -> int:
        return self._peer.next_wake_ns()

    def statistics(self, now_ns: int) -> Statistics:
        return self._peer.statistics(now_ns)
