"""A stored city goes on as if nothing had been; a file that is not of this code does not."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from smilesim import checkpoint, origin, recipe, replay, scenario
from smilesim.checkpoint import Keeper, Stored
from smilesim.city import City
from smilesim.drive import Books
from smilesim.faults.table import over_s
from smilesim.main import main
from smilesim.recipe import Recipe
from smilesim.report import Report, report
from smilesync.errors import SettingsError
from smilesync.peer import Peer

PEERS = 11
OVERSLEPT_NS = 300_000_000
TIMES = ("wall_seconds", "cpu_seconds")
COSTS = ("real_time_factor", "cpu_us_per_peer_second", "memory_mib")
"""What it took, which no two runs have in common."""

MIDDLES = {
    # Half of the city is without power; some are back, others are not.
    "blackout": (9, 10),
    # Every circle is cut in two; stranded devices still hold a pattern at 8, none does at 19.
    "split": (8, 19),
    # A storm blows.
    "surge": (9,),
    "calm": (1,),
    # Wearers in two circles: one journal was told what the other was not.
    "two-circles": (28,),
}


def asked(name: str, seed: int) -> Recipe:
    return Recipe(replace(scenario.load(name), peers=PEERS), seed, keep_going=True)


def settled(chosen: Recipe) -> City:
    return recipe.settle(chosen, recipe.crowd(chosen))


def fail(line: str) -> None:
    pytest.fail(line)


def stored_every_second(chosen: Recipe, folder: Path) -> City:
    city = settled(chosen)
    city.run(probes=[Keeper(chosen, 1, folder, fail)])
    return city


def same(judged: Report) -> dict[str, object]:
    """Return a report without what it took."""
    rest: dict[str, object] = {key: value for key, value in judged.items() if key not in TIMES}
    rest["figures"] = {key: value for key, value in judged["figures"].items() if key not in COSTS}
    return rest


@pytest.mark.parametrize("name", MIDDLES)
@pytest.mark.parametrize(("seed", "fidelity"), [(1, "fast"), (2, "wire")])
def test_a_resumed_run_ends_like_one_that_was_never_stored(
    name: str, seed: int, fidelity: str, tmp_path: Path
) -> None:
    chosen = replace(asked(name, seed), fidelity=fidelity)
    plain = settled(chosen)
    plain.run()
    watched = stored_every_second(chosen, tmp_path)
    expected = same(report(plain))

    assert watched.trace.digest() == plain.trace.digest(), "storing a city changed it"
    assert same(report(watched)) == expected
    for second in MIDDLES[name]:
        resumed = checkpoint.read(tmp_path / checkpoint.file_name(chosen, second))
        assert resumed.recipe == chosen
        assert resumed.city.world.tick == second * 1_000
        resumed.city.run()
        assert resumed.city.trace.seconds == plain.trace.seconds, f"from {second} s, seed {seed}"
        assert resumed.city.trace.digest() == plain.trace.digest()
        assert same(report(resumed.city)) == expected


@pytest.mark.parametrize("name", [one for one in scenario.names() if one not in MIDDLES])
def test_every_kind_of_fault_can_be_stored_in_its_middle(name: str, tmp_path: Path) -> None:
    chosen = replace(asked(name, 1), scenario=replace(scenario.load(name), peers=7))
    fault = chosen.scenario.faults[0] if chosen.scenario.faults else None
    middle_s = round((fault.at_s + over_s(fault)) / 2) if fault else 5
    plain = settled(chosen)
    plain.run(probes=[Keeper(chosen, middle_s, tmp_path, fail)])

    resumed = checkpoint.read(tmp_path / checkpoint.file_name(chosen, middle_s)).city
    resumed.run()

    assert resumed.trace.seconds == plain.trace.seconds
    assert resumed.world.fired == plain.world.fired
    assert same(report(resumed)) == same(report(plain))


def test_a_city_can_be_stored_and_resumed_again_and_again(tmp_path: Path) -> None:
    chosen = asked("blackout", 5)
    plain = settled(chosen)
    plain.run()
    city = settled(chosen)
    for second in range(1, 12):
        checkpoint_path = tmp_path / checkpoint.file_name(chosen, second)
        with pytest.RaisesGroup(Pulled):
            city.run(probes=[Keeper(chosen, 1, tmp_path, fail), pull_the_plug])
        city = checkpoint.read(checkpoint_path).city
    city.run()

    assert city.trace.seconds == plain.trace.seconds


class Pulled(BaseException):
    """The machine that simulates dies: pulled."""


async def pull_the_plug(city: City, books: Books) -> None:
    tick = (max(0, city.world.tick) // 1_000 + 1) * 1_000
    await books.closed(tick + 500)
    raise Pulled("pulled")


def test_a_run_with_walking_people_is_resumed(tmp_path: Path) -> None:
    lines = [
        f"{t}\t{i}\t{j}\n"
        for t in (0, 20, 300)
        for group in (range(1, 8), range(11, 16))
        for i in group
        for j in group
        if i < j and (t < 300 or i % 2)
    ]
    contacts = tmp_path / "contacts.dat"
    contacts.write_text("".join(lines))
    chosen = replace(scenario.load("calm"), seconds=12)
    made = recipe.with_contacts(Recipe(chosen, 3, keep_going=True), contacts, None)
    plain = stored_every_second(made, tmp_path)

    resumed = checkpoint.read(tmp_path / checkpoint.file_name(made, 6)).city
    resumed.run()

    assert resumed.trace.seconds == plain.trace.seconds


def test_a_resumed_run_is_the_same_in_another_process_with_other_hashes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = asked("split", 7)
    plain = stored_every_second(chosen, tmp_path)
    path = tmp_path / checkpoint.file_name(chosen, 13)
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "77",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }

    done = subprocess.run(
        [sys.executable, "-m", "smilesim.main", "run", "--resume", str(path), "--json", "-"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout)["digest"] == plain.trace.digest()
    assert "going on after 13 virtual seconds" in done.stderr


def test_a_broken_promise_is_broken_after_a_resume_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the checks remember is stored too: without it nobody knew when a lease ends."""
    in_time = Peer.next_wake_ns
    monkeypatch.setattr(Peer, "next_wake_ns", lambda peer: in_time(peer) + OVERSLEPT_NS)
    chosen = replace(asked("calm", 1), keep_going=False)
    found = replay.of(chosen, stored_every_second(chosen, tmp_path))
    assert found.violations[0].rule == "I8"
    before_s = found.violations[0].tick // 1_000
    assert before_s >= 2

    resumed = checkpoint.read(tmp_path / checkpoint.file_name(chosen, before_s)).city
    resumed.run()

    assert replay.of(chosen, resumed) == found


