"""`smilesync design` and `smilesync play`: from what was typed to what is printed."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from smilesync.errors import SettingsError
from smilesync.light.design import Design, from_text
from smilesyncd import client
from smilesyncd.design import file, preview
from smilesyncd.lamp import TerminalLamp
from smilesyncd.vocabulary import STATES

LIVE_CAPTION = "Ctrl-C ends"


def carry_out(chosen: argparse.Namespace, path: Path) -> int:
    """Run the command and return the exit code. Raises NoDaemon, Refused or SettingsError."""
    if chosen.command == "play":
        from smilesyncd.design import play

        return play.play(path, is_lines=chosen.lines or not sys.stdin.isatty())
    match chosen.action:
        case "new":
            _new(chosen.design, file.read(chosen.like))
        case "show":
            design = _given_or_worn(chosen.design, path)
            _show(design, is_json=chosen.json, is_live=chosen.live)
        case "check":
            _check(chosen.design, is_json=chosen.json)
        case "use":
            _use(chosen.design, path)
        case "share":
            print(_given_or_worn(chosen.design, path).text())
        case _:
            raise AssertionError(chosen.action)
    return 0


def worn(path: Path) -> Design:
    """Return what the running daemon wears. Raises NoDaemon."""
    word = client.ask(path, "worn")["design"]
    return from_text(word) if isinstance(word, str) else file.standard_design()


def has_colour() -> bool:
    """Say whether the output is a terminal that may be coloured."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain


def _given_or_worn(given: str | None, path: Path) -> Design:
    return file.read(given) if given is not None else worn(path)


def _new(target: str, like: Design) -> None:
    try:
        with Path(target).open("x", encoding="utf-8") as made:
            made.write(file.dump(like))
    except FileExistsError:
        raise SettingsError(f"{target}: exists already; expected a new file") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{target[:60]!r}: {error}; expected a file to write") from error
    print(f"{target}: edit it, then see it with: smilesync design show {target}")


def _show(design: Design, *, is_json: bool, is_live: bool) -> None:
    if is_json:
        print(json.dumps(preview.as_fields(design)))
    elif is_live:
        _live(design)
    else:
        print(preview.as_text(design, has_colour=has_colour()))


def _live(design: Design) -> None:
    """Walk through the five states as a moving smile, in place."""
    if not sys.stdout.isatty():
        raise SettingsError("--live: needs a terminal; leave it out to get the strips")
    states = list(STATES)
    seconds = preview.LEG_SECONDS
    lamp = TerminalLamp(sys.stdout.fileno(), 1, has_colour=has_colour())
    begun_s = time.monotonic()
    try:
        shown = preview.frames(design, range(len(states)), seconds)
        for number, codes in enumerate(shown):
            state = states[number // (seconds * preview.FRAMES_PER_SECOND)]
            due_s = begun_s + number / preview.FRAMES_PER_SECOND
            time.sleep(max(0.0, due_s - time.monotonic()))
            lamp.draw((codes,), f"{state:<9} {LIVE_CAPTION}", 0)
    finally:
        lamp.close()


def _check(given: str, *, is_json: bool) -> None:
    design = file.read(given)
    if is_json:
        print(json.dumps({"name": design.name, "design": design.text()}))
    else:
        print(f"{given[:60]}: keeps every condition; wear it with: smilesync design use {given}")


def _use(given: str, path: Path) -> None:
    word = None if given == file.STANDARD_WORD else file.read(given).text()
    client.ask(path, "wear", design=word)
