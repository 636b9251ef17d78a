"""The wheel: what happens at which millisecond, in an order that nothing but the seed decides.

Events of one tick run in the order (destination, source, sequence); a wake of a destination comes
after everything that reaches it in that tick. Each event is one integer key in the dict of its
tick, so a tick costs one sort of small integers, and an idle tick one look at an empty dict.
The far future waits by laps of the wheel and is spread when its lap begins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from smilesync.commands import Command
from smilesync.wire.messages import Message

TICKS_PER_SECOND = 1_000
TICK_NS = 1_000_000
NEVER_NS = 2**63 - 1

LAP_BITS = 12
LAP_TICKS = 1 << LAP_BITS
LAP_MASK = LAP_TICKS - 1

COPY_BITS = 2
SEQUENCE_BITS = 33
SOURCE_BITS = 21
DESTINATION_SHIFT = SEQUENCE_BITS + SOURCE_BITS
SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1
SOURCE_MASK = (1 << SOURCE_BITS) - 1
NOBODY = SOURCE_MASK
"""The source of what comes from no device: sorts after every device."""

PEERS_MAX = 1_000_000


class Mark(Enum):
    """An event that is no message."""

    WAKE = "wake"
    LINK_UP = "link-up"
    LINK_DOWN = "link-down"
    POWER_ON = "power-on"


@dataclass(frozen=True, slots=True)
class Order:
    """A wearer does something."""

    command: Command


WheelEvent = Message | bytes | Mark | Order
"""A message, a sealed datagram for an observed node, or something that is neither."""
Bucket = dict[int, WheelEvent]


def link_key(destination: int, source: int) -> int:
    """Return the key of sequence 0; `sequence << COPY_BITS | copy` is added to it."""
    return destination << DESTINATION_SHIFT | source << SEQUENCE_BITS


def mark_key(destination: int, ordinal: int = 0) -> int:
    """Return the key of an event from no device."""
    return destination << DESTINATION_SHIFT | NOBODY << SEQUENCE_BITS | ordinal


class Wheel:
    """Events by tick: one bucket for each of the next `LAP_TICKS`, later ones by lap."""

    __slots__ = ("_far", "buckets", "tick")

    def __init__(self) -> None:
        self.tick = -1
        self.buckets: list[Bucket] = [{} for _ in range(LAP_TICKS)]
        self._far: dict[int, list[tuple[int, int, WheelEvent]]] = {}

    def put(self, tick: int, key: int, event: WheelEvent) -> None:
        """Let `event` happen at `tick`, which must be in the future; an equal key is replaced."""
        ahead = tick - self.tick
        assert ahead > 0, "an event in the past"
        if ahead < LAP_TICKS:
            self.buckets[tick & LAP_MASK][key] = event
        else:
            self._far.setdefault(tick >> LAP_BITS, []).append((tick, key, event))

    def advance(self) -> Bucket:
        """Go to the next tick and return its events; the caller clears them when done."""
        self.tick += 1
        if self.tick & LAP_MASK == 0:
            for tick, key, event in self._far.pop(self.tick >> LAP_BITS, ()):
                self.buckets[tick & LAP_MASK][key] = event
        return self.buckets[self.tick & LAP_MASK]

    def pending(self) -> Iterator[tuple[int, WheelEvent]]:
        """Yield every event that has not been taken, by key, in no particular order."""
        for bucket in self.buckets:
            yield from bucket.items()
        for lap in self._far.values():
            for _, key, event in lap:
                yield key, event
