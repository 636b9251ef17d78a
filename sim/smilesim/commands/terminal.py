"""What commands say to a person beside their result: a bar, remarks on stderr, and JSON."""

import json
import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from smilesim import origin
from smilesim.commands.arguments import STANDARD_OUTPUT

if TYPE_CHECKING:
    from smilesim.recipe import Recipe
    from smilesim.replay import Replay


def remark(line: str) -> None:
    """Say something that is no part of the result."""
    print(f"smilesim: {line}", file=sys.stderr)


def progress(line: str) -> None:
    """Say how far something has come that takes a while."""
    print(line, file=sys.stderr, flush=True)


def check_code(recorded: "Replay") -> None:
    """Warn when other code than this made a recorded run: it may differ then."""
    if recorded.code_hash == origin.code_hash():
        return
    there, here = recorded.commit[:12], origin.commit()[:12]
    if there == here:
        remark(f"warning: recorded with other changes on top of commit {here}; may differ")
    else:
        remark(f"warning: recorded by commit {there}, this is {here}; may differ")


def typed(path: Path) -> str:
    """Return a file as a shell takes it, in the place of an argument and never for an option."""
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))


def bar(recipe: "Recipe") -> AbstractContextManager[Callable[[int], None] | None]:
    """Return a progress bar for a person's terminal, nothing for a file or a pipe."""
    if not sys.stderr.isatty():
        return nullcontext()
    from smilesim.progress import run_bar

    chosen = recipe.scenario
    return run_bar(chosen.seconds, f"{chosen.name}, {chosen.peers} peers")


def write_json(value: object, target: str | None) -> None:
    """Write a result to a file or to standard output, if anybody asked for it.

    Errors: OSError, with the file.
    """
    text = json.dumps(value, indent=2)
    if target == STANDARD_OUTPUT:
        print(text)
    elif target is not None:
        try:
            Path(target).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            # The one of a full disk names no file.
            raise OSError(error.errno, error.strerror, target) from None
