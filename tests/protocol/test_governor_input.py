"""Any input at all: frames of any length and content, any clock, any rate, any button."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyser.trace import Trace, judge
from smilesync.light.caps import Cap
from smilesync.light.governor import Governor, Light
from smilesync.light.sink import Sink
from smilesyncd.analyser.judge import Limits
from support.lightlab import FRAME_NS, LINEAR, SHARP, UNKNOWN, white

FALLING = Limits().with_fall()
BAD = (math.nan, math.inf, -math.inf, -0.0, -1e300, 1e300, 10**400, 5e-324, 0.3)


def lit(one: Governor, zones: int, *, level: float = 0.3) -> int:
    for frame in range(400):
        one.step([white(level)] * zones, frame * FRAME_NS)
    return 400 * FRAME_NS


@pytest.mark.spec("GOV-020")
def test_zones_that_a_short_request_does_not_reach_go_dark() -> None:
    one = Governor(3, LINEAR, SHARP, 0)
    begin_ns = lit(one, 3)

    for frame in range(400):
        one.step([white(0.3)], begin_ns + frame * FRAME_NS)

    assert one.codes == ((76, 76, 76), (0, 0, 0), (0, 0, 0))


@pytest.mark.spec("GOV-020")
def test_what_a_long_request_has_beyond_the_zones_changes_nothing() -> None:
    exact, long = Governor(2, LINEAR, SHARP, 0), Governor(2, LINEAR, SHARP, 0)
    for frame in range(400):
        row = [white(0.3), white(0.1)]
        assert exact.step(row, frame * FRAME_NS) == long.step(
            [*row, *[white(math.nan)] * 9], frame * FRAME_NS
        )


@pytest.mark.spec("GOV-020")
def test_an_empty_request_fades_all_zones_within_the_limits() -> None:
    one = Governor(3, LINEAR, SHARP, 0)
    begin_ns = lit(one, 3)
    trace = Trace()
    for frame in range(400):
        now_ns = begin_ns + frame * FRAME_NS
        trace.add(now_ns, one.step([], now_ns))

    assert one.is_dark
    assert judge(trace).violations == []


def _request(chance: random.Random, zones: int) -> Sequence[Light]:
    count = chance.choice((0, zones - 1, zones, zones, zones, zones + 1, 5 * zones))
    kind = chance.randrange(4)
    if kind == 0:
        return [(chance.choice(BAD), chance.choice(BAD), chance.choice(BAD)) for _ in range(count)]
    if kind == 1:
        return [white(chance.random()) for _ in range(count)]
    return [white(float(kind == 2))] * count


@pytest.mark.spec("GOV-017", "GOV-019", "GOV-020", "GOV-002", "GOV-005", "GOV-013", "GOV-014")
@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from((LINEAR, UNKNOWN)))
def test_no_clock_rate_length_or_button_brings_it_out_of_its_limits(
    seed: int, zones: int, sink: Sink
) -> None:
    chance = random.Random(seed)
    one = Governor(zones, sink, SHARP, 0)
    trace = Trace()
    local_ns = shown_ns = emitted_ns = 0
    gaps_ns = (0, 1, 4_000_000, FRAME_NS, FRAME_NS, 120_000_000, 7_000_000_000, -3_000_000_000)
    rate_ns = FRAME_NS
    for _ in range(400):
        if chance.random() < 0.1:
            rate_ns = chance.choice(gaps_ns)
        local_ns += rate_ns
        # What the world saw: a clock that went back stood still for the governor.
        shown_ns = max(shown_ns, local_ns)
        _press(chance, one, local_ns)
        codes = one.step(_request(chance, zones), local_ns)
        # Emission comes up to 50 ms late, in order; a frame in ten is lost on its way.
        emitted_ns = max(emitted_ns, shown_ns + chance.randrange(50_000_000))
        if chance.random() < 0.9:
            trace.add(emitted_ns, codes)

    report = judge(trace, Limits(slew_per_s=None, fall_per_s=None).with_fall())

    assert report.violations == [], f"seed {seed}: {report.violations[0]}"


def _press(chance: random.Random, one: Governor, now_ns: int) -> None:
    if chance.random() < 0.02:
        one.set_off(chance.random() < 0.5, now_ns)
    if chance.random() < 0.03:
        one.set_cap(chance.choice(list(Cap)), chance.choice((-1.0, 0.0, 0.1, 0.6, 7.0)))


@pytest.mark.spec("GOV-014", "GOV-019")
@given(st.integers(0, 2**32))
def test_off_wins_whatever_is_asked_for_and_whatever_the_clock_does(seed: int) -> None:
    chance = random.Random(seed)
    one = Governor(2, LINEAR, SHARP, 0)
    now_ns = lit(one, 2)
    one.set_off(True, now_ns)
    for frame in range(120):
        # A jump back costs the time it takes to come forward again, and nothing else.
        now_ns += FRAME_NS if frame > 60 else chance.choice((-FRAME_NS, 0, FRAME_NS))
        one.step(_request(chance, 2), now_ns)
    for _ in range(120):
        now_ns += FRAME_NS
        one.step(_request(chance, 2), now_ns)

    assert one.is_dark
    for _ in range(30):
        now_ns += FRAME_NS
        assert one.step(_request(chance, 2), now_ns) == ((0, 0, 0),) * 2
