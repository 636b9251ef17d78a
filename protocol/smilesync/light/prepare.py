"""A pattern made ready for one device: its colours inside the gamut, its phase at this place.

Source: SPEC section Rendering, RND-003, RND-006 and RND-017.
"""

from math import isqrt

from smilesync.light.blend import Moving
from smilesync.light.palette import Linear, decode_colour, mood_light
from smilesync.light.pattern import Kind, Pattern
from smilesync.light.render import TURN, US_PER_DS, Gamut, Motif, fit
from smilesync.light.story import Harmony, Picture, Story

US_PER_S = 1_000_000

WAVE_ONE = 10_000
"""0.01 cycles/m times 1 cm is one ten-thousandth of a cycle."""


def prepare(
    pattern: Pattern,
    start_us: int,
    *,
    position_cm: tuple[int, int] | None,
    own: Linear,
    gamut: Gamut,
) -> Moving:
    """Return `pattern` ready for a device at `position_cm` whose wearer's own colour is `own`."""
    colours = fit(colours_of(pattern) or (own,), gamut, pattern.ceiling_percent)
    if pattern.kind is Kind.STORY:
        return Story(
            tuple(
                Picture(colours[step.colour], step.hold_ds * US_PER_DS, step.fade_ds * US_PER_DS)
                for step in pattern.story
            ),
            start_us,
        )
    motif = Motif(
        colours=colours,
        period_us=pattern.period_ds * US_PER_DS,
        depth=pattern.depth,
        sharpness=max(1, pattern.sharpness),
        start_us=start_us,
        offset=offset_at(pattern, position_cm),
    )
    if pattern.kind is Kind.HARMONISE:
        return Harmony(motif, pattern.ramp_s * US_PER_S)
    return motif


def colours_of(pattern: Pattern) -> tuple[Linear, ...]:
    """Return the lights a pattern names, before they are fitted; none for a mosaic."""
    if pattern.kind is Kind.HARMONISE:
        return mood_light(*pattern.mood_from), mood_light(*pattern.mood_to)
    return tuple(decode_colour(code) for code in pattern.colours)


def offset_at(pattern: Pattern, position_cm: tuple[int, int] | None) -> int:
    """Return how far a pattern lags at a position, as a 32-bit fraction of a turn.

    0 where the position is unknown, and for kinds that are the same everywhere.
    """
    if position_cm is None:
        return 0
    x_cm, y_cm = position_cm
    if pattern.kind is Kind.WAVE:
        return (pattern.wave_x * x_cm + pattern.wave_y * y_cm) * TURN // WAVE_ONE % TURN
    if pattern.kind is Kind.RIPPLE:
        square = (x_cm - pattern.origin_x_cm) ** 2 + (y_cm - pattern.origin_y_cm) ** 2
        # The distance in 1/1024 cm: fine enough, and all of it fits into 64 bits.
        return (isqrt(square << 20) << 22) // pattern.wavelength_cm % TURN
    return 0
