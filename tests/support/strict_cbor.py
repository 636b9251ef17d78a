"""SmileSync CBOR read byte by byte: a second reader, which also says which rule broke first.

Written from SPEC section CBOR alone, without a library, to check the daemon's reader and to give
each reject vector its requirement.
"""

from dataclasses import dataclass

ARRAY_MAX = 128
MAP_MAX = 32
DEPTH_MAX = 6
TEXT_MAX = 64


class BrokenRuleError(Exception):
    """The first rule that the bytes break."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(slots=True)
class Reader:
    """Reads items from `data`, from `at` on."""

    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise BrokenRuleError("CBR-001")
        self.at += count
        return self.data[self.at - count : self.at]

    def head(self) -> tuple[int, int]:
        """Return major type and argument of the next item."""
        first = self.take(1)[0]
        major, short = first >> 5, first & 31
        if major == 7:
            if short not in (20, 21, 22):
                raise BrokenRuleError("CBR-003" if short < 28 else "CBR-001")
            return 7, short
        if short == 31:
            raise BrokenRuleError("CBR-004" if 2 <= major <= 5 else "CBR-001")
        if short > 27:
            raise BrokenRuleError("CBR-001")
        if major == 6:
            raise BrokenRuleError("CBR-003")
        if short < 24:
            return major, short
        size = 1 << short - 24
        argument = int.from_bytes(self.take(size), "big")
        least = 24 if size == 1 else 1 << 4 * size
        if argument < least:
            raise BrokenRuleError("CBR-002")
        return major, argument

    def item(self, depth: int = 0) -> object:
        major, argument = self.head()
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return self.take(argument)
        if major == 3:
            return self.text(argument)
        if major == 7:
            return {20: False, 21: True, 22: None}[argument]
        if depth == DEPTH_MAX:
            raise BrokenRuleError("CBR-006")
        return self.array(argument, depth) if major == 4 else self.map(argument, depth)

    def text(self, size: int) -> str:
        if size > TEXT_MAX:
            raise BrokenRuleError("CBR-009")
        try:
            return self.take(size).decode()
        except UnicodeDecodeError as error:
            raise BrokenRuleError("CBR-009") from error

    def array(self, count: int, depth: int) -> list[object]:
        if count > len(self.data) - self.at:
            raise BrokenRuleError("CBR-011")
        if count > ARRAY_MAX:
            raise BrokenRuleError("CBR-007")
        return [self.item(depth + 1) for _ in range(count)]

    def map(self, count: int, depth: int) -> dict[int, object]:
        if 2 * count > len(self.data) - self.at:
            raise BrokenRuleError("CBR-011")
        if count > MAP_MAX:
            raise BrokenRuleError("CBR-008")
        pairs: dict[int, object] = {}
        last = -1
        for _ in range(count):
            if self.data[self.at : self.at + 1] > b"\x1b":
                raise BrokenRuleError("CBR-005")
            key = self.item(depth + 1)
            if not isinstance(key, int) or key <= last:
                raise BrokenRuleError("CBR-005")
            last = key
            pairs[key] = self.item(depth + 1)
        return pairs


def read(data: bytes, limit_bytes: int) -> object:
    """Return the value of `data`, or raise `BrokenRuleError` with the first rule it breaks."""
    if len(data) > limit_bytes:
        raise BrokenRuleError("CBR-010")
    reader = Reader(data)
    value = reader.item()
    if reader.at != len(data):
        raise BrokenRuleError("CBR-001")
    return value
