"""Colours as people write them, `#rrggbb` or `oklch(L C H)`, and the linear light they mean.

Local to the device: what is shared is the light itself, in integers. Sources: IEC 61966-2-1 for
the sRGB transfer, Ottosson 2020 for OKLab.
"""

import math
import re

from smilesync.light.palette import LINEAR_MAX, Linear
from smilesyncd.expectations import Unexpected

EXPECTED = 'a colour such as "#11d7df" or "oklch(0.80 0.13 200)", with L 0..1, C 0..0.4, H 0..360'
_HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_OKLCH = re.compile(r"oklch\(\s*([0-9.]{1,12})\s+([0-9.]{1,12})\s+([0-9.]{1,12})\s*\)")
_CHROMA_MAX = 0.4
_HALVINGS = 24
_SLACK = 1e-4
_TRIES = 20
_CONES_OF_LAB = (
    (0.3963377774, 0.2158037573),
    (-0.1055613458, -0.0638541728),
    (-0.0894841775, -1.2914855480),
)
_RGB_OF_CONES = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)
_CONES_OF_RGB = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_LAB_OF_CONES = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def parse(value: object) -> Linear:
    """Return the light of a colour as it is written. Raises Unexpected."""
    if not isinstance(value, str):
        raise Unexpected(EXPECTED)
    if found := _HEX.fullmatch(value):
        red, green, blue = (_decoded(int(digits, 16)) for digits in found.groups())
        return red, green, blue
    found = _OKLCH.fullmatch(value)
    try:
        lightness, chroma, hue = (float(part) for part in found.groups()) if found else (2.0,) * 3
    except ValueError:
        raise Unexpected(EXPECTED) from None
    if not (lightness <= 1 and chroma <= _CHROMA_MAX and hue <= 360):
        raise Unexpected(EXPECTED)
    return _showable(lightness, chroma, hue)


def written(light: Linear) -> str:
    """Return how a person would write `light`: exactly if sRGB has it, else in OKLCH."""
    as_hex = hexadecimal(light)
    if parse(as_hex) == light:
        return as_hex
    lightness, chroma, hue = oklch(light)
    for tries in range(_TRIES):
        text = f"oklch({lightness:.4f} {chroma - tries * 1e-4:.4f} {hue:.2f})"
        # Rounding must not carry a colour at the limit of red across it.
        if _is_red(light) or not _is_red(parse(text)):
            break
    return text


def hexadecimal(light: Linear) -> str:
    """Return the nearest `#rrggbb`."""
    return "#" + "".join(f"{srgb_code(channel):02x}" for channel in light)


def srgb_code(channel: int) -> int:
    """Return the sRGB code, 0 to 255, of 16-bit linear light."""
    value = channel / LINEAR_MAX
    coded = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(255 * min(1.0, max(0.0, coded)))


def oklch(light: Linear) -> tuple[float, float, float]:
    """Return lightness, chroma and hue in degrees."""
    rgb = [channel / LINEAR_MAX for channel in light]
    cones = [math.cbrt(_dot(row, rgb)) for row in _CONES_OF_RGB]
    lightness, a, b = (_dot(row, cones) for row in _LAB_OF_CONES)
    return lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def _is_red(light: Linear) -> bool:
    red, green, blue = light
    return red > 3 * (green + blue)


def _decoded(code: int) -> int:
    value = code / 255
    linear = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    return round(linear * LINEAR_MAX)


def _showable(lightness: float, chroma: float, hue: float) -> Linear:
    """Reduce the chroma until the colour exists; hue and lightness stay."""
    low, high = 0.0, chroma
    if _exists(_linear(lightness, chroma, hue)):
        low = chroma
    else:
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if _exists(_linear(lightness, middle, hue)) else (low, middle)
            )
    red, green, blue = (
        min(LINEAR_MAX, max(0, round(channel * LINEAR_MAX)))
        for channel in _linear(lightness, low, hue)
    )
    return red, green, blue


def _exists(rgb: list[float]) -> bool:
    return min(rgb) >= -_SLACK and max(rgb) <= 1 + _SLACK


def _linear(lightness: float, chroma: float, hue: float) -> list[float]:
    a = chroma * math.cos(math.radians(hue))
    b = chroma * math.sin(math.radians(hue))
    cones = [(lightness + by_a * a + by_b * b) ** 3 for by_a, by_b in _CONES_OF_LAB]
    return [_dot(row, cones) for row in _RGB_OF_CONES]


def _dot(row: tuple[float, ...], values: list[float]) -> float:
    return sum(weight * value for weight, value in zip(row, values, strict=True))
