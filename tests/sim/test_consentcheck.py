"""I8: certified light ends with the wearer's consent, by their word and by the record."""

from dataclasses import replace

import pytest

from smilesim.crowd import district, settle
from smilesim.device import Device
from smilesim.displaycheck import DisplayCheck
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck
from smilesync.commands import SetConsent, SetOff, Switch
from smilesync.effects import Rung, Scene
from smilesync.wire.records import ConsentSet, Shown

WITHDRAWALS = [
    SetConsent(Switch.COLLECTIVE, on=False),
    SetConsent(Switch.SHOW, on=False),
    SetOff(off=True),
]
SOLO = Scene(Rung.SOLO, 0)


class Found(Violations):
    """Keeps the details of all, not one per rule and peer."""

    def __init__(self) -> None:
        super().__init__()
        self.details: list[str] = []

    def add(self, rule: str, tick: int, peer: int, detail: str) -> None:
        super().add(rule, tick, peer, detail)
        self.details.append(detail)


class Stage:
    """One device; what it shows was decided nowhere, which is I8 too but not looked at here."""

    def __init__(self) -> None:
        through = SignThrough()
        self.devices, circles = settle(district(7, 1), 1, through)
        self.violations = Found()
        votes = VoteCheck(circles, through, self.violations, self.devices)
        self.check = DisplayCheck(circles, self.devices, votes, self.violations)
        self.circle = max(circles, key=lambda one: one.roster.size)
        self.device = self.devices[self.circle.members[0]]
        self.check.restarted(self.device, [], 0)

    def light(self, device: Device, tick: int, slot: int = 1) -> None:
        scene = Scene(Rung.COMMITTED, 0, is_selected=True, slot=slot)
        self.check.shown(device, replace(scene, value_hash=bytes(32), pattern=b""), tick)

    def unwilling(self) -> bool:
        """Return whether light against consent was found since the last call."""
        found = any("consent" in detail for detail in self.violations.details)
        self.violations.details.clear()
        return found


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize("command", WITHDRAWALS, ids=str)
def test_light_ends_in_the_tick_of_the_command(stage: Stage, command: SetConsent | SetOff) -> None:
    stage.light(stage.device, 10)
    stage.check.commanded(stage.device, command)
    stage.check.end_tick(11)
    assert stage.unwilling()

    stage.check.sweep(12)
    assert stage.unwilling()


@pytest.mark.parametrize("command", WITHDRAWALS, ids=str)
def test_who_goes_dark_in_that_tick_obeys(stage: Stage, command: SetConsent | SetOff) -> None:
    stage.light(stage.device, 10)
    stage.check.commanded(stage.device, command)
    stage.check.shown(stage.device, SOLO, 11)
    stage.check.end_tick(11)
    stage.check.sweep(12)

    assert not stage.unwilling()


def test_a_record_of_withdrawal_alone_ends_the_light_as_well(stage: Stage) -> None:
    stage.light(stage.device, 10)
    stage.check.end_tick(10)
    assert not stage.unwilling()

    stage.check.consent_set(stage.device, 1)
    stage.check.end_tick(11)
    assert stage.unwilling()


def test_light_comes_back_with_consent_and_never_on_the_devices_own_word(stage: Stage) -> None:
    device = stage.device
    stage.check.commanded(device, SetOff(off=True))
    stage.check.consent_set(device, 5)
    stage.check.end_tick(10)
    stage.check.consent_set(device, 21)
    stage.light(device, 11)
    stage.check.end_tick(11)
    assert stage.unwilling()

    stage.check.commanded(device, SetOff(off=False))
    stage.check.end_tick(12)
    stage.check.sweep(12)
    assert not stage.unwilling()


@pytest.mark.parametrize(
    ("has_lied", "is_lost", "is_found"),
    [(False, False, True), (True, False, False), (False, True, False)],
)
def test_a_command_outlives_a_restart_unless_its_record_could_be_lost(
    stage: Stage, *, has_lied: bool, is_lost: bool, is_found: bool
) -> None:
    device = stage.device
    stage.check.commanded(device, SetOff(off=True))
    if not is_lost:
        stage.check.end_tick(10)
    stage.check.powered_off(device, 10)
    stage.check.end_tick(10)
    device.disk.has_lied = has_lied
    stage.check.restarted(device, [], 20)
    stage.light(device, 21)
    stage.check.end_tick(21)

    assert stage.unwilling() is is_found


def test_nothing_is_held_against_consent(stage: Stage) -> None:
    stage.check.restarted(stage.device, [ConsentSet(1)], 0)
    stage.check._eyes[stage.device.index].is_holding = True
    stage.check.sweep(10)

    assert stage.unwilling()


@pytest.mark.parametrize(
    ("record", "has_lied", "is_broken"),
    [(2, False, False), (1, False, True), (1, True, False)],
)
def test_i17_what_was_shown_is_on_the_record_after_a_restart(
    stage: Stage, record: int, *, has_lied: bool, is_broken: bool
) -> None:
    stage.light(stage.device, 10, slot=2)
    stage.check.powered_off(stage.device, 20)
    stage.device.disk.has_lied = has_lied
    stage.check.restarted(stage.device, [Shown(record)], 30)

    assert bool(stage.violations.broken["I17"]) is is_broken


def test_i7_is_judged_only_where_two_sound_clocks_are_compared(stage: Stage) -> None:
    one, other = (stage.devices[member] for member in stage.circle.members[:2])
    stage.check.restarted(other, [], 0)
    stage.light(one, 10)
    stage.check.end_tick(10)
    assert stage.violations.judged["I7"] == 0

    other.clock_off_until_tick = 15
    stage.light(other, 11)
    stage.check.end_tick(11)
    assert stage.violations.judged["I7"] == 0

    stage.light(other, 16)
    stage.check.end_tick(16)
    assert stage.violations.judged["I7"] == 1
