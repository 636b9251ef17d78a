"""A window of readings against a naive model that keeps a list of them and walks it each time."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.clock.readings import Window
from smilesync.config import ClockConfig
from smilesync.ids import PeerId

SHORT = replace(ClockConfig(), window_count=6, reading_age_us=3_000_000, gap_us=500_000)
CONFIGS = st.sampled_from([ClockConfig(), SHORT, replace(SHORT, window_count=1)])
PPM = 1_000_000


@dataclass(slots=True)
class Naive:
    """What SPEC says, as it says it. A sample is (rank, taken at, lead)."""

    config: ClockConfig
    samples: list[tuple[int, int, int]] = field(default_factory=list)
    sent_us: int = -(2**62)
    steady_us: int = -(2**62)

    def add(self, lead_us: int, error_us: int, now_us: int) -> None:
        config = self.config
        if now_us - self.sent_us > config.gap_us:
            self.steady_us = now_us
        rank = error_us * PPM - now_us * config.reading_growth_ppm
        if self.samples:
            best = min(self.samples, key=lambda sample: sample[0])
            bounds = rank + best[0] + 2 * now_us * config.reading_growth_ppm
            step_us = abs(lead_us - best[2])
            if step_us * PPM > bounds:
                self.samples = []
                if step_us > config.guard_us:
                    self.steady_us = now_us
            elif len(self.samples) >= config.window_count:
                del self.samples[0]
        self.samples.append((rank, now_us, lead_us))

    def has_since(self, since_us: int, count: int) -> bool:
        return len(self.samples) >= count and self.samples[-count][1] > since_us

    def read(self, now_us: int, circle_us: int) -> tuple[int, int] | None:
        oldest_us = now_us - self.config.reading_age_us
        while self.samples and self.samples[0][1] < oldest_us:
            del self.samples[0]
        if not self.samples:
            return None
        count = (len(self.samples) + 3) // 4
        quarter = sorted(self.samples, key=lambda sample: sample[0])[:count]
        leads_us = sorted(lead_us for _, _, lead_us in quarter)
        lead_us = (leads_us[(count - 1) // 2] + leads_us[count // 2]) // 2
        worst = quarter[-1][0] + now_us * self.config.reading_growth_ppm
        return lead_us + now_us - circle_us, -(-worst // PPM)


# Mostly close together, sometimes far; now and then a message is read after a later one.
WAITS_US = st.one_of(
    st.integers(0, 200_000), st.sampled_from([0, 0, 1, 1_000_000, 10**7, -900_000])
)
LONG_WAITS_US = st.one_of(WAITS_US, st.integers(0, 2**33))
LEADS_US = st.one_of(st.integers(-9_000, 9_000), st.integers(0, 3), st.integers(-(2**50), 2**50))
ERRORS_US = st.one_of(st.integers(2, 9), st.integers(2, 40_000), st.just(1_001_602))
TRIPS_US = st.integers(0, 40_000)
STEPS = st.tuples(WAITS_US, LEADS_US, ERRORS_US, st.booleans(), TRIPS_US)
# Half an hour after a reading nobody asks any more whether the next one contradicts it.
LONG_STEPS = st.tuples(LONG_WAITS_US, LEADS_US, ERRORS_US, st.just(True), TRIPS_US)


@pytest.mark.spec("CLK-010", "CLK-011", "CLK-012", "CLK-013", "CLK-014")
@given(
    CONFIGS,
    st.integers(0, 2**44),
    st.integers(-(2**50), 2**50),
    st.one_of(st.lists(STEPS, max_size=70), st.lists(LONG_STEPS, max_size=70)),
)
def test_a_window_answers_as_a_naive_one(
    config: ClockConfig, now_us: int, base_us: int, steps: list[tuple[int, int, int, bool, int]]
) -> None:
    window, naive = Window(config, PeerId(bytes(32))), Naive(config)
    for wait_us, lead_us, error_us, is_read, trip_us in steps:
        now_us = max(0, now_us + wait_us)
        for one in (window, naive):
            one.add(base_us + lead_us, error_us, now_us)
            one.sent_us = now_us - trip_us
        assert window.steady_us == naive.steady_us
        for count in (1, 2, 5):
            since_us = now_us - trip_us
            assert window.has_since(since_us, count) == naive.has_since(since_us, count)
        if is_read:
            reading = window.read(now_us + trip_us, now_us)
            found = reading and (reading.offset_us, reading.error_us)
            assert found == naive.read(now_us + trip_us, now_us)


@pytest.mark.spec("CLK-010", "CLK-013")
def test_leads_that_wander_far_in_steps_too_small_to_contradict_are_told_exactly() -> None:
    window, naive = Window(ClockConfig(), PeerId(bytes(32))), Naive(ClockConfig())
    for number in range(2_500):
        for one in (window, naive):
            one.add(number * 2_000_000, 1_001_602, number * 1_000_000)
            one.sent_us = number * 1_000_000
        reading = window.read(number * 1_000_000, 0)
        assert reading is not None
        assert (reading.offset_us, reading.error_us) == naive.read(number * 1_000_000, 0)


@pytest.mark.spec("CLK-012")
def test_a_reading_that_waited_for_hours_takes_the_place_of_those_after_it() -> None:
    window = Window(ClockConfig(), PeerId(bytes(32)))
    window.add(7, 9, 10**10)

    window.add(8, 9, 0)

    reading = window.read(0, 0)
    assert reading is not None
    assert (reading.offset_us, reading.error_us) == (8, 9)
