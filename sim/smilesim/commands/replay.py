"""`smilesim replay`: repeats a recorded run, and says whether it is the same."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from smilesim.commands import EXIT_FAIL, EXIT_PASS, arguments, terminal
from smilesim.commands.arguments import Commands
from smilesim.engine import TICKS_PER_SECOND
from smilesync.errors import SettingsError

if TYPE_CHECKING:
    from smilesim.replay import Replay
    from smilesim.violations import Violation


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Declare the arguments."""
    parser = commands.add_parser("replay", help="repeat a recorded run, and compare")
    parser.add_argument("file", type=Path, help="what `smilesim run --record` wrote")
    parser.add_argument("--contacts", type=Path, metavar="FILE", help="where the recording is now")
    arguments.add_json(parser)
    parser.set_defaults(act=run)


def run(options: argparse.Namespace) -> int:
    """Exit 0 if the run is the same, whatever its verdict, and 1 if it is not."""
    from smilesim import recipe, replay
    from smilesim.commands import room
    from smilesim.report import report

    recorded = replay.read(options.file)
    asked = recorded.recipe
    if options.contacts is not None:
        if asked.contacts is None:
            raise SettingsError("--contacts: expected none, this run had no recording")
        asked = replace(asked, contacts=replace(asked.contacts, path=options.contacts))
    recording = asked.contacts.path if asked.contacts is not None else None
    arguments.check_writable("--json", options.json, (options.file, recording))
    room.check(asked, "more of it free")
    terminal.check_code(recorded)
    city = recipe.settle(asked, recipe.crowd(asked))
    with terminal.bar(asked) as progress:
        city.run(progress)
    answer = {"is_same": None, "first_difference_s": None, "report": report(city)}
    if city.interrupted:
        terminal.remark("interrupted: nothing to compare")
        terminal.write_json(answer, options.json)
        return EXIT_FAIL
    found = replay.of(asked, city)
    second = replay.first_difference_s(recorded, found)
    is_same = second is None and replay.is_judged_the_same(recorded, found)
    terminal.write_json({**answer, "is_same": is_same, "first_difference_s": second}, options.json)
    if options.json != arguments.STANDARD_OUTPUT:
        print(_comparison(recorded, found, second, is_same=is_same))
    return EXIT_PASS if is_same else EXIT_FAIL


def _comparison(recorded: "Replay", found: "Replay", second: int | None, *, is_same: bool) -> str:
    """Return the answer in lines for a person."""
    from smilesim.fidelity import mention

    chosen, fidelity = recorded.recipe.scenario, recorded.recipe.fidelity
    lines = [
        f"{chosen.name}: {chosen.peers} peers, seed {recorded.recipe.seed}, {mention(fidelity)}"
        f"{len(found.digest_by_second)} of {chosen.seconds} virtual seconds",
        f"recorded  {recorded.digest[:16]}  {_outcome(recorded)}",
        f"now       {found.digest[:16]}  {_outcome(found)}",
    ]
    if is_same:
        lines.append("the same in every second")
    elif second is None:
        lines.append("NOT the same: every second is, and other promises are found broken")
    else:
        lines.append(f"NOT the same: differs from virtual second {second} on")
    return "\n".join(lines)


def _outcome(one: "Replay") -> str:
    """Return what failed the run first, else what was broken that nobody promised."""
    if one.broken:
        return _told(one.broken[0])
    conceded = f" but what was conceded: {_told(one.violations[0])}" if one.violations else ""
    return f"nothing broken{conceded}"


def _told(first: "Violation") -> str:
    who = f", peer {first.peer}" if first.peer >= 0 else ""
    return f"{first.rule} at {first.tick / TICKS_PER_SECOND:.3f} s{who}: {first.detail}"
