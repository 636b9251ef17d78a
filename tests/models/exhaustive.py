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


class Unfinished(Exception):
    """A search did not come to its end, and so has shown nothing; the text says why."""


class Search(NamedTuple):
    """One exhaustive search. `is_clean`: nothing may be found; else something must."""

    name: str
    model: str
    defines: tuple[str, ...]
    is_clean: bool
    rules: tuple[str, ...]


SLOT = "slot.pml"
TWO_VIEWS = ("VIEWS=2", "ONLY_AGREEMENT")
POWER_FAILS = (*TWO_VIEWS, "CRASH")
SEARCHES = (
    Search("one slot, 3 views", SLOT, ("VIEWS=3",), True,
           ("CIR-002", "CIR-017", "CIR-018", "CIR-023", "CIR-040", "CIR-046")),
    Search("one slot, 2 views, power fails", SLOT, ("VIEWS=2", "CRASH"), True,
           ("CIR-020", "CIR-050")),
    Search("fault: skipped views need no nullification", SLOT,
           (*TWO_VIEWS, "FAULT_SKIPPED_VIEWS"), False, ("CIR-023",)),
    Search("fault: another value is carried than notarized", SLOT,
           (*TWO_VIEWS, "FAULT_CARRIED_UNSEEN"), False, ("CIR-023",)),
    Search("fault: NULLIFY and FINALIZE in one view", SLOT,
           (*TWO_VIEWS, "FAULT_BOTH_ALLOWED"), False, ("CIR-018",)),
    Search("fault: two NOTARIZE in one view", SLOT,
           (*TWO_VIEWS, "FAULT_TWO_NOTARIZED"), False, ("CIR-017",)),
    Search("fault: FINALIZE without a notarization", SLOT,
           (*TWO_VIEWS, "FAULT_FINALIZE_UNNOTARIZED"), False, ("CIR-046",)),
    Search("fault: a vote is sent before it is durable", SLOT,
           (*POWER_FAILS, "FAULT_SENT_BEFORE_DURABLE"), False, ("CIR-050",)),
    Search("fault: a restart forgets its votes", SLOT,
           (*POWER_FAILS, "FAULT_RESTART_FORGETS"), False, ("CIR-020",)),
    Search("fault: a quorum of one less", SLOT, (*TWO_VIEWS, "NEED=1"), False, ("CIR-002",)),
    Search("f + 1 liars", SLOT, (*TWO_VIEWS, "HONEST=2", "NEED=1"), False, ("CIR-002",)),
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
    """Search all states of one model; raises Unfinished when it cannot."""
    with tempfile.TemporaryDirectory(prefix="smilesync-model-") as scratch:
        defines = [f"-D{define}" for define in wanted.defines]
        _run(["spin", "-a", *defines, str(folder / wanted.model)], scratch)
        flags = ["-O2", "-w", "-DSAFETY", "-DNOREDUCE", MEMORY]
        _run(["gcc", *flags, "-o", "pan", "pan.c"], scratch)
        return _read(_run(["./pan", DEPTH_MAX, TABLE_BITS], scratch))


def searches() -> Iterator[tuple[Search, Found | Unfinished]]:
    """Run them all, in order; one that does not end does not keep the others from it."""
    for wanted in SEARCHES:
        try:
            yield wanted, search(wanted)
        except Unfinished as error:
            yield wanted, error


def _run(command: list[str], folder: str) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unfinished(f"{command[0]} did not end in {SECONDS_MAX} s") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines() or ["nothing"]
        raise Unfinished(f"{command[0]} exits {done.returncode}: {said[-1]}")
    return done.stdout


def _read(printed: str) -> Found:
    """Read what was printed; raises Unfinished unless the search ended or broke an assertion."""
    errors = re.search(r"errors: (\d+)", printed)
    states = re.search(r"([\d.e+]+) states, stored", printed)
    if errors is None or states is None:
        raise Unfinished("no verdict was printed")
    count = int(float(states[1]))
    if errors[1] == "0":
        for sign in ("Search not completed", "max search depth too small", "out of memory"):
            if sign in printed:
                raise Unfinished(f"after {count:,} states: {sign}")
        return Found(count, None)
    broken = re.search(r"pan:1: assertion violated.*\(at depth (\d+)\)", printed)
    if broken is None:
        raise Unfinished("an error that is no broken assertion")
    return Found(count, f"after {broken[1]} steps")
