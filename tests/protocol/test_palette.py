"""Colours: the five states stay apart for every eye, and codes decode the same everywhere."""

import itertools
import math
from collections.abc import Sequence

import pytest
from coloraide import Color

from smilesync.commands import EmotionState
from smilesync.light.palette import (
    LINEAR_MAX,
    RAISED_COSINE,
    STATE_CODE,
    STATE_LINEAR,
    STATE_PERIOD_DS,
    Linear,
    colour_code,
    decode_colour,
)

HEX = ("#11d7df", "#f4ee6d", "#93928f", "#272586", "#9a469f")


def as_color(light: Linear) -> Color:
    return Color("srgb-linear", [channel / LINEAR_MAX for channel in light])


def closest_pair(colours: Sequence[Color]) -> float:
    labs = [colour.convert("oklab")[:3] for colour in colours]
    return min(math.dist(*pair) for pair in itertools.combinations(labs, 2))


@pytest.mark.spec("PAL-001")
def test_the_state_colours_are_what_their_names_say() -> None:
    for code, light in zip(HEX, STATE_LINEAR, strict=True):
        exact = Color(code).convert("srgb-linear")[:3]
        assert all(abs(e * LINEAR_MAX - c) <= 0.5 for e, c in zip(exact, light, strict=True))
    assert len(STATE_LINEAR) == len(STATE_PERIOD_DS) == len(STATE_CODE) == len(EmotionState)
    assert STATE_PERIOD_DS[EmotionState.CALM] == 120
    assert STATE_PERIOD_DS[EmotionState.EXCITED] == 40


@pytest.mark.spec("PAL-001")
@pytest.mark.parametrize(
    ("eye", "least"),
    [("normal", 0.19), ("protan", 0.15), ("deutan", 0.149), ("tritan", 0.15), ("grey", 0.118)],
)
def test_the_states_stay_apart_for_every_eye(eye: str, least: float) -> None:
    colours = [as_color(light) for light in STATE_LINEAR]
    if eye == "grey":
        colours = [Color("oklab", [colour.convert("oklab")[0], 0, 0]) for colour in colours]
    elif eye != "normal":
        colours = [colour.filter(eye) for colour in colours]

    assert closest_pair(colours) >= least


@pytest.mark.spec("PAL-001")
def test_hue_lightness_and_rhythm_each_tell_the_states_apart() -> None:
    """Each says it alone: neutral has no hue, and its lightness and rhythm are its own."""
    lights = sorted(as_color(light).convert("oklch")[0] for light in STATE_LINEAR)
    coloured = [as_color(light).convert("oklch") for light in STATE_LINEAR]
    hues = sorted(colour[2] for colour in coloured if colour[1] > 0.02)
    periods = sorted(STATE_PERIOD_DS)

    assert min(b - a for a, b in itertools.pairwise(lights)) >= 0.118
    assert len(hues) == 4
    assert min(b - a for a, b in itertools.pairwise([*hues, hues[0] + 360])) >= 45
    assert min(b / a for a, b in itertools.pairwise(periods)) >= 1.2


@pytest.mark.spec("PAL-001")
def test_no_state_colour_is_anywhere_near_saturated_red() -> None:
    assert all(light[0] <= 0.48 * sum(light) for light in STATE_LINEAR)


@pytest.mark.spec("PAL-002")
def test_codes_decode_to_the_colour_they_name() -> None:
    for code in range(0, 65536, 211):
        lightness, chroma, hue = (code & 63) / 63, (code >> 6 & 15) * 0.02, (code >> 10) * 360 / 64
        exact = Color("oklch", [lightness, chroma, hue]).convert("srgb-linear")[:3]
        if all(0 <= channel <= 1 for channel in exact):
            light = decode_colour(code)
            assert all(abs(e * LINEAR_MAX - c) < 20 for e, c in zip(exact, light, strict=True))


@pytest.mark.spec("PAL-003")
def test_colours_out_of_reach_keep_hue_and_lightness() -> None:
    vivid = colour_code(19, 15, 50)
    light = decode_colour(vivid)
    lightness, _, hue = as_color(light).convert("oklch")[:3]

    assert lightness == pytest.approx(50 / 63, abs=0.01)
    assert hue == pytest.approx(19 * 5.625, abs=2)
    assert all(0 <= channel <= LINEAR_MAX for channel in light)


@pytest.mark.spec("PAL-002", "PAL-003")
def test_black_white_and_the_whole_range_are_inside_16_bits() -> None:
    assert decode_colour(0) == (0, 0, 0)
    assert decode_colour(63) == (LINEAR_MAX,) * 3
    for code in range(0, 65536, 331):
        assert all(0 <= channel <= LINEAR_MAX for channel in decode_colour(code))


def test_state_codes_look_like_the_states() -> None:
    for code, light in zip(STATE_CODE, STATE_LINEAR, strict=True):
        pair = [as_color(decode_colour(code)), as_color(light)]
        assert closest_pair(pair) < 0.013


@pytest.mark.spec("RND-001")
def test_the_cosine_table_is_exact_and_even() -> None:
    assert (RAISED_COSINE[0], RAISED_COSINE[1024], RAISED_COSINE[2048]) == (65536, 32768, 0)
    assert all(RAISED_COSINE[step] == RAISED_COSINE[-step] for step in range(4096))
    for step in range(4096):
        exact = 32768 * (1 + math.cos(2 * math.pi * step / 4096))
        assert abs(exact % 1 - 0.5) > 0.0005
        assert RAISED_COSINE[step] == round(exact)
