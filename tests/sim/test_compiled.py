"""The compiled build does what Python's own code does, to the bit, and says where it cannot."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smilesim import origin
from smilesim.main import main
from support import builds
from support.builds import ROOT, RUNS, reported

FAST = ROOT / ".venv-fast" / "bin"
ASK = "from smilesim import origin; print(origin.is_compiled(), origin.code_hash())"

DECODE = """
import json, sys
from smilesync.errors import Malformed
from smilesync.wire import cbor
for case in json.load(open(sys.argv[1]))["cases"]:
    try:
        cbor.decode(bytes.fromhex(case["given"]["cbor"]))
        print(None)
    except Malformed as error:
        print(error.rule)
"""


def started(program: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return builds.started(FAST / program, *arguments, cwd=cwd)


def stale() -> str:
    if not (FAST / "smilesim").exists():
        return "there is no compiled build: make fast"
    said = started("python", "-c", ASK).stdout.split()
    if said != ["True", origin.code_hash()]:
        return "the compiled build is of other sources: make fast"
    return ""


STALE = stale()
pytestmark = pytest.mark.skipif(bool(STALE), reason=STALE)


@pytest.mark.parametrize(
    ("name", "fidelity"), [*((name, "fast") for name in RUNS), ("calm", "tagged")]
)
def test_a_run_is_the_same_to_the_bit(
    name: str, fidelity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("run", name, *RUNS[name], "--seed", "5", "--fidelity", fidelity, "--json", "-")
    compiled = started("smilesim", *asked)
    main(asked)
    assert reported(compiled.stdout) == reported(capsys.readouterr().out)


def test_bytes_of_no_type_that_the_code_names_are_refused_as_ever() -> None:
    vectors = ROOT / "tests" / "vectors" / "cbor.json"
    compiled = started("python", "-c", DECODE, str(vectors))
    own = subprocess.run(
        [sys.executable, "-c", DECODE, str(vectors)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "protocol")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert compiled.stdout == own.stdout, compiled.stderr
    assert "CBR-003" in own.stdout


@pytest.mark.parametrize("fidelity", ["wire", "daemon"])
def test_every_fidelity_runs_compiled(fidelity: str) -> None:
    asked = ("run", "calm", "--peers", "14", "--seed", "2", "--json", "-")
    fast = started("smilesim", *asked)
    real = started("smilesim", *asked, "--fidelity", fidelity)
    assert reported(real.stdout) == reported(fast.stdout)
    assert real.returncode == 0


def test_a_stored_city_goes_on(tmp_path: Path) -> None:
    asked = ("run", "two-circles", "--peers", "21", "--seed", "3", "--json", "-")
    whole = started(
        "smilesim", *asked, "--checkpoint-every", "15", "--checkpoint-to", str(tmp_path)
    )
    stored = sorted(tmp_path.glob("*.checkpoint"))
    assert stored
    rest = started("smilesim", "run", "--resume", str(stored[0]), "--json", "-")
    assert reported(rest.stdout) == reported(whole.stdout)


def test_a_stored_city_is_of_one_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(
        ("run", "calm", "--peers", "7", "--checkpoint-every", "9", "--checkpoint-to", str(tmp_path))
    )
    stored = sorted(tmp_path.glob("*.checkpoint"))[0]
    answer = started("smilesim", "run", "--resume", str(stored))
    assert answer.returncode == 2
    assert "python: expected" in answer.stderr
    assert "compiled" in answer.stderr


def test_a_sweep_has_workers(tmp_path: Path) -> None:
    answer = started(
        "smilesim", "sweep", "calm", "--peers", "4,7", "--seeds", "2", "--jobs", "2", cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def interrupted(after_s: float, *arguments: str) -> tuple[int, dict[str, object], list[str]]:
    """Return how a command ended after Ctrl-C so long after its first remark, and what it said."""
    with subprocess.Popen(
        [FAST / "smilesim", *arguments, "--json", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    return process.returncode, json.loads(out), err.splitlines()


@pytest.mark.parametrize("seed", range(6))
def test_ctrl_c_is_answered_whatever_is_going_on(seed: int) -> None:
    """An error that a signal raises inside compiled code ends the process, or is lost."""
    draw = random.Random(seed)

    code, report, said = interrupted(
        draw.uniform(0, 1), "run", "calm", "--peers", "300", "--seconds", "8000"
    )

    assert code == 1, said
    assert report["verdict"] == "interrupted"
    assert len(said) == 1
    assert said[0].startswith("smilesim: interrupted")


@pytest.mark.parametrize("seed", range(2))
def test_ctrl_c_is_answered_while_a_city_settles(seed: int) -> None:
    draw = random.Random(seed)

    answer = interrupted(draw.uniform(0.1, 0.5), "run", "calm", "--peers", "20000")

    assert answer == (
        1,
        {"verdict": "interrupted"},
        ["smilesim: interrupted before there was anything to report"],
    )


def test_no_bug_can_be_planted_in_it() -> None:
    answer = started("smilesim", "selftest")
    assert answer.returncode == 2
    assert "make setup" in answer.stderr
