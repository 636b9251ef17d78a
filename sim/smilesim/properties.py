"""What every run promises, in one list: always, sometimes, eventually.

*Always* properties are judged by the checks on every event; one of them broken ends a run.
*Sometimes* properties are facts that must happen at least once in a sweep whose scenarios can
bring them about: what never happened was never tested. *Eventually* properties are what must follow
once the last fault is over (`liveness.py`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypedDict

from smilesim.city import City, Plan
from smilesim.coverage import RUNG_FACTS
from smilesim.liveness import (
    LEASE_S,
    LIGHT_RULE,
    LIGHT_S,
    PROGRESS_RULE,
    PROGRESS_S,
    SLOTS,
    healed_s,
)
from smilesim.restartcheck import REFUSED_RULE
from smilesync.effects import Rung

POWER_LOST = ("blackout", "crashes", "persist-points", "torn-writes")
LINKS_LOST = ("split", "sides", "islands")
TORN = ("torn-writes", "disk-errors")
MEMORY_LOST = ("lost-writes", "bit-flips")
SEVERAL_CIRCLES = ("choices", "partings", "half-told")


class Kind(Enum):
    """When a property must hold."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    EVENTUALLY = "eventually"


@dataclass(frozen=True, slots=True)
class Property:
    """One promise. `name` is its rule in violations, or the fact that coverage counts.

    A property is asked of scenarios with one of the faults in `after`, or of all; an *eventually*
    property of runs that go on for longer than `within_s` after the last fault.
    """

    kind: Kind
    name: str
    claim: str
    after: frozenset[str] = frozenset()
    within_s: int = 0


def _always(name: str, claim: str, *after: str) -> Property:
    return Property(Kind.ALWAYS, name, claim, frozenset(after))


def _sometimes(name: str, claim: str, *after: str) -> Property:
    return Property(Kind.SOMETIMES, name, claim, frozenset(after))


def _eventually(name: str, claim: str, within_s: int) -> Property:
    return Property(Kind.EVENTUALLY, name, claim, within_s=within_s)


PROPERTIES = (
    _always("I1", "one decided value per circle and slot"),
    _always("I2", "a decision has q true signatures and extends the one before"),
    _always("I3", "no two certificates that exclude each other"),
    _always("I4", "nobody signs two things that exclude each other, across restarts"),
    _always("I5", "no vote and no circle time leaves before its record is durable"),
    _always("I6", "leases do not overlap, and only a renewed one is longer"),
    _always("I7", "no two devices of a circle show different certified values at once"),
    _always("I8", "certified light only within lease, consent and readings"),
    _always("I9", "the roster changes by lawful steps only"),
    _always("I10", "no value beside a notarized one that stands"),
    _always("I11", "what a device keeps and sends is bounded"),
    _always("I13", "every rung of the ladder in its time"),
    _always("I14", "no decision without q voters who hear one another"),
    _always("I15", "no honest voter is accused"),
    _always("I16", "who gave up a circle, or saw it end, never signs for it again"),
    _always("I17", "no slot is shown after a later one, across restarts"),
    _always("I18", "no vote between a start and q - 1 answers, none by who forgot votes"),
    _always("seat", "no lawful seat is lost"),
    _always(
        "stage", "one circle at a time drives a light, by all journals' leave", *SEVERAL_CIRCLES
    ),
    _always("inputs", "published counts are of five who share, or more, and of a crowd by seats"),
    _always("PAT", "every selected pattern passes the static conditions"),
    _always("light", "no emitted light breaks a limit for eyes"),
    _always(REFUSED_RULE, "no honest voter refuses what an honest leader proposes"),
    _always("crash", "nothing raises inside a device"),
    _always("hang", "whatever a device does comes to an end"),
    _sometimes("slot-decided", "a decision reaches a journal"),
    _sometimes("leader-changed", "a second leader of a slot gets a vote", *LINKS_LOST),
    _sometimes("view-nullified", "a view is given up", *LINKS_LOST),
    _sometimes("restarted", "a device starts again from its journal", *POWER_LOST),
    _sometimes("decided-after-restart", "a restarted device decides a slot", *POWER_LOST),
    _sometimes("torn-record-met", "a device starts from a journal with a torn end", *TORN),
    _sometimes("became-amnesic", "a device finds that it forgot a vote", *MEMORY_LOST),
    _sometimes("certificate-repaired", "a device is given a decision it missed", *LINKS_LOST),
    _sometimes("lease-renewed", "a lease is longer than the one before"),
    _sometimes("clock-found-again", "a device loses its circle's clock and finds it", *LINKS_LOST),
    _sometimes("handshake-repeated", "two devices meet again in the same lives", *LINKS_LOST),
    _sometimes(RUNG_FACTS[Rung.COMMITTED], "a lamp shows certified light"),
    _sometimes(RUNG_FACTS[Rung.HOLD], "a lamp holds the last certified pattern"),
    _sometimes(RUNG_FACTS[Rung.HARMONY], "a lamp shows the mean of neighbours"),
    _sometimes(RUNG_FACTS[Rung.SOLO], "a lamp shows its wearer's feeling alone", *LINKS_LOST),
    _sometimes(RUNG_FACTS[Rung.OFF], "a lamp is off by its wearer's button", "off-wave"),
    _sometimes("consent-withdrawn", "a wearer leaves the collective light", "withdraw"),
    _sometimes("seat-given", "a decided value gives somebody a seat", "churn"),
    _sometimes("seat-taken", "a decided value takes a seat", "churn"),
    _sometimes("changed-over", "a light goes over from one circle to another", "choices"),
    _eventually(LIGHT_RULE, f"whoever is able has certified light within {LIGHT_S} s", LIGHT_S),
    _eventually(
        PROGRESS_RULE,
        f"whoever is able decides {SLOTS} more slots, one per {LEASE_S} s after {LIGHT_S} s",
        PROGRESS_S,
    ),
)


