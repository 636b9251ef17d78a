"""Static conditions: what passes is left alone by the governor, what fails says why."""

import itertools
import math
import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analyser.trace import judge
from smilesync.config import LightConfig
from smilesync.light.blend import Moving
from smilesync.light.choose import MOOD_PATTERNS, collective, mood
from smilesync.light.conditions import check, extent_fault, faults, period_min_ds, swing
from smilesync.light.governor import Governor, Light
from smilesync.light.palette import STATE_CODE, colour_code
from smilesync.light.pattern import Kind, Pattern, Step, decode, encode
from smilesync.light.prepare import prepare
from smilesync.light.render import Gamut
from smilesync.light.sink import Transfer, new_sink
from support.lightlab import FRAME_NS, SHARP, drive

FINE = new_sink(Transfer.LINEAR, bits=16)
BREATHE = Pattern(Kind.BREATHE, 255, 60, colours=(20027,), period_ds=40, depth=204, sharpness=1)
RIPPLE = replace(BREATHE, kind=Kind.RIPPLE, origin_x_cm=300, origin_y_cm=-40, wavelength_cm=120)
BLUE = colour_code(47, 15, 30)
STORY = Pattern(
    Kind.STORY, 255, 100, (BLUE, 0), story=(Step(0, 20, 30), Step(1, 20, 20), Step(1, 20, 30))
)
HARMONY = Pattern(
    Kind.HARMONISE,
    255,
    60,
    period_ds=60,
    depth=153,
    mood_from=(-8, 8),
    mood_to=(6, -8),
    ramp_s=60,
)

one_colour = st.builds(
    Pattern,
    kind=st.sampled_from((Kind.BREATHE, Kind.WAVE)),
    weight=st.integers(0, 255),
    ceiling_percent=st.integers(1, 100),
    colours=st.tuples(st.integers(0, 65535)),
    period_ds=st.integers(21, 120),
    depth=st.integers(0, 255),
    sharpness=st.just(1),
)
any_shape = st.builds(
    Pattern,
    kind=st.sampled_from((Kind.BREATHE, Kind.WAVE)),
    weight=st.integers(0, 255),
    ceiling_percent=st.integers(1, 100),
    colours=st.lists(st.integers(0, 65535), min_size=1, max_size=4).map(tuple),
    period_ds=st.integers(21, 200),
    depth=st.integers(0, 255),
    sharpness=st.integers(1, 3),
)


ripples = st.builds(
    replace,
    one_colour,
    kind=st.just(Kind.RIPPLE),
    origin_x_cm=st.integers(-100_000, 100_000),
    wavelength_cm=st.integers(50, 5000),
)
stories = st.builds(
    Pattern,
    kind=st.just(Kind.STORY),
    weight=st.integers(0, 255),
    ceiling_percent=st.integers(1, 100),
    colours=st.tuples(*[st.integers(0, 65535)] * 3),
    story=st.lists(
        st.builds(Step, st.integers(0, 2), st.integers(20, 40), st.integers(20, 40)),
        min_size=2,
        max_size=5,
    ).map(tuple),
)
moods = st.tuples(st.integers(-8, 8), st.integers(-8, 8))
harmonies = st.builds(
    Pattern,
    kind=st.just(Kind.HARMONISE),
    weight=st.integers(0, 255),
    ceiling_percent=st.integers(1, 100),
    period_ds=st.sampled_from((40, 50, 60, 100)),
    depth=st.integers(0, 255),
    mood_from=moods,
    mood_to=moods,
    ramp_s=st.sampled_from((30, 60)),
)


def motif_of(pattern: Pattern) -> Moving:
    return prepare(pattern, 0, position_cm=(0, 0), own=(0, 0, 0), gamut=Gamut())


