"""A replay file: repeats a run exactly, reads well, and is refused when it is not what it was."""

import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from smilesim import replay, scenario
from smilesim.main import main
from smilesim.recipe import Contacts, Recipe
from smilesim.replay import Replay
from smilesim.violations import Violation
from smilesync.errors import SettingsError

HASH = "0" * 64


def recipe(name: str, *, peers: int = 8, seconds: int | None = None, seed: int = 4) -> Recipe:
    chosen = scenario.load(name)
    return Recipe(replace(chosen, peers=peers, seconds=seconds or chosen.seconds), seed)


@pytest.fixture(scope="module")
def recorded() -> Replay:
    return replay.record(recipe("calm", seconds=4))


def test_a_file_says_all_that_was_written() -> None:
    odd = Replay(
        Recipe(
            replace(scenario.load("split"), summary='quotes """ and \\ back'),
            seed=2**63 - 1,
            fidelity="wire",
            keep_going=True,
            contacts=Contacts(Path('a "b" ü.gz'), HASH),
        ),
        commit="unknown",
        code_hash=HASH,
        digest=HASH,
        digest_by_second=("0" * 16, "1" * 16),
        violations=(
            Violation("I8", 17, -1, 'a "detail"\n\x7f'),
            Violation("I7", 18, 3, "", is_conceded=True),
        ),
    )

    assert replay.parse(replay.render(odd), "here") == odd


def test_a_recorded_run_is_the_same_when_repeated(recorded: Replay) -> None:
    again = replay.record(recorded.recipe)

    assert again == recorded
    assert replay.first_difference_s(recorded, again) is None
    assert len(recorded.digest_by_second) == 4


@pytest.mark.parametrize(("second", "change"), [(1, 0), (3, 2)])
def test_the_first_differing_second_is_found(recorded: Replay, second: int, change: int) -> None:
    digests = list(recorded.digest_by_second)
    digests[change] = "another"
    other = replace(recorded, digest=HASH, digest_by_second=tuple(digests))

    assert replay.first_difference_s(recorded, other) == second


def test_runs_that_differ_after_their_last_whole_second_differ_in_the_next(
    recorded: Replay,
) -> None:
    assert replay.first_difference_s(recorded, replace(recorded, digest=HASH)) == 5


def test_a_longer_run_begins_like_a_shorter_one(recorded: Replay) -> None:
    longer = replay.record(recipe("calm", seconds=6))

    assert longer.digest_by_second[:4] == recorded.digest_by_second
    assert replay.first_difference_s(recorded, longer) == 5


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


def signed(text: str) -> str:
    """Return the file with the checksum that fits: as a forger would write it."""
    head, body = text.split("\n", replay.HEAD_LINES)[:3], text.split("\n", replay.HEAD_LINES)[3]
    return "\n".join([*head[:2], f'checksum = "{replay._sha(body)}"', body])


