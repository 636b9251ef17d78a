"""A failing run is made small, still breaks its rule, and nothing more can be left out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from smilesim import replay, scenario
from smilesim.device import Device, LivePeer
from smilesim.main import main
from smilesim.recipe import Recipe, crowd, settle
from smilesim.replay import Replay
from smilesim.report import report
from smilesim.scenario import Scenario
from smilesim.shrink import Shrinker
from smilesim.violations import Violation
from smilesync.errors import SettingsError
from smilesync.peer import Peer
from smilesync.wire.records import Record

HASH = "0" * 64


def parsed(text: str) -> Scenario:
    return scenario.parse("busy", f'summary = "Too much."\n{text}', "here")


BUSY = parsed(
    """
seconds = 40
peers = 50
[weather]
loss_percent = 5
[[fault]]
kind = "blackout"
at_s = 6
outage_s = 3
spread_s = 4
[[fault]]
kind = "split"
at_s = 20
heal_s = 30
lone_percent = 20
[[fault]]
kind = "surge"
at_s = 32
spread_s = 2
copies = 10
[expect]
end_share_min = 0.5
commit_s_max = 9
"""
)


class Plant:
    """Stands in for running a city: breaks a rule exactly when `is_broken` says so."""

    def __init__(self, rule: str = "I8", tick: int = 21_400) -> None:
        self.ran: list[Recipe] = []
        self._rule, self._tick = rule, tick

    def is_broken(self, chosen: Scenario) -> bool:
        """It takes three people and a split that goes on for a while."""
        split = [fault for fault in chosen.faults if fault.kind == "split"]
        return chosen.peers >= 3 and bool(split) and chosen.seconds >= 22

    def __call__(self, recipe: Recipe) -> Replay:
        self.ran.append(recipe)
        broken = self.is_broken(recipe.scenario)
        found = (Violation(self._rule, self._tick, 2, "planted"),) if broken else ()
        return Replay(recipe, "c", HASH, HASH, (), found)


def shrunk(plant: Plant, tries: int = 1_000) -> Shrinker:
    shrinker = Shrinker(plant(Recipe(BUSY, 7)), plant)
    for _ in shrinker.attempts(tries):
        pass
    return shrinker


def test_everything_that_does_not_matter_is_left_out() -> None:
    plant = Plant()
    shrinker = shrunk(plant)
    small = shrinker.best.recipe.scenario

    assert shrinker.is_minimal
    assert shrinker.best.recipe.seed == 7
    assert small.peers == 3
    assert small.seconds == 22
    assert [fault.kind for fault in small.faults] == ["split"]
    assert small.faults[0].numbers["heal_s"] == 22
    assert small.faults[0].numbers["lone_percent"] == 0
    assert (small.weather.loss_ppm, small.weather.duplicate_ppm) == (0, 0)
    assert small.expect == {}
    assert len(plant.ran) < 60


def test_no_run_is_tried_twice_and_the_same_are_tried_every_time() -> None:
    one, other = Plant(), Plant()
    shrunk(one)
    shrunk(other)

    assert one.ran == other.ran
    hashes = [scenario.digest(recipe.scenario) for recipe in one.ran[1:]]
    assert len(set(hashes)) == len(hashes)


def test_every_run_tried_could_be_written_to_a_file() -> None:
    plant = Plant()
    shrunk(plant)

    for recipe in plant.ran:
        text = replay.render(Replay(recipe, "c", HASH, HASH, (), ()))
        assert replay.parse(text, "here").recipe == recipe


def test_another_rule_does_not_count() -> None:
    class Elsewhere(Plant):
        def __call__(self, recipe: Recipe) -> Replay:
            found = super().__call__(recipe)
            if recipe.scenario.peers < 50:
                others = tuple(replace(one, rule="I1") for one in found.violations)
                return replace(found, violations=others)
            return found

    assert shrunk(Elsewhere()).best.recipe.scenario.peers == 50


def test_tries_are_bounded_and_the_best_so_far_is_kept() -> None:
    plant = Plant()
    shrinker = shrunk(plant, tries=4)

    assert len(plant.ran) == 1 + 4
    assert shrinker.tries == 4
    assert not shrinker.is_minimal
    assert shrinker.best.recipe.scenario.seconds < 40


def test_a_run_that_breaks_nothing_any_more_is_refused() -> None:
    found = Plant()(Recipe(BUSY, 7))

    class Mended(Plant):
        def is_broken(self, chosen: Scenario) -> bool:
            return False

    with pytest.raises(SettingsError, match="expected a run that breaks I8"):
        list(Shrinker(found, Mended()).attempts(9))


def test_an_expectation_is_kept_when_it_is_what_broke() -> None:
    class Strict(Plant):
        def is_broken(self, chosen: Scenario) -> bool:
            return "commit_s_max" in chosen.expect

    small = shrunk(Strict("expect commit_s_max", 40_000)).best.recipe.scenario

    assert dict(small.expect) == {"commit_s_max": 9}
    assert (small.peers, small.seconds, small.faults) == (1, 1, ())


def test_an_expectation_that_could_not_be_judged_is_another_failure() -> None:
    """Without the blackout nobody waits for light again: that is not what was slow."""

    class Slow(Plant):
        def __call__(self, recipe: Recipe) -> Replay:
            restarts = any(fault.kind == "blackout" for fault in recipe.scenario.faults)
            detail = "found 9, expected 1" if restarts else "found None, expected 1"
            violation = Violation("expect recommit_s_max", 40_000, -1, detail)
            return Replay(recipe, "c", HASH, HASH, (), (violation,))

    small = shrunk(Slow()).best.recipe.scenario

    assert [fault.kind for fault in small.faults] == ["blackout"]


def test_what_was_conceded_is_not_what_is_looked_for() -> None:
    class Forked(Plant):
        def __call__(self, recipe: Recipe) -> Replay:
            conceded = Violation("I3", 900, 1, "a fork", is_conceded=True)
            found = super().__call__(recipe)
            return replace(found, violations=(conceded, *found.violations))

    shrinker = shrunk(Forked("expect views_max"))

    assert shrinker.rule == "expect views_max"
    assert shrinker.best.recipe.scenario.peers == 3
    assert [one.is_conceded for one in shrinker.best.violations] == [True, False]


def test_a_rule_that_is_conceded_in_the_smaller_run_is_not_broken_there() -> None:
    """With fewer people the villains are more than f: then nobody promised it."""

    class FewerThanTen(Plant):
        def __call__(self, recipe: Recipe) -> Replay:
            is_conceded = recipe.scenario.peers < 10
            return Replay(
                recipe, "c", HASH, HASH, (), (Violation("I3", 21_400, 1, "fork", is_conceded),)
            )

    assert shrunk(FewerThanTen()).best.recipe.scenario.peers == 12


def test_a_run_that_cannot_be_is_not_tried_and_ends_nothing() -> None:
    """Two circles of one place need somebody in the first; a recording has its people."""

    class Impossible(Plant):
        def __call__(self, recipe: Recipe) -> Replay:
            if recipe.scenario.peers < 40:
                raise SettingsError("--peers: expected more")
            return super().__call__(recipe)

    plant = Impossible()
    shrinker = shrunk(plant)

    assert shrinker.is_minimal
    assert shrinker.best.recipe.scenario.peers == 50
    assert shrinker.tries == len(plant.ran) - 1
    assert [fault.kind for fault in shrinker.best.recipe.scenario.faults] == ["split"]


def test_a_file_whose_run_cannot_be_is_refused() -> None:
    def impossible(_recipe: Recipe) -> Replay:
        raise SettingsError("contacts.dat: cannot be read")

    with pytest.raises(SettingsError, match=r"contacts\.dat: cannot be read"):
        list(Shrinker(Plant()(Recipe(BUSY, 7)), impossible).attempts(9))


def test_a_planted_bug_of_a_real_city_shrinks_to_what_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Devices oversleep by 200 ms once they were restarted: only the blackout matters."""
    in_time = Peer.next_wake_ns

    class Sleepy(Peer):
        def next_wake_ns(self) -> int:
            return in_time(self) + 200_000_000

    def recorded(recipe: Recipe) -> Replay:
        def make(device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer:
            peer = city.make_peer(device, journal, now_ns)
            if device.boots > 1:
                assert isinstance(peer, Peer)
                peer.__class__ = Sleepy
            return peer

        city = settle(recipe, crowd(recipe), make)
        city.run()
        report(city)
        return replay.of(recipe, city)

    chosen = replace(BUSY, peers=16, seconds=34)
    found = recorded(Recipe(chosen, 3))
    rule = found.violations[0].rule
    assert rule == "I8"
    shrinker = Shrinker(found, recorded)
    for _ in shrinker.attempts(40):
        pass
    small = shrinker.best.recipe.scenario

    assert [fault.kind for fault in small.faults] == ["blackout"]
    assert small.peers <= 4
    assert small.seconds < 34
    assert shrinker.best.violations[0].rule == rule
    assert recorded(shrinker.best.recipe) == shrinker.best


IMPOSSIBLE = """summary = "Nobody is as fast as that."
seconds = 12
peers = 9
[[fault]]
kind = "surge"
at_s = 8
spread_s = 1
copies = 3
[expect]
commit_s_max = 0.1
end_share_min = 0.1
"""


def test_the_command_shrinks_a_run_whose_expectation_is_impossible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rash.toml").write_text(IMPOSSIBLE)

    assert main(["run", "rash.toml", "--seed", "5"]) == 1
    err = capsys.readouterr().err
    assert "smilesim replay rash-p9-s5.replay.toml" in err
    assert main(["shrink", "rash-p9-s5.replay.toml"]) == 0
    captured = capsys.readouterr()

    assert "looking for the smallest run that breaks expect commit_s_max" in captured.err
    assert "still broken  12 -> 6 seconds" in captured.err
    assert captured.out.endswith("to repeat it: smilesim replay rash-p9-s5-small.replay.toml\n")
    small = replay.read(Path("rash-p9-s5-small.replay.toml"))
    assert small.recipe.scenario.peers <= 4
    assert small.recipe.scenario.faults == ()
    assert dict(small.recipe.scenario.expect) == {"commit_s_max": 0.1}
    assert main(["replay", "rash-p9-s5-small.replay.toml"]) == 0
    assert capsys.readouterr().out.endswith("the same in every second\n")


def test_a_full_disk_keeps_nobody_from_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(tmp_path / "rash.toml").write_text(IMPOSSIBLE)
    record = str(tmp_path / "rash.replay.toml")
    main(["run", str(tmp_path / "rash.toml"), "--seed", "5", "--record", record])
    capsys.readouterr()

    assert main(["shrink", record, "--to", "/dev/full", "--tries", "2"]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0].startswith("expect commit_s_max is broken by 9 of 9 peers")
    assert "smilesim replay" not in captured.out
    assert captured.err.endswith("/dev/full: cannot be written: No space left on device\n")


def test_a_run_that_passed_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    passed = replay.record(Recipe(replace(scenario.load("calm"), peers=3, seconds=8), 4))
    assert passed.violations == ()
    path = tmp_path / "passed.toml"
    replay.write(path, passed)

    assert main(["shrink", str(path)]) == 2
    assert "expected a run that broke a rule" in capsys.readouterr().err
    conceded = Violation("I3", 900, 1, "a fork", is_conceded=True)
    replay.write(path, replace(passed, violations=(conceded,)))

    assert main(["shrink", str(path)]) == 2
    assert "passed.toml: expected a run that broke a rule; this one passed" in (
        capsys.readouterr().err
    )
