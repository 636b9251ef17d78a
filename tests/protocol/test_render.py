"""Rendering is exact: phase, offset, gain, mix and fit, number by number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.light.mixing import mix
from smilesync.light.palette import STATE_LINEAR, Linear, decode_colour
from smilesync.light.pattern import Kind, Pattern
from smilesync.light.prepare import offset_at, prepare
from smilesync.light.render import Gamut, Motif, fit, phase

WHITE: Linear = (65535, 65535, 65535)
GREY: Linear = (30000, 20000, 10000)
lights = st.tuples(*(st.integers(0, 65535) for _ in range(3)))


@pytest.mark.spec("RND-002")
def test_phase_is_exact_before_and_after_the_start() -> None:
    assert phase(0, 4_000_000) == 0
    assert phase(1_000_000, 4_000_000) == 2**30
    assert phase(-1_000_000, 4_000_000) == 3 * 2**30
    assert phase(3_999_999, 4_000_000) == 3_999_999 * 2**32 // 4_000_000
    assert phase(2**52, 2_100_000) == 2**52 % 2_100_000 * 2**32 // 2_100_000


@pytest.mark.spec("RND-003")
def test_a_wave_lags_by_position_and_other_kinds_do_not() -> None:
    wave = Pattern(Kind.WAVE, 255, 60, (1,), 40, 255, 1, wave_x=50, wave_y=-20)
    breath = Pattern(Kind.BREATHE, 255, 60, (1,), 40, 255, 1)

    assert offset_at(wave, (100, 0)) == 2**31
    assert offset_at(wave, (0, 100)) == 2**32 - 2000 * 2**32 // 10_000 - 1
    assert offset_at(wave, (0, 0)) == 0
    assert offset_at(breath, (1234, 567)) == 0


@pytest.mark.spec("RND-004")
@pytest.mark.parametrize(("sharpness", "quarter"), [(1, 15000), (2, 7500), (3, 3750)])
def test_gain_follows_depth_and_sharpness(sharpness: int, quarter: int) -> None:
    motif = Motif((GREY,), period_us=4_000_000, depth=255, sharpness=sharpness)

    assert motif.at(0) == GREY
    assert motif.at(1_000_000)[0] == quarter
    assert motif.at(2_000_000) == (0, 0, 0)
    assert Motif((GREY,), 4_000_000, 0, sharpness).at(2_000_000) == GREY
    assert Motif((GREY,)).at(123) == GREY


@pytest.mark.spec("RND-005")
def test_several_colours_take_turns() -> None:
    motif = Motif(((60000, 0, 0), (0, 60000, 0)), period_us=4_000_000)

    assert motif.at(0) == (60000, 0, 0)
    assert motif.at(2_000_000) == (0, 60000, 0)
    assert motif.at(1_000_000) == (30000, 30000, 0)


@pytest.mark.spec("RND-005")
@given(st.lists(lights, min_size=2, max_size=8), st.integers(0, 4_000_000))
def test_a_mix_stays_between_its_colours(colours: list[Linear], time_us: int) -> None:
    light = Motif(tuple(colours), period_us=4_000_000).at(time_us)

    for channel in range(3):
        values = [colour[channel] for colour in colours]
        assert min(values) <= light[channel] <= max(values)


@pytest.mark.spec("RND-006")
@given(st.lists(lights, min_size=1, max_size=8), st.integers(0, 100), st.integers(1, 65535))
def test_fitted_colours_lie_inside_the_gamut(
    colours: list[Linear], ceiling: int, channel_max: int
) -> None:
    for red, green, blue in fit(colours, Gamut(39321, channel_max), ceiling):
        assert red <= 3 * (green + blue)
        assert max(red, green, blue) <= channel_max
        assert 2126 * red + 7152 * green + 722 * blue <= 39321 * ceiling // 100 * 10_000


@pytest.mark.spec("RND-006")
def test_fitting_leaves_what_fits_and_covers_red() -> None:
    assert fit([(1000, 2000, 3000)], Gamut(), 100) == ((1000, 2000, 3000),)
    assert fit([(6000, 0, 0)], Gamut(), 100) == ((6000, 1000, 1000),)
    bright, dim = fit([WHITE, (6553, 6553, 6553)], Gamut(), 100)
    assert bright == (39320,) * 3
    assert dim == (3931,) * 3


@pytest.mark.spec("RND-006")
def test_a_mosaic_keeps_the_wearers_colour() -> None:
    mosaic = Pattern(Kind.MOSAIC, 255, 100, period_ds=80, depth=100, sharpness=1)
    own = STATE_LINEAR[3]

    motif = prepare(mosaic, 0, position_cm=(5, 5), own=own, gamut=Gamut())
    breath = Pattern(Kind.BREATHE, 255, 100, (42,), 80, 100, 1)

    assert motif.at(0) == own
    assert prepare(breath, 0, position_cm=(0, 0), own=own, gamut=Gamut()).at(0) == decode_colour(42)


@pytest.mark.spec("RND-016")
@given(st.integers(21, 600), st.integers(0, 2**32 - 1), st.integers(-(10**9), 10**9))
def test_turning_points_are_extrema(period_ds: int, offset: int, time_us: int) -> None:
    motif = Motif((WHITE,), period_ds * 100_000, 255, 1, start_us=77, offset=offset)

    turn_us = motif.extremum_from(time_us)

    assert time_us <= turn_us < time_us + motif.period_us // 2
    assert motif.at(turn_us)[0] >= 65530 or motif.at(turn_us)[0] <= 5
    assert Motif((WHITE,)).extremum_from(time_us) == time_us


def test_mix_rounds_down() -> None:
    assert mix((10, 10, 10), (20, 15, 10), 1, of=2) == (15, 12, 10)
