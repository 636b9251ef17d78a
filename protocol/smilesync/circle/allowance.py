"""So much at once and so much in a second, for each of those who cause work."""

from collections.abc import Mapping

from smilesync.circle.bounded import NOTHING, noted
from smilesync.ids import PeerId

PAYERS_MAX = 256
"""As many as links can be; of more, who paid longest ago begins anew."""


class Allowance:
    """`cost_ns`: what one piece of work is worth; `burst_ns`: how much may be owed, in local ns."""

    __slots__ = ("_burst_ns", "_cost_ns", "_owed_ns")

    def __init__(self, cost_ns: int, burst_ns: int) -> None:
        self._cost_ns = cost_ns
        self._burst_ns = burst_ns
        self._owed_ns: Mapping[PeerId | None, int] = NOTHING

    def has(self, payer: PeerId | None, now_ns: int) -> bool:
        """May one more be done for this one? None: for all together."""
        return self._owed_ns.get(payer, now_ns) - now_ns <= self._burst_ns

    def spend(self, payer: PeerId | None, now_ns: int, count: int = 1) -> None:
        """So many were done."""
        owed_ns = max(self._owed_ns.get(payer, now_ns), now_ns) + count * self._cost_ns
        self._owed_ns = noted(self._owed_ns, payer, owed_ns, PAYERS_MAX)
