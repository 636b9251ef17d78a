"""Real processes: two circles that meet become one, and stay one."""

import time
from pathlib import Path

import pytest

from smilesyncd import keystore
from support.daemons import Daemon, Fields, free_ports, new_circle, running, smilesync

MERGED_SECONDS_MAX = 100


def started(directory: Path, name: str, genesis: Path, ports: list[int], own: int) -> Daemon:
    others = [word for port in ports if port != own for word in ("--peer", f"127.0.0.1:{port}")]
    flags = ("--genesis", str(genesis), "--port", str(own), "--no-mdns", *others)
    return Daemon(directory / name, *flags)


def is_lit(seen: Fields) -> bool:
    return seen["rung"] == "COMMITTED" and seen["is_selected"] is True


def status_when(daemon: Daemon, key: str, wanted: object, seconds: float) -> Fields:
    """Return the status of a device once a field of it says this."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        status = daemon.ask("status")
        if status[key] == wanted:
            return status
        time.sleep(0.5)
    raise AssertionError(f"no {key} {wanted} in {seconds} s\n{daemon.log()}")


@pytest.mark.timeout(240)
@pytest.mark.spec("MRG-022", "MRG-024", "MRG-032", "MRG-033", "MRG-034", "MRG-041")
def test_daemons_of_two_circles_that_meet_become_one_circle(tmp_path: Path) -> None:
    ports = free_ports(5)
    names = {"large": ["a", "b", "c"], "small": ["d", "e"]}
    geneses = {}
    for circle, members in names.items():
        (tmp_path / circle).mkdir()
        geneses[circle] = new_circle(tmp_path / circle, members, "--policy", "open")
    places = [(circle, name) for circle, members in names.items() for name in members]
    daemons = [
        started(tmp_path / circle, name, geneses[circle], ports, port)
        for (circle, name), port in zip(places, ports, strict=True)
    ]
    seeds = keystore.load(tmp_path / "small" / "d")
    assert seeds is not None
    with running(*daemons):
        for daemon in daemons:
            daemon.watch_until(is_lit, 40)
        large, small = daemons[0].ask("status")["circle"], daemons[4].ask("status")["circle"]
        smilesync("circle", "merge", "on", "--control-socket", str(daemons[3].control))
        found = [status_when(daemon, "circle", large, MERGED_SECONDS_MAX) for daemon in daemons[3:]]
        for daemon in daemons:
            daemon.watch_until(is_lit, 30)
        words = smilesync("status", "--control-socket", str(daemons[3].control)).stdout
        daemons[3].process.kill()
        daemons[3].process.wait()
        again = started(tmp_path / "small", "d", geneses["small"], ports, ports[3])
        with running(again):
            seen = again.watch_until(is_lit, 30)
            status = again.ask("status")

    assert large != small
    assert [one["is_voter"] for one in found] == [False, False]
    assert [one["came_from"] for one in found] == [[small], [small]]
    assert f"you came from {str(small)[:8]}" in words
    assert f"circle-merged circle={str(large)[:8]} of={str(small)[:8]}" in daemons[3].log()
    renewed = keystore.load(tmp_path / "small" / "d")
    assert renewed is not None
    assert renewed.voter != seeds.voter
    assert renewed.identity == seeds.identity
    assert status["circle"] == large, "a restart stays in the larger circle"
    assert status["came_from"] == [small]
    assert status["is_amnesic"] is False
    assert seen["agrees_to_merge"] is True
    assert not any("Traceback" in daemon.log() for daemon in daemons)
