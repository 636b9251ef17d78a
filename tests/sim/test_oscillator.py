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
    assert Oscillator(5, 5).tick_at(2**63 - 1) == -1
