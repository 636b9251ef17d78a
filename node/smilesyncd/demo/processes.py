"""The demo's processes: all of them end when the demo ends, however it ends."""

import os
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from smilesyncd.demo.observer import Lines

POLITE_SECONDS = 3
LOG_TAIL_BYTES = 600


class Broken(Exception):
    """A process of the demo ended or fell silent when it should not have."""


class Company:
    """Starts processes and remembers them until all are gone.

    Each is in a session of its own, so that Ctrl-C reaches us alone and they end in order.
    """

    def __init__(self) -> None:
        self._processes: list[trio.Process] = []
        self._nursery: trio.Nursery | None = None

    @asynccontextmanager
    async def gathered(self) -> AsyncIterator["Company"]:
        """Hold the company together; on the way out everybody is sent home."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                yield self
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await self._send_home()

    async def talk_to(self, command: Sequence[str]) -> "Partner":
        """Start a process that we talk with in lines."""
        process = await trio.lowlevel.open_process(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._processes.append(process)
        return Partner(command[-1], process)

    async def start(self, command: Sequence[str], log: Path, *, is_lasting: bool) -> trio.Process:
        """Start a process that writes to `log`; a lasting one must not end before the demo."""
        with log.open("ab") as file:
            process = await trio.lowlevel.open_process(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=_plain(),
                start_new_session=True,
            )
        self._processes.append(process)
        if is_lasting:
            assert self._nursery is not None
            self._nursery.start_soon(_must_last, process, log)
        return process

    async def _send_home(self) -> None:
        # The last to come leave first: whoever is judged goes before the relay and the observer.
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        with trio.move_on_after(POLITE_SECONDS):
            for process in self._processes:
                await process.wait()
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                await process.wait()


class Partner:
    """A process that answers orders line by line."""

    def __init__(self, name: str, process: trio.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._name = name
        self._stdin = process.stdin
        self._lines = Lines(process.stdout)

    async def tell(self, line: str) -> None:
        try:
            await self._stdin.send_all(line.encode("utf-8") + b"\n")
        except trio.BrokenResourceError:
            raise Broken(f"{self._name} has stopped listening") from None

    async def hear(self) -> bytes:
        line = await self._lines.next()
        if line is None:
            raise Broken(f"{self._name} has stopped talking")
        return line


async def _must_last(process: trio.Process, log: Path) -> None:
    code = await process.wait()
    tail = log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
    raise Broken(f"a daemon ended with exit code {code}:\n{tail}")


def _plain() -> Mapping[str, str]:
    """Return our environment without what would change a daemon's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SMILESYNC_")}
