"""When a member sends STATUS, and to whom: rule R8.

A voter is silent while decisions come in time. It asks from a little after its slot opened, every
interval, a few random members; at once after a view was nullified; while it does not know the
circle's time; and all who have not answered yet after a restart. A follower asks one holder once
a decision is overdue, less and less often.
"""

from collections.abc import Mapping

from smilesync.circle.circumstances import NEVER_NS, TICK_NS
from smilesync.circle.guard import RestartGuard
from smilesync.circle.roster import Roster
from smilesync.circle.slot import Slot
from smilesync.config import CircleConfig
from smilesync.entropy import Entropy
from smilesync.ids import PeerId


class Asking:
    """The deadline of the next STATUS and the choice of whom to ask."""

    __slots__ = (
        "_config",
        "_entropy",
        "_follower_wait_ns",
        "_me",
        "_roster",
        "_slot_number",
        "deadline_ns",
        "interval_ns",
        "partners",
    )

    def __init__(
        self, config: CircleConfig, roster: Roster, me: int | None, entropy: Entropy, now_ns: int
    ) -> None:
        self.interval_ns = config.status_interval_ns
        self.deadline_ns = now_ns + self.interval_ns
        self._config = config
        self.follow(roster, me)
        self._entropy = entropy
        self._slot_number = 0
        self._follower_wait_ns = config.follower_wait_ns
        self.partners: Mapping[PeerId, object] = {}
        """Neighbours that follow the circle, where there are such: then they are asked."""

    def follow(self, roster: Roster, me: int | None) -> None:
        """Ask the voters of this roster from now on."""
        self._roster, self._me = roster, me

    def plan(self, slot: Slot, guard: RestartGuard, due_ns: int, now_ns: int) -> None:
        """Set the deadline after any change; from `due_ns` on a decision may have been missed."""
        is_unknowing = slot.around.state is None
        if guard.is_asking or is_unknowing:
            self.deadline_ns = min(self.deadline_ns, now_ns + self.interval_ns)
        elif not guard.may_vote:
            self._plan_follower(slot, due_ns, now_ns)
        elif not slot.is_open:
            soon_ns = min(self.deadline_ns, now_ns + self.interval_ns)
            self.deadline_ns = soon_ns if due_ns <= now_ns else NEVER_NS
        elif slot.number != self._slot_number:
            self._slot_number = slot.number
            self.deadline_ns = now_ns + self._config.quiet_ns
        elif slot.take_nullified():
            self.deadline_ns = now_ns + TICK_NS

    def choose(self, guard: RestartGuard, now_ns: int) -> list[PeerId]:
        """Return whom to ask now, and set the next deadline."""
        identities = self._roster.identities
        if guard.is_asking:
            self.deadline_ns = now_ns + self.interval_ns
            silent = [identities[i] for i in self._others() if not guard.has_answered(i)]
            # Voters may be others by now, and none of them near: partners know of it.
            return silent + [
                one for one in self._draw(len(self.partners) and 1) if one not in silent
            ]
        if not guard.may_vote:
            self.deadline_ns = now_ns + self._follower_wait_ns
            longest_ns = self._config.follower_wait_ns_max
            self._follower_wait_ns = min(2 * self._follower_wait_ns, longest_ns)
            return self._draw(1)
        self.deadline_ns = now_ns + self.interval_ns
        return self._draw(self._config.status_fanout)

    def hear_of(self, slot_number: int, own_number: int, now_ns: int) -> None:
        """A voter is known to have another slot open: ask soon, unless the news arrives first."""
        if slot_number > own_number:
            wait_ns = self._config.quiet_ns + self._entropy.below(self._config.quiet_ns)
            self.deadline_ns = min(self.deadline_ns, now_ns + wait_ns)

    def _plan_follower(self, slot: Slot, due_ns: int, now_ns: int) -> None:
        if slot.number == self._slot_number:
            return
        self._slot_number = slot.number
        self._follower_wait_ns = self._config.follower_wait_ns
        jitter_ns = self._entropy.below(self._config.follower_jitter_ns)
        self.deadline_ns = max(due_ns, now_ns) + self._config.follower_grace_ns + jitter_ns

    def _others(self) -> list[int]:
        return [index for index in range(self._roster.size) if index != self._me]

    def _draw(self, count: int) -> list[PeerId]:
        identities = self._roster.identities
        pool = list(self.partners) or [identities[index] for index in self._others()]
        drawn: list[PeerId] = []
        while pool and len(drawn) < count:
            drawn.append(pool.pop(self._entropy.below(len(pool))))
        return sorted(drawn, key=self._roster.identities.index) if not self.partners else drawn
