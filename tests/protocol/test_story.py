"""Ripples, stories and harmonies: where they lag, what they show, where they turn and end."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.light.choose import collective
from smilesync.light.composition import compose, pattern_source, source_of
from smilesync.light.lamp import Lamp
from smilesync.light.palette import STATE_LINEAR, Linear, mood_light
from smilesync.light.pattern import Kind, Pattern, Step, encode
from smilesync.light.prepare import offset_at, prepare
from smilesync.light.render import Gamut, Motif, fit
from smilesync.light.sink import new_sink
from smilesync.light.story import Harmony, Picture, Story
from smilesync.timeline import Timeline
from smilesyncd.analyser.judge import LightJudge

FRAME_NS = 33_333_334
RIPPLE = Pattern(
    Kind.RIPPLE, 255, 60, (20027,), 80, 204, 1, origin_x_cm=300, origin_y_cm=-40, wavelength_cm=120
)
STORY = Pattern(
    Kind.STORY, 255, 60, colours=(20027, 50709, 42), story=(Step(0, 20, 30), Step(1, 25, 30))
)
HARMONY = Pattern(
    Kind.HARMONISE, 255, 60, period_ds=60, depth=153, mood_from=(-8, 8), mood_to=(6, -8), ramp_s=60
)
NEW_KINDS = (RIPPLE, STORY, HARMONY)
TALE = Story(
    (Picture((100, 0, 0), 2_000_000, 3_000_000), Picture((0, 100, 0), 4_000_000, 2_000_000)), 500
)
moods = st.integers(-8, 8)


def ready(pattern: Pattern, start_us: int = 0) -> Motif | Story | Harmony:
    moving = prepare(pattern, start_us, position_cm=None, own=(0, 0, 0), gamut=Gamut())
    assert isinstance(moving, Motif | Story | Harmony)
    return moving


@pytest.mark.spec("RND-017")
@given(*[st.integers(-100_000, 100_000)] * 4, st.integers(50, 5000))
def test_a_ripple_lags_by_its_distance(x: int, y: int, ox: int, oy: int, length: int) -> None:
    ripple = Pattern(
        Kind.RIPPLE, 1, 1, (1,), 40, 1, 1, origin_x_cm=ox, origin_y_cm=oy, wavelength_cm=length
    )

    turns = offset_at(ripple, (x, y)) / 2**32
    exact = math.dist((x, y), (ox, oy)) / length

    assert abs((turns - exact + 0.5) % 1 - 0.5) < 1e-4
    assert offset_at(ripple, (ox, oy)) == 0


@pytest.mark.spec("RND-003", "RND-017")
def test_an_unknown_position_lags_by_nothing() -> None:
    wave = Pattern(Kind.WAVE, 255, 60, (1,), 40, 255, 1, wave_x=50)

    assert offset_at(RIPPLE, (0, 0)) != 0
    assert offset_at(RIPPLE, None) == offset_at(wave, None) == offset_at(STORY, (7, 7)) == 0
    lamp = Lamp(LightConfig(), (None, (0, 0)), sink=new_sink(), now_ns=0)
    scene = Scene(
        Rung.COMMITTED, 1, pattern=encode(RIPPLE), until_us=1 << 50, timeline=Timeline(0, 0)
    )
    for frame in range(300):
        wanted = lamp.frame(scene, frame * FRAME_NS).wanted
    blends = [
        compose(source_of(scene, 0), (place,), config=LightConfig(), gamut=Gamut(39321))[0]
        for place in (None, (300, -40))
    ]
    assert wanted[0] == blends[0].at(299 * FRAME_NS // 1000) == blends[1].at(299 * FRAME_NS // 1000)
    assert wanted[0] != wanted[1]


@pytest.mark.spec("RND-018")
def test_a_story_holds_fades_and_begins_again() -> None:
    times_us = [0, 1_999_999, 3_500_000, 5_000_000, 8_999_999, 10_000_000, 11_000_000, -1_000_000]

    lights = [TALE.at(500 + time_us) for time_us in times_us]

    assert lights == [
        (100, 0, 0),
        (100, 0, 0),
        (50, 50, 0),
        (0, 100, 0),
        (0, 100, 0),
        (50, 50, 0),
        (100, 0, 0),
        (50, 50, 0),
    ]


@pytest.mark.spec("RND-021")
def test_a_story_turns_while_a_picture_stands() -> None:
    assert TALE.extremum_from(500) == 500
    assert TALE.extremum_from(1_999_999) == 1_999_999
    assert TALE.extremum_from(2_000_500) == 5_000_500
    assert TALE.extremum_from(9_500_000) == 11_000_500
    assert TALE.beat_us == 5_000_000


@pytest.mark.spec("RND-018", "RND-021")
@given(st.integers(-(10**8), 10**8))
def test_a_story_is_continuous_and_turns_only_at_its_pictures(time_us: int) -> None:
    story = ready(STORY)
    turn_us = story.extremum_from(time_us)

    assert turn_us - time_us <= 3_000_000
    lights = [story.at(time_us + step * 10_000) for step in range((turn_us - time_us) // 10_000)]
    for channel in range(3):
        values = [light[channel] for light in lights]
        assert values == sorted(values) or values == sorted(values, reverse=True)
        assert all(abs(a - b) < 655 for a, b in itertools.pairwise(values))


@pytest.mark.spec("RND-019")
def test_a_harmony_goes_from_one_mood_to_the_other_and_stays() -> None:
    harmony = ready(HARMONY, 1_000_000)
    first, last = fit((mood_light(-8, 8), mood_light(6, -8)), Gamut(), 60)

    assert harmony.at(1_000_000) == first
    assert harmony.at(31_000_000) == tuple((a + b) // 2 for a, b in zip(first, last, strict=True))
    assert harmony.at(61_000_000) == last
    assert harmony.at(61_000_000 + 600_000_000) == last
    assert harmony.at(-5_000_000) == first
    assert harmony.at(64_000_000) == tuple(channel * 102 // 255 for channel in last)
    # The ramp ends at a turning point of the breath, and so adds none.
    assert harmony.extremum_from(61_000_000) == 61_000_000


@pytest.mark.spec("RND-020")
def test_the_five_states_stand_in_the_corners_and_the_middle_of_the_circumplex() -> None:
    corners = [(8, -8), (8, 8), (0, 0), (-8, -8), (-8, 8)]

    assert tuple(mood_light(*corner) for corner in corners) == STATE_LINEAR


@pytest.mark.spec("RND-020")
@given(moods, moods, st.sampled_from(((1, 0), (0, 1))))
def test_moods_beside_each_other_look_alike(
    valence: int, arousal: int, by: tuple[int, int]
) -> None:
    near = min(8, valence + by[0]), min(8, arousal + by[1])

    pairs = zip(mood_light(valence, arousal), mood_light(*near), strict=True)

    # Half the way from a corner to another one has eight steps, each at most an eighth.
    assert max(abs(a - b) for a, b in pairs) <= 65535 // 6


def strange(light: Linear) -> bool:
    return not all(0 <= channel <= 65535 for channel in light)


@pytest.mark.spec("RND-008", "RND-009")
@pytest.mark.parametrize("pattern", NEW_KINDS, ids=lambda pattern: pattern.kind.name)
@pytest.mark.parametrize("weight", [0, 100, 255])
def test_new_kinds_mix_with_the_own_light_by_weight(pattern: Pattern, weight: int) -> None:
    config = LightConfig()
    encoded = encode(replace(pattern, weight=weight))
    source = pattern_source(encoded, 0, 3)
    assert source is not None

    blend = compose(source, ((5, 5),), config=config, gamut=Gamut())[0]
    own, whole = blend.own, blend.motif
    assert whole is not None
    share = min(weight, config.share_max)
    for time_us in range(0, 20_000_000, 333_333):
        mixed = tuple(
            (a * (255 - share) + b * share) // 255
            for a, b in zip(own.at(time_us), whole.at(time_us), strict=True)
        )
        assert blend.at(time_us) == mixed
        assert not strange(blend.at(time_us))
    assert blend.own.beat_us == (0 if pattern.kind is Kind.STORY else pattern.period_ds * 100_000)
    assert collective(None, encoded) == encoded


@pytest.mark.spec("RND-013", "RND-007", "RND-011")
@pytest.mark.parametrize("pattern", NEW_KINDS, ids=lambda pattern: pattern.kind.name)
def test_a_new_kind_comes_fades_and_ends_within_the_limits(pattern: Pattern) -> None:
    """Own light, then a pattern, a certified fade to the next, and the end of its life."""
    lamp = Lamp(LightConfig(), ((20, 30),), sink=new_sink(), now_ns=0)
    first = encode(replace(pattern, life_s=40))
    following = encode(replace(STORY, weight=200, life_s=20))
    solo = Scene(Rung.SOLO, own_state=3)
    shown = Scene(
        Rung.COMMITTED,
        own_state=3,
        is_selected=True,
        pattern=first,
        start_us=10_000_000,
        until_us=1 << 50,
        timeline=Timeline(0, 0),
    )
    after = replace(
        shown,
        pattern=following,
        start_us=25_000_000,
        previous=first,
        previous_start_us=10_000_000,
        fade_from_us=25_000_000,
        fade_us=4_000_000,
    )
    judge = LightJudge()
    lights = []
    for frame in range(70 * 30):
        now_ns = frame * FRAME_NS
        scene = solo if now_ns < 12 * 10**9 else shown if now_ns < 24 * 10**9 else after
        one = lamp.frame(scene, now_ns)
        judge.add(now_ns, one.light[0])
        lights.append(one.wanted[0])

    assert judge.finish() == ()
    # Life is over at 45 s: at last the light is the own one, breathing by itself.
    alone = compose(source_of(solo, None), ((20, 30),), config=LightConfig(), gamut=Gamut())[0]
    assert lights[-1] == alone.at((70 * 30 - 1) * FRAME_NS // 1000)
