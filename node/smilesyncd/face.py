"""Draws the current scene, frame by frame, and lets others wait for the next change.

The lamp of the core (pattern, fades, governor) turns scene and time into codes; this gives it the
time, thirty times a second, and gives its codes to the output.
"""

import trio

from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.errors import SettingsError
from smilesync.light.composition import Position
from smilesync.light.lamp import Lamp as CoreLamp
from smilesync.light.palette import Linear
from smilesync.light.sink import Codes
from smilesyncd.driver import LocalClock
from smilesyncd.lamp import Counts, Lamp

RATE_HZ_MIN = 30
FALL_SECONDS_MAX = 1.5
STILL_FRAMES = 30
STILL_SECONDS = 0.2
ZONE_PITCH_CM = 2


class Face:
    """What the device shows. `show` is called by the driver, `run` is a task."""

    def __init__(
        self,
        config: LightConfig,
        output: Lamp,
        clock: LocalClock,
        *,
        positions_cm: tuple[Position, ...],
        rate_hz: int = RATE_HZ_MIN,
    ) -> None:
        self._output = output
        self._clock = clock
        # A slower output leaves frames out; the governor needs its thirty in any case.
        self._frame_seconds = 1 / max(rate_hz, RATE_HZ_MIN)
        self._core = CoreLamp(
            config,
            positions_cm,
            sink=output.sink,
            now_ns=clock.now_ns(),
        )
        self._changed = trio.Event()
        self._is_falling = False
        self._now_ns = clock.now_ns()
        self.scene = Scene(Rung.GLOW, own_state=2)
        self.circle_name = ""
        """Which of several circles drives the light, for people who read; else empty."""
        self._wanted: tuple[Linear, ...] = ()
        self._still_count = 0
        self.codes: tuple[Codes, ...] = ((0, 0, 0),) * output.zones

    def show(self, scene: Scene, now_ns: int) -> None:
        """Draw `scene` from now on; the first frame of it at once."""
        if self._is_falling:
            return
        self.scene = scene
        self._draw(now_ns)
        # A fade begins with light that does not move yet.
        self._still_count = 0
        self._changed.set()
        self._changed = trio.Event()

    @property
    def counts(self) -> Counts:
        """What became of the frames drawn."""
        return self._output.counts

    @property
    def core(self) -> CoreLamp:
        """The lamp behind it, for what the wearer does to their own light; then call `wake`."""
        return self._core

    def wake(self) -> None:
        """Draw at the full rate again: the wearer changed something that no scene says."""
        self._still_count = 0
        self._changed.set()
        self._changed = trio.Event()

    async def wait_changed(self) -> None:
        """Return at the next change of scene."""
        await self._changed.wait()

    async def run(self) -> None:
        """Draw thirty frames a second or more; frames that are late are left out.

        Light that has stood still for a second is drawn less often until the scene changes: what
        does not move needs no frames, and waking up is most of an idle device's work.
        """
        next_s = trio.current_time()
        while True:
            self._draw(self._clock.now_ns())
            now_s = trio.current_time()
            if self._still_count >= STILL_FRAMES:
                next_s = now_s + STILL_SECONDS
            else:
                next_s = max(min(next_s, now_s) + self._frame_seconds, now_s)
            with trio.move_on_at(next_s):
                await self._changed.wait()

    async def fall(self) -> None:
        """Go dark for good, as fast as light may fall, and return when it is dark."""
        if not self._is_falling:
            self._is_falling = True
            fallen = self.scene.fall_count + 1
            self.scene = Scene(Rung.OFF, self.scene.own_state, fall_count=fallen)
        with trio.move_on_after(FALL_SECONDS_MAX):
            while True:
                self._draw(self._clock.now_ns())
                if not any(any(code) for code in self.codes):
                    return
                await trio.sleep(self._frame_seconds)

    def _draw(self, now_ns: int) -> None:
        # The driver's idea of now may be a turn old.
        self._now_ns = max(self._now_ns, now_ns)
        frame = self._core.frame(self.scene, self._now_ns)
        is_same = (frame.codes, frame.wanted) == (self.codes, self._wanted)
        self._still_count = self._still_count + 1 if is_same else 0
        self.codes, self._wanted = frame.codes, frame.wanted
        is_falling = self._core.governor.is_falling
        words = caption(self.scene, self.circle_name)
        self._output.draw(frame.codes, words, self._now_ns, is_falling=is_falling)


def caption(scene: Scene, circle_name: str = "") -> str:
    """Say in words what the light says."""
    words = f"rung={scene.rung.name}"
    if scene.is_selected:
        words += f" slot={scene.slot}"
    return f"{words} circle={circle_name}" if circle_name else words


def zone_positions(
    centre_cm: Position, zones: int, from_centre_cm: tuple[Position, ...] = ()
) -> tuple[Position, ...]:
    """Return where the zones are: as given from the centre, or side by side around it.

    Errors: SettingsError if positions are given, but not one for each zone.
    """
    x, y = centre_cm
    if from_centre_cm:
        if len(from_centre_cm) != zones:
            raise SettingsError(
                f"zone_positions_cm: {len(from_centre_cm)} positions; expected one for each of "
                f"the {zones} zones"
            )
        return tuple((x + across, y + up) for across, up in from_centre_cm)
    left = x - (zones - 1) * ZONE_PITCH_CM // 2
    return tuple((left + index * ZONE_PITCH_CM, y) for index in range(zones))
