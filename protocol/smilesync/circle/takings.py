"""How much of one person a device takes until its circle decides again, and who sent forgeries.

Each petition that is taken costs signature checks and goes on to all voters, so nobody may have
taken as many as it can sign. Whoever passes on what others say pays for none of it: only for what
no honest device sends. Source: SPEC section Membership (PTN-007, PTN-008).
"""

from collections.abc import Mapping

from smilesync.circle.bounded import NOTHING, noted
from smilesync.errors import Unwelcome
from smilesync.ids import PeerId, ValueHash
from smilesync.wire.messages import ObjectKind

TAKEN_MAX = 4
"""Petitions of one kind and identity, from one newest head to the next: who is honest needs one."""
FORGERY_NS = 100_000_000
FORGERS_MAX = 256
"""As many as links can be."""

Place = tuple[ObjectKind, PeerId]


class Takings:
    """Petitions taken since the newest head was learned, by place; and forgers, in local ns."""

    __slots__ = ("_caught_ns", "_counts", "_head")

    def __init__(self) -> None:
        self._head: ValueHash | None = None
        self._counts: Mapping[Place, int] = NOTHING
        self._caught_ns: Mapping[PeerId, int] = NOTHING

    def turn(self, head: ValueHash | None) -> None:
        """This is the newest head now; with another one everybody begins anew."""
        if head != self._head:
            self._head, self._counts = head, NOTHING

    def may(self, place: Place) -> bool:
        """May one more be taken there?"""
        return self._counts.get(place, 0) < TAKEN_MAX

    def take(self, place: Place) -> None:
        """One was taken. There are no more places than a pool has, and granting frees few."""
        self._counts = {**self._counts, place: self._counts.get(place, 0) + 1}

    def admit(self, sender: PeerId, now_ns: int) -> None:
        """Raise Unwelcome if the last forgery of this neighbour is not long ago."""
        caught_ns = self._caught_ns.get(sender)
        if caught_ns is not None and now_ns - caught_ns < FORGERY_NS:
            raise Unwelcome("PTN-008", "what this neighbour sent last did not verify")

    def caught(self, sender: PeerId, now_ns: int) -> None:
        """What this neighbour sends does not verify."""
        self._caught_ns = noted(self._caught_ns, sender, now_ns, FORGERS_MAX)
