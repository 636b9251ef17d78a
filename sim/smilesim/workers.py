"""Processes that work off a list of jobs, and a death among them is an answer like any other.

Each worker is a fresh interpreter that has one job at a time, so who asked it knows what it was
doing when it died. Nothing is shared between workers, and no job depends on which of them gets it.
"""

import faulthandler
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Generic, TypeVar

from smilesim import interrupts

Job = TypeVar("Job")
Answer = TypeVar("Answer")

GRACE_S = 5.0
LAST_WORDS_CHARS = 300


@dataclass(frozen=True, slots=True)
class Died:
    """A worker ended in the middle of a job; `detail` has how, and its last words."""

    detail: str


class Worker(Generic[Job, Answer]):
    """One process, and what it is doing."""

    def __init__(self, act: Callable[[Job], Answer], words: Path) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.place = -1
        self._words = words
        self._process = context.Process(target=_serve, args=(theirs, act, words), daemon=True)
        with _deafened():
            self._process.start()
        theirs.close()

    def give(self, place: int, job: Job) -> None:
        """Let it do a job."""
        self.place = place
        # If it died while it had nothing to do, `take` finds out.
        with suppress(BrokenPipeError):
            self.connection.send(job)

    def take(self) -> Answer | Died:
        """Return what came of the job; blocks until it is over."""
        try:
            answer: Answer = self.connection.recv()
        except (EOFError, OSError):
            # An OSError when it ends in the middle of its answer.
            self._process.join(GRACE_S)
            return Died(self._epitaph())
        return answer

    def end(self) -> None:
        """Stop it, whatever it does."""
        self.connection.close()
        self._process.kill()
        self._process.join(GRACE_S)

    def _epitaph(self) -> str:
        code = self._process.exitcode
        how = f"exit code {code}"
        if code is not None and code < 0:
            how = f"killed by {signal.Signals(-code).name}"
        words = self._words.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"{how}: {words[-1][:LAST_WORDS_CHARS]}" if words else how


def work_off(
    jobs: Sequence[Job], act: Callable[[Job], Answer], count: int
) -> Iterator[tuple[int, Answer | Died]]:
    """Do every job in one of `count` processes; yields place in the list and answer, as they end.

    `act` must be a function of a module, jobs and answers must be picklable. Whoever stops
    iterating, or is interrupted, ends the workers.
    """
    with tempfile.TemporaryDirectory(prefix="smilesim-") as folder:
        waiting = range(len(jobs))
        workers: list[Worker[Job, Answer]] = []
        try:
            while waiting or workers:
                while waiting and len(workers) < count:
                    words = Path(folder) / f"before-{len(waiting)}-left.txt"
                    workers.append(Worker(act, words))
                    workers[-1].give(waiting[0], jobs[waiting[0]])
                    waiting = waiting[1:]
                with interrupts.waiting():
                    ready = wait([worker.connection for worker in workers])
                for worker in [one for one in workers if one.connection in ready]:
                    place, answer = worker.place, worker.take()
                    if isinstance(answer, Died) or not waiting:
                        workers.remove(worker)
                        worker.end()
                    else:
                        worker.give(waiting[0], jobs[waiting[0]])
                        waiting = waiting[1:]
                    yield place, answer
        finally:
            for worker in workers:
                worker.end()


@contextmanager
def _deafened() -> Iterator[None]:
    """Let no process that is started meanwhile ever hear Ctrl-C, which reaches the whole terminal.

    It is the sweep's to answer, which then ends them; blocked, it is from their first moment on.
    """
    # Else it is started by the first of them, and lets Ctrl-C through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(
    connection: "Connection[Answer, Job]", act: Callable[[Job], Answer], words: Path
) -> None:
    """Be a worker: what is written to standard error is kept for the case of death."""
    with words.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 2)
    faulthandler.enable()
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        connection.send(act(job))
