"""What a naive governor gets wrong: the naive rule is caught, the real one holds.

One test per trap; each runs the governor and a mutant through the same requests and gives both to
the analyser, which knows neither.
"""

import random

import pytest

from analyser.trace import Trace, gamma_light, judge, linear_light
from smilesync.light.caps import Cap
from smilesync.light.governor import Governor, Light
from smilesync.light.sink import Transfer, transfer_table
from smilesyncd.analyser.judge import Limits
from support.lightlab import (
    BOOT_NS,
    FRAME_NS,
    GAMMA_ONLY,
    LINEAR,
    SHARP,
    UNKNOWN,
    CountsByConfirming,
    NoBoot,
    NoMean,
    NoRecheck,
    NoStepLimit,
    PatchOnly,
    SeesAnalogue,
    SlewPerChannel,
    drive,
    hostile_run,
    rounding,
    sine,
    white,
)

FALLING = Limits().with_fall()


def lit(governor: Governor, light: Light, *, zones: int = 1) -> int:
    """Bring a governor to a steady light; return the time after it."""
    for frame in range(400):
        governor.step([light] * zones, frame * FRAME_NS)
    return 400 * FRAME_NS


@pytest.mark.spec("GOV-009", "GOV-017")
def test_late_extension() -> None:
    """A run confirmed before the window may still move inside it."""

    def slow_then_fast(governor: Governor) -> Trace:
        # Up slowly for a second, then down and up: two fresh runs, and one that is still moving.
        def request(frame: int, _: Governor) -> list[Light]:
            place = (frame % 45) / 45
            return [white(0.3 * place / 0.7 if place < 0.7 else 0.0)]

        lit(governor, white(0.0))
        return drive(governor, request, 900, begin_ns=14_000_000_000)

    naive = judge(slow_then_fast(CountsByConfirming(1, LINEAR, SHARP, 0)))
    real = judge(slow_then_fast(Governor(1, LINEAR, SHARP, 0)))

    assert "strict-1s" in naive.limits_broken or "strict-5s" in naive.limits_broken
    assert real.violations == []


@pytest.mark.spec("GOV-006", "GOV-007")
def test_red_slew() -> None:
    """Fading channels one by one passes through pure red."""

    def fade(governor: Governor) -> Trace:
        begin_ns = lit(governor, (0.9, 0.3, 0.0))
        return drive(governor, lambda *_: [(0.0, 0.0, 0.0)], 90, begin_ns=begin_ns)

    naive = judge(fade(SlewPerChannel(1, rounding(LINEAR), SHARP, 0)))
    real = judge(fade(Governor(1, LINEAR, SHARP, 0)))

    assert "red-share" in naive.limits_broken
    assert real.violations == []


@pytest.mark.spec("GOV-003", "GOV-004", "GOV-006")
def test_cap_slew() -> None:
    """A colour that is turned at the cap must not bulge over it."""

    def turn(governor: Governor) -> Trace:
        begin_ns = lit(governor, (1.0, 0.55, 0.0))
        return drive(governor, lambda *_: [(0.0, 0.75, 1.0)], 150, begin_ns=begin_ns)

    naive = judge(turn(SlewPerChannel(1, LINEAR, SHARP, 0)))
    real = judge(turn(Governor(1, LINEAR, SHARP, 0)))

    assert "luminance" in naive.limits_broken
    assert real.violations == []


@pytest.mark.spec("GOV-005")
def test_gap_jump() -> None:
    """A frame that comes two seconds late moves no further than one on time."""

    def stall(governor: Governor) -> Trace:
        begin_ns = lit(governor, white(0.05))
        return drive(governor, lambda *_: [white(0.6)], 30, begin_ns=begin_ns, step_ns=2 * 10**9)

    naive = judge(stall(NoStepLimit(1, LINEAR, SHARP, 0)))
    real = judge(stall(Governor(1, LINEAR, SHARP, 0)))

    assert "slew" in naive.limits_broken
    assert real.violations == []


@pytest.mark.spec("GOV-001", "GOV-017")
def test_late_burst() -> None:
    """Frames held back and shown at once flash, though they were safe when sent: drop them."""
    lively = [
        (time_ns, codes)
        for time_ns, codes in drive(Governor(1, LINEAR, SHARP, 0), sine(0.5, 0.3, 0.4), 900).frames
        if time_ns > BOOT_NS
    ]

    def shown(is_dropping: bool) -> Trace:
        trace = Trace()
        stalled_ns = lively[0][0] + 3_500_000_000
        for time_ns, codes in lively:
            is_late = time_ns < stalled_ns
            if is_late and is_dropping:
                continue
            squeezed_ns = stalled_ns - (stalled_ns - time_ns) // 20 if is_late else time_ns
            trace.add(squeezed_ns, codes)
        return trace

    backlog = judge(shown(is_dropping=False))
    dropped = judge(shown(is_dropping=True))

    assert "strict-1s" in backlog.limits_broken
    assert dropped.violations == []


