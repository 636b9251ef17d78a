"""`smilesim list`: the scenarios that come with the simulator."""

import argparse

from smilesim import scenario, swarm
from smilesim.commands import EXIT_PASS, arguments, terminal
from smilesim.commands.arguments import Commands


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Declare the arguments."""
    parser = commands.add_parser("list", help="list the scenarios")
    arguments.add_json(parser)
    parser.set_defaults(act=run)


def run(options: argparse.Namespace) -> int:
    """Print a line for each scenario; `swarm` draws its seconds and its people from the seed."""
    arguments.check_writable("--json", options.json)
    listed = [scenario.load(name) for name in scenario.names()]
    rows: list[dict[str, str | int | None]] = [
        {"name": one.name, "seconds": one.seconds, "peers": one.peers, "summary": one.summary}
        for one in listed
    ]
    rows.append({"name": swarm.NAME, "seconds": None, "peers": None, "summary": swarm.SUMMARY})
    terminal.write_json(rows, options.json)
    if options.json != arguments.STANDARD_OUTPUT:
        for row in rows:
            seconds = "" if row["seconds"] is None else f"{row['seconds']} s"
            print(f"{row['name']:<10} {seconds:>6}  {row['summary']}")
    return EXIT_PASS
