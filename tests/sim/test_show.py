"""`smilesim show` draws a scenario, prints it for programs, and writes it as a file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from smilesim import scenario, swarm, timeline
from smilesim.faults.table import KINDS
from smilesim.main import main


def lines_of(name: str, width: int, seed: int = 1) -> list[str]:
    return [line.plain for line in timeline.drawn(swarm.resolve(name, seed), width)]


@pytest.mark.parametrize("name", [*scenario.names(), *scenario.DRAWN])
def test_no_line_is_wider_than_the_terminal(name: str) -> None:
    for width in (60, 80, 100):
        lines = lines_of(name, width)
        assert max(map(len, lines)) <= width, max(lines, key=len)
        assert lines[0].startswith(name)


def test_a_bar_stands_over_the_time_of_its_fault() -> None:
    lines = lines_of("split", 79)
    chosen = scenario.load("split")
    columns = 79 - timeline.LABEL
    axis = next(line for line in lines if line.strip().startswith("0 s"))
    bar = next(line for line in lines if "█" in line)[timeline.LABEL :]

    assert len(bar) == columns
    assert bar.index("█") == int(columns * 6 / chosen.seconds)
    assert bar.count("█") == round(columns * 20 / chosen.seconds) - bar.index("█")
    assert axis[timeline.LABEL + columns * 10 // chosen.seconds :].startswith("10")


def test_the_shortest_fault_at_the_very_end_has_a_bar() -> None:
    text = 'summary = ""\nseconds = 86400\npeers = 9\n[[fault]]\nkind = "pauses"\nat_s = 86399\n'
    parsed = scenario.parse("late", text + "spread_s = 0\npause_s = 0.5", "late.toml")

    assert any(line.plain.endswith("·█") for line in timeline.drawn(parsed, 80))


def test_what_is_expected_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "blackout"]) == 0
    shown = " ".join(capsys.readouterr().out.split())

    assert "at least 100 % of those able for 7 s show certified light at the end" in shown
    assert "at most 8 s from power-up to certified light" in shown
    assert "in peace" in shown


def test_a_scenario_for_programs_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "blackout", "--json"]) == 0

    result = json.loads(capsys.readouterr().out)
    loaded = scenario.load("blackout")
    assert result["name"] == "blackout"
    assert result["digest"] == scenario.digest(loaded)
    assert result["weather"]["loss_percent"] == 1
    assert result["faults"][0]["numbers"] == dict(loaded.faults[0].numbers)
    assert result["faults"][0]["over_s"] == result["healed_s"] == pytest.approx(11.1)
    assert result["expect"] == dict(loaded.expect)


@pytest.mark.parametrize("name", [*scenario.names(), *scenario.DRAWN])
def test_the_file_that_is_printed_says_the_same(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["show", name, "--toml", "--seed", "5"]) == 0
    path = tmp_path / "again.toml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")

    again = replace(scenario.load(str(path)), name=name)
    assert again == swarm.resolve(name, 5)


def test_every_kind_is_listed_with_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--kinds"]) == 0
    shown = capsys.readouterr().out

    for name, kind in KINDS.items():
        assert f"  {name} " in shown
        assert all(key.name in shown for key in kind.keys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show"], "show: expected a scenario, or --kinds"),
        (["show", "doom"], "expected one of absence"),
        (["show", "none.toml"], "none.toml: cannot be read"),
        (["show", "calm", "--json", "--toml"], "not allowed with"),
        (["show", "swarm", "--seed", "-1"], "expected a whole number"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as exit_:
        code = int(str(exit_.code))

    captured = capsys.readouterr()
    assert code == 2
    assert said in captured.err
    assert captured.out == ""
