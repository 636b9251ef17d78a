"""A member that says everything just before the patience of the others ends."""

from typing import TYPE_CHECKING

from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.effects import Effect, Send
from smilesync.wire.messages import Carried, Clock

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "held-message"
HELD_NS = 420_000_000
"""A view's patience is 500 ms: with what the air takes it arrives when timers are about to fire."""
SPREAD_NS = 100_000_000


class Delayer:
    """Holds whatever it says of the circle, each message for another while."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._held: list[tuple[int, Effect]] = []

    def act(self, effects: list[Effect], _heard: Heard | None, now_ns: int) -> list[Effect]:
        """Let go of what was held for long enough; take the rest back."""
        done: list[Effect] = []
        for effect in effects:
            if not isinstance(effect, Send) or isinstance(effect.message, Clock | Carried):
                done.append(effect)
                continue
            self._means.fired[COUNT] += 1
            wait_ns = HELD_NS + self._means.entropy.below(SPREAD_NS)
            self._held.append((now_ns + wait_ns, effect))
        done += [effect for due_ns, effect in self._held if due_ns <= now_ns]
        self._held = [item for item in self._held if item[0] > now_ns]
        self.due_ns = min((due_ns for due_ns, _ in self._held), default=NEVER_NS)
        return done
