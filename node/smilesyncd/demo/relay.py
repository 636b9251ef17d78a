"""A UDP relay between unmodified daemons, so that a test can cut any of them off.

For every ordered pair (i, j) there is one socket: the address at which device i knows device j.
What i sends there is passed on to j *from the socket of (j, i)*, the address at which j knows i.
So each device sees every other one at its own address, and answers go back the same way.

The relay learns where device i really is from what arrives on i's sockets: daemons may bind to
any port. It is a process of its own: it prints `{"addresses": [[...], ...]}`, row i holding what
device i must dial, then obeys lines on its standard input and answers each with one JSON line:

    cut I J ...    nothing passes to or from these devices any more, nor between them
    heal           everything passes again
    quit           (or end of input) stop

Every answer carries the nanosecond since boot at which the order took effect. An order is given
only after the one before was answered.
"""

import argparse
import heapq
import json
import random
import selectors
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from smilesync.ids import Address
from smilesyncd.demo.instant import MS_NS, SECOND_NS, now_ns

HOST = "127.0.0.1"
DATAGRAM_SIZE_MAX = 2048
BATCH_MAX = 64
QUEUE_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Delay:
    """How long each datagram is held: drawn between the two, from a seed, so a run repeats."""

    low_ns: int = 0
    high_ns: int = 0
    seed: int = 0


@dataclass(order=True, slots=True)
class _Held:
    due_ns: int
    ticket: int
    source: int = field(compare=False)
    target: int = field(compare=False)
    datagram: bytes = field(compare=False)


class Relay:
    """The sockets of all ordered pairs, and who is cut off."""

    def __init__(self, count: int, delay: Delay = Delay()) -> None:
        self._delay = delay
        self._random = random.Random(delay.seed)
        self._cut: frozenset[int] = frozenset()
        self._homes: dict[int, Address] = {}
        self._held: list[_Held] = []
        self._ticket = 0
        self._sockets: dict[tuple[int, int], socket.socket] = {}
        for near in range(count):
            for far in range(count):
                if near != far:
                    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    opened.bind((HOST, 0))
                    opened.setblocking(False)
                    self._sockets[near, far] = opened
        self._count = count

    @property
    def sockets(self) -> dict[tuple[int, int], socket.socket]:
        return self._sockets

    def addresses(self, device: int) -> list[Address]:
        """Return where `device` finds each of the others, in order."""
        return [
            (HOST, int(self._sockets[device, far].getsockname()[1]))
            for far in range(self._count)
            if far != device
        ]

    def cut(self, devices: Sequence[int]) -> None:
        """Isolate `devices`; what is on its way to or from them is lost too."""
        self._cut = frozenset(devices)
        self._held = [one for one in self._held if not self._cut & {one.source, one.target}]
        heapq.heapify(self._held)

    def heal(self) -> None:
        self._cut = frozenset()

    def drain(self, near: int, far: int, at_ns: int) -> None:
        """Take what device `near` sent towards `far`, and pass it on or hold it."""
        for _ in range(BATCH_MAX):
            try:
                datagram, home = self._sockets[near, far].recvfrom(DATAGRAM_SIZE_MAX)
            except (BlockingIOError, ConnectionError):
                return
            self._homes[near] = (str(home[0]), int(home[1]))
            if near in self._cut or far in self._cut or len(self._held) >= QUEUE_MAX:
                continue
            if self._delay.high_ns == 0:
                self._pass_on(near, far, datagram)
                continue
            due_ns = at_ns + self._random.randint(self._delay.low_ns, self._delay.high_ns)
            self._ticket += 1
            heapq.heappush(self._held, _Held(due_ns, self._ticket, near, far, datagram))

    def deliver_due(self, at_ns: int) -> None:
        while self._held and self._held[0].due_ns <= at_ns:
            one = heapq.heappop(self._held)
            self._pass_on(one.source, one.target, one.datagram)

    def next_due_ns(self) -> int | None:
        return self._held[0].due_ns if self._held else None

    def close(self) -> None:
        for opened in self._sockets.values():
            opened.close()

    def _pass_on(self, source: int, target: int, datagram: bytes) -> None:
        home = self._homes.get(target)
        if home is None:  # it has not spoken yet, so it cannot be listening for long
            return
        try:
            self._sockets[target, source].sendto(datagram, home)
        except (BlockingIOError, ConnectionError):
            return  # UDP may lose; a daemon that just died is no fault of the relay


def obey(relay: Relay, line: str) -> dict[str, object]:
    """Carry out one order and say when it took effect."""
    words = line.split()
    match words:
        case ["cut", *devices] if devices and all(word.isdecimal() for word in devices):
            relay.cut([int(word) for word in devices])
        case ["heal"]:
            relay.heal()
        case _:
            return {"error": f"expected 'cut I J ...', 'heal' or 'quit', got {line.strip()!r}"}
    return {"done": words[0], "monotonic_ns": now_ns()}


def serve(relay: Relay, count: int, orders: TextIO, answers: TextIO) -> None:
    """Relay until `orders` ends or says quit."""
    _say(answers, {"addresses": [relay.addresses(device) for device in range(count)]})
    with selectors.DefaultSelector() as selector:
        for pair, opened in relay.sockets.items():
            selector.register(opened, selectors.EVENT_READ, pair)
        selector.register(orders, selectors.EVENT_READ, None)
        while True:
            due_ns = relay.next_due_ns()
            wait_s = None if due_ns is None else max(0, due_ns - now_ns()) / SECOND_NS
            for key, _ in selector.select(wait_s):
                if key.data is not None:
                    near, far = key.data
                    relay.drain(near, far, now_ns())
                    continue
                line = orders.readline()
                if not line or line.strip() == "quit":
                    return
                _say(answers, obey(relay, line))
            relay.deliver_due(now_ns())


def _say(answers: TextIO, value: dict[str, object]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="relay", description="UDP relay between daemons")
    parser.add_argument("count", type=int, help="number of devices")
    parser.add_argument("--delay-ms", type=int, nargs=2, default=(0, 0), metavar=("LOW", "HIGH"))
    parser.add_argument("--seed", type=int, default=0, help="of the delays")
    chosen = parser.parse_args(arguments)
    low_ms, high_ms = chosen.delay_ms
    if chosen.count < 2 or not 0 <= low_ms <= high_ms:
        parser.error("expected COUNT >= 2 and 0 <= LOW <= HIGH")
    relay = Relay(chosen.count, Delay(low_ms * MS_NS, high_ms * MS_NS, chosen.seed))
    try:
        serve(relay, chosen.count, sys.stdin, sys.stdout)
    except KeyboardInterrupt:
        pass  # the one who started us is stopping too
    finally:
        relay.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
