"""When the next slot opens, and when a decision is overdue: circle time on the local clock.

Source: SPEC sections Leaders and views (CIR-013), Repair (CIR-035, CIR-042).
"""

from smilesync.circle.circumstances import NEVER_NS
from smilesync.timeline import Timeline


class Timetable:
    """The head's lease, which ends at a circle us, on the local clock; told of every change."""

    __slots__ = ("_ends_ns", "_ends_us", "_is_synced", "_line", "_window_us", "opens_ns")

    def __init__(self, window_us: int, ends_us: int) -> None:
        self.opens_ns = 0
        """R0: the next slot opens a window before the last lease ends, by the circle's time.

        After a restart the clock is ahead until it is SYNCED: it would open a slot in the middle
        of the lease before, and nullify views in which nobody else is.
        """
        self._line: Timeline | None = None
        self._is_synced = False
        self._window_us = window_us
        self._ends_us = ends_us
        self._ends_ns = 0

    def set_clock(self, line: Timeline | None, *, is_synced: bool) -> None:
        """Take the circle clock's new reading: None without a clock, and whether it is SYNCED."""
        self._line, self._is_synced = line, is_synced
        self._plan()

    def follow(self, ends_us: int) -> None:
        """Go on from another head."""
        self._ends_us = ends_us
        self._plan()

    def due_ns(self, now_ns: int, *, may_vote: bool) -> int:
        """Return from when on a decision may have been missed while the slot is not open."""
        if may_vote and self._is_synced:
            return NEVER_NS
        return now_ns if self._line is None or may_vote else self._ends_ns

    def _plan(self) -> None:
        if self._line is None:
            self.opens_ns = 0
            return
        self._ends_ns = self._line.local_at(self._ends_us)
        opens_us = self._ends_us - self._window_us
        self.opens_ns = self._line.local_at(opens_us) if self._is_synced else NEVER_NS
