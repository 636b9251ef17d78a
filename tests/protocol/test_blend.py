"""Mixes of own and collective light, and the fades between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.light.blend import Blend, Crossfade, Transition, smooth
from smilesync.light.palette import Linear
from smilesync.light.render import Motif

WARM: Linear = (30000, 20000, 5000)
COLD: Linear = (2000, 20000, 30000)
FAST = Blend(Motif((WARM,), 4_000_000, 204))
SLOW = Blend(Motif((COLD,), 10_000_000, 204, start_us=300_000))
STILL = Blend(Motif((COLD,)))


@pytest.mark.spec("RND-008")
def test_a_blend_gives_the_collective_its_share() -> None:
    own, motif = Motif((WARM,)), Motif((COLD,))

    assert Blend(own, motif, 0).at(5) == WARM
    assert Blend(own, motif, 255).at(5) == COLD
    assert Blend(own, motif, 51).at(5) == (24400, 20000, 10000)
    assert Blend(own).at(5) == WARM


def test_a_blend_turns_with_its_pattern() -> None:
    assert FAST.beat_us == 4_000_000
    assert FAST.extremum_from(1) == 2_000_000
    assert Blend(Motif((WARM,)), SLOW.own, 100).beat_us == 10_000_000
    assert STILL.extremum_from(17) == 17


@pytest.mark.spec("RND-007")
def test_a_certified_fade_freezes_at_a_turn_and_joins_at_one() -> None:
    fade = Crossfade(FAST, SLOW, from_us=7_500_000, fade_us=4_000_000)

    assert fade.at(7_000_000) == FAST.at(7_000_000)
    assert fade.at(7_900_000) == FAST.at(7_900_000)
    assert fade.at(8_000_000) == FAST.at(8_000_000)
    assert fade.join_us == 15_300_000
    assert fade.at(11_500_000) == SLOW.at(15_300_000) == fade.at(15_299_999)
    assert fade.at(15_400_000) == SLOW.at(15_400_000)


@pytest.mark.spec("RND-007")
def test_a_certified_fade_freezes_at_once_when_the_turn_is_too_far() -> None:
    fade = Crossfade(SLOW, FAST, from_us=1_000_000, fade_us=3_000_000)

    assert fade.at(1_000_000) == SLOW.at(1_000_000)
    assert fade.at(4_000_000) == FAST.at(4_000_000)
    assert fade.join_us == 4_000_000


@pytest.mark.spec("RND-007")
@given(st.integers(0, 20_000_000), st.integers(2_000_000, 4_000_000))
def test_a_fade_is_monotone(from_us: int, fade_us: int) -> None:
    fade = Crossfade(FAST, SLOW, from_us=from_us, fade_us=fade_us)
    begin_us = max(from_us, fade._freeze_us)
    reds = [fade.at(time_us)[0] for time_us in range(begin_us, from_us + fade_us, 10_000)]

    assert reds in (sorted(reds), sorted(reds, reverse=True))


@pytest.mark.spec("RND-011")
def test_a_transition_takes_two_seconds_or_as_long_as_its_swing_needs() -> None:
    near = Transition(WARM, STILL, time_us=0, begin_us=500)
    far = Transition((0, 0, 0), Blend(Motif(((60000, 0, 0),))), time_us=0, begin_us=500)

    assert near.at(500) == near.at(0) == WARM
    assert near.at(2_000_500) == COLD
    assert near.is_over(2_000_000, 2_000_500)
    assert not near.is_over(2_000_000, 2_000_499)
    assert not near.is_over(1_999_999, 2_000_500)
    assert not far.is_over(10_000_000, 2_700_000)
    assert far.is_over(10_000_000, 2_747_123)


@pytest.mark.spec("RND-011")
def test_a_transition_waits_for_the_turn_of_the_light_it_leads_to() -> None:
    wait = Transition(WARM, SLOW, time_us=1_000_000, begin_us=0)

    assert wait.join_us == 5_300_000
    assert wait.at(3_000_000) == SLOW.at(5_300_000)


def test_smooth_starts_and_ends_flat() -> None:
    assert [smooth(at, 100) for at in (-5, 0, 50, 100, 900)] == [0, 0, 32768, 65536, 65536]
    assert smooth(1, 100) < 32
