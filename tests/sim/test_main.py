"""The command line: refuses before it runs, reports what ran, exits 0, 1 or 2."""

import json
from pathlib import Path

import pytest

from smilesim import city as city_module
from smilesim.main import main
from smilesim.world import World

FIELDS = [
    "scenario",
    "peers",
    "seed",
    "commit",
    "virtual_seconds",
    "wall_seconds",
    "cpu_seconds",
    "deliveries",
    "digest",
    "violations",
    "faults",
    "figures",
    "verdict",
]


def test_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0

    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["blackout", "calm", "split", "surge"]


def test_json_has_exactly_the_documented_fields(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", "calm", "--peers", "14", "--seed", "7", "--json", "-"])

    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert list(result) == FIELDS
    assert code == 0
    assert (result["scenario"], result["peers"], result["seed"]) == ("calm", 14, 7)
    assert result["verdict"] == "pass"
    assert result["violations"] == []
    assert result["virtual_seconds"] == 20
    assert result["deliveries"] > 1_000
    assert len(result["digest"]) == 64
    assert captured.err == ""
    readme = (Path(__file__).parents[2] / "sim" / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in [*FIELDS, *result["figures"]])


def test_without_json_a_summary_for_people_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    code = main(["run", "calm", "--peers", "7", "--seconds", "12", "--json", str(file)])

    out = capsys.readouterr().out
    assert code == 0
    assert out.startswith("calm: 7 peers, seed 1, 12.0 virtual seconds")
    assert out.endswith("verdict pass\n")
    assert list(json.loads(file.read_text())) == FIELDS


def test_a_contact_recording_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        f"{t}\t{i}\t{j}\n"
        for t in range(0, 60, 20)
        for group in (range(1, 8), range(11, 16))
        for i in group
        for j in group
        if i < j
    ]
    file = tmp_path / "contacts.dat"
    file.write_text("".join(lines))

    code = main(["run", "split", "--contacts", str(file), "--json", "-"])

    result = json.loads(capsys.readouterr().out)
    assert code == 0, result["violations"]
    assert result["peers"] == 12
    assert result["figures"]["circles"] == 2


@pytest.mark.parametrize(
    ("arguments", "expectation"),
    [
        (["run", "doom"], "expected one of blackout, calm, split, surge"),
        (["run", "calm", "--peers", "0"], "--peers: expected a whole number from 1 to 1000000"),
        (["run", "calm", "--peers", "many"], "--peers: expected a whole number"),
        (["run", "calm", "--peers", "1000001"], "--peers: expected a whole number"),
        (["run", "calm", "--seed", "-1"], "--seed"),
        (["run", "calm", "--seconds", "1.5"], "--seconds: expected a whole number"),
        (["run", "blackout", "--seconds", "3"], "--seconds 3: blackout needs more than"),
        (["run", "split", "--seconds", "15"], "--seconds 15: split needs more than 20"),
        (["run", "calm", "--contacts", "/nowhere/at/all"], "/nowhere/at/all: cannot be read"),
        (["run", "calm", "--json", "/nowhere/at/all"], "--json /nowhere/at/all: cannot be written"),
        (["run"], "scenario"),
        ([], "command"),
        (["dance"], "dance"),
    ],
)
def test_bad_input_is_refused_in_one_line_with_exit_2(
    arguments: list[str],
    expectation: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(city_module.City, "run", lambda *_: pytest.fail("it ran"))
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = int(stop.code or 0)

    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert expectation in captured.err


def test_ctrl_c_reports_what_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ordinary = World.run_to

    def interrupted(world: World, tick: int) -> None:
        ordinary(world, min(tick, 2_000))
        if world.tick >= 2_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(World, "run_to", interrupted)

    code = main(["run", "calm", "--peers", "7", "--json", "-"])

    result = json.loads(capsys.readouterr().out)
    assert code == 1
    assert result["verdict"] == "interrupted"
    assert result["virtual_seconds"] == 2
    assert result["deliveries"] > 0
