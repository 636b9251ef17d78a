"""What a circle agreed on besides its roster: who waits for a seat, who invited whom, who is out.

It changes by decided values only; its hash is in every value. Bounded, whatever is decided: of
each list the newest entries stay. Source: SPEC section Membership (MEM-004, MEM-005).
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from smilesync.circle.changes import Changes
from smilesync.circle.draw import Draw, draw_of
from smilesync.circle.former import FORMER_MAX, Former, former_of
from smilesync.circle.roster import Roster, Seat
from smilesync.config import PIECED_BYTES_MAX
from smilesync.errors import Malformed
from smilesync.ids import KEY_SIZE_BYTES, CircleId, PeerId, VoterKey
from smilesync.wire import cbor
from smilesync.wire.envelope import Domain
from smilesync.wire.fields import Fields

STATE_DOMAIN = Domain.STATE + b"\0"
STANDBY_MAX = 22
GUESTS_MAX = 96
EXPELLED_MAX = 64
"""Once so many voters were expelled nobody is admitted: a list that forgets lets liars return."""
STRUCK_MAX = 64
QUOTA_US = 3_600_000_000
"""Invitations count against their inviter's quota for an hour."""
PATIENCE_US = 1_800_000_000
"""Who waited longer gives way to somebody new: else 22 ghosts would close a circle for ever."""
ROOT_STEPS_MAX = 16
RULE = "MEM-004"
HASHES_MAX = 64


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who may become a voter, since when (circle us; 0: was one before)."""

    seat: Seat
    since_us: int

    def gives_way(self, at_us: int) -> bool:
        """Has this one waited for so long that somebody new may come instead?"""
        return 0 < self.since_us <= at_us - PATIENCE_US


@dataclass(frozen=True, slots=True)
class Guest:
    """Whom `inviter` brought in, and when (circle us)."""

    identity: PeerId
    inviter: PeerId
    since_us: int


@dataclass(frozen=True, slots=True)
class State:
    """The lists, oldest first. Who never had a seat and was expelled is `struck`.

    Apart, because anybody may get on the standby list and accuse itself, again and again. `former`
    are the voter keys that rotations took out of use of late.
    """

    standby: tuple[Waiting, ...] = ()
    guests: tuple[Guest, ...] = ()
    expelled: tuple[PeerId, ...] = ()
    struck: tuple[PeerId, ...] = ()
    draw: Draw | None = None
    offered_us: int = 0
    """Until when (circle us) the last offer to another circle is open; 0: there was none."""
    former: tuple[Former, ...] = ()

    def encode(self) -> bytes:
        """Return the bytes that are hashed and kept; none at all for the empty state."""
        if self == EMPTY:
            return b""
        fields: dict[int, cbor.CborValue] = {
            1: [[one.seat.voter, one.seat.identity, one.since_us] for one in self.standby],
            2: [[one.identity, one.inviter, one.since_us] for one in self.guests],
            3: list(self.expelled),
        }
        if self.struck:
            fields[4] = list(self.struck)
        if self.draw is not None:
            fields[5] = self.draw.fields()
        if self.former:
            fields[6] = [one.fields() for one in self.former]
        if self.offered_us:
            fields[7] = self.offered_us
        return cbor.encode(fields)

    def hash(self, circle: CircleId) -> bytes:
        """Return the state hash."""
        return _hash(self, circle)

    def waiting(self, identity: PeerId) -> Waiting | None:
        """Return who waits under this identity."""
        return next((one for one in self.standby if one.seat.identity == identity), None)

    def is_out(self, identity: PeerId) -> bool:
        """Was somebody expelled, with a seat or before there was one?"""
        return identity in self.expelled or identity in self.struck

    def has_rotated(self, identity: PeerId) -> bool:
        """Did somebody get another voter key of late?"""
        return any(one.identity == identity for one in self.former)

    @property
    def seed(self) -> bytes:
        """What orders the leaders; none before one was drawn."""
        return self.draw.seed if self.draw is not None else b""

    def crowding(self, at_us: int) -> int:
        """Return how many wait who need not give way."""
        return sum(not one.gives_way(at_us) for one in self.standby)

    def root(self, identity: PeerId) -> PeerId:
        """Return whose invitation, over all that followed from it, brought somebody in."""
        inviters = {guest.identity: guest.inviter for guest in self.guests}
        for _ in range(ROOT_STEPS_MAX):
            identity = inviters.get(identity, identity)
        return identity

    def invitations(self, inviter: PeerId, now_us: int) -> int:
        """Return how many invitations of the last hour count against `inviter`."""
        since_us = now_us - QUOTA_US
        return sum(g.inviter == inviter and g.since_us > since_us for g in self.guests)

    def after(self, changes: Changes, roster: Roster, at_us: int) -> "State":
        """Return the state that `changes` of a slot with `roster` make, at circle time `at_us`.

        Who is removed for absence alone waits for a seat again, and need not wait long.
        """
        out = {one.identity for one in (*changes.left, *changes.expelled)}
        gone = out | {seat.identity for seat in changes.added}
        standby = [one for one in self.standby if one.seat.identity not in gone]
        removed = [seat for i, seat in enumerate(roster.seats) if changes.removed >> i & 1]
        standby += [Waiting(seat, 0) for seat in removed if seat.identity not in out]
        standby += [Waiting(Seat(a.voter, a.identity), at_us) for a in changes.admitted]
        standby = _bounded(standby, at_us)
        inside = {one.seat.identity for one in standby} | {seat.identity for seat in changes.added}
        inside |= set(roster.identities) - {seat.identity for seat in removed}
        fresh = [Guest(a.identity, a.inviter, at_us) for a in changes.admitted if a.inviter]
        guests = _kept(self.guests, inside, at_us) + fresh
        new = {one.seat.identity for one in self.standby if one.since_us}
        put_out = [one.identity for one in changes.expelled]
        return State(
            tuple(standby),
            tuple(guests[-GUESTS_MAX:]),
            (*self.expelled, *(one for one in put_out if one not in new))[:EXPELLED_MAX],
            (*self.struck, *(one for one in put_out if one in new))[-STRUCK_MAX:],
            self.draw,
            self.offered_us,
            self.former,
        )


EMPTY = State()


def state_of(body: bytes) -> State:
    """Return the state that `body` spells out.

    Errors: Malformed (MEM-004). Whether it is the one agreed on, only its hash tells.
    """
    if not body:
        return EMPTY
    fields = Fields.of_map(cbor.decode(body, limit_bytes=PIECED_BYTES_MAX), RULE)
    standby, guests = _list(fields, 1), _list(fields, 2)
    expelled = _list(fields, 3)
    struck = fields.array(4, least=0, most=STRUCK_MAX)
    draw = draw_of(fields.item(5), RULE) if fields.has(5) else None
    former = fields.array(6, least=0, most=FORMER_MAX)
    offered_us = fields.uint(7, default=0)
    fields.close()
    state = State(
        tuple(Waiting(Seat(VoterKey(a), PeerId(b)), at) for a, b, at in map(_triple, standby)),
        tuple(Guest(PeerId(a), PeerId(b), at) for a, b, at in map(_triple, guests)),
        tuple(map(_identity, expelled)),
        tuple(map(_identity, struck)),
        draw,
        offered_us,
        tuple(former_of(one, RULE) for one in former),
    )
    if state == EMPTY:
        raise Malformed(RULE, "the empty state has no bytes")
    return state


def _list(fields: Fields, key: int) -> list[cbor.CborValue]:
    item = fields.item(key)
    if not isinstance(item, list):
        raise Malformed(RULE, "a state is a map of arrays")
    return item


def _identity(item: cbor.CborValue) -> PeerId:
    return PeerId(Fields.of_array([item], 1, RULE).sized(0, KEY_SIZE_BYTES))


def _triple(item: cbor.CborValue) -> tuple[bytes, bytes, int]:
    fields = Fields.of_array(item, 3, RULE)
    return fields.sized(0, KEY_SIZE_BYTES), fields.sized(1, KEY_SIZE_BYTES), fields.uint(2)


def _bounded(standby: list[Waiting], at_us: int) -> list[Waiting]:
    """Return at most 22: who waited for long gives way first, then who came first."""
    for _ in range(len(standby) - STANDBY_MAX):
        standby.remove(next((one for one in standby if one.gives_way(at_us)), standby[0]))
    return standby


def _kept(guests: tuple[Guest, ...], inside: Collection[PeerId], at_us: int) -> list[Guest]:
    """Return the guests who are still here, and those who count against a quota."""
    return [g for g in guests if g.identity in inside or g.since_us > at_us - QUOTA_US]


@lru_cache(maxsize=HASHES_MAX)
def _hash(state: State, circle: CircleId) -> bytes:
    return hashlib.sha256(STATE_DOMAIN + circle + state.encode()).digest()
