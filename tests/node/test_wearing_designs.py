"""A running daemon puts a design on, keeps it through a restart, and is played."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smilesync.light.design import from_text
from smilesyncd.design import file
from support.daemons import ROOT, Daemon, Fields, environment, running, smilesync
from vectors.make_design import EMBER

FLAGS = ("--no-mdns", "--port", "0")
LIGHT_SECONDS_MAX = 30.0


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    one = Daemon(tmp_path / "one", *FLAGS)
    with running(one):
        yield one


def zone(seen: Fields) -> tuple[int, int, int]:
    zones = seen["zones"]
    assert isinstance(zones, list)
    red, green, blue = zones[0]
    return red, green, blue


def flags(daemon: Daemon) -> list[str]:
    return ["--state-dir", str(daemon.state_dir)]


def is_ember(seen: Fields) -> bool:
    """Say whether the light is the red-most one that only this design can show."""
    red, _, blue = zone(seen)
    return red > 3 * blue and red > 5


def test_use_is_worn_at_once_kept_through_a_kill_and_shared(daemon: Daemon, tmp_path: Path) -> None:
    made = tmp_path / "ember.toml"
    made.write_text(file.dump(EMBER))
    daemon.ask("feel", state="calm")

    used = smilesync("design", "use", str(made), *flags(daemon))

    assert used.returncode == 0, used.stderr
    daemon.watch_until(is_ember, LIGHT_SECONDS_MAX)
    assert daemon.ask("status")["design"] == "ember"
    shared = smilesync("design", "share", *flags(daemon)).stdout.strip()
    assert from_text(shared).name == "ember"
    daemon.stop(signal.SIGKILL)
    again = Daemon(daemon.state_dir, *FLAGS)
    with running(again):
        assert again.ask("worn")["design"] == shared
        again.ask("feel", state="calm")
        again.watch_until(is_ember, LIGHT_SECONDS_MAX)
        assert smilesync("design", "use", "standard", *flags(again)).returncode == 0
        assert again.ask("worn") == {"ok": True, "design": None, "name": None}


@pytest.mark.parametrize("design", ["smiledesign00", "", 3, [], "smilecard"])
def test_an_unreadable_design_is_refused_and_nothing_changes(
    daemon: Daemon, design: object
) -> None:
    before = daemon.ask("worn")

    answer = daemon.ask("wear", design=design)

    assert answer["ok"] is False
    assert '"design"' in str(answer["error"])
    assert daemon.ask("worn") == before


def test_a_damaged_stored_design_never_keeps_a_device_dark(tmp_path: Path) -> None:
    one = Daemon(tmp_path / "one", *FLAGS)
    with running(one):
        one.ask("wear", design=EMBER.text())
        one.stop()
    stored = one.state_dir / "design"
    stored.write_text(EMBER.text()[:-2])
    again = Daemon(one.state_dir, *FLAGS)
    with running(again):
        assert again.ask("worn")["design"] is None
        assert "the standard design is worn" in again.log()
        again.watch_until(lambda seen: any(zone(seen)), LIGHT_SECONDS_MAX)


def test_a_player_on_lines_plays_the_device_and_gives_it_back(daemon: Daemon) -> None:
    played = subprocess.run(
        [sys.executable, "-m", "smilesyncd", "play", "--lines", *flags(daemon)],
        input="excited\nfaster\nhue+\nblink\nhold\n",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    answers = [json.loads(line) for line in played.stdout.splitlines()]
    assert [answer["is_playing"] for answer in answers] == [True] * 4
    assert answers[1]["period_s"] < answers[0]["period_s"]
    assert answers[2]["hue"] == (answers[1]["hue"] + 2) % 64
    assert played.returncode == 2
    assert "line 4: 'blink'" in played.stderr
    daemon.watch_until(lambda seen: seen["is_playing"] is False, 2)


def test_a_player_that_dies_holds_no_light(daemon: Daemon) -> None:
    assert daemon.ask("play", gesture="hue+")["is_playing"] is True
    begun_s = time.monotonic()

    daemon.watch_until(lambda seen: seen["is_playing"] is False, 10)

    assert time.monotonic() - begun_s >= 4
    assert daemon.ask("play", gesture="hold") == {"ok": True, "is_playing": False}


def test_nobody_plays_a_light_that_is_off_or_not_shown(daemon: Daemon) -> None:
    daemon.ask("play", state="high")
    daemon.ask("consent", switch="show", on=False)
    daemon.watch_until(lambda seen: seen["is_playing"] is False, 2)
    assert "consent show on" in str(daemon.ask("play", gesture="hue+")["error"])
    daemon.ask("off", off=True)
    assert "off --release" in str(daemon.ask("play", gesture="hue+")["error"])
    assert "is one of" in str(daemon.ask("play", gesture=7)["error"])


def test_keys_in_a_terminal_play_the_device(daemon: Daemon) -> None:
    leader, terminal = pty.openpty()
    player = subprocess.Popen(
        [sys.executable, "-m", "smilesyncd", "play", *flags(daemon)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment(),
        cwd=ROOT,
    )
    os.close(terminal)
    shown = read_until(leader, "your own smile, on your device too")
    assert "space own smile" in shown
    os.write(leader, b"2\x1b[C")

    daemon.watch_until(lambda seen: seen["is_playing"] is True, 10)
    read_until(leader, "a breath every 4.0 s")
    os.write(leader, b"q")
    rest = read_until(leader, "back to your own smile")

    assert player.wait(10) == 0
    assert "\x1b[?25h" in rest
    daemon.watch_until(lambda seen: seen["is_playing"] is False, 2)
    os.close(leader)


def read_until(leader: int, wanted: str) -> str:
    text = ""
    until_s = time.monotonic() + 20
    while wanted not in text:
        assert time.monotonic() < until_s, f"{wanted!r} never came: {text[-500:]!r}"
        if select.select([leader], [], [], 1)[0]:
            text += os.read(leader, 65_536).decode("utf-8", "replace")
    return text
