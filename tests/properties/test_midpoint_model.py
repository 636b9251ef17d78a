"""The midpoint against a naive model, and what liars can do to it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.clock.midpoint import Reading, high_offset_us, midpoint, tightest

OFFSETS = st.integers(-(2**53), 2**53)
READINGS = st.builds(Reading, OFFSETS, st.integers(0, 2**32))
NARROW = st.builds(Reading, st.integers(-1000, 1000), st.integers(0, 100))


def _naive_trim(values: list[int], faults: int) -> list[int]:
    rest = list(values)
    for _ in range(faults):
        rest.remove(min(rest))
        rest.remove(max(rest))
    return rest


@pytest.mark.spec("CLK-015")
@given(st.lists(READINGS, min_size=1, max_size=22), st.data())
def test_midpoint_equals_a_naive_model(readings: list[Reading], data: st.DataObject) -> None:
    faults = data.draw(st.integers(0, (len(readings) - 1) // 2))
    rest = _naive_trim([r.offset_us for r in readings], faults)
    low = min(_naive_trim([r.offset_us - r.error_us for r in readings], faults))
    high = max(_naive_trim([r.offset_us + r.error_us for r in readings], faults))

    middle = midpoint(readings, faults)

    exact = Fraction(min(rest) + max(rest), 2)
    assert middle.offset_us == exact.__floor__()
    assert middle.error_us == max(high - middle.offset_us, middle.offset_us - low)
    assert middle.error_us >= 0


@pytest.mark.spec("CLK-015")
@given(st.integers(0, 4), st.data())
def test_liars_never_move_the_midpoint_outside_honest_readings(
    faults: int, data: st.DataObject
) -> None:
    honest = data.draw(st.lists(NARROW, min_size=faults + 1, max_size=12))
    size = max(0, 2 * faults + 1 - len(honest))
    liars = data.draw(st.lists(READINGS, min_size=min(size, faults), max_size=faults))
    readings = data.draw(st.permutations(honest + liars))
    if len(readings) < 2 * faults + 1:
        return

    middle = midpoint(readings, faults)

    offsets = [reading.offset_us for reading in honest]
    assert min(offsets) <= middle.offset_us <= max(offsets)
    assert middle.error_us <= max(offsets) - min(offsets) + 200


@given(st.lists(READINGS, min_size=1, max_size=22), st.data())
def test_the_jump_never_goes_beyond_the_highest_honest_clock(
    honest: list[Reading], data: st.DataObject
) -> None:
    liars = data.draw(st.lists(READINGS, max_size=5))

    ahead_us = high_offset_us(honest + liars, len(liars))

    assert ahead_us <= max(reading.offset_us for reading in honest)


@given(st.lists(NARROW, max_size=8), st.integers(1, 4))
def test_no_group_is_tighter_than_the_tightest(readings: list[Reading], count: int) -> None:
    best = tightest(readings, count)

    offsets = sorted(reading.offset_us for reading in readings)
    spans = [offsets[i + count - 1] - offsets[i] for i in range(len(offsets) - count + 1)]
    if best is None:
        assert not spans
    else:
        assert best.error_us == (min(spans) + 1) // 2
