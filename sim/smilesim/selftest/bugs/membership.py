"""Bugs of changing rosters: who is taken for away, who is forgotten, and slots that take long."""

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle.changes import Changes
from smilesync.circle.circle import Circle
from smilesync.circle.presence import Presence
from smilesync.circle.roster import Roster
from smilesync.circle.state import State
from smilesync.effects import Effect

FIRST_VOTER = 1
LATE_VIEW = 3


def present_voter_taken_for_away(patch: Patch) -> None:
    """Whoever has the first seat counts as away, however loud it is."""
    honest = Presence.away

    def away(self: Presence, now_ns: int, window_ns: int) -> int:
        return honest(self, now_ns, window_ns) | FIRST_VOTER

    patch.set(Presence, "away", away)


def decided_join_forgotten(patch: Patch) -> None:
    """Whom a decided value admits waits for no seat."""
    honest = State.after

    def after(self: State, changes: Changes, roster: Roster, at_us: int) -> State:
        found = honest(self, changes, roster, at_us)
        admitted = {one.identity for one in changes.admitted}
        listed = [one for one in found.standby if one.seat.identity not in admitted]
        return State(tuple(listed), found.guests, found.expelled)

    patch.set(State, "after", after)


def leaders_come_late(patch: Patch) -> None:
    """Nobody proposes anything in the first three views."""
    honest = Circle.propose

    def propose(self: Circle, pattern: bytes, now_ns: int) -> list[Effect]:
        return honest(self, pattern, now_ns) if self.slot.view > LATE_VIEW else []

    patch.set(Circle, "propose", propose)


BUGS = (
    Bug(present_voter_taken_for_away, grounds.FESTIVAL),
    Bug(decided_join_forgotten, grounds.FESTIVAL),
    Bug(leaders_come_late, grounds.FESTIVAL),
)
