"""Drives governors with hostile requests, and governors with one rule taken out.

A mutant differs from the governor in exactly one rule; a test that cannot tell it from the real one
does not test that rule.
"""

import math
import random
from collections.abc import Callable, Sequence

from analyser.trace import Trace
from smilesync.config import LightConfig
from smilesync.light.caps import Cap
from smilesync.light.governor import Fall, Governor, Light, Shown, luminance
from smilesync.light.sink import Codes, Sink, Transfer, new_sink, transfer_table
from smilesync.light.tracker import Tracker

FRAME_NS = 33_333_334
LINEAR = new_sink(Transfer.LINEAR)
UNKNOWN = new_sink(Transfer.UNKNOWN)
SHARP = LightConfig(is_low_pass=False)
BOOT_NS = 6_000_000_000

Request = Callable[[int, Governor], Sequence[Light]]
"""From the frame number and the governor, whose output the attacker sees, to the next request."""


def white(level: float) -> Light:
    return level, level, level


def drive(
    governor: Governor, request: Request, frames: int, *, begin_ns: int = 0, step_ns: int = FRAME_NS
) -> Trace:
    """Run `frames` frames at an even pace; return what was emitted."""
    trace = Trace()
    for frame in range(frames):
        now_ns = begin_ns + frame * step_ns
        trace.add(now_ns, governor.step(request(frame, governor), now_ns))
    return trace


def square(rate_hz: float, high: Light, low: Light = (0.0, 0.0, 0.0)) -> Request:
    def request(frame: int, _: Governor) -> Sequence[Light]:
        return [high if int(frame * rate_hz * 2 / 30) % 2 else low]

    return request


def sine(rate_hz: float, mean: float, swing: float) -> Request:
    def request(frame: int, _: Governor) -> Sequence[Light]:
        return [white(mean + swing / 2 * math.sin(2 * math.pi * rate_hz * frame / 30))]

    return request


def hostile(chance: random.Random, zones: int) -> Request:
    """Return a request that changes its manner every second or so."""
    manner = 0
    since = 0
    colours = [_colour(chance) for _ in range(2 * zones)]

    def request(frame: int, governor: Governor) -> Sequence[Light]:
        nonlocal manner, since, colours
        if frame - since > chance.randrange(10, 120):
            manner, since = chance.randrange(6), frame
            colours = [_colour(chance) for _ in range(2 * zones)]
        return [
            _hostile_pixel(chance, manner, zone, (frame, governor, colours))
            for zone in range(zones)
        ]

    return request


def _hostile_pixel(
    chance: random.Random, manner: int, zone: int, scene: tuple[int, Governor, list[Light]]
) -> Light:
    frame, governor, colours = scene
    first, second = colours[2 * zone], colours[2 * zone + 1]
    if manner == 0:
        return _colour(chance)
    if manner == 1:
        return first if (frame + zone) % 2 else second
    if manner == 2:
        return first if math.sin(frame * (0.2 + 0.1 * zone)) > 0 else second
    if manner == 3:
        # Turn as soon as the light has moved enough to be a transition: the worst rhythm there is.
        level = governor.codes[zone][1] / 255
        return white(0.9) if level < 0.08 + 0.02 * zone else white(0.0) if level > 0.2 else first
    if manner == 4:
        bad = (math.nan, math.inf, -math.inf, -1.0, 1e300, 0.4)
        return chance.choice(bad), chance.choice(bad), chance.choice(bad)
    return white(8.5 / 255 + 0.04 / 255 * (frame % 2))


def _colour(chance: random.Random) -> Light:
    level = chance.choice((0.02, 0.1, 0.5, 1.0))
    red, green, blue = (level * chance.choice((0.0, chance.random(), 1.0)) for _ in range(3))
    return red, green, blue


def hostile_run(
    chance: random.Random, governor: Governor, zones: int, frames: int, *, mashing: bool = False
) -> Trace:
    """Run hostile requests with gaps, jitter, moving caps, and the off button if `mashing`."""
    trace = Trace()
    request = hostile(chance, zones)
    now_ns = 0
    for frame in range(frames):
        now_ns += chance.choice((FRAME_NS, FRAME_NS, FRAME_NS, 10_000_000, 50_000_000))
        if chance.random() < 0.003:
            now_ns += chance.randrange(4_000_000_000)
        if mashing and chance.random() < 0.02:
            governor.set_off(chance.random() < 0.4, now_ns)
        if mashing and chance.random() < 0.005:
            governor.set_cap(chance.choice(list(Cap)), chance.choice((0.05, 0.2, 0.6)))
        trace.add(now_ns, governor.step(request(frame, governor), now_ns))
    return trace


# Governors with one rule taken out.


class NoSanitise(Governor):
    def _sanitise(self, wanted: Light) -> Light:
        return wanted


