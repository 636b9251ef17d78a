"""Planted bugs of showing: I7 in true time, I8 on every selection."""

from dataclasses import dataclass, replace

import pytest

from smilesim.crowd import district, settle
from smilesim.decision import hashed
from smilesim.device import Device, SimCircle
from smilesim.displaycheck import HEARD_TICKS_MAX, READING_TICKS_MAX, DisplayCheck
from smilesim.oscillator import Oscillator
from smilesim.radio import UNHEARD_TICK
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck, statement
from smilesync.circle.value import NO_PREVIOUS, Value
from smilesync.effects import Rung, Scene
from smilesync.ids import ValueHash
from smilesync.light import choose
from smilesync.timeline import Timeline
from smilesync.wire.messages import VoteKind, VoteSet
from smilesync.wire.records import ConsentSet, DecidedRecord, Shown

PATTERN = choose.collective((0, 0, 0, 0, 0), None)
LEASE_US = 4_000_000
GUARD_MS = 20


@dataclass
class Stage:
    devices: list[Device]
    circle: SimCircle
    votes: VoteCheck
    check: DisplayCheck
    violations: Violations

    @property
    def members(self) -> list[Device]:
        return [self.devices[member] for member in self.circle.members]

    def rules(self) -> list[str]:
        return [one.rule for one in self.violations.kept]

    def scene(self, number: int, **changes: object) -> Scene:
        """A selection of slot `number`, whose lease begins at n times four seconds."""
        body = value(number)
        scene = Scene(
            rung=Rung.COMMITTED,
            own_state=0,
            is_selected=True,
            slot=number,
            value_hash=hashed(body),
            pattern=PATTERN,
            timeline=Timeline(0, 0),
        )
        return replace(scene, **changes)  # type: ignore[arg-type]  # names are Scene's

    def ready(self, device: Device, tick: int) -> None:
        """Give a device all that an honest selection at `tick` needs."""
        for slot in (1, 2, 3):
            body = value(slot)
            said = (VoteKind.FINALIZE, slot, 1, bytes(hashed(body)))
            data = statement(self.circle, said, self.circle.roster.hash)
            quorum = self.circle.roster.quorum
            signatures = tuple(one.keys.voter.sign(data) for one in self.members[:quorum])
            votes = VoteSet(VoteKind.FINALIZE, 1, hashed(body), (1 << quorum) - 1, signatures)
            self.votes.journalled(device, DecidedRecord(slot, body, votes), tick)
        for way in device.inbound.values():
            way.heard_tick = tick


def value(slot: int) -> bytes:
    """Slots 1 and 2 last four seconds each; slot 3 renews slot 2, so it lasts eight."""
    parent = NO_PREVIOUS if slot == 1 else hashed(value(slot - 1))
    return Value(
        slot=slot,
        parent=ValueHash(parent),
        not_before_us=slot * LEASE_US,
        not_after_us=(slot + 1 if slot < 3 else slot + 2) * LEASE_US,
        pattern=PATTERN,
        start_us=min(slot, 2),
        previous=None,
        previous_start_us=0,
        fade_us=2_000_000,
        roster_hash=bytes(32),
        state_hash=bytes(32),
    ).encode()


@pytest.fixture
def stage() -> Stage:
    through = SignThrough()
    devices, circles = settle(district(7, 1), 1, through)
    violations = Violations()
    votes = VoteCheck(circles, through, violations, devices)
    circle = max(circles, key=lambda one: one.roster.size)
    check = DisplayCheck(circles, devices, votes, violations)
    for device in devices:
        check.restarted(device, [], 0)
    return Stage(devices, circle, votes, check, violations)


def test_an_honest_selection_breaks_nothing(stage: Stage) -> None:
    first, last = 4_000 + GUARD_MS, 8_000 - GUARD_MS
    for device in stage.members:
        stage.ready(device, first)
        stage.check.shown(device, stage.scene(1), first)
    stage.check.end_tick(first)
    for device in stage.members:
        stage.check.shown(device, Scene(Rung.HOLD, 0), last)
    stage.check.end_tick(last)

    assert stage.rules() == []


