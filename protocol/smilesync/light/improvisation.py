"""A wearer plays their own light, key by key; and when nobody plays any more, it ends by itself.

What is played is one colour that breathes. Its rhythm obeys the conditions of a pattern whatever is
pressed, its phase never jumps, and its changes are requests like any other: the governor makes
the way to them. It ends when no gesture came for 30 s, or when the player's end was silent for 5 s
- a crashed program must not hold a light. Source: SPEC section Designs, DSG-010 to DSG-012.
"""

from enum import Enum

from smilesync.light.conditions import PERIOD_PER_DEGREE_DS
from smilesync.light.design import Design, Expression, shortest_ds
from smilesync.light.palette import HUES, Linear, colour_code, decode_colour
from smilesync.light.render import US_PER_DS, Gamut, Motif, fit, phase

GESTURE_NS_MAX = 30_000_000_000
SILENCE_NS_MAX = 5_000_000_000

LIGHTNESS_MIN, LIGHTNESS_MAX, LIGHTNESS_STEP = 15, 63, 4
CHROMA = 8
PERIOD_DS_MAX = 200
PERIOD_DS_STEP = 8
DEPTH_STEP = 51
DEPTH_MAX = 255


class Gesture(Enum):
    """What a player can do; `HOLD` only says that the player is still there."""

    HUE_UP = "hue+"
    HUE_DOWN = "hue-"
    BRIGHTER = "brighter"
    DIMMER = "dimmer"
    FASTER = "faster"
    SLOWER = "slower"
    DEEPER = "deeper"
    FLATTER = "flatter"
    HOLD = "hold"


class Improvisation:
    """One performance. Times are local; it satisfies what a lamp asks of a moving light."""

    def __init__(self, design: Design, state: int, *, gamut: Gamut, now_ns: int) -> None:
        self._design = design
        self._gamut = gamut
        self._motif = Motif(((0, 0, 0),))
        self._gestured_ns = self._heard_ns = now_ns
        self.hue, self.lightness = 0, 40
        self._colour: Linear = (0, 0, 0)
        self.period_ds, self.depth = 0, 0
        self._take_state(state, now_ns)

    def gesture(self, made: Gesture, now_ns: int) -> None:
        """Change what is played."""
        self._heard_ns = now_ns
        if made is Gesture.HOLD:
            return
        self._gestured_ns = now_ns
        by_hue = {Gesture.HUE_UP: 2, Gesture.HUE_DOWN: -2}.get(made, 0)
        by_light = {Gesture.BRIGHTER: 1, Gesture.DIMMER: -1}.get(made, 0) * LIGHTNESS_STEP
        if by_hue or by_light:
            self.hue = (self.hue + by_hue) % HUES
            self.lightness = min(LIGHTNESS_MAX, max(LIGHTNESS_MIN, self.lightness + by_light))
            self._colour = decode_colour(colour_code(self.hue, CHROMA, self.lightness))
        by_period = {Gesture.SLOWER: 1, Gesture.FASTER: -1}.get(made, 0) * PERIOD_DS_STEP
        by_depth = {Gesture.DEEPER: 1, Gesture.FLATTER: -1}.get(made, 0) * DEPTH_STEP
        self.depth = min(DEPTH_MAX, max(0, self.depth + by_depth))
        self.period_ds = min(PERIOD_DS_MAX, self.period_ds + by_period)
        self._retune(now_ns)

    def take_state(self, state: int, now_ns: int) -> None:
        """Go on from how the design shows one of the five states."""
        self._heard_ns = self._gestured_ns = now_ns
        self._take_state(state, now_ns)

    def is_over(self, now_ns: int) -> bool:
        """Say whether nobody plays any more."""
        is_idle = now_ns - self._gestured_ns >= GESTURE_NS_MAX
        return is_idle or now_ns - self._heard_ns >= SILENCE_NS_MAX

    def at(self, time_us: int) -> Linear:
        """Return the requested light."""
        return self._motif.at(time_us)

    def extremum_from(self, time_us: int) -> int:
        """Return `time_us`: a light that follows a hand may be joined at any time."""
        return time_us

    @property
    def beat_us(self) -> int:
        """Zero: there is no rhythm that a jump of time could break."""
        return 0

    def _take_state(self, state: int, now_ns: int) -> None:
        shown = self._design.expressions[state]
        self._colour = shown.colour
        self.hue, self.lightness = nearest_hue(shown.colour)
        self.depth = shown.depth
        self.period_ds = shown.period_ds or PERIOD_DS_MAX
        self._retune(now_ns)

    def _retune(self, now_ns: int) -> None:
        """Make the present values into light; the breath goes on from where it is."""
        now_us = now_ns // 1000
        turned = 0
        if self._motif.period_us:
            turned = phase(now_us - self._motif.start_us, self._motif.period_us)
        expression = Expression(self._colour, self.period_ds, self.depth)
        ceiling = self._design.ceiling_percent
        shortest = max(PERIOD_PER_DEGREE_DS, shortest_ds(expression, ceiling))
        self.period_ds = max(self.period_ds, shortest)
        period_us = self.period_ds * US_PER_DS
        self._motif = Motif(
            fit((self._colour,), self._gamut, ceiling),
            period_us=period_us,
            depth=self.depth,
            start_us=now_us - (turned * period_us >> 32),
        )


def nearest_hue(colour: Linear) -> tuple[int, int]:
    """Return hue and lightness of the colour code that lies nearest to `colour`."""

    def distance(code_hue: int, code_light: int) -> int:
        made = decode_colour(colour_code(code_hue, CHROMA, code_light))
        return sum((a - b) ** 2 for a, b in zip(made, colour, strict=True))

    lights = range(LIGHTNESS_MIN, LIGHTNESS_MAX + 1, LIGHTNESS_STEP)
    return min(
        ((hue, light) for hue in range(0, HUES, 2) for light in lights),
        key=lambda pair: distance(*pair),
    )
