"""Several circles, one light: who drives, when that may change, and what consent takes away."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.commands import Switch
from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.errors import LocalError
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.light.lamp import Lamp
from smilesync.light.sink import new_sink
from smilesync.light.stage import SHOWN, Stage, Standing, next_driver
from smilesync.timeline import Timeline
from smilesyncd.analyser.judge import LightJudge, Limits

NAMES = ("home", "team", "city")
PATTERN_OF = dict(zip(NAMES, MOOD_PATTERNS, strict=False))
ALL = Switch.SHOW | Switch.SHARE | Switch.COLLECTIVE | Switch.SUGGEST | Switch.LIT
OWN_STATE = 2


def certified(name: str, slot: int, *, falls: int = 0) -> Scene:
    """Return the scene of a selected value of the circle `name`."""
    return Scene(
        Rung.COMMITTED,
        OWN_STATE,
        is_selected=True,
        slot=slot,
        pattern=PATTERN_OF[name],
        fall_count=falls,
    )


def cut_off(name: str, slot: int) -> Scene:
    """Return the scene of a lease that still runs while nobody is heard."""
    return replace(certified(name, slot), rung=Rung.HOLD)


def held(name: str, slot: int) -> Scene:
    """Return the scene of the gap between two leases."""
    return replace(certified(name, slot), rung=Rung.HOLD, is_selected=False)


def alone(rung: Rung = Rung.SOLO, *, falls: int = 0) -> Scene:
    return Scene(rung, OWN_STATE, fall_count=falls)


def new_stage(*names: str, switches: Switch = ALL, chosen: str | None = None) -> Stage:
    return Stage({name: Standing(alone(), switches) for name in names}, chosen)


TABLE: list[tuple[str, Mapping[str, Scene], str | None, str | None, str]] = [
    ("the highest", {"home": alone(), "team": alone(Rung.HARMONY)}, None, None, "team"),
    ("at the start the first of equals", {"home": alone(), "team": alone()}, None, None, "home"),
    (
        "of equals the one that drives stays",
        {"home": certified("home", 1), "team": certified("team", 2)},
        "team",
        None,
        "team",
    ),
    (
        "a selected value is not left for the choice",
        {"home": certified("home", 1), "team": certified("team", 2)},
        "home",
        "team",
        "home",
    ),
    (
        "a selected value of who is cut off is not left either",
        {"home": cut_off("home", 1), "team": certified("team", 2)},
        "home",
        None,
        "home",
    ),
    (
        "between two leases the choice takes over",
        {"home": held("home", 1), "team": certified("team", 2)},
        "home",
        "team",
        "team",
    ),
    (
        "between two leases nobody else does",
        {"home": held("home", 1), "team": certified("team", 2)},
        "home",
        None,
        "home",
    ),
    (
        "what the choice only holds is not begun",
        {"home": held("home", 1), "team": held("team", 2)},
        "home",
        "team",
        "home",
    ),
    (
        "a lost circle gives way to a lit one",
        {"home": alone(Rung.HARMONY), "team": certified("team", 2)},
        "home",
        "home",
        "team",
    ),
    (
        "what another only holds is not begun",
        {"home": alone(), "team": held("team", 2)},
        "home",
        None,
        "home",
    ),
    ("the choice wins among equals", {"home": alone(), "team": alone()}, "home", "team", "team"),
]


@pytest.mark.spec("DRV-010", "DRV-011", "DRV-012", "DRV-013", "DRV-014")
@pytest.mark.parametrize(
    ("scenes", "driving", "chosen", "expected"),
    [row[1:] for row in TABLE],
    ids=[row[0].replace(" ", "-") for row in TABLE],
)
def test_who_drives_follows_the_table(
    scenes: Mapping[str, Scene], driving: str | None, chosen: str | None, expected: str
) -> None:
    assert next_driver(scenes, driving, chosen) == expected


@pytest.mark.spec("DRV-011")
def test_leases_without_a_gap_in_sight_are_a_moment_between_two_as_well() -> None:
    stage = new_stage("home", "team")
    stage.show("home", certified("home", 7))
    stage.show("team", certified("team", 3))
    waiting = stage.choose("team")
    same = stage.show("home", replace(certified("home", 7), own_state=1))
    after = stage.show("home", certified("home", 8))

    assert (waiting.pattern, same.pattern) == (PATTERN_OF["home"],) * 2
    assert after.pattern == PATTERN_OF["team"]
    assert stage.driving == "team"


def test_a_choice_that_is_out_of_reach_lets_others_shine_until_it_is_back() -> None:
    stage = new_stage("home", "team", chosen="team")
    lit = stage.show("home", certified("home", 1))
    kept = stage.show("team", certified("team", 9))
    between = stage.show("home", held("home", 1))

    assert [one.pattern for one in (lit, kept)] == [PATTERN_OF["home"]] * 2
    assert between == certified("team", 9)


@pytest.mark.spec("DRV-015")
@pytest.mark.parametrize(
    ("switch", "rung"),
    [(Switch.LIT, Rung.OFF), (Switch.SHOW, Rung.GLOW), (Switch.COLLECTIVE, Rung.SOLO)],
)
@pytest.mark.parametrize("knows", NAMES)
def test_the_first_membership_that_knows_of_a_withdrawal_ends_the_light_of_all(
    switch: Switch, rung: Rung, knows: str
) -> None:
    stage = new_stage(*NAMES)
    for name in NAMES:
        stage.show(name, certified(name, 5))

    fallen = stage.allow(knows, ALL & ~switch)
    others = [name for name in NAMES if name != knows]
    still = [stage.show(name, certified(name, 6)) for name in others]

    assert (fallen.rung, fallen.pattern, fallen.fall_count) == (rung, None, 1)
    assert {(one.rung, one.pattern) for one in still} == {(rung, None)}


@pytest.mark.spec("DRV-013")
@pytest.mark.parametrize("first", ["home", "team"])
def test_pressing_off_and_on_again_does_not_change_who_drives(first: str) -> None:
    stage = new_stage("home", "team", chosen="team")
    for name in ("team", "home"):
        stage.show(name, certified(name, 5))
    for name in ("team", "home"):
        stage.allow(name, ALL & ~Switch.LIT)
        stage.show(name, alone(Rung.OFF, falls=1))
    other = "team" if first == "home" else "home"
    for name in (first, other):
        stage.show(name, certified(name, 5, falls=1))
        stage.allow(name, ALL)

    assert stage.driving == "team"
    assert stage.scene == certified("team", 5, falls=stage.scene.fall_count)


@pytest.mark.spec("DRV-013")
def test_a_fall_and_the_withdrawal_that_it_tells_of_are_one_step() -> None:
    stage = new_stage("home", "team")
    stage.show("home", certified("home", 1))
    stage.show("team", certified("team", 1))

    stage.show("home", alone(falls=1), ALL & ~Switch.COLLECTIVE)
    assert stage.driving == "home"
    assert stage.scene.rung is Rung.SOLO

    stage.allow("home", ALL)
    assert stage.driving == "team"


@pytest.mark.spec("DRV-015")
def test_what_no_circle_is_asked_for_changes_no_light() -> None:
    stage = new_stage("home", "team")
    stage.show("home", certified("home", 5))

    unshared = stage.allow("team", ALL & ~Switch.SHARE & ~Switch.SUGGEST)

    assert unshared == certified("home", 5)


@pytest.mark.spec("DRV-017")
def test_leaving_one_circle_leaves_the_light_of_the_others_alone() -> None:
    stage = new_stage("home", "team", chosen="team")
    stage.show("home", certified("home", 5))
    stage.leave("team")
    # Its peer withdraws there, as the wearer told it; that is no word about the others.
    stage.allow("team", ALL & ~Switch.COLLECTIVE)
    shown = stage.show("team", alone(falls=1))

    assert shown == certified("home", 5)
    assert stage.chosen is None


@pytest.mark.spec("DRV-017")
def test_leaving_the_circle_that_drives_lets_its_light_fall_before_another_shines() -> None:
    stage = new_stage("home", "team")
    stage.show("team", certified("team", 5))
    stage.show("home", certified("home", 1))

    shown = stage.leave("team")

    assert (stage.driving, shown.pattern, shown.fall_count) == ("home", PATTERN_OF["home"], 1)


@pytest.mark.spec("DRV-020")
def test_what_is_only_held_where_it_was_never_shown_stays_dark() -> None:
    stage = new_stage("home", "team")
    stage.show("home", certified("home", 3))
    stage.show("team", certified("team", 7))
    stage.show("team", held("team", 7))

    assert stage.leave("home") == alone(falls=1)
    assert stage.driving == "team"
    assert stage.show("team", certified("team", 8)).slot == 8
    assert stage.show("team", held("team", 8)).pattern == PATTERN_OF["team"]
    assert stage.show("team", held("team", 9)).pattern is None


@pytest.mark.spec("DRV-017")
def test_who_has_left_every_circle_is_alone() -> None:
    stage = new_stage("home", "team")
    for name in ("home", "team"):
        stage.leave(name)
        stage.allow(name, ALL & ~Switch.COLLECTIVE)
        stage.show(name, alone(Rung.HARMONY))

    assert stage.scene.rung is Rung.SOLO

    stage.come_back("team")
    stage.allow("team", ALL)

    assert stage.show("team", certified("team", 2)).pattern == PATTERN_OF["team"]


@pytest.mark.parametrize(
    ("name", "match"), [("tean", "expected one of home, team"), ("team", "has left")]
)
def test_a_choice_that_cannot_be_is_refused_and_nothing_changes(name: str, match: str) -> None:
    stage = new_stage("home", "team", chosen="home")
    stage.leave("team")

    with pytest.raises(LocalError, match=match):
        stage.choose(name)

    assert (stage.chosen, stage.driving) == ("home", "home")


@dataclass
class Naive:
    """What a wearer would say of it: the last thing shown, and whether that may be replaced."""

    scenes: dict[str, Scene] = field(default_factory=dict)
    switches: dict[str, Switch] = field(default_factory=dict)

    def allowed(self) -> Switch:
        """Return what everybody allows."""
        common = SHOWN
        for one in self.switches.values():
            common &= one
        return common


STEPS = st.one_of(
    st.tuples(
        st.just("show"),
        st.sampled_from(NAMES),
        st.sampled_from(["certified", "cut_off", "held", "harmony", "solo", "glow"]),
        st.integers(1, 4),
    ),
    st.tuples(st.just("choose"), st.sampled_from([None, *NAMES]), st.just(""), st.just(0)),
    st.tuples(
        st.just("allow"),
        st.sampled_from(NAMES),
        st.just(""),
        st.sampled_from([int(ALL), *(int(ALL & ~one) for one in Switch)]),
    ),
)


def _scene(name: str, kind: str, slot: int) -> Scene:
    match kind:
        case "certified":
            return certified(name, slot)
        case "cut_off":
            return cut_off(name, slot)
        case "held":
            return held(name, slot)
        case _:
            return alone(Rung[kind.upper()])


@pytest.mark.spec("DRV-010", "DRV-011", "DRV-014", "DRV-015")
@given(st.lists(STEPS, max_size=40))
def test_never_two_lights_nor_one_that_was_not_given_leave(
    steps: list[tuple[str, str | None, str, int]],
) -> None:
    stage = new_stage(*NAMES)
    naive = Naive(dict.fromkeys(NAMES, alone()), dict.fromkeys(NAMES, ALL))
    before = stage.scene
    for step, name, kind, number in steps:
        driving, allowed = stage.driving, naive.allowed()
        if step == "choose":
            shown = stage.choose(name)
        elif step == "allow" and name is not None:
            naive.switches[name] = Switch(number)
            shown = stage.allow(name, Switch(number))
        else:
            assert name is not None
            naive.scenes[name] = _scene(name, kind, number)
            shown = stage.show(name, naive.scenes[name])

        assert shown == stage.scene
        withdrawn = allowed & ~naive.allowed()
        assert (shown.fall_count > before.fall_count) is bool(withdrawn)
        if shown.pattern is not None:
            # Exactly the present word of the one that drives, and leave for all of it.
            assert replace(shown, fall_count=0) == naive.scenes[stage.driving]
            assert naive.allowed() == SHOWN
        if naive.allowed() != SHOWN:
            assert not shown.is_selected
        if stage.driving != driving:
            left, taken = naive.scenes[driving], naive.scenes[stage.driving]
            # Left while selected only from one lease to the next, for the wearer's choice.
            is_next = name == driving and left.slot != before.slot
            assert not left.is_selected or (is_next and stage.driving == stage.chosen)
            assert taken.is_selected or taken.rung >= Rung.HARMONY
            assert taken.rung <= left.rung or stage.driving == stage.chosen
        before = shown


@pytest.mark.spec("DRV-012", "DRV-013")
@given(st.lists(STEPS, max_size=30))
def test_at_rest_the_choice_or_the_highest_drives(
    steps: list[tuple[str, str | None, str, int]],
) -> None:
    stage = new_stage(*NAMES)
    scenes = dict.fromkeys(NAMES, alone())
    for step, name, kind, number in steps:
        if step == "choose":
            stage.choose(name)
        elif step == "show" and name is not None:
            scenes[name] = _scene(name, kind, number)
            stage.show(name, scenes[name])

    current = scenes[stage.driving]
    if not current.is_selected and current.rung is not Rung.HOLD:
        lit = [name for name in NAMES if scenes[name].is_selected]
        assert not lit
        assert current.rung <= min(
            (one.rung for one in scenes.values() if one.rung is not Rung.HOLD), default=Rung.OFF
        )
    if stage.chosen is not None and scenes[stage.chosen].is_selected:
        assert stage.driving == stage.chosen or current.is_selected


@pytest.mark.spec("DRV-010")
@pytest.mark.parametrize("seed", range(4))
def test_however_circles_change_places_the_light_stays_inside_every_limit(seed: int) -> None:
    chance = random.Random(seed)
    stage = new_stage(*NAMES)
    lamp = Lamp(LightConfig(), ((0, 0),), sink=new_sink(), now_ns=0)
    judge = LightJudge(Limits().with_fall())
    # Three circles, three times: each counts from its own founding.
    lines = {name: Timeline(0, (7 + index) * 10**9) for index, name in enumerate(NAMES)}
    drives: set[str] = set()
    for number in range(30 * 60):
        name = chance.choice(NAMES)
        if chance.random() < 0.2:
            kind = chance.choice(["certified", "held", "harmony", "solo"])
            scene = _scene(name, kind, number)
            lit = replace(scene, timeline=lines[name], until_us=10**12)
            stage.show(name, lit if scene.pattern is not None else scene)
        if chance.random() < 0.1:
            stage.choose(chance.choice([None, *NAMES]))
        if chance.random() < 0.02:
            stage.allow(name, ALL & ~chance.choice([Switch.LIT, Switch.SHOW, Switch.COLLECTIVE]))
        elif chance.random() < 0.1:
            for one in NAMES:
                stage.allow(one, ALL)
        drives.add(stage.driving)
        frame = lamp.frame(stage.scene, number * 33_333_334)
        judge.add(frame.now_ns, frame.light[0])

    assert drives == set(NAMES)
    assert judge.finish() == ()


@pytest.mark.spec("DRV-011", "DRV-013")
def test_one_circle_more_changes_no_light_before_its_turn_comes() -> None:
    stage = new_stage("home")
    shown = stage.show("home", certified("home", 1))

    assert stage.enter("team", Standing(alone(), ALL)) == shown
    assert stage.show("team", certified("team", 4)) == shown
    assert stage.choose("team") == shown
    assert stage.show("home", certified("home", 2)).pattern == PATTERN_OF["team"]


@pytest.mark.spec("DRV-010", "DRV-017")
@pytest.mark.parametrize("driving", ["home", "team"])
def test_a_circle_that_is_forgotten_falls_where_it_drove_and_nowhere_else(driving: str) -> None:
    stage = new_stage("home", "team")
    for name in (driving, "home", "team"):
        stage.show(name, certified(name, 1))
    before = stage.choose("team")

    after = stage.remove("team")

    assert stage.driving == "home"
    assert after == certified("home", 1, falls=int(driving == "team"))
    assert (after == before) is (driving == "home")
    with pytest.raises(LocalError, match="no circle is called 'team'"):
        stage.choose("team")


@pytest.mark.spec("DRV-015")
def test_who_forgets_the_last_circle_that_was_not_left_is_alone() -> None:
    stage = new_stage("home", "team")
    stage.show("team", certified("team", 1))
    stage.allow("home", ALL & ~Switch.COLLECTIVE)
    stage.leave("home")

    assert stage.remove("team").rung is Rung.SOLO
    assert (stage.driving, stage.left) == ("home", {"home"})
