"""`python -m soak`: a circle of real daemons, some always without power, judged from outside.

Devices are killed (SIGKILL) and restarted at random, at most `--down` at a time, while wearers
change how they feel, so that slot after slot is decided. Prints one line per fact and exits 1 if
one fails; a failed run says its seed and where the daemons' logs are.
"""

import argparse
import json
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import trio

from smilesyncd import client
from smilesyncd.demo.facts import Fact, percentile
from smilesyncd.demo.instant import SECOND_NS, now_ns
from smilesyncd.demo.observer import Lines
from smilesyncd.demo.processes import Broken
from smilesyncd.demo.sightings import read_sighting
from soak.crew import HOST, Crew
from soak.lights import Lights, longest_wait_s, quorum_of

FEELINGS = ("calm", "excited", "neutral", "low", "high")
MEET_SECONDS_MAX = 60
SETTLE_SECONDS = 20
"""At the end nobody is killed any more, so that the last ones can come back."""
CHECK_SECONDS = 0.05
REJOIN_P95_SECONDS_MAX = 10.0
REJOIN_SECONDS_MAX = 20.0
WAIT_SECONDS_MAX = 20.0
"""A lease of 16 s, and the leaders of the next slot may be without power."""
PHASE_P95_MS_MAX = 5.0
LIT_MIN = 0.8
PERCENT = 95


@dataclass(slots=True)
class Log:
    """What happened to the devices. Instants in ns since boot."""

    kills: int = 0
    waiting_ns: dict[int, int] = field(default_factory=dict)
    """Since when a restarted device has been on and not yet in the light."""
    rejoins_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Soak:
    """One run: its devices, what is known of their light, and the chance that strikes them."""

    crew: Crew
    lights: Lights
    chance: random.Random
    down: int
    log: Log

    async def follow(self, device: int) -> None:
        """Read one daemon's stream, again whenever it comes back."""
        control = self.crew.homes[device].control
        while True:
            try:
                async with await trio.open_unix_socket(str(control)) as stream:
                    await stream.send_all(b'{"do":"watch"}\n')
                    lines = Lines(stream)
                    while (line := await lines.next()) is not None:
                        sighting = read_sighting(json.loads(line))
                        self.lights.add(device, sighting)
                        since_ns = self.log.waiting_ns.get(device)
                        if since_ns is not None and sighting.is_selected:
                            del self.log.waiting_ns[device]
                            after_ns = sighting.monotonic_ns - since_ns
                            self.log.rejoins_s.append(after_ns / SECOND_NS)
            except (OSError, trio.BrokenResourceError):
                pass  # not up yet, or just killed
            await trio.sleep(CHECK_SECONDS)

    async def strike(self, device: int) -> None:
        """Kill a device, and switch it on again a few seconds later."""
        await self.crew.kill(device)
        self.lights.killed(device, now_ns())
        self.log.waiting_ns.pop(device, None)
        self.log.kills += 1
        await trio.sleep(self.chance.uniform(1, 8))
        self.lights.started(now_ns())
        self.log.waiting_ns[device] = now_ns()
        await self.crew.start(device)

    async def torment(self, seconds: float) -> None:
        """Let chance strike for a while; return when the last struck device is on again."""
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(seconds):
                while True:
                    self.crew.check()
                    running = self.crew.running
                    if len(self.lights.lives) - len(running) < self.down:
                        nursery.start_soon(self.strike, self.chance.choice(running))
                    await trio.sleep(self.chance.uniform(0.2, 1.5))

    async def live(self) -> None:
        """Wearers change how they feel, now and then."""
        while True:
            running = self.crew.running
            if running:
                home = self.crew.homes[self.chance.choice(running)]
                feel = partial(client.ask, home.control, "feel", state=self.chance.choice(FEELINGS))
                try:
                    await trio.to_thread.run_sync(feel)
                    share = partial(client.ask, home.control, "consent", switch="share", on=True)
                    await trio.to_thread.run_sync(share)
                except (client.NoDaemon, client.Refused):
                    pass  # killed meanwhile
            await trio.sleep(self.chance.uniform(0.5, 2))


async def run(chosen: argparse.Namespace, root: Path) -> list[Fact]:
    """Run the soak and return its facts; every daemon has ended on return."""
    crew = Crew(root, _free_ports(chosen.devices))
    lights = Lights([home.name for home in crew.homes], quorum_of(chosen.devices))
    soak = Soak(crew, lights, random.Random(chosen.seed), chosen.down, Log())
    facts: list[Fact] = []
    try:
        async with trio.open_nursery() as nursery:
            for device in range(chosen.devices):
                lights.started(now_ns())
                soak.log.waiting_ns[device] = now_ns()
                await crew.start(device)
                nursery.start_soon(soak.follow, device)
            facts.append(await _meet(soak))
            nursery.start_soon(soak.live)
            nursery.start_soon(_tell, soak, chosen.seconds)
            begin_ns = now_ns()
            await soak.torment(max(1.0, chosen.seconds - SETTLE_SECONDS))
            await trio.sleep(SETTLE_SECONDS)
            crew.check()
            facts += judge(soak, begin_ns, now_ns())
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await crew.end()
    return facts


async def _meet(soak: Soak) -> Fact:
    """Wait until everybody shows certified light; what that took is no rejoining."""
    begin_ns = now_ns()
    with trio.move_on_after(MEET_SECONDS_MAX):
        while soak.log.waiting_ns:
            soak.crew.check()
            await trio.sleep(CHECK_SECONDS)
    missing = len(soak.log.waiting_ns)
    soak.log.waiting_ns.clear()
    soak.log.rejoins_s.clear()
    text = f"{len(soak.lights.lives) - missing} of {len(soak.lights.lives)} show certified light"
    return Fact("met", not missing, text, (now_ns() - begin_ns) / SECOND_NS, "s")