class NoRedCover(Governor):
    def _cover_red(self, wanted: Light) -> Light:
        return wanted


class NoScale(Governor):
    def _scale(self, wanted: Light) -> Light:
        return wanted


class CapOnRequestOfBrightness(Governor):
    """Scales luminance but forgets the channel limit."""

    def _scale(self, wanted: Light) -> Light:
        gain = min(1.0, 0.6 / max(luminance(wanted), 1e-9))
        return wanted[0] * gain, wanted[1] * gain, wanted[2] * gain


class NoStepLimit(Governor):
    def _seconds(self, elapsed_ns: int) -> float:
        return elapsed_ns / 1e9


class NoSlew(Governor):
    def _share(self, distance: float, seconds: float) -> float:
        return 1.0


class SlewPerChannel(Governor):
    def _advance(self, light: Light, wanted: Light, seconds: float) -> Light:
        most = self._config.slew_per_s * seconds
        red, green, blue = (
            is_now + min(most, max(-most, goal - is_now))
            for is_now, goal in zip(light, wanted, strict=True)
        )
        return red, green, blue


class NoHold(Governor):
    def _admits(self, trackers: Sequence[Tracker], lumas: Sequence[float]) -> bool:
        return True


class NoMean(Governor):
    def _hold_mean(self, frame: list[Shown]) -> list[Shown]:
        return frame


class PatchOnly(Governor):
    """Watches the mean of a patch and none of its pixels."""

    def _pixel(self, zone: int, before: Shown, wanted: Light, seconds: float) -> Shown:
        light = self._advance(before.light, self._scale(wanted), seconds)
        codes = self._sink.quantise(*light)
        return Shown(light, codes, self._lumas(codes))


class HoldAllForTheMean(Governor):
    """Leaves out the direction test: one refusal freezes every pixel."""

    def _hold_mean(self, frame: list[Shown]) -> list[Shown]:
        means = [sum(lumas) / len(frame) for lumas in zip(*(p.lumas for p in frame), strict=True)]
        return frame if self._admits(self._mean_trackers, means) else list(self._shown)


class NoRecheck(Governor):
    """Holds the pixels against a refusing mean and looks no further."""

    def _hold_mean(self, frame: list[Shown]) -> list[Shown]:
        means = [sum(lumas) / len(frame) for lumas in zip(*(p.lumas for p in frame), strict=True)]
        for observer, tracker in enumerate(self._mean_trackers):
            if not self._admits((tracker,), (means[observer],)):
                frame = [
                    before if tracker.opposes(before.lumas[observer], p.lumas[observer]) else p
                    for before, p in zip(self._shown, frame, strict=True)
                ]
        return frame


class NoBoot(Governor):
    def __init__(self, zones: int, sink: Sink, config: LightConfig, now_ns: int) -> None:
        super().__init__(zones, sink, config, now_ns - 10_000_000_000)
        self._now_ns = now_ns


class SuddenFall(Governor):
    def _fallen(self, fall: Fall, seconds: float) -> list[Shown]:
        return super()._fallen(fall, 10.0)


class CountsByConfirmation(Tracker):
    """Stamps a run when it begins and never again: the naive way to count."""

    __slots__ = ()

    def observe(self, luminance: float, now_ns: int) -> None:
        last_ns = list(self._last_ns)
        is_new = self.would_confirm(luminance)
        super().observe(luminance, now_ns)
        if not is_new:
            self._last_ns = last_ns


class CountsByConfirming(Governor):
    def __init__(self, zones: int, sink: Sink, config: LightConfig, now_ns: int) -> None:
        super().__init__(zones, sink, config, now_ns)
        self._trackers = [[CountsByConfirmation(0.002, now_ns)] for _ in range(zones)]


def rounding(sink: Sink) -> Sink:
    """Return a sink that forgets to lower red, on the same table."""

    class NoRedRule(Sink):
        __slots__ = ()

        def quantise(self, red: float, green: float, blue: float) -> Codes:
            codes = [
                super(NoRedRule, self).quantise(0.0, 0.0, one)[2] for one in (red, green, blue)
            ]
            return codes[0], codes[1], codes[2]

    return NoRedRule(sink.light, sink.observers)


class SeesAnalogue(Governor):
    """Lets the trackers see the value before quantisation."""

    def _pixel(self, zone: int, before: Shown, wanted: Light, seconds: float) -> Shown:
        light = self._advance(before.light, self._scale(wanted), seconds)
        after = Shown(light, self._sink.quantise(*light), (luminance(light),))
        return after if self._admits(self._trackers[zone], after.lumas) else before


GAMMA_ONLY = Sink(
    light=transfer_table(Transfer.LINEAR, 8), observers=(transfer_table(Transfer.LINEAR, 8),)
)
"""What a sink of unknown transfer becomes when its second observer is forgotten."""
