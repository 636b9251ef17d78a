"""Runs Spin on a Promela model, once as the rules are and once for each of its faults."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent
TABLE_BITS = "-w25"
DEPTH_MAX = "-m100000"
MEMORY = "-DMEMLIM=4096"
SECONDS_MAX = 150
TOOLS = ("spin", "gcc")


class Missing(Exception):
    """A tool is not on this machine; the text says what to install."""


class Search(NamedTuple):
    """One exhaustive search. `is_clean`: nothing may be found; else something must."""

    name: str
    model: str
    defines: tuple[str, ...]
    is_clean: bool
    rules: tuple[str, ...]


SLOT = "slot.pml"
SEARCHES = (
    Search("one slot, 3 views", SLOT, ("VIEWS=3",), True,
           ("CIR-002", "CIR-017", "CIR-018", "CIR-023", "CIR-040")),
    Search("one slot, 2 views, power fails", SLOT, ("VIEWS=2", "CRASH"), True,
           ("CIR-020", "CIR-050")),
    Search("fault: skipped views need no nullification", SLOT,
           ("VIEWS=2", "FAULT_SKIPPED_VIEWS"), False, ("CIR-023",)),
    Search("fault: NULLIFY and FINALIZE in one view", SLOT,
           ("VIEWS=2", "FAULT_BOTH_ALLOWED"), False, ("CIR-018",)),
    Search("fault: a vote is sent before it is durable", SLOT,
           ("VIEWS=2", "CRASH", "FAULT_SENT_BEFORE_DURABLE"), False, ("CIR-050",)),
    Search("fault: a quorum of one less", SLOT, ("VIEWS=2", "NEED=1"), False, ("CIR-002",)),
    Search("f + 1 liars", SLOT, ("VIEWS=2", "HONEST=2", "NEED=1"), False, ("CIR-002",)),
)  # fmt: skip


class Found(NamedTuple):
    """How a search ended: how many states it saw, and the claim that broke, if one did."""

    states: int
    broken: str | None


def check_tools() -> None:
    """Raise Missing unless everything is there."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        names = " ".join(missing)
        raise Missing(f"{names}: not found; try: sudo apt install {names}")


def search(wanted: Search, folder: Path = FOLDER) -> Found:
    """Search all states of one model; raises subprocess errors when it cannot."""
    with tempfile.TemporaryDirectory(prefix="smilesync-model-") as scratch:
        defines = [f"-D{define}" for define in wanted.defines]
        _run(["spin", "-a", *defines, str(folder / wanted.model)], scratch)
        flags = ["-O2", "-w", "-DSAFETY", "-DNOREDUCE", MEMORY]
        _run(["gcc", *flags, "-o", "pan", "pan.c"], scratch)
        return _read(_run(["./pan", DEPTH_MAX, TABLE_BITS], scratch))


def searches() -> Iterator[tuple[Search, Found]]:
    """Run them all, in order."""
    for wanted in SEARCHES:
        yield wanted, search(wanted)


def _run(command: list[str], folder: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=True,
    )
    return done.stdout


def _read(printed: str) -> Found:
    """Read what the search printed; one that did not come to its end has shown nothing."""
    errors = re.search(r"errors: (\d+)", printed)
    states = re.search(r"([\d.e+]+) states, stored", printed)
    assert errors is not None, printed
    assert states is not None, printed
    broken = re.search(r"pan:1: (.*?)\s*\(at depth (\d+)\)", printed)
    if errors[1] == "0":
        assert "Search not completed" not in printed, printed
        assert "max search depth too small" not in printed, printed
        return Found(int(float(states[1])), None)
    assert broken is not None, printed
    return Found(int(float(states[1])), f"after {broken[2]} steps")
