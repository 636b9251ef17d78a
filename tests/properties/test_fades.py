"""Certified fades between safe patterns, as they are asked for: 2 turns in a second, 6 in five.

The governor does not take part. One colour at a place, or a story, or a harmony; every kind leads
to every other. Where a fade is too short to wait for a turn, the governor is needed.
"""

import random

import pytest

from smilesync.config import LightConfig
from smilesync.light.blend import Blend, Crossfade
from smilesync.light.composition import compose, pattern_source
from smilesync.light.conditions import check
from smilesync.light.pattern import Kind, Pattern, Step, encode
from smilesync.light.render import Gamut
from smilesyncd.analyser.judge import LightJudge, Limits

FRAME_US = 33_333
PAIRS = 25
CONFIG = LightConfig()
COUNTS_ONLY = Limits(slew_per_s=None, fall_per_s=None, luminance_max=1.0)
KINDS = (Kind.STEADY, Kind.BREATHE, Kind.WAVE, Kind.RIPPLE, Kind.STORY, Kind.HARMONISE)


def drawn(chance: random.Random) -> Pattern:
    kind = chance.choice(KINDS)
    # Dim light may be as quick as there is, and turns as visibly as bright light.
    ceiling = chance.choice((5, 10, 20, 60, 100))
    if kind is Kind.STORY:
        colours = tuple(chance.randrange(65536) for _ in range(3))
        steps = tuple(
            Step(chance.randrange(3), 20, chance.randrange(20, 40))
            for _ in range(chance.randrange(2, 5))
        )
        return Pattern(kind, 255, ceiling, colours, story=steps)
    if kind is Kind.HARMONISE:
        first, last = ((chance.randrange(-8, 9), chance.randrange(-8, 9)) for _ in range(2))
        return Pattern(
            kind,
            255,
            ceiling,
            period_ds=chance.choice((40, 50, 60)),
            depth=chance.randrange(256),
            mood_from=first,
            mood_to=last,
            ramp_s=30,
        )
    if kind is Kind.STEADY:
        return Pattern(kind, 255, ceiling, (chance.randrange(65536),))
    return Pattern(
        kind,
        255,
        ceiling,
        (chance.randrange(65536),),
        period_ds=chance.choice((21, 22, 25, 30, 50, 80)),
        depth=chance.choice((255, 255, chance.randrange(256))),
        sharpness=1,
        wave_x=50 if kind is Kind.WAVE else 0,
        wavelength_cm=100 if kind is Kind.RIPPLE else 0,
    )


def safe(chance: random.Random) -> bytes:
    while True:
        encoded = encode(drawn(chance))
        if check(encoded) is None:
            return encoded


def blend(chance: random.Random, start_us: int, x_cm: int) -> Blend:
    source = pattern_source(safe(chance), start_us, chance.randrange(5))
    assert source is not None
    return compose(source, ((x_cm, 0),), config=CONFIG, gamut=Gamut())[0]


def turns(seed: int, *, has_room: bool) -> tuple[int, int]:
    """Return the most transitions in any 1 s and 5 s around fades between drawn patterns.

    With room, a fade is long enough to wait for the outgoing light's turn before its two seconds.
    """
    chance = random.Random(seed)
    worst = [0, 0]
    for _ in range(PAIRS):
        x_cm, from_us = chance.randrange(300), chance.randrange(10_000_000, 20_000_000)
        before = blend(chance, 0, x_cm)
        after = blend(chance, from_us, x_cm)
        wait_us = before.extremum_from(from_us) - from_us if has_room else 0
        fade_us = wait_us + chance.randrange(20, 25) * 100_000
        fade = Crossfade(before, after, from_us=from_us, fade_us=fade_us)
        judge = LightJudge(COUNTS_ONLY)
        for time_us in range(5_000_000, from_us + fade_us + 8_000_000, FRAME_US):
            moving = before if time_us < from_us else fade
            red, green, blue = moving.at(time_us)
            judge.add(time_us * 1_000, (red / 65535, green / 65535, blue / 65535))
        worst = [max(pair) for pair in zip(worst, judge.worst, strict=True)]
    return worst[0], worst[1]


@pytest.mark.spec("RND-007", "RND-016", "RND-021", "PAT-012", "PAT-019", "PAT-021")
@pytest.mark.parametrize("seed", range(8))
def test_a_fade_between_safe_patterns_turns_no_more_than_they_do(seed: int) -> None:
    short, long = turns(seed, has_room=True)

    assert short <= 2
    assert long <= 6


def test_without_room_to_wait_for_a_turn_a_fade_may_add_one() -> None:
    worst = [turns(seed, has_room=False) for seed in range(8)]

    assert max(short for short, _ in worst) == 3
