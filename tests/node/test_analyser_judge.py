"""The judge of light, held against a plain recount and against light whose verdict is known."""

import ast
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyser.recount import (
    busiest_ns,
    greedy_count,
    longest_chain,
    longest_red_chain,
    worst_window,
)
from smilesyncd.analyser.flashes import (
    ExtendedCounter,
    RedCounter,
    Rgb,
    chroma_distance,
    is_saturated_red,
)
from smilesyncd.analyser.judge import LightJudge, Limits

ROOT = Path(__file__).resolve().parent.parent.parent
JUDGES = sorted(
    [*(ROOT / "node/smilesyncd/analyser").glob("*.py"), *(ROOT / "tests/analyser").glob("*.py")]
)
FRAME_NS = 33_333_333
LOOSE = Limits(slew_per_s=None, fall_per_s=None, luminance_max=1.0)

levels = st.sampled_from([0.0, 0.001, 0.002, 0.05, 0.0526, 0.06, 0.1, 0.11, 0.2, 0.3, 0.55])


def grey(luminance: float) -> Rgb:
    return luminance, luminance, luminance


def strobe(rate_hz: float, seconds: float, *, high: float = 0.5, low: float = 0.0) -> LightJudge:
    """Judge a square wave of `rate_hz` flashes per second."""
    one = LightJudge(LOOSE)
    for frame in range(int(seconds * 60)):
        is_high = int(frame * rate_hz * 2 / 60) % 2 == 1
        one.add(frame * 16_666_667, grey(high if is_high else low))
    return one


@given(st.lists(levels, min_size=1, max_size=9))
def test_one_tracker_from_the_better_direction_finds_the_longest_chain(values: list[float]) -> None:
    greedy = max(greedy_count(values, is_rising=way) for way in (False, True))

    assert greedy == longest_chain(values)


@given(st.lists(st.tuples(st.integers(1, 900), levels), min_size=1, max_size=40))
def test_judge_agrees_with_the_plain_recount(steps: list[tuple[int, float]]) -> None:
    one = LightJudge(LOOSE)
    samples: list[tuple[int, float]] = []
    time_ns = 0
    for gap_ms, level in steps:
        time_ns += gap_ms * 1_000_000
        one.add(time_ns, grey(level))
        samples.append((time_ns, 0.2126 * level + 0.7152 * level + 0.0722 * level))

    short = worst_window(samples, 1_000_000_000)
    long = worst_window(samples, 5_000_000_000)

    assert (min(short, 8), min(long, 8)) == (one.worst[0], one.worst[1])


@given(st.integers(0, 2**32))
def test_judge_agrees_on_long_wandering_light(seed: int) -> None:
    chance = random.Random(seed)
    one = LightJudge(LOOSE)
    samples: list[tuple[int, float]] = []
    level = 0.2
    for frame in range(120):
        level = min(0.6, max(0.0, level + chance.uniform(-0.02, 0.02)))
        one.add(frame * FRAME_NS, grey(level))
        samples.append((frame * FRAME_NS, 0.2126 * level + 0.7152 * level + 0.0722 * level))

    assert min(worst_window(samples, 1_000_000_000), 8) == one.worst[0]


SHADES: list[Rgb] = [
    (0.4, 0.0, 0.0),
    (0.4, 0.09, 0.0),
    (0.4, 0.11, 0.0),
    (0.4, 0.05, 0.06),
    (0.0, 0.0, 0.4),
    (0.4, 0.4, 0.4),
    (0.0, 0.0, 0.0),
]
shades = st.sampled_from(SHADES)


@given(st.lists(st.tuples(st.integers(1, 300), shades), min_size=1, max_size=40))
def test_red_flashes_agree_with_the_plain_recount(steps: list[tuple[int, Rgb]]) -> None:
    counter = RedCounter()
    samples: list[tuple[int, Rgb]] = []
    time_ns = found = 0
    for gap_ms, light in steps:
        time_ns += gap_ms * 1_000_000
        # What is shown until the next sample begins is a sample too.
        samples += [(time_ns - 1, samples[-1][1])] if samples else []
        samples.append((time_ns, light))
        found = max(found, counter.add(time_ns, light))

    # A transition whose beginning lies just before the window may be counted with it.
    assert longest_red_chain(samples) <= found <= longest_red_chain(samples) + 1


