"""Jobs for worker processes: a module's functions, because a new interpreter must find them."""

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
        case _:
            pass
    return 2 * number


def run_or_die(job: Job) -> Run:
    """Run a city, but die of every second seed."""
    if job.recipe.seed % 2 == 0:
        raise RuntimeError("a bug that nobody foresaw")
    return run_one(job)
