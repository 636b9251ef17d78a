"""The lamp: what each rung shows, and how one light gives way to the next."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.light.blend import Blend, Crossfade
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.light.composition import compose, harmony, pattern_source
from smilesync.light.lamp import Frame, Lamp
from smilesync.light.palette import STATE_LINEAR
from smilesync.light.pattern import Kind, Pattern, decode, encode
from smilesync.light.render import Gamut, fit
from smilesync.light.sink import new_sink
from smilesync.timeline import Timeline
from smilesyncd.analyser.judge import LightJudge, Limits

FRAME_NS = 33_333_334
SECOND_NS = 1_000_000_000
CONFIG = LightConfig()
SINK = new_sink()
CIRCLE = Timeline(local_ns=0, circle_us=100_000_000)
FOREVER = 10**12
LIFTED = MOOD_PATTERNS[1]
CALM = MOOD_PATTERNS[0]

SHOWN = Scene(
    Rung.COMMITTED,
    own_state=3,
    is_selected=True,
    slot=7,
    pattern=LIFTED,
    start_us=90_000_000,
    until_us=FOREVER,
    timeline=CIRCLE,
)
SOLO = Scene(Rung.SOLO, own_state=3)


def lamp(*positions_cm: tuple[int, int]) -> Lamp:
    return Lamp(CONFIG, positions_cm or ((0, 0),), sink=SINK, now_ns=0)


def play(one: Lamp, scene: Scene, seconds: float, *, begin_ns: int) -> list[Frame]:
    count = int(seconds * 30)
    return [one.frame(scene, begin_ns + number * FRAME_NS) for number in range(count)]


def settled(scene: Scene, *positions_cm: tuple[int, int]) -> tuple[Lamp, int]:
    one = lamp(*positions_cm)
    play(one, scene, 12, begin_ns=0)
    return one, 360 * FRAME_NS


def blend_of(encoded: bytes, start_us: int, own_state: int) -> Blend:
    source = pattern_source(encoded, start_us, own_state)
    assert source is not None
    return compose(source, ((0, 0),), config=CONFIG, gamut=Gamut(39321))[0]


def colours(frames: list[Frame]) -> set[tuple[int, int, int]]:
    return {frame.wanted[0] for frame in frames}


@pytest.mark.spec("RND-008", "RND-009", "RND-010")
@pytest.mark.parametrize("rung", [Rung.COMMITTED, Rung.HOLD])
def test_a_selected_pattern_is_asked_for_exactly(rung: Rung) -> None:
    one, now_ns = settled(replace(SHOWN, rung=rung))
    blend = blend_of(LIFTED, 90_000_000, 3)

    for frame in play(one, replace(SHOWN, rung=rung), 3, begin_ns=now_ns):
        assert frame.wanted == (blend.at(CIRCLE.at(frame.now_ns)),)
        assert frame.circle_us == CIRCLE.at(frame.now_ns)
        assert (frame.rung, frame.slot, frame.is_selected) == (rung, 7, True)


@pytest.mark.spec("RND-009")
def test_own_light_breathes_with_the_pattern_and_keeps_its_share() -> None:
    blend = blend_of(LIFTED, 5, 3)
    steady = encode(Pattern(Kind.STEADY, 100, 50, colours=(20027,)))
    hasty = encode(Pattern(Kind.BREATHE, 100, 50, (0,), 21, 255, 1))

    assert blend.share == CONFIG.share_max
    assert (blend.own.period_us, blend.own.start_us, blend.own.depth) == (4_000_000, 5, 102)
    assert blend_of(steady, 0, 1).own.period_us == 0
    assert blend_of(steady, 0, 1).share == 100
    # White and yellow at full would be too steep at 2.1 s if the wearer wanted all of it.
    greedy = replace(CONFIG, own_depth=255, own_ceiling_percent=100)
    source = pattern_source(hasty, 0, 1)
    assert source is not None
    blend = compose(source, ((0, 0),), config=greedy, gamut=Gamut(39321))[0]
    assert blend.own.period_us == 0


@pytest.mark.spec("RND-010")
def test_solo_shows_the_own_state_in_its_own_rhythm() -> None:
    one, now_ns = settled(SOLO)
    frames = play(one, SOLO, 10, begin_ns=now_ns)
    own = fit((STATE_LINEAR[3],), Gamut(39321), 60)[0]

    assert max(colours(frames)) <= own
    assert len(colours(frames)) > 100
    assert frames[0].circle_us is None


@pytest.mark.spec("RND-010")
def test_glow_is_steady_and_says_nothing_about_the_wearer() -> None:
    looks = set()
    for state in range(5):
        one, now_ns = settled(Scene(Rung.GLOW, own_state=state))
        looks |= colours(play(one, Scene(Rung.GLOW, own_state=state), 2, begin_ns=now_ns))

    assert len(looks) == 1
    assert 0 < max(looks.pop()) < 6000


@pytest.mark.spec("RND-010")
def test_harmony_is_the_average_with_the_neighbours() -> None:
    assert harmony(3, (0, 0, 0, 0, 0)) == STATE_LINEAR[3]
    middle = tuple((a + b) // 2 for a, b in zip(STATE_LINEAR[0], STATE_LINEAR[1], strict=True))
    assert harmony(0, (0, 1, 0, 0, 0)) == middle

    scene = Scene(Rung.HARMONY, own_state=0, harmony_counts=(0, 1, 0, 0, 0))
    one, now_ns = settled(scene)
    top = fit((harmony(0, (0, 1, 0, 0, 0)),), Gamut(39321), 60)[0]
    assert max(colours(play(one, scene, 9, begin_ns=now_ns))) == top


@pytest.mark.spec("RND-007")
def test_a_foreseen_change_follows_the_certified_fade() -> None:
    one, now_ns = settled(SHOWN)
    from_us = CIRCLE.at(now_ns) - 20_000
    following = replace(
        SHOWN,
        slot=8,
        pattern=CALM,
        start_us=from_us,
        previous=LIFTED,
        previous_start_us=SHOWN.start_us,
        fade_from_us=from_us,
        fade_us=3_000_000,
    )
    fade = Crossfade(
        blend_of(LIFTED, SHOWN.start_us, 3),
        blend_of(CALM, from_us, 3),
        from_us=from_us,
        fade_us=3_000_000,
    )

    for frame in play(one, following, 12, begin_ns=now_ns):
        assert frame.wanted == (fade.at(CIRCLE.at(frame.now_ns)),)


@pytest.mark.spec("RND-011")
@pytest.mark.parametrize("case", ["late", "other", "young"])
def test_a_change_that_was_not_foreseen_fades_locally(case: str) -> None:
    one, now_ns = settled(SHOWN) if case != "young" else (lamp(), 0)
    if case == "young":
        one.frame(SHOWN, 0)
    before = one.frame(SHOWN, now_ns)
    from_us = CIRCLE.at(now_ns) - (3_000_000 if case == "late" else 0)
    following = replace(
        SHOWN,
        pattern=CALM,
        start_us=from_us,
        previous=LIFTED,
        previous_start_us=SHOWN.start_us + (1 if case == "other" else 0),
        fade_from_us=from_us,
        fade_us=3_000_000,
    )

    frames = play(one, following, 2, begin_ns=now_ns + FRAME_NS)

    assert frames[0].wanted == before.wanted
    reds = [frame.wanted[0][0] for frame in frames]
    assert reds in (sorted(reds), sorted(reds, reverse=True))


@pytest.mark.spec("RND-011", "RND-013")
def test_a_lost_pattern_freezes_and_fades_to_the_own_light() -> None:
    one, now_ns = settled(SHOWN)
    before = one.frame(SHOWN, now_ns)

    frames = play(one, SOLO, 8, begin_ns=now_ns + FRAME_NS)

    assert frames[0].wanted == before.wanted
    reds = [frame.wanted[0][0] for frame in frames[:60]]
    assert reds in (sorted(reds), sorted(reds, reverse=True))
    assert frames[-1].wanted[0][0] < 2000


@pytest.mark.spec("RND-012")
def test_changes_of_feeling_wait_for_four_seconds() -> None:
    one, now_ns = settled(SOLO)
    first = replace(SOLO, own_state=1)
    second = replace(SOLO, own_state=0)
    play(one, first, 1, begin_ns=now_ns)

    waiting = play(one, second, 2.9, begin_ns=now_ns + 30 * FRAME_NS)
    changed = play(one, second, 7, begin_ns=now_ns + 117 * FRAME_NS)

    reds = [frame.wanted[0][0] for frame in waiting]
    assert reds[:50] == sorted(reds[:50])
    assert max(reds) > 20_000
    assert changed[-1].wanted[0][0] < 500


@pytest.mark.spec("RND-012")
def test_the_ladder_never_waits() -> None:
    one, now_ns = settled(SOLO)
    play(one, SHOWN, 1, begin_ns=now_ns)
    moving = one.frame(SHOWN, now_ns + 30 * FRAME_NS)

    frozen = one.frame(SOLO, now_ns + 31 * FRAME_NS)
    later = one.frame(SOLO, now_ns + 32 * FRAME_NS)

    assert frozen.wanted == moving.wanted
    assert max(abs(a - b) for a, b in zip(frozen.wanted[0], later.wanted[0], strict=True)) < 100


@pytest.mark.spec("RND-013")
def test_a_pattern_is_never_stuck_on() -> None:
    living = encode(replace(decode(LIFTED), life_s=10))
    cases = [
        replace(SHOWN, pattern=living, start_us=CIRCLE.at(12 * SECOND_NS) - 10_000_000),
        replace(SHOWN, until_us=CIRCLE.at(11 * SECOND_NS)),
    ]
    for scene in cases:
        one, now_ns = settled(scene)
        frames = play(one, scene, 10, begin_ns=now_ns)
        assert frames[-1].wanted[0][0] < 2000


@pytest.mark.parametrize(
    "scene",
    [
        replace(SHOWN, pattern=b"\x80"),
        replace(SHOWN, pattern=None),
        replace(SHOWN, timeline=None),
        replace(SHOWN, until_us=0),
    ],
)
def test_a_pattern_that_cannot_be_shown_leaves_the_own_light(scene: Scene) -> None:
    one, now_ns = settled(scene)
    reference, _ = settled(SOLO)

    assert one.frame(scene, now_ns).wanted == reference.frame(SOLO, now_ns).wanted


@pytest.mark.spec("RND-014")
def test_a_jump_of_the_circles_time_is_faded_and_a_small_one_followed() -> None:
    one, now_ns = settled(SHOWN)
    before = one.frame(SHOWN, now_ns)
    nudged = replace(SHOWN, timeline=replace(CIRCLE, circle_us=CIRCLE.circle_us + 50_000))
    followed = one.frame(nudged, now_ns + FRAME_NS)
    jumped = replace(SHOWN, timeline=replace(CIRCLE, circle_us=CIRCLE.circle_us + 2_000_000))
    frozen = one.frame(jumped, now_ns + 2 * FRAME_NS)

    assert followed.wanted != before.wanted
    assert frozen.wanted == followed.wanted


@pytest.mark.spec("RND-015", "GOV-012", "GOV-014")
def test_off_and_withdrawn_consent_fall_at_once() -> None:
    for scene in (replace(SOLO, fall_count=1), replace(SHOWN, rung=Rung.OFF)):
        one, now_ns = settled(SHOWN)

        frames = play(one, scene, 0.7, begin_ns=now_ns)

        levels = [sum(frame.codes[0]) for frame in frames]
        assert levels[0] > 0
        assert levels == sorted(levels, reverse=True)
        assert levels[-1] == 0


@pytest.mark.spec("RND-015")
def test_after_a_withdrawal_the_own_light_rises_from_black() -> None:
    one, now_ns = settled(SHOWN)
    frames = play(one, replace(SOLO, fall_count=2), 12, begin_ns=now_ns)

    assert frames[0].wanted == ((0, 0, 0),)
    assert frames[16].wanted[0][2] < 500
    assert max(frames[-1].codes[0]) > 0


def test_zones_of_a_wave_differ_and_share_one_frame() -> None:
    wave = encode(Pattern(Kind.WAVE, 255, 50, (20027,), 80, 204, 1, wave_x=100, wave_y=0))
    scene = replace(SHOWN, pattern=wave)
    one, now_ns = settled(scene, (0, 0), (25, 0), (50, 0))

    frame = play(one, scene, 5, begin_ns=now_ns)[-1]

    assert len(set(frame.wanted)) == 3
    assert len(frame.codes) == len(frame.light) == 3
    assert frame.light[0][0] == pytest.approx(frame.codes[0][0] / 255)


def test_a_whole_evening_stays_inside_every_limit() -> None:
    one = lamp()
    judge = LightJudge(Limits().with_fall())
    for number, scene in enumerate(_evening()):
        frame = one.frame(scene, number * FRAME_NS)
        judge.add(frame.now_ns, frame.light[0])

    assert judge.finish() == ()


def _evening() -> Iterator[Scene]:
    """Yield scenes frame by frame: everything that happens, at bad moments."""
    for turn in range(12):
        own = turn % 5
        shown = replace(SHOWN, own_state=own, fall_count=turn)
        following = replace(
            shown,
            pattern=CALM,
            start_us=5 * turn,
            previous=LIFTED,
            previous_start_us=shown.start_us,
            fade_from_us=CIRCLE.at((turn * 900 + 200) * FRAME_NS),
            fade_us=2_000_000 + turn * 100_000,
        )
        yield from [shown] * 200
        yield from [following] * 150
        yield from [Scene(Rung.HARMONY, own, harmony_counts=(1, 2, 0, 0, 3), fall_count=turn)] * 50
        yield from [Scene(Rung.SOLO, (own + 1) % 5, fall_count=turn)] * (100 + 7 * turn)
        yield from [Scene(Rung.GLOW, own, fall_count=turn)] * 20
        yield from [Scene(Rung.OFF, own, fall_count=turn)] * 10
        yield from [shown] * (370 - 7 * turn)
