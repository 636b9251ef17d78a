"""What a pattern looks like at a place and a time: integers in, 16-bit linear light out.

Every implementation computes the same numbers: phase as a 32-bit fraction of a turn, a cosine
table of 4096 entries, products divided with rounding down. Source: SPEC section Rendering.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from smilesync.light.palette import LINEAR_MAX, RAISED_COSINE, RAISED_ONE, Linear

US_PER_DS = 100_000
TURN = 1 << 32
_TABLE_SHIFT = 20
_TABLE_MASK = 4095
LUMA_WEIGHTS = (2126, 7152, 722)
LUMA_ONE = 10_000
_GAIN_ONE = 65536
_GAIN_FULL = 255 * RAISED_ONE
"""No depth at all: the colour as it is."""


@dataclass(frozen=True, slots=True)
class Gamut:
    """What a device may ever show, in 16-bit units: its own luminance and channel limits."""

    luminance_max: int = 39321
    channel_max: int = LINEAR_MAX

    def lowered(self, ceiling_percent: int) -> "Gamut":
        """Return this gamut with its luminance limit lowered to a wearer's ceiling."""
        return Gamut(self.luminance_max * ceiling_percent // 100, self.channel_max)


@dataclass(frozen=True, slots=True)
class Motif:
    """A pattern made ready for one place on one device: colours inside its gamut, phase offset.

    Units: circle us (or any other us clock); `offset` is a 32-bit fraction of a turn. `period_us`
    0 means steady. `colours` are scaled so that every mix of them lies inside the gamut.
    """

    colours: tuple[Linear, ...]
    period_us: int = 0
    depth: int = 0
    sharpness: int = 1
    start_us: int = 0
    offset: int = 0

    @property
    def beat_us(self) -> int:
        """How long one turn takes, 0 when steady."""
        return self.period_us

    def at(self, time_us: int) -> Linear:
        """Return the light at `time_us`, before any governor."""
        colours = self.colours
        if self.period_us == 0:
            return colours[0]
        return self.swell(colours[0] if len(colours) == 1 else self._mixed(time_us), time_us)

    def swell(self, colour: Linear, time_us: int) -> Linear:
        """Return `colour` as bright as the rhythm makes it at `time_us`."""
        raised = RAISED_COSINE[self._theta(time_us) >> _TABLE_SHIFT & _TABLE_MASK]
        power = raised
        for _ in range(self.sharpness - 1):
            power = power * raised >> 16
        gain = _GAIN_FULL - self.depth * (RAISED_ONE - power)
        red, green, blue = colour
        return red * gain // _GAIN_FULL, green * gain // _GAIN_FULL, blue * gain // _GAIN_FULL

    def extremum_from(self, time_us: int) -> int:
        """Return the first time at or after `time_us` at which a one-colour light turns."""
        if self.period_us == 0:
            return time_us
        half_us = self.period_us // 2
        base_us = self.start_us + (self.offset * self.period_us >> 32)
        return base_us - (base_us - time_us) // half_us * half_us

    def _theta(self, time_us: int) -> int:
        return phase(time_us - self.start_us, self.period_us) - self.offset

    def _mixed(self, time_us: int) -> Linear:
        """Return the mix of several colours, each at its highest when its turn comes."""
        theta, count = self._theta(time_us), len(self.colours)
        total = red = green = blue = 0
        for index, colour in enumerate(self.colours):
            weight = RAISED_COSINE[theta - index * TURN // count >> _TABLE_SHIFT & _TABLE_MASK]
            total += weight
            red += weight * colour[0]
            green += weight * colour[1]
            blue += weight * colour[2]
        return red // total, green // total, blue // total


def phase(elapsed_us: int, period_us: int) -> int:
    """Return the elapsed part of the period as a 32-bit fraction; correct before the start too."""
    return elapsed_us % period_us * TURN // period_us


def fit(colours: Sequence[Linear], gamut: Gamut, ceiling_percent: int) -> tuple[Linear, ...]:
    """Scale colours by one common factor, red covered first, so that all lie inside the gamut.

    The gamut is convex, so every mix of the results lies inside it too, and the governor's own
    projection leaves a pattern alone.
    """
    covered = [_cover_red(colour) for colour in colours]
    luminance_max = gamut.luminance_max * ceiling_percent // 100
    gain = _GAIN_ONE
    for colour in covered:
        luma = sum(w * channel for w, channel in zip(LUMA_WEIGHTS, colour, strict=True))
        if luma > luminance_max * LUMA_ONE:
            gain = min(gain, luminance_max * LUMA_ONE * _GAIN_ONE // luma)
        if max(colour) > gamut.channel_max:
            gain = min(gain, gamut.channel_max * _GAIN_ONE // max(colour))
    return tuple(_scaled(colour, gain) for colour in covered)


def _cover_red(colour: Linear) -> Linear:
    """Add equal green and blue until red is at most three times their sum."""
    red, green, blue = colour
    missing = red - 3 * (green + blue)
    if missing <= 0:
        return colour
    cover = -(-missing // 6)
    return red, green + cover, blue + cover


def _scaled(colour: Linear, gain: int) -> Linear:
    red, green, blue = (channel * gain >> 16 for channel in colour)
    # Rounding down takes more from three times green and blue than from red.
    return min(red, 3 * (green + blue)), green, blue
