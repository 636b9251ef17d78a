"""Voter keys that a rotation took out of use, remembered as long as they can prove a lie.

Source: SPEC section Another voter key (RKY-006).
"""

from dataclasses import dataclass

from smilesync.circle.evidence import SLOTS_MAX
from smilesync.ids import KEY_SIZE_BYTES, PeerId, VoterKey
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import Fields

FORMER_MAX = 12
"""As many as may lie of the 22 voters that a circle usually has at most, and `WAITING_MAX`, and
one more: those who may be anybody leave room for a voter who lost its key."""
WAITING_MAX = 4
"""Who waits for a seat gets another key only while no more than these are remembered."""


@dataclass(frozen=True, slots=True)
class Former:
    """A voter key, whose it was, and the slot of the value that put another in its place."""

    voter: VoterKey
    identity: PeerId
    slot: int

    def counts_after(self, slot: int) -> bool:
        """Could there still be evidence against it once `slot` is decided?"""
        return self.slot > slot - SLOTS_MAX

    def fields(self) -> CborValue:
        """Return what a state says of it."""
        return [self.voter, self.identity, self.slot]


def former_of(item: CborValue, rule: str) -> Former:
    """Return what a state says of one. Errors: Malformed (`rule`)."""
    fields = Fields.of_array(item, 3, rule)
    voter, identity = fields.sized(0, KEY_SIZE_BYTES), fields.sized(1, KEY_SIZE_BYTES)
    return Former(VoterKey(voter), PeerId(identity), fields.uint(2))
