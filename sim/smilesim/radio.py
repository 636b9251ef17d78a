"""The air between devices: delay, loss, duplication, reordering, partition, storm.

The fate of a transmission is a pure function of (seed, source, destination, link sequence), so it
depends neither on how the city is spread over processes nor on what other links do.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from smilesim.dice import mix, salt
from smilesim.engine import LAP_MASK, LAP_TICKS, SEQUENCE_BITS, SEQUENCE_MASK, Way, Wheel
from smilesim.fate import (
    DAMAGED,
    DELAY_MASK,
    DUPLICATED,
    FATE_MASK,
    LATE,
    LOST,
    REORDERED,
    Weather,
    fates_of,
)
from smilesim.stored import attributes, restore
from smilesync.ids import PeerId
from smilesync.wire.messages import Carried

COPIES_MAX = 1_000
STRIDE_SHIFT = SEQUENCE_BITS - 1
CLOSED = 1 << 62
"""The floor of a way that no message may pass any more."""
AT_ONCE = (0,)
UNHEARD_TICK = -(1 << 40)
NO_LIFE = 0

Damage = Callable[[Any, int], Any]
"""Makes other bytes of those in the air, given some bits of chance."""


class AirLink(Way):
    """One direction between two devices, with its own sequence, which begins anywhere.

    A message passes while there is a session (`is_up`), the two are in range (not `is_far`) and no
    partition lies between them (not `is_cut`). It `is_open` while all are so, and `is_reachable`
    while only the session may be missing. Messages with keys below `floor` belong to no session of
    the destination. `life` is which life of the source this session is with, NO_LIFE without one.
    For the checks: `heard_tick`, when a clock reading of the source came last; `said_tick`, when
    any message of it did.
    """

    __slots__ = (
        "cuts",
        "destination",
        "floor",
        "heard_tick",
        "is_far",
        "is_up",
        "life",
        "said_tick",
        "sender",
    )

    def __init__(self, seed: int, source: int, destination: int) -> None:
        self.is_open = False
        self.is_up = False
        self.is_far = False
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
        self.storm_copies = 0
        self._storm_waits_ms: Sequence[int] = AT_ONCE
        self.set_weather(weather)

    def set_weather(self, weather: Weather) -> None:
        """Let the air be so from now on; what is in it arrives when it would have."""
        self.weather = weather
        self._fates = fates_of(weather)
        self._usual = tuple(fate if fate < LAP_TICKS else 0 for fate in self._fates)

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
        if not link.is_open:
            self.cut += link.cuts > 0
            return
        place = (key & FATE_MASK) * (key >> STRIDE_SHIFT | 1) & FATE_MASK
        delay_ms = self._usual[place]
        if not delay_ms:
            delay_ms, payload = self._befall(link, payload, self._fates[place], wait_ms)
        if delay_ms:
            self.wheel.put(self.wheel.tick + delay_ms + wait_ms, (key, link, payload))

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

    def carry_each(self, link: AirLink, payload: object, waits_ms: Iterable[int]) -> None:
        """Send a payload again and again; what `carry` does for each, all but the rare in line."""
        usual, buckets, tick = self._usual, self.wheel.buckets, self.wheel.tick
        for wait_ms in waits_ms:
            key = link.key
            delay_ms = usual[(key & FATE_MASK) * (key >> STRIDE_SHIFT | 1) & FATE_MASK]
            ahead = wait_ms + delay_ms
            if delay_ms and ahead < LAP_TICKS and link.is_open:
                link.key = key + 1
                buckets[tick + ahead & LAP_MASK].append((key, link, payload))
            else:
                self.carry(link, payload, wait_ms)

    def _befall(
        self, link: AirLink, payload: object, fate: int, wait_ms: int
    ) -> tuple[int, object]:
        """Let what is rare happen; returns the delay and what then arrives, LOST for nothing."""
        if fate == LOST:
            self.lost += 1
            return LOST, payload
        delay_ms = fate & DELAY_MASK
        self.reordered += fate & REORDERED > 0
        self.late += fate & LATE > 0
        if fate & DUPLICATED:
            self.duplicated += 1
            if self.delivers_copies:
                copy = (link.key - 1, link, payload)
                self.wheel.put(self.wheel.tick + wait_ms + 2 * delay_ms, copy)
        if fate & DAMAGED:
            self.damaged += 1
            if self.damage is None:
                return LOST, payload
            payload = self.damage(payload, mix(link.key))
        return delay_ms, payload
