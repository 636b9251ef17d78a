"""The command line: refuses before it runs, reports what ran, exits 0, 1 or 2."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from smilesim import checkpoint, memory, scenario
from smilesim import city as city_module
from smilesim.main import main
from smilesim.world import World

FIELDS = [
    "scenario",
    "fidelity",
    "peers",
    "seed",
    "seconds",
    "commit",
    "virtual_seconds",
    "wall_seconds",
    "cpu_seconds",
    "deliveries",
    "digest",
    "digest_by_second",
    "violations",
    "properties",
    "faults",
    "fault_kinds",
    "figures",
    "verdict",
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails writes its replay file where it is; that is not to be the checkout."""
    monkeypatch.chdir(tmp_path)


def test_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0

    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [*scenario.names(), *scenario.DRAWN]


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
    assert re.fullmatch(r"smilesim: 14 peers will need about \d+ MiB of memory\n", captured.err)
    sim = Path(__file__).parents[2] / "sim"
    papers = [sim / "README.md", *sorted((sim / "docs").glob("*.md"))]
    said = "".join(paper.read_text(encoding="utf-8") for paper in papers)
    assert [name for name in [*FIELDS, *result["figures"]] if f"`{name}`" not in said] == []


def test_without_json_a_summary_for_people_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    code = main(["run", "calm", "--peers", "7", "--seconds", "12", "--json", str(file)])

    out = capsys.readouterr().out
    assert code == 0
    assert out.startswith("scenario      calm, 7 peers, seed 1, 12 virtual s")
    assert out.splitlines()[-1].startswith("verdict pass")
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
        (["run", "doom"], f"expected one of {', '.join(scenario.names())}, swarm"),
        (["run", "calm", "--peers", "0"], "--peers: expected a whole number from 1 to 1000000"),
        (["run", "calm", "--peers", "many"], "--peers: expected a whole number"),
        (["run", "calm", "--peers", "1000001"], "--peers: expected a whole number"),
        (["run", "calm", "--seed", "-1"], "--seed"),
        (["run", "calm", "--seconds", "1.5"], "--seconds: expected a whole number"),
        (["run", "calm", "--seed", "9" * 5_000], "--seed: expected a whole number from 0 to"),
        (
            ["run", "blackout", "--seconds", "3"],
            "--seconds 3: expected 11.1 at least, when blackout",
        ),
        (
            ["run", "split", "--seconds", "15"],
            "--seconds 15: expected 20 at least, when split is over",
        ),
        (["run", "calm", "--contacts", "/nowhere/at/all"], "/nowhere/at/all: cannot be read"),
        (["run", "calm", "--json", "/nowhere/at/all"], "--json /nowhere/at/all: cannot be written"),
        (["run", "calm", "--fidelity", "vague"], "--fidelity: expected one of tagged, fast"),
        (["run", "calm", "--fidelity", "daemon", "--peers", "1001"], "--fidelity daemon: expected"),
        (["run", "calm", "--record", "/nowhere/at/all"], "--record /nowhere/at/all: cannot be"),
        (["run", "nowhere.toml"], "nowhere.toml: cannot be read"),
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


def test_a_city_that_does_not_fit_is_refused_before_it_settles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "available_mib", lambda _: 3)
    monkeypatch.setattr(city_module.City, "__init__", lambda *_, **__: pytest.fail("it settled"))

    assert main(["run", "calm", "--peers", "9"]) == 2

    err = capsys.readouterr().err
    assert re.fullmatch(
        r"smilesim: 9 peers need about \d+ MiB of memory, 3 MiB are free; expected fewer --peers\n",
        err,
    )


