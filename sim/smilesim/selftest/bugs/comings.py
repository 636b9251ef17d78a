"""Bugs of coming and going: words that outlive a leave, trust that outlives a restart, lots."""

import hashlib

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle import lawful, proposing
from smilesync.circle.draw import COMMIT_SLOTS, EPOCH_SLOTS, Draw, Reveal
from smilesync.circle.heads import Heads
from smilesync.circle.members import Members
from smilesync.circle.trust import Trust
from smilesync.effects import Effect
from smilesync.ids import CircleId, PeerId
from smilesync.keys import Signer


def join_outlives_leave(patch: Patch) -> None:
    """Who left is let in again by a JOIN from before."""

    def admits(self: Heads, _identity: PeerId, name: bytes) -> bool:
        return name in self

    patch.set(Heads, "admits", admits)


def trust_outlives_restart(patch: Patch) -> None:
    """Whoever starts trusts the voters it knew, however long ago that was."""
    patch.set(Trust, "holds", lambda *_: True)


def leave_kills_a_closed_seat(patch: Patch) -> None:
    """Who leaves a closed circle erases the key of a seat that stays for ever."""

    def leave(self: Members, identity: Signer) -> list[Effect]:
        chain = self._chain
        self.reception.leave(identity, self.around, chain.heads, chain.head().slot + 1)
        return self.tell()

    patch.set(Members, "leave", leave)


def links_made_up(patch: Patch) -> None:
    """A leader makes the seed that it likes, and no voter asks whether it had promised that."""

    def liked(
        draw: Draw | None, slot: int, me: int, _signer: Signer, _circle: CircleId
    ) -> Reveal | None:
        link = hashlib.sha256(slot.to_bytes(8, "big")).digest()
        return Reveal(me, link) if draw is None or slot % EPOCH_SLOTS >= COMMIT_SLOTS else None

    def after(draw: Draw | None, *_: object) -> Draw | None:
        return draw

    patch.set(proposing, "next_reveal", liked)
    patch.set(lawful, "after_slot", after)


BUGS = (
    Bug(links_made_up, grounds.LOTS),
    Bug(join_outlives_leave, grounds.REPEATED_JOIN),
    Bug(trust_outlives_restart, grounds.KEYS_OF_LONG_AGO),
    Bug(leave_kills_a_closed_seat, grounds.LEAVE_THAT_CANNOT_BE),
)
