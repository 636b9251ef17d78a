"""What a pattern looks like at a place and a time: integers in, 16-bit linear light out.

Every implementation computes the same numbers: phase as a 32-bit fraction of a turn, a cosine
table of 4096 entries, products divided with rounding down. Source: SPEC section Rendering.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from smilesync.light.palette import LINEAR_MAX, RAISED_COSINE, RAISED_ONE, Linear, decode_colour
from smilesync.light.pattern import Pattern

US_PER_DS = 100_000
TURN = 1 << 32
_TABLE_SHIFT = 20
_TABLE_MASK = 4095
_DEPTH_ONE = 255
_WAVE_ONE = 10_000
"""0.01 cycles/m times 1 cm is one ten-thousandth of a cycle."""

LUMA_WEIGHTS = (2126, 7152, 722)
LUMA_ONE = 10_000
_GAIN_ONE = 65536


@dataclass(frozen=True, slots=True)
class Gamut:
    """What a device may ever show, in 16-bit units: its own luminance and channel limits."""

    luminance_max: int = 39321
    channel_max: int = LINEAR_MAX


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

    def at(self, time_us: int) -> Linear:
        """Return the light at `time_us`, before any governor."""
        if self.period_us == 0:
            return self.colours[0]
        theta = phase(time_us - self.start_us, self.period_us) - self.offset
        raised = RAISED_COSINE[theta >> _TABLE_SHIFT & _TABLE_MASK]
        power = raised
        for _ in range(self.sharpness - 1):
            power = power * raised >> 16
        gain = _DEPTH_ONE * RAISED_ONE - self.depth * (RAISED_ONE - power)
        if len(self.colours) == 1:
            red, green, blue = self.colours[0]
        else:
            red, green, blue = self._mixed(theta)
        scale = _DEPTH_ONE * RAISED_ONE
        return red * gain // scale, green * gain // scale, blue * gain // scale

    def extremum_from(self, time_us: int) -> int:
        """Return the first time at or after `time_us` at which a one-colour light turns."""
        if self.period_us == 0:
            return time_us
        half_us = self.period_us // 2
        base_us = self.start_us + (self.offset * self.period_us >> 32)
        return base_us - (base_us - time_us) // half_us * half_us

    def _mixed(self, theta: int) -> Linear:
        """Return the mix of several colours, each at its highest when its turn comes."""
        count = len(self.colours)
        weights = [
            RAISED_COSINE[theta - index * TURN // count >> _TABLE_SHIFT & _TABLE_MASK]
            for index in range(count)
        ]
        total = sum(weights)
        red, green, blue = (
            sum(
                weight * colour[channel]
                for weight, colour in zip(weights, self.colours, strict=True)
            )
            // total
            for channel in range(3)
        )
        return red, green, blue


def phase(elapsed_us: int, period_us: int) -> int:
    """Return the elapsed part of the period as a 32-bit fraction; correct before the start too."""
    return elapsed_us % period_us * TURN // period_us


def wave_offset(pattern: Pattern, x_cm: int, y_cm: int) -> int:
    """Return how far a wave lags at a position, as a 32-bit fraction of a turn."""
    cycles = pattern.wave_x * x_cm + pattern.wave_y * y_cm
    return cycles * TURN // _WAVE_ONE % TURN


def prepare(
    pattern: Pattern, start_us: int, *, position_cm: tuple[int, int], own: Linear, gamut: Gamut
) -> Motif:
    """Return `pattern` ready for a device at `position_cm` whose wearer's own colour is `own`."""
    colours = tuple(decode_colour(code) for code in pattern.colours) or (own,)
    return Motif(
        colours=fit(colours, gamut, pattern.ceiling_percent),
        period_us=pattern.period_ds * US_PER_DS,
        depth=pattern.depth,
        sharpness=max(1, pattern.sharpness),
        start_us=start_us,
        offset=wave_offset(pattern, *position_cm),
    )


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


def mix(first: Linear, second: Linear, weight: int, *, of: int) -> Linear:
    """Return `first` with `weight` / `of` parts of `second`, rounded down."""
    rest = of - weight
    return (
        (first[0] * rest + second[0] * weight) // of,
        (first[1] * rest + second[1] * weight) // of,
        (first[2] * rest + second[2] * weight) // of,
    )


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
