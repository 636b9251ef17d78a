"""Who was heard of late, and who is away: authenticated messages only, by the local clock."""

from collections.abc import Sequence

from smilesync.circle.circumstances import NEVER_NS
from smilesync.circle.roster import Roster
from smilesync.config import SECOND_NS
from smilesync.ids import PeerId

OTHERS_MAX = 512
"""Devices without a seat whose last message is remembered; more than links can be."""
REPORT_NS = 4 * SECOND_NS
"""How long a voter's word that somebody is away counts."""


class Presence:
    """Last time each voter was heard; the device itself counts as always heard.

    Beside that, whom the voters report away: their bitmaps go with the roster.
    """

    __slots__ = (
        "_born_ns",
        "_heard_ns",
        "_index_of",
        "_others",
        "_quorum",
        "_reports",
        "_seated_ns",
    )

    def __init__(self, roster: Roster, me: int | None, now_ns: int) -> None:
        self._others: dict[PeerId, int] = {}
        self._reports: dict[int, tuple[int, int]] = {}
        self._born_ns = now_ns
        self._sit(roster, me, [-1] * roster.size, [now_ns] * roster.size)

    def follow(self, roster: Roster, me: int | None, now_ns: int) -> None:
        """Go over to another roster: what was heard of those who stay, or come, is kept."""
        seated = dict(zip(self._index_of, self._seated_ns, strict=True))
        heard = dict(zip(self._index_of, self._heard_ns, strict=True))
        known = self._others | {who: ns for who, ns in heard.items() if ns != NEVER_NS}
        self._others = {who: ns for who, ns in known.items() if who not in roster.index_of}
        self._reports.clear()
        heard_ns = [known.get(who, -1) for who in roster.identities]
        self._sit(roster, me, heard_ns, [seated.get(who, now_ns) for who in roster.identities])

    def heard(self, peer: PeerId, now_ns: int) -> None:
        """Note an authenticated message."""
        index = self._index_of.get(peer)
        if index is not None:
            self._heard_ns[index] = now_ns
            return
        self._others[peer] = now_ns
        if len(self._others) > OTHERS_MAX:
            del self._others[min(self._others, key=lambda who: (self._others[who], who))]

    def reported(self, peer: PeerId, away: int, now_ns: int) -> None:
        """Note whom a voter says it has not heard for long, as a bitmap: its newest word counts."""
        if not away and not self._reports:
            return
        index = self._index_of.get(peer)
        if index is not None and away:
            self._reports[index] = away, now_ns
        elif index is not None:
            self._reports.pop(index, None)

    def agreed_away(self, own: int, now_ns: int) -> int:
        """Return who is away for q voters, this one with its bitmap `own` among them, of late."""
        since_ns = now_ns - REPORT_NS
        reports = [away for away, at_ns in self._reports.values() if at_ns >= since_ns]
        return sum(
            1 << index
            for index in range(len(self._heard_ns))
            if own >> index & 1 and sum(r >> index & 1 for r in reports) + 1 >= self._quorum
        )

    def heard_of(self, peer: PeerId, spoke_ns: int) -> None:
        """Note a voter's own word that came over others, by when it was said."""
        index = self._index_of.get(peer)
        if index is not None:
            self._heard_ns[index] = max(self._heard_ns[index], spoke_ns)

    def heard_ns(self, peer: PeerId) -> int:
        """Return when somebody, with a seat or without, was heard last; -1 if never."""
        index = self._index_of.get(peer)
        return self._heard_ns[index] if index is not None else self._others.get(peer, -1)

    def count(self, identities: Sequence[PeerId], since_ns: int) -> int:
        """Return how many of these were heard since."""
        return sum(self.heard_ns(one) >= max(since_ns, 0) for one in identities)

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
        """Return who was absent for `window_ns` and had a seat as long, as a bitmap."""
        absent, since_ns = self.absent(now_ns, window_ns), now_ns - window_ns
        if not absent:
            return 0
        return sum(
            1 << i for i, ns in enumerate(self._seated_ns) if absent >> i & 1 and ns <= since_ns
        )

    def _sit(
        self, roster: Roster, me: int | None, heard_ns: list[int], seated_ns: list[int]
    ) -> None:
        self._index_of = roster.index_of
        self._quorum = roster.quorum
        self._heard_ns = heard_ns
        self._seated_ns = seated_ns
        if me is not None:
            self._heard_ns[me] = NEVER_NS
