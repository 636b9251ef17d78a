"""Ctrl-C, answered where it does no harm.

A signal handler that raises does so from whatever line is being run. Compiled code is not made for
that: it ends the process, or loses the error and goes on. So Ctrl-C is only noted, and who works
for long looks at the note between two ticks, two people or two files, where an error is like any
other. Who waits for another process is interrupted while waiting.

This module is not compiled: Python lets a handler run when it enters a function of its own, which
compiled code may not do for minutes but to look here.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

AGAIN_S = 1.0
"""`timeout -s INT` interrupts whom it started twice at once; nobody presses again so soon."""
SHOW_CURSOR = b"\x1b[?25h\n"
"""A progress bar has hidden it."""

Item = TypeVar("Item")


@dataclass(slots=True)
class _Note:
    """What is known of Ctrl-C since it is only noted."""

    first_s: float | None = None
    is_open: bool = False
    is_waiting: bool = False


_note = _Note()


@contextmanager
def noted() -> Iterator[None]:
    """Only note Ctrl-C meanwhile; pressed again, a second later or more, it ends the process.

    Nothing changes inside of another such context, outside of the main thread, and where Ctrl-C is
    ignored or somebody else answers it.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _note.first_s, _note.is_open = None, False
    signal.signal(signal.SIGINT, _write)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def check() -> None:
    """Answer a Ctrl-C that was noted.

    Errors: KeyboardInterrupt, once.
    """
    if _note.is_open:
        _note.is_open = False
        raise KeyboardInterrupt


def interruptible(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items. Errors: KeyboardInterrupt between two of them."""
    for item in items:
        check()
        yield item


@contextmanager
def waiting() -> Iterator[None]:
    """Answer Ctrl-C at once meanwhile: for a wait, by nothing but Python's own code.

    Errors: KeyboardInterrupt, also for what was noted before.
    """
    _note.is_waiting = True
    try:
        check()
        yield
    finally:
        _note.is_waiting = False


def _write(_signal: int, _frame: FrameType | None) -> None:
    """Handle the signal."""
    now_s = time.perf_counter()
    if _note.first_s is None:
        _note.first_s, _note.is_open = now_s, True
        if _note.is_waiting:
            check()
    elif now_s - _note.first_s >= AGAIN_S:
        _end()


def _end() -> None:
    """End the process as Ctrl-C ends any other: what it is stuck in may never look here."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), SHOW_CURSOR)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)
