"""Who was heard of late, and who is away: authenticated messages only, by the local clock."""

from collections.abc import Sequence

from smilesync.circle.circumstances import NEVER_NS
from smilesync.circle.roster import Roster
from smilesync.config import SECOND_NS
from smilesync.heard import NEVER_HEARD_NS, Heard
from smilesync.ids import PeerId

OTHERS_MAX = 512
"""Devices without a seat whose last message is remembered; more than links can be."""
REPORT_NS = 4 * SECOND_NS
"""How long a voter's word that somebody is away counts."""


class Presence:
    """A record for each voter, of when it was heard; the device itself counts as always heard.

    Beside that, whom the voters report away: their bitmaps go with the roster.
    """

    __slots__ = (
        "_born_ns",
        "_heard",
        "_index_of",
        "_others",
        "_quorum",
        "_seated_ns",
    )

    def __init__(self, roster: Roster, me: int | None, now_ns: int) -> None:
        self._others: dict[PeerId, Heard] = {}
        self._born_ns = now_ns
        self._sit(roster, me, [Heard() for _ in range(roster.size)], [now_ns] * roster.size)

    def follow(self, roster: Roster, me: int | None, now_ns: int) -> None:
        """Go over to another roster: what was heard of those who stay, or come, is kept."""
        seated = dict(zip(self._index_of, self._seated_ns, strict=True))
        seats = zip(self._index_of, self._heard, strict=True)
        known = self._others | {who: one for who, one in seats if one.said_ns != NEVER_NS}
        self._others = {who: one for who, one in known.items() if who not in roster.index_of}
        for one in known.values():
            one.away = 0
        heard = [known.get(who) or Heard() for who in roster.identities]
        self._sit(roster, me, heard, [seated.get(who, now_ns) for who in roster.identities])

    def of(self, peer: PeerId) -> Heard:
        """Return the record of a device, with a seat or without: in it, its messages are noted."""
        index = self._index_of.get(peer)
        if index is not None:
            return self._heard[index]
        heard = self._others.get(peer)
        if heard is None:
            heard = self._others[peer] = Heard()
            if len(self._others) > OTHERS_MAX:
                self._forget_one(peer)
        return heard

    def reported(self, peer: PeerId, away: int, now_ns: int) -> None:
        """Note whom a voter says it has not heard for long, as a bitmap: its newest word counts."""
        index = self._index_of.get(peer)
        if index is not None:
            heard = self._heard[index]
            heard.away, heard.away_ns = away, now_ns

    def agreed_away(self, own: int, now_ns: int) -> int:
        """Return who is away for q voters, this one with its bitmap `own` among them, of late."""
        since_ns = now_ns - REPORT_NS
        reports = [one.away for one in self._heard if one.away and one.away_ns >= since_ns]
        return sum(
            1 << index
            for index in range(len(self._heard))
            if own >> index & 1 and sum(r >> index & 1 for r in reports) + 1 >= self._quorum
        )

    def heard_of(self, peer: PeerId, spoke_ns: int) -> None:
        """Note a voter's own word that came over others, by when it was said."""
        index = self._index_of.get(peer)
        if index is not None:
            heard = self._heard[index]
            heard.said_ns = max(heard.said_ns, spoke_ns)

    def heard_ns(self, peer: PeerId) -> int:
        """Return when somebody, with a seat or without, was heard last; -1 if never."""
        index = self._index_of.get(peer)
        heard = self._heard[index] if index is not None else self._others.get(peer)
        return heard.said_ns if heard is not None else NEVER_HEARD_NS

    def count(self, identities: Sequence[PeerId], since_ns: int) -> int:
        """Return how many of these were heard since."""
        return sum(self.heard_ns(one) >= max(since_ns, 0) for one in identities)

    def quorum_until_ns(self, window_ns: int) -> int:
        """Return until when q voters count as heard within `window_ns`; past or -1 if none do."""
        last_ns = self._quorum_heard_ns()
        if last_ns == NEVER_NS:
            return NEVER_NS
        return last_ns + window_ns if last_ns >= 0 else -1

    def absent(self, now_ns: int, window_ns: int) -> int:
        """Return who was not heard for `window_ns`, as a bitmap; nobody until it passed once."""
        since_ns = now_ns - window_ns
        if self._born_ns > since_ns:
            return 0
        absent = 0
        for index, heard in enumerate(self._heard):
            if heard.said_ns < since_ns:
                absent |= 1 << index
        return absent

    def away(self, now_ns: int, window_ns: int) -> int:
        """Return who was absent for `window_ns` and had a seat as long, as a bitmap."""
        absent, since_ns = self.absent(now_ns, window_ns), now_ns - window_ns
        if not absent:
            return 0
        return sum(
            1 << i for i, ns in enumerate(self._seated_ns) if absent >> i & 1 and ns <= since_ns
        )

    def _quorum_heard_ns(self) -> int:
        """Return the latest time since which q voters were heard.

        All but the few that may be silent: so often the next one in time is looked for. It is asked
        at every look at the light, and sorting a handful takes three times as long.
        """
        left, since_ns = len(self._heard) - self._quorum, -NEVER_NS
        while True:
            next_ns, count = NEVER_NS, 0
            for heard in self._heard:
                said_ns = heard.said_ns
                if said_ns == next_ns:
                    count += 1
                elif since_ns < said_ns < next_ns:
                    next_ns, count = said_ns, 1
            if count > left:
                return next_ns
            left, since_ns = left - count, next_ns

    def _forget_one(self, newest: PeerId) -> None:
        """Forget who was heard longest ago of those without a seat, and without a link."""
        gone = [who for who, one in self._others.items() if one.near_ns < 0 and who != newest]
        if gone:
            del self._others[min(gone, key=lambda who: (self._others[who].said_ns, who))]

    def _sit(
        self, roster: Roster, me: int | None, heard: list[Heard], seated_ns: list[int]
    ) -> None:
        self._index_of = roster.index_of
        self._quorum = roster.quorum
        self._heard = heard
        self._seated_ns = seated_ns
        if me is not None:
            heard[me].said_ns = NEVER_NS