@pytest.mark.parametrize(
    ("tick", "is_broken"),
    [(4_019, True), (4_020, False), (7_979, False), (7_980, True), (2_000, True), (12_000, True)],
)
def test_i8_a_selection_begins_inside_its_lease_to_the_millisecond(
    stage: Stage, tick: int, *, is_broken: bool
) -> None:
    device = stage.members[0]
    stage.ready(device, tick)
    stage.check.shown(device, stage.scene(1), tick)

    assert stage.rules() == (["I8"] if is_broken else [])


@pytest.mark.parametrize(("end", "is_broken"), [(7_980, False), (7_981, True), (9_000, True)])
@pytest.mark.parametrize("how", ["shown", "off", "finish"])
def test_i8_a_selection_ends_with_its_lease_to_the_millisecond(
    stage: Stage, end: int, how: str, *, is_broken: bool
) -> None:
    device = stage.members[0]
    stage.ready(device, 5_000)
    stage.check.shown(device, stage.scene(1), 5_000)

    if how == "shown":
        stage.check.shown(device, Scene(Rung.SOLO, 0), end)
    elif how == "off":
        stage.check.powered_off(device, end)
    else:
        stage.check.finish(end - 1)

    assert stage.rules() == (["I8"] if is_broken else [])


def test_i8_the_own_clock_counts_not_the_true_one(stage: Stage) -> None:
    device = stage.members[0]
    device.oscillator = Oscillator(0, 3_000_000_000)
    stage.ready(device, 1_500)
    stage.check.shown(device, stage.scene(1), 1_500)
    assert stage.rules() == []
    stage.check.shown(device, Scene(Rung.SOLO, 0), 5_000)
    assert stage.rules() == ["I8"]


@pytest.mark.parametrize("switches", [0, 1, 4, 5, 16, 20, 17])
def test_i8_against_the_wearers_consent(stage: Stage, switches: int) -> None:
    device = stage.members[0]
    stage.ready(device, 5_000)
    stage.check.consent_set(device, switches)
    stage.check.shown(device, stage.scene(1), 5_000)

    assert stage.rules() == ["I8"]
    assert not device.is_willing


def test_i8_consent_is_remembered_over_a_restart(stage: Stage) -> None:
    device = stage.members[0]
    stage.check.restarted(device, [ConsentSet(1)], 0)
    stage.ready(device, 5_000)
    stage.check.shown(device, stage.scene(1), 5_000)

    assert stage.rules() == ["I8"]


def test_a_wearer_is_willing_again_only_if_the_journal_says_so(stage: Stage) -> None:
    """A damaged journal may keep an older consent than the last."""
    device = stage.members[0]
    device.is_willing = True

    stage.check.restarted(device, [ConsentSet(0)], 0)
    assert not device.is_willing

    stage.check.restarted(device, [], 0)
    assert device.is_willing


def test_i8_without_readings_of_a_quorum(stage: Stage) -> None:
    device = stage.members[0]
    stage.ready(device, 5_000 - READING_TICKS_MAX)
    stage.check.shown(device, stage.scene(1), 5_000)
    stage.check.sweep(5_000)
    assert stage.rules() == []

    stage.check.sweep(5_001)
    assert stage.rules() == ["I8"]


@pytest.mark.parametrize(
    "changes",
    [
        {"slot": 9},
        {"value_hash": ValueHash(bytes(32))},
        {"value_hash": None},
        {"timeline": None},
    ],
    ids=["undecided", "other-value", "nothing", "no-clock"],
)
def test_i8_something_that_was_not_decided(stage: Stage, changes: dict[str, object]) -> None:
    device = stage.members[0]
    stage.ready(device, 5_000)
    stage.check.shown(device, stage.scene(1, **changes), 5_000)

    assert stage.rules() == ["I8"]


