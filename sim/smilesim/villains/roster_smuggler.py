"""A leader that proposes another roster than the one that follows by the rules."""

from dataclasses import replace
from typing import TYPE_CHECKING

from smilesim.villains.pen import HASH_BYTES, Pen
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.circle.value import Value
from smilesync.effects import Effect

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "smuggled-roster"


class RosterSmuggler:
    """Puts the hash of a roster of its own into what it proposes, or of a state of its own."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)
        self._turn = 0

    def act(self, effects: list[Effect], _heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Change the roster of every fresh proposal of its own."""
        bent, count = self._pen.replaced(effects, self._smuggled)
        if count:
            self._turn += 1
            self._means.fired[COUNT] += 1
        return bent

    def _smuggled(self, value: Value) -> Value:
        false = self._means.entropy.draw(HASH_BYTES)
        if self._turn % 2:
            return self._pen.leased(replace(value, state_hash=false))
        return self._pen.leased(replace(value, roster_hash=false))