busy_levels = st.sampled_from([0.0, 0.04, 0.1, 0.11, 0.3, 0.75, 0.85, 0.99])


@given(st.lists(st.tuples(st.integers(1, 40), busy_levels), min_size=1, max_size=60))
def test_lasting_flicker_agrees_with_the_plain_recount(steps: list[tuple[int, float]]) -> None:
    counter = ExtendedCounter()
    samples: list[tuple[int, float]] = []
    time_ns = found_ns = 0
    for gap, level in steps:
        time_ns += gap * 10_000_000
        samples.append((time_ns, level))
        found_ns = max(found_ns, counter.add(time_ns, level))

    # A window on the grid holds one instant at most less or more of each busy stretch.
    assert abs(found_ns - busiest_ns(samples)) <= 40_000_000


@pytest.mark.parametrize("rate_hz", [2, 3, 5, 10])
def test_judge_refuses_a_strobe(rate_hz: int) -> None:
    limits = {violation.limit for violation in strobe(rate_hz, 6).finish()}

    assert {"strict-1s", "strict-5s"} <= limits
    assert ("wcag-general-1s" in limits) == (rate_hz > 3)


def test_judge_accepts_a_slow_breath() -> None:
    one = LightJudge()
    for frame in range(600):
        one.add(frame * FRAME_NS, grey(0.2 + 0.2 * math.cos(2 * math.pi * frame / 120)))

    assert one.finish() == ()
    assert one.worst[0] <= 2


def test_general_flashes_of_bright_light_do_not_count_by_wcag_but_do_here() -> None:
    limits = {violation.limit for violation in strobe(5, 4, high=0.99, low=0.85).finish()}

    assert "wcag-general-1s" not in limits
    assert "strict-1s" in limits


def test_judge_refuses_saturated_red_and_counts_red_flashes() -> None:
    one = LightJudge(LOOSE)
    for frame in range(60):
        one.add(frame * FRAME_NS, (0.5, 0.0, 0.0) if frame % 4 < 2 else (0.0, 0.0, 0.5))

    limits = {violation.limit for violation in one.finish()}

    assert {"red-share", "wcag-red-1s"} <= limits


def test_a_red_flash_is_seen_whatever_shades_lie_between() -> None:
    one = LightJudge(LOOSE)
    shades = [(0.4, 0.0, 0.0), (0.4, 0.08, 0.03), (0.0, 0.02, 0.4), (0.4, 0.08, 0.03)]
    for frame in range(60):
        one.add(frame * FRAME_NS, shades[frame % 4])

    assert "wcag-red-1s" in {violation.limit for violation in one.finish()}


@pytest.mark.parametrize(
    ("rate_hz", "seconds", "is_hazard"),
    [(1.0, 12, False), (1.5, 12, False), (2.0, 4, False), (2.0, 7, True), (3.0, 7, True)],
)
def test_flashing_that_lasts_is_a_hazard_at_two_per_second(
    rate_hz: float, seconds: float, is_hazard: bool
) -> None:
    one = strobe(rate_hz, seconds)

    limits = {violation.limit for violation in one.finish()}

    assert ("extended-5s" in limits) == is_hazard
    assert "wcag-general-1s" not in limits


def test_a_strobe_with_pauses_is_no_lasting_one() -> None:
    one = LightJudge(LOOSE)
    for frame in range(1800):
        time_s = frame / 60
        is_high = int(time_s * 6) % 2 == 1 and time_s % 5 < 2
        one.add(frame * 16_666_667, grey(0.5 * is_high))

    assert "extended-5s" not in {violation.limit for violation in one.finish()}


