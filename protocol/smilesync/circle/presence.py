"""Which voters were heard of late: authenticated messages only, by the local clock."""

from smilesync.circle.circumstances import NEVER_NS
from smilesync.circle.genesis import Roster
from smilesync.ids import PeerId


class Presence:
    """Last time each voter was heard; the device itself counts as always heard."""

    def __init__(self, roster: Roster, me: int | None, now_ns: int) -> None:
        self._index_of = roster.index_of
        self._quorum = roster.quorum
        self._born_ns = now_ns
        self._heard_ns = [-1] * roster.size
        if me is not None:
            self._heard_ns[me] = NEVER_NS

    def heard(self, peer: PeerId, now_ns: int) -> None:
        """Note an authenticated message; strangers are passed over."""
        index = self._index_of.get(peer)
        if index is not None:
            self._heard_ns[index] = now_ns

    def quorum_until_ns(self, window_ns: int) -> int:
        """Return until when q voters count as heard within `window_ns`; past or -1 if none do."""
        last_ns = sorted(self._heard_ns)[-self._quorum]
        if last_ns == NEVER_NS:
            return NEVER_NS
        return last_ns + window_ns if last_ns >= 0 else -1

    def absent(self, now_ns: int, window_ns: int) -> int:
        """Return who was not heard for `window_ns`, as a bitmap; nobody until it passed once."""
        since_ns = now_ns - window_ns
        if self._born_ns > since_ns or min(self._heard_ns) >= since_ns:
            return 0
        heard = enumerate(self._heard_ns)
        return sum(1 << index for index, heard_ns in heard if heard_ns < since_ns)
