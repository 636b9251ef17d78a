"""Whatever is asked of the governor, the analyser finds nothing; with a rule removed it does."""

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyser.recount import worst_window
from analyser.trace import Trace, gamma_light, judge, linear_light, srgb_light
from smilesync.config import LightConfig
from smilesync.light.governor import Governor, Light
from smilesync.light.sink import Sink, Transfer, new_sink
from smilesyncd.analyser.judge import Limits
from support import lightlab
from support.lightlab import LINEAR, SHARP, UNKNOWN, drive, hostile_run, rounding, square, white

FALLING = Limits().with_fall()
SRGB = new_sink(Transfer.SRGB)
SOFT = LightConfig()

# 100,000 frames in all, and 160,000 of single zones: the last rows are of several.
RUNS = [
    *((seed, 1, LINEAR, SHARP) for seed in range(10)),
    *((seed, 1, LINEAR, SOFT) for seed in range(10, 14)),
    *((seed, 1, UNKNOWN, SHARP) for seed in range(14, 18)),
    *((seed, 1, SRGB, SOFT) for seed in range(18, 20)),
    *((seed, 4, LINEAR, SHARP) for seed in range(20, 25)),
]
FRAMES = int(os.environ.get("LIGHT_FRAMES", "4000"))
"""Frames per run; `make light-long` runs 40,000, a million in all."""


@pytest.mark.spec("GOV-017", "GOV-001")
@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"seed{run[0]}")
def test_hostile_requests_come_out_harmless(run: tuple[int, int, Sink, LightConfig]) -> None:
    seed, zones, sink, config = run
    governor = Governor(zones, sink, config, 0)
    trace = hostile_run(random.Random(seed), governor, zones, FRAMES)
    lights = {2: (linear_light, gamma_light), 1: (linear_light,)}[len(sink.observers)]

    if sink is SRGB:
        report = judge(trace, observers=(srgb_light,), slew_seen_by=None)
    else:
        report = judge(trace, observers=lights)

    assert report.violations == [], f"seed {seed}: {report.violations[0]}"
    # An attack that never reaches the bound would show nothing about it.
    assert report.worst == (2, 6)


@pytest.mark.spec("GOV-017", "GOV-012", "GOV-013", "GOV-014")
@pytest.mark.parametrize("seed", range(100, 108))
def test_mashing_the_off_button_stays_within_one_more(seed: int) -> None:
    zones = 1 + seed % 3
    governor = Governor(zones, LINEAR, SHARP, 0)

    report = judge(hostile_run(random.Random(seed), governor, zones, 1500, mashing=True), FALLING)

    assert report.violations == [], f"seed {seed}: {report.violations[0]}"


@pytest.mark.spec("GOV-017")
@given(st.integers(0, 2**32))
def test_a_plain_recount_agrees(seed: int) -> None:
    trace = hostile_run(random.Random(seed), Governor(1, LINEAR, SHARP, -(10**10)), 1, 240)
    weights = (0.2126, 0.7152, 0.0722)
    samples = [
        (time_ns, sum(w * code / 255 for w, code in zip(weights, codes[0], strict=True)))
        for time_ns, codes in trace.frames
    ]

    assert worst_window(samples, 1_000_000_000) <= 2
    assert worst_window(samples, 5_000_000_000) <= 6


# What one removed rule lets through, and the request that brings it out.


def _nan(frame: int, _: Governor) -> list[Light]:
    return [white(float("nan") if frame > 300 else 0.1)]


def _red_turning_yellow(frame: int, _: Governor) -> list[Light]:
    return [(0.5, 0.0, 0.0) if frame < 300 else (0.5, 0.5, 0.0)]


def _through_red(frame: int, _: Governor) -> list[Light]:
    return [(0.9, 0.3, 0.0) if frame < 300 else (0.0, 0.0, 0.0)]


def _in_turn(frame: int, _: Governor) -> list[Light]:
    return [white(0.12 if ((frame - 7 * zone) // 35 + zone) % 2 else 0.02) for zone in range(5)]


def _sawtooth(frame: int, _: Governor) -> list[Light]:
    place = frame % 45 / 45
    return [white(0.3 * place / 0.7 if place < 0.7 else 0.0)]


MUTANTS: list[tuple[type[Governor], Sink, lightlab.Request, str]] = [
    (lightlab.NoSanitise, LINEAR, _nan, "slew"),
    (lightlab.NoRedCover, LINEAR, _red_turning_yellow, "slew"),
    (lightlab.NoScale, LINEAR, square(0.1, white(1.0)), "luminance"),
    (lightlab.NoSlew, LINEAR, square(0.2, white(0.5)), "slew"),
    (lightlab.SlewPerChannel, rounding(LINEAR), _through_red, "red-share"),
    (Governor, rounding(LINEAR), square(0.2, (0.3, 0.1, 0.0)), "red-share"),
    (lightlab.NoHold, LINEAR, square(3, white(0.5)), "strict-1s"),
    (lightlab.CountsByConfirming, LINEAR, _sawtooth, "strict-1s"),
    (lightlab.NoMean, LINEAR, _in_turn, "strict-1s"),
    (lightlab.NoBoot, LINEAR, square(0.2, white(0.5)), "boot"),
]


@pytest.mark.spec("GOV-002", "GOV-004", "GOV-006", "GOV-007", "GOV-009", "GOV-010", "GOV-016")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant[0].__name__)
def test_every_removed_rule_is_caught(
    mutant: tuple[type[Governor], Sink, lightlab.Request, str],
) -> None:
    kind, sink, request, limit = mutant
    zones = 5 if request is _in_turn else 1

    naive = _broken(drive(kind(zones, sink, SHARP, 0), request, 900))
    real = _broken(drive(Governor(zones, LINEAR, SHARP, 0), request, 900))

    assert limit in naive
    assert real == set()


def _broken(trace: Trace) -> set[str]:
    """Return the limits broken; `boot` when there was light within five seconds of the start."""
    dark = all(not any(map(any, codes)) for at_ns, codes in trace.frames if at_ns < 5 * 10**9)
    return judge(trace).limits_broken | (set() if dark else {"boot"})


@pytest.mark.spec("GOV-012")
def test_a_sudden_forced_fall_is_caught() -> None:
    def falling(one: Governor) -> Trace:
        trace = Trace()
        for frame in range(1200):
            now_ns = frame * lightlab.FRAME_NS
            if frame % 40 == 0:
                one.fall(now_ns)
            trace.add(now_ns, one.step([white(0.3)], now_ns))
        return trace

    naive = judge(falling(lightlab.SuddenFall(1, LINEAR, SHARP, 0)), FALLING)
    real = judge(falling(Governor(1, LINEAR, SHARP, 0)), FALLING)

    assert naive.limits_broken == {"slew"}
    assert real.limits_broken == set()
