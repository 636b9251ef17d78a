"""The air between devices: delay, loss, duplication, reordering, partition, storm.

The fate of a transmission is a pure function of (seed, source, destination, link sequence), so it
depends neither on how the city is spread over processes nor on what other links do.
"""

from dataclasses import dataclass

from smilesim.dice import FIRST, GOLDEN, MASK64, SECOND, salt
from smilesim.engine import COPY_BITS, LAP_MASK, LAP_TICKS, Wheel, link_key
from smilesync.wire.messages import Carried, Message

PPM_BITS = 20
PPM_MASK = (1 << PPM_BITS) - 1
SPAN_BITS = 10
SPAN_MASK = (1 << SPAN_BITS) - 1
LAST_BITS = 64 - 2 * PPM_BITS - SPAN_BITS
COPIES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Weather:
    """How bad the air is. Delays in ms, at least 1; shares in parts per million."""

    delay_ms_min: int = 2
    delay_ms_span: int = 8
    loss_ppm: int = 10_000
    duplicate_ppm: int = 1_000
    reorder_ppm: int = 5_000
    reorder_ms_span: int = 60

    @property
    def delay_ms_max(self) -> int:
        """Return a bound on the delay of a transmission, and of a copy of it."""
        return 2 * (self.delay_ms_min + self.delay_ms_span + self.reorder_ms_span) + 2


class AirLink:
    """One direction between two devices, with its own sequence.

    A message passes while there is a session (`is_up`), the two are in range (not `is_far`) and no
    partition lies between them (not `is_cut`). It `is_open` while all are so, and `is_reachable`
    while only the session may be missing.
    """

    __slots__ = (
        "destination",
        "is_cut",
        "is_far",
        "is_open",
        "is_reachable",
        "is_up",
        "key",
        "salt",
        "sequence",
        "source",
    )

    def __init__(self, seed: int, source: int, destination: int) -> None:
        self.source = source
        self.destination = destination
        self.key = link_key(destination, source)
        self.salt = salt(seed, "link", source, destination)
        self.sequence = 0
        self.is_up = False
        self.is_cut = False
        self.is_far = False
        self.is_reachable = True
        self.is_open = False

    def set_up(self, *, is_up: bool) -> None:
        """A handshake finished, or the session is gone."""
        self.is_up = is_up
        self.is_open = is_up and self.is_reachable

    def set_cut(self, *, is_cut: bool) -> None:
        """A partition begins or ends."""
        self.is_cut = is_cut
        self._reach()

    def set_far(self, *, is_far: bool) -> None:
        """The two people walk apart or meet."""
        self.is_far = is_far
        self._reach()

    def _reach(self) -> None:
        self.is_reachable = not self.is_cut and not self.is_far
        self.is_open = self.is_up and self.is_reachable


class Radio:
    """Puts what is sent on the wheel, or loses it. Counts what it did, for the report.

    Copies made by the air never pass a link's replay window. They are delivered only where a link
    is there to stop them (`delivers_copies`), and only counted where the city enters above it.
    """

    def __init__(self, wheel: Wheel, weather: Weather, *, delivers_copies: bool = False) -> None:
        assert weather.delay_ms_min >= 1, "a delivery in its own tick would have no order"
        assert weather.delay_ms_max < LAP_TICKS, "a delivery must fit one lap of the wheel"
        self.wheel = wheel
        self.delivers_copies = delivers_copies
        self.sent = 0
        self.lost = 0
        self.cut = 0
        self.duplicated = 0
        self.reordered = 0
        self.stormed = 0
        self.weather = weather
        self._loss = _threshold(weather.loss_ppm)
        self._duplicate = _threshold(weather.duplicate_ppm) >> PPM_BITS - LAST_BITS
        self._reorder = _threshold(weather.reorder_ppm)
        self._storm_copies = 0
        self._storm_ms = 0

    def start_storm(self, copies: int, spread_ms: int) -> None:
        """Let every carried object leave `copies` more times within `spread_ms`, until stopped.

        Each is a transmission of its own, as from senders gone wild: no replay window stops it.
        """
        assert copies >= 0
        assert spread_ms + self.weather.delay_ms_max < LAP_TICKS
        self._storm_copies = copies
        self._storm_ms = spread_ms

    def stop_storm(self) -> None:
        """End the repetitions; those in the air still arrive."""
        self._storm_copies = 0

    def transmit(self, link: AirLink, payload: Message | bytes, wait_ms: int = 0) -> None:
        """Send one message, or the datagram it is sealed in, after `wait_ms` at the sender."""
        if self._storm_copies and not wait_ms and payload.__class__ is Carried:
            for copy in range(1, self._storm_copies + 1):
                self.transmit(link, payload, 1 + copy * self._storm_ms // self._storm_copies)
            self.stormed += self._storm_copies
        sequence = link.sequence
        link.sequence = sequence + 1
        self.sent += 1
        if not link.is_open:
            self.cut += link.is_cut
            return
        # SplitMix64 of (salt, sequence), in line: it is drawn for every transmission of a city.
        chance = link.salt + sequence * GOLDEN & MASK64
        chance = (chance ^ chance >> 30) * FIRST & MASK64
        chance = (chance ^ chance >> 27) * SECOND & MASK64
        chance ^= chance >> 31
        if chance & PPM_MASK < self._loss:
            self.lost += 1
            return
        weather = self.weather
        wheel = self.wheel
        chance >>= PPM_BITS
        delay = weather.delay_ms_min + ((chance & SPAN_MASK) * weather.delay_ms_span >> SPAN_BITS)
        chance >>= SPAN_BITS
        if chance & PPM_MASK < self._reorder:
            self.reordered += 1
            delay += 1 + ((chance >> PPM_BITS) * weather.reorder_ms_span >> LAST_BITS)
        key = link.key | sequence << COPY_BITS
        wheel.buckets[wheel.tick + wait_ms + delay & LAP_MASK][key] = payload
        if chance >> PPM_BITS < self._duplicate:
            self.duplicated += 1
            if self.delivers_copies:
                wheel.put(wheel.tick + wait_ms + 2 * delay, key | 1, payload)


def _threshold(share_ppm: int) -> int:
    return (share_ppm << PPM_BITS) // 1_000_000