def test_a_marked_fall_allows_one_transition_more_around_it() -> None:
    def mashed(*, is_marked: bool) -> set[str]:
        one = LightJudge(Limits())
        levels = [0.0] * 60 + [0.005 * n for n in range(1, 13)] + [0.06] * 80
        levels += [0.06 - 0.006 * n for n in range(1, 11)] + [0.005 * n for n in range(1, 13)]
        levels += [0.03, 0.0]
        for frame, level in enumerate(levels):
            is_falling = is_marked and frame >= len(levels) - 2
            one.add(frame * 16_666_667, grey(level), is_falling=is_falling)
        return {violation.limit for violation in one.finish()}

    assert "strict-1s" in mashed(is_marked=False)
    assert mashed(is_marked=True) == set()


def test_red_that_hardly_moves_in_colour_is_no_red_flash() -> None:
    assert is_saturated_red((0.8, 0.2, 0.0))
    assert not is_saturated_red((0.0, 0.0, 0.0))
    assert chroma_distance((0.79, 0.21, 0.0), (0.81, 0.19, 0.0)) < 0.2
    assert chroma_distance((0.5, 0.0, 0.0), (0.0, 0.0, 0.5)) > 0.2


@pytest.mark.parametrize(
    ("light", "limit"),
    [
        ((0.7, 0.7, 0.7), "luminance"),
        ((0.2, 0.2, 0.5), "channel"),
        ((-0.1, 0.2, 0.2), "negative"),
        ((0.4, 0.1, 0.0), "red-share"),
    ],
)
def test_judge_refuses_light_outside_the_gamut(light: Rgb, limit: str) -> None:
    one = LightJudge(Limits(channel_max=0.4) if limit == "channel" else Limits())

    found = one.add(0, light)

    assert limit in {violation.limit for violation in found}


def test_judge_refuses_a_jump_however_late_the_frame() -> None:
    one = LightJudge()
    one.add(0, grey(0.1))

    found = one.add(2_000_000_000, grey(0.5))

    assert [violation.limit for violation in found] == ["slew"] * 3


@pytest.mark.parametrize("path", JUDGES, ids=lambda path: path.stem)
def test_no_judge_knows_the_product(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = [
        name
        for node in ast.walk(tree)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    ]

    ours = [name for name in modules if name.split(".")[0] in ("smilesync", "smilesyncd")]
    assert not [name for name in ours if not name.startswith("smilesyncd.analyser.")]


def test_lost_power_is_no_slew_but_counts() -> None:
    one = LightJudge(Limits().with_fall())
    for frame in range(60):
        one.add(frame * FRAME_NS, grey(min(0.4, frame * 0.01)))

    assert one.lost_power(60 * FRAME_NS) == []
    assert one.worst == [2, 2]


@given(
    st.lists(st.tuples(st.floats(0, 0.6), st.integers(1, 40)), min_size=1, max_size=40),
    st.booleans(),
)
def test_unchanged_frames_are_judged_as_if_each_were_a_little_different(
    plateaus: list[tuple[float, int]], is_lost: bool
) -> None:
    judges = [LightJudge(LOOSE), LightJudge(LOOSE)]
    frames = [level for level, count in plateaus for _ in range(count)]

    for number, level in enumerate(frames):
        for one, shimmer in zip(judges, (0.0, number % 2 * 1e-12), strict=True):
            one.add(number * FRAME_NS, (level, level, level + shimmer))
    if is_lost:
        for one in judges:
            one.lost_power(len(frames) * FRAME_NS)

    assert judges[0].worst == judges[1].worst
    assert len({frozenset(found.limit for found in one.finish()) for one in judges}) == 1


@pytest.mark.parametrize("limits", [Limits(), Limits().with_fall()], ids=["marked", "anywhere"])
def test_a_fall_allows_one_transition_more_and_never_two(limits: Limits) -> None:
    one = LightJudge(replace(limits, slew_per_s=None, fall_per_s=None))
    for number, level in enumerate([0.0, 0.3, 0.0, 0.3]):
        one.add(number * 100_000_000, grey(level))
    third = {violation.limit for violation in one.finish()}
    one.lost_power(400_000_000)
    one.add(500_000_000, grey(0.3))

    found = [(violation.limit, violation.allowed) for violation in one.finish()]

    assert third == ({"strict-1s"} if not limits.has_falls else set())
    assert ("strict-1s", 3) in found
    assert max(allowed for limit, allowed in found if limit == "strict-1s") == 3