@pytest.mark.parametrize(
    ("old", "new", "expectation"),
    [
        ("format = 1", "format = 2", "line 2, format: expected 1, got 2"),
        ("format = 1", "size = 1", "line 2, format: expected a replay file"),
        ('checksum = "', 'checksum = "x', "line 3, checksum: expected 64 hexadecimal digits"),
        ("seed = 4", "seed = 5", "line 3, checksum: expected"),
        ("loss_percent = 1", "loss_percent = 2", "line 3, checksum: expected"),
    ],
)
def test_an_edited_file_is_refused(
    recorded: Replay, old: str, new: str, expectation: str, tmp_path: Path
) -> None:
    text = replay.render(recorded)
    assert old in text
    path = write(tmp_path, text.replace(old, new, 1))

    with pytest.raises(SettingsError) as refusal:
        replay.read(path)

    assert f"{path}, {expectation}" in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "expectation"),
    [
        ("loss_percent = 1", "loss_percent = 2", "line 5, scenario_hash: expected"),
        ("loss_percent = 1", "loss_percent = -1", "loss_percent: expected"),
        ("loss_percent = 1", "luck = 1", "luck: unknown weather key"),
        ("seed = 4", "seed = -4", "line 6, seed: expected a whole number from 0 to"),
        ("seed = 4", f"seed = {2**63}", "line 6, seed: expected a whole number from 0 to"),
        ("digest_by_second = [", 'digest_by_second = ["x",', "expected a list of texts of 16"),
        (
            "digest_by_second = [",
            f'digest_by_second = ["{"0" * 16}",',
            "expected one text per second, 4, got 5",
        ),
        ('\ncommit = "', '\ncommit = "x', "commit: expected a commit or unknown, got 'x"),
        ("seed = 4", 'seed = 4\ncontacts = "a\\u0000b"', "contacts: expected the path of a file"),
        ("seed = 4", 'seed = "4"', "line 6, seed: expected a whole number"),
        ("seed = 4", "sneed = 4", "seed: missing; expected a whole number"),
        ("keep_going = false", "keep_going = 0", "line 8, keep_going: expected true or false"),
        ('\ndigest = "', '\ndigest = "x', "digest: expected 64 hexadecimal digits"),
        ("digest_by_second = [", "digest_by_second = [1,", "digest_by_second: expected a list"),
        ("seed = 4", "seed = 4\nmood = 1", "line 7, mood: unknown key"),
        ("seed = 4", "seed = 4 4", "not TOML"),
        ('fidelity = "fast"', 'fidelity = "vague"', "line 7, fidelity: expected one of tagged"),
    ],
)
def test_a_file_with_a_checksum_that_fits_is_checked_all_the_same(
    recorded: Replay, old: str, new: str, expectation: str, tmp_path: Path
) -> None:
    text = replay.render(recorded)
    assert old in text
    path = write(tmp_path, signed(text.replace(old, new, 1)))

    with pytest.raises(SettingsError) as refusal:
        replay.read(path)

    assert str(path) in str(refusal.value)
    assert expectation in str(refusal.value)


def test_what_is_wrong_in_the_scenario_is_found_by_its_line_in_the_file(
    recorded: Replay, tmp_path: Path
) -> None:
    text = signed(replay.render(recorded).replace("peers = 8", "peers = 0", 1))
    line = 1 + text.splitlines().index("peers = 0")

    with pytest.raises(SettingsError, match=f"line {line}, peers: expected"):
        replay.read(write(tmp_path, text))


def test_what_is_wrong_in_a_violation_is_found_by_its_own_line(
    recorded: Replay, tmp_path: Path
) -> None:
    broken = (Violation("I8", 17, 1, "one"), Violation("I7", 18, 2, "two"))
    text = replay.render(replace(recorded, violations=broken))
    line = 1 + text.splitlines().index("tick = 18")

    with pytest.raises(SettingsError, match=f"line {line}, tick: expected a whole number from 0"):
        replay.read(write(tmp_path, signed(text.replace("tick = 18", "tick = -18"))))


PIECES = [
    '"',
    "[",
    "]",
    "=",
    "\n",
    "{",
    "-1",
    "nan",
    "1e400",
    "9" * 5_000,
    "[[" * 3_000,
    "#",
    "\0",
    "é",
]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_a_file_says_it_is_read_or_refused_in_one_line(
    recorded: Replay, seed: int
) -> None:
    chance = random.Random(seed)
    text = replay.render(recorded)
    refusals: list[str] = []
    for _ in range(100):
        place = chance.randrange(len(text))
        end = place + chance.choice((0, 0, 1, 20))
        broken = signed(text[:place] + chance.choice(PIECES) + text[end:])
        try:
            replay.parse(broken, "here")
        except SettingsError as refusal:
            refusals.append(str(refusal))

    assert len(refusals) > 50
    assert [one for one in refusals if "\n" in one or not one.startswith("here")] == []


