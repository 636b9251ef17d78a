"""Every property of the list can fail: each has a planted bug that it catches."""

from dataclasses import dataclass
from functools import cache

import pytest

from smilesim import lightsample, scenario, standstill
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.device import Device
from smilesim.disk import Disk, read_record
from smilesim.faults.table import KINDS
from smilesim.meadow import meadow
from smilesim.overlap import overlapping
from smilesim.properties import PROPERTIES, Kind, Result, outcomes
from smilesim.report import report
from smilesim.world import World
from smilesync.circle import circle, judge
from smilesync.circle.circle import Circle
from smilesync.circle.genesis import Parameters
from smilesync.circle.guard import RestartGuard
from smilesync.circle.presence import Presence
from smilesync.circle.quorum import VoteKey
from smilesync.circle.slot import Slot
from smilesync.circle.validity import Head, Reason, Verdict
from smilesync.circle.value import Value
from smilesync.circle.witness import Witness
from smilesync.effects import Effect, Event, Notice, Rung
from smilesync.light.stage import Stage
from support import planted
from support.planted import Bug, Strobe, infested, lacks

PEERS, SEED = 14, 4

CALM = 'summary = "Nothing."\nseconds = 12\npeers = 14\n'
LONG = 'summary = "Nothing, for long."\nseconds = 36\npeers = 14\n'
BLACKOUT = """summary = "Power fails."
seconds = 32
peers = 14

[[fault]]
kind = "blackout"
at_s = 8.1
outage_s = 1
spread_s = 1
"""
TORN = """summary = "Writes fail half way."
seconds = 12
peers = 14

[[fault]]
kind = "disk-errors"
at_s = 4
heal_s = 8
percent = 60
"""
FLIPPED = """summary = "Flash changes."
seconds = 16
peers = 14

[[fault]]
kind = "bit-flips"
at_s = 4
spread_s = 2
percent = 100
"""
SPLIT = """summary = "Circles are cut in two."
seconds = 26
peers = 14

[weather]
loss_percent = 1.0

[[fault]]
kind = "split"
at_s = 6.0
heal_s = 18.0
lone_percent = 100
"""
ISLANDS = """summary = "Everybody is alone for a while."
seconds = 26
peers = 14

[[fault]]
kind = "islands"
at_s = 6.0
heal_s = 18.0
islands = 14
"""
DOUBLE = """summary = "Some vote twice."
seconds = 24
peers = 14

[[fault]]
kind = "double-voter"
at_s = 3
"""
WAYWARD = """summary = "Wearers change their minds."
seconds = 8
peers = 14

[[fault]]
kind = "withdraw"
at_s = 3
spread_s = 2
percent = 50

[[fault]]
kind = "off-wave"
at_s = 3
spread_s = 2
percent = 50
"""

WITHDRAWN = """summary = "Wearers leave the collective light."
seconds = 8
peers = 14

[[fault]]
kind = "withdraw"
at_s = 5.1
spread_s = 1
percent = 100
"""

LOST = """summary = "More than a quorum can spare go flat for good."
seconds = 90
peers = 14
governed = 1

[[fault]]
kind = "batteries"
at_s = 6.0
spread_s = 1
percent = 50
charged_s = 0
"""

FESTIVAL = """summary = "Voters and others come and go."
seconds = 66
peers = 28
circle_size = 28
governed = 1

[[fault]]
kind = "churn"
at_s = 5
heal_s = 34
come_percent_per_min = 60
go_percent_per_min = 60
founder_percent = 80
"""

OVERLAP = """summary = "Two circles share some people, who change their minds."
seconds = 30
peers = 11
overlap_percent = 43

[[fault]]
kind = "choices"
at_s = 6
heal_s = 29
choices_per_min = 20
"""

Replaced = tuple[object, str, object]
"""A part of the simulator, the name of an attribute, and a broken one to put in its place."""


@dataclass(frozen=True)
class Case:
    """A property, a bug it must catch, and the scenario in which it does."""

    name: str
    text: str
    bug: Bug | Replaced

    def __str__(self) -> str:
        bug = self.bug
        return f"{self.name} by {bug[1] if isinstance(bug, tuple) else bug.__name__}"


def comes_never(_world: World, *_: object, **__: object) -> None:
    """Do nothing."""


