"""What was said in the slots of one circle, by whom, and what was decided."""

from dataclasses import dataclass, field

from smilesim.decision import Decision
from smilesim.device import Device
from smilesync.wire.messages import VoteKind, VoteSet

KEPT_SLOTS = 64

Said = tuple[VoteKind, int, int, bytes]
"""What a vote says: kind, slot, view, value hash (empty for NULLIFY)."""


@dataclass(slots=True)
class Tally:
    """One thing that was said of a slot, and by whom: a bitmap."""

    view: int
    kind: VoteKind
    value: bytes
    signers: int = 0

    def conflicts(self, other: "Tally") -> bool:
        """Would an honest voter never sign both?"""
        if self.view != other.view:
            return False
        if self.kind is other.kind:
            return self.value != other.value
        # One of each kind: only NULLIFY and FINALIZE exclude each other.
        return self.kind is not VoteKind.NOTARIZE and other.kind is not VoteKind.NOTARIZE


@dataclass(slots=True)
class Book:
    """All votes of one circle that anybody ever signed: who said what, by slot.

    `voted`: who ever did, in the order in which they did first; each has its bit. `held`: the
    decisions that somebody held last, for all who hold the same. `proven`: the certificate that was
    found true last, and for what: the devices of a circle often have the same one.
    """

    voted: tuple[int, ...] = ()
    said: dict[int, tuple[Tally, ...]] = field(default_factory=dict)
    decided: dict[int, Decision] = field(default_factory=dict)
    highest_slot: int = 0
    held: tuple[Decision, ...] = ()
    proven: VoteSet | None = None
    proven_for: Said | None = None

    def bit(self, device: Device) -> int:
        """Return a bitmap with the bit of a device set: a small one, however large the city."""
        index = device.index
        if index not in self.voted:
            self.voted = (*self.voted, index)
        return 1 << self.voted.index(index)

    def tally(self, said: Said) -> Tally | None:
        """Return who said this, None if nobody did."""
        kind, slot, view, value = said
        for tally in self.said.get(slot, ()):
            if tally.view == view and tally.kind is kind and tally.value == value:
                return tally
        return None

    def kept(self, decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
        """Return equal decisions that another device may already hold."""
        if decisions != self.held:
            self.held = decisions
        return self.held

    def prune(self) -> None:
        """Let go of what is far below the highest slot."""
        below_slot = self.highest_slot - KEPT_SLOTS
        if below_slot > 0:
            self.said = {slot: said for slot, said in self.said.items() if slot >= below_slot}
            self.decided = {slot: kept for slot, kept in self.decided.items() if slot >= below_slot}
