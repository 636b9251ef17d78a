"""A leader that proposes light which breaks the static conditions."""

from dataclasses import replace
from typing import TYPE_CHECKING

from smilesim.villains.pen import Pen
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.circle.value import Value
from smilesync.effects import Effect
from smilesync.light import pattern
from smilesync.light.choose import MOOD_PATTERNS

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "unsafe-pattern"

FLASH = pattern.encode(replace(pattern.decode(MOOD_PATTERNS[0]), period_ds=21, sharpness=3))
"""The deepest and sharpest breath, as fast as a pattern can say: too steep for a condition."""


class Flasher:
    """Proposes a strobe wherever it leads."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)

    def act(self, effects: list[Effect], _heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Change the pattern of every fresh proposal of its own."""
        bent, count = self._pen.replaced(effects, self._flashing)
        if count:
            self._means.fired[COUNT] += 1
        return bent

    def _flashing(self, value: Value) -> Value:
        return self._pen.repainted(value, FLASH)
