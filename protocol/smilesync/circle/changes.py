"""What a decided value changes about who belongs to the circle: keys 13 to 15 and 18 of a value.

Three lists name people: who is expelled, admitted to the standby list, or has left; each with the
hash of the object that says so. The delta (key 15) changes the roster of the next slot, and so do
rotations (key 18), which put another voter key in the place of one. Whether a change is allowed is
judged by `lawful.py`. Source: SPEC section Membership.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from smilesync.circle.roster import Seat
from smilesync.config import ROSTER_MAX
from smilesync.errors import Malformed
from smilesync.ids import KEY_SIZE_BYTES, PeerId, VoterKey
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import Fields
from smilesync.wire.votesets import bitmap_octets

EXPELLED, PETITIONS, DELTA, ROTATED = 13, 14, 15, 18
ADMITTED, LEFT = 1, 2
RULE = "MEM-001"
NAMED_MAX = 4
"""People whom one list of a value can name: a value has to fit an object."""


@dataclass(frozen=True, slots=True, order=True)
class Cited:
    """Somebody, and the hash of the object that is the reason for what happens to them."""

    hash: bytes
    identity: PeerId


@dataclass(frozen=True, slots=True, order=True)
class Admission:
    """Somebody who may become a voter; `inviter` is None where no voter invites."""

    hash: bytes
    identity: PeerId
    voter: VoterKey
    inviter: PeerId | None


@dataclass(frozen=True, slots=True, order=True)
class Rotation:
    """Another voter key for somebody who stays; `hash` is that of the ROTATE that asks for it.

    `place`: an index of the slot's roster, or its size and a place on the standby list, added.
    """

    place: int
    hash: bytes
    voter: VoterKey


@dataclass(frozen=True, slots=True)
class Changes:
    """All of them; `removed` is a bitmap of the slot's roster, `added` sits from the next slot."""

    expelled: tuple[Cited, ...] = ()
    admitted: tuple[Admission, ...] = ()
    left: tuple[Cited, ...] = ()
    removed: int = 0
    added: tuple[Seat, ...] = ()
    rotated: tuple[Rotation, ...] = ()

    @property
    def are_none(self) -> bool:
        """Does nothing change? Of most values these are the one that says so."""
        return self is NO_CHANGES or self == NO_CHANGES

    @property
    def moves(self) -> int:
        """How many seats the roster gains and loses."""
        return self.removed.bit_count() + len(self.added)

    def fields(self) -> dict[int, CborValue]:
        """Return the keys of a value that say this; none when nothing changes."""
        fields: dict[int, CborValue] = {}
        if self.expelled:
            fields[EXPELLED] = [[one.hash, one.identity] for one in self.expelled]
        petitions: list[CborValue] = [
            [ADMITTED, one.hash, one.identity, one.voter, one.inviter or b""]
            for one in self.admitted
        ]
        petitions += [[LEFT, one.hash, one.identity] for one in self.left]
        if petitions:
            fields[PETITIONS] = petitions
        if self.moves:
            fields[DELTA] = [bitmap_octets(self.removed), [list(seat) for seat in self.added]]
        if self.rotated:
            fields[ROTATED] = [[one.hash, one.place, one.voter] for one in self.rotated]
        return fields


NO_CHANGES = Changes()


def changes_of(fields: dict[int, CborValue]) -> Changes:
    """Return what the keys 13 to 15 and 18 of a value say.

    Errors: Malformed (MEM-001, RKY-001); the same changes have one encoding.
    """
    if not fields:
        return NO_CHANGES
    reader = Fields.of_map(fields, RULE)
    expelled = [_cited(item, 0) for item in reader.array(EXPELLED, least=0, most=NAMED_MAX)]
    admitted: list[Admission] = []
    left: list[Cited] = []
    for item in reader.array(PETITIONS, least=0, most=2 * NAMED_MAX):
        kind = item[0] if isinstance(item, list) and item else None
        if kind == ADMITTED and not left:
            admitted.append(_admission(item))
        elif kind == LEFT:
            left.append(_cited(item, 1))
        else:
            raise Malformed(RULE, "a petition is an admission (1) or, after those, a leave (2)")
    removed, added = _delta(reader.item(DELTA))
    if max(len(admitted), len(left)) > NAMED_MAX:
        raise Malformed(RULE, f"at most {NAMED_MAX} people are admitted or leave at once")
    _ascending(expelled)
    _ascending(admitted)
    _ascending(left)
    rotated = _rotations(fields[ROTATED]) if ROTATED in fields else ()
    return Changes(tuple(expelled), tuple(admitted), tuple(left), removed, added, rotated)


def _cited(item: CborValue, at: int) -> Cited:
    fields = Fields.of_array(item, at + 2, RULE)
    return Cited(fields.sized(at, KEY_SIZE_BYTES), PeerId(fields.sized(at + 1, KEY_SIZE_BYTES)))


def _admission(item: CborValue) -> Admission:
    fields = Fields.of_array(item, 5, RULE)
    inviter = fields.octets(4, least=0, most=KEY_SIZE_BYTES)
    if len(inviter) not in (0, KEY_SIZE_BYTES):
        raise Malformed(RULE, "an inviter is 32 bytes, or none where nobody invites")
    return Admission(
        fields.sized(1, KEY_SIZE_BYTES),
        PeerId(fields.sized(2, KEY_SIZE_BYTES)),
        VoterKey(fields.sized(3, KEY_SIZE_BYTES)),
        PeerId(inviter) if inviter else None,
    )


def _delta(item: CborValue) -> tuple[int, tuple[Seat, ...]]:
    if item is None:
        return 0, ()
    fields = Fields.of_array(item, 2, RULE)
    removed = fields.bitmap(0)
    listed = fields.item(1)
    if not isinstance(listed, list) or len(listed) > ROSTER_MAX or not (removed or listed):
        raise Malformed(RULE, "a roster changes by a bitmap and an array, not both empty")
    added = []
    for one in listed:
        seat = Fields.of_array(one, 2, RULE)
        voter, identity = seat.sized(0, KEY_SIZE_BYTES), seat.sized(1, KEY_SIZE_BYTES)
        added.append(Seat(VoterKey(voter), PeerId(identity)))
    _ascending(added)
    return removed, tuple(added)


def _rotations(item: CborValue) -> tuple[Rotation, ...]:
    rule = "RKY-001"
    if not isinstance(item, list) or not 1 <= len(item) <= NAMED_MAX:
        raise Malformed(rule, f"rotations are an array of 1 to {NAMED_MAX}")
    rotated = []
    for one in item:
        fields = Fields.of_array(one, 3, rule)
        named, voter = fields.sized(0, KEY_SIZE_BYTES), fields.sized(2, KEY_SIZE_BYTES)
        rotated.append(Rotation(fields.uint(1), named, VoterKey(voter)))
    places = [one.place for one in rotated]
    if places != sorted(set(places)):
        raise Malformed(rule, "rotations are in ascending order of place, one for each")
    return tuple(rotated)


def _ascending(items: Iterable[Cited | Admission | Seat]) -> None:
    keys = [item.voter if isinstance(item, Seat) else item.hash for item in items]
    if keys != sorted(set(keys)):
        raise Malformed(RULE, "who is named in a list is named once, in ascending order")
