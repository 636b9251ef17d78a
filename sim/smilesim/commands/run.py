"""`smilesim run`: a city lives through a scenario, and says whether its promises held."""

import argparse
import gc
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from smilesim import scenario, swarm
from smilesim.commands import EXIT_FAIL, EXIT_PASS, arguments, terminal
from smilesim.commands.arguments import Commands
from smilesync.errors import SettingsError

if TYPE_CHECKING:
    from smilesim.city import City, Probe
    from smilesim.recipe import Recipe
    from smilesim.replay import Replay

SEED = 1
VILLAINS_MAX = 64
DECIDING = (
    "scenario",
    "peers",
    "circle_size",
    "seed",
    "seconds",
    "contacts",
    "fidelity",
    "keep_going",
    "villains",
)
"""Options that decide what happens: a stored run has decided them long ago."""

MORE = "more of it free"


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Declare the arguments."""
    parser = commands.add_parser("run", help="run a scenario and judge it")
    parser.add_argument("scenario", nargs="?", help="a name from `smilesim list`, or a .toml file")
    parser.add_argument("--peers", type=arguments.peers, metavar="N", help="how many devices")
    parser.add_argument(
        "--circle-size",
        type=arguments.peers,
        metavar="N",
        help="one circle of every N people, with followers; else friends make small circles",
    )
    parser.add_argument(
        "--seed", type=arguments.seed, metavar="S", help="decides all chance; 1 if not given"
    )
    parser.add_argument(
        "--seconds", type=arguments.seconds, metavar="T", help="virtual seconds to run"
    )
    parser.add_argument("--contacts", type=Path, metavar="FILE", help="lines `t i j`, maybe gzip")
    parser.add_argument(
        "--fidelity",
        metavar="NAME",
        help="how much is real: tagged, fast, wire or daemon; fast if not given",
    )
    parser.add_argument(
        "--villains",
        type=arguments.whole(0, VILLAINS_MAX),
        metavar="K",
        help="voters of each circle that may turn; f, the most it can bear, if not given",
    )
    parser.add_argument(
        "--keep-going",
        action="store_true",
        default=None,
        help="note broken promises and go on; else the first ends the run",
    )
    parser.add_argument(
        "--twice", action="store_true", help="run again in a process of its own, and compare"
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="write a replay file")
    parser.add_argument(
        "--checkpoint-every", type=arguments.seconds, metavar="T", help="store the city that often"
    )
    parser.add_argument("--checkpoint-to", type=Path, metavar="DIR", help="and store it there")
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="go on from a checkpoint that you made"
    )
    arguments.add_json(parser)
    parser.set_defaults(act=run)


def run(options: argparse.Namespace) -> int:
    """Run, judge, report."""
    _check_options(options)
    # Imported late: usage errors need neither trio nor the cryptography.
    from smilesim import replay, summary
    from smilesim.report import report

    recipe, city = _resumed(options) if options.resume else _settled(options)
    with terminal.bar(recipe) as progress:
        city.run(progress, _probes(options, recipe))
    result = report(city)
    if options.json != arguments.STANDARD_OUTPUT:
        summary.show(result)
    answer: dict[str, object] = {**result}
    is_pass = result["verdict"] == "pass"
    if city.interrupted:
        terminal.remark("interrupted: neither recorded nor compared")
    elif options.record or options.twice or not is_pass:
        first = replay.of(recipe, city)
        _record(first, options.record, is_pass=is_pass)
        if options.twice:
            answer["twice"] = again = _run_again(first)
            is_pass = is_pass and bool(again["is_same"])
    terminal.write_json(answer, options.json)
    gc.freeze()  # the process ends with the city: nobody need look for what of it is garbage
    return EXIT_PASS if is_pass else EXIT_FAIL


def _check_options(options: argparse.Namespace) -> None:
    """Refuse what makes no sense, before anything runs."""
    if options.resume is not None:
        for name in DECIDING:
            if getattr(options, name) is not None:
                option = name if name == "scenario" else f"--{name.replace('_', '-')}"
                raise SettingsError(f"--resume: expected no {option}, the checkpoint decides it")
    elif options.scenario is None:
        raise SettingsError("run: expected a scenario, by name or as a TOML file")
    if (options.checkpoint_every is None) != (options.checkpoint_to is None):
        raise SettingsError("--checkpoint-every T, --checkpoint-to DIR: expected both or none")
    inputs = (options.scenario, options.contacts, options.resume)
    arguments.check_writable("--json", options.json, inputs)
    arguments.check_writable("--record", options.record, inputs)
    arguments.check_apart({"--json": options.json, "--record": options.record})
    arguments.check_folder("--checkpoint-to", options.checkpoint_to)


def _check_replay(options: argparse.Namespace, recipe: "Recipe") -> None:
    """Refuse a report where a run that fails would be recorded."""
    from smilesim import replay

    recorded = options.record or replay.file_name(recipe)
    arguments.check_apart({"the replay of a failing run": recorded, "--json": options.json})


def _settled(options: argparse.Namespace) -> "tuple[Recipe, City]":
    """Return what the options ask for, and the city that follows from it."""
    from smilesim.commands import room
    from smilesim.fidelity import DAEMON, FAST
    from smilesim.recipe import Recipe, crowd, settle, with_contacts, with_villains

    seed: int = SEED if options.seed is None else options.seed
    chosen = swarm.resolve(options.scenario, seed)
    chosen = scenario.lasting(chosen, options.seconds or chosen.seconds)
    chosen = replace(
        chosen,
        peers=options.peers or chosen.peers,
        circle_size=options.circle_size or chosen.circle_size,
    )
    chosen = with_villains(chosen, options.villains)
    fidelity: str = options.fidelity or FAST
    if fidelity == DAEMON and options.checkpoint_to is not None:
        raise SettingsError(
            "--checkpoint-to: expected any --fidelity but daemon; tasks are not stored"
        )
    recipe = Recipe(chosen, seed, fidelity, keep_going=bool(options.keep_going))
    if options.contacts is not None:
        recipe = with_contacts(recipe, options.contacts, options.peers)
    _check_replay(options, recipe)
    room.check(recipe, "fewer --peers", is_twice=options.twice)
    return recipe, settle(recipe, crowd(recipe))


def _resumed(options: argparse.Namespace) -> "tuple[Recipe, City]":
    """Return a stored city, and what it follows from."""
    from smilesim import checkpoint
    from smilesim.commands import room

    needed_mib = (1 + options.twice) * checkpoint.memory_mib(options.resume)
    room.tell("what is stored", needed_mib, MORE, processes=1 + options.twice)
    stored = checkpoint.read(options.resume)
    _check_replay(options, stored.recipe)
    terminal.remark(f"going on after {stored.city.world.tick / 1000:g} virtual seconds")
    return stored.recipe, stored.city


def _probes(options: argparse.Namespace, recipe: "Recipe") -> "list[Probe]":
    from smilesim.checkpoint import Keeper

    if options.checkpoint_to is None:
        return []
    return [Keeper(recipe, options.checkpoint_every, options.checkpoint_to, terminal.remark)]


def _record(first: "Replay", path: Path | None, *, is_pass: bool) -> None:
    """Write a replay file where it is wanted, and here for a run that somebody must look into."""
    from smilesim import replay

    if path is None and is_pass:
        return
    path = path or Path(replay.file_name(first.recipe))
    try:
        replay.write(path, first)
    except SettingsError as error:
        terminal.remark(str(error))
        return
    file = terminal.typed(path)
    terminal.remark(f"to repeat this run: smilesim replay {file}")
    if not is_pass:
        terminal.remark(f"to make it smaller: smilesim shrink {file}")


def _run_again(first: "Replay") -> dict[str, bool | int | None]:
    """Compare with a second run, and say so; `is_same` is None if that could not be done."""
    from smilesim import twice

    is_same, second = None, None
    try:
        is_same, second = twice.run_again(first)
    except KeyboardInterrupt:
        terminal.remark("run twice: interrupted, not compared")
    except subprocess.CalledProcessError as error:
        terminal.remark(f"run twice: not compared, the other process ended with {error.returncode}")
    if is_same:
        terminal.remark("run twice: the same, also in another process with other hashes")
    elif second is not None:
        terminal.remark(f"run twice: NOT the same, from virtual second {second} on")
    elif is_same is False:
        terminal.remark("run twice: NOT the same, it broke other promises")
    return {"is_same": is_same, "first_difference_s": second}
