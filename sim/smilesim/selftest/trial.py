"""Tries every bug of the catalogue on its ground, and the ground without it.

A ground on which a check complains without any bug proves nothing: its bugs then count as missed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smilesim.selftest.bug import Bug, Finding, Ground, planted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one bug: which check caught it first, "" if none did, and what it said."""

    bug: Bug
    caught_by: str
    detail: str


def try_all(bugs: Sequence[Bug]) -> Iterator[Outcome]:
    """Try bugs in order; yields what became of each. Errors: KeyboardInterrupt, as `run_whole`."""
    sound: dict[str, list[Finding]] = {}
    for bug in bugs:
        yield _try(bug, sound)


def _try(bug: Bug, sound: dict[str, list[Finding]]) -> Outcome:
    """Try one bug; the ground is tried without it once."""
    if bug.ground.name not in sound:
        sound[bug.ground.name] = bug.ground.run()
    without = sound[bug.ground.name]
    if without:
        rule, detail = without[0]
        return Outcome(bug, "", f"without the bug {rule} complains already: {detail}")
    found = _found(bug, bug.ground)
    if not found:
        return Outcome(bug, "", f"nobody noticed in {bug.ground.name}")
    return Outcome(bug, *found[0])


def _found(bug: Bug, ground: Ground) -> list[Finding]:
    with planted(bug):
        return ground.run()
