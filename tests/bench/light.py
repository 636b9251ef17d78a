"""What a frame of light costs: the governor alone, and a whole device with pattern and governor.

CPU time of the best of several turns, per zone and frame. Every zone changes in every frame: a zone
that rests costs a third.
"""

import math
import time
from collections.abc import Callable

from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.light.governor import Governor, Light
from smilesync.light.lamp import Lamp
from smilesync.light.pattern import Kind, Pattern, encode
from smilesync.light.sink import Transfer, new_sink
from smilesync.timeline import Timeline

FRAME_NS = 16_666_667
BOOT_FRAMES = 400
ZONE_FRAMES = 24_000
TURNS = 5

WAVE = Pattern(
    Kind.WAVE, 255, 60, (36338, 20027), period_ds=80, depth=204, sharpness=1, wave_x=150, wave_y=30
)


def governor_us(zones: int, transfer: Transfer) -> float:
    """Return what the governor costs in us per zone-frame while all zones move."""
    governor = Governor(zones, new_sink(transfer), LightConfig(), 0)
    requests = [[_light(frame, zone) for zone in range(zones)] for frame in range(240)]

    def draw(frame: int) -> None:
        governor.step(requests[frame % 240], frame * FRAME_NS)

    return _us_per_frame(draw, zones) / zones


def device_us(zones: int) -> float:
    """Return what a device that shows a wave of two colours costs in us per zone-frame."""
    places_cm = tuple((3 * zone, zone % 5) for zone in range(zones))
    lamp = Lamp(LightConfig(), places_cm, sink=new_sink(Transfer.UNKNOWN), now_ns=0)
    scene = Scene(
        Rung.COMMITTED,
        own_state=1,
        is_selected=True,
        pattern=encode(WAVE),
        until_us=1 << 60,
        timeline=Timeline(local_ns=0, circle_us=0),
    )

    def draw(frame: int) -> None:
        lamp.frame(scene, frame * FRAME_NS)

    return _us_per_frame(draw, zones) / zones


def _us_per_frame(draw: Callable[[int], None], zones: int) -> float:
    frames = max(20, ZONE_FRAMES // zones)
    at = BOOT_FRAMES
    for frame in range(at):
        draw(frame)
    best_s = math.inf
    for _ in range(TURNS):
        begin_s = time.process_time()
        for frame in range(at, at + frames):
            draw(frame)
        best_s = min(best_s, time.process_time() - begin_s)
        at += frames
    return best_s / frames * 1e6


def _light(frame: int, zone: int) -> Light:
    red, green = (0.3 + 0.2 * math.sin(frame / pace + zone / 10) for pace in (60, 50))
    return red, green, 0.2
