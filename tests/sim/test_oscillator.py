"""A crystal's local time is exact, and its inverse is the first tick that reached it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesim.oscillator import Oscillator

drifts = st.integers(-100_000, 100_000)
origins = st.integers(0, 10**14)
ticks = st.integers(0, 10**8)


@given(drifts, origins, ticks, st.integers(-1_100_000, 1_100_000))
def test_tick_at_is_the_first_tick_at_or_after_local_time(
    drift_ppb: int, origin_ns: int, tick: int, off_ns: int
) -> None:
    crystal = Oscillator(drift_ppb, origin_ns)
    local_ns = crystal.at(tick) + off_ns

    found = crystal.tick_at(local_ns)

    assert crystal.at(found) >= local_ns > crystal.at(found - 1)


@given(drifts, ticks)
def test_local_time_always_grows(drift_ppb: int, tick: int) -> None:
    crystal = Oscillator(drift_ppb, 0)

    assert 999_900 <= crystal.at(tick + 1) - crystal.at(tick) <= 1_000_100


@pytest.mark.parametrize(("drift_ppb", "expected_ns"), [(0, 10**9), (50_000, 10**9 + 50_000)])
def test_drift_is_parts_per_billion(drift_ppb: int, expected_ns: int) -> None:
    assert Oscillator(drift_ppb, 0).at(1_000) == expected_ns


def test_never_has_no_tick() -> None:
    assert Oscillator(5, 5).tick_at(2**62 - 1) == -1


@given(drifts, ticks, st.integers(-100_000_000, 100_000_000))
def test_a_turned_crystal_goes_on_from_the_same_time_at_another_rate(
    drift_ppb: int, tick: int, new_ppb: int
) -> None:
    before = Oscillator(drift_ppb, 7)

    after = before.turned(tick, drift_ppb=new_ppb)

    assert after.at(tick) == before.at(tick)
    assert abs(after.at(tick + 1_000) - after.at(tick) - (10**9 + new_ppb)) <= 1
    assert (before.turned_tick, after.turned_tick) == (-1, tick)


@given(drifts, ticks, st.integers(0, 10**13))
def test_time_that_leaps_runs_on_at_the_same_rate(drift_ppb: int, tick: int, jump_ns: int) -> None:
    before = Oscillator(drift_ppb, 7)

    after = before.turned(tick, jump_ns=jump_ns)

    assert after.at(tick) == before.at(tick) + jump_ns
    assert after.at(tick + 9_000) == before.at(tick + 9_000) + jump_ns


def test_local_time_never_leaps_back() -> None:
    with pytest.raises(AssertionError):
        Oscillator(0, 0).turned(5, jump_ns=-1)
