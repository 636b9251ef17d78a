"""Who is near: peers with an authenticated link, and when each was last heard.

Nothing is decided here about who may vote or who is dead: silence only means that nobody is in
company. SPEC section Neighbours (NBR).
"""

from collections.abc import Callable

from smilesync.heard import NEVER_HEARD_NS, Heard
from smilesync.ids import PeerId


class Neighbours:
    """The peers with a link, each with a record of when it was heard.

    `company_ns` is how long one message keeps its sender counted as company. The table holds at
    most one entry per link, so its bound is the link's.
    """

    __slots__ = ("_company_ns", "_heard")

    def __init__(self, company_ns: int) -> None:
        assert company_ns > 0
        self._company_ns = company_ns
        self._heard: dict[PeerId, Heard] = {}

    def connected(self, peer: PeerId, heard: Heard, now_ns: int) -> None:
        """Take in a peer whose handshake just ended: that is a message too."""
        heard.near_ns = now_ns
        self._heard[peer] = heard

    def follow(self, record_of: Callable[[PeerId], Heard]) -> None:
        """Go over to the records of another circle: who is near is so there, too."""
        for peer, before in list(self._heard.items()):
            self.connected(peer, record_of(peer), before.near_ns)

    def disconnected(self, peer: PeerId) -> None:
        """Forget a peer without a link."""
        heard = self._heard.pop(peer, None)
        if heard is not None:
            heard.near_ns = NEVER_HEARD_NS
            heard.copied = None

    def note(self, peer: PeerId, now_ns: int) -> Heard | None:
        """Note an authenticated message; one of a peer without a link counts for nothing."""
        heard = self._heard.get(peer)
        if heard is not None:
            heard.near_ns = now_ns
        return heard

    def linked(self) -> tuple[PeerId, ...]:
        """Return every peer with a link, by name."""
        return tuple(sorted(self._heard))

    def alive(self, now_ns: int) -> tuple[PeerId, ...]:
        """Return the peers heard of late, by name."""
        since_ns = now_ns - self._company_ns
        return tuple(sorted(p for p, heard in self._heard.items() if heard.near_ns > since_ns))

    def ages_ns(self, now_ns: int) -> tuple[tuple[PeerId, int], ...]:
        """Return every peer with a link and how long ago it was heard, by name."""
        return tuple((peer, now_ns - self._heard[peer].near_ns) for peer in sorted(self._heard))

    def company_until_ns(self) -> int:
        """Return until when at least one peer is company, if nothing more is heard.

        A time in the past, or -1, means that this device is alone.
        """
        last_ns = NEVER_HEARD_NS
        for heard in self._heard.values():
            if heard.near_ns > last_ns:
                last_ns = heard.near_ns
        return NEVER_HEARD_NS if last_ns == NEVER_HEARD_NS else last_ns + self._company_ns
