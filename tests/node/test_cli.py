"""What a person types, and what they get back."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from smilesync.commands import EmotionState, Feel, SetConsent, Switch
from smilesync.light import choose, pattern
from smilesync.light.pattern import Kind, Pattern
from smilesyncd import client, panel, wearing
from support.daemons import Daemon, environment, free_ports, new_circle, running, smilesync
from support.street import Street

COMMANDS = (
    "run", "status", "peers", "watch", "feel", "consent", "off", "accept", "dismiss", "lint",
    "identity", "circle",
)  # fmt: skip
GOOD_PATTERN = choose.MOOD_PATTERNS[0]
# Breathing to full white and back in 2.1 s is steeper than light may be.
STEEP_PATTERN = pattern.encode(
    Pattern(Kind.BREATHE, 255, 100, colours=(63,), period_ds=21, depth=255, sharpness=1)
)


def test_help_names_every_command_and_each_has_an_example() -> None:
    overview = smilesync("--help").stdout
    for command in COMMANDS:
        assert f"\n    {command}" in overview
        assert "example:  smilesync" in smilesync(command, "--help").stdout


@pytest.mark.parametrize("command", ["status", "peers", "watch", "consent", "feel", "off"])
def test_without_a_daemon_the_next_command_is_named(tmp_path: Path, command: str) -> None:
    words = [command, "calm"] if command == "feel" else [command]

    done = smilesync(*words, "--state-dir", str(tmp_path))

    assert done.returncode == 1
    assert "start one with `smilesync run`" in done.stderr
    assert done.stdout == ""


def test_all_bad_settings_are_told_and_nothing_is_started(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("port = 99999\nlamp = 3\nprot = 1\n")

    done = smilesync("run", "--config", str(config), "--state-dir", str(tmp_path / "state"))

    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"smilesync: {config}: ") for line in lines)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("content", [b"", b"\x00" * 40, b"\xa8", b"not a genesis"])
def test_a_bad_genesis_and_a_bad_pattern_are_told_together(tmp_path: Path, content: bytes) -> None:
    genesis = tmp_path / "bad.genesis"
    genesis.write_bytes(content)

    done = smilesync(
        "run", "--genesis", str(genesis), "--pattern", "zz", "--state-dir", str(tmp_path / "state")
    )

    assert done.returncode == 2
    assert f"{genesis}: genesis: " in done.stderr
    assert "pattern: 'zz': breaks " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["dance"],
        ["feel", "angry"],
        ["run", "--port"],
        ["circle"],
        ["consent", "share"],
        ["lint", "00", "--extent", "-5"],
    ],
)
def test_a_mistyped_command_exits_with_2(tmp_path: Path, words: list[str]) -> None:
    done = smilesync(*words, STATE_DIRECTORY=str(tmp_path))

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_python_without_assertions_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-O", "-m", "smilesyncd", "status"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "python -O" in done.stderr


def test_lint_accepts_a_safe_pattern_as_hex_and_as_file(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(GOOD_PATTERN)
    (tmp_path / "hex").write_text(GOOD_PATTERN.hex() + "\n")

    for given in (GOOD_PATTERN.hex(), str(tmp_path / "raw"), str(tmp_path / "hex")):
        done = smilesync("lint", given)

        assert (done.returncode, done.stderr) == (0, "")
        assert "keeps every condition" in done.stdout


def test_lint_says_which_condition_a_pattern_breaks_why_and_what_helps() -> None:
    done = smilesync("lint", STEEP_PATTERN.hex())
    listed = json.loads(smilesync("lint", "--json", STEEP_PATTERN.hex()).stdout)

    assert done.returncode == 1
    assert "PAT-012: " in done.stdout
    assert "  why: " in done.stdout
    assert "  change: " in done.stdout
    assert [fault["rule"] for fault in listed["faults"]] == ["PAT-012"]


def test_an_extent_below_nothing_is_refused_by_name() -> None:
    for given in ("-5", "1.5", "wide"):
        done = smilesync("lint", GOOD_PATTERN.hex(), f"--extent={given}")

        assert done.returncode == 2
        assert f"--extent: expected centimetres from 0, got {given!r}" in done.stderr


def test_the_help_of_guard_gives_the_defaults_that_guard_has() -> None:
    told = " ".join(smilesync("guard", "--help").stdout.split())

    assert "20 to 60 (default: 40)" in told
    assert "without a sender: glow (default), dark" in told
    assert "linear (default on APA102), srgb, gamma-2.8 or unknown (default)" in told


def test_lint_says_that_a_folder_is_one(tmp_path: Path) -> None:
    done = smilesync("lint", str(tmp_path))

    assert done.returncode == 2
    assert f"{tmp_path}: is a folder; expected" in done.stderr


@pytest.mark.parametrize("count", ["-1", "0", "many"])
def test_watch_wants_a_count_that_ends(tmp_path: Path, count: str) -> None:
    done = smilesync("watch", "--count", count, "--state-dir", str(tmp_path))

    assert done.returncode == 2
    assert "--count: expected an integer from 1" in done.stderr


@pytest.mark.parametrize("given", ["/no/such/file", "xyz", "", "00", "a1", "ff" * 400])
def test_lint_refuses_what_is_no_pattern(given: str) -> None:
    done = smilesync("lint", given)

    assert done.returncode == 2
    assert "expected" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_circle_is_made_of_founder_cards(tmp_path: Path) -> None:
    genesis = new_circle(tmp_path, ["a", "b"])
    again = smilesync("circle", "create", "--out", str(genesis), "smilecard1")

    assert genesis.stat().st_size > 100
    assert again.returncode == 2
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_an_identity_is_made_once_and_then_stays(tmp_path: Path) -> None:
    first = smilesync("identity", "show", "--json", "--state-dir", str(tmp_path / "a"))
    second = smilesync("identity", "show", "--json", "--state-dir", str(tmp_path / "a"))

    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert len(json.loads(first.stdout)["identity"]) == 64


def test_bad_cards_are_refused_by_number(tmp_path: Path) -> None:
    shown = smilesync("identity", "show", "--state-dir", str(tmp_path / "a"))
    card = shown.stdout.strip()
    forged = card[:-2] + ("00" if card[-2:] != "00" else "11")
    out = str(tmp_path / "x.genesis")

    for cards, where in (
        ([card, forged], "card 2: GEN-004"),
        ([card, card], "cards: GEN-002"),
        (["smilecard1zz"], "card 1: GEN-003"),
        ([str(tmp_path / "none")], "expected a founder card"),
    ):
        done = smilesync("circle", "create", "--out", out, *cards)

        assert done.returncode == 2
        assert where in done.stderr
    assert not Path(out).exists()


def test_a_wearer_can_use_every_command_on_a_running_daemon(tmp_path: Path) -> None:
    [port] = free_ports(1)
    daemon = Daemon(tmp_path / "a", "--port", str(port), "--no-mdns", "--name", "Ada's jacket")
    here = ("--state-dir", str(daemon.state_dir))
    with running(daemon):
        assert smilesync("feel", "excited", *here).returncode == 0
        assert smilesync("consent", "share", "on", *here).returncode == 0
        status = json.loads(smilesync("status", "--json", *here).stdout)
        consent = smilesync("consent", *here).stdout
        words = smilesync("status", *here).stdout
        peers = json.loads(smilesync("peers", "--json", *here).stdout)
        accepted = smilesync("accept", *here)
        watched = smilesync("watch", "--json", "--count", "3", *here).stdout.splitlines()
        second = smilesync("run", "--no-mdns", "--port", "0", *here)
        assert smilesync("off", *here).returncode == 0
        dark = client.ask(daemon.control, "status")
        assert smilesync("off", "--release", *here).returncode == 0
        assert daemon.stop() == 0

    seeds = re.findall(r"[0-9a-f]{64}", (daemon.state_dir / "keys").read_text())
    told = "".join((words, consent, json.dumps(status), *watched, accepted.stderr, daemon.log()))
    assert len(seeds) == 3
    assert not any(seed in told for seed in seeds)
    assert status["emotion"] == "excited"
    assert status["name"] == "Ada's jacket"
    assert status["address"] == f"127.0.0.1:{port}"
    assert status["consent"] == {
        "show": True, "share": True, "collective": True, "suggest": False, "lit": True,
    }  # fmt: skip
    assert "share       on" in consent
    assert "feeling excited" in words
    assert peers == []
    assert "Traceback" not in accepted.stderr
    assert [set(json.loads(line)) for line in watched] == [WATCH_FIELDS] * 3
    assert second.returncode == 2
    assert f"process id {daemon.process.pid}" in second.stderr
    assert dark["rung"] == "OFF"
    assert not daemon.control.exists()


WATCH_FIELDS = {
    "drives", "is_playing", "agrees_to_merge", "ended_into",
    "monotonic_ns", "circle_us", "is_synced", "rung", "slot", "is_selected", "pattern", "phase",
    "peers", "emotion", "feelings", "consent", "zones", "suggestion", "suggested_emotion",
}  # fmt: skip


@pytest.mark.parametrize(
    ("voters", "liars", "words"),
    [
        (1, 0, "alone in it"),
        (3, 0, "3 voters, certified against crashes only"),
        (4, 1, "4 voters, bears 1 that lies"),
        (22, 7, "22 voters, bears 7 that lie"),
    ],
)
def test_status_says_what_a_certificate_is_worth(voters: int, liars: int, words: str) -> None:
    assert wearing.strength(voters, liars) == words


def test_status_says_how_many_people_stand_behind_the_light_and_nothing_where_few_share() -> None:
    some = {"calm": 20, "excited": 0, "neutral": 0, "low": 0, "high": 5}

    assert wearing.crowd_words(some) == ["behind it 20 calm, 5 high"]
    assert wearing.crowd_words(dict.fromkeys(some, 0)) == []
    assert wearing.crowd_words(None) == []


def test_the_panel_names_what_the_circle_decided_of_its_peoples_feelings() -> None:
    street = Street(7, seed=5)
    assert panel.feelings(street.peers[0]) is None
    for device in range(6):
        street.command(device, Feel(EmotionState.EXCITED))
        street.command(device, SetConsent(Switch.SHARE, on=True))
    street.run(8)

    expected = {"calm": 0, "excited": 5, "neutral": 0, "low": 0, "high": 0}
    assert panel.feelings(street.peers[0]) == expected
    assert panel.feelings(Street(1, members=0).peers[0]) is None
