"""`smilesim list`: the scenarios that come with the simulator."""

import argparse
import shutil
import sys
import textwrap

from smilesim import scenario, swarm
from smilesim.commands import EXIT_PASS, arguments, terminal
from smilesim.commands.arguments import Commands


def add(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Declare the arguments."""
    parser = commands.add_parser("list", help="list the scenarios")
    arguments.add_json(parser)
    parser.set_defaults(act=run)


def run(options: argparse.Namespace) -> int:
    """Print a line for each scenario; what is drawn has its seconds and people from its seed."""
    arguments.check_writable("--json", options.json)
    listed = [scenario.load(name) for name in scenario.names()]
    rows: list[dict[str, str | int | None]] = [
        {"name": one.name, "seconds": one.seconds, "peers": one.peers, "summary": one.summary}
        for one in listed
    ]
    rows += [
        {"name": name, "seconds": None, "peers": None, "summary": summary}
        for name, summary in swarm.DRAWN.items()
    ]
    terminal.write_json(rows, options.json)
    if options.json != arguments.STANDARD_OUTPUT:
        for row in rows:
            seconds = "" if row["seconds"] is None else f"{row['seconds']} s"
            head = f"{row['name']:<10} {seconds:>6}  "
            print(_wrapped(head, str(row["summary"])))
    return EXIT_PASS


def _wrapped(head: str, text: str) -> str:
    """Return head and text, on a terminal in lines that fit; for a program in one line."""
    width = shutil.get_terminal_size().columns
    if not sys.stdout.isatty() or width <= 2 * len(head):
        return head + text
    return textwrap.fill(text, width, initial_indent=head, subsequent_indent=" " * len(head))
