"""A voter that passes on clock readings of others as its own, old ones, and hides the delay.

Readings of this revision are for the neighbour alone, so a relay can only sign for them itself:
it repeats what it heard seconds ago, and says it answered faster than it did.
"""

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.effects import Effect, Send
from smilesync.wire.messages import Clock

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "relayed-lie"
KEPT_MAX = 32
HIDDEN_US = 3_000


class LyingRelay:
    """Tells the circle time that others told it a while ago."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._heard_us: deque[int] = deque(maxlen=KEPT_MAX)

    def act(self, effects: list[Effect], heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Replace its own readings by the oldest it has kept."""
        told_us = heard.message.circle_us if heard and isinstance(heard.message, Clock) else None
        if told_us is not None:
            self._heard_us.append(told_us)
        if not self._heard_us:
            return effects
        bent: list[Effect] = []
        for effect in effects:
            if not isinstance(effect, Send) or not isinstance(effect.message, Clock):
                bent.append(effect)
                continue
            self._means.fired[COUNT] += 1
            bent.append(Send(effect.to, self._stale(effect.message)))
        return bent

    def _stale(self, reading: Clock) -> Clock:
        held_us = reading.held_us + HIDDEN_US if reading.echo_us else 0
        return replace(reading, circle_us=self._heard_us[0], held_us=held_us, is_synced=True)
