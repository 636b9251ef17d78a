"""The soak's processes: one daemon for each device, which power may leave at any moment."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from smilesyncd.demo.household import Home, furnish
from smilesyncd.demo.processes import Broken

LOG_TAIL_BYTES = 600
POLITE_SECONDS = 5
HOST = "127.0.0.1"


class Crew:
    """One circle of `len(ports)` devices under `root`, each with an address of its own."""

    def __init__(self, root: Path, ports: Sequence[int]) -> None:
        addresses = [
            [(HOST, port) for place, port in enumerate(ports) if place != device]
            for device in range(len(ports))
        ]
        self.homes: list[Home] = furnish(root, addresses, ports)
        self._processes: dict[int, trio.Process] = {}

    @property
    def running(self) -> list[int]:
        return sorted(self._processes)

    async def start(self, device: int) -> None:
        """Switch a device on."""
        home = self.homes[device]
        with home.log.open("ab") as log:
            self._processes[device] = await trio.lowlevel.open_process(
                [sys.executable, "-m", "smilesyncd", "run", "--config", os.fspath(home.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def kill(self, device: int) -> None:
        """Take a device's power away, at whatever it is doing."""
        process = self._processes.pop(device)
        process.kill()
        await process.wait()

    def check(self) -> None:
        """Raise Broken if a daemon ended by itself."""
        for device, process in self._processes.items():
            code = process.poll()
            if code is not None:
                home = self.homes[device]
                tail = home.log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
                raise Broken(f"{home.name}'s daemon ended with exit code {code}:\n{tail}")

    async def end(self) -> None:
        """Stop every daemon, kindly first."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        with trio.move_on_after(POLITE_SECONDS):
            for process in self._processes.values():
                await process.wait()
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
                await process.wait()
