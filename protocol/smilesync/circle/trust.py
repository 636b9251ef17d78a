"""How long a device lets voters that it knows vouch for voters that it does not.

Keys of people who left may be in anybody's hands after a while. A device knows how long ago it
last took a decision only while it runs: a restart may have come after a minute or after a year. So
it starts without trust, unless it is new to the circle and was just given its genesis.
Source: SPEC section Membership (MEM-021, TRU-001).
"""

from collections.abc import Iterable

from smilesync.wire import records

BEFORE = (
    records.ClockReserved,
    records.DecidedRecord,
    records.Seated,
    records.Notarized,
    records.Nullified,
    records.Finalized,
)
"""Records that only a device which was in the circle before has."""
_NEVER_NS = -1


class Trust:
    """Since when the known voters are known to be the circle's; local ns."""

    __slots__ = ("_since_ns", "_window_ns")

    def __init__(self, window_ns: int, journal: Iterable[records.Record], now_ns: int) -> None:
        is_new = not any(isinstance(record, BEFORE) for record in journal)
        self._window_ns = window_ns
        self._since_ns = now_ns if is_new else _NEVER_NS

    def renew(self, now_ns: int) -> None:
        """Take a decision, or an invitation that the wearer handed over, as proof of the present.

        Either comes from a quorum of the known voters, from voters they vouched for while there
        was trust, or from a person.
        """
        self._since_ns = now_ns

    def holds(self, now_ns: int) -> bool:
        """May a few of the known voters vouch for a roster now?"""
        return self._since_ns != _NEVER_NS and now_ns - self._since_ns <= self._window_ns