def test_a_selected_pattern_meets_the_static_conditions(stage: Stage) -> None:
    device = stage.members[0]
    stage.ready(device, 5_000)
    stage.check.shown(device, stage.scene(1, pattern=b"\xa0"), 5_000)

    assert [rule[:3] for rule in stage.rules()] == ["I8", "PAT"]


def test_i7_two_slots_are_shown_at_one_instant(stage: Stage) -> None:
    one, other = stage.members[:2]
    other.oscillator = Oscillator(0, 2_000_000_000)
    for device in (one, other):
        stage.ready(device, 6_500)
    stage.check.shown(one, stage.scene(1), 6_500)
    stage.check.end_tick(6_500)
    assert stage.rules() == []

    stage.check.shown(other, stage.scene(2), 6_600)
    stage.check.end_tick(6_600)
    assert stage.rules() == ["I7"]


def test_i7_a_change_within_one_tick_is_no_overlap(stage: Stage) -> None:
    one, other = stage.members[:2]
    other.oscillator = Oscillator(0, 2_000_000_000)
    for device in (one, other):
        stage.ready(device, 6_500)
    stage.check.shown(one, stage.scene(1), 6_500)
    stage.check.end_tick(6_500)
    stage.check.shown(other, stage.scene(2), 6_600)
    stage.check.shown(one, Scene(Rung.HOLD, 0), 6_600)
    stage.check.end_tick(6_600)

    assert stage.rules() == []


def test_i7_power_loss_ends_a_selection(stage: Stage) -> None:
    one, other = stage.members[:2]
    other.oscillator = Oscillator(0, 2_000_000_000)
    for device in (one, other):
        stage.ready(device, 6_500)
    stage.check.shown(one, stage.scene(1), 6_500)
    stage.check.powered_off(one, 6_550)
    stage.check.shown(other, stage.scene(2), 6_600)
    stage.check.end_tick(6_600)

    assert stage.rules() == []


def test_i17_an_earlier_slot_never_comes_back(stage: Stage) -> None:
    device = stage.members[0]
    stage.check.restarted(device, [Shown(2)], 0)
    stage.ready(device, 5_000)
    stage.check.shown(device, stage.scene(1), 5_000)

    assert stage.rules() == ["I17"]


def _hear(stage: Stage, device: Device, tick: int, count: int) -> None:
    """Let `device` hear `count` other voters at `tick`, and nobody else before."""
    for way in device.inbound.values():
        way.heard_tick = UNHEARD_TICK
    others = [member for member in stage.circle.members if member != device.index]
    for member in others[:count]:
        device.inbound[member].heard_tick = tick


@pytest.mark.parametrize(("age", "is_broken"), [(HEARD_TICKS_MAX, False), (4_011, True)])
@pytest.mark.parametrize("how", ["enter", "sweep", "leave", "finish"])
def test_i8_a_long_lease_is_shown_only_while_a_quorum_is_heard(
    stage: Stage, age: int, how: str, *, is_broken: bool
) -> None:
    device, quorum = stage.members[0], stage.circle.roster.quorum
    begin, tick = 12_500, 12_500 + age
    stage.ready(device, begin)
    if how == "enter":
        _hear(stage, device, begin - age, quorum - 1)
    stage.check.shown(device, stage.scene(3), begin)
    if how != "enter":
        _hear(stage, device, begin, quorum - 1)
    if how == "sweep":
        stage.check.sweep(tick)
    elif how == "leave":
        stage.check.shown(device, Scene(Rung.SOLO, 0), tick + 1)
    elif how == "finish":
        stage.check.finish(tick)

    assert stage.rules() == (["I8"] if is_broken else [])


