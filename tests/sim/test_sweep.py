"""Sweeps: the same whatever the number of processes, and nothing that fails goes unnoticed."""

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from smilesim import memory, recipe, swarm
from smilesim import sweep as sweep_module
from smilesim.main import main
from smilesim.scenario import SEED_MAX, Scenario
from smilesim.sweep import Order, Sweep, plan, sweep
from smilesim.sweepreport import SweepReport, sweep_report
from smilesync.errors import SettingsError
from support.jobs import run_or_die, run_or_hang

BRIEF = """summary = "Short, and nothing goes wrong."
seconds = 6
peers = 4
"""
HASTY = (
    BRIEF
    + """
[expect]
commit_s_max = 0.01
"""
)
ALONE = """summary = "Circles are cut in two."
seconds = 8
peers = 4

[[fault]]
kind = "split"
at_s = 3
heal_s = 5
lone_percent = 0
"""
FIELDS = (
    *(
        "scenario",
        "fidelity",
        "peers",
        "first_seed",
        "seeds",
        "seconds",
        "commit",
        "planned",
        "runs",
    ),
    *("failures", "gaps", "properties", "faults", "fault_kinds", "figures", "digest"),
    *("cpu_seconds", "wall_seconds", "seeds_per_core_hour", "verdict"),
)
TIMES = ("cpu_seconds", "wall_seconds", "seeds_per_core_hour")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scenario.toml"


def swept(planned: Sweep, processes: int = 2) -> SweepReport:
    sweep(planned, processes)
    return sweep_report(planned)


def run(*arguments: str) -> int:
    try:
        return main(["sweep", *arguments])
    except SystemExit as stop:
        return int(stop.code or 0)


def test_the_result_is_the_same_whatever_the_number_of_processes(file: Path) -> None:
    file.write_text(BRIEF)
    order = Order(str(file), (3, 5), range(7, 10))

    results = [swept(plan(order), processes) for processes in (1, 3)]

    for result in results:
        assert tuple(result) == FIELDS
        assert (result["planned"], result["runs"]) == (6, 6)
        assert result["seeds_per_core_hour"] > 0
        for name in TIMES:
            result[name] = 0.0  # type: ignore[literal-required]
        result["figures"]["real_time_factor"] = None
    assert results[0] == results[1]
    assert results[0]["figures"]["first_commit_s"] is not None
    assert results[0]["figures"]["first_commit_s"]["count"] > 20


