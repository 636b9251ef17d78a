"""What was dropped and why: a count per broken rule, and a notice now and then.

The rules are those of SPEC.md, so their number bounds the memory. No bytes of a sender end
up in a notice, and a flood leads to one line per rule and interval, with the number in it.
"""

from smilesync.effects import Event, Notice
from smilesync.errors import RemoteError
from smilesync.ids import PeerId
from smilesync.mesh.config import LinkConfig


class _Tally:
    """How often a rule was broken, how often people were told, and when they may be again."""

    __slots__ = ("count", "told_count", "told_until_ns")

    def __init__(self) -> None:
        self.count = 0
        self.told_count = 0
        self.told_until_ns = -1


class Drops:
    """Counts remote errors by rule."""

    def __init__(self, config: LinkConfig) -> None:
        self._config = config
        self._tallies: dict[str, _Tally] = {}

    def count(self, error: RemoteError, peer: PeerId | None, now_ns: int) -> list[Notice]:
        """Count one error; return a notice if the last one about its rule is old enough.

        `peer` is who sent it if that is proven; None for a datagram of anybody.
        """
        tally = self._tallies.setdefault(error.rule, _Tally())
        tally.count += 1
        if now_ns < tally.told_until_ns:
            return []
        tally.told_until_ns = now_ns + self._config.notice_interval_ns
        new_count = tally.count - tally.told_count
        tally.told_count = tally.count
        event = Event.DATAGRAM_DROPPED if peer is None else Event.MESSAGE_DROPPED
        return [Notice(event, peer, f"{error.rule} x{new_count}: {error.detail}")]

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Return rule and count, in order of first occurrence."""
        return tuple((rule, tally.count) for rule, tally in self._tallies.items())
