"""What a circle decides of its people's feelings, against a recount, and among made-up people."""

from dataclasses import replace

import pytest

from smilesim import recipe, scenario
from smilesim.city import City
from smilesim.crowd import gathering, settle
from smilesim.fate import Weather
from smilesim.faults.kind import Fault
from smilesim.inputcheck import RULE, InputCheck, is_gentle
from smilesim.meadow import meadow
from smilesim.recipe import Recipe
from smilesim.report import report
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck
from smilesync.circle.quorum import vote_set
from smilesync.circle.value import Value
from smilesync.commands import DEFAULT_SWITCHES, Switch
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.wire.messages import VoteKind
from smilesync.wire.records import ConsentSet, DecidedRecord, Felt

SECOND = 1_000
SHARING = int(DEFAULT_SWITCHES | Switch.SHARE)
ALOOF = int((DEFAULT_SWITCHES | Switch.SHARE) & ~Switch.COLLECTIVE)
MOOD = {"spread_s": 1.0, "percent": 100.0, "back_s": 0.0}


class Stage:
    """A circle with `followers`, or without; wearers and decisions are what the test says."""

    def __init__(self, peers: int, *, is_gentle: bool = True, has_followers: bool = True) -> None:
        through = SignThrough()
        crowd = meadow(peers, peers, 1) if has_followers else gathering(peers, 1)
        self.devices, self.circles = settle(crowd, 1, through)
        self.violations = Violations()
        self.circle = self.circles[0]
        votes = VoteCheck(self.circles, through, self.violations, self.devices)
        self.check = InputCheck(
            self.circles, self.devices, votes, self.violations, is_gentle=is_gentle
        )
        self.slot = 0
        for index in range(peers):
            self.check.powered_on(self.devices[index], [], 0)

    def share(self, who: int, state: int, switches: int = SHARING, tick: int = 0) -> None:
        self.check.persisted(self.devices[who], Felt(state), tick)
        self.check.persisted(self.devices[who], ConsentSet(switches), tick)

    def decide(self, *inputs: int, tick: int, view: int = 1) -> bool:
        """Let a value be decided; returns whether it was found wrong."""
        self.slot += 1
        value = Value(
            slot=self.slot,
            parent=bytes(32),
            not_before_us=1,
            not_after_us=2,
            pattern=MOOD_PATTERNS[0],
            start_us=1,
            previous=None,
            previous_start_us=0,
            fade_us=2_000_000,
            roster_hash=bytes(32),
            state_hash=bytes(32),
            inputs=inputs or None,  # type: ignore[arg-type]  # five or none
        )
        before = self.violations.count
        certificate = vote_set((VoteKind.FINALIZE, view, bytes(32)), {0: bytes(64)})
        record = DecidedRecord(self.slot, value.encode(), certificate)
        self.check.journalled(self.devices[self.circle.members[0]], record, tick)
        return self.violations.count > before


def test_a_member_counts_in_full_and_a_crowd_by_seats() -> None:
    stage = Stage(60)
    for who in stage.circle.followers:
        stage.share(who, 4)
    for who in stage.circle.members[:3]:
        stage.share(who, 4)

    assert not stage.decide(0, 0, 0, 0, 25, tick=SECOND)
    assert stage.decide(0, 0, 0, 0, 30, tick=SECOND)
    assert stage.violations.kept[0].rule == RULE


@pytest.mark.parametrize(("is_gentle", "until_s"), [(True, 12), (False, 45)])
@pytest.mark.parametrize("is_late", [False, True])
def test_who_took_it_back_is_counted_no_longer_than_a_withdrawal_takes(
    is_gentle: bool, until_s: int, is_late: bool
) -> None:
    stage = Stage(30, is_gentle=is_gentle)
    for who in range(30):
        stage.share(who, 0)
    stage.decide(10, 0, 0, 0, 0, tick=SECOND)
    for who in range(30):
        stage.share(who, 0, int(DEFAULT_SWITCHES), 10 * SECOND)

    found = stage.decide(20, 0, 0, 0, 0, tick=(10 + until_s) * SECOND - 1 + is_late)

    assert found is is_late


@pytest.mark.parametrize(
    ("name", "expected"), [("moods", True), ("calm", True), ("split", False), ("loss", False)]
)
def test_where_much_is_lost_a_withdrawal_may_take_as_long_as_a_word_lives(
    name: str, expected: bool
) -> None:
    chosen = scenario.load(name)

    assert is_gentle(chosen) is expected
    assert not is_gentle(replace(chosen, weather=Weather(loss_ppm=30_000)))


