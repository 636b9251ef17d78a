"""Large pages change when a city is done, and nothing else."""

import mmap
import os
from pathlib import Path

import pytest

from smilesim import city, largepages
from smilesim.crowd import district
from smilesim.largepages import PAGE_BYTES, lay_together
from smilesim.scenario import load

OWN = Path("/proc/self/smaps_rollup")
CONTROL = Path("/sys/kernel/mm/transparent_hugepage")
PAGES = 8


def _linux() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])


def _large_kib() -> int:
    return int(OWN.read_text(encoding="ascii").partition("AnonHugePages:")[2].split()[0])


def _digest() -> str:
    run = city.City(city.Plan(load("calm"), district(24, 1), seed=3, seconds=3))
    run.run()
    return run.trace.digest()


@pytest.mark.skipif(
    not CONTROL.exists() or _linux() < (6, 1), reason="gives no large pages when asked: Linux 6.1"
)
def test_memory_that_is_in_use_is_laid_together_and_holds_what_it_held() -> None:
    with mmap.mmap(-1, (PAGES + 1) * PAGE_BYTES, flags=mmap.MAP_PRIVATE) as held:
        word = b"smile..." * (len(held) // 8)
        held.write(word)
        before_kib = _large_kib()

        laid_mib = lay_together()

        assert laid_mib << 20 >= PAGES * PAGE_BYTES
        assert _large_kib() - before_kib >= PAGES * PAGE_BYTES >> 10
        assert held[:] == word


def test_where_memory_is_not_shown_nothing_is_laid(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(largepages, "MAPS", tmp_path / "none")

    assert lay_together() == 0


def test_neither_files_nor_stacks_are_touched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "7f0000000000-7f0000400000 r-xp 00000000 08:01 77 /usr/lib/some.so\n"
        "7f0000400000-7f0000800000 rw-p 00400000 08:01 77 /usr/lib/some.so\n"
        "7f0000800000-7f0000c00000 ---p 00000000 00:00 0\n"
        "7f0000c00000-7f0001000000 rw-s 00000000 00:05 9 /dev/zero (deleted)\n"
        "7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0 [stack]\n"
    )
    monkeypatch.setattr(largepages, "MAPS", maps)

    assert list(largepages._ranges()) == []


def test_the_city_is_the_same_in_large_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    small = _digest()
    monkeypatch.setattr(city, "PEERS_MIN", 1)
    monkeypatch.setattr(city, "lay_together", lambda: asked.append(lay_together()))

    assert _digest() == small
    assert len(asked) > 3, "as it grows"
