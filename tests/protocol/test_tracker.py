"""Trackers: what begins a run, what extends it, and when another may begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyser.recount import is_strict
from smilesync.light.tracker import Tracker, luminance_floor

SECOND_NS = 1_000_000_000
JITTER_NS = 50_000_000


def settled() -> Tracker:
    """Return a tracker long after its start: falling, at black, with an open budget."""
    return Tracker(0.002, -60 * SECOND_NS)


@pytest.mark.spec("GOV-008")
@pytest.mark.parametrize(
    ("before", "luminance", "is_new"),
    [
        ([], 0.0019, False),
        ([], 0.002, True),
        ([0.5], 0.4446, False),
        ([0.5], 0.4444, True),
        ([0.02], 0.0179, False),
        ([0.02], 0.0177, True),
        ([0.02, 0.0], 0.0019, False),
        ([0.02, 0.01], 0.0112, False),
        ([0.02, 0.01], 0.01126, True),
        ([0.9, 0.5], 0.562, False),
        ([0.9, 0.5], 0.5625, True),
        ([0.99], 0.8902, False),
        ([0.99], 0.8901, True),
    ],
)
def test_a_run_begins_at_a_strict_step_against_the_direction(
    before: list[float], luminance: float, is_new: bool
) -> None:
    tracker = settled()
    for luma in before:
        tracker.observe(luma, 0)

    assert tracker.would_confirm(luminance) == is_new


@pytest.mark.spec("GOV-008")
def test_a_bright_start_below_the_floor_never_confirms_downwards() -> None:
    tracker = Tracker(0.5, -60 * SECOND_NS)
    tracker.observe(0.2, 0)

    assert not tracker.would_confirm(0.11)
    assert tracker.would_confirm(0.1)


@pytest.mark.spec("GOV-008")
@given(st.floats(0, 1), st.floats(0, 1))
def test_every_published_strict_step_is_confirmed(first: float, second: float) -> None:
    tracker = settled()
    tracker.observe(first, 0)
    low, high = min(first, second), max(first, second)
    rising = Tracker(0.002, 0)
    rising.observe(high, 0)

    if is_strict(low, high) and high > low:
        assert rising.would_confirm(low) or not rising._is_rising


@pytest.mark.spec("GOV-009")
def test_a_run_waits_for_the_second_newest_to_leave_the_second() -> None:
    tracker = settled()
    tracker.observe(0.5, 0)
    tracker.observe(0.1, 100_000_000)

    reopened_ns = SECOND_NS + JITTER_NS
    assert not tracker.is_permitted(reopened_ns, JITTER_NS)
    assert tracker.is_permitted(reopened_ns + 1, JITTER_NS)
    assert tracker.is_permitted(SECOND_NS + 1, 0)


@pytest.mark.spec("GOV-009")
def test_a_seventh_run_waits_for_the_first_to_leave_five_seconds() -> None:
    tracker = settled()
    for number in range(6):
        tracker.observe(0.5 if number % 2 == 0 else 0.1, number * 600_000_000)

    reopened_ns = 5 * SECOND_NS + JITTER_NS
    assert not tracker.is_permitted(reopened_ns, JITTER_NS)
    assert tracker.is_permitted(reopened_ns + 1, JITTER_NS)


@pytest.mark.spec("GOV-008", "GOV-009")
def test_an_extension_renews_the_newest_run_only() -> None:
    tracker = settled()
    tracker.observe(0.2, 0)
    tracker.observe(0.1, 100_000_000)
    tracker.observe(0.05, 900_000_000)
    tracker.observe(0.052, 950_000_000)

    assert tracker.is_permitted(SECOND_NS + JITTER_NS + 1, JITTER_NS)
    tracker.observe(0.2, 1_100_000_000)
    assert not tracker.is_permitted(1_900_000_000, JITTER_NS)
    assert not tracker.is_permitted(1_900_000_000 + JITTER_NS, JITTER_NS)
    assert tracker.is_permitted(1_900_000_001 + JITTER_NS, JITTER_NS)


@pytest.mark.spec("GOV-011")
def test_a_new_tracker_is_dark_with_its_budget_spent() -> None:
    tracker = Tracker(0.002, 7 * SECOND_NS)

    assert tracker.would_confirm(0.002)
    assert not tracker.is_permitted(12 * SECOND_NS + JITTER_NS, JITTER_NS)
    assert tracker.is_permitted(12 * SECOND_NS + JITTER_NS + 1, JITTER_NS)


def test_the_floor_follows_the_measured_peak() -> None:
    assert luminance_floor(None) == 0.002
    assert luminance_floor(1_000) == 0.002
    assert luminance_floor(100_000) == 0.0002
