"""Ctrl-C is answered between two ticks, people or files, and never from the middle of anything."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from smilesim import contacts, crowd, swarm, workers
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.interrupts import check, interruptible, noted, waiting
from smilesim.main import main
from smilesim.radio import AirLink
from smilesim.scenario import load
from smilesim.selftest import grounds
from smilesim.selftest.bugs.catalogue import CATALOGUE
from smilesim.workers import work_off
from smilesync.peer import Peer
from support.jobs import hears_ctrl_c

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

BEFORE = "smilesim: interrupted before there was anything to report"
NO_REPORT = {"verdict": "interrupted"}


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def pressing(
    ordinary: Callable[Given, Answer], times: int, ended: list[int]
) -> Callable[Given, Answer]:
    """Return a function that is interrupted in its midst, at that call, and notes who ended."""
    calls = 0

    def pressed(*arguments: Given.args, **named: Given.kwargs) -> Answer:
        nonlocal calls
        calls += 1
        call = calls
        if call == times:
            press()
        answer = ordinary(*arguments, **named)
        ended.append(call)
        return answer

    return pressed


@pytest.fixture
def unmoved() -> Iterator[None]:
    """Whatever happens, the handler is what it was."""
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


pytestmark = pytest.mark.usefixtures("unmoved")


def test_it_is_noted_and_answered_once() -> None:
    with noted():
        press()
        with pytest.raises(KeyboardInterrupt):
            check()
        check()


def test_it_is_answered_between_two_items() -> None:
    items = interruptible(range(9))
    with noted():
        assert next(items) == 0
        press()
        with pytest.raises(KeyboardInterrupt):
            next(items)


def test_who_waits_is_interrupted_at_once_also_by_what_was_noted_before() -> None:
    with noted():
        with waiting(), pytest.raises(KeyboardInterrupt):
            press()
        check()
    with noted():
        press()
        with pytest.raises(KeyboardInterrupt), waiting():
            pytest.fail("it waits")


def test_inside_of_another_nothing_changes_and_a_new_one_begins_anew() -> None:
    with noted():
        with noted():
            press()
        with pytest.raises(KeyboardInterrupt):
            check()
    with noted():
        press()
    with noted():
        check()


def test_who_ignores_it_or_answers_it_otherwise_still_does() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with noted():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            press()
            check()
    finally:
        signal.signal(signal.SIGINT, before)


PRESSED_AGAIN = """
import signal
from smilesim import interrupts
interrupts.AGAIN_S = {again_s}
with interrupts.noted():
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    print("on", flush=True)
"""


@pytest.mark.parametrize(("again_s", "ended"), [(60, (0, "on\n")), (0, (-signal.SIGINT, ""))])
def test_again_at_once_is_the_same_one_and_later_it_ends_the_process(
    again_s: int, ended: tuple[int, str]
) -> None:
    done = run_apart("-c", PRESSED_AGAIN.format(again_s=again_s))

    assert (done.returncode, done.stdout, done.stderr) == (*ended, "")


def run_apart(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("fidelity", ["fast", "daemon"])
def test_a_run_ends_between_two_ticks_whatever_was_going_on(
    fidelity: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a device did when it came is done, and all that happened is in the trace."""
    asked = ["run", "calm", "--peers", "7", "--seconds", "9", "--fidelity", fidelity, "--json", "-"]
    main(asked)
    whole = json.loads(capsys.readouterr().out)
    ended: list[int] = []
    monkeypatch.setattr(Peer, "handle", pressing(Peer.handle, 100, ended))

    code = main(asked)

    result = json.loads(capsys.readouterr().out)
    assert code == 1
    assert result["verdict"] == "interrupted"
    assert 100 in ended
    assert 0 < result["virtual_seconds"] < 9
    seconds = result["digest_by_second"]
    assert seconds == whole["digest_by_second"][: len(seconds)]
    assert len(seconds) == int(result["virtual_seconds"])


def test_a_city_that_is_run_by_itself_is_interrupted_the_same_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(Peer, "handle", pressing(Peer.handle, 100, ended))
    city = City(Plan(load("calm"), district(5, 1), seed=1, seconds=9))

    city.run()

    assert city.interrupted
    assert 100 in ended


def test_a_run_that_ends_before_its_first_tick_took_no_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(City, "_actors", pressing(City._actors, 1, []))

    assert main(["run", "calm", "--peers", "3", "--json", "-"]) == 1

    result = json.loads(capsys.readouterr().out)
    assert (result["verdict"], result["virtual_seconds"]) == ("interrupted", 0)
    assert result["figures"]["real_time_factor"] == 0


