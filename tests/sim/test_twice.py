"""A run made twice: the same everywhere, or caught in the first second that differs."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from smilesim import replay, scenario, twice
from smilesim.main import main
from smilesim.recipe import Recipe
from smilesim.violations import Violation

LEAK = '''
"""Plants a bug that hash order decides: names of people in a set, drawn from by its order."""
import smilesim.world

first = next(iter({"ada", "grace", "hedy", "joan", "margaret", "radia", "sophie", "stefanie"}))
honest = smilesim.world.World.connect_soon


def connect_soon(self, device, others):
    if self.tick > 8_000:
        self.wheel.tick  # the leak begins with the blackout, in the ninth second
        others = [one for one in others if one % 8 != len(first)]
    honest(self, device, others)


smilesim.world.World.connect_soon = connect_soon
'''


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails writes its replay file where it is; that is not to be the checkout."""
    monkeypatch.chdir(tmp_path)


def test_a_run_is_the_same_in_another_process() -> None:
    chosen = replace(scenario.load("blackout"), peers=7, seconds=14)

    assert twice.run_again(replay.record(Recipe(chosen, 4))) == (True, None)


def test_a_difference_is_found_in_its_second() -> None:
    first = replay.record(Recipe(replace(scenario.load("calm"), peers=3, seconds=3), 4))
    digests = (first.digest_by_second[0], "0" * 16, "0" * 16)

    assert twice.run_again(replace(first, digest_by_second=digests)) == (False, 2)


def test_the_same_trace_judged_otherwise_is_not_the_same() -> None:
    first = replay.record(Recipe(replace(scenario.load("calm"), peers=3, seconds=9), 4))
    broken = (Violation("I1", 5, 0, "never happened"),)

    assert first.violations == ()
    assert twice.run_again(replace(first, violations=broken)) == (False, None)


@pytest.mark.parametrize("option", ["plain", "json"])
def test_the_command_says_that_nothing_differs(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--json", "-"] if option == "json" else []

    assert main(["run", "calm", "--peers", "3", "--seconds", "9", "--twice", *more]) == 0

    captured = capsys.readouterr()
    assert "run twice: the same" in captured.err
    if option == "json":
        assert json.loads(captured.out)["twice"] == {
            "is_same": True,
            "first_difference_s": None,
        }


def test_an_order_that_hashes_decide_is_caught(tmp_path: Path) -> None:
    """Both processes have the planted bug; only their hash seeds differ."""
    (tmp_path / "sitecustomize.py").write_text(LEAK)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
        "PYTHONHASHSEED": "0",
    }

    done = subprocess.run(
        [sys.executable, "-m", "smilesim.main", "run", "blackout", "--peers", "14", "--twice"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert "run twice: NOT the same, from virtual second " in done.stderr
    second = int(done.stderr.split("virtual second ")[1].split()[0])
    assert second >= 9


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt(), "run twice: interrupted, not compared"),
        (subprocess.CalledProcessError(2, "smilesim"), "the other process ended with 2"),
    ],
)
def test_a_second_run_that_says_nothing_is_no_success(
    error: BaseException,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(twice, "run_again", fail)

    code = main(["run", "calm", "--peers", "3", "--seconds", "9", "--twice", "--json", "-"])

    captured = capsys.readouterr()
    assert code == 1
    assert said in captured.err
    assert json.loads(captured.out)["twice"] == {"is_same": None, "first_difference_s": None}
    assert json.loads(captured.out)["verdict"] == "pass"
