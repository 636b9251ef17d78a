"""Petitions that were heard and not decided yet: verified, one per person and kind, few.

Source: SPEC section Membership (INV-010 to INV-012).
"""

from collections.abc import Collection

from smilesync.circle.changes import Admission, Cited
from smilesync.circle.petitions import Petition
from smilesync.ids import PeerId
from smilesync.wire.messages import ObjectKind

POOL_MAX = 32

Place = tuple[ObjectKind, PeerId]


class Pool:
    """The petitions, oldest first. The newest of somebody takes the place of the one before."""

    def __init__(self) -> None:
        self._held: dict[Place, Petition] = {}

    def holds(self, object_hash: bytes) -> bool:
        """Is a petition of this hash held?"""
        return self.get(object_hash) is not None

    def get(self, object_hash: bytes) -> Petition | None:
        """Return the petition of this hash."""
        return next((one for one in self._held.values() if one.hash == object_hash), None)

    def add(self, petition: Petition) -> None:
        """Hold a petition; the oldest gives way where there are too many."""
        place = petition.kind, petition.identity
        self._held.pop(place, None)
        self._held[place] = petition
        if len(self._held) > POOL_MAX:
            del self._held[next(iter(self._held))]

    def settle(self, inside: Collection[PeerId], seats: Collection[bytes]) -> None:
        """Drop what was decided: who joins is in, the voter key of who leaves is out."""
        self._held = {
            place: one
            for place, one in self._held.items()
            if (one.identity not in inside if one.kind == ObjectKind.JOIN else one.voter in seats)
        }

    def admissions(self, heads: Collection[bytes], at_us: int) -> list[Admission]:
        """Return who may be admitted by a value that begins at `at_us`, by hash."""
        return sorted(
            Admission(one.hash, one.identity, one.voter, one.inviter)
            for one in self._held.values()
            if one.kind == ObjectKind.JOIN and one.head in heads and at_us <= one.until_us
        )

    def leaves(self) -> list[Cited]:
        """Return who said that they leave, by hash."""
        kind = ObjectKind.LEAVE
        return sorted(Cited(p.hash, p.identity) for p in self._held.values() if p.kind == kind)
