"""The wheel: what happens at which millisecond, in an order that nothing but the seed decides.

Whom things happen to is a station; each way into it from another, and the station itself for its
own timers, is a lane. Events of one tick run in the order (rank of the lane, sequence), and ranks
ascend by (station, source of the way), the station's own last: so a wake comes after everything
that reaches its station in that tick, and who put an event on the wheel when changes nothing.

Nothing here knows what a device is: a host does with the events what it likes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from operator import itemgetter
from typing import Any, Generic, TypeVar

from smilesync.commands import Command

TICKS_PER_SECOND = 1_000
TICK_NS = 1_000_000
NEVER_NS = 2**62 - 1
"""The largest number that a compiled integer holds without a box around it."""

LAP_BITS = 12
LAP_TICKS = 1 << LAP_BITS
LAP_MASK = LAP_TICKS - 1

PEERS_MAX = 1_000_000


class Mark(Enum):
    """An event of a station that is no message."""

    WAKE = "wake"
    LINK_UP = "link-up"
    POWER_ON = "power-on"


@dataclass(frozen=True, slots=True)
class Order:
    """A wearer does something."""

    command: Command


SEQUENCE_BITS = 30
SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1


class Lane:
    """A place in the order of every tick. `station` is whom its events reach.

    `key` is the rank of the lane, and in its last bits the sequence of its next event.
    """

    __slots__ = ("key", "station")

    key: int
    station: Any


class Way(Lane):
    """The lane from another station, `source`; messages pass while it `is_open`."""

    __slots__ = ("is_open", "source")

    source: int
    is_open: bool


Event = tuple[int, Lane, Any]
"""Key, which no two different events share; lane; message or mark. Small, and nothing else."""
Bucket = list[Event]
_key_of = itemgetter(0)


def give_ranks(stations: Iterable[tuple[Lane, Iterable[Lane]]]) -> None:
    """Rank all lanes: station by station, the ways into each as given, then its own lane."""
    rank = 0
    for station, ways in stations:
        for lane in (*ways, station):
            lane.key = rank << SEQUENCE_BITS | lane.key & SEQUENCE_MASK
            lane.station = station
            rank += 1


class Wheel:
    """Events by tick: one flat list for each of the next `LAP_TICKS`, later ones by lap."""

    __slots__ = ("_far", "buckets", "tick")

    def __init__(self) -> None:
        self.tick = -1
        self.buckets: list[Bucket] = [[] for _ in range(LAP_TICKS)]
        self._far: dict[int, list[tuple[int, Event]]] = {}

    def put(self, tick: int, event: Event) -> None:
        """Let `event` happen at `tick`, which must be in the future."""
        ahead = tick - self.tick
        assert ahead > 0, "an event in the past"
        if ahead < LAP_TICKS:
            self.buckets[tick & LAP_MASK].append(event)
        else:
            self._far.setdefault(tick >> LAP_BITS, []).append((tick, event))

    def advance(self) -> Bucket:
        """Go to the next tick and return its events in order; the caller clears them when done."""
        self.tick = tick = self.tick + 1
        if tick & LAP_MASK == 0:
            for due_tick, event in self._far.pop(tick >> LAP_BITS, ()):
                self.buckets[due_tick & LAP_MASK].append(event)
        bucket = self.buckets[tick & LAP_MASK]
        bucket.sort(key=_key_of)
        return bucket

    def pending(self) -> Iterator[Event]:
        """Yield every event that has not been taken, in no particular order."""
        for bucket in self.buckets:
            yield from bucket
        for lap in self._far.values():
            for _, event in lap:
                yield event


WayT = TypeVar("WayT", contravariant=True)
MessageT = TypeVar("MessageT", contravariant=True)
StationT = TypeVar("StationT", contravariant=True)
MarkT = TypeVar("MarkT", contravariant=True)


class Host(Generic[WayT, MessageT, StationT, MarkT]):
    """Whoever owns the stations. What it answers: is the station to be woken in this tick?

    A base class and no protocol: compiled, what happens then is found without looking for a name.
    """

    def hear(self, way: WayT, message: MessageT, key: int, /) -> bool:
        """A message reaches the station of `way`."""
        raise NotImplementedError

    def mark(self, station: StationT, mark: MarkT, key: int, /) -> bool:
        """An event of its own comes for `station`."""
        raise NotImplementedError

    def wake(self, station: StationT, /) -> None:
        """Everything that reaches `station` in this tick has done so."""
        raise NotImplementedError


def step(wheel: Wheel, host: Host[Any, Any, Any, Any]) -> bool:
    """Go to the next tick and let its events happen: each station's in order, then its wake.

    Returns whether there were any.
    """
    bucket = wheel.advance()
    if not bucket:
        return False
    due: Lane | None = None
    for key, lane, payload in bucket:
        station = lane.station
        if due is not None and due is not station:
            host.wake(due)
            due = None
        if lane is station:
            if host.mark(station, payload, key):
                due = station
        elif host.hear(lane, payload, key):
            due = station
    if due is not None:
        host.wake(due)
    bucket.clear()
    return True
