"""The air between devices: delay, loss, duplication, reordering, partition, storm.

The fate of a transmission is a pure function of (seed, source, destination, link sequence), so it
depends neither on how the city is spread over processes nor on what other links do.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from smilesim.dice import mix, salt
from smilesim.engine import (
    LAP_MASK,
    LAP_TICKS,
    SEQUENCE_BITS,
    SEQUENCE_MASK,
    Event,
    Way,
    Wheel,
)
from smilesim.fate import (
    DAMAGED,
    DELAY_MASK,
    DUPLICATED,
    FATE_MASK,
    LATE,
    LOST,
    REORDERED,
    WORSE_BITS,
    Weather,
    fates_beyond,
)
from smilesim.stored import attributes, restore
from smilesync.ids import PeerId
from smilesync.wire.messages import Carried

if TYPE_CHECKING:
    from smilesim.echoes import Memory

COPIES_MAX = 1_000
STRIDE_SHIFT = SEQUENCE_BITS - 1
CLOSED = 1 << 62
"""The floor of a way that no message may pass any more."""
AT_ONCE = (0,)
UNHEARD_TICK = -(1 << 40)
NO_LIFE = 0
GUST_MS = 256
"""Of a storm so much is put on the wheel at a time: all of it would be most of a city's memory."""

Damage = Callable[[Any, int], Any]
"""Makes other bytes of those in the air, given some bits of chance."""


class AirLink(Way):
    """One direction between two devices, with its own sequence, which begins anywhere.

    A message passes while there is a session (`is_up`), the two are in range (not `is_far`) and no
    partition lies between them (not `is_cut`). It `is_open` while all are so, and `is_reachable`
    while only the session may be missing. Messages with keys below `floor` belong to no session of
    the destination. `life` is which life of the source this session is with, NO_LIFE without one.
    For the checks: `heard_tick`, when a clock reading of the source came last; `said_tick`, when
    any message of it did. It `is_owed` to the destination that something was heard since.
    """

    __slots__ = (
        "cuts",
        "destination",
        "floor",
        "heard_tick",
        "is_far",
        "is_owed",
        "is_up",
        "life",
        "said_tick",
        "sender",
    )

    def __init__(self, seed: int, source: int, destination: int) -> None:
        self.is_open = False
        self.is_up = False
        self.is_far = False
        self.is_owed = False
        self.source = source
        self.destination = destination
        self.sender = PeerId(b"")
        self.key = salt(seed, "link", source, destination) & FATE_MASK
        self.floor = 0
        self.heard_tick = UNHEARD_TICK
        self.said_tick = UNHEARD_TICK
        self.life = NO_LIFE
        self.cuts = 0

    @property
    def sequence(self) -> int:
        """Return the sequence of the next message."""
        return self.key & SEQUENCE_MASK

    @property
    def is_cut(self) -> bool:
        """Does a partition lie between the two?"""
        return self.cuts > 0

    @property
    def is_reachable(self) -> bool:
        """Would a message arrive if there were a session?"""
        return not self.cuts and not self.is_far

    def set_up(self, *, is_up: bool) -> None:
        """A handshake finished, or the session is gone."""
        self.is_up = is_up
        self._reach()

    def set_cut(self, *, is_cut: bool) -> None:
        """A partition begins or ends; several may lie between the two at once."""
        self.cuts += 1 if is_cut else -1
        assert self.cuts >= 0, "a partition ended that never began"
        self._reach()

    def set_far(self, *, is_far: bool) -> None:
        """The two people walk apart or meet."""
        self.is_far = is_far
        self._reach()

    def _reach(self) -> None:
        self.is_open = self.is_up and self.is_reachable

    def __getstate__(self) -> dict[str, object]:
        """Leave out the station: a city is stored device by device, not along its links."""
        held = attributes(self)
        held.pop("station", None)
        return held

    def __setstate__(self, state: dict[str, object]) -> None:
        restore(self, state)


