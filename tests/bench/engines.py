"""The workload on the simulator's own engine, and on a bare heap: what both are measured by.

The engine is the real one: `engine.step`, `Radio.carry`, `AirLink`, with a host of toy nodes where
`World` is a host of devices.
"""

import heapq
from collections.abc import Callable
from itertools import repeat

from bench.workload import (
    DELAY_MS_MIN,
    DELAY_MS_SPAN,
    EVENTS_PER_NODE,
    PERIOD_MS,
    Ear,
    Ping,
    Toy,
    first_beat_ms,
    neighbours,
)
from smilesim.dice import mix
from smilesim.engine import Lane, Mark, Wheel, give_ranks, step
from smilesim.fate import Weather
from smilesim.radio import AirLink, Radio

AIR = Weather(DELAY_MS_MIN, DELAY_MS_SPAN, loss_ppm=0, duplicate_ppm=0, reorder_ppm=0)

Advance = Callable[[int], int]
"""Runs an engine for so many more simulated ms; returns how many events that were."""


class Station(Lane, Toy):
    """A toy node on the wheel."""

    __slots__ = ("index", "lamport", "links", "number")

    def __init__(self, index: int) -> None:
        self.key = 0
        self.links: list[Road] = []
        self.begin(index)


class Road(AirLink, Ear):
    """A way between two toy nodes, which is also what the second knows of the first."""

    __slots__ = ("alive_ms", "number")

    def __init__(self, source: int, destination: int) -> None:
        super().__init__(1, source, destination)
        self.number = 0
        self.alive_ms = 0.0
        self.set_up(is_up=True)


class ToyCity:
    """A host of toy nodes; `run_to`, `tick` and `end_tick` are those of `World`."""

    def __init__(self, count: int) -> None:
        self.wheel = Wheel()
        self.radio = Radio(self.wheel, AIR)
        stations = [Station(index) for index in range(count)]
        inbound: list[list[Road]] = [[] for _ in stations]
        for station in stations:
            for index in neighbours(station.index, count):
                link = Road(station.index, index)
                station.links.append(link)
                inbound[index].append(link)
        give_ranks(zip(stations, inbound, strict=True))
        for station in stations:
            self._beat_at(station, first_beat_ms(station.index))

    @property
    def tick(self) -> int:
        return self.wheel.tick

    def hear(self, way: Road, ping: Ping, _key: int) -> bool:
        way.hear(ping, self.wheel.tick)
        return False

    def mark(self, _station: Station, _mark: Mark, _key: int) -> bool:
        return True

    def wake(self, station: Station) -> None:
        ping = station.beat()
        self.radio.carry_all(zip(station.links, repeat(ping)))
        self._beat_at(station, self.wheel.tick + PERIOD_MS)

    def run_to(self, tick: int) -> None:
        wheel = self.wheel
        while wheel.tick < tick:
            step(wheel, self)

    def end_tick(self) -> None:
        """Nothing is kept of a tick."""

    def _beat_at(self, station: Station, tick: int) -> None:
        self.wheel.put(tick, (station.key, station, Mark.WAKE))


def wheel(count: int) -> Advance:
    """Return the simulator's engine with toy nodes."""
    city = ToyCity(count)

    def advance(span_ms: int) -> int:
        city.run_to(city.tick + span_ms)
        return count * EVENTS_PER_NODE * span_ms // PERIOD_MS

    return advance


def heap(count: int) -> Advance:
    """Return nothing but heappop and heappush, `count` events pending (the hold model).

    An entry is what an event queue needs: time, number, whose it is. One pair counts as one event.
    """
    pending = [(first_beat_ms(index), index, Station(index)) for index in range(count)]
    heapq.heapify(pending)
    waits = [1 + mix(place) % (2 * PERIOD_MS) for place in range(1 << 14)]
    numbers = [count]

    def advance(span_ms: int) -> int:
        pairs = count * span_ms // PERIOD_MS
        number, pop, push = numbers[0], heapq.heappop, heapq.heappush
        for _ in range(pairs):
            at, _, whose = pop(pending)
            number += 1
            push(pending, (at + waits[number & 16_383], number, whose))
        numbers[0] = number
        return pairs

    return advance
