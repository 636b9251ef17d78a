"""`smilesim`: simulates a city from the command line and says whether its promises held."""

import os
import sys
from collections.abc import Callable, Sequence

from smilesim.commands import EXIT_FAIL, EXIT_USAGE
from smilesim.commands import list as list_command
from smilesim.commands import replay as replay_command
from smilesim.commands import run as run_command
from smilesim.commands import show as show_command
from smilesim.commands import shrink as shrink_command
from smilesim.commands import sweep as sweep_command
from smilesim.commands.arguments import Parser
from smilesync.errors import SettingsError

COMMANDS = (list_command, show_command, run_command, sweep_command, replay_command, shrink_command)
"""In the order in which a newcomer meets them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 pass, 1 fail, 2 usage."""
    parser = Parser(prog="smilesim", description="Simulate a city of SmileSync devices.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for command in COMMANDS:
        command.add(commands)
    options = parser.parse_args(arguments)
    act: Callable[..., int] = options.act
    try:
        code = act(options)
        sys.stdout.flush()
    except SettingsError as error:
        print(f"smilesim: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        # Who read our output has seen enough; Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAIL
    except KeyboardInterrupt:
        print("smilesim: interrupted before there was anything to report", file=sys.stderr)
        return EXIT_FAIL
    return code


if __name__ == "__main__":
    sys.exit(main())
