"""Bugs of the circle clock and of the ladder: who is believed about time, and when to fall."""

from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync.circle.presence import Presence
from smilesync.clock import search, sync
from smilesync.clock.midpoint import Reading, midpoint
from smilesync.clock.sync import NEVER_NS, CircleClock
from smilesync.effects import Effect
from smilesync.mesh.neighbours import Neighbours
from smilesync.mesh.session import ReplayWindow

LATE_NS = 3_000_000_000


def own_reading_is_enough(patch: Patch) -> None:
    """A device stays SYNCED on its own reading alone."""
    patch.set(CircleClock, "_expiry", lambda self, now_ns: NEVER_NS)
    honest = CircleClock._follow

    def follow(
        self: CircleClock, synced: list[Reading], now_ns: int, effects: list[Effect]
    ) -> None:
        honest(self, synced + self._own * self._quorum, now_ns, effects)

    patch.set(CircleClock, "_follow", follow)


def liars_not_dropped(patch: Patch) -> None:
    """The f lowest and highest readings count as all others."""

    def mean(readings: list[Reading], _faults: int) -> Reading:
        return midpoint(readings, 0)

    patch.set(sync, "midpoint", mean)
    patch.set(search, "midpoint", mean)


def hold_comes_late(patch: Patch) -> None:
    """Three seconds more pass before a lost quorum shows."""
    honest = Presence.quorum_until_ns

    def until_ns(self: Presence, window_ns: int) -> int:
        return honest(self, window_ns + LATE_NS)

    patch.set(Presence, "quorum_until_ns", until_ns)


def company_never_leaves(patch: Patch) -> None:
    """Who was a neighbour once is company for ever."""
    honest = Neighbours.company_until_ns

    def until_ns(self: Neighbours) -> int:
        return NEVER_NS if honest(self) >= 0 else honest(self)

    patch.set(Neighbours, "company_until_ns", until_ns)


def replay_accepted(patch: Patch) -> None:
    """A link lets every packet through twice."""
    patch.set(ReplayWindow, "is_fresh", lambda self, counter: True)


BUGS = (
    Bug(own_reading_is_enough, grounds.CUT),
    Bug(liars_not_dropped, grounds.villain("clock-liar", seed=1)),
    Bug(hold_comes_late, grounds.CUT),
    Bug(company_never_leaves, grounds.ISLANDS),
    Bug(replay_accepted, grounds.BOTH_FIDELITIES),
)
