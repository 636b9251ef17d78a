"""What a circle decides in one slot: a light pattern, and when it may be shown.

Source: SPEC section Values. Key 9 is that of `inputs.py`, keys 13 to 15 and 18 are those of
`changes.py`, key 12 is that of `draw.py`, keys 16 and 17 are those of `offer.py`.
"""

from dataclasses import dataclass
from functools import lru_cache

from smilesync.circle.changes import NO_CHANGES, Changes, changes_of
from smilesync.circle.draw import Reveal, reveal_of
from smilesync.circle.inputs import Counts, inputs_of
from smilesync.circle.offer import DISSOLVE, OFFER, Dissolve, Merging, merging_field, merging_of
from smilesync.circle.quorum import value_hash
from smilesync.errors import Malformed
from smilesync.ids import ValueHash
from smilesync.wire import cbor

CIRCLE_TIME_US_MAX = 2**53 - 1
PATTERN_SIZE_BYTES_MAX = 200
KNOWN_BODIES = 256
FADE_US_MIN = 2_000_000
FADE_US_MAX = 4_000_000
NO_PREVIOUS = ValueHash(bytes(32))


@dataclass(frozen=True, slots=True)
class Value:
    """One proposed or decided value. Units: circle us, not_before < not_after < 2**53.

    `pattern` runs from `start_us` (t0), which a renewal keeps. `previous` is the pattern of the
    slot before, faded out from `not_before_us` during `fade_us`; None in slot 1 and on renewal.
    `roster_hash` and `state_hash` are those of the next slot, after `changes`. `inputs`: what the
    circle's people feel, rounded; None where that is nobody's business. `reveal`: what the leader
    commits to or shows for the next seed. `merging`: an offer to another circle, or the end of
    this one.
    """

    slot: int
    parent: ValueHash
    not_before_us: int
    not_after_us: int
    pattern: bytes
    start_us: int
    previous: bytes | None
    previous_start_us: int
    fade_us: int
    roster_hash: bytes
    state_hash: bytes
    changes: Changes = NO_CHANGES
    inputs: Counts | None = None
    reveal: Reveal | None = None
    merging: Merging | None = None

    @property
    def is_last(self) -> bool:
        """Does this value end its circle?"""
        return isinstance(self.merging, Dissolve)

    def encode(self) -> bytes:
        """Return the bytes that are hashed, carried and kept."""
        fields: dict[int, cbor.CborValue] = {
            0: self.slot,
            1: self.parent,
            2: self.not_before_us,
            3: self.not_after_us,
            4: self.pattern,
            5: self.start_us,
        }
        if self.previous is not None:
            fields[6] = self.previous
            fields[7] = self.previous_start_us
        fields[8] = self.fade_us
        if self.inputs is not None:
            fields[9] = list(self.inputs)
        fields[10] = self.roster_hash
        fields[11] = self.state_hash
        if self.reveal is not None:
            fields[12] = list(self.reveal)
        if self.merging is not None:
            fields |= merging_field(self.merging)
        return cbor.encode(fields | self.changes.fields())


@dataclass(frozen=True, slots=True)
class Named:
    """A value with the bytes it came in and their hash."""

    value: Value
    body: bytes
    hash: ValueHash


@lru_cache(maxsize=KNOWN_BODIES)
def named(body: bytes) -> Named:
    """Decode a body off the network; raises Malformed with the rule broken.

    Remembered: the same body comes with the proposal, its repair and the decision.
    """
    return Named(decode_value(body), body, value_hash(body))


def decode_value(body: bytes) -> Value:
    """Parse an encoded value; raises Malformed. What it means is tested by validity.py."""
    fields = cbor.decode(body)
    if not isinstance(fields, dict):
        raise Malformed("CIR-010", "a value is a map")
    changes = {key: fields[key] for key in _CHANGES if key in fields}
    if fields.keys() - changes.keys() - {9, 12, OFFER, DISSOLVE} not in _KEYS:
        raise Malformed(
            "CIR-010", f"a value has the keys 0-5, 8, 10, 11, maybe 6, 7, 9, 12-18: {list(fields)}"
        )
    merging = merging_of(fields)
    if merging is not None and changes:
        raise Malformed("MRG-010", "a value that merges changes no voters (13 to 15, 18)")
    value = Value(
        slot=_integer(fields, 0, 1),
        parent=ValueHash(_bytes(fields, 1, 32, 32)),
        not_before_us=_integer(fields, 2, 0),
        not_after_us=_integer(fields, 3, 0),
        pattern=_bytes(fields, 4, 1, PATTERN_SIZE_BYTES_MAX),
        start_us=_integer(fields, 5, 0),
        previous=_bytes(fields, 6, 1, PATTERN_SIZE_BYTES_MAX) if 6 in fields else None,
        previous_start_us=_integer(fields, 7, 0) if 7 in fields else 0,
        fade_us=_integer(fields, 8, FADE_US_MIN, FADE_US_MAX),
        roster_hash=_bytes(fields, 10, 32, 32),
        state_hash=_bytes(fields, 11, 32, 32),
        changes=changes_of(changes),
        inputs=inputs_of(fields[9]) if 9 in fields else None,
        reveal=reveal_of(fields[12]) if 12 in fields else None,
        merging=merging,
    )
    if value.not_before_us >= value.not_after_us:
        raise Malformed("CIR-011", "a lease (keys 2, 3) ends after it begins")
    if value.start_us > value.not_before_us:
        raise Malformed("CIR-011", "a pattern (key 5) starts no later than its lease (key 2)")
    return value


_ALWAYS = frozenset({0, 1, 2, 3, 4, 5, 8, 10, 11})
_KEYS = (_ALWAYS, _ALWAYS | {6, 7})
_CHANGES = (13, 14, 15, 18)


def _integer(
    fields: dict[int, cbor.CborValue], key: int, low: int, high: int = CIRCLE_TIME_US_MAX
) -> int:
    item = fields[key]
    if isinstance(item, bool) or not isinstance(item, int) or not low <= item <= high:
        raise Malformed("CIR-011", f"key {key} of a value is an integer from {low} to {high}")
    return item


def _bytes(fields: dict[int, cbor.CborValue], key: int, low: int, high: int) -> bytes:
    item = fields[key]
    if not isinstance(item, bytes) or not low <= len(item) <= high:
        raise Malformed("CIR-011", f"key {key} of a value is a byte string of {low} to {high}")
    return item
