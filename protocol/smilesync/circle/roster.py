"""The voters of one slot: who they are, how many are enough, who leads.

A roster is immutable. A decided value may name the changes that make the roster of the next slot
(`changed`); its hash is in every vote, so that no vote of one roster counts under another.
Source: SPEC sections Genesis (GEN-007, GEN-008) and Membership (MEM).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from smilesync.circle.quorum import fault_limit, quorum_size
from smilesync.errors import Malformed
from smilesync.ids import KEY_SIZE_BYTES, CircleId, PeerId, VoterKey
from smilesync.wire.envelope import Domain

ROSTER_DOMAIN = Domain.ROSTER + b"\0"
ORDERS_MAX = 16
"""Orders of leaders remembered: of a slot or two, and the passes of its views."""
SEATS_MAX = 64
_SEAT_BYTES = 2 * KEY_SIZE_BYTES


class Seat(NamedTuple):
    """One voter: the key that signs its votes, and whose device it is."""

    voter: VoterKey
    identity: PeerId


class Roster:
    """The voters in ascending order of key, with the sizes that follow from their number."""

    def __init__(self, circle: CircleId, seats: Sequence[Seat], *, is_strict: bool) -> None:
        self.circle = circle
        self.seats = tuple(seats)
        self.is_strict = is_strict
        self.identities = tuple(seat.identity for seat in seats)
        self.voters = tuple(seat.voter for seat in seats)
        self.size = len(seats)
        self.faults = fault_limit(self.size)
        self.quorum = quorum_size(self.size, is_strict=is_strict)
        self.index_of = {identity: index for index, identity in enumerate(self.identities)}
        self.body = bytes([is_strict]) + b"".join(voter + owner for voter, owner in seats)
        """What the hash covers; also the form in which a roster travels in pieces."""
        self.hash = hashlib.sha256(ROSTER_DOMAIN + self.body).digest()
        self._orders: dict[tuple[int, int, bytes], list[int]] = {}

    def leaders(self, slot: int, rotation: int, seed: bytes = b"") -> list[int]:
        """Return roster indices in the order they lead one pass of `size` views of `slot`.

        A fresh order per pass, so that neighbours in the list who are absent together do not
        lead one after the other for ever. Without a `seed` the circle's id is the seed.
        """
        order = self._orders.get((slot, rotation, seed))
        if order is None:
            data = (seed or self.circle) + slot.to_bytes(8, "big") + rotation.to_bytes(4, "big")
            ranks = [hashlib.sha256(data + voter).digest() for voter in self.voters]
            order = sorted(range(self.size), key=lambda index: ranks[index])
            if len(self._orders) >= ORDERS_MAX:
                self._orders.clear()
            self._orders[slot, rotation, seed] = order
        return order

    @property
    def vouchers(self) -> int:
        """How many of its voters must have signed before another roster is believed (MEM-021).

        One liar more than may be borne, and never one alone; all where nobody may be missing.
        """
        if self.is_strict and self.quorum == self.size:
            return self.size
        return max(self.faults + 1, min(self.quorum, 2))

    def place_of(self, voter: bytes) -> int | None:
        """Return the index of a voter key, None if it has no seat."""
        return self.voters.index(VoterKey(voter)) if voter in self.voters else None

    def changed(
        self, removed: int, added: Sequence[Seat], keys: Mapping[int, VoterKey] | None = None
    ) -> "Roster":
        """Return the roster without the members in bitmap `removed`, with the seats `added`.

        `keys`: the voter keys that take the place of others, by index.

        Errors: Malformed (MEM-011) when a change is of nobody, or two seats share a key or device.
        """
        if removed >> self.size:
            raise Malformed("MEM-011", "removes a member that the roster does not have")
        kept = [
            Seat(keys.get(index, seat.voter), seat.identity) if keys else seat
            for index, seat in enumerate(self.seats)
            if not removed >> index & 1
        ]
        seats = sorted((*kept, *added))
        is_unique = len({s.voter for s in seats}) == len({s.identity for s in seats}) == len(seats)
        if not seats or not is_unique:
            raise Malformed("MEM-011", "leaves nobody, or gives two seats to one key or device")
        return Roster(self.circle, seats, is_strict=self.is_strict)


def roster_of(circle: CircleId, body: bytes) -> Roster:
    """Return the roster that `body` spells out.

    Errors: Malformed (MEM-003). Whether it is the one wanted, only its hash tells.
    """
    count, rest = divmod(len(body) - 1, _SEAT_BYTES)
    if not 1 <= count <= SEATS_MAX or rest or body[0] > 1:
        raise Malformed("MEM-003", "a roster is a byte 0 or 1 and 64 bytes for each of 1 to 64")
    starts = range(1, len(body), _SEAT_BYTES)
    seats = [
        Seat(
            VoterKey(body[start : start + KEY_SIZE_BYTES]),
            PeerId(body[start + KEY_SIZE_BYTES : start + _SEAT_BYTES]),
        )
        for start in starts
    ]
    if [seat.voter for seat in seats] != sorted({seat.voter for seat in seats}):
        raise Malformed("MEM-003", "the voters of a roster are in ascending order of key")
    return Roster(circle, seats, is_strict=bool(body[0]))
