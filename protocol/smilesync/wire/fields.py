"""Reads the fields of one decoded map or array, each with its type and range, nothing left over.

Every reader consumes its field; `close` then refuses what nobody asked for. A field that may be
absent stands for its default, and writing the default out is refused: one message, one encoding.
"""

from smilesync.config import ROSTER_MAX
from smilesync.errors import Malformed
from smilesync.wire.cbor import CborValue

CLOSED_KEYS = 64
"""Keys below this are the protocol's own, unknown ones an error; others are ignored."""

U64_MAX = (1 << 64) - 1
U53_MAX = (1 << 53) - 1
"""Largest integer that every language's JSON and number type keeps exactly."""
U32_MAX = (1 << 32) - 1

_ABSENT = object()


class Fields:
    """The unread fields of a map (by key) or array (by position)."""

    __slots__ = ("_rest", "_rule")

    def __init__(self, rest: dict[int, CborValue], rule: str) -> None:
        self._rest = rest
        self._rule = rule

    @staticmethod
    def of_map(value: CborValue, rule: str) -> "Fields":
        """Read from a map. `rule` is the SPEC ID that every error names."""
        if not isinstance(value, dict):
            raise Malformed(rule, "not a map")
        return Fields(dict(value), rule)

    @staticmethod
    def of_array(value: CborValue, count: int, rule: str) -> "Fields":
        """Read from an array of exactly `count` items."""
        if not isinstance(value, (list, tuple)) or len(value) != count:
            raise Malformed(rule, f"not an array of {count}")
        rest: dict[int, CborValue] = {}
        for place, item in enumerate(value):  # `dict` of it would go through Python's own
            rest[place] = item
        return Fields(rest, rule)

    def uint(
        self, key: int, *, least: int = 0, most: int = U53_MAX, default: int | None = None
    ) -> int:
        """Return an unsigned integer in [least, most]."""
        value = self._rest.pop(key, _ABSENT)
        if value is _ABSENT and default is not None:
            return default
        if type(value) is not int or not least <= value <= most or value == default:
            raise self._wrong(key, f"an integer from {least} to {most}")
        return value

    def optional_uint(self, key: int, *, most: int = U53_MAX) -> int | None:
        """Return an unsigned integer up to `most`, or None when absent."""
        return self.uint(key, most=most) if key in self._rest else None

    def flag(self, key: int) -> bool:
        """Return a boolean."""
        value = self._rest.pop(key, _ABSENT)
        if not isinstance(value, bool):
            raise self._wrong(key, "a boolean")
        return value

    def octets(self, key: int, *, least: int, most: int) -> bytes:
        """Return a byte string of `least` to `most` bytes."""
        value = self._rest.pop(key, _ABSENT)
        if not isinstance(value, bytes) or not least <= len(value) <= most:
            raise self._wrong(key, f"a byte string of {least} to {most} bytes")
        return value

    def sized(self, key: int, size_bytes: int) -> bytes:
        """Return a byte string of exactly `size_bytes`."""
        return self.octets(key, least=size_bytes, most=size_bytes)

    def has(self, key: int) -> bool:
        """Is the field there and not read yet?"""
        return key in self._rest

    def optional_octets(self, key: int, *, most: int) -> bytes | None:
        """Return a byte string of up to `most` bytes, or None when the field is null."""
        if self._rest.get(key, _ABSENT) is None:
            self.null(key)
            return None
        return self.octets(key, least=0, most=most)

    def optional_sized(self, key: int, size_bytes: int) -> bytes | None:
        """Return a byte string of exactly `size_bytes`, or None when absent."""
        return self.sized(key, size_bytes) if key in self._rest else None

    def maybe_octets(self, key: int, *, most: int) -> bytes | None:
        """Return a byte string of 1 to `most` bytes, or None when absent."""
        return self.octets(key, least=1, most=most) if key in self._rest else None

    def bitmap(self, key: int, *, least_bits: int = 0) -> int:
        """Return a bitmap: bit 0 of the first byte is index 0, no zero byte at the end."""
        value = self.octets(key, least=0, most=ROSTER_MAX // 8)
        bitmap = int.from_bytes(value, "little")
        if value[-1:] == b"\0" or bitmap.bit_count() < least_bits:
            raise self._wrong(key, f"a minimal bitmap with {least_bits} bits set or more")
        return bitmap

    def array(self, key: int, *, least: int, most: int) -> list[CborValue]:
        """Return an array of `least` to `most` items; one that may be empty is absent then."""
        value = self._rest.pop(key, _ABSENT)
        if value is _ABSENT and least == 0:
            return []
        if not isinstance(value, list) or not max(1, least) <= len(value) <= most:
            raise self._wrong(key, f"an array of {max(1, least)} to {most} items")
        return value

    def array_of_octets(self, key: int, *, size_bytes: int, most: int) -> list[bytes]:
        """Return up to `most` byte strings of exactly `size_bytes`; absent when there are none."""
        strings = []
        for item in self.array(key, least=0, most=most):
            if not isinstance(item, bytes) or len(item) != size_bytes:
                raise self._wrong(key, f"an array of byte strings of {size_bytes} bytes")
            strings.append(item)
        return strings

    def null(self, key: int) -> None:
        """Consume a field that is null and nothing else."""
        if self._rest.pop(key, _ABSENT) is not None:
            raise self._wrong(key, "null")

    def item(self, key: int) -> CborValue:
        """Return the field as it is, for a reader of its own, or None when absent."""
        if key not in self._rest:
            return None
        value = self._rest.pop(key)
        if value is None:
            raise self._wrong(key, "absent instead of null")
        return value

    def close(self) -> None:
        """Refuse fields below `CLOSED_KEYS` that were not read; ignore all others."""
        for key in self._rest:
            if key < CLOSED_KEYS:
                raise Malformed(self._rule, f"field {key} is unknown here")

    def _wrong(self, key: int, expected: str) -> Malformed:
        return Malformed(self._rule, f"field {key} is not {expected}")
