"""When the next slot opens, and when a decision is overdue: circle time on the local clock.

Source: SPEC sections Leaders and views (CIR-013), Repair (CIR-035, CIR-042).
"""

from smilesync.circle.circumstances import NEVER_NS
from smilesync.timeline import Timeline


class Timetable:
    """The head's lease on the local clock. `line` is None without a clock, `is_synced` its word."""

    __slots__ = (
        "_ends_ns",
        "_opens_ns",
        "_planned_line",
        "_planned_us",
        "_window_us",
        "is_synced",
        "line",
    )

    def __init__(self, window_us: int) -> None:
        self.line: Timeline | None = None
        self.is_synced = False
        self._window_us = window_us
        self._planned_line: Timeline | None = None
        self._planned_us = -1
        self._opens_ns = self._ends_ns = 0

    def opens_ns(self, ends_us: int) -> int:
        """R0: the next slot opens a window before the last lease ends, by the circle's time.

        After a restart the clock is ahead until it is SYNCED: it would open a slot in the middle
        of the lease before, and nullify views in which nobody else is.
        """
        if self.line is None:
            return 0
        if not self.is_synced:
            return NEVER_NS
        self._plan(self.line, ends_us)
        return self._opens_ns

    def due_ns(self, ends_us: int, now_ns: int, *, may_vote: bool) -> int:
        """Return from when on a decision may have been missed while the slot is not open."""
        if may_vote and self.is_synced:
            return NEVER_NS
        if self.line is None or may_vote:
            return now_ns
        self._plan(self.line, ends_us)
        return self._ends_ns

    def _plan(self, line: Timeline, ends_us: int) -> None:
        """Put the head's lease on the local clock, anew only when head or clock changed."""
        if line is not self._planned_line or ends_us != self._planned_us:
            self._planned_line, self._planned_us = line, ends_us
            self._opens_ns = line.local_at(ends_us - self._window_us)
            self._ends_ns = line.local_at(ends_us)
