"""Who is near: peers with an authenticated link, and when each was last heard.

Nothing is decided here about who may vote or who is dead: silence only means that nobody is in
company. SPEC section Neighbours (NBR).
"""

from smilesync.ids import PeerId

NEVER_HEARD_NS = -1


class Neighbours:
    """The peers with a link, each with the local time of its last authenticated message.

    `company_ns` is how long one message keeps its sender counted as company. The table holds at
    most one entry per link, so its bound is the link's.
    """

    __slots__ = ("_company_ns", "_heard_ns")

    def __init__(self, company_ns: int) -> None:
        assert company_ns > 0
        self._company_ns = company_ns
        self._heard_ns: dict[PeerId, int] = {}

    def connected(self, peer: PeerId, now_ns: int) -> None:
        """Take in a peer whose handshake just ended: that is a message too."""
        self._heard_ns[peer] = now_ns

    def disconnected(self, peer: PeerId) -> None:
        """Forget a peer without a link."""
        self._heard_ns.pop(peer, None)

    def linked(self) -> tuple[PeerId, ...]:
        """Return every peer with a link, by name."""
        return tuple(sorted(self._heard_ns))

    def heard(self, peer: PeerId, now_ns: int) -> None:
        """Note an authenticated message; one of a peer without a link counts for nothing."""
        if peer in self._heard_ns:
            self._heard_ns[peer] = now_ns

    def alive(self, now_ns: int) -> tuple[PeerId, ...]:
        """Return the peers heard of late, by name."""
        since_ns = now_ns - self._company_ns
        return tuple(sorted(p for p, heard_ns in self._heard_ns.items() if heard_ns > since_ns))

    def ages_ns(self, now_ns: int) -> tuple[tuple[PeerId, int], ...]:
        """Return every peer with a link and how long ago it was heard, by name."""
        return tuple((peer, now_ns - self._heard_ns[peer]) for peer in sorted(self._heard_ns))

    def company_until_ns(self) -> int:
        """Return until when at least one peer is company, if nothing more is heard.

        A time in the past, or -1, means that this device is alone.
        """
        last_ns = max(self._heard_ns.values(), default=NEVER_HEARD_NS)
        return NEVER_HEARD_NS if last_ns == NEVER_HEARD_NS else last_ns + self._company_ns