def stored(tmp_path: Path) -> Path:
    chosen = Recipe(replace(scenario.load("calm"), peers=3, seconds=3), 1)
    stored_every_second(chosen, tmp_path)
    return tmp_path / checkpoint.file_name(chosen, 1)


def header_of(path: Path) -> tuple[dict[str, object], bytes]:
    line, data = path.read_bytes().split(b"\n", 1)
    return json.loads(line), data


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "smilesim checkpoint 0"),
        ("commit", "c" * 40),
        ("code_hash", "0" * 64),
        ("python", "CPython 2.7"),
        ("scenario_hash", "0" * 64),
        ("scenario_name", "doom"),
        ("seed", 2),
        ("tick", 2_000),
        ("digest", "0" * 64),
    ],
)
def test_a_checkpoint_of_another_run_or_code_is_refused(
    key: str, value: object, tmp_path: Path
) -> None:
    path = stored(tmp_path)
    header, data = header_of(path)
    path.write_bytes(json.dumps({**header, key: value}).encode() + b"\n" + data)

    with pytest.raises(SettingsError, match=rf"checkpoint, line 1, {key}: expected .*{value}"):
        checkpoint.read(path)


def test_code_that_changed_since_is_told_before_anything_is_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(tmp_path)
    monkeypatch.setattr(origin, "code_hash", lambda: "1" * 64)
    monkeypatch.setattr("pickle.loads", lambda _: pytest.fail("it was unpickled"))

    with pytest.raises(SettingsError, match="code_hash: expected 1111"):
        checkpoint.read(path)


@pytest.mark.parametrize("data", [b"hello", pickle.dumps(17), b"cos\nnothing\n."])
def test_a_payload_that_is_no_city_is_refused(data: bytes, tmp_path: Path) -> None:
    path = stored(tmp_path)
    header, _ = header_of(path)
    header |= {"payload_bytes": len(data), "payload_hash": hashlib.sha256(data).hexdigest()}
    path.write_bytes(json.dumps(header).encode() + b"\n" + data)

    with pytest.raises(SettingsError, match="expected a stored city after line 1"):
        checkpoint.read(path)


def test_a_damaged_checkpoint_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(tmp_path)
    whole = path.read_bytes()
    monkeypatch.setattr("pickle.loads", lambda _: pytest.fail("it was unpickled"))

    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(SettingsError, match=r"\.checkpoint[:,]"):
            checkpoint.read(path)
    flipped = bytearray(whole)
    flipped[-100] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(SettingsError, match="payload_hash: does not fit"):
        checkpoint.read(path)


@pytest.mark.parametrize(
    ("arguments", "expectation"),
    [
        (["calm", "--checkpoint-every", "5"], "--checkpoint-every T, --checkpoint-to"),
        (["calm", "--checkpoint-to", "DIR"], "--checkpoint-every T, --checkpoint-to"),
        (["calm", "--checkpoint-every", "0", "--checkpoint-to", "DIR"], "--checkpoint-every"),
        (["calm", "--checkpoint-every", "5", "--checkpoint-to", "FILE"], "cannot be made"),
        (
            ["calm", "--fidelity", "daemon", "--checkpoint-every", "5", "--checkpoint-to", "DIR"],
            "--checkpoint-to: expected any --fidelity but daemon",
        ),
        (["calm", "--resume", "FILE"], "--resume: expected no scenario"),
        (["--seed", "1", "--resume", "FILE"], "--resume: expected no --seed"),
        (["--keep-going", "--resume", "FILE"], "--resume: expected no --keep-going"),
        (["--resume", "FILE"], "line 1: expected a checkpoint"),
        (["--resume", "DIR/none"], "none: cannot be read"),
    ],
)
def test_the_command_refuses_in_one_line(
    arguments: list[str], expectation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "FILE").write_text("[]\n")
    places = [
        one.replace("DIR", str(tmp_path)).replace("FILE", f"{tmp_path}/FILE") for one in arguments
    ]
    try:
        code = main(["run", *places])
    except SystemExit as stop:
        code = int(stop.code or 0)

    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.count("\n") == 1
    assert expectation in captured.err


def test_a_full_disk_ends_the_checkpoints_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    chosen = replace(asked("calm", 1))

    def full(path: Path, _: Stored) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(checkpoint, "write", full)
    city = settled(chosen)
    city.run(probes=[Keeper(chosen, 2, tmp_path, told.append)])

    assert city.world.tick == city.end_tick
    assert len(told) == 1
    assert "No space left on device; no more checkpoints" in told[0]