@pytest.mark.spec("PAT-010", "PAT-011", "PAT-012", "PAT-018", "PAT-019", "PAT-020", "PAT-021")
@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        (None, BREATHE),
        (None, Pattern(Kind.STEADY, 255, 100, colours=(63,))),
        (None, Pattern(Kind.MOSAIC, 255, 60, period_ds=63, depth=255, sharpness=1)),
        (None, Pattern(Kind.WAVE, 255, 40, (63, 20027), 120, 255, 2, 10, -10)),
        ("PAT-010", Pattern(Kind.BREATHE, 255, 60, (63, 20027), 600, 255, 3)),
        ("PAT-011", Pattern(Kind.BREATHE, 255, 5, (63,), 41, 10, 2)),
        ("PAT-011", Pattern(Kind.WAVE, 255, 5, (63, 63), 41, 10, 1, 1, 1)),
        ("PAT-012", Pattern(Kind.BREATHE, 255, 100, (63,), 21, 255, 1)),
        ("PAT-012", Pattern(Kind.MOSAIC, 255, 60, period_ds=62, depth=255, sharpness=1)),
        ("PAT-012", Pattern(Kind.BREATHE, 255, 100, (63, 0), 60, 0, 1)),
        (None, replace(RIPPLE, colours=(63,))),
        ("PAT-010", replace(RIPPLE, colours=(63, 64), sharpness=3, period_ds=600)),
        ("PAT-011", replace(RIPPLE, sharpness=2, period_ds=41, depth=1)),
        ("PAT-012", replace(RIPPLE, colours=(63,), ceiling_percent=100, depth=255, period_ds=37)),
        (None, HARMONY),
        ("PAT-018", replace(HARMONY, period_ds=39, ramp_s=39)),
        ("PAT-019", replace(HARMONY, ceiling_percent=100, depth=255, period_ds=40, mood_to=(8, 8))),
        ("PAT-020", replace(HARMONY, period_ds=70)),
        (None, STORY),
        ("PAT-021", replace(STORY, story=(Step(0, 20, 30), Step(1, 20, 29)))),
        ("PAT-021", replace(STORY, story=(Step(0, 20, 29), Step(1, 20, 30)))),
    ],
)
def test_each_unsafe_pattern_is_rejected_by_its_rule(rule: str | None, pattern: Pattern) -> None:
    assert check(encode(pattern)) == rule
    for fault in faults(pattern):
        assert fault.condition
        assert fault.why
        assert fault.change


@pytest.mark.spec("PAT-001")
def test_what_cannot_be_read_is_rejected_with_the_rule_of_its_format() -> None:
    assert check(b"") is not None
    assert check(encode(BREATHE)[:-1]) is not None
    assert check(b"\x80") == "PAT-001"


@pytest.mark.spec("PAT-013")
def test_a_wave_with_many_stripes_is_refused_for_a_large_circle_only() -> None:
    wave = Pattern(Kind.WAVE, 255, 60, (20027,), 40, 204, 1, wave_x=60, wave_y=80)

    assert extent_fault(wave, 500) is None
    refused = extent_fault(wave, 501)
    assert refused is not None
    assert refused.rule == "PAT-013"


@pytest.mark.spec("PAT-022")
def test_a_ripple_with_many_rings_is_refused_for_a_large_circle_only() -> None:
    assert extent_fault(RIPPLE, 5 * RIPPLE.wavelength_cm) is None
    refused = extent_fault(RIPPLE, 5 * RIPPLE.wavelength_cm + 1)
    assert refused is not None
    assert refused.rule == "PAT-022"


@pytest.mark.spec("PAT-018", "PAT-020")
@given(st.integers(21, 600), st.integers(30, 1800))
def test_what_lint_says_to_change_helps(period_ds: int, ramp_s: int) -> None:
    harmony = replace(HARMONY, period_ds=period_ds, ramp_s=ramp_s, depth=10)
    for _ in range(3):
        for fault in faults(harmony):
            number = int(re.findall(r"(?:period|ramp) to (\d+)", fault.change)[0])
            field = "ramp_s" if fault.rule == "PAT-020" else "period_ds"
            harmony = replace(harmony, **{field: number})

    assert check(encode(harmony)) is None


