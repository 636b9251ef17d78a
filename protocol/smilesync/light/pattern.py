"""The language of light patterns: what a circle agrees on instead of pixels.

A pattern is a CBOR map with integer keys and integer values, at most 200 bytes. With the circle's
time, the pattern's start and a position it says what a device shows, so it survives loss, split and
blackout. Start (key 2) and crossfade (key 14) are fields of the circle's value, never of the
pattern in it. Kinds ripple, story and harmonise are reserved. Source: SPEC section Patterns.
"""

from dataclasses import dataclass
from enum import IntEnum

from smilesync.errors import LocalError, Malformed
from smilesync.wire import cbor

VERSION = 1
PATTERN_BYTES_MAX = 200


class Kind(IntEnum):
    """What a pattern does. Numbers 3 (ripple), 5 (story) and 6 (harmonise) are reserved."""

    STEADY = 0
    BREATHE = 1
    WAVE = 2
    MOSAIC = 4


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


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern. Units: period in tenths of a second; waves in 0.01 cycles/m; life in seconds.

    `depth` and `weight` count of 255, `ceiling_percent` of the device's own luminance limit.
    A steady pattern has no period, depth or sharpness (0); a mosaic has no colours: everyone keeps
    their own.
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

    @property
    def degree(self) -> int:
        """The trigonometric degree: J for one colour, J + 1 for several, 0 when steady."""
        return self.sharpness + (1 if len(self.colours) > 1 else 0)


_RANGES = {
    Key.PERIOD: (21, 600),
    Key.DEPTH: (0, 255),
    Key.SHARPNESS: (1, 3),
    Key.CEILING: (0, 100),
    Key.WAVE_X: (-200, 200),
    Key.WAVE_Y: (-200, 200),
    Key.WEIGHT: (0, 255),
    Key.LIFE: (10, 3600),
}
_COLOURS_MAX = 8
_COLOUR_MAX = 65535
_ID_BYTES = 16

_ALWAYS = frozenset({Key.VERSION, Key.KIND, Key.CEILING, Key.WEIGHT})
_RHYTHM = frozenset({Key.PERIOD, Key.DEPTH, Key.SHARPNESS})
_REQUIRED = {
    Kind.STEADY: _ALWAYS | {Key.COLOURS},
    Kind.BREATHE: _ALWAYS | _RHYTHM | {Key.COLOURS},
    Kind.WAVE: _ALWAYS | _RHYTHM | {Key.COLOURS, Key.WAVE_X, Key.WAVE_Y},
    Kind.MOSAIC: _ALWAYS | _RHYTHM,
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
        Key.WEIGHT: pattern.weight,
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


def _pattern(kind: Kind, fields: dict[int, cbor.CborValue]) -> Pattern:
    """Build a pattern from fields that `_check_fields` accepted."""

    def integer(key: Key) -> int:
        item = fields.get(key, 0)
        assert isinstance(item, int)
        return item

    colours = fields.get(Key.COLOURS, [])
    assert isinstance(colours, list)
    name = fields.get(Key.ID)
    assert name is None or isinstance(name, bytes)
    return Pattern(
        kind=kind,
        weight=integer(Key.WEIGHT),
        ceiling_percent=integer(Key.CEILING),
        colours=tuple(colour for colour in colours if isinstance(colour, int)),
        period_ds=integer(Key.PERIOD),
        depth=integer(Key.DEPTH),
        sharpness=integer(Key.SHARPNESS),
        wave_x=integer(Key.WAVE_X),
        wave_y=integer(Key.WAVE_Y),
        life_s=integer(Key.LIFE) if Key.LIFE in fields else None,
        id=name,
    )


def _is_integer(item: cbor.CborValue, low: int, high: int) -> bool:
    return isinstance(item, int) and not isinstance(item, bool) and low <= item <= high
