"""The running demo: relay, observer, seven daemons, and the hands of their wearers."""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import trio

from smilesync.ids import Address
from smilesyncd import client
from smilesyncd.demo.facts import Fact, Question
from smilesyncd.demo.household import Home, furnish
from smilesyncd.demo.instant import now_ns
from smilesyncd.demo.processes import Broken, Company, Partner


@dataclass(frozen=True, slots=True)
class View:
    """What a screen can show of one device; `rung` is empty before its first word."""

    name: str
    rung: str
    slot: int
    zones: tuple[tuple[int, int, int], ...]
    emotion: str
    hint: str


class Stage:
    """Seven devices, and everything that may happen to them."""

    def __init__(self, homes: list[Home], *, company: Company, relay: Partner) -> None:
        self.homes = homes
        self.everyone = tuple(range(len(homes)))
        self.start_ns = now_ns()
        self._company = company
        self._relay = relay
        self._orders, self._ordered = trio.open_memory_channel[str](1)
        self._answer, self._answers = trio.open_memory_channel[Fact](1)

    async def watch(self, observer: Partner, on_view: Callable[[Sequence[View]], None]) -> None:
        """Take questions to the observer and its answers back, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._forward, observer)
            while True:
                said = json.loads(await observer.hear())
                if "fact" in said:
                    await self._answer.send(Fact(**said["fact"]))
                else:
                    on_view([View(**fields) for fields in said["view"]])

    async def ask(
        self,
        kind: str,
        devices: Sequence[int],
        *,
        since_ns: int,
        within_s: float,
        until_ns: int = 0,
    ) -> Fact:
        """Ask about these devices alone."""
        return await self.put(Question(kind, since_ns, tuple(devices), within_s, until_ns))

    async def put(self, question: Question) -> Fact:
        """Put a question to the observer and wait for the answer."""
        order = asdict(question)
        order["ask"] = order.pop("kind")
        await self._orders.send(json.dumps(order))
        return await self._answers.receive()

    async def cut(self, devices: Sequence[int]) -> int:
        """Cut `devices` off from everyone and each other; return when that took effect."""
        return await self._order("cut " + " ".join(str(device) for device in devices))

    async def heal(self) -> int:
        """Let everything pass again; return when that took effect."""
        return await self._order("heal")

    async def wear(self, device: int, verb: str, **fields: str | bool) -> int:
        """Do something as the wearer of `device`; return the instant just before it was said."""
        home = self.homes[device]
        said_ns = now_ns()
        try:
            await trio.to_thread.run_sync(partial(client.ask, home.control, verb, **fields))
        except (client.NoDaemon, client.Refused) as error:
            raise Broken(f"{home.name}'s daemon did not obey {verb}: {error}") from error
        return said_ns

    async def attach_heart(self, device: int, *, recording: str, speed: float) -> int:
        """Start the sensor process of one wearer, who sits still; return when."""
        home = self.homes[device]
        command = [sys.executable, "-m", "smilesyncd.heart", recording, "--still"]
        command += ["--control", os.fspath(home.control), "--speed", str(speed)]
        started_ns = now_ns()
        await self._company.start(command, home.log.with_suffix(".heart.log"), is_lasting=False)
        return started_ns

    async def _order(self, line: str) -> int:
        await self._relay.tell(line)
        return int(json.loads(await self._relay.hear())["monotonic_ns"])

    async def _forward(self, observer: Partner) -> None:
        async for line in self._ordered:
            await observer.tell(line)


@asynccontextmanager
async def opened(
    daemon: Sequence[str],
    count: int,
    root: Path,
    on_view: Callable[[Sequence[View]], None],
    *,
    is_recorded: bool = False,
) -> AsyncIterator[Stage]:
    """Start relay, observer and `count` daemons under `root`; on the way out all of them end."""
    async with Company().gathered() as company:
        module = [sys.executable, "-m"]
        relay = await company.talk_to([*module, "smilesyncd.demo.relay", str(count)])
        rows = json.loads(await relay.hear())["addresses"]
        addresses: list[list[Address]] = [[(host, port) for host, port in row] for row in rows]
        homes = furnish(root, addresses, is_recorded=is_recorded)
        devices = [f"{home.name}={home.control}" for home in homes]
        observer = await company.talk_to([*module, "smilesyncd.demo.observer", *devices])
        stage = Stage(homes, company=company, relay=relay)
        for home in homes:
            command = [*daemon, "--config", os.fspath(home.config)]
            await company.start(command, home.log, is_lasting=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.watch, observer, on_view)
            yield stage
            nursery.cancel_scope.cancel()
