"""Every command that starts a city says how much memory that needs, and refuses what has no room.

The estimate is of the crowd that the scenario has, and made before a large one is built.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from smilesim import checkpoint, memory, recipe, replay, scenario, sweep
from smilesim.checkpoint import Keeper
from smilesim.city import City
from smilesim.commands import room
from smilesim.crowd import Crowd, district
from smilesim.main import main
from smilesim.recipe import Recipe
from smilesim.scenario import Scenario
from smilesim.violations import Violation

ALIKE = 0.08
"""A part of a crowd has a little more of its edges and of its voters than the whole."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails writes its replay file where it is; that is not to be the checkout."""
    monkeypatch.chdir(tmp_path)


def small(name: str = "calm", **changes: object) -> Scenario:
    chosen = scenario.load(name)
    return replace(chosen, peers=3, seconds=2, expect={}, **changes)  # type: ignore[arg-type]


def needed(asked: Recipe) -> int:
    return memory.estimate_mib(recipe.crowd(asked))


@pytest.mark.parametrize(
    ("name", "peers", "circle_size"),
    [
        ("calm", 3, 0),
        ("calm", 5_000, 0),
        ("calm", 1_500, 40),
        ("calm", 1_200, 1_200),
        ("two-circles", 4_000, 0),
        ("goodcase", 60, 0),
    ],
)
def test_a_part_of_a_crowd_tells_what_all_of_it_needs(
    name: str, peers: int, circle_size: int
) -> None:
    chosen = replace(scenario.load(name), peers=peers, circle_size=circle_size)
    asked = Recipe(chosen, 7)

    assert room.needed_mib(asked) == pytest.approx(needed(asked), rel=ALIKE)


def test_tasks_of_the_daemon_need_more() -> None:
    chosen = replace(scenario.load("calm"), peers=900)

    assert room.needed_mib(Recipe(chosen, 1)) == pytest.approx(84, rel=0.05)
    assert room.needed_mib(Recipe(chosen, 1, "daemon")) == pytest.approx(134, rel=0.05)


def test_a_large_crowd_that_does_not_fit_is_never_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def at_most(peers: int, seed: int) -> Crowd:
        assert peers <= recipe.SAMPLE_PEERS
        return district(peers, seed)

    monkeypatch.setattr(recipe, "district", at_most)
    monkeypatch.setattr(memory, "available_mib", lambda _: 3_000)

    assert main(["run", "calm", "--peers", "1000000"]) == 2
    assert "1000000 peers need about " in capsys.readouterr().err
    # The same people, though many are there twice.
    assert main(["run", "two-circles", "--peers", "1000000"]) == 2
    assert "1000000 peers need about " in capsys.readouterr().err


def commands(tmp_path: Path) -> dict[str, Sequence[str]]:
    """Return every way to start a city of three people."""
    asked = Recipe(small(), 4)
    broken = replace(replay.record(asked), violations=(Violation("I8", 17, 2, "shown"),))
    replay.write(tmp_path / "broken.toml", broken)
    city = recipe.settle(asked, recipe.crowd(asked))
    city.run(probes=[Keeper(asked, 1, tmp_path, pytest.fail)])
    stored = tmp_path / checkpoint.file_name(asked, 1)
    return {
        "run": ("run", "calm", "--peers", "3", "--seconds", "2"),
        "resume": ("run", "--resume", str(stored)),
        "replay": ("replay", str(tmp_path / "broken.toml")),
        "shrink": ("shrink", str(tmp_path / "broken.toml"), "--tries", "1"),
        "sweep": ("sweep", "calm", "--peers", "3", "--seeds", "1", "--seconds", "2"),
    }


def test_every_command_says_what_it_needs_and_refuses_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needed_mib = needed(Recipe(small(), 4))
    asked = commands(tmp_path)
    monkeypatch.setattr(City, "run", lambda *_: pytest.fail("it ran"))
    monkeypatch.setattr(sweep, "work_off", lambda *_: pytest.fail("it ran"))
    monkeypatch.setattr(memory, "available_mib", lambda _: needed_mib - 1)
    monkeypatch.setattr(checkpoint, "_unpickled", lambda *_: pytest.fail("it was loaded"))
    refused = {}
    for name, line in asked.items():
        assert main(line) == 2
        refused[name] = capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "available_mib", lambda _: needed_mib)
    said = {}
    for name, line in asked.items():
        main(line)
        said[name] = capsys.readouterr().err.splitlines()[0]

    who = dict.fromkeys(asked, "3 peers")
    who |= {"resume": "what is stored", "sweep": "1 city of up to 3 peers"}
    for name in asked:
        need = f"smilesim: {who[name]} need about {needed_mib} MiB of memory, {needed_mib - 1} MiB"
        assert refused[name].startswith(need)
        assert said[name] == f"smilesim: {who[name]} will need about {needed_mib} MiB of memory"


def test_a_sweep_needs_room_for_its_largest_cities_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sweep, "work_off", lambda *_: iter(()))
    asked = Recipe(small("festival-churn"), 1)
    few, many = (needed(replace(asked, scenario=replace(asked.scenario, peers=n))) for n in (5, 90))

    line = ("sweep", "festival-churn", "--peers", "5,90", "--seeds", "2", "--jobs")
    for jobs, each in ((1, (many,)), (2, (many, many)), (3, (many, many, few))):
        main([*line, str(jobs)])
        assert f" at once of up to 90 peers will need about {sum(each)} MiB" in (
            capsys.readouterr().err.replace("1 city of", "1 at once of")
        )


def test_a_run_that_is_made_twice_needs_room_for_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needed_mib = needed(Recipe(small(), 4))
    monkeypatch.setattr(memory, "available_mib", lambda _: 2 * needed_mib - 1)

    assert main(["run", "calm", "--peers", "3", "--twice"]) == 2
    assert f"3 peers, run twice, need about {2 * needed_mib} MiB" in capsys.readouterr().err
