"""SmileSync CBOR: the one way to write a value as bytes, and a reader that takes nothing else.

SPEC section CBOR (CBR). A value has exactly one encoding here, so bytes can be compared, hashed
and signed instead of values. The reader is cbor2 made strict: known tags are refused before they
can build anything (a tag may compile a pattern or share a value a million times over), limits are
walked, and the bytes must equal what the writer makes of the value.

cbor2 sorts map keys length-first and RFC 8949 bytewise; for unsigned-integer keys, the only ones
allowed, the two orders are the same.
"""

from collections.abc import Iterable
from typing import TypeAlias, cast

import cbor2

from smilesync.config import (
    CBOR_ARRAY_MAX,
    CBOR_BYTES_MAX,
    CBOR_DEPTH_MAX,
    CBOR_MAP_MAX,
    CBOR_TEXT_BYTES_MAX,
)
from smilesync.errors import LocalError, Malformed

CborValue: TypeAlias = (
    bool
    | int
    | bytes
    | str
    | list["CborValue"]
    | tuple["CborValue", ...]
    | dict[int, "CborValue"]
    | None
)
"""What the profile can say. `decode` returns arrays as lists."""

INTEGER_LIMIT = 1 << 64


def _refuse_tag(*_: object) -> object:
    raise ValueError("tag")


# Every tag number that cbor2 gives a meaning of its own; all others reach its tag hook.
_KNOWN_TAGS = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 43, 52, 54, 100, 256, 258, 260, 261)
_REFUSED_TAGS = dict.fromkeys((*_KNOWN_TAGS, 1004, 43000, 55799), _refuse_tag)


def encode(value: CborValue) -> bytes:
    """Return the only encoding of `value`; map keys may be in any order in the argument.

    Errors: LocalError when the profile cannot say `value`.
    """
    try:
        _check(value)
    except Malformed as error:
        raise LocalError(f"not encodable: {error}") from error
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes, *, limit_bytes: int = CBOR_BYTES_MAX) -> CborValue:
    """Return the value that `data` is the only encoding of.

    Errors: Malformed for everything else; never another exception, whatever the bytes.
    Source: SPEC CBR; the order is size, well-formedness, types and limits, determinism.
    """
    if len(data) > limit_bytes:
        raise Malformed("CBR-010", f"{len(data)} bytes, limit {limit_bytes}")
    try:
        # An object, not yet a value: compiled code holds a name to its type, hostile bytes do not.
        value: object = cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            semantic_decoders=_REFUSED_TAGS,
            max_depth=CBOR_DEPTH_MAX,
            allow_indefinite=False,
        )
    except (cbor2.CBORError, ValueError) as error:
        raise Malformed("CBR-001", "not one well-formed item of the profile") from error
    _check(value)
    if cbor2.dumps(value, canonical=True) != data:
        raise Malformed("CBR-002", "not the deterministic encoding")
    return cast("CborValue", value)


def _check(value: object) -> None:
    """Raise Malformed unless `value` lies inside the profile and its limits; level by level.

    An enum of integers is an integer here; only as a map key a boolean, too, would be one.
    """
    level: list[object] = [value]
    depth = 0
    while level:
        below: list[object] = []
        for item in level:
            if isinstance(item, bytes) or item is None:
                continue
            if isinstance(item, int):
                if not -INTEGER_LIMIT <= item < INTEGER_LIMIT:
                    raise Malformed("CBR-003", "integer beyond 64 bits")
            elif isinstance(item, str):
                _check_text(item)
            else:
                below += _content(item, depth)
        level, depth = below, depth + 1


def _content(value: object, depth: int) -> Iterable[object]:
    """Return what an array or map holds. Errors: Malformed for what is neither, or too much."""
    if isinstance(value, (list, tuple)):
        if len(value) > CBOR_ARRAY_MAX:
            raise Malformed("CBR-007", f"array of {len(value)}")
        content: Iterable[object] = value
    elif isinstance(value, dict):
        if len(value) > CBOR_MAP_MAX:
            raise Malformed("CBR-008", f"map of {len(value)}")
        for key in value:
            if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key < INTEGER_LIMIT:
                raise Malformed("CBR-005", "map key is not an unsigned integer")
        content = value.values()
    else:
        raise Malformed("CBR-003", f"type {type(value).__name__} is not in the profile")
    if depth == CBOR_DEPTH_MAX:
        raise Malformed("CBR-006", f"more than {CBOR_DEPTH_MAX} containers deep")
    return content


def _check_text(text: str) -> None:
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError as error:
        raise Malformed("CBR-009", "text is not valid UTF-8") from error
    if size_bytes > CBOR_TEXT_BYTES_MAX:
        raise Malformed("CBR-009", f"text of {size_bytes} bytes")