def test_a_failure_names_the_command_and_the_file_that_repeat_it(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(HASTY)
    folder = tmp_path / "failures"
    arguments = ("--peers", "3,4", "--seeds", "2", "--first-seed", "5", "--failures", str(folder))

    code = run(str(file), *arguments, "--json", "-")

    result = json.loads(capsys.readouterr().out)
    assert code == 1
    assert result["verdict"] == "fail"
    found = [(one["peers"], one["seed"], one["rules"]) for one in result["failures"]]
    assert found == [(n, seed, ["expect commit_s_max"]) for n in (3, 4) for seed in (5, 6)]
    first = result["failures"][0]
    assert main([*shlex.split(first["replay"])[1:], "--json", "-"]) == 1
    again = json.loads(capsys.readouterr().out)
    assert again["digest"] == first["digest"]
    assert [one["rule"] for one in again["violations"]] == first["rules"]
    assert sorted(folder.iterdir()) == [Path(one["file"]) for one in result["failures"]]
    assert main(["replay", first["file"]]) == 0


def test_a_worker_that_dies_is_a_failed_run_with_its_seed(file: Path) -> None:
    file.write_text(BRIEF)
    planned = plan(Order(str(file), (2,), range(1, 5)))

    sweep(planned, 2, act=run_or_die)
    result = sweep_report(planned)

    assert result["runs"] == 4
    assert [(one["seed"], one["rules"]) for one in result["failures"]] == [
        (2, ["worker-died"]),
        (4, ["worker-died"]),
    ]
    assert all("a bug that nobody foresaw" in one["detail"] for one in result["failures"])
    assert result["verdict"] == "fail"


def test_a_run_that_hangs_is_a_failed_run_and_the_others_go_on(file: Path) -> None:
    """However often it is repeated: how far it came is no chance."""
    file.write_text(BRIEF)
    results = []

    for _ in range(2):
        planned = plan(Order(str(file), (2,), range(1, 5)))
        sweep(planned, 2, act=run_or_hang)
        results.append(sweep_report(planned))

    first, again = results
    assert first["runs"] == 4
    assert [(one["seed"], one["rules"]) for one in first["failures"]] == [
        (2, ["hang"]),
        (4, ["hang"]),
    ]
    assert all("ms: virtual time stands still" in one["detail"] for one in first["failures"])
    assert first["failures"] == again["failures"]


def test_a_kind_that_never_fired_and_a_fact_never_seen_fail_the_sweep(file: Path) -> None:
    file.write_text(ALONE)

    result = swept(plan(Order(str(file), (1,), range(1, 3))))

    assert result["failures"] == []
    assert {"rule": "fault-not-seen", "name": "split: cut-link"} in result["gaps"]
    assert {"rule": "never-seen", "name": "leader-changed"} in result["gaps"]
    assert result["verdict"] == "fail"


def test_what_a_scenario_cannot_bring_about_is_not_asked_of_it(file: Path) -> None:
    file.write_text(BRIEF)

    result = swept(plan(Order(str(file), (4,), range(1, 3))))

    found = {one["name"]: one["result"] for one in result["properties"]}
    assert found["restarted"] == found["slots-go-on"] == "not-asked"
    assert not {"restarted", "slots-go-on"} & {gap["name"] for gap in result["gaps"]}


def test_ctrl_c_reports_what_ran(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ordinary = sweep_module.work_off

    def interrupted(*arguments: object) -> Iterator[tuple[int, object]]:
        answers = ordinary(*arguments)  # type: ignore[arg-type]
        yield next(answers)
        answers.close()
        raise KeyboardInterrupt

    file.write_text(BRIEF)
    monkeypatch.setattr(sweep_module, "work_off", interrupted)

    code = run(str(file), "--peers", "2", "--seeds", "9", "--jobs", "1", "--json", "-")

    result = json.loads(capsys.readouterr().out)
    assert code == 1
    assert result["verdict"] == "interrupted"
    assert (result["planned"], result["runs"], result["gaps"]) == (9, 1, [])


def test_a_summary_for_people_ends_with_the_verdict(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(HASTY)

    code = run(str(file), "--peers", "2", "--seeds", "2")

    out = capsys.readouterr().out
    assert code == 1
    assert f"smilesim run {file} --peers 2 --seed 1\n" in out
    assert out.splitlines()[-1].startswith("verdict fail  2 runs, 2 failed")
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "expectation"),
    [
        (["doom", "--peers", "4", "--seeds", "1"], "expected one of"),
        (["calm", "--seeds", "1"], "--peers"),
        (["calm", "--peers", "4"], "--seeds"),
        (["calm", "--peers", "4,,7", "--seeds", "1"], "--peers: expected a whole number"),
        (["calm", "--peers", "0", "--seeds", "1"], "--peers: expected a whole number"),
        (["calm", "--peers", "4,4", "--seeds", "1"], "--peers: expected up to 100 different"),
        (["calm", "--peers", "4", "--seeds", "0"], "--seeds: expected a whole number from 1"),
        (["calm", "--peers", "4", "--seeds", "1", "--jobs", "0"], "--jobs: expected a whole"),
        (["calm", "--peers", "4", "--seeds", "1", "--first-seed", "x"], "--first-seed: expected"),
        (["calm", "--peers", "4", "--seeds", "1", "--seed", "3"], "unrecognized arguments"),
        (
            ["split", "--peers", "4", "--seeds", "1", "--seconds", "9"],
            "--seconds 9: expected 20 at least",
        ),
        (["calm", "--peers", "4", "--seeds", "1", "--fidelity", "x"], "--fidelity: expected one"),
        (
            ["calm", "--peers", "4", "--seeds", "3", "--first-seed", str(SEED_MAX - 1)],
            f"--first-seed {SEED_MAX - 1}: expected at most {SEED_MAX - 2} for 3 seeds",
        ),
        (["swarm", "--peers", "4", "--seeds", "9", "--seconds", "9"], " is over, with seed "),
        (["calm", "--peers", "4", "--seeds", "2", "--villains", "1"], "--villains 1: expected a"),
        (["merge", "--peers", "3,7", "--seeds", "1"], "--peers 3: expected more than the 3 of"),
        (["consensus", "--peers", "7,65", "--seeds", "2"], "--peers 65: expected 64 at most"),
        (["calm", "--peers", "4", "--seeds", "1", "--json", "/no/file"], "--json /no/file"),
        (["calm", "--peers", "4", "--seeds", "1", "--failures", "/dev/null/x"], "--failures"),
    ],
)
def test_bad_input_is_refused_in_one_line_with_exit_2(
    arguments: Sequence[str],
    expectation: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep_module, "work_off", lambda *_: pytest.fail("it ran"))

    code = run(*arguments)

    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert expectation in captured.err


def test_millions_of_seeds_are_planned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run is planned when a worker takes it: what is written once is read once."""
    read: list[int] = []
    resolve = swarm.resolve

    def counted(name: str, seed: int) -> Scenario:
        read.append(seed)
        return resolve(name, seed)

    monkeypatch.setattr(swarm, "resolve", counted)

    for name, most in (("calm", 1), ("swarm", 5)):
        read.clear()
        planned = plan(Order(name, (4, 7), range(5, 2_000_005)))
        assert len(planned.jobs) == 4_000_000
        last = planned.jobs[-1]
        assert (last.recipe.seed, last.recipe.scenario.peers) == (2_000_004, 7)
        assert [job.recipe.seed for job in planned.jobs[1_999_999:2_000_001]] == [2_000_004, 5]
        assert len(read) <= most


def test_villains_turn_where_voters_do_and_the_others_run_without() -> None:
    turning = [seed for seed in range(1, 60) if recipe.has_turning(swarm.draw(seed))]
    assert 0 < len(turning) < 59

    for job in plan(Order("swarm", (4,), range(1, 60), villains=2)).jobs:
        has_villains = job.recipe.seed in turning
        assert job.recipe.scenario.villains == (2 if has_villains else None)
        assert ("--villains 2" in job.command) is has_villains

    alone = next(seed for seed in range(1, 60) if seed not in turning)
    with pytest.raises(SettingsError, match="--villains 2: expected a seed with which voters turn"):
        plan(Order("swarm", (4,), range(alone, alone + 1), villains=2))


def test_people_who_cannot_be_are_refused_before_anything_runs(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "work_off", lambda *_: pytest.fail("it ran"))
    file.write_text(BRIEF + "one_circle = 1\ncircle_size = 3\n")

    assert run(str(file), "--peers", "4", "--seeds", "1") == 2
    assert "circle_size 3: expected none where" in capsys.readouterr().err


def test_what_does_not_fit_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_mib", lambda _: 100)
    monkeypatch.setattr(sweep_module, "work_off", lambda *_: pytest.fail("it ran"))

    assert run("calm", "--peers", "4", "--seeds", "9", "--jobs", "3") == 2

    assert "expected fewer --jobs or --peers" in capsys.readouterr().err


def test_what_is_read_or_holds_a_replay_is_not_written(
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep_module, "work_off", lambda *_: pytest.fail("it ran"))
    file.write_text(BRIEF)
    asked = (str(file), "--peers", "4", "--seeds", "1")

    assert run(*asked, "--json", str(file)) == 2
    assert f"--json {file}: expected another file, this one is read" in capsys.readouterr().err
    assert file.read_text() == BRIEF
    stored = tmp_path / "stored"
    assert run(*asked, "--failures", str(stored), "--json", str(stored / "any.toml")) == 2
    assert "any.toml: expected another file, replays in --failures" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["blackout", "split"])
def test_a_sweep_of_a_written_scenario_leaves_nothing_untested(name: str) -> None:
    result = swept(plan(Order(name, (4, 7, 16), range(1, 5))))

    assert result["failures"] == []
    assert result["gaps"] == []
    assert (result["runs"], result["verdict"]) == (12, "pass")


@pytest.mark.slow
def test_dozens_of_drawn_scenarios_hold_every_promise() -> None:
    """Prints the command that repeats each failure; few seeds do not draw every kind of fault."""
    result = swept(plan(Order("swarm", (4, 7, 16), range(1, 17))))

    assert [(one["replay"], one["rules"]) for one in result["failures"]] == []
    assert result["runs"] == 48


def test_a_replay_that_cannot_be_written_leaves_the_verdict(file: Path, tmp_path: Path) -> None:
    file.write_text(HASTY)
    planned = plan(Order(str(file), (3,), range(5, 6), failures=tmp_path))
    assert planned.jobs[0].file is not None
    planned.jobs[0].file.mkdir()

    done = sweep_module.run_one(planned.jobs[0])

    assert done.rules == ("expect commit_s_max",)
    assert done.digest
    assert done.file is None
    assert f"{planned.jobs[0].file}: cannot be written: Is a directory" in done.detail


def test_a_run_and_a_sweep_refuse_the_same_seconds(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(ALONE)
    sizes = ("--peers", "4", "--seeds", "1")
    for seconds in ("3", "4"):
        assert run(str(file), *sizes, "--seconds", seconds) == main(
            ["run", str(file), "--seconds", seconds]
        )
        one, other = capsys.readouterr().err.splitlines()[:2]
        assert one == other
    assert plan(Order(str(file), (4,), range(1), seconds=5)).jobs
