"""Which decided value may be shown now.

Leases are disjoint in circle time and a value is selected only between nb + g and na - g, so two
devices whose clocks differ by at most 2g never select values of different slots at the same
moment. A lease of 4 s ends soon by itself when the quorum is lost; a longer one is shown only
while q voters are heard. Source: SPEC section Selection.
"""

from dataclasses import dataclass

from smilesync.circle.genesis import Parameters
from smilesync.circle.value import Named
from smilesync.timeline import Timeline

NEVER_NS = 2**62 - 1
NEVER_US = NEVER_NS
CANDIDATES_MAX = 3
GAP_US_MAX = 1_000_000
UNHEARD_US_MAX = 4_000_000
"""A lease longer than this is shown only while q voters were heard no longer ago than this."""
UNHEARD_NS_MAX = UNHEARD_US_MAX * 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What selection depends on besides the values.

    `timeline` is None while not SYNCED; `is_willing`: the wearer consents to the collective light.
    `hears_quorum`: q voters were heard just now. `heard_until_ns`: until when q voters count as
    heard within `UNHEARD_NS_MAX`, by the clock's exchanges, which cannot be replayed; past if they
    do not.
    """

    now_ns: int
    timeline: Timeline | None
    is_willing: bool
    hears_quorum: bool
    heard_until_ns: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A decided value and the circle us from which and before which it may be selected."""

    decided: Named
    slot: int
    begins_us: int
    ends_us: int


class Lease:
    """Selects at most one value; `held` is the last one, kept on for a short gap, uncommitted."""

    __slots__ = (
        "_candidates",
        "_deadline_ns",
        "_ended_slot",
        "_guard_us",
        "_timeline",
        "held",
        "is_unheard",
        "selected",
        "shown_slot",
    )

    def __init__(self, parameters: Parameters, shown_slot: int) -> None:
        self.selected: Named | None = None
        self.held: Named | None = None
        self.shown_slot = shown_slot
        self.is_unheard = False
        """A long lease runs and is not selected, for want of q voters heard of late."""
        self._ended_slot = 0
        self._candidates: list[Candidate] = []
        self._guard_us = parameters.guard_us
        self._timeline: Timeline | None = None
        self._deadline_ns = NEVER_NS

    def offer(self, decided: Named) -> None:
        """Add a decided value, in the order of slots."""
        begins_us, ends_us = self.begins_us(decided), self.ends_us(decided)
        self._candidates.append(Candidate(decided, decided.value.slot, begins_us, ends_us))
        del self._candidates[:-CANDIDATES_MAX]
        self._timeline = None

    def update(self, standing: Standing) -> bool:
        """Select anew; returns whether the highest slot ever shown grew (persist it first)."""
        if standing.timeline is None or not standing.is_willing:
            self.selected = self.held = self._timeline = None
            self.is_unheard = False
            self._deadline_ns = NEVER_NS
            return False
        is_settled = self.held is None and not self.is_unheard
        is_known = standing.timeline is self._timeline and is_settled
        if is_known and standing.now_ns < self._deadline_ns:
            return False
        self._timeline = standing.timeline
        circle_us = standing.timeline.at(standing.now_ns)
        last = self.selected or self.held
        self._latch(circle_us)
        running = self._pick(circle_us)
        self.is_unheard = running is not None and not _is_heard(running, standing)
        self.selected = None if self.is_unheard else running
        self.held = None
        if running is None and last is not None and self._may_hold(last, standing, circle_us):
            self.held = last
        self._deadline_ns = self._next_change_ns(standing, standing.timeline, circle_us)
        if self.selected is None or self.selected.value.slot <= self.shown_slot:
            return False
        self.shown_slot = self.selected.value.slot
        return True

    def deadline_ns(self) -> int:
        """Return when selection changes by time alone."""
        return self._deadline_ns

    def begins_us(self, decided: Named) -> int:
        """Return the first circle us at which `decided` may be selected."""
        return decided.value.not_before_us + self._guard_us

    def ends_us(self, decided: Named) -> int:
        """Return the first circle us at which `decided` may no longer be selected."""
        return decided.value.not_after_us - self._guard_us

    def _latch(self, circle_us: int) -> None:
        """A lease seen to end stays ended, even if the clock is slewed back a little."""
        for one in self._candidates:
            if circle_us >= one.ends_us and one.slot > self._ended_slot:
                self._ended_slot = one.slot

    def _pick(self, circle_us: int) -> Named | None:
        for one in reversed(self._candidates):
            is_open = one.begins_us <= circle_us < one.ends_us
            if is_open and one.slot > self._ended_slot and one.slot >= self.shown_slot:
                return one.decided
        return None

    def _may_hold(self, last: Named, standing: Standing, circle_us: int) -> bool:
        """Between two leases the last output stays for a short while, marked uncommitted."""
        successor = any(one.slot > last.value.slot for one in self._candidates)
        in_gap = circle_us < self.ends_us(last) + GAP_US_MAX
        return in_gap and (successor or standing.hears_quorum) and _is_heard(last, standing)

    def _next_change_ns(self, standing: Standing, timeline: Timeline, circle_us: int) -> int:
        coming_us = NEVER_US
        if self.held is not None:
            coming_us = _next(self.ends_us(self.held) + GAP_US_MAX, circle_us, coming_us)
        for one in self._candidates:
            coming_us = _next(one.begins_us, circle_us, coming_us)
            coming_us = _next(one.ends_us, circle_us, coming_us)
        change_ns = timeline.local_at(coming_us) if coming_us != NEVER_US else NEVER_NS
        shown = self.selected or self.held
        if shown is not None and _is_long(shown):
            return min(change_ns, standing.heard_until_ns)
        return change_ns


def _next(change_us: int, circle_us: int, first_us: int) -> int:
    """Return the first of two changes to come; one that is not after `circle_us` is none."""
    return change_us if circle_us < change_us < first_us else first_us


def _is_long(decided: Named) -> bool:
    """Would this lease outlast a lost quorum for too long?"""
    return decided.value.not_after_us - decided.value.not_before_us > UNHEARD_US_MAX


def _is_heard(decided: Named, standing: Standing) -> bool:
    """May this value be shown, as far as it takes others to be heard?"""
    return not _is_long(decided) or standing.now_ns < standing.heard_until_ns