class Result(Enum):
    """What became of a property. Over several runs the one listed first counts.

    UNSEEN and UNJUDGED fail a sweep: what never happened, or was never looked at, proves nothing.
    CONCEDED: it did not hold, and with more villains than f nobody said that it would.
    """

    BROKEN = "broken"
    CONCEDED = "conceded"
    SEEN = "seen"
    HELD = "held"
    UNSEEN = "unseen"
    UNJUDGED = "unjudged"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A property with its result. `count`: how often it was judged, a *sometimes* one: seen."""

    kind: Kind
    name: str
    result: Result
    count: int

    def merge(self, other: "Outcome") -> "Outcome":
        """Return the outcome over both runs."""
        result = min(self.result, other.result, key=list(Result).index)
        return Outcome(self.kind, self.name, result, self.count + other.count)

    def row(self) -> "OutcomeRow":
        """Return the outcome as the reports have it."""
        return OutcomeRow(
            kind=self.kind.value, name=self.name, result=self.result.value, count=self.count
        )


class OutcomeRow(TypedDict):
    """An outcome in a report, in the words of `Kind` and `Result`."""

    kind: str
    name: str
    result: str
    count: int


def seat_counts(city: City) -> dict[str, int]:
    """Return how many seats decided values gave and took."""
    seats = city.checks.seats
    return {"seat-given": seats.given, "seat-taken": seats.taken}


def outcomes(city: City) -> tuple[Outcome, ...]:
    """Return what became of every property in a finished run, in the order of the list."""
    turns = city.world.deliveries + city.world.wakes
    counts = {
        **city.violations.judged,
        **city.checks.coverage.seen,
        **seat_counts(city),
        "changed-over": city.checks.stages.changes,
        "PAT": city.checks.display.patterns,
        "light": city.lights.frames,
        "crash": turns,
        "hang": turns,
    }
    return tuple(_outcome(one, city, counts.get(one.name, 0)) for one in PROPERTIES)


def _outcome(one: Property, city: City, count: int) -> Outcome:
    faults = city.plan.scenario.faults
    is_asked = not one.after or any(fault.kind in one.after for fault in faults)
    if one.kind is Kind.SOMETIMES:
        result, without = Result.SEEN, Result.UNSEEN
    else:
        is_asked = is_asked and _has_time_for(one, city.plan)
        result, without = Result.HELD, Result.UNJUDGED
    if not count:
        result = without if is_asked else Result.NOT_ASKED
    if city.violations.broken[one.name]:
        is_conceded = one.name in city.violations.conceded
        result = Result.CONCEDED if is_conceded else Result.BROKEN
    return Outcome(one.kind, one.name, result, count)


def _has_time_for(one: Property, plan: Plan) -> bool:
    """Does the run go on for long enough after the last fault?"""
    healed = healed_s(plan.scenario)
    return not one.within_s or (healed is not None and plan.seconds - healed > one.within_s)
