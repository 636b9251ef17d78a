"""The language of light patterns: what a circle agrees on instead of pixels.

A pattern is a CBOR map with integer keys and integer values, at most 200 bytes. With the circle's
time, the pattern's start and a position it says what a device shows, so it survives loss, split and
blackout. Start (key 2) and crossfade (key 14) are fields of the circle's value, never of the
pattern in it. Source: SPEC section Patterns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeGuard

from smilesync.errors import LocalError, Malformed
from smilesync.wire import cbor

VERSION = 1
PATTERN_BYTES_MAX = 200


class Kind(IntEnum):
    """What a pattern does: everyone alike, by position, with their own colour, or over time."""

    STEADY = 0
    BREATHE = 1
    WAVE = 2
    RIPPLE = 3
    MOSAIC = 4
    STORY = 5
    HARMONISE = 6


class Key(IntEnum):
    """The map keys; every key of SPEC section Patterns has its number reserved here."""

    VERSION = 0
    KIND = 1
    START = 2
    PERIOD = 3
    DEPTH = 4
    SHARPNESS = 5
    CEILING = 6
    COLOURS = 7
    WAVE_X = 8
    WAVE_Y = 9
    ORIGIN_X = 10
    ORIGIN_Y = 11
    WAVELENGTH = 12
    WEIGHT = 13
    CROSSFADE = 14
    STORY = 15
    FROM = 16
    TO = 17
    RAMP = 18
    LIFE = 19
    ID = 20


class Step(NamedTuple):
    """One picture of a story. Units: tenths of a second; `colour` is an index into the colours."""

    colour: int
    hold_ds: int
    fade_ds: int


Mood = tuple[int, int]
"""Valence and arousal, each from -8 to 8."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern. Units: period in tenths of a second; waves in 0.01 cycles/m; life in seconds.

    `depth` and `weight` count of 255, `ceiling_percent` of the device's own luminance limit.
    A steady pattern and a story have no period, depth or sharpness (0); a mosaic has no colours:
    everyone keeps their own; a harmony goes from one mood to another within `ramp_s`.
    """

    kind: Kind
    weight: int
    ceiling_percent: int
    colours: tuple[int, ...] = ()
    period_ds: int = 0
    depth: int = 0
    sharpness: int = 0
    wave_x: int = 0
    wave_y: int = 0
    life_s: int | None = None
    id: bytes | None = None
    origin_x_cm: int = 0
    origin_y_cm: int = 0
    wavelength_cm: int = 0
    story: tuple[Step, ...] = ()
    mood_from: Mood = (0, 0)
    mood_to: Mood = (0, 0)
    ramp_s: int = 0

    @property
    def turn_ds(self) -> int:
        """How long until it begins again: the period, or all of a story; 0 when steady."""
        return self.period_ds or sum(step.hold_ds + step.fade_ds for step in self.story)

    @property
    def degree(self) -> int:
        """The trigonometric degree: J for one colour, J + 1 for several, 0 without a rhythm."""
        if self.kind in (Kind.STEADY, Kind.STORY):
            return 0
        return max(1, self.sharpness) + (1 if len(self.colours) > 1 else 0)


_RANGES = {
    Key.PERIOD: (21, 600),
    Key.DEPTH: (0, 255),
    Key.SHARPNESS: (1, 3),
    Key.CEILING: (0, 100),
    Key.WAVE_X: (-200, 200),
    Key.WAVE_Y: (-200, 200),
    Key.ORIGIN_X: (-100_000, 100_000),
    Key.ORIGIN_Y: (-100_000, 100_000),
    Key.WAVELENGTH: (50, 5000),
    Key.WEIGHT: (0, 255),
    Key.RAMP: (30, 1800),
    Key.LIFE: (10, 3600),
}
_COLOURS_MAX = 8
_COLOUR_MAX = 65535
_STEPS_MIN, _STEPS_MAX = 2, 16
_STEP_DS = (20, 600)
_MOOD_MAX = 8
_ID_BYTES = 16

_ALWAYS = frozenset({Key.VERSION, Key.KIND, Key.CEILING, Key.WEIGHT})
_BREATH = frozenset({Key.PERIOD, Key.DEPTH})
_RHYTHM = _BREATH | {Key.SHARPNESS}
_REQUIRED = {
    Kind.STEADY: _ALWAYS | {Key.COLOURS},
    Kind.BREATHE: _ALWAYS | _RHYTHM | {Key.COLOURS},
    Kind.WAVE: _ALWAYS | _RHYTHM | {Key.COLOURS, Key.WAVE_X, Key.WAVE_Y},
    Kind.RIPPLE: _ALWAYS | _RHYTHM | {Key.COLOURS, Key.ORIGIN_X, Key.ORIGIN_Y, Key.WAVELENGTH},
    Kind.MOSAIC: _ALWAYS | _RHYTHM,
    Kind.STORY: _ALWAYS | {Key.COLOURS, Key.STORY},
    Kind.HARMONISE: _ALWAYS | _BREATH | {Key.FROM, Key.TO, Key.RAMP},
}
_OPTIONAL = frozenset({Key.LIFE, Key.ID})


def encode(pattern: Pattern) -> bytes:
    """Return the bytes of a pattern, as carried in a circle's value and hashed with it.

    Errors: LocalError when a field is out of range: what is written can always be read.
    """
    fields = _fields(pattern)
    try:
        _check_fields(pattern.kind, fields)
    except Malformed as error:
        raise LocalError(f"no pattern: {error}") from error
    return cbor.encode(fields)


def decode(data: bytes) -> Pattern:
    """Read a pattern off the network; raises Malformed with the rule that is broken."""
    if len(data) > PATTERN_BYTES_MAX:
        raise Malformed("PAT-001", f"a pattern has at most {PATTERN_BYTES_MAX} bytes")
    fields = cbor.decode(data, limit_bytes=PATTERN_BYTES_MAX)
    if not isinstance(fields, dict):
        raise Malformed("PAT-001", "a pattern is a map")
    if not _is_integer(fields.get(Key.VERSION), VERSION, VERSION):
        raise Malformed("PAT-002", f"key 0, the version, is {VERSION}")
    kind = fields.get(Key.KIND)
    if isinstance(kind, bool) or not isinstance(kind, int) or kind not in _KINDS:
        raise Malformed("PAT-003", f"key 1, the kind, is one of {sorted(_KINDS)}")
    _check_fields(Kind(kind), fields)
    return _pattern(Kind(kind), fields)


_KINDS = frozenset(kind.value for kind in Kind)


def _fields(pattern: Pattern) -> dict[int, cbor.CborValue]:
    values: dict[int, cbor.CborValue] = {
        Key.VERSION: VERSION,
        Key.KIND: pattern.kind.value,
        Key.PERIOD: pattern.period_ds,
        Key.DEPTH: pattern.depth,
        Key.SHARPNESS: pattern.sharpness,
        Key.CEILING: pattern.ceiling_percent,
        Key.COLOURS: list(pattern.colours),
        Key.WAVE_X: pattern.wave_x,
        Key.WAVE_Y: pattern.wave_y,
        Key.ORIGIN_X: pattern.origin_x_cm,
        Key.ORIGIN_Y: pattern.origin_y_cm,
        Key.WAVELENGTH: pattern.wavelength_cm,
        Key.WEIGHT: pattern.weight,
        Key.STORY: [list(step) for step in pattern.story],
        Key.FROM: list(pattern.mood_from),
        Key.TO: list(pattern.mood_to),
        Key.RAMP: pattern.ramp_s,
    }
    required = _REQUIRED[pattern.kind]
    fields = {int(key): value for key, value in values.items() if key in required}
    if pattern.life_s is not None:
        fields[int(Key.LIFE)] = pattern.life_s
    if pattern.id is not None:
        fields[int(Key.ID)] = pattern.id
    return fields


def _check_fields(kind: Kind, fields: dict[int, cbor.CborValue]) -> None:
    """Test keys and ranges; what passes may still break a condition (conditions.py)."""
    keys = frozenset(fields)
    if keys & {Key.START, Key.CROSSFADE}:
        raise Malformed("PAT-006", "start (2) and crossfade (14) belong to the circle's value")
    required = _REQUIRED[kind]
    if not required <= keys or not keys <= required | _OPTIONAL:
        raise Malformed("PAT-004", f"kind {kind.value} has exactly the keys {sorted(required)}")
    for key, (low, high) in _RANGES.items():
        if key in fields and not _is_integer(fields[key], low, high):
            raise Malformed("PAT-005", f"key {key.value} is an integer from {low} to {high}")
    if Key.COLOURS in fields:
        _check_colours(kind, fields[Key.COLOURS])
    if Key.STORY in fields:
        _check_story(fields[Key.STORY], fields[Key.COLOURS])
    for key in (Key.FROM, Key.TO):
        if key in fields and not _are_integers(fields[key], 2, -_MOOD_MAX, _MOOD_MAX):
            raise Malformed(
                "PAT-005",
                f"key {key.value} is [valence, arousal], each -{_MOOD_MAX} to {_MOOD_MAX}",
            )
    if Key.ID in fields:
        name = fields[Key.ID]
        if not isinstance(name, bytes) or len(name) != _ID_BYTES:
            raise Malformed("PAT-005", f"key 20 is a byte string of {_ID_BYTES}")


def _check_colours(kind: Kind, colours: cbor.CborValue) -> None:
    limit = 1 if kind is Kind.STEADY else _COLOURS_MAX
    if not isinstance(colours, list) or not 1 <= len(colours) <= limit:
        raise Malformed(
            "PAT-005", f"key 7 of kind {kind.value} is an array of 1 to {limit} colours"
        )
    if not all(_is_integer(colour, 0, _COLOUR_MAX) for colour in colours):
        raise Malformed("PAT-005", f"a colour is an integer from 0 to {_COLOUR_MAX}")


def _check_story(story: cbor.CborValue, colours: cbor.CborValue) -> None:
    assert isinstance(colours, list)
    low, high = _STEP_DS
    if not isinstance(story, list) or not _STEPS_MIN <= len(story) <= _STEPS_MAX:
        raise Malformed("PAT-005", f"key 15 is an array of {_STEPS_MIN} to {_STEPS_MAX} steps")
    for step in story:
        if not _are_integers(step, 3, 0, high) or not all(low <= part <= high for part in step[1:]):
            raise Malformed(
                "PAT-005", f"a step is [colour, hold, fade], hold and fade from {low} to {high}"
            )
        if step[0] >= len(colours):
            raise Malformed("PAT-005", f"a step's colour is an index below {len(colours)}")


def _pattern(kind: Kind, fields: dict[int, cbor.CborValue]) -> Pattern:
    """Build a pattern from fields that `_check_fields` accepted."""

    def integer(key: Key) -> int:
        item = fields.get(key, 0)
        assert isinstance(item, int)
        return item

    def integers(key: Key) -> tuple[int, ...]:
        items = fields.get(key, [])
        assert isinstance(items, list)
        return tuple(item for item in items if isinstance(item, int))

    name = fields.get(Key.ID)
    assert name is None or isinstance(name, bytes)
    return Pattern(
        kind=kind,
        weight=integer(Key.WEIGHT),
        ceiling_percent=integer(Key.CEILING),
        colours=integers(Key.COLOURS),
        period_ds=integer(Key.PERIOD),
        depth=integer(Key.DEPTH),
        sharpness=integer(Key.SHARPNESS),
        wave_x=integer(Key.WAVE_X),
        wave_y=integer(Key.WAVE_Y),
        life_s=integer(Key.LIFE) if Key.LIFE in fields else None,
        id=name,
        origin_x_cm=integer(Key.ORIGIN_X),
        origin_y_cm=integer(Key.ORIGIN_Y),
        wavelength_cm=integer(Key.WAVELENGTH),
        story=_steps(fields),
        mood_from=_mood(integers(Key.FROM)),
        mood_to=_mood(integers(Key.TO)),
        ramp_s=integer(Key.RAMP),
    )


def _steps(fields: Mapping[int, cbor.CborValue]) -> tuple[Step, ...]:
    story = fields.get(Key.STORY, [])
    assert isinstance(story, list)
    return tuple(Step(*step) for step in story if _are_integers(step, 3, 0, _STEP_DS[1]))


def _mood(values: tuple[int, ...]) -> Mood:
    return (values[0], values[1]) if values else (0, 0)


def _is_integer(item: cbor.CborValue, low: int, high: int) -> TypeGuard[int]:
    return isinstance(item, int) and not isinstance(item, bool) and low <= item <= high


def _are_integers(items: cbor.CborValue, count: int, low: int, high: int) -> TypeGuard[list[int]]:
    return (
        isinstance(items, list)
        and len(items) == count
        and all(_is_integer(item, low, high) for item in items)
    )
