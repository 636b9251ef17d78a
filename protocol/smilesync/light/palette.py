"""Colours as 16-bit linear integers: the five shared states, and the 16-bit colour code.

The five differ in hue, lightness and rhythm, so that they stay apart for people with protan,
deutan or tritan colour vision and in greyscale. A colour code holds 6 bits of hue, 4 of chroma and
6 of lightness in OKLCH; its light is computed with integers only, so that every implementation gets
the same numbers. Source: SPEC section Palette; Ottosson 2020 for the OKLab matrices.
"""

from math import cos, pi

Linear = tuple[int, int, int]
"""Linear red, green, blue of the device; full scale is 65535."""

LINEAR_MAX = 65535

STATE_LINEAR: tuple[Linear, ...] = (
    (367, 44534, 48359),  # calm, #11d7df
    (59287, 56032, 10022),  # excited, #f4ee6d
    (19121, 18837, 18001),  # neutral, #93928f
    (1330, 1212, 15623),  # low, #272586
    (21177, 4014, 22721),  # high, #9a469f
)
"""Light of the five shared states, in the order of `EmotionState`."""

STATE_CODE: tuple[int, ...] = (36338, 20027, 42, 50709, 59938)
"""The colour code nearest to each of them in OKLab, for patterns that speak of a state."""

STATE_PERIOD_DS: tuple[int, ...] = (120, 40, 80, 100, 60)
"""Rhythm of the five shared states, tenths of a second: the third way to tell them apart."""

MOOD_MAX = 8


def mood_light(valence: int, arousal: int) -> Linear:
    """Return the light of a point of the circumplex, each axis from -8 to 8.

    Neutral stands in the middle, the four other states in the corners of a square. A point lies on
    the straight line from neutral to the square's edge, and there between two corners.
    """
    reach = max(abs(valence), abs(arousal))
    if abs(valence) == reach:
        first, second = (1, 0) if valence >= 0 else (4, 3)  # excited, calm; high, low
        lean = arousal
    else:
        first, second = (1, 4) if arousal >= 0 else (0, 3)  # excited, high; calm, low
        lean = valence
    weights = (2 * (MOOD_MAX - reach), reach + lean, reach - lean)
    parts = (STATE_LINEAR[2], STATE_LINEAR[first], STATE_LINEAR[second])
    red, green, blue = (
        sum(weight * light[channel] for weight, light in zip(weights, parts, strict=True))
        // (2 * MOOD_MAX)
        for channel in range(3)
    )
    return red, green, blue


COSINE_STEPS = 4096
RAISED_ONE = 65536
RAISED_COSINE: tuple[int, ...] = tuple(
    int((1 + cos(2 * pi * step / COSINE_STEPS)) / 2 * RAISED_ONE + 0.5)
    for step in range(COSINE_STEPS)
)
"""(1 + cos) / 2 over one turn, 16 fraction bits. No entry lies near a rounding boundary."""

HUE_BITS, CHROMA_BITS, LIGHTNESS_BITS = 6, 4, 6
HUES = 1 << HUE_BITS

_ONE = 1 << 20
_CHROMA_STEPS = 16
# OKLab to cone responses, and cone responses to linear red, green, blue, times 2**16.
_CONES = ((25974, 14143), (-6918, -4185), (-5864, -84639))
_RGB = ((267173, -216774, 15137), (-83128, 171033, -22369), (-275, -46099, 111910))
# OKLCH chroma 0.02 per code step, in sixteenths of a step, in units of 2**-20.
_CHROMA_UNIT = 1311
_GAMUT_SLACK = 64


def colour_code(hue: int, chroma: int, lightness: int) -> int:
    """Pack hue 0..63, chroma 0..15 and lightness 0..63 into a colour code."""
    assert 0 <= hue < HUES
    assert 0 <= chroma < 1 << CHROMA_BITS
    assert 0 <= lightness < 1 << LIGHTNESS_BITS
    return hue << (CHROMA_BITS + LIGHTNESS_BITS) | chroma << LIGHTNESS_BITS | lightness


def decode_colour(code: int) -> Linear:
    """Return the light of a colour code; chroma is reduced until the device can show it."""
    assert 0 <= code <= LINEAR_MAX
    lightness = code & (1 << LIGHTNESS_BITS) - 1
    chroma = code >> LIGHTNESS_BITS & (1 << CHROMA_BITS) - 1
    hue = code >> (CHROMA_BITS + LIGHTNESS_BITS)
    low, high = 0, chroma * _CHROMA_STEPS
    while low < high:
        middle = (low + high + 1) // 2
        if _is_showable(_oklch(lightness, middle, hue)):
            low = middle
        else:
            high = middle - 1
    red, green, blue = _oklch(lightness, low, hue)
    return _within(red), _within(green), _within(blue)


def _is_showable(light: Linear) -> bool:
    return min(light) >= -_GAMUT_SLACK and max(light) <= LINEAR_MAX + _GAMUT_SLACK


def _within(channel: int) -> int:
    return min(LINEAR_MAX, max(0, channel))


def _oklch(lightness: int, chroma_steps: int, hue: int) -> Linear:
    """Return unclipped linear light; all divisions by powers of two round down."""
    turn = hue * (COSINE_STEPS // HUES)
    chroma = chroma_steps * _CHROMA_UNIT
    # The raised table gives (1 + cos) / 2 in 16 bits; doubled and shifted it is cos in 16 bits.
    along = chroma * (2 * RAISED_COSINE[turn] - RAISED_ONE) >> 16
    across = chroma * (2 * RAISED_COSINE[turn - COSINE_STEPS // 4] - RAISED_ONE) >> 16
    base = lightness * _ONE // ((1 << LIGHTNESS_BITS) - 1)
    cones = []
    for by_a, by_b in _CONES:
        root = base + (by_a * along + by_b * across >> 16)
        cones.append((root * root >> 20) * root >> 20)
    red, green, blue = (
        (sum(weight * cone for weight, cone in zip(row, cones, strict=True)) >> 16) * LINEAR_MAX
        + _ONE // 2
        >> 20
        for row in _RGB
    )
    return red, green, blue