def test_i8_one_voter_too_few_is_no_quorum_and_a_short_lease_needs_none(stage: Stage) -> None:
    device, quorum = stage.members[0], stage.circle.roster.quorum
    stage.ready(device, 12_500)
    _hear(stage, device, 12_500, quorum - 2)
    for way in device.inbound.values():  # readings for SYNCED are there
        way.heard_tick = max(way.heard_tick, 12_500 - HEARD_TICKS_MAX)
    stage.check.shown(device, stage.scene(3), 12_500)
    stage.check.sweep(12_501)
    assert stage.rules() == ["I8"]

    stage.violations.kept.clear()
    stage.check.shown(device, stage.scene(2), 12_502)
    stage.violations.kept.clear()  # its lease is over, which is another matter
    stage.check.sweep(12_502)
    assert not [one for one in stage.violations.kept if "hearing" in one.detail]


@pytest.mark.parametrize(
    ("tick", "is_broken"), [(19_979, True), (19_980, False), (20_979, False), (15_000, True)]
)
def test_i8_nothing_is_held_before_its_lease_ended(
    stage: Stage, tick: int, *, is_broken: bool
) -> None:
    device = stage.members[0]
    stage.ready(device, tick)
    stage.check.shown(device, stage.scene(3, is_selected=False, rung=Rung.HOLD), tick)

    assert stage.rules() == (["I8"] if is_broken else [])


@pytest.mark.parametrize(("end", "is_broken"), [(20_980, False), (20_981, True)])
@pytest.mark.parametrize("how", ["shown", "off", "finish"])
def test_i8_a_hold_ends_after_a_second(
    stage: Stage, end: int, how: str, *, is_broken: bool
) -> None:
    device = stage.members[0]
    stage.ready(device, 19_980)
    stage.check.shown(device, stage.scene(3, is_selected=False, rung=Rung.HOLD), 19_980)

    if how == "shown":
        stage.check.shown(device, Scene(Rung.SOLO, 0), end)
    elif how == "off":
        stage.check.powered_off(device, end)
    else:
        stage.check.finish(end - 1)

    assert stage.rules() == (["I8"] if is_broken else [])


def test_i8_a_long_lease_is_not_held_by_who_hears_nobody(stage: Stage) -> None:
    device = stage.members[0]
    stage.ready(device, 19_980)
    _hear(stage, device, 15_000, 6)

    stage.check.shown(device, stage.scene(3, is_selected=False, rung=Rung.HOLD), 19_980)

    assert stage.rules() == ["I8"]


@pytest.mark.parametrize("changes", [{"slot": 9}, {"timeline": None}])
def test_i8_nothing_is_held_that_was_not_decided(stage: Stage, changes: dict[str, object]) -> None:
    device = stage.members[0]
    stage.ready(device, 19_980)
    held = stage.scene(3, is_selected=False, rung=Rung.HOLD, **changes)

    stage.check.shown(device, held, 19_980)

    assert stage.rules() == ["I8"]


def test_a_device_that_is_paused_shows_nothing_and_is_judged_when_it_goes_on(stage: Stage) -> None:
    device = stage.members[0]
    stage.ready(device, 5_000)
    stage.check.shown(device, stage.scene(1), 5_000)
    device.stalled_until_tick = 60_000
    stage.check.paused(device)
    stage.check.end_tick(5_000)
    stage.check.sweep(60_000)
    assert stage.rules() == []

    device.stalled_until_tick = 0
    stage.check.resumed(device, 60_000)
    assert "I8" in stage.rules()


def test_what_is_shown_in_the_tick_of_a_pause_counts(stage: Stage) -> None:
    one, other = stage.members[:2]
    for device, slot in ((one, 1), (other, 2)):
        stage.ready(device, 5_000)
        stage.check.shown(device, stage.scene(slot), 5_000)
    one.stalled_until_tick = 60_000
    stage.check.paused(one)
    stage.check.end_tick(5_000)

    assert "I7" in stage.rules()
