"""Planted bugs of showing: I7 in true time, I8 on every selection."""

from dataclasses import dataclass, replace

import pytest

from smilesim.crowd import district, settle
from smilesim.device import Device, SimCircle
from smilesim.displaycheck import READING_TICKS_MAX, DisplayCheck
from smilesim.oscillator import Oscillator
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck, hashed, statement
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
        """A selection of slot `number`, whose lease is [n, n + 1) times four seconds."""
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
        for slot in (1, 2):
            body = value(slot)
            said = (VoteKind.FINALIZE, slot, 1, bytes(hashed(body)))
            data = statement(self.circle, said)
            quorum = self.circle.roster.quorum
            signatures = tuple(one.keys.voter.sign(data) for one in self.members[:quorum])
            votes = VoteSet(VoteKind.FINALIZE, 1, hashed(body), (1 << quorum) - 1, signatures)
            self.votes.journalled(device, DecidedRecord(slot, body, votes), tick)
        for member in self.circle.members:
            device.heard_tick[member] = tick


def value(slot: int) -> bytes:
    parent = NO_PREVIOUS if slot == 1 else hashed(value(slot - 1))
    return Value(
        slot=slot,
        parent=ValueHash(parent),
        not_before_us=slot * LEASE_US,
        not_after_us=(slot + 1) * LEASE_US,
        pattern=PATTERN,
        start_us=0,
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
    votes = VoteCheck(circles, through, violations)
    circle = max(circles, key=lambda one: one.roster.size)
    check = DisplayCheck(circles, votes, violations)
    for device in devices:
        check.restarted(device, [])
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
    stage.check.restarted(device, [ConsentSet(1)])
    stage.ready(device, 5_000)
    stage.check.shown(device, stage.scene(1), 5_000)

    assert stage.rules() == ["I8"]


def test_i8_without_readings_of_a_quorum(stage: Stage) -> None:
    device = stage.members[0]
    stage.ready(device, 5_000)
    stage.check.shown(device, stage.scene(1), 5_000)
    stage.check.sweep(5_000)
    assert stage.rules() == []

    for member in stage.circle.members:
        device.heard_tick[member] = 5_000 - READING_TICKS_MAX - 1
    stage.check.sweep(5_000)
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
    stage.check.restarted(device, [Shown(2)])
    stage.ready(device, 5_000)
    stage.check.shown(device, stage.scene(1), 5_000)

    assert stage.rules() == ["I17"]
