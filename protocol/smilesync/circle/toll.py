"""What the words of a whole circle's people may cost one device, and from whom it takes none.

Each partner has a part of its own, so that no crowd of others uses that up, and there is as much
for all, whoever comes first. Withdrawals have the same once more: nobody's words delay them.
Source: SPEC section Inputs (INP-018, INP-019).
"""

from collections.abc import Mapping

from smilesync.circle.allowance import Allowance
from smilesync.circle.bounded import NOTHING, noted
from smilesync.config import FeelingConfig
from smilesync.errors import Unwelcome
from smilesync.ids import PeerId

FORGERS_MAX = 256
"""As many as links can be."""


class Toll:
    """Signature checks paid for by partner and in all, and who sent forgeries, in local ns."""

    __slots__ = ("_caught_ns", "_config", "_own", "_shared")

    def __init__(self, config: FeelingConfig) -> None:
        self._config = config
        cost_ns = config.check_ns
        self._own = (
            Allowance(cost_ns, config.own_checks_ns),
            Allowance(cost_ns, config.own_checks_ns),
        )
        self._shared = Allowance(cost_ns, config.burst_ns), Allowance(cost_ns, config.burst_ns)
        self._caught_ns: Mapping[PeerId, int] = NOTHING

    def admit(self, sender: PeerId, now_ns: int) -> None:
        """Raise Unwelcome if this partner sent a forgery of late."""
        caught_ns = self._caught_ns.get(sender)
        if caught_ns is not None and now_ns - caught_ns < self._config.forgery_ns:
            raise Unwelcome("INP-018", "feelings of a partner that passed on a forged one")

    def caught(self, sender: PeerId, now_ns: int) -> None:
        """What this partner sent does not verify."""
        self._caught_ns = noted(self._caught_ns, sender, now_ns, FORGERS_MAX)

    def pay(self, sender: PeerId, partners: int, now_ns: int, *, is_withdrawal: bool) -> None:
        """Let a partner, of so many, make one more check necessary. Errors: Unwelcome."""
        own, shared = self._own[is_withdrawal], self._shared[is_withdrawal]
        if own.has(sender, now_ns):
            own.spend(sender, now_ns, partners)
        elif shared.has(None, now_ns):
            shared.spend(None, now_ns)
        else:
            raise Unwelcome("INP-019", "partners pass on more than this device can check")
