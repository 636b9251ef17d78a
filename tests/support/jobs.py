"""Jobs for worker processes: a module's functions, because a new interpreter must find them."""

import inspect
import os
import signal
import sys

from smilesim.sweep import Job, Run, run_one


def double(number: int) -> int:
    """Return twice the number; do worse for some."""
    match number:
        case 13:
            raise ValueError("thirteen is not a job")
        case 14:
            os.kill(os.getpid(), signal.SIGKILL)
        case 15:
            sys.exit(3)
        case 16:
            _begin_to_answer()
            os._exit(4)
        case _:
            pass
    return 2 * number


def _begin_to_answer() -> None:
    """Promise 100 bytes to who asked, and send one of them."""
    frame = inspect.currentframe()
    while frame is not None and "connection" not in frame.f_locals:
        frame = frame.f_back
    assert frame is not None
    os.write(frame.f_locals["connection"].fileno(), b"\0\0\0\x64x")


def run_or_die(job: Job) -> Run:
    """Run a city, but die of every second seed."""
    if job.recipe.seed % 2 == 0:
        raise RuntimeError("a bug that nobody foresaw")
    return run_one(job)
