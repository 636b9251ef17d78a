"""`smilesync play`: keys become gestures, for the running daemon and for a smile in the terminal.

Whoever stops playing is back at their own smile: on space and at the end at once, without keys
after half a minute, and a few seconds after this program died, since it then says nothing more.
"""

import json
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.errors import SettingsError
from smilesync.light.design import Design
from smilesync.light.improvisation import Gesture, Improvisation
from smilesync.light.lamp import Lamp
from smilesyncd import client
from smilesyncd.client import NoDaemon, Refused
from smilesyncd.design import command, file
from smilesyncd.design.wardrobe import GESTURES, STOP
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.jsonlines import Fields
from smilesyncd.lamp import TerminalLamp
from smilesyncd.vocabulary import STATES

FRAME_SECONDS = 1 / 30
HOLD_SECONDS = 1.0
READ_BYTES_MAX = 64
LINE_CHARACTERS_MAX = 64
ZONES = 7
QUIT = "quit"
HELP = "arrows hue, light   + - tempo   ] [ depth   1-5 states   space own smile   q quit"
KEYS = {
    "\x1b[C": "hue+",
    "\x1b[D": "hue-",
    "\x1b[A": "brighter",
    "\x1b[B": "dimmer",
    "+": "faster",
    "=": "faster",
    "-": "slower",
    "]": "deeper",
    "[": "flatter",
    " ": STOP,
    "q": QUIT,
    "\x04": QUIT,
    **{str(number): name for number, name in enumerate(STATES, start=1)},
}


def play(path: Path, *, is_lines: bool) -> int:
    """Play until the player ends it, or no key comes for half a minute; return the exit code."""
    if is_lines:
        return _play_lines(path)
    if not sys.stdout.isatty():
        raise SettingsError("play: needs a terminal; to play from a program use --lines")
    stage = _Stage(_Remote.connect(path))
    print(HELP, flush=True)
    with _keys(sys.stdin.fileno()) as descriptor:
        try:
            while stage.is_open:
                for word in _pressed(descriptor, FRAME_SECONDS):
                    stage.hear(word)
                stage.draw()
        finally:
            stage.close()
    print(stage.farewell)
    return 0


def words_of(typed: str) -> list[str]:
    """Return what a burst of keys means; what means nothing is left out."""
    words: list[str] = []
    # A terminal in application mode says ESC O where others say ESC [.
    rest = typed.replace("\x1bO", "\x1b[")
    while rest:
        length = 3 if rest.startswith("\x1b[") else 1
        key, rest = rest[:length], rest[length:]
        if key in KEYS:
            words.append(KEYS[key])
    return words


class _Remote:
    """The daemon's light. It may go away at any time; then we play on here."""

    def __init__(self, path: Path, trouble: str) -> None:
        self._path = path
        self.trouble = trouble
        self.design = file.standard_design()

    @classmethod
    def connect(cls, path: Path) -> "_Remote":
        remote = cls(path, "")
        try:
            remote.design = command.worn(path)
        except NoDaemon:
            remote.trouble = "in this terminal only: no daemon answers"
        return remote

    def send(self, word: str) -> None:
        """Pass a gesture on. Raises Refused: what the wearer does not show is not played."""
        if self.trouble:
            return
        try:
            ask(self._path, word)
        except NoDaemon:
            self.trouble = "in this terminal only: the daemon went away"


