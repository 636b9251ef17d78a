"""What a person sees and types around the demo, without performing it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio
from rich.console import Console

from smilesyncd.demo import acts, household, main
from smilesyncd.demo.facts import Fact
from smilesyncd.demo.instant import SECOND_NS
from smilesyncd.demo.processes import Broken
from smilesyncd.demo.screen import Screen, Ticker, smile, write_facts
from smilesyncd.demo.stage import View
from smilesyncd.memory import held_state
from smilesyncd.settings import load

VIEW = View("Ada", "COMMITTED", 3, ((10, 20, 30), (40, 50, 60), (70, 80, 90)), "calm", "")
FACTS = [Fact("dark", True, "nothing after", 5.4, "s"), Fact("solo", False, "not within 15 s")]
SECOND_DAEMON_S = 30
TIMES = {"virtual_seconds": 20.0, "cpu_seconds": 10.0}


def test_a_smile_has_the_colours_of_its_zones() -> None:
    shown = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=40)

    shown.print(smile(VIEW))

    text = shown.file.getvalue() if isinstance(shown.file, io.StringIO) else ""
    for zone in VIEW.zones:
        assert ";".join(str(code) for code in zone) in text
    assert "committed" in text


def test_a_suggestion_is_shown_as_a_question() -> None:
    asked = View("Bo", "COMMITTED", 3, VIEW.zones, "excited", "calm")

    assert "calm?" in smile(asked).plain
    assert "excited" not in smile(asked).plain


def test_a_device_not_heard_of_is_dark() -> None:
    assert "#000000" in str(smile(View("Bo", "", 0, (), "", "")).markup)


@pytest.mark.parametrize("kind", [Screen, Ticker])
def test_both_ways_to_show_tell_every_fact(kind: type[Screen] | type[Ticker]) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=kind is Screen, width=120)

    with kind(console) as shown:
        shown.act("two are cut off")
        shown.view([VIEW])
        for fact in FACTS:
            shown.fact(fact)

    text = file.getvalue()
    for wanted in ("two are cut off", "Ada", "committed", "✓", "5.40 s", "✗", "not within 15 s"):
        assert wanted in text


def test_facts_are_written_for_programs(tmp_path: Path) -> None:
    write_facts(tmp_path / "facts.json", FACTS)

    written = json.loads((tmp_path / "facts.json").read_text(encoding="utf-8"))
    assert written["facts"][0] == {
        "name": "dark",
        "passed": True,
        "figure": 5.4,
        "unit": "s",
        "text": "nothing after",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["--heal", "-1"],
        ["--heal", "1000"],
        ["--facts-json", "/no/such/folder/f"],
        ["--record", "/no/such/folder/f"],
        ["--record", "/proc"],
        ["--keep", "/proc/none"],
        ["--keep", "/proc"],
        ["--keep", __file__],
    ],
)
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(arguments) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"{arguments[0]}: ")
    assert "expected" in complaint


@pytest.mark.parametrize(
    ("arguments", "seconds", "code", "names"),
    [
        ([], 89, 0, ["dark", "in time"]),
        ([], 91, 1, ["dark", "in time"]),
        (["--heal", "5"], 120, 0, ["dark"]),
    ],
    ids=["in time", "too late", "healing takes what it takes"],
)
def test_the_demo_judges_how_long_it_takes(
    arguments: list[str],
    seconds: int,
    code: int,
    names: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = [0]

    async def perform(play: acts.Play, audience: acts.Audience) -> list[Fact]:
        await trio.lowlevel.checkpoint()
        now_s[0] += seconds
        return FACTS[:1]

    monkeypatch.setattr(main, "perform", perform)
    monkeypatch.setattr(main, "now_ns", lambda: now_s[0] * SECOND_NS)
    path = tmp_path / "facts.json"

    assert main.main([*arguments, "--plain", "--facts-json", str(path)]) == code

    written = json.loads(path.read_text(encoding="utf-8"))["facts"]
    assert [one["name"] for one in written] == names
    assert all(one["figure"] == seconds for one in written if one["name"] == "in time")


def test_every_home_is_ready_for_a_daemon(tmp_path: Path) -> None:
    rows = [[("127.0.0.1", 1000 + 10 * near + far) for far in range(2)] for near in range(3)]

    homes = household.furnish(tmp_path, rows)

    for home, row in zip(homes, rows, strict=True):
        settings = load({"config": os.fspath(home.config)}, {})
        assert settings.name == home.name
        assert [(peer.host, peer.port) for peer in settings.peers] == row
        with held_state(settings) as memory:
            assert memory.opening.amnesia is None


async def test_a_city_without_verdict_is_a_failed_fact() -> None:
    city = (sys.executable, "-c", "import sys; sys.exit('the city sleeps')")

    fact = await acts.judge_city(city)

    assert not fact.passed
    assert "the city sleeps" in fact.text


@pytest.mark.parametrize(("verdict", "passed"), [("pass", True), ("fail", False)])
async def test_the_verdict_of_the_city_is_passed_on(verdict: str, passed: bool) -> None:
    run = {"verdict": verdict, "peers": 9, "digest": "ab", "violations": [], **TIMES}
    city = (sys.executable, "-c", f"print({json.dumps(run)!r})")

    fact = await acts.judge_city(city)

    assert fact.passed is passed
    assert fact.figure == pytest.approx(2.0)


async def test_the_city_lives_beside_the_daemons_and_its_act_comes_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = {"verdict": "pass", "peers": 9, "digest": "ab", "violations": [], **TIMES}
    sign = tmp_path / "lives"
    body = f"import os; open({str(sign)!r}, 'w').write(str(os.nice(0))); print({json.dumps(run)!r})"
    told: list[str] = []

    async def on_stage(play: acts.Play, root: Path, audience: acts.Audience) -> None:
        while not (sign.exists() and sign.read_text()):
            await trio.sleep(0.01)
        told.append("the daemons are done")

    monkeypatch.setattr(acts, "_on_stage", on_stage)
    audience = acts.Audience(lambda _: None, told.append, lambda fact: told.append(fact.name))

    with trio.fail_after(20):
        facts = await acts.perform(acts.Play(city=(sys.executable, "-c", body)), audience)

    assert [fact.passed for fact in facts] == [True]
    assert told == ["the daemons are done", acts.Act.CITY.value, "city"]
    assert int(sign.read_text()) == 19, "and takes no time that a daemon wants"


async def test_a_city_ends_with_a_stage_that_breaks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sign = tmp_path / "pid"
    body = f"import os, time; open({str(sign)!r}, 'w').write(str(os.getpid())); time.sleep(60)"

    async def on_stage(play: acts.Play, root: Path, audience: acts.Audience) -> None:
        while not (sign.exists() and sign.read_text()):
            await trio.sleep(0.01)
        raise Broken("a daemon ended")

    monkeypatch.setattr(acts, "_on_stage", on_stage)
    audience = acts.Audience(lambda _: None, lambda _: None, lambda _: None)

    with trio.fail_after(20):
        facts = await acts.perform(acts.Play(city=(sys.executable, "-c", body)), audience)

    assert [(fact.name, fact.text) for fact in facts] == [("unbroken", "a daemon ended")]
    assert not Path(f"/proc/{sign.read_text()}").exists()


def test_when_stopped_the_demo_takes_everything_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "smilesyncd.demo.main", "--plain", "--keep", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        deadline_s = time.monotonic() + SECOND_DAEMON_S
        while not list(tmp_path.glob("*/control")) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        pids = [int(path.read_text()) for path in tmp_path.glob("*/lock") if path.read_text()]
        demo.send_signal(signal.SIGTERM)

        assert demo.wait(timeout=SECOND_DAEMON_S) == 1

    assert pids
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()
