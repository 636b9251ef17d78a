"""What wearers wish for: the five moods, and one safe pattern of every other kind."""

from smilesync.light.choose import MOOD_PATTERNS
from smilesync.light.conditions import check
from smilesync.light.palette import STATE_CODE
from smilesync.light.pattern import Kind, Pattern, Step, encode

_WAVE = Pattern(
    Kind.WAVE, 200, 60, STATE_CODE[:2], period_ds=80, depth=153, sharpness=1, wave_x=3, wave_y=-2
)
_RIPPLE = Pattern(
    Kind.RIPPLE, 200, 60, STATE_CODE[1:2], period_ds=60, depth=204, sharpness=1, wavelength_cm=3000
)
_MOSAIC = Pattern(Kind.MOSAIC, 255, 60, period_ds=80, depth=153, sharpness=1)
_STORY = Pattern(
    Kind.STORY,
    255,
    60,
    STATE_CODE[:3],
    story=(Step(0, 20, 30), Step(1, 30, 30), Step(2, 20, 20)),
)
_HARMONY = Pattern(
    Kind.HARMONISE,
    255,
    60,
    period_ds=60,
    depth=102,
    mood_from=(-6, 7),
    mood_to=(6, -6),
    ramp_s=30,
)
_STEADY = Pattern(Kind.STEADY, 255, 60, STATE_CODE[4:])

WISHES: tuple[bytes, ...] = MOOD_PATTERNS + tuple(
    encode(pattern) for pattern in (_STEADY, _WAVE, _RIPPLE, _MOSAIC, _STORY, _HARMONY)
)
"""Encoded patterns, each of which a circle may show."""

assert all(check(pattern) is None for pattern in WISHES)
