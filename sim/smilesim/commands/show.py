"""`smilesim show`: what a scenario does, before it is run."""

import argparse
import json
import sys

from rich.console import Console

from smilesim import scenario, swarm, timeline
from smilesim.commands import EXIT_PASS, arguments
from smilesim.commands.arguments import Commands
from smilesim.faults.table import KINDS, over_s
from smilesim.liveness import healed_s
from smilesim.scenario import Scenario
from smilesync.errors import SettingsError


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Declare the arguments."""
    parser = commands.add_parser("show", help="show what a scenario does, or every kind of fault")
    parser.add_argument("scenario", nargs="?", help="a name from `smilesim list`, or a .toml file")
    parser.add_argument("--seed", type=arguments.seed, default=1, help="draws the swarm")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--kinds", action="store_true", help="show the kinds of faults and their keys"
    )
    form.add_argument("--toml", action="store_true", help="print a file that says the same")
    form.add_argument("--json", action="store_true", help="print it for a program")
    parser.set_defaults(act=run)


def run(options: argparse.Namespace) -> int:
    """Print a scenario in one of its forms."""
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    if options.kinds:
        for line in timeline.kinds():
            console.print(line)
        return EXIT_PASS
    if options.scenario is None:
        raise SettingsError("show: expected a scenario, or --kinds")
    chosen = swarm.resolve(options.scenario, options.seed)
    if options.toml:
        print(scenario.render(chosen), end="")
    elif options.json:
        print(json.dumps(_plain(chosen), indent=2))
    else:
        for line in timeline.drawn(chosen, console.width):
            console.print(line)
    return EXIT_PASS


def _plain(chosen: Scenario) -> dict[str, object]:
    return {
        "name": chosen.name,
        "summary": chosen.summary,
        "seconds": chosen.seconds,
        "peers": chosen.peers,
        "weather": scenario.weather_numbers(chosen.weather),
        "faults": [
            {
                "kind": fault.kind,
                "meaning": KINDS[fault.kind].meaning,
                "over_s": over_s(fault),
                "numbers": dict(fault.numbers),
            }
            for fault in chosen.faults
        ],
        "expect": dict(chosen.expect),
        "healed_s": healed_s(chosen),
        "digest": scenario.digest(chosen),
    }
