"""A member that keeps its votes, its proposals and its help from all but one other."""

from typing import TYPE_CHECKING

from smilesim.villains.pen import Pen
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.effects import Effect, Send
from smilesync.ids import PeerId
from smilesync.wire.messages import Carried, Clock

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "withheld-message"


class Withholder:
    """Speaks of the circle with its favourite alone, another one in each slot."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)

    def act(self, effects: list[Effect], _heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Leave out what is for the others; a clock that fell silent would be missed too soon."""
        others = self._pen.others
        favourite = others[self._pen.slot.number % len(others)] if others else None
        kept: list[Effect] = []
        for effect in effects:
            if self._is_withheld(effect, favourite):
                self._means.fired[COUNT] += 1
            else:
                kept.append(effect)
        return kept

    def _is_withheld(self, effect: Effect, favourite: PeerId | None) -> bool:
        if not isinstance(effect, Send) or isinstance(effect.message, Clock | Carried):
            return False
        return effect.to != favourite
