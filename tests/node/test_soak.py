"""The judge of `make soak` sees every kind of wrong light, and nothing wrong in right ones."""

import subprocess
import sys
from dataclasses import replace

import pytest

from smilesyncd.demo.sightings import Sighting
from soak.lights import DARK_NS_MAX, Lights, longest_wait_s, quorum_of
from support.daemons import environment

STEP_NS = 50_000_000
PERIOD_US = 4_000_000
CALM = ((60, 60, 60),)


def seen(at_ns: int, slot: int, *, is_selected: bool = True, late_ns: int = 0) -> Sighting:
    """Return what a device in phase shows; `late_ns` is how far it is behind."""
    phase = (at_ns - late_ns) / (1000 * PERIOD_US) % 1
    return Sighting(
        monotonic_ns=at_ns,
        is_synced=True,
        rung="COMMITTED" if is_selected else "SOLO",
        slot=slot if is_selected else 0,
        is_selected=is_selected,
        period_us=PERIOD_US,
        phase=phase if is_selected else None,
        peers=3,
        emotion="calm",
        consent={},
        zones=CALM,
        suggestion=None,
    )


def crowd(count: int = 4) -> Lights:
    lights = Lights([f"device {index}" for index in range(count)], quorum_of(count))
    for _ in range(count):
        lights.started(0)
    return lights


def show(lights: Lights, device: int, slot: int, begin_ns: int, end_ns: int) -> None:
    for at_ns in range(begin_ns, end_ns, STEP_NS):
        lights.add(device, seen(at_ns, slot))


def test_slots_that_follow_one_another_in_phase_are_right() -> None:
    lights = crowd()
    for at_ns in range(0, 4_000_000_000, STEP_NS):
        for device in range(4):
            # Two devices see the next slot a little later than the others: dark in between.
            is_between = 2_000_000_000 <= at_ns < 2_100_000_000
            slot = 1 if at_ns < 2_000_000_000 else 2
            lights.add(device, seen(at_ns, slot, is_selected=not (is_between and device > 1)))
    lights.finish()

    assert lights.wrongs == []
    assert lights.share_lit() > 0.95
    assert max(lights.phases_ms) < 0.001


def test_two_slots_at_one_moment_are_wrong() -> None:
    lights = crowd()
    show(lights, 0, 1, 0, 2_000_000_000)
    show(lights, 1, 2, 1_500_000_000, 3_000_000_000)

    assert "slot 2 while device 0 showed slot 1" in lights.wrongs[0]


def test_a_pattern_out_of_phase_is_wrong() -> None:
    lights = crowd()
    for at_ns in range(0, 1_000_000_000, STEP_NS):
        lights.add(0, seen(at_ns, 1))
        lights.add(1, seen(at_ns, 1, late_ns=50_000_000))

    assert "50.0 ms from device 0 in slot 1" in lights.wrongs[0]


def test_two_patterns_in_one_slot_are_wrong() -> None:
    lights = crowd()
    lights.add(0, seen(0, 1))
    lights.add(1, replace(seen(0, 1), period_us=2 * PERIOD_US))

    assert "another pattern than device 0" in lights.wrongs[0]


def test_an_older_slot_after_a_restart_is_wrong() -> None:
    lights = crowd()
    show(lights, 0, 5, 0, STEP_NS)
    lights.killed(0, STEP_NS)
    lights.started(2 * STEP_NS)
    show(lights, 0, 4, 3 * STEP_NS, 4 * STEP_NS)

    assert "slot 4 after slot 5" in lights.wrongs[0]


@pytest.mark.parametrize(("after_ns", "wrongs"), [(DARK_NS_MAX, 0), (DARK_NS_MAX + STEP_NS, 1)])
def test_certified_light_long_after_the_quorum_is_wrong(after_ns: int, wrongs: int) -> None:
    lights = crowd()
    lights.killed(3, 0)
    lights.killed(2, STEP_NS)
    lights.add(0, seen(STEP_NS + after_ns, 1))

    assert lights.wrong_count == wrongs


def test_codes_that_flash_are_wrong() -> None:
    lights = crowd()
    for index in range(20):
        codes = ((0, 0, 0),) if index % 2 else ((150, 150, 150),)
        lights.add(0, replace(seen(index * 100_000_000, 1), zones=codes))
    lights.finish()

    assert lights.wrong_count > 0


@pytest.mark.parametrize(
    ("count", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 5), (10, 7), (22, 15)]
)
def test_the_judge_knows_its_own_quorum(count: int, quorum: int) -> None:
    assert quorum_of(count) == quorum


def test_the_longest_wait_counts_from_the_beginning_to_the_end() -> None:
    second_ns = 1_000_000_000

    assert longest_wait_s([3 * second_ns], 0, 10 * second_ns) == 7
    assert longest_wait_s([], 0, 10 * second_ns) == 10


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--devices", "3"), "--devices: 3: expected 4 to 22"),
        (("--devices", "7", "--down", "3"), "--down: 3: expected 0 to 2"),
        (("--seconds", "0"), "--seconds: 0.0: expected a positive number"),
    ],
)
def test_wrong_usage_is_named(words: tuple[str, ...], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soak", *words],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(110)
def test_a_short_soak_of_seven_passes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soak", "--devices", "7", "--down", "2", "--seconds", "26"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "wrong lights" in done.stdout
