"""`smilesim selftest`: plants bugs in the core, one by one, and says which check caught each."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from smilesim.commands import EXIT_FAIL, EXIT_PASS, arguments, terminal
from smilesim.commands.arguments import Commands
from smilesync.errors import SettingsError

if TYPE_CHECKING:
    from smilesim.selftest.bug import Bug
    from smilesim.selftest.trial import Outcome

MISSED = "MISSED"
NAME_WIDTH, RULE_WIDTH = 30, 13


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Declare the arguments."""
    parser = commands.add_parser(
        "selftest", help="plant bugs in the core, and see that the checks catch each"
    )
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="this bug alone; may be given again"
    )
    arguments.add_json(parser)
    parser.set_defaults(act=run)


def run(options: argparse.Namespace) -> int:
    """Try the catalogue, or a part of it."""
    arguments.check_writable("--json", options.json)
    # Imported late: usage errors need neither trio nor the cryptography.
    from smilesim import origin

    if origin.is_compiled():
        raise SettingsError(
            "selftest: expected Python's own code, in which bugs can be planted; this build is "
            "compiled, so run .venv/bin/smilesim after `make setup`"
        )
    from smilesim.selftest.bugs.catalogue import CATALOGUE
    from smilesim.selftest.trial import try_all

    bugs = _chosen(CATALOGUE, options.only)
    outcomes: list[Outcome] = []
    try:
        with _bar(len(bugs)) as tell:
            for outcome in try_all(bugs):
                outcomes.append(outcome)
                if tell is not None:
                    tell()
    except KeyboardInterrupt:
        terminal.remark("interrupted: this is what was tried")
    planted = [_row(one) for one in outcomes]
    terminal.write_json({"planted": planted, "verdict": _verdict(outcomes, bugs)}, options.json)
    if options.json != arguments.STANDARD_OUTPUT:
        for one in outcomes:
            said = f"{one.bug.name:<{NAME_WIDTH}} {one.caught_by or MISSED:<{RULE_WIDTH}}"
            print(f"{said} {one.bug.meaning if one.caught_by else one.detail}")
        print(f"verdict {_verdict(outcomes, bugs)}  {_reason(outcomes, bugs)}")
    return EXIT_PASS if _verdict(outcomes, bugs) == "pass" else EXIT_FAIL


def _chosen(catalogue: "Sequence[Bug]", names: Sequence[str] | None) -> "Sequence[Bug]":
    """Return the bugs of these names, in the order of the catalogue.

    Errors: SettingsError for a name that is none.
    """
    known = [bug.name for bug in catalogue]
    for name in names or ():
        if name not in known:
            raise SettingsError(f"--only {name}: expected one of {', '.join(known)}")
    return [bug for bug in catalogue if not names or bug.name in names]


def _row(outcome: "Outcome") -> dict[str, str | None]:
    return {
        "name": outcome.bug.name,
        "meaning": outcome.bug.meaning,
        "ground": outcome.bug.ground.name,
        "caught_by": outcome.caught_by or None,
        "detail": outcome.detail,
    }


def _verdict(outcomes: "Sequence[Outcome]", bugs: "Sequence[Bug]") -> str:
    if len(outcomes) < len(bugs):
        return "interrupted"
    return "pass" if all(one.caught_by for one in outcomes) else "fail"


def _reason(outcomes: "Sequence[Outcome]", bugs: "Sequence[Bug]") -> str:
    missed = sum(not one.caught_by for one in outcomes)
    of_them = f", {missed} of them missed" if missed else ""
    if len(outcomes) < len(bugs):
        return f"after {len(outcomes)} of {len(bugs)} planted bugs{of_them}"
    if missed:
        return f"{missed} of {len(bugs)} planted bugs were missed"
    return f"all {len(bugs)} planted bugs were caught"


def _bar(bugs: int) -> "AbstractContextManager[Callable[[], None] | None]":
    """Return a progress bar for a person's terminal, nothing for a file or a pipe."""
    if not sys.stderr.isatty():
        return nullcontext()
    from smilesim.progress import trial_bar

    return trial_bar(bugs)