@pytest.mark.spec("PAT-012", "PAT-019", "PAT-021")
@given(st.one_of(any_shape, ripples, stories, harmonies))
def test_no_channel_of_a_passing_pattern_is_steeper_than_the_slew(pattern: Pattern) -> None:
    assume(not faults(pattern))
    motif = motif_of(pattern)
    steps = 256
    turn_us = pattern.turn_ds * 100_000
    lights = [motif.at(turn_us * step // steps) for step in range(steps + 1)]
    most = 65535 * 0.5 * turn_us / 1_000_000 / steps
    # One entry of the cosine table may fall on either side of a step.
    slack = 2 * math.pi * pattern.degree * 65535 / 4096

    for before, after in itertools.pairwise(lights):
        assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= most + slack


# The rise out of the dark is a run of its own, and stays in the five-second budget for a while.
RISEN_FRAMES = 330


@pytest.mark.spec("PAT-012", "PAT-019", "PAT-021", "RND-006")
@given(st.one_of(one_colour, ripples, stories, harmonies))
def test_the_governor_leaves_a_passing_pattern_alone(pattern: Pattern) -> None:
    assume(not faults(pattern))
    motif = motif_of(pattern)
    governor = Governor(1, FINE, SHARP, -(10**11))
    worst = 0.0

    def request(frame: int, one: Governor) -> list[Light]:
        nonlocal worst
        red, green, blue = motif.at(frame * FRAME_NS // 1000)
        if frame > RISEN_FRAMES:
            before = motif.at((frame - 1) * FRAME_NS // 1000)
            pairs = zip(one.codes[0], before, strict=True)
            worst = max(worst, *(abs(code - wanted) for code, wanted in pairs))
        return [(red / 65535, green / 65535, blue / 65535)]

    drive(governor, request, RISEN_FRAMES + 190)

    assert worst <= 65535 * 0.004


@pytest.mark.parametrize("state", range(5))
def test_mood_patterns_pass_and_keep_most_of_their_swing(state: int) -> None:
    pattern = decode(MOOD_PATTERNS[state])
    motif = motif_of(pattern)

    def request(frame: int, _: Governor) -> list[Light]:
        red, green, blue = motif.at(frame * FRAME_NS // 1000)
        return [(red / 65535, green / 65535, blue / 65535)]

    trace = drive(Governor(1, new_sink(), LightConfig(), -(10**11)), request, 900)
    settled = [max(codes[0]) for _, codes in trace.frames[300:]]

    assert check(MOOD_PATTERNS[state]) is None
    assert judge(trace).violations == []
    assert (max(settled) - min(settled)) / 255 >= 0.85 * swing(pattern) / 65535 - 2 / 255
    assert pattern.period_ds >= period_min_ds(pattern.degree, swing(pattern))


@pytest.mark.spec("PAT-014", "PAT-015")
def test_a_leader_proposes_nothing_unsafe_and_tells_on_nobody() -> None:
    unsafe = encode(Pattern(Kind.BREATHE, 255, 100, (63,), 21, 255, 1))
    safe = encode(BREATHE)

    assert collective((0, 0, 0, 0, 0), safe) == safe
    assert collective((4, 0, 0, 0, 0), unsafe) == MOOD_PATTERNS[2]
    assert collective((4, 0, 0, 0, 0), None) == MOOD_PATTERNS[2]
    assert collective((2, 0, 0, 0, 3), None) == MOOD_PATTERNS[4]
    assert mood((3, 3, 0, 0, 0)) == 0
    assert [decode(data).colours for data in MOOD_PATTERNS] == [(code,) for code in STATE_CODE]


def test_a_colour_code_is_packed_from_its_parts() -> None:
    assert colour_code(19, 8, 59) == STATE_CODE[1]
