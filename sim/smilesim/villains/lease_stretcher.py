"""A leader whose light is to last longer, begin sooner, or begin where nobody can follow."""

from dataclasses import replace
from typing import TYPE_CHECKING

from smilesim.villains.pen import Pen
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.circle.value import Value
from smilesync.effects import Effect

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "stretched-lease"
MORE_US = 12_000_000
SOONER_US = 1_000_000


class LeaseStretcher:
    """Proposes leases that break one rule each, in turns."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)
        self._turn = 0

    def act(self, effects: list[Effect], _heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Change the lease of every fresh proposal of its own."""
        bent, count = self._pen.replaced(effects, self._stretched)
        if count:
            self._turn += 1
            self._means.fired[COUNT] += 1
        return bent

    def _stretched(self, value: Value) -> Value:
        begin_us, end_us = value.not_before_us, value.not_after_us
        head = self._pen.slot.head
        if self._turn % 3 == 0 or head.slot == 0:
            return replace(value, not_after_us=end_us + MORE_US)
        is_early = self._turn % 3 == 1
        shift_us = head.not_after_us - SOONER_US - begin_us if is_early else MORE_US
        begin_us += shift_us
        start_us = min(value.start_us, begin_us)
        return replace(
            value, not_before_us=begin_us, not_after_us=end_us + shift_us, start_us=start_us
        )
