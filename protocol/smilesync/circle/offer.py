"""What two circles decide, each for itself, to become one: key 16 or 17 of a value.

The larger circle offers (key 16), with a date; the smaller one accepts by ending itself (key 17):
that value is its last. What follows from the values, the state and the genesis is judged here, so
that every voter finds the same; whether the other circle is there and proven is judged by
`merging.py`. Source: SPEC section Merging.
"""

from dataclasses import dataclass, replace

from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.state import State
from smilesync.errors import Malformed
from smilesync.ids import KEY_SIZE_BYTES, CircleId, ValueHash
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import Fields

OFFER, DISSOLVE = 16, 17
RULE = "MRG-010"
OPEN_US_MIN, OPEN_US_MAX = 30_000_000, 120_000_000
"""How long after its beginning the value of an offer may say that it is open."""
RESPITE_US = 16_000_000
"""A circle ends itself no earlier than so long after its own last offer was over."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Takes the people of `circle` in, if that decides so by `until_us` (circle us of this one).

    `head_slot` and `head`: the last decision of the other circle that was heard of.
    """

    circle: CircleId
    head_slot: int
    head: ValueHash
    until_us: int


@dataclass(frozen=True, slots=True)
class Dissolve:
    """Ends the circle that decides it: its people go over to `circle`, whose value `offer` is."""

    circle: CircleId
    offer: ValueHash


Merging = Offer | Dissolve


def merging_field(merging: Merging) -> dict[int, CborValue]:
    """Return the key of a value that says this."""
    if isinstance(merging, Offer):
        return {OFFER: [merging.circle, merging.head_slot, merging.head, merging.until_us]}
    return {DISSOLVE: [merging.circle, merging.offer]}


def merging_of(fields: dict[int, CborValue]) -> Merging | None:
    """Return what the keys 16 and 17 of a value say. Errors: Malformed (MRG-010)."""
    if OFFER in fields and DISSOLVE in fields:
        raise Malformed(RULE, "a value offers or ends its circle, not both (keys 16, 17)")
    if OFFER in fields:
        item = Fields.of_array(fields[OFFER], 4, RULE)
        head = ValueHash(item.sized(2, KEY_SIZE_BYTES))
        return Offer(_circle(item), item.uint(1), head, item.uint(3))
    if DISSOLVE in fields:
        item = Fields.of_array(fields[DISSOLVE], 2, RULE)
        return Dissolve(_circle(item), ValueHash(item.sized(1, KEY_SIZE_BYTES)))
    return None


def can_merge(parameters: Parameters) -> bool:
    """May the circle merge at all? Not if its founders are to stay alone, or all be asked."""
    return parameters.policy is not Policy.CLOSED and not parameters.is_strict


def comes_first(size: int, circle: CircleId, other_size: int, other: CircleId) -> bool:
    """Is it this one of two circles that offers? The larger one; of equals the lesser id."""
    return (-size, circle) < (-other_size, other)


def after_merging(
    state: State, merging: Merging | None, begin_us: int, circle: CircleId, parameters: Parameters
) -> State:
    """Return the state after a value of `circle` that begins at `begin_us`, if it may say this.

    Errors: Malformed with the rule that forbids it.
    """
    if merging is None:
        return state
    if not can_merge(parameters) or merging.circle == circle:
        raise Malformed("MRG-011", "a circle that never merges, or that merges with itself")
    if isinstance(merging, Dissolve):
        if state.offered_us and begin_us < state.offered_us + RESPITE_US:
            raise Malformed("MRG-013", "a circle ends itself while it offers, or soon after")
        return state
    if begin_us < state.offered_us:
        raise Malformed("MRG-012", "a second offer while one is open")
    if not OPEN_US_MIN <= merging.until_us - begin_us <= OPEN_US_MAX:
        raise Malformed("MRG-012", "an offer is open for 30 to 120 s")
    return replace(state, offered_us=merging.until_us)


def _circle(item: Fields) -> CircleId:
    return CircleId(item.sized(0, KEY_SIZE_BYTES))