def test_a_count_that_stays_may_lag_by_four_and_later_views_may_keep_all() -> None:
    stage = Stage(30)
    for who in stage.circle.members[:4]:
        stage.share(who, 0)
    for who in stage.circle.members[4:9]:
        stage.share(who, 1)

    assert not stage.decide(5, 5, 0, 0, 0, tick=SECOND)
    assert not stage.decide(5, 5, 0, 0, 0, tick=50 * SECOND)
    for who in stage.circle.members[:4]:
        stage.share(who, 1, tick=51 * SECOND)
    assert not stage.decide(5, 10, 0, 0, 0, tick=80 * SECOND)
    assert not stage.decide(20, 10, 0, 0, 0, tick=81 * SECOND, view=3)
    assert stage.decide(20, 10, 0, 0, 0, tick=82 * SECOND)


def test_what_four_people_feel_is_not_to_be_published() -> None:
    stage = Stage(7, has_followers=False)
    for who in range(4):
        stage.share(who, 0)

    assert stage.decide(5, 0, 0, 0, 0, tick=SECOND)
    assert not Stage(7, has_followers=False).decide(tick=SECOND)


def test_who_is_aloof_counts_nowhere() -> None:
    near, far = Stage(7, has_followers=False), Stage(30)
    for stage in (near, far):
        for who in stage.circle.members[:7]:
            stage.share(who, 3, ALOOF)

    assert near.decide(0, 0, 0, 5, 0, tick=SECOND)
    assert far.decide(0, 0, 0, 5, 0, tick=SECOND)


def test_a_restart_is_read_from_the_disk() -> None:
    stage = Stage(7, has_followers=False)
    for who in range(7):
        stage.check.powered_on(stage.devices[who], [Felt(1), ConsentSet(SHARING)], SECOND)

    assert not stage.decide(0, 5, 0, 0, 0, tick=2 * SECOND)
    for who in range(7):
        stage.check.powered_on(stage.devices[who], [], 3 * SECOND)
    assert stage.decide(0, 10, 0, 0, 0, tick=60 * SECOND)


def test_the_same_slot_is_judged_once_and_a_gap_is_not() -> None:
    stage = Stage(7, has_followers=False)
    stage.decide(tick=SECOND)
    stage.slot = 0
    assert not stage.decide(50, 0, 0, 0, 0, tick=SECOND)
    stage.slot = 5
    assert not stage.decide(50, 0, 0, 0, 0, tick=SECOND)


def test_a_recount_is_of_those_who_are_on_and_their_seats() -> None:
    stage = Stage(60)
    for who in range(60):
        stage.share(who, 4 if who in stage.circle.followers else 0)

    found = stage.check.recount()

    assert found is not None
    assert (found.people, found.gap) == (0, 0), "nobody is on"


def _city(peers: int, seconds: int, *faults: Fault, villains: int | None = None) -> City:
    chosen = replace(
        scenario.load("moods"),
        faults=faults,
        seconds=seconds,
        peers=peers,
        circle_size=peers,
        villains=villains,
        expect={},
    )
    order = Recipe(chosen, 1, keep_going=True)
    city = recipe.settle(order, recipe.crowd(order))
    city.run()
    return city


def _moods(at_s: float, state: int, seats: int) -> Fault:
    return Fault("moods", at_s, {"at_s": at_s, "state": state, "seats": seats, **MOOD})


def test_what_followers_feel_is_decided_beside_what_voters_feel() -> None:
    city = _city(60, 30, _moods(4, 2, 1), _moods(7, 1, 2))

    result = report(city)

    assert result["violations"] == []
    assert result["figures"]["feelings_people"] == 60
    assert result["figures"]["feelings_counted"] == [0, 22, 22, 0, 0]
    gap = result["figures"]["feelings_gap"]
    assert gap is not None
    assert gap <= 6


@pytest.mark.spec("INP-007", "INP-015", "INP-017")
def test_a_crowd_of_made_up_people_moves_no_count_beyond_the_seats() -> None:
    turning = Fault("sybil-crowd", 5.0, {"at_s": 5.0, "spread_s": 0.0, "percent": 100.0})

    city = _city(40, 22, _moods(3, 2, 0), turning, villains=2)

    result = report(city)
    assert result["violations"] == []
    assert city.world.fired["sybil-statement"] > 200
    decided = result["figures"]["feelings_decided"]
    assert 5 <= decided[4] <= 22 + 2
    assert decided[2] >= 20
    assert sum(city.checks.votes.decided_slots(circle) for circle in city.circles) >= 4