def test_a_file_cut_off_anywhere_is_refused(recorded: Replay, tmp_path: Path) -> None:
    text = replay.render(recorded)

    for length in range(0, len(text), 37):
        with pytest.raises(SettingsError, match=r"run\.toml, line [23], "):
            replay.read(write(tmp_path, text[:length]))


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"hello\n", b"\x00" * 100])
def test_what_is_no_replay_file_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(data)

    with pytest.raises(SettingsError, match=r"run\.toml.*expected a replay file"):
        replay.read(path)


def test_a_recording_that_changed_is_refused(tmp_path: Path) -> None:
    contacts = tmp_path / "contacts.dat"
    contacts.write_text("0 1 2\n20 1 2\n")
    asked = replace(recipe("calm"), contacts=Contacts(contacts, HASH))

    with pytest.raises(SettingsError, match=r"contacts\.dat: expected the recording with SHA-256"):
        replay.record(asked)


def test_the_recording_that_a_file_names_is_not_written(
    recorded: Replay,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("smilesim.city.City.run", lambda *_: pytest.fail("it ran"))
    lines = "0 1 2\n20 1 2\n"
    contacts = tmp_path / "contacts.dat"
    contacts.write_text(lines)
    source = Contacts(contacts, hashlib.sha256(lines.encode()).hexdigest())
    asked = replace(recorded.recipe, contacts=source)
    broken = replace(recorded, recipe=asked, violations=(Violation("I8", 17, 2, "shown"),))
    path = str(write(tmp_path, replay.render(broken)))

    for arguments in (["replay", path, "--json"], ["shrink", path, "--to"]):
        assert run([*arguments, str(contacts)]) == 2
        expected = f"{contacts}: expected another file, this one is read"
        assert expected in capsys.readouterr().err
        assert contacts.read_text() == lines


def run(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)


def test_the_command_says_the_same(
    recorded: Replay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, replay.render(recorded))

    assert run(["replay", str(path)]) == 0
    assert capsys.readouterr().out.endswith("the same in every second\n")
    assert run(["replay", str(path), "--json", "-"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["is_same"], answer["first_difference_s"]) == (True, None)
    assert answer["report"]["digest"] == recorded.digest


def test_the_command_says_what_differs_first_and_that_the_code_does(
    recorded: Replay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = (*recorded.digest_by_second[:2], "0123456789abcdef")
    changed = replace(
        recorded, commit="c" * 40, code_hash=HASH, digest=HASH, digest_by_second=digests
    )
    path = write(tmp_path, replay.render(changed))

    assert run(["replay", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out.endswith("NOT the same: differs from virtual second 3 on\n")
    assert "warning: recorded by commit cccccccccccc" in captured.err


def test_the_command_says_that_other_promises_were_broken(
    recorded: Replay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(recorded, violations=(Violation("I8", 17, 2, "shown"),))
    path = write(tmp_path, replay.render(broken))

    assert run(["replay", str(path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("NOT the same: every second is")
    assert run(["replay", str(path), "--json", str(path)]) == 2
    assert "expected another file, this one is read" in capsys.readouterr().err


def test_the_command_names_what_failed_the_run_and_not_what_was_conceded(
    recorded: Replay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conceded = Violation("I3", 900, 1, "a fork", is_conceded=True)
    for others, outcome in (
        ((), "nothing broken but what was conceded: I3 at 0.900 s, peer 1: a fork"),
        ((Violation("I8", 950, 2, "shown"),), "I8 at 0.950 s, peer 2: shown"),
    ):
        told = replace(recorded, violations=(conceded, *others))

        run(["replay", str(write(tmp_path, replay.render(told)))])
        lines = capsys.readouterr().out.splitlines()

        assert lines[1] == f"recorded  {recorded.digest[:16]}  {outcome}"
        assert lines[2].endswith("  nothing broken")


def test_the_command_refuses_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smilesim.city.City.run", lambda *_: pytest.fail("it ran"))

    assert run(["replay", str(tmp_path / "nothing.toml")]) == 2
    assert "nothing.toml: cannot be read" in capsys.readouterr().err
