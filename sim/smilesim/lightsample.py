"""The light of a seeded sample of devices, drawn frame by frame through the real lamp and judged.

Frames come 30 times a second by true time. A device's frames are drawn when its scene changes, for
the time since the last change: the lamp needs nothing else, and nothing else of the run waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from smilesim.device import FIRST_SCENE, Device
from smilesim.dice import shuffled, stream
from smilesim.engine import TICK_NS, TICKS_PER_SECOND
from smilesim.violations import Violations
from smilesync.config import LightConfig
from smilesync.effects import Scene
from smilesync.light.lamp import Lamp
from smilesync.light.sink import Sink, new_sink
from smilesyncd.analyser.judge import LightJudge, Limits, Violation

SAMPLE_SIZE = 32
FRAMES_PER_SECOND = 30


@dataclass(slots=True)
class Watched:
    """One sampled device: its lamp of this life, its judge of all lives, the next frame."""

    judge: LightJudge
    lamp: Lamp | None = None
    scene: Scene | None = None
    next_frame: int = 0


class LightSample:
    """Draws and judges; `frames` counts what was drawn."""

    def __init__(
        self,
        devices: Sequence[Device],
        seed: int,
        config: LightConfig,
        violations: Violations,
        *,
        limits: Limits,
    ) -> None:
        drawn = shuffled(len(devices), stream(seed, "light-sample"))
        # A device in several circles has one lamp, which is looked at with its first membership.
        order = [index for index in drawn if devices[index].memberships[0].index == index]
        self.frames = 0
        self._config = config
        self._violations = violations
        self._sink: Sink = new_sink()
        self._devices = devices
        self._watched = {
            index: Watched(LightJudge(limits)) for index in sorted(order[:SAMPLE_SIZE])
        }

    @property
    def size(self) -> int:
        return len(self._watched)

    @property
    def worst(self) -> tuple[int, int]:
        """Return the most strict transitions seen in any 1 s and any 5 s."""
        judges = [watched.judge for watched in self._watched.values()]
        short = max((judge.worst[0] for judge in judges), default=0)
        return short, max((judge.worst[1] for judge in judges), default=0)

    def powered_on(self, device: Device, tick: int) -> None:
        """A lamp begins dark, with a governor that knows nothing of the life before."""
        watched = self._watched.get(device.index)
        if watched is not None:
            watched.lamp = Lamp(
                self._config,
                (device.position_cm,),
                sink=self._sink,
                now_ns=device.oscillator.at(tick),
            )
            watched.scene = FIRST_SCENE
            watched.next_frame = _frame_after(tick)

    def powered_off(self, device: Device, tick: int) -> None:
        """The light goes out by itself."""
        watched = self._watched.get(device.index)
        if watched is not None and watched.lamp is not None:
            self._draw(device, watched, tick)
            watched.lamp = None
            self._tell(device, tick, watched.judge.lost_power(tick * TICK_NS))

    def shown(self, device: Device, scene: Scene, tick: int) -> None:
        """From now on the lamp draws `scene`."""
        watched = self._watched.get(device.index)
        if watched is not None:
            self._draw(device, watched, tick)
            watched.scene = scene

    def finish(self, tick: int) -> None:
        """Draw what is left."""
        for index, watched in self._watched.items():
            self._draw(self._devices[index], watched, tick + 1)

    def _draw(self, device: Device, watched: Watched, tick: int) -> None:
        """Draw every frame before `tick`."""
        lamp, scene = watched.lamp, watched.scene
        if lamp is None or scene is None:
            return
        frame_tick = watched.next_frame * TICKS_PER_SECOND // FRAMES_PER_SECOND
        while frame_tick < tick:
            frame = lamp.frame(scene, device.oscillator.at(frame_tick))
            found = watched.judge.add(frame_tick * TICK_NS, frame.light[0])
            if found:
                self._tell(device, frame_tick, found)
            self.frames += 1
            watched.next_frame += 1
            frame_tick = watched.next_frame * TICKS_PER_SECOND // FRAMES_PER_SECOND

    def _tell(self, device: Device, tick: int, found: Sequence[Violation]) -> None:
        for one in found:
            detail = f"{one.limit}: {one.found:.4g}, allowed {one.allowed:.4g}"
            self._violations.add("light", tick, device.index, detail)


def _frame_after(tick: int) -> int:
    """Return the number of the first frame at or after `tick`."""
    return -(-tick * FRAMES_PER_SECOND // TICKS_PER_SECOND)
