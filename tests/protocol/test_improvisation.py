"""A wearer plays: what gestures change, what they cannot, and that every performance ends."""

import itertools
from dataclasses import replace

import pytest

from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.light.design import standard
from smilesync.light.improvisation import (
    GESTURE_NS_MAX,
    PERIOD_DS_MAX,
    SILENCE_NS_MAX,
    Gesture,
    Improvisation,
)
from smilesync.light.lamp import Lamp
from smilesync.light.render import Gamut
from smilesync.light.sink import new_sink

SECOND_NS = 1_000_000_000
FRAME_NS = 33_333_334
CONFIG = LightConfig()
SOLO = Scene(Rung.SOLO, own_state=0)


def performance(state: int = 0) -> Improvisation:
    return Improvisation(standard(CONFIG), state, gamut=Gamut(), now_ns=0)


def lit_lamp(seconds: int = 12) -> tuple[Lamp, int]:
    one = Lamp(CONFIG, ((0, 0),), sink=new_sink(), now_ns=0)
    for number in range(seconds * 30):
        one.frame(SOLO, number * FRAME_NS)
    return one, seconds * 30 * FRAME_NS


@pytest.mark.spec("DSG-011")
def test_it_begins_as_the_design_shows_the_state() -> None:
    for state, expression in enumerate(standard(CONFIG).expressions):
        played = performance(state)

        assert played.period_ds == expression.period_ds
        assert played.depth == expression.depth


@pytest.mark.spec("DSG-011")
def test_gestures_turn_hue_light_tempo_and_depth() -> None:
    played = performance()
    before = (played.hue, played.lightness, played.period_ds, played.depth)

    for made in (Gesture.HUE_UP, Gesture.DIMMER, Gesture.FASTER, Gesture.DEEPER):
        played.gesture(made, SECOND_NS)

    after = (played.hue, played.lightness, played.period_ds, played.depth)
    assert after[0] == (before[0] + 2) % 64
    assert (after[1] < before[1], after[2] < before[2], after[3] > before[3]) == (True, True, True)


@pytest.mark.spec("DSG-011")
@pytest.mark.parametrize("state", range(5))
def test_no_tempo_is_ever_faster_than_the_conditions(state: int) -> None:
    played = performance(state)

    for made in [Gesture.BRIGHTER] * 12 + [Gesture.DEEPER] * 6 + [Gesture.FASTER] * 40:
        played.gesture(made, SECOND_NS)
        assert played.period_ds >= 21

    lights = [played.at(now_us) for now_us in range(0, 6_000_000, 33_333)]
    steps = [
        max(abs(a - b) for a, b in zip(one, other, strict=True))
        for one, other in itertools.pairwise(lights)
    ]
    assert max(steps) <= 65535 * 0.5 / 30 * 1.02
    for _ in range(60):
        played.gesture(Gesture.SLOWER, SECOND_NS)
    assert played.period_ds == PERIOD_DS_MAX


@pytest.mark.spec("DSG-011")
def test_a_new_tempo_goes_on_from_the_present_phase() -> None:
    played = performance()
    now_ns = 3_700_000_000
    before = played.at(now_ns // 1000)

    played.gesture(Gesture.SLOWER, now_ns)

    after = played.at(now_ns // 1000)
    assert all(abs(a - b) <= 4 for a, b in zip(before, after, strict=True))


@pytest.mark.spec("DSG-010")
def test_it_ends_without_gestures_and_without_a_word() -> None:
    played = performance()
    now_ns = 0
    while not played.is_over(now_ns):
        played.gesture(Gesture.HOLD, now_ns)
        now_ns += SECOND_NS
    assert now_ns == GESTURE_NS_MAX

    silent = performance()
    silent.gesture(Gesture.HUE_UP, SECOND_NS)
    assert not silent.is_over(SECOND_NS + SILENCE_NS_MAX - 1)
    assert silent.is_over(SECOND_NS + SILENCE_NS_MAX)


@pytest.mark.spec("DSG-010", "DSG-012")
def test_a_lamp_goes_back_to_its_own_smile_when_the_player_died() -> None:
    lamp, now_ns = lit_lamp()
    still = lamp.frame(SOLO, now_ns).wanted
    played = lamp.play(0, now_ns)
    for _ in range(20):
        played.gesture(Gesture.HUE_UP, now_ns)

    shown = [lamp.frame(SOLO, now_ns + number * FRAME_NS).wanted for number in range(150)]

    assert lamp.is_playing
    assert shown[0] == still
    assert shown[-1][0][0] > shown[0][0][0]
    back = [lamp.frame(SOLO, now_ns + number * FRAME_NS) for number in range(150, 900)]
    assert not lamp.is_playing
    other, _ = lit_lamp(1)
    same = [other.frame(SOLO, now_ns + number * FRAME_NS) for number in range(150, 900)]
    assert back[-1].wanted == same[-1].wanted


@pytest.mark.spec("DSG-010")
@pytest.mark.parametrize(
    "told", [Scene(Rung.OFF, 0, fall_count=1), Scene(Rung.GLOW, 0, fall_count=1)]
)
def test_off_and_withdrawn_consent_never_wait_for_a_player(told: Scene) -> None:
    lamp, now_ns = lit_lamp()
    lamp.play(1, now_ns)
    for number in range(90):
        lamp.frame(SOLO, now_ns + number * FRAME_NS)

    fallen = [lamp.frame(told, now_ns + number * FRAME_NS) for number in range(90, 110)]

    assert not lamp.is_playing
    assert fallen[-1].codes == ((0, 0, 0),)


@pytest.mark.spec("DSG-012")
def test_a_new_design_is_faded_to() -> None:
    lamp, now_ns = lit_lamp()
    before = lamp.frame(SOLO, now_ns).wanted[0]
    worn = standard(CONFIG)
    swapped = replace(worn, expressions=(worn.expressions[1], *worn.expressions[1:]))

    lamp.wear(swapped)
    wanted = [lamp.frame(SOLO, now_ns + number * FRAME_NS).wanted[0] for number in range(300)]

    for one, other in zip([before, *wanted], wanted, strict=False):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 65535 * 0.51 / 30
    assert wanted[-1][0] > before[0]
