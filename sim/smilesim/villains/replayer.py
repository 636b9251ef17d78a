"""A member that never forgets: it sends what it once heard to everybody, again and again."""

from typing import TYPE_CHECKING

from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.effects import Effect, Send
from smilesync.wire.messages import Clock, Message

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

KEPT_MAX = 64
COUNT = "replayed-message"


class Replayer:
    """Does all that an honest member does, and after each message repeats an old one."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._device = means.device
        self._entropy = means.entropy
        self._fired = means.fired
        self._kept: list[Message] = []

    def act(self, effects: list[Effect], heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Add an old message to what is done about a new one."""
        if heard is None:
            return effects
        # A clock reading is believed for who sent it, so repeating one is a lie, not a replay.
        if not isinstance(heard.message, Clock):
            if len(self._kept) < KEPT_MAX:
                self._kept.append(heard.message)
            else:
                self._kept[self._entropy.below(KEPT_MAX)] = heard.message
        others = list(self._device.links)
        if not self._kept or not others:
            return effects
        to = others[self._entropy.below(len(others))]
        self._fired[COUNT] += 1
        return [*effects, Send(to, self._kept[self._entropy.below(len(self._kept))])]
