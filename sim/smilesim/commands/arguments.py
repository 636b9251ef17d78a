"""What arguments of several commands have in common: numbers in a range, and files."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NoReturn

from smilesim.commands import EXIT_USAGE
from smilesim.engine import PEERS_MAX
from smilesim.scenario import SECONDS_MAX, SEED_MAX
from smilesync.errors import SettingsError

STANDARD_OUTPUT = "-"
DIGITS_MAX = 100
"""More are no number that anybody means, and of thousands Python makes none."""

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; usage errors exit 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return an argument type: a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        is_short = len(text) <= DIGITS_MAX
        if not is_short or not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            got = repr(text) if is_short else f"{len(text)} characters"
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {low} to {high}, got {got}"
            )
        return int(text)

    return parse


peers = whole(1, PEERS_MAX)
seed = whole(0, SEED_MAX)
seconds = whole(1, SECONDS_MAX)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a command write its result to a file, or to standard output."""
    help_text = "write the report there; - or nothing for stdout"
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help=help_text)


def check_writable(
    option: str, target: str | Path | None, inputs: Sequence[str | Path | None] = ()
) -> None:
    """Refuse a file that cannot be written, or that is an input, before anything runs.

    It is left as it was found, so a file that is missing is missing afterwards.

    Errors: SettingsError naming the option and the file.
    """
    if target is None or target == STANDARD_OUTPUT:
        return
    for one in inputs:
        if one is not None and _is_same_file(target, one):
            raise SettingsError(f"{option} {target}: expected another file, this one is read")
    is_new = not os.path.lexists(target)
    try:
        with Path(target).open("a", encoding="utf-8"):
            pass
        if is_new:
            Path(target).unlink()
    except OSError as error:
        raise SettingsError(f"{option} {target}: cannot be written: {error.strerror}") from None


def check_apart(outputs: Mapping[str, str | Path | None]) -> None:
    """Refuse two outputs in one file: the second would replace the first.

    Errors: SettingsError naming both.
    """
    files = [(what, file) for what, file in outputs.items() if file is not None]
    for (other, file), (what, target) in combinations(files, 2):
        # A terminal, a pipe or /dev/null takes both.
        is_file = Path(target).is_file() or not Path(target).exists()
        if STANDARD_OUTPUT not in (file, target) and is_file and _is_same_file(file, target):
            raise SettingsError(f"{what} {target}: expected another file than {other}")


def check_folder(option: str, folder: Path | None) -> None:
    """Make a folder if it is missing; refuse one that cannot be written to.

    Errors: SettingsError naming the option and the folder.
    """
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{option} {folder}: cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise SettingsError(f"{option} {folder}: cannot be written to")


def _is_same_file(one: str | Path, other: str | Path) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        # One of them is not there yet.
        return Path(one).resolve() == Path(other).resolve()
