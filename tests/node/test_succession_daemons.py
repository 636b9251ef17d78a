"""Real processes: two of four devices are gone for good, the others found a successor."""

import time
from pathlib import Path

import pytest

from smilesyncd import keystore
from support.daemons import Daemon, Fields, free_ports, new_circle, running, smilesync

FOUND_SECONDS_MAX = 110


def started(directory: Path, name: str, genesis: Path, ports: list[int], own: int) -> Daemon:
    others = [word for port in ports if port != own for word in ("--peer", f"127.0.0.1:{port}")]
    flags = ("--genesis", str(genesis), "--port", str(own), "--no-mdns", *others)
    return Daemon(directory / name, *flags)


def is_lit(seen: Fields) -> bool:
    return seen["rung"] == "COMMITTED" and seen["is_selected"] is True


def moved(daemon: Daemon, origin: object, seconds: float) -> Fields:
    """Return the status of a device once it is in a successor."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        status = daemon.ask("status")
        if status["succeeds"] == origin:
            return status
        time.sleep(0.5)
    raise AssertionError(f"no successor in {seconds} s\n{daemon.log()}")


@pytest.mark.timeout(240)
@pytest.mark.spec("SUC-010", "SUC-011", "SUC-031", "SUC-032", "SUC-034")
def test_daemons_that_are_left_found_a_successor_and_stay_in_it(tmp_path: Path) -> None:
    names = ["a", "b", "c", "d"]
    genesis = new_circle(tmp_path, names, "--policy", "invite")
    ports = free_ports(4)
    daemons = [
        started(tmp_path, name, genesis, ports, own) for name, own in zip(names, ports, strict=True)
    ]
    seeds = keystore.load(tmp_path / "a")
    assert seeds is not None
    with running(*daemons):
        for daemon in daemons:
            daemon.watch_until(is_lit, 40)
        origin = daemons[0].ask("status")["circle"]
        for daemon in daemons[2:]:
            daemon.process.kill()
            daemon.process.wait()

        found = [moved(daemon, origin, FOUND_SECONDS_MAX) for daemon in daemons[:2]]
        for daemon in daemons[:2]:
            daemon.watch_until(is_lit, 20)
        words = smilesync("status", "--control-socket", str(daemons[0].control)).stdout
        daemons[0].process.kill()
        daemons[0].process.wait()
        again = started(tmp_path, "a", genesis, ports, ports[0])
        with running(again):
            seen = again.watch_until(is_lit, 30)
            status = again.ask("status")

    assert found[0]["circle"] == found[1]["circle"] != origin
    assert [one["is_voter"] for one in found] == [True, True]
    assert f"successor of {str(origin)[:8]}" in words
    assert f"circle-succeeded circle={str(found[0]['circle'])[:8]}" in daemons[0].log()
    assert f"circle-abandoned circle={str(origin)[:8]}" in daemons[0].log()
    renewed = keystore.load(tmp_path / "a")
    assert renewed is not None
    assert renewed.voter != seeds.voter
    assert renewed.identity == seeds.identity
    assert status["circle"] == found[0]["circle"], "a restart stays in the successor"
    assert status["is_amnesic"] is False
    assert isinstance(seen["slot"], int)
    assert "Traceback" not in daemons[0].log() + daemons[1].log()
