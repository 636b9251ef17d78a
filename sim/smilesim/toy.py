"""The smallest city there is: the engine with nothing of the protocol in it, to be measured.

Each of N nodes fires a timer every simulated second and sends one message to its six neighbours on
a ring; the air takes 5 to 50 ms. On receipt: drop what was heard before, advance a Lamport clock,
note when the sender was heard. So 7 N events per simulated second, timers counted.

The engine is the real one: `engine.step`, `Radio.carry_all`, `AirLink`, with a host of toy nodes
where `World` is a host of devices. Other engines are measured with the same nodes.
"""

from itertools import repeat

from smilesim.dice import mix
from smilesim.engine import Host, Lane, Mark, Wheel, give_ranks, step
from smilesim.fate import Weather
from smilesim.radio import AirLink, Radio

DEGREE = 6
EVENTS_PER_NODE = DEGREE + 1
DELAY_MS_MIN = 5
DELAY_MS_SPAN = 46
PERIOD_MS = 1_000
OFFSETS = (-3, -2, -1, 1, 2, 3)
AIR = Weather(DELAY_MS_MIN, DELAY_MS_SPAN, loss_ppm=0, duplicate_ppm=0, reorder_ppm=0)


class Ping:
    """What a node says: the same object for all who hear it."""

    __slots__ = ("lamport", "number")

    def __init__(self, number: int, lamport: int) -> None:
        self.number = number
        self.lamport = lamport


class Toy(Lane):
    """A node. `links` are its ways to its neighbours, where the engine is ours."""

    __slots__ = ("index", "lamport", "links", "number")

    def __init__(self, index: int) -> None:
        self.key = 0
        self.index = index
        self.number = 0
        self.lamport = 0
        self.links: list[Road] = []

    def beat(self) -> Ping:
        """Return what is sent to all neighbours."""
        self.number += 1
        self.lamport += 1
        return Ping(self.number, self.lamport)


class Ear:
    """A node's line about one neighbour, for engines without objects for ways between nodes."""

    __slots__ = ("alive_ms", "number", "station")

    def __init__(self, station: Toy) -> None:
        self.station = station
        self.number = 0
        self.alive_ms = 0.0

    def hear(self, ping: Ping, now_ms: float) -> None:
        """Take a message; one that was heard before changes nothing."""
        if ping.number <= self.number:
            return
        self.number = ping.number
        self.alive_ms = now_ms
        station, lamport = self.station, ping.lamport
        mine = station.lamport
        station.lamport = (lamport if lamport > mine else mine) + 1


class Road(AirLink):
    """A way between two toy nodes, which is also what the second knows of the first."""

    __slots__ = ("alive_tick", "number")

    def __init__(self, source: int, destination: int) -> None:
        super().__init__(1, source, destination)
        self.number = 0
        self.alive_tick = 0
        self.set_up(is_up=True)


class ToyCity(Host[Road, Ping, Toy, Mark]):
    """A host of toy nodes; `run_to`, `tick` and `end_tick` are those of `World`."""

    def __init__(self, count: int) -> None:
        self.wheel = Wheel()
        self.radio = Radio(self.wheel, AIR)
        nodes = [Toy(index) for index in range(count)]
        inbound: list[list[Road]] = [[] for _ in nodes]
        for node in nodes:
            for index in neighbours(node.index, count):
                road = Road(node.index, index)
                node.links.append(road)
                inbound[index].append(road)
        give_ranks(zip(nodes, inbound, strict=True))
        for node in nodes:
            self._beat_at(node, first_beat_ms(node.index))

    @property
    def tick(self) -> int:
        return self.wheel.tick

    def hear(self, way: Road, ping: Ping, _key: int, /) -> bool:
        if ping.number > way.number:
            way.number = ping.number
            way.alive_tick = self.wheel.tick
            node: Toy = way.station
            lamport, mine = ping.lamport, node.lamport
            node.lamport = (lamport if lamport > mine else mine) + 1
        return False

    def mark(self, _node: Toy, _mark: Mark, _key: int, /) -> bool:
        return True

    def wake(self, node: Toy, /) -> None:
        ping = node.beat()
        self.radio.carry_all(zip(node.links, repeat(ping)))
        self._beat_at(node, self.wheel.tick + PERIOD_MS)

    def run_to(self, tick: int) -> None:
        wheel = self.wheel
        while wheel.tick < tick:
            step(wheel, self)

    def end_tick(self) -> None:
        """Nothing is kept of a tick."""

    def _beat_at(self, node: Toy, tick: int) -> None:
        self.wheel.put(tick, (node.key, node, Mark.WAKE))


def neighbours(index: int, count: int) -> list[int]:
    """Return whom a node sends to."""
    return sorted((index + offset) % count for offset in OFFSETS)


def first_beat_ms(index: int) -> int:
    """Return when a node's timer fires first: not all at once."""
    return 1 + mix(index) % PERIOD_MS
