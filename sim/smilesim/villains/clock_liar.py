"""A voter whose clock is fast for one half of its circle and slow for the other."""

from dataclasses import replace
from typing import TYPE_CHECKING

from smilesim.villains.pen import Pen
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.effects import Effect, Send
from smilesync.wire.messages import Clock

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "clock-lie"
LIES_US = (10_000, 19_000, 40_000, 500_000, 30_000_000)
"""From what nobody can tell from a bad link to what nobody can overlook; one for each villain."""


class ClockLiar:
    """Tells each neighbour another circle time, and that it is sure of it."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)
        self._lie_us = LIES_US[means.entropy.below(len(LIES_US))]

    def act(self, effects: list[Effect], _heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Change what it says of the circle's time."""
        others = self._pen.others
        late = frozenset(others[: len(others) // 2])
        bent: list[Effect] = []
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.message, Clock):
                reading = effect.message
                if reading.circle_us is not None:
                    lie_us = -self._lie_us if effect.to in late else self._lie_us
                    told_us = max(0, reading.circle_us + lie_us)
                    reading = replace(reading, circle_us=told_us, is_synced=True)
                    effect = Send(effect.to, reading)
                    self._means.fired[COUNT] += 1
            bent.append(effect)
        return bent
