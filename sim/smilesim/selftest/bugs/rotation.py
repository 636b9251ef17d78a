"""Bugs of other voter keys: what is asked before they vote, and what is kept of the former ones."""

from collections.abc import Sequence

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle import lawful, reception, rotation, witness
from smilesync.circle.changes import Changes, Rotation
from smilesync.circle.guard import RestartGuard
from smilesync.circle.roster import Roster, Seat
from smilesync.circle.state import State
from smilesync.ids import PeerId, VoterKey


def new_key_votes_unasked(patch: Patch) -> None:
    """Who has another voter key votes with it before anybody told what that signed."""

    def renew(self: RestartGuard) -> None:
        self.is_amnesic, self._is_done = False, True
        self._judge()

    patch.set(RestartGuard, "renew", renew)


def former_key_keeps_the_seat(patch: Patch) -> None:
    """A rotation is decided, and the seat has the key from before."""
    honest = Roster.changed

    def changed(self: Roster, removed: int, added: Sequence[Seat], keys: object = None) -> Roster:
        return honest(self, removed, added)

    patch.set(Roster, "changed", changed)


def former_keys_forgotten(patch: Patch) -> None:
    """Evidence against a key that another took the place of counts no more."""

    def owners(roster: Roster, state: State | None) -> dict[VoterKey, PeerId]:
        waiting = state.standby if state is not None else ()
        seats = (*roster.seats, *(one.seat for one in waiting))
        return {seat.voter: seat.identity for seat in seats}

    for user in (lawful, reception, rotation, witness):
        patch.set(user, "owners", owners)


def old_key_comes_back(patch: Patch) -> None:
    """Whatever key is asked for is given, as often as somebody asks."""

    def check(changes: Changes, roster: Roster, state: State) -> None:
        """Nothing is wrong with any key."""

    def due(*_: object) -> None:
        """Nothing is wrong with any ROTATE."""

    def remembered(
        states: tuple[State, State], rotated: Sequence[Rotation], slot: int, rosters: object
    ) -> State:
        return states[1]

    patch.set(lawful, "check_rotations", check)
    patch.set(lawful, "after_rotations", remembered)
    patch.set(reception, "must_be_due", due)


BUGS = (
    Bug(new_key_votes_unasked, grounds.ROTATIONS),
    Bug(former_key_keeps_the_seat, grounds.ROTATIONS),
    Bug(former_keys_forgotten, grounds.LIAR_WITH_ANOTHER_KEY),
    Bug(old_key_comes_back, grounds.KEY_THAT_WENT),
)