def tears_nothing(disk: Disk, _entropy: object) -> int:
    """Keep what was written, synced or not."""
    disk.synced = len(disk.records)
    return 0


def sees_no_damage(disk: Disk) -> list[object]:
    """Take a damaged journal for a whole one."""
    return [read_record(record) for record in disk.records]


_power_on_at = World.power_on_at


def comes_once(world: World, device: Device, tick: int) -> None:
    """Switch on at the beginning, never again."""
    if not device.boots:
        _power_on_at(world, device, tick)


def hears_for_ever(_presence: Presence, _window_ns: int) -> int:
    """Take the quorum for heard."""
    return 2**62


def accuses_all(slot: Slot, _index: int, _key: VoteKey, _signature: bytes) -> list[Notice]:
    """Blame everybody."""
    everybody = slot.around.roster.identities
    return [Notice(Event.EQUIVOCATION_SEEN, one) for one in everybody]


def refuses_all(_value: Value, _head: Head, _parameters: Parameters) -> Reason:
    """Take every lease for a wrong one."""
    return Reason("CIR-024", Verdict.REJECT, "never right")


def asks_nobody(guard: RestartGuard) -> None:
    """Vote without an answer."""
    guard.is_asking, guard.may_vote = False, not guard.is_amnesic


ABANDON = Circle.abandon


def abandons_unwritten(self: Circle) -> list[Effect]:
    """Give up a circle without a record of it."""
    return ABANDON(self)[1:]


BROKEN_BY = [
    Case("I1", CALM, planted.DecidesAlone),
    Case("I2", CALM, planted.DecidesAlone),
    Case("I3", CALM, planted.VotesTwice),
    Case("I4", CALM, planted.VotesTwice),
    Case("I5", CALM, planted.ForgetsVotes),
    Case("I5", CALM, planted.ForgetsTime),
    Case("I5", CALM, planted.WritesLate),
    Case("I6", CALM, planted.LeasesTooLong),
    Case("I7", CALM, planted.ShowsForEver),
    Case("I8", CALM, planted.ShowsForEver),
    Case("I8", CALM, planted.IgnoresConsent),
    Case("I8", WITHDRAWN, planted.NeverWithdraws),
    Case("I8", WITHDRAWN, planted.WithdrawsLate),
    Case("I8", WAYWARD, planted.IgnoresTheButton),
    Case("I8", CALM, planted.ShowsOthers),
    Case("I8", CALM, planted.TrustsNoClock),
    Case("I8", CALM, planted.OverslepsWakes),
    Case("I9", CALM, planted.SmugglesRoster),
    Case("I10", CALM, planted.NotarizesAnew),
    Case("I11", CALM, planted.Chatters),
    Case("I13", SPLIT, (Presence, "quorum_until_ns", hears_for_ever)),
    Case("I14", ISLANDS, planted.DecidesForAll),
    Case("I15", DOUBLE, (Slot, "_accuse", accuses_all)),
    Case("I16", LOST, (Circle, "abandon", abandons_unwritten)),
    Case("I17", CALM, planted.ShowsAgain),
    Case("I17", BLACKOUT, planted.ForgetsShown),
    Case("I18", CALM, (RestartGuard, "_judge", asks_nobody)),
    Case("PAT", CALM, planted.ShowsOthers),
    Case("light", CALM, (lightsample, "Lamp", Strobe)),
    Case("refused", CALM, (judge, "v4_lease", refuses_all)),
    Case("crash", CALM, planted.Explodes),
    Case("hang", CALM, planted.Hangs),
    Case("light-returns", BLACKOUT, planted.StaysDark),
    Case("stage", OVERLAP, (Stage, "choose", lambda self, _name: self.scene)),
    Case("inputs", CALM, (circle, "published", lambda own, *_: tuple(5 * bool(n) for n in own))),
    Case("seat", FESTIVAL, (Presence, "away", lambda *_: 1)),
    Case("slots-go-on", LONG, planted.NeverDecides),
]

