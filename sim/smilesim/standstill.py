"""Notices a run that hangs: the processor works on and virtual time stands still.

A loop without end inside a device would keep a sweep waiting for ever. So a timer of the process
itself, which counts the processor's time and not that of the wall, looks at the tick now and then.
How far a run came is what its report says, and that is the same wherever it is repeated; in which
line of the loop it was interrupted is chance, and goes to standard error only.
"""

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

LIMIT_S = 60.0
LIMIT_PER_PEER_S = 0.02
"""A tick in which a whole city starts takes 1 ms per device, and some machines are slow."""
STANDSTILL = "virtual time stands still: what a device does in this tick does not end"


class Standstill(BaseException):
    """Virtual time stood still. No handler of what a device raises may take it for its own."""


class Watch:
    """Looks whether `tick` moved on. `is_hung` stays true, whatever became of the exception."""

    def __init__(self, tick: Callable[[], int]) -> None:
        self.is_hung = False
        self._tick = tick
        self._seen = tick()

    def look(self, _signal: int, frame: FrameType | None) -> None:
        """Raise Standstill, from what is being run, if the tick is that of the last time."""
        if self._tick() != self._seen:
            self._seen = self._tick()
            return
        self.is_hung = True
        sys.stderr.write(f"smilesim: virtual time stands still at {self._seen} ms, in:\n")
        traceback.print_stack(frame)
        raise Standstill


def limit_s(peers: int) -> float:
    """Return how much of the processor's time one tick of so many devices may take."""
    return LIMIT_S + LIMIT_PER_PEER_S * peers


@contextmanager
def watched(watch: Watch, every_s: float) -> Iterator[None]:
    """Look after every so many seconds of the processor's time: a hang is seen at the second look.

    Not outside of the main thread, and not where a process has no such timer.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, watch.look)
    signal.setitimer(signal.ITIMER_VIRTUAL, every_s, every_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
