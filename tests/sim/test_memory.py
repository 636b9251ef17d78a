"""The estimate of a run's memory is what runs were found to need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smilesim import memory
from smilesim.crowd import Crowd, district
from smilesim.meadow import meadow

ROOT = Path(__file__).resolve().parent.parent.parent


def found_mib(peers: int) -> float:
    """Return the largest resident size of a process that runs so many peers."""
    run = [sys.executable, "-m", "smilesim.main", "run", "calm", "--seconds", "8", "--json", "-"]
    paths = [str(ROOT / part) for part in ("protocol", "node", "sim")]
    done = subprocess.run(
        [*run, "--peers", str(peers)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        check=False,
    )
    found: float = json.loads(done.stdout)["figures"]["memory_mib"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("peers", [500, 2_000])
def test_the_estimate_is_within_30_percent_of_what_a_run_takes(peers: int) -> None:
    estimated_mib = memory.estimate_mib(district(peers, 1))

    assert estimated_mib == pytest.approx(found_mib(peers), rel=0.3)


def test_a_circle_that_is_followed_over_others_needs_what_a_blackout_of_1000_took() -> None:
    assert memory.estimate_mib(meadow(1_000, 1_000, 1)) == pytest.approx(240, rel=0.05)


def test_more_people_and_more_of_them_in_range_need_more() -> None:
    alone = Crowd(((0, 0),) * 1_000, ((0,),), ())
    near = Crowd(((0, 0),) * 1_000, ((0,),), tuple((0, other) for other in range(1, 1_000)))

    assert memory.estimate_mib(alone) < memory.estimate_mib(near)
    assert memory.estimate_mib(near) < memory.estimate_mib(district(10_000, 1))


def test_this_machine_has_memory() -> None:
    assert 16 < memory.available_mib() < 1 << 24


def test_without_a_list_of_memory_the_machine_is_asked_for_its_pages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")

    assert 16 < memory.available_mib() < 1 << 24


def test_what_the_process_may_have_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("104857600\n")
    (tmp_path / "memory.stat").write_text("anon 41943040\nfile 9\n")
    assert memory.available_mib() == 60
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available_mib() != 60

    mib, statm = 1 << 20, tmp_path / "statm"
    statm.write_text(f"{40 * mib // os.sysconf('SC_PAGE_SIZE')} 1 1 0 0 0 0\n")
    monkeypatch.setattr(memory, "STATM", statm)
    monkeypatch.setattr("resource.getrlimit", lambda _: (100 * mib, 100 * mib))
    assert memory.available_mib() == 60
    # What limits one process limits each, and a container all of them together.
    assert memory.available_mib(2) == 120
    (tmp_path / "memory.max").write_text("104857600\n")
    assert memory.available_mib(2) == 60