UNSEEN_BY = [
    Case("slot-decided", CALM, planted.NeverDecides),
    Case("lease-renewed", CALM, planted.NeverDecides),
    # Cut half a second sooner: then a slot needs its second leader.
    Case("leader-changed", SPLIT.replace("at_s = 6.0", "at_s = 5.5"), planted.SticksToOneLeader),
    Case("view-nullified", SPLIT, planted.SticksToOneLeader),
    Case("restarted", BLACKOUT, (World, "power_on_at", comes_once)),
    Case("decided-after-restart", BLACKOUT, planted.StaysDumb),
    Case("torn-record-met", TORN, (Disk, "lose_power", tears_nothing)),
    Case("became-amnesic", FLIPPED, (Disk, "replay", sees_no_damage)),
    Case("certificate-repaired", SPLIT, planted.KeepsDecisions),
    Case("clock-found-again", SPLIT, planted.HasNoNotices),
    Case("handshake-repeated", SPLIT, (World, "connect_soon", comes_never)),
    Case("rung-committed", CALM, lacks(Rung.COMMITTED)),
    Case("rung-hold", CALM, lacks(Rung.HOLD)),
    Case("rung-harmony", CALM, lacks(Rung.HARMONY)),
    Case("rung-solo", SPLIT, lacks(Rung.SOLO)),
    Case("rung-off", WAYWARD, lacks(Rung.OFF)),
    Case("consent-withdrawn", WAYWARD, planted.NeverWithdraws),
    Case("changed-over", OVERLAP, (World, "choose", comes_never)),
    Case("seat-taken", FESTIVAL, (Witness, "away", lambda *_: 0)),
    Case("seat-given", FESTIVAL, (Witness, "is_near", lambda *_: False)),
]


def plan(text: str) -> Plan:
    chosen = scenario.parse("planted", text, "planted.toml")
    if chosen.circle_size:
        people = meadow(chosen.peers, chosen.circle_size, SEED)
    elif chosen.overlap_percent:
        people = overlapping(chosen.peers, chosen.overlap_percent, SEED)
    else:
        people = district(PEERS, SEED)
    return Plan(chosen, people, SEED, chosen.seconds)


def results(city: City) -> dict[str, Result]:
    city.run()
    return {one.name: one.result for one in outcomes(city)}


@cache
def sound(text: str) -> dict[str, Result]:
    """Return what becomes of the properties without a bug."""
    return results(City(plan(text)))


def buggy(case: Case, monkeypatch: pytest.MonkeyPatch) -> City:
    if isinstance(case.bug, tuple):
        monkeypatch.setattr(*case.bug)
        return City(plan(case.text))
    return infested(plan(case.text), case.bug)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for less time for what never ends."""
    monkeypatch.setattr(standstill, "LIMIT_S", 0.2)


@pytest.mark.parametrize("case", BROKEN_BY, ids=str)
def test_a_planted_bug_breaks_the_promise(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sound(case.text)[case.name] is Result.HELD

    city = buggy(case, monkeypatch)

    assert results(city)[case.name] is Result.BROKEN
    assert report(city)["verdict"] == "fail"


@pytest.mark.parametrize("case", UNSEEN_BY, ids=str)
def test_a_planted_bug_keeps_a_fact_from_being_seen(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sound(case.text)[case.name] is Result.SEEN

    assert results(buggy(case, monkeypatch))[case.name] is Result.UNSEEN


def test_every_property_has_a_planted_bug() -> None:
    sometimes = {one.name for one in PROPERTIES if one.kind is Kind.SOMETIMES}
    others = {one.name for one in PROPERTIES} - sometimes

    assert {case.name for case in UNSEEN_BY} == sometimes
    assert {case.name for case in BROKEN_BY} == others


def test_properties_have_one_name_each_and_name_kinds_of_faults_that_exist() -> None:
    names = [one.name for one in PROPERTIES]

    assert len(set(names)) == len(names)
    assert {kind for one in PROPERTIES for kind in one.after} <= set(KINDS)


@pytest.mark.parametrize("text", sorted({case.text for case in [*BROKEN_BY, *UNSEEN_BY]}))
def test_without_a_bug_nothing_is_broken(text: str) -> None:
    assert Result.BROKEN not in sound(text).values()


def test_the_first_broken_promise_ends_the_run_in_its_tick() -> None:
    city = infested(plan(CALM), planted.VotesTwice, keep_going=False)

    city.run()
    result = report(city)

    first = result["violations"][0]
    assert city.world.tick == first["tick"] < result["seconds"] * 1000
    assert {one["tick"] for one in result["violations"]} == {first["tick"]}
    assert result["verdict"] == "fail"
    assert not any(one["rule"].startswith("expect") for one in result["violations"])