class _Stage:
    """The smile in the terminal and what is played on it."""

    def __init__(self, remote: _Remote) -> None:
        self._remote = remote
        self._output = TerminalLamp(sys.stdout.fileno(), ZONES, has_colour=command.has_colour())
        self._lamp = _new_lamp(remote.design, self._output)
        self._scene = Scene(Rung.SOLO, own_state=STATES["neutral"].value)
        self._played: Improvisation | None = None
        self._held_ns = 0
        self.is_open = True
        self.farewell = "back to your own smile"

    def hear(self, word: str) -> None:
        """Follow one gesture, here and on the daemon."""
        if word == QUIT:
            self.is_open = False
            return
        try:
            self._remote.send(word)
        except Refused as error:
            self.is_open, self.farewell = False, str(error)
            return
        now_ns = time.monotonic_ns()
        if word == STOP:
            self._lamp.stop_playing()
            return
        if self._played is None or not self._lamp.is_playing:
            self._played = self._lamp.play(self._scene.own_state, now_ns)
        if word in STATES:
            self._played.take_state(STATES[word].value, now_ns)
        else:
            self._played.gesture(GESTURES[word], now_ns)

    def draw(self) -> None:
        """Show the next frame, and say now and then that the player is there."""
        now_ns = time.monotonic_ns()
        was_playing = self._lamp.is_playing
        if self._played is not None and was_playing:
            self._played.gesture(Gesture.HOLD, now_ns)
            if now_ns - self._held_ns >= HOLD_SECONDS * NS_PER_SECOND:
                self._held_ns = now_ns
                try:
                    self._remote.send(Gesture.HOLD.value)
                except Refused as error:
                    self.is_open, self.farewell = False, str(error)
        frame = self._lamp.frame(self._scene, now_ns)
        if was_playing and not self._lamp.is_playing:
            self.is_open, self.farewell = False, "no key for half a minute: your own smile again"
        self._output.draw(frame.codes, self._caption(), now_ns)

    def close(self) -> None:
        """Give the light back."""
        try:
            self._remote.send(STOP)
        except Refused as error:
            self.farewell = str(error)
        self._output.close()

    def _caption(self) -> str:
        where = self._remote.trouble or "on your device too"
        played = self._played
        if played is None or not self._lamp.is_playing:
            return f"your own smile, {where}"
        depth = played.depth * 100 // 255
        return f"a breath every {played.period_ds / 10:.1f} s, {depth} % deep, {where}"


def ask(path: Path, word: str) -> Fields:
    """Send one gesture or state to the daemon. Raises NoDaemon or Refused."""
    if word in STATES:
        return client.ask(path, "play", state=word)
    return client.ask(path, "play", gesture=word)


def _play_lines(path: Path) -> int:
    """Read gestures from lines; print what is played as a line of JSON for each."""
    is_good = True
    try:
        for number, line in enumerate(_lines(path), start=1):
            try:
                print(json.dumps(ask(path, line)), flush=True)
            except Refused as error:
                is_good = False
                print(f"smilesync: line {number}: {line[:40]!r}: {error}", file=sys.stderr)
    finally:
        client.ask(path, "play", gesture=STOP)
    return 0 if is_good else 2


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of the input; while none comes, tell the daemon that we are still there."""
    descriptor, held = sys.stdin.fileno(), ""
    while True:
        if not select.select([descriptor], [], [], HOLD_SECONDS)[0]:
            client.ask(path, "play", gesture=Gesture.HOLD.value)
            continue
        read = os.read(descriptor, READ_BYTES_MAX).decode("utf-8", "replace")
        *whole, held = (held + read).split("\n")
        # A line without end is cut: no word is that long.
        held = held[:LINE_CHARACTERS_MAX]
        yield from (line.strip() for line in whole if line.strip())
        if not read:
            if held.strip():
                yield held.strip()
            return


@contextmanager
def _keys(descriptor: int) -> Iterator[int]:
    """Let single keys through unseen; leave the terminal as it was."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _pressed(descriptor: int, seconds: float) -> list[str]:
    if not select.select([descriptor], [], [], seconds)[0]:
        return []
    data = os.read(descriptor, READ_BYTES_MAX)
    # The terminal is gone when nothing can be read from it.
    return words_of(data.decode("utf-8", "replace")) if data else [QUIT]


def _new_lamp(design: Design, output: TerminalLamp) -> Lamp:
    lamp = Lamp(
        LightConfig(), ((0, 0),) * output.zones, sink=output.sink, now_ns=time.monotonic_ns()
    )
    lamp.wear(design)
    return lamp