class Volley:
    """Copies of a message that leave later, `waits_ms` after `begun_tick`; the last is not one.

    `key` is that of the next copy, the one at `place`. Their air is that of when they were sent.
    All have the `first_key`, since nothing tells them apart. While the destination has this
    `memory` they are only heard, and `item` is what the trace says (`echoes.py`).
    """

    __slots__ = (
        "begun_tick",
        "end_ms",
        "fates",
        "first_key",
        "item",
        "key",
        "link",
        "memory",
        "payload",
        "place",
        "usual",
        "waits_ms",
    )

    def __init__(
        self, link: AirLink, payload: object, waits_ms: Sequence[int], begun_tick: int
    ) -> None:
        self.payload: Any = payload
        self.memory: Memory | None = None
        self.item = b""
        self.link = link
        self.waits_ms = waits_ms
        self.begun_tick = begun_tick
        self.key = link.key
        self.first_key = link.key
        self.place = 0
        self.end_ms = 0
        self.usual: tuple[int, ...] = ()
        self.fates: tuple[int, ...] = ()


class Radio:
    """Puts what is sent on the wheel, or loses it. Counts what it did, for the report.

    Copies made by the air never pass a link's replay window. They are delivered only where a link
    is there to stop them (`delivers_copies`), and only counted where the city enters above it. So
    with damage: without a `damage` to do to bytes, what is damaged is dropped as its seal would be.
    """

    def __init__(self, wheel: Wheel, weather: Weather, *, delivers_copies: bool = False) -> None:
        self.wheel = wheel
        self.delivers_copies = delivers_copies
        self.damage: Damage | None = None
        self.lost = 0
        self.cut = 0
        self.duplicated = 0
        self.reordered = 0
        self.stormed = 0
        self.late = 0
        self.damaged = 0
        self.worse = [0] * 32
        """How often a fault's weather struck where the standing one had not, by marks of a fate."""
        self._standing = weather
        self.storm_copies = 0
        self._storm_waits_ms: Sequence[int] = AT_ONCE
        self.volleys: dict[int, list[Volley]] = {}
        """By the tick before which `release` is to put more of them on the wheel."""
        self.set_weather(weather)

    def set_weather(self, weather: Weather) -> None:
        """Let the air be so from now on; what is in it arrives when it would have."""
        self.weather = weather
        self._fates = fates_beyond(weather, self._standing)
        self._usual = tuple(fate if fate < LAP_TICKS else 0 for fate in self._fates)

    def worse_by(self, mark: int) -> int:
        """Return how often a mark of `fates_beyond` was met that no standing weather would set."""
        return sum(count for marks, count in enumerate(self.worse) if marks << WORSE_BITS & mark)

    def start_storm(self, copies: int, spread_ms: int) -> None:
        """Let every carried object leave `copies` more times within `spread_ms`, until stopped.

        Each is a transmission of its own, as from senders gone wild: no replay window stops it.
        """
        assert copies >= 0
        self.storm_copies = copies
        self._storm_waits_ms = (*(1 + n * spread_ms // copies for n in range(1, copies + 1)), 0)

    def stop_storm(self) -> None:
        """End the repetitions; those in the air still arrive."""
        self.storm_copies = 0

    def waits_ms(self, message: object) -> Sequence[int]:
        """Return after which waits this message leaves, the copies first that a storm makes."""
        if not self.storm_copies or not isinstance(message, Carried):
            return AT_ONCE
        self.stormed += self.storm_copies
        return self._storm_waits_ms

    def transmit(self, link: AirLink, message: object) -> None:
        """Send a message, after the copies of it that a storm makes."""
        self.carry_each(link, message, self.waits_ms(message))

    def carry(self, link: AirLink, payload: object, wait_ms: int = 0) -> None:
        """Send one message, or what it is encoded in, after `wait_ms` at the sender."""
        key = link.key
        link.key = key + 1
        if link.is_open:
            self._leave(key, link, payload, self.wheel.tick + wait_ms, self._fates)
        else:
            self.cut += link.cuts > 0

    def carry_all(self, sends: Iterable[tuple[AirLink, object]]) -> None:
        """Send messages in this order; what `carry` does for each, all but the rare in line."""
        usual, buckets, tick = self._usual, self.wheel.buckets, self.wheel.tick
        for link, payload in sends:
            key = link.key
            # Where the link is on its walk, times its stride: an odd number of its own.
            delay_ms = usual[(key & FATE_MASK) * (key >> STRIDE_SHIFT | 1) & FATE_MASK]
            if delay_ms and link.is_open:
                link.key = key + 1
                buckets[tick + delay_ms & LAP_MASK].append((key, link, payload))
            else:
                self.carry(link, payload)

    def carry_each(self, link: AirLink, payload: object, waits_ms: Sequence[int]) -> None:
        """Send a payload again and again, what `carry` does for each; ever later but for the last.

        What leaves much later is put on the wheel only then.
        """
        copies = len(waits_ms) - 1
        if copies and link.is_open:
            volley = Volley(link, payload, waits_ms, self.wheel.tick)
            volley.usual, volley.fates = self._usual, self._fates
            link.key += copies
            self._fire(volley)
            self.carry(link, payload, waits_ms[copies])
            return
        for wait_ms in waits_ms:
            self.carry(link, payload, wait_ms)

    def release(self) -> None:
        """Before the next tick: put on the wheel what leaves within a gust from then on."""
        for volley in self.volleys.pop(self.wheel.tick + 1, ()):
            self._fire(volley)

    def _fire(self, volley: Volley) -> None:
        """Let the copies of the next gust leave: what `carry` does, all but the rare in line."""
        link, waits_ms, usual = volley.link, volley.waits_ms, volley.usual
        event: Event = (volley.first_key, link, volley)
        buckets, tick, begun_tick = self.wheel.buckets, self.wheel.tick, volley.begun_tick
        key, place, copies = volley.key, volley.place, len(waits_ms) - 1
        end_ms = volley.end_ms + GUST_MS
        while place < copies and waits_ms[place] < end_ms:
            leaves_tick = begun_tick + waits_ms[place]
            delay_ms = usual[(key & FATE_MASK) * (key >> STRIDE_SHIFT | 1) & FATE_MASK]
            due_tick = leaves_tick + delay_ms
            if delay_ms and due_tick - tick < LAP_TICKS:
                buckets[due_tick & LAP_MASK].append(event)
            else:
                self._leave(key, link, volley.payload, leaves_tick, volley.fates)
            key += 1
            place += 1
        if place < copies:
            volley.key, volley.place, volley.end_ms = key, place, end_ms
            self.volleys.setdefault(begun_tick + end_ms, []).append(volley)

    def _leave(
        self, key: int, link: AirLink, payload: object, tick: int, fates: tuple[int, ...]
    ) -> None:
        """Put one message on the wheel that leaves at `tick`, or lose it."""
        fate = fates[(key & FATE_MASK) * (key >> STRIDE_SHIFT | 1) & FATE_MASK]
        delay_ms = fate
        if fate == LOST or fate >= LAP_TICKS:
            delay_ms, payload = self._befall(key, link, payload, fate, tick)
        if delay_ms:
            self.wheel.put(tick + delay_ms, (key, link, payload))

    def _befall(
        self, key: int, link: AirLink, payload: object, fate: int, tick: int
    ) -> tuple[int, object]:
        """Let what is rare happen; returns the delay and what then arrives, LOST for nothing."""
        delay_ms = fate & DELAY_MASK
        self.worse[fate >> WORSE_BITS] += 1
        if delay_ms == LOST:
            self.lost += 1
            return LOST, payload
        self.reordered += fate & REORDERED > 0
        self.late += fate & LATE > 0
        if fate & DUPLICATED:
            self.duplicated += 1
            if self.delivers_copies:
                self.wheel.put(tick + 2 * delay_ms, (key, link, payload))
        if fate & DAMAGED:
            self.damaged += 1
            if self.damage is None:
                return LOST, payload
            payload = self.damage(payload, mix(key + 1))
        return delay_ms, payload
