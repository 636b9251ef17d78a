"""What is asked of the governor: what a universe's sender says, or a light to rest in.

A sender that ends leaves its last frame, from which the light fades over two seconds to its rest: a
dim steady glow, the smile of a chosen feeling, or darkness. The governor bounds whatever is asked;
the fade is for beauty. Units: channels of full scale, local time in ns.
"""

from smilesync.commands import EmotionState
from smilesync.config import LightConfig
from smilesync.effects import Rung, Scene
from smilesync.light.composition import compose, source_of
from smilesync.light.governor import Light
from smilesync.light.palette import LINEAR_MAX
from smilesync.light.render import Gamut
from smilesync.light.sink import Sink, Table
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.vocabulary import STATES

FADE_NS = 2 * NS_PER_SECOND
GLOW, DARK = "glow", "dark"
RESTS = (GLOW, DARK, *STATES)
_NEUTRAL = EmotionState.NEUTRAL.value
_SCENES = {GLOW: Scene(Rung.GLOW, _NEUTRAL), DARK: Scene(Rung.OFF, _NEUTRAL)}


class Rest:
    """The light without a sender. `name` is one of RESTS."""

    def __init__(self, name: str, config: LightConfig, sink: Sink, zones: int) -> None:
        gamut = Gamut(
            luminance_max=int(config.luminance_max * LINEAR_MAX),
            channel_max=int(sink.channel_max(zones) * LINEAR_MAX),
        )
        scene = _SCENES.get(name) or Scene(Rung.SOLO, STATES[name].value)
        source = source_of(scene, None)
        (self._blend,) = compose(source, ((0, 0),), config=config, gamut=gamut)

    def at(self, now_ns: int) -> Light:
        """Return the light at `now_ns`, the same for every LED."""
        red, green, blue = self._blend.at(now_ns // 1000)
        return red / LINEAR_MAX, green / LINEAR_MAX, blue / LINEAR_MAX


class Segment:
    """The LEDs of one universe: `count` lights, followed or at rest.

    `order` says in which order the sender writes red, green and blue.
    """

    def __init__(self, count: int, table: Table, rest: Rest, order: str) -> None:
        self._table = table
        self._red, self._green, self._blue = (order.index(letter) for letter in "rgb")
        self._rest = rest
        self._channels: bytes | None = None
        self._lights: list[Light] = [(0.0, 0.0, 0.0)] * count
        self._left_ns: int | None = None

    def at(self, channels: bytes | None, now_ns: int) -> list[Light]:
        """Return what to ask for; `channels` are three per LED, None without a sender."""
        if channels is not None:
            self._left_ns = None
            if channels != self._channels:
                self._channels = channels
                light = [self._table[code] for code in channels]
                red, green, blue = (light[at::3] for at in (self._red, self._green, self._blue))
                self._lights = list(zip(red, green, blue, strict=True))
            return self._lights
        if self._left_ns is None:
            self._left_ns, self._channels = now_ns, None
        share = (now_ns - self._left_ns) / FADE_NS
        goal = self._rest.at(now_ns)
        if share >= 1:
            return [goal] * len(self._lights)
        return [_between(light, goal, share) for light in self._lights]


def _between(origin: Light, goal: Light, share: float) -> Light:
    red, green, blue = (a + (b - a) * share for a, b in zip(origin, goal, strict=True))
    return red, green, blue
