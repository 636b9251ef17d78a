"""`python -m models`: every model and every fault, one line each.

Exits 1 if a true model has an error or a fault is not found, 2 if a tool is missing.
"""

import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from models import exhaustive, proofs


class Line(NamedTuple):
    """One result. `detail` has how it came out, `is_right` whether it had to."""

    name: str
    is_right: bool
    detail: str
    rules: tuple[str, ...]


def searched() -> Iterator[Line]:
    """Search all states of the slot, and of its faults."""
    for wanted, found in exhaustive.searches():
        if isinstance(found, exhaustive.Unfinished):
            yield Line(wanted.name, False, f"unfinished: {found}", wanted.rules)
            continue
        detail = f"{found.states:,} states, " + (found.broken or "nothing found")
        if found.broken is not None:
            detail = f"broken {found.broken}, {found.states:,} states"
        yield Line(wanted.name, (found.broken is None) == wanted.is_clean, detail, wanted.rules)


def proved() -> Iterator[Line]:
    """Prove every claim, and refute every fault."""
    for claim in proofs.claims():
        is_proved = proofs.is_proved(claim)
        detail = "proved" if is_proved else "refuted"
        yield Line(claim.name, is_proved == claim.is_true, detail, claim.rules)


def report(parts: tuple[Callable[[], Iterator[Line]], ...] = (proved, searched)) -> int:
    """Print every line as it is known; returns the exit code."""
    wrong = 0
    for part in parts:
        started_s = time.monotonic()
        for line in part():
            seconds = time.monotonic() - started_s
            mark = "ok" if line.is_right else "WRONG"
            rules = " ".join(line.rules)
            print(f"{mark:6}{line.name:50}{line.detail:42}{seconds:6.1f} s  {rules}", flush=True)
            wrong += not line.is_right
            started_s = time.monotonic()
    print("every model is clean and every fault was found" if not wrong else f"{wrong} are WRONG")
    return 1 if wrong else 0


def main() -> int:
    """Check that the tools are there, then run everything."""
    try:
        exhaustive.check_tools()
    except exhaustive.Missing as error:
        print(f"models: {error}", file=sys.stderr)
        return 2
    return report()


if __name__ == "__main__":
    sys.exit(main())