def test_ctrl_c_in_a_real_process_reports_what_ran_and_what_was_stored_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first checkpoint tells that the city lives."""
    stored = tmp_path / "calm-p7-s1-at00001.checkpoint"
    plain = ["run", "calm", "--peers", "7", "--seconds", "80000", "--json", "-"]
    storing = ["--checkpoint-every", "1", "--checkpoint-to", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "smilesim.main", *plain, *storing],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not stored.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()

    result = json.loads(out)
    assert process.returncode == 1
    assert result["verdict"] == "interrupted"
    assert 1 <= result["virtual_seconds"] < 80_000
    assert err.splitlines()[-1] == "smilesim: interrupted: neither recorded nor compared"
    resumed = checkpoint.read(stored).city
    resumed.end_tick = 2_000
    resumed.run()
    if result["virtual_seconds"] >= 2:
        assert resumed.trace.seconds == tuple(result["digest_by_second"][:2])


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "smilesim.main", "list"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()

    assert err == ""


def ended(*command: str, stdout: str = os.devnull) -> tuple[int, list[str]]:
    """Return how a process of its own ended, and its lines on standard error."""
    with Path(stdout).open("w") as out:
        done = subprocess.run(
            [sys.executable, *command],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    "command", ["list", "list --json", "show calm", "run calm --peers 3 --seconds 9"]
)
def test_a_closed_output_is_where_nothing_is_read(command: str) -> None:
    done = with_closed(f"{command} >&-")

    assert done.returncode == 0
    assert [line for line in done.stderr.splitlines() if "will need" not in line] == []


def test_remarks_do_not_go_to_the_report_when_standard_error_is_closed() -> None:
    done = with_closed("run calm --peers 3 --seconds 9 --json - 2>&-")

    assert done.returncode == 0
    assert json.loads(done.stdout)["verdict"] == "pass"


def with_closed(command: str) -> subprocess.CompletedProcess[str]:
    """Return how a command line of the shell ended."""
    return subprocess.run(
        ["sh", "-c", f"exec {shlex.quote(sys.executable)} -m smilesim.main {command}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_full_disk_is_told_in_one_line() -> None:
    command = ("-m", "smilesim.main", "list")

    assert ended(*command, stdout="/dev/full") == (
        1,
        ["smilesim: output: No space left on device"],
    )
    assert ended(*command, "--json", "/dev/full") == (
        1,
        ["smilesim: /dev/full: No space left on device"],
    )


def test_ctrl_c_while_modules_are_loaded_is_answered() -> None:
    code = """
import sys, smilesim.main
class Hand:
    def find_spec(self, name, *_):
        if name == "smilesim.commands.list":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Hand())
sys.exit(smilesim.main.main(["list"]))
"""
    line = "smilesim: interrupted before there was anything to report"
    assert ended("-c", code) == (1, [line])


def test_no_memory_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(city_module.City, "run", fail)

    assert main(["run", "calm", "--peers", "3"]) == 1
    assert capsys.readouterr().err.splitlines()[1:] == [
        "smilesim: out of memory; expected fewer --peers"
    ]


def test_what_is_read_is_not_written_and_a_refusal_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, new = tmp_path / "mine.toml", tmp_path / "new.json"
    path.write_text("")

    for option in ("--record", "--json"):
        assert main(["run", str(path), option, str(path)]) == 2
        expected = f"{option} {path}: expected another file, this one is read"
        assert expected in capsys.readouterr().err
    assert main(["run", "doom", "--json", str(new)]) == 2
    assert not new.exists()


def test_two_outputs_are_two_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(city_module.City, "run", lambda *_: pytest.fail("it ran"))
    both = str(tmp_path / "both")
    asked = ["run", "calm", "--peers", "3"]

    assert main([*asked, "--record", both, "--json", str(tmp_path / "." / "both")]) == 2
    assert f"--record {both}: expected another file than --json" in capsys.readouterr().err
    assert not Path(both).exists()
    # A failing run is recorded without being asked to.
    assert main([*asked, "--json", "calm-p3-s1.replay.toml"]) == 2
    assert "expected another file than the replay of a failing run" in capsys.readouterr().err


def test_a_file_has_not_the_name_of_what_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "swarm.toml"
    path.write_text(scenario.render(scenario.load("calm")))

    assert main(["run", str(path)]) == 2
    assert "swarm.toml: expected another name" in capsys.readouterr().err


def test_a_name_that_looks_like_an_option_is_suggested_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    hasty = replace(scenario.load("calm"), seconds=1, peers=2)
    Path("-x.toml").write_text(scenario.render(hasty))

    assert main(["run", "./-x.toml"]) == 1

    suggested = capsys.readouterr().err.splitlines()[-2].partition("smilesim replay ")[2]
    assert main(["replay", suggested]) == 0


def test_the_list_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert main(["list"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60
