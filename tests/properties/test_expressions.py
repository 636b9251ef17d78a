"""Any sequence of states, designs, patterns and gestures gives light inside every limit."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyser.trace import Trace, judge
from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.light.design import Design, Expression, faults, standard
from smilesync.light.improvisation import Gesture, Improvisation
from smilesync.light.lamp import Lamp
from smilesync.light.sink import new_sink
from smilesync.timeline import Timeline

FRAME_NS = 33_333_334
BOOT_FRAMES = 180
FOREVER = 10**12
CIRCLE = Timeline(local_ns=0, circle_us=100_000_000)
CONFIG = LightConfig()
SLEW_PER_FRAME = CONFIG.slew_per_s / 30 + 6 / 255

channels = st.integers(0, 65535)


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    red, green, blue = draw(channels), draw(channels), draw(channels)
    period_ds = draw(st.sampled_from([0, 21, 30, 60, 600]) | st.integers(21, 600))
    depth = draw(st.integers(1, 255)) if period_ds else 0
    return Expression((min(red, 3 * (green + blue)), green, blue), period_ds, depth)


@st.composite
def designs(draw: st.DrawFn) -> Design:
    made = Design(
        "drawn",
        tuple(draw(expressions()) for _ in range(5)),
        draw(st.integers(1, 100)),
        draw(st.integers(0, 255)),
    )
    slower = tuple(
        Expression(one.colour, 600 if one.period_ds else 0, one.depth) for one in made.expressions
    )
    is_safe = not list(faults(made))
    return made if is_safe else Design(made.name, slower, made.ceiling_percent, made.share)


@dataclass(frozen=True)
class Feels:
    state: int


@dataclass(frozen=True)
class Joins:
    pattern: int


@dataclass(frozen=True)
class Plays:
    gestures: tuple[Gesture | int, ...]


Act = Feels | Joins | Plays | Design | None
acts = st.one_of(
    st.builds(Feels, st.integers(0, 4)),
    st.builds(Joins, st.integers(0, 4)),
    st.builds(
        Plays, st.lists(st.sampled_from(list(Gesture)) | st.integers(0, 4), max_size=30).map(tuple)
    ),
    designs(),
    st.none(),
)
programmes = st.lists(st.tuples(acts, st.integers(1, 240)), min_size=1, max_size=8)


def perform(programme: list[tuple[Act, int]], lamp: Lamp) -> Trace:
    """Give one act after the other, each for its frames; gestures come one per frame."""
    trace = Trace()
    scene = Scene(Rung.SOLO, 2, timeline=CIRCLE)
    now_ns = 0
    for act, frames in [(None, BOOT_FRAMES), *programme]:
        played: Improvisation | None = None
        match act:
            case Feels(state):
                scene = replace(scene, own_state=state)
            case Joins(number):
                scene = replace(
                    scene,
                    rung=Rung.COMMITTED,
                    is_selected=True,
                    pattern=MOOD_PATTERNS[number],
                    start_us=90_000_000,
                    until_us=FOREVER,
                )
            case Design():
                lamp.wear(act)
            case Plays():
                played = lamp.play(scene.own_state, now_ns)
            case None:
                lamp.stop_playing()
                scene = Scene(Rung.SOLO, scene.own_state, timeline=CIRCLE)
        for frame in range(frames):
            if played is not None and isinstance(act, Plays) and frame < len(act.gestures):
                made = act.gestures[frame]
                if isinstance(made, int):
                    played.take_state(made, now_ns)
                else:
                    played.gesture(made, now_ns)
            trace.add(now_ns, lamp.frame(scene, now_ns).codes)
            now_ns += FRAME_NS
    return trace


def new_lamp() -> Lamp:
    return Lamp(CONFIG, ((0, 0), (40, 0)), sink=new_sink(), now_ns=0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programmes)
def test_any_performance_is_inside_every_limit_and_never_jumps(
    programme: list[tuple[Act, int]],
) -> None:
    trace = perform(programme, new_lamp())

    report = judge(trace)

    assert report.violations == []
    assert report.worst[0] <= 2
    assert report.worst[1] <= 6
    for (_, one), (_, other) in zip(trace.frames, trace.frames[1:], strict=False):
        for before, after in zip(one, other, strict=True):
            steps = [abs(a - b) / 255 for a, b in zip(before, after, strict=True)]
            assert max(steps) <= SLEW_PER_FRAME


@pytest.mark.parametrize("lacking", ["slew", "trackers"])
def test_the_judge_sees_a_performance_without_its_governor(lacking: str) -> None:
    """White and black in turn, as fast as keys repeat: what the governor is there for."""
    lamp = new_lamp()
    wild: list[Gesture | int] = []
    for _ in range(10):
        wild += [Gesture.BRIGHTER] * 12 + [Gesture.DIMMER] * 12
    trace, asked = Trace(), Trace()
    scene = Scene(Rung.SOLO, 1, timeline=CIRCLE)
    for number in range(BOOT_FRAMES):
        lamp.frame(scene, number * FRAME_NS)
    played = lamp.play(1, BOOT_FRAMES * FRAME_NS)
    for number, made in enumerate([Gesture.HOLD] * 120 + wild, start=BOOT_FRAMES):
        assert isinstance(made, Gesture)
        played.gesture(made, number * FRAME_NS)
        frame = lamp.frame(scene, number * FRAME_NS)
        trace.add(frame.now_ns, frame.codes)
        asked.add(frame.now_ns, [(r >> 8, g >> 8, b >> 8) for r, g, b in frame.wanted])

    assert judge(trace).violations == []
    broken = judge(asked)
    assert broken.worst[0] > 2 if lacking == "trackers" else "slew" in broken.limits_broken


def test_the_standard_design_needs_no_correction() -> None:
    assert not list(faults(standard(CONFIG)))