def judge(soak: Soak, begin_ns: int, end_ns: int) -> list[Fact]:
    """Return the facts about what was seen between the two instants."""
    lights, log = soak.lights, soak.log
    lights.finish()
    firsts_ns = [at_ns for at_ns in lights.first_selected_ns.values() if at_ns >= begin_ns]
    wait_s = longest_wait_s(firsts_ns, begin_ns, end_ns)
    lost = len(log.waiting_ns)
    worst_s = max(log.rejoins_s, default=0.0)
    p95_s = percentile(log.rejoins_s, PERCENT) if log.rejoins_s else 0.0
    phase_ms = percentile(lights.phases_ms, PERCENT) if lights.phases_ms else 0.0
    text = f"{log.kills} times a device lost its power; {lost} are not back in the light"
    came_back = bool(log.rejoins_s) and not lost
    came_back = came_back and p95_s <= REJOIN_P95_SECONDS_MAX and worst_s <= REJOIN_SECONDS_MAX
    return [
        Fact("slots", wait_s <= WAIT_SECONDS_MAX and bool(firsts_ns),
             f"{len(firsts_ns)} slots shown; longest wait for a new one "
             f"(gate {WAIT_SECONDS_MAX:g} s)", wait_s, "s"),
        Fact("back", came_back,
             f"{text}; p95 (gate {REJOIN_P95_SECONDS_MAX:g} s), slowest {worst_s:.2f} s "
             f"(gate {REJOIN_SECONDS_MAX:g} s)", p95_s, "s"),
        Fact("phase", bool(lights.phases_ms) and phase_ms <= PHASE_P95_MS_MAX,
             f"in phase: p95 of {len(lights.phases_ms)} pairs (gate {PHASE_P95_MS_MAX:g} ms)",
             phase_ms, "ms"),
        Fact("lit", lights.share_lit() >= LIT_MIN,
             f"share of watched device time with certified light (gate {LIT_MIN:g})",
             lights.share_lit()),
        Fact("wrong lights", lights.wrong_count == 0, "; ".join(lights.wrongs[:3]) or "none seen",
             lights.wrong_count),
    ]  # fmt: skip


async def _tell(soak: Soak, seconds: float) -> None:
    """Say every few seconds how far the run is."""
    begin_ns = now_ns()
    is_screen = sys.stderr.isatty()
    while True:
        await trio.sleep(1 if is_screen else 30)
        lit = sum(life.is_lit for life in soak.lights.lives)
        line = f"{(now_ns() - begin_ns) / SECOND_NS:4.0f} of {seconds:.0f} s  "
        line += f"running {len(soak.crew.running):2d}  lit {lit:2d}  "
        line += f"slot {max(soak.lights.first_selected_ns, default=0)}  "
        line += f"kills {soak.log.kills}  wrong {soak.lights.wrong_count}"
        print(f"\r{line}\x1b[K" if is_screen else line, end="" if is_screen else "\n",
              file=sys.stderr, flush=True)  # fmt: skip


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody uses now; a device keeps its own when it restarts."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            for _ in range(count)
        ]
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]


def parser() -> argparse.ArgumentParser:
    """Return what `--help` tells."""
    made = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    made.add_argument("--seconds", type=float, default=600, help="how long (600)")
    made.add_argument("--devices", type=int, default=22, help="how many daemons, 4 to 22 (22)")
    made.add_argument("--down", type=int, default=7, help="without power at a time, at most (7)")
    made.add_argument("--seed", type=int, default=7, help="decides who is struck and when (7)")
    made.add_argument("--json", type=Path, help="also write the facts there")
    return made


def main() -> int:
    """Run; 0 every fact holds, 1 one failed, 2 wrong usage."""
    options = parser()
    chosen = options.parse_args()
    if not 4 <= chosen.devices <= 22:
        options.error(f"--devices: {chosen.devices}: expected 4 to 22")
    spare = chosen.devices - quorum_of(chosen.devices)
    if not 0 <= chosen.down <= spare:
        options.error(f"--down: {chosen.down}: expected 0 to {spare}, or the rest is no quorum")
    if chosen.seconds <= 0:
        options.error(f"--seconds: {chosen.seconds}: expected a positive number")
    root = Path(tempfile.mkdtemp(prefix="smilesync-soak-"))
    facts: list[Fact] = []
    try:
        facts = trio.run(run, chosen, root)
    except* Broken as group:
        facts.append(Fact("unbroken", False, _first(group)))
    except* KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    print(file=sys.stderr)
    return _report(facts, chosen, root)


def _first(group: BaseExceptionGroup[Broken]) -> str:
    fault: BaseException = group
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return str(fault)


def _report(facts: Sequence[Fact], chosen: argparse.Namespace, root: Path) -> int:
    for fact in facts:
        figure = "" if fact.figure is None else f"{fact.figure:8.2f} {fact.unit}"
        print(f"{'ok' if fact.passed else 'FAILED':7}{fact.name:13}{figure:13} {fact.text}")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([asdict(fact) for fact in facts], indent=2) + "\n")
    if len(facts) > 1 and all(fact.passed for fact in facts):
        shutil.rmtree(root)
        return 0
    print(f"seed {chosen.seed}; the daemons' logs and journals are in {root}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
