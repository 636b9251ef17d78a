"""The workload on the simulator's own engine, and on a bare heap: what both are measured by."""

import heapq
from collections.abc import Callable

from smilesim.dice import mix
from smilesim.toy import EVENTS_PER_NODE, PERIOD_MS, Toy, ToyCity, first_beat_ms

Advance = Callable[[int], int]
"""Runs an engine for so many more simulated ms; returns how many events that were."""


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
    pending = [(first_beat_ms(index), index, Toy(index)) for index in range(count)]
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
