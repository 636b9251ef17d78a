"""An invitation as a QR code: in the terminal, or as a drawing to print and hang at the door."""

import io
import os
import sys
from pathlib import Path

import segno

from smilesync.errors import SettingsError

QUIET_MODULES = 2
"""Half of what the standard asks for; readers are content with it, and 65 columns fit."""
PAPER_SCALE = 4
WHITE_ON_BLACK, PLAIN = "\033[97;40m", "\033[0m"


def of(word: str) -> segno.QRCode:
    """Return the smallest code of the word: in capitals, which `join` takes too."""
    return segno.make(word.upper(), error="l", boost_error=False, micro=False)


def in_terminal(code: segno.QRCode) -> str:
    """Return lines of half blocks, light on dark whatever the terminal's colours are."""
    drawn = io.StringIO()
    code.terminal(drawn, border=QUIET_MODULES, compact=True)
    lines = drawn.getvalue().splitlines()
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        lines = [f"{WHITE_ON_BLACK}{line}{PLAIN}" for line in lines]
    return "\n".join(lines)


def new_file(out: str) -> Path:
    """Return where a drawing may be written. Raises SettingsError for what exists."""
    if Path(out).exists():
        raise SettingsError(f"{out}: exists already; expected a new file")
    return Path(out)


def to_svg(code: segno.QRCode, path: Path) -> None:
    """Write the code as SVG, black on white. Raises SettingsError."""
    try:
        with path.open("xb") as file:
            code.save(file, kind="svg", scale=PAPER_SCALE, dark="black", light="white")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; expected a new file to write") from error