CONTACTS = "".join(f"{20 * at} {at % 7} {7 + at % 5}\n" for at in range(60))


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        (crowd, "_keys", ["calm"]),
        (crowd, "_found", ["calm"]),
        (crowd, "AirLink", ["calm"]),
        (crowd, "_curve", ["calm"]),
        (crowd, "_deal", ["calm", "--peers", "200"]),
        ("smilesim.overlap", "stream", ["two-circles"]),
        ("smilesim.meadow", "_bridges", ["calm", "--peers", "60", "--circle-size", "20"]),
        (contacts, "_contact", ["calm", "--contacts", "contacts.dat"]),
    ],
)
def test_a_city_is_left_unfounded(
    module: object,
    name: str,
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was begun is done, and what comes after it is not."""
    monkeypatch.chdir(tmp_path)
    Path("contacts.dat").write_text(CONTACTS)
    target = sys.modules[module] if isinstance(module, str) else module
    ended: list[int] = []
    monkeypatch.setattr(target, name, pressing(getattr(target, name), 1, ended))
    monkeypatch.setattr(City, "run", lambda *_: pytest.fail("it ran"))

    code = main(["run", *options, "--json", "-"])

    captured = capsys.readouterr()
    assert code == 1
    assert ended == [1]
    assert captured.err.splitlines()[-1] == BEFORE
    assert json.loads(captured.out) == NO_REPORT


def test_a_replay_says_that_there_is_nothing_to_compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "run.toml")
    assert main(["run", "calm", "--peers", "3", "--record", path]) == 0
    capsys.readouterr()
    monkeypatch.setattr(Peer, "handle", pressing(Peer.handle, 100, []))

    code = main(["replay", path, "--json", "-"])

    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert code == 1
    assert captured.err.splitlines()[-1] == "smilesim: interrupted: nothing to compare"
    assert (answer["is_same"], answer["first_difference_s"]) == (None, None)
    assert answer["report"]["verdict"] == "interrupted"


def test_a_second_run_that_was_interrupted_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C reaches both processes; who started the other may not have heard it."""
    for said in (NO_REPORT, {"is_same": None, "first_difference_s": None, "report": NO_REPORT}):
        done = subprocess.CompletedProcess([], 1, stdout=json.dumps(said))
        monkeypatch.setattr(subprocess, "run", lambda *_, done=done, **__: done)

        assert main(["run", "calm", "--peers", "3", "--twice", "--json", "-"]) == 1

        captured = capsys.readouterr()
        assert "run twice: interrupted, not compared" in captured.err
        twice = json.loads(captured.out)["twice"]
        assert twice == {"is_same": None, "first_difference_s": None}


def test_a_selftest_tells_of_the_bugs_that_it_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A ground on which a run was interrupted tells nothing of the bug."""
    bugs = [bug for bug in CATALOGUE if bug.ground is grounds.CALM][:2]
    monkeypatch.setattr("smilesim.selftest.bugs.catalogue.CATALOGUE", bugs)
    monkeypatch.setattr(City, "_actors", pressing(City._actors, 3, []))

    code = main(["selftest"])

    assert code == 1
    verdict = capsys.readouterr().out.splitlines()[-1]
    assert verdict == "verdict interrupted  after 1 of 2 planted bugs"


@pytest.mark.parametrize("times", [1, 20])
def test_a_city_that_is_being_stored_is_not_stored(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To store 100,000 people takes minutes."""
    monkeypatch.setattr(AirLink, "__getstate__", pressing(AirLink.__getstate__, times, []))
    storing = ["--checkpoint-every", "1", "--checkpoint-to", str(tmp_path)]

    code = main(["run", "calm", "--peers", "40", *storing, "--json", "-"])

    result = json.loads(capsys.readouterr().out)
    assert code == 1
    assert (result["verdict"], result["virtual_seconds"]) == ("interrupted", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_stored_city_is_not_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    storing = ["--checkpoint-every", "1", "--checkpoint-to", str(tmp_path)]
    monkeypatch.chdir(tmp_path)
    main(["run", "calm", "--peers", "40", "--seconds", "2", *storing])
    capsys.readouterr()
    monkeypatch.setattr(AirLink, "__setstate__", pressing(AirLink.__setstate__, 1, []))
    monkeypatch.setattr(City, "run", lambda *_: pytest.fail("it ran"))

    code = main(["run", "--resume", str(next(tmp_path.glob("*.checkpoint"))), "--json", "-"])

    captured = capsys.readouterr()
    assert code == 1
    assert captured.err.splitlines()[-1] == BEFORE
    assert json.loads(captured.out) == NO_REPORT


def test_no_worker_ever_hears_it() -> None:
    """Not even while it starts: it would print where it was over the terminal."""
    assert set(dict(work_off(range(3), hears_ctrl_c, 3)).values()) == {False}


def test_a_sweep_that_waits_ends_its_workers_and_reports_what_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(workers, "wait", pressing(workers.wait, 3, ended))

    code = main(["sweep", "calm", "--peers", "2", "--seeds", "9", "--jobs", "1", "--json", "-"])

    result = json.loads(capsys.readouterr().out)
    assert code == 1
    assert ended == [1, 2]
    assert (result["verdict"], result["planned"], result["runs"]) == ("interrupted", 9, 2)


def test_a_sweep_that_is_being_planned_has_nothing_to_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(swarm, "resolve", pressing(swarm.resolve, 3, ended))

    asked = ("--peers", "4", "--seeds", "9999", "--seconds", "9999", "--json", "-")
    code = main(["sweep", "swarm", *asked])

    captured = capsys.readouterr()
    assert code == 1
    assert ended == [1, 2]
    assert captured.err.splitlines()[-1] == BEFORE
    assert json.loads(captured.out) == NO_REPORT