@pytest.mark.spec("GOV-007")
def test_code_ripple() -> None:
    """A ripple smaller than one code is nothing before quantisation and a strobe after."""

    def ripple(governor: Governor) -> Trace:
        begin_ns = lit(governor, white(8.5 / 255))
        return drive(
            governor,
            lambda frame, _: [white((7.96 + 0.1 * (frame % 2)) / 255)],
            200,
            begin_ns=begin_ns,
        )

    naive = judge(ripple(SeesAnalogue(1, LINEAR, SHARP, 0)))
    real = judge(ripple(Governor(1, LINEAR, SHARP, 0)))

    assert "strict-1s" in naive.limits_broken
    assert real.violations == []


@pytest.mark.spec("GOV-018")
def test_gamma_receiver() -> None:
    """A ripple of 10 % in codes is 30 % in the light of a receiver that applies gamma."""

    def ripple(governor: Governor) -> Trace:
        begin_ns = lit(governor, white(0.5))
        return drive(governor, sine(2.5, 0.5, 0.05), 400, begin_ns=begin_ns)

    observers = (linear_light, gamma_light)
    naive = judge(ripple(Governor(1, GAMMA_ONLY, SHARP, 0)), observers=observers)
    real = judge(ripple(Governor(1, UNKNOWN, SHARP, 0)), observers=observers)

    assert "strict-1s" in naive.limits_broken
    assert real.violations == []


@pytest.mark.spec("GOV-011")
def test_crash_loop() -> None:
    """A device that restarts all the time stays dark; with an empty budget it strobes."""

    def loop(kind: type[Governor]) -> Trace:
        trace = Trace()
        for start in range(40):
            begin_ns = start * 350_000_000
            governor = kind(1, LINEAR, SHARP, begin_ns)
            for frame in range(1, 10):
                now_ns = begin_ns + frame * FRAME_NS
                trace.add(now_ns, governor.step([white(0.5)], now_ns))
            trace.cut(begin_ns + 340_000_000)
        return trace

    naive = judge(loop(NoBoot), FALLING)
    real = judge(loop(Governor), FALLING)

    assert {"strict-1s", "strict-5s"} <= naive.limits_broken
    assert real.worst == (0, 0)
    assert real.violations == []


@pytest.mark.spec("GOV-012", "GOV-014", "GOV-017")
def test_off_mash() -> None:
    """The off button always wins, and mashing it reaches 3 and 7, no more."""
    worst = (0, 0)
    for seed in range(12):
        governor = Governor(1, LINEAR, SHARP, 0)
        trace = hostile_run(random.Random(seed), governor, 1, 600, mashing=True)
        report = judge(trace, FALLING)
        assert report.violations == [], f"seed {seed}"
        worst = (max(worst[0], report.worst[0]), max(worst[1], report.worst[1]))

    assert worst == (3, 7)


@pytest.mark.spec("GOV-010")
def test_checkerboard() -> None:
    """Pixels that flash against each other keep the mean still: every pixel is watched itself."""

    def board(frame: int, _: Governor) -> list[Light]:
        return [white(0.3 if (zone + frame // 8) % 2 else 0.2) for zone in range(4)]

    naive = judge(drive(PatchOnly(4, LINEAR, SHARP, 0), board, 900))
    real = judge(drive(Governor(4, LINEAR, SHARP, 0), board, 900))

    assert naive.limits_broken & {"strict-1s", "strict-5s"}
    assert real.violations == []


@pytest.mark.spec("GOV-010")
def test_pixels_in_turn() -> None:
    """Five pixels, each slow enough by itself, whose turns alternate: together they flash."""

    def in_turn(frame: int, _: Governor) -> list[Light]:
        return [white(0.12 if ((frame - 7 * zone) // 35 + zone) % 2 else 0.02) for zone in range(5)]

    naive = judge(drive(NoMean(5, LINEAR, SHARP, 0), in_turn, 900))
    real = judge(drive(Governor(5, LINEAR, SHARP, 0), in_turn, 900))

    assert naive.limits_broken & {"strict-1s", "strict-5s"}
    assert real.violations == []


@pytest.mark.spec("GOV-010")
def test_holding_for_one_observer_must_not_turn_the_mean_of_another() -> None:
    """Without the pixel that falls, the rest may rise against the direction of the other eye."""

    def moved(kind: type[Governor]) -> bool:
        one = kind(2, UNKNOWN, SHARP, 0)
        begin_ns = lit(one, white(0.3), zones=2)
        before = one.codes
        for observer, is_rising in enumerate((True, False)):
            # One transition from here on, in either direction, would be too many.
            tracker = one._mean_trackers[observer]
            mean = one._shown[0].lumas[observer]
            tracker._is_rising = is_rising
            tracker._extremum = mean
            tracker._bound = mean * (0.999 if is_rising else 1.001)
            tracker._last_ns = [begin_ns] * 6
        one.step([white(0.0), white(0.31)], begin_ns + FRAME_NS)
        return one.codes != before

    assert moved(NoRecheck)
    assert not moved(Governor)


def test_the_judge_reads_light_as_the_sink_makes_it() -> None:
    assert transfer_table(Transfer.GAMMA_28, 8)[200] == pytest.approx(gamma_light(200), abs=1e-12)
    assert Cap.NIGHT.value == "night"
