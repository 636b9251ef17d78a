"""`smilesim`: simulates a city from the command line and says whether its promises held."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from smilesim import interrupts
from smilesim.commands import EXIT_FAIL, EXIT_USAGE

if TYPE_CHECKING:
    from argparse import Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 pass, 1 fail, 2 usage."""
    _replace_closed_streams()
    try:
        # Imported late, so that Ctrl-C is answered from the first moment on.
        with interrupts.noted():
            return _answer(arguments)
    except BrokenPipeError:
        # Who read our output has seen enough.
        _drop_output()
    except OSError as error:
        _complain(f"{error.filename or 'output'}: {error.strerror or error}")
        _drop_output()
    except MemoryError:
        _complain("out of memory; expected fewer --peers")
    except KeyboardInterrupt:
        _complain("interrupted before there was anything to report")
    return EXIT_FAIL


def _answer(arguments: Sequence[str] | None) -> int:
    """Do what the command line asks for."""
    from smilesim.commands import terminal
    from smilesync.errors import SettingsError

    options = _parsed(arguments)
    act: Callable[..., int] = options.act
    try:
        code = act(options)
    except SettingsError as error:
        _complain(str(error))
        return EXIT_USAGE
    except KeyboardInterrupt:
        if isinstance(target := getattr(options, "json", None), str):
            terminal.write_json({"verdict": "interrupted"}, target)
            sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


def _parsed(arguments: Sequence[str] | None) -> "Namespace":
    from smilesim.commands import list as list_command
    from smilesim.commands import replay, run, selftest, show, shrink, sweep
    from smilesim.commands.arguments import Parser

    parser = Parser(prog="smilesim", description="Simulate a city of SmileSync devices.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    # In the order in which a newcomer meets them.
    for command in (list_command, show, run, sweep, replay, shrink, selftest):
        command.add(commands)
    return parser.parse_args(arguments)


def _replace_closed_streams() -> None:
    """Throw away what is printed on a stream that whoever started us has closed.

    Python has no object for it; and what is meant for standard error it would print on the other.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def _complain(line: str) -> None:
    print(f"smilesim: {line}", file=sys.stderr)


def _drop_output() -> None:
    """Throw away what cannot be printed: Python would complain once more when it exits."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
