"""`smilesim shrink`: makes a recorded failing run small, and still failing."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from smilesim.commands import EXIT_FAIL, EXIT_PASS, arguments, terminal
from smilesim.commands.arguments import Commands
from smilesync.errors import SettingsError

if TYPE_CHECKING:
    from smilesim.replay import Replay
    from smilesim.shrink import Shrinker

TRIES = 100
TRIES_MAX = 10_000


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Declare the arguments."""
    parser = commands.add_parser("shrink", help="make a recorded failing run small")
    parser.add_argument("file", type=Path, help="the replay file of a run that broke a rule")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write the smallest run there")
    parser.add_argument(
        "--tries",
        type=arguments.whole(1, TRIES_MAX),
        metavar="N",
        default=TRIES,
        help=f"how many runs at most; {TRIES} if not given",
    )
    parser.set_defaults(act=run)


def run(options: argparse.Namespace) -> int:
    """Exit 0 when the smallest run was found, 1 when tries, patience or disk ended before."""
    from smilesim import replay
    from smilesim.commands import room
    from smilesim.shrink import Shrinker

    target: Path = options.to or _beside(options.file)
    found = replay.read(options.file)
    if not found.broken:
        raise SettingsError(f"{options.file}: expected a run that broke a rule; this one passed")
    source = found.recipe.contacts
    inputs = (options.file, source.path if source is not None else None)
    arguments.check_writable("--to", target, inputs)
    room.check(found.recipe, "more of it free")
    terminal.check_code(found)
    shrinker = Shrinker(found, replay.record)
    terminal.remark(f"looking for the smallest run that breaks {shrinker.rule}")
    try:
        for attempt in shrinker.attempts(options.tries):
            outcome = "still broken" if attempt.is_broken else "not broken"
            terminal.progress(f"{shrinker.tries:>4}  {outcome}  {attempt.change}")
    except KeyboardInterrupt:
        terminal.remark("interrupted: this is what was reached")
    print(_summary(found, shrinker))
    try:
        replay.write(target, shrinker.best)
    except SettingsError as error:
        # No fault of the options: the disk was full, after all this time.
        terminal.remark(str(error))
        return EXIT_FAIL
    print(f"to repeat it: smilesim replay {shlex.quote(str(target))}")
    return EXIT_PASS if shrinker.is_minimal else EXIT_FAIL


def _beside(path: Path) -> Path:
    stem, dot, rest = path.name.partition(".")
    return path.with_name(f"{stem}-small{dot}{rest}")


def _summary(found: "Replay", shrinker: "Shrinker") -> str:
    before, after = found.recipe.scenario, shrinker.best.recipe.scenario
    tries = "1 try" if shrinker.tries == 1 else f"{shrinker.tries} tries"
    end = "nothing more can be left out" if shrinker.is_minimal else "maybe more can be left out"
    return (
        f"{shrinker.rule} is broken by {after.peers} of {before.peers} peers in {after.seconds} of "
        f"{before.seconds} seconds with {len(after.faults)} of {len(before.faults)} faults\n"
        f"{tries}, {end}"
    )
