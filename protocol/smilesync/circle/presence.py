"""Who was heard of late: authenticated messages only, by the local clock."""

from collections.abc import Sequence

from smilesync.circle.circumstances import NEVER_NS
from smilesync.circle.roster import Roster
from smilesync.ids import PeerId

OTHERS_MAX = 512
"""Devices without a seat whose last message is remembered; more than links can be."""


class Presence:
    """Last time each voter was heard; the device itself counts as always heard."""

    def __init__(self, roster: Roster, me: int | None, now_ns: int) -> None:
        self._others: dict[PeerId, int] = {}
        self._born_ns = now_ns
        self._seated_ns = now_ns
        self._sit(roster, [-1] * roster.size, me)

    def follow(self, roster: Roster, me: int | None, now_ns: int) -> None:
        """Go over to another roster: what was heard of those who stay, or come, is kept."""
        heard = dict(zip(self._index_of, self._heard_ns, strict=True))
        known = self._others | {who: ns for who, ns in heard.items() if ns != NEVER_NS}
        self._others = {who: ns for who, ns in known.items() if who not in roster.index_of}
        self._seated_ns = now_ns
        self._sit(roster, [known.get(who, -1) for who in roster.identities], me)

    def heard(self, peer: PeerId, now_ns: int) -> None:
        """Note an authenticated message."""
        index = self._index_of.get(peer)
        if index is not None:
            self._heard_ns[index] = now_ns
            return
        self._others[peer] = now_ns
        if len(self._others) > OTHERS_MAX:
            del self._others[min(self._others, key=lambda who: (self._others[who], who))]

    def heard_ns(self, peer: PeerId) -> int:
        """Return when somebody, with a seat or without, was heard last; -1 if never."""
        index = self._index_of.get(peer)
        return self._heard_ns[index] if index is not None else self._others.get(peer, -1)

    def count(self, identities: Sequence[PeerId], since_ns: int) -> int:
        """Return how many of these were heard since."""
        return sum(self.heard_ns(one) >= since_ns for one in identities)

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

    def away(self, now_ns: int, window_ns: int) -> int:
        """Return who was absent for `window_ns` since the roster changed last, as a bitmap."""
        is_known = self._seated_ns <= now_ns - window_ns
        return self.absent(now_ns, window_ns) if is_known else 0

    def _sit(self, roster: Roster, heard_ns: list[int], me: int | None) -> None:
        self._index_of = roster.index_of
        self._quorum = roster.quorum
        self._heard_ns = heard_ns
        if me is not None:
            self._heard_ns[me] = NEVER_NS
