"""One workload for every engine: what a toy node does, who its neighbours are, how late messages.

Each of N nodes fires a timer every simulated second and sends one message to its six neighbours on
a ring; the air takes 5 to 50 ms. On receipt: drop what was heard before, advance a Lamport clock,
note when the sender was heard. So 7 N events per simulated second, timers counted.
"""

from typing import NamedTuple

from smilesim.dice import mix

DEGREE = 6
EVENTS_PER_NODE = DEGREE + 1
DELAY_MS_MIN = 5
DELAY_MS_SPAN = 46
PERIOD_MS = 1_000
OFFSETS = (-3, -2, -1, 1, 2, 3)
DELAYS = 1 << 14


class Ping(NamedTuple):
    """What a node says: the same object for all who hear it."""

    number: int
    lamport: int


class Toy:
    """A node; those of each engine are such, and keep their state as that engine likes best."""

    __slots__ = ()

    index: int
    number: int
    lamport: int

    def begin(self, index: int) -> None:
        """Be a node that has said and heard nothing."""
        self.index = index
        self.number = 0
        self.lamport = 0

    def beat(self) -> Ping:
        """Return what is sent to all neighbours."""
        self.number += 1
        self.lamport += 1
        return Ping(self.number, self.lamport)


class Ear:
    """A node's line about one neighbour: the number of its last message, and when it came."""

    __slots__ = ()

    station: Toy
    number: int
    alive_ms: float

    def hear(self, ping: Ping, now_ms: float) -> None:
        """Take a message."""
        number, lamport = ping
        if number <= self.number:
            return
        self.number = number
        self.alive_ms = now_ms
        station = self.station
        mine = station.lamport
        station.lamport = (lamport if lamport > mine else mine) + 1


class PlainEar(Ear):
    """A line about a neighbour, for engines that have no objects for ways between nodes."""

    __slots__ = ("alive_ms", "number", "station")

    def __init__(self, station: Toy) -> None:
        self.station = station
        self.number = 0
        self.alive_ms = 0.0


def neighbours(index: int, count: int) -> list[int]:
    """Return whom a node sends to."""
    return sorted((index + offset) % count for offset in OFFSETS)


def first_beat_ms(index: int) -> int:
    """Return when a node's timer fires first: not all at once."""
    return 1 + mix(index) % PERIOD_MS


def delays_ms() -> list[int]:
    """Return a table of delays, for engines that have no air of their own."""
    return [DELAY_MS_MIN + mix(place) % DELAY_MS_SPAN for place in range(DELAYS)]
