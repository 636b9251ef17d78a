"""Bugs of coming and going: words that outlive a leave, trust that outlives a restart."""

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle.heads import Heads
from smilesync.circle.members import Members
from smilesync.circle.trust import Trust
from smilesync.effects import Effect
from smilesync.ids import PeerId
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


BUGS = (
    Bug(join_outlives_leave, grounds.REPEATED_JOIN),
    Bug(trust_outlives_restart, grounds.KEYS_OF_LONG_AGO),
    Bug(leave_kills_a_closed_seat, grounds.LEAVE_THAT_CANNOT_BE),
)
