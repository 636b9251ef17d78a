"""Numbers for own statements that are never used twice, not even across power loss.

Rule (SPEC EMO-005): a block of numbers is written to the journal before the first of it is used,
and a restart goes on behind the last block.
"""

from smilesync.effects import Effect, Persist
from smilesync.wire import records


class Sequence:
    """Counts up; `below` is the first number that no earlier life can have used."""

    __slots__ = ("_block", "_next", "_reserved_below")

    def __init__(self, below: int, block: int) -> None:
        assert below >= 0
        assert block >= 1
        self._block = block
        self._next = below
        self._reserved_below = below

    @property
    def reserved_below(self) -> int:
        """Numbers below this may have been used, now or in an earlier life."""
        return self._reserved_below

    def draw(self, effects: list[Effect]) -> int:
        """Return the next number; append the reservation that must be durable before its use."""
        if self._next == self._reserved_below:
            self._reserved_below += self._block
            record = records.SequenceReserved(self._reserved_below)
            effects.append(Persist(records.encode(record)))
        self._next += 1
        return self._next - 1
