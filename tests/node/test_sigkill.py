"""Power lost at every persist point of real processes: never two different votes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemons import Daemon, free_ports, new_circle, running

KILL_SECONDS_MAX = 40
Deaths = tuple[tuple[str, int], ...]
ALONE = tuple((mode, point) for point in range(1, 5) for mode in ("before", "after"))
AMONG_OTHERS = tuple((("before", "after")[point % 2], point) for point in range(1, 8))


def is_committed(seen: dict[str, object]) -> bool:
    return seen["is_selected"] is True


def lives(directory: Path, deaths: Deaths, *flags: str) -> Iterator[str]:
    """Start the device again and again; each life ends before or after a certain flush."""
    votes = str(directory / "votes")
    for mode, point in deaths:
        program = ("-m", "support.interrupted", mode, str(point), votes)
        daemon = Daemon(directory / "a", *flags, program=program)
        try:
            code = daemon.process.wait(KILL_SECONDS_MAX)
        finally:
            daemon.process.kill()
            daemon.process.wait()
        assert code == -9, daemon.log()
        yield daemon.log()


def conflicts(directory: Path) -> list[str]:
    """Return every pair of noted votes that one voter may never both have signed."""
    said: dict[tuple[str, str, str, int], str] = {}
    found: list[str] = []
    for line in (directory / "votes").read_text().splitlines():
        slot, view, kind, value, bitmap = line.split()
        for index in range(int(bitmap).bit_length()):
            if not int(bitmap) >> index & 1:
                continue
            before = said.setdefault((slot, view, kind, index), value)
            other = {"NULLIFY": "FINALIZE", "FINALIZE": "NULLIFY"}.get(kind, "")
            if before != value or (slot, view, other, index) in said:
                found.append(f"voter {index}: {line}")
    return found


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_voter_alone_in_its_circle_never_decides_twice(tmp_path: Path) -> None:
    genesis = new_circle(tmp_path, ["a"])
    flags = ("--genesis", str(genesis), "--port", "0", "--no-mdns", "--verbose")
    for _ in lives(tmp_path, ALONE, *flags):
        pass

    daemon = Daemon(tmp_path / "a", *flags)
    with running(daemon):
        daemon.watch_until(is_committed, 30)
        assert daemon.ask("status")["is_amnesic"] is False

    decided = re.findall(r"slot-decided slot=(\d+) view=\d+ value=(\w+)", daemon.log())
    assert len(decided) >= len(ALONE) // 2
    assert len(dict(decided)) == len(set(decided))
    assert "Traceback" not in daemon.log()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_voter_among_others_never_sends_two_different_votes(tmp_path: Path) -> None:
    genesis = new_circle(tmp_path, ["a", "b", "c"])
    ports = free_ports(3)
    flags = {
        name: ("--genesis", str(genesis), "--port", str(port), "--no-mdns", "--peer",
               ",".join(f"127.0.0.1:{other}" for other in ports if other != port))
        for name, port in zip("abc", ports, strict=True)
    }  # fmt: skip
    quiet = ("-m", "support.interrupted", "none", "0", str(tmp_path / "votes"))
    others = [Daemon(tmp_path / name, *flags[name], program=quiet) for name in "bc"]
    with running(*others):
        for log in lives(tmp_path, AMONG_OTHERS, *flags["a"]):
            assert "Traceback" not in log
        last = Daemon(tmp_path / "a", *flags["a"], program=quiet)
        with running(last):
            last.watch_until(is_committed, 30)
            assert last.ask("status")["is_voter"] is True
            assert last.ask("status")["is_amnesic"] is False

    lines = (tmp_path / "votes").read_text().splitlines()
    assert {line.split()[2] for line in lines} >= {"NOTARIZE", "FINALIZE", "PROPOSE"}
    assert conflicts(tmp_path) == []
