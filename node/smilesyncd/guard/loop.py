"""The guard at work: datagrams come in as they like, governed frames go out at a steady pace.

Between the two stands the newest state of each universe and nothing else, so a burst of input is
one frame, and a silent input ends in the light of rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import trio

from smilesync.config import Config
from smilesync.light.governor import Governor, Light
from smilesync.light.sink import Codes
from smilesyncd import lamp as lamps
from smilesyncd.driver import LocalClock
from smilesyncd.guard.inputs import Desk, InputSocket
from smilesyncd.guard.request import Rest, Segment

RATE_HZ_MIN = 30
FALL_SECONDS_MAX = 1.5
GOVERNED_MIN = 3 / 255
"""A frame counts as governed from this difference on; less is rounding."""


@dataclass(slots=True)
class Counts:
    """Frames since the start: decided, and those of them that are not what was asked for."""

    decided: int = 0
    governed: int = 0


class Guard:
    """Governs what the desk has, for what the lamp shows. Needs no event loop."""

    def __init__(self, desk: Desk, lamp: lamps.Lamp, *, rest: str, order: str, now_ns: int) -> None:
        config = Config().light
        self.desk = desk
        self.counts = Counts()
        self._lamp = lamp
        self._governor = Governor(lamp.zones, lamp.sink, config, now_ns)
        resting = Rest(rest, config, lamp.sink, lamp.zones)
        self._segments = [
            Segment(universe.leds, lamp.sink.light, resting, order)
            for universe in desk.universes.values()
        ]

    @property
    def sent(self) -> lamps.Counts:
        """What became of the frames at the output."""
        return self._lamp.counts

    @property
    def is_dark(self) -> bool:
        """True when nothing is lit."""
        return self._governor.is_dark

    def step(self, now_ns: int) -> None:
        """Emit the frame that is due at `now_ns`."""
        request: list[Light] = []
        for universe, segment in zip(self.desk.universes.values(), self._segments, strict=True):
            request += segment.at(universe.channels(now_ns), now_ns)
        codes = self._governor.step(request, now_ns)
        self._lamp.draw(codes, "", now_ns, is_falling=self._governor.is_falling)
        self.counts.decided += 1
        self.counts.governed += self._is_governed(request, codes)

    def fall(self, now_ns: int) -> None:
        """Let the light go out for good; the frames that follow show it falling."""
        self._governor.set_off(True, now_ns)

    def _is_governed(self, request: list[Light], codes: tuple[Codes, ...]) -> bool:
        light = self._lamp.sink.light
        return any(
            abs(wanted - light[code]) > GOVERNED_MIN
            for asked, shown in zip(request, codes, strict=True)
            for wanted, code in zip(asked, shown, strict=True)
        )


async def receive(guard: Guard, sock: InputSocket, clock: LocalClock) -> None:
    """Give every datagram to the desk, until cancelled."""
    while True:
        await sock.wait_readable()
        now_ns = clock.now_ns()
        for datagram, source in sock.receive_batch():
            guard.desk.take(datagram, source, now_ns)


async def emit(guard: Guard, clock: LocalClock, rate_hz: int) -> None:
    """Emit frames at a steady pace, until cancelled; frames that are late are left out."""
    period_s = 1 / max(rate_hz, RATE_HZ_MIN)
    next_s = trio.current_time()
    while True:
        guard.step(clock.now_ns())
        next_s = max(next_s + period_s, trio.current_time())
        await trio.sleep_until(next_s)


async def fade_out(guard: Guard, clock: LocalClock, rate_hz: int) -> None:
    """Return when all light is out, as fast as light may fall."""
    guard.fall(clock.now_ns())
    with trio.move_on_after(FALL_SECONDS_MAX):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(emit, guard, clock, rate_hz)
            while not guard.is_dark:
                await trio.sleep(1 / RATE_HZ_MIN)
            nursery.cancel_scope.cancel()


async def report(tell: Callable[[], None], seconds: float) -> None:
    """Tell how it goes, again and again, until cancelled."""
    while True:
        tell()
        await trio.sleep(seconds)
