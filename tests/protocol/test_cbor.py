"""SmileSync CBOR: one encoding for each value, and nothing else is read."""

from enum import IntEnum

import cbor2
import pytest

from smilesync.errors import LocalError, Malformed
from smilesync.wire import cbor
from smilesync.wire.cbor import CborValue
from support import strict_cbor
from support.vectors import Case, by_name, load

CASES = load("cbor")


class Colour(IntEnum):
    RED = 5


@pytest.mark.spec("CBR-001", "CBR-002")
@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] == "accept"], ids=by_name)
def test_encode_writes_what_decode_reads(case: Case) -> None:
    data = bytes.fromhex(str(case["given"]["cbor"]))

    value = cbor.decode(data)

    assert cbor.encode(value) == data
    assert value == strict_cbor.read(data, 1170)


@pytest.mark.spec(
    "CBR-001",
    "CBR-002",
    "CBR-003",
    "CBR-004",
    "CBR-005",
    "CBR-006",
    "CBR-007",
    "CBR-008",
    "CBR-009",
    "CBR-010",
    "CBR-011",
)
@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] == "reject"], ids=by_name)
def test_decode_rejects_what_encode_never_writes(case: Case) -> None:
    data = bytes.fromhex(str(case["given"]["cbor"]))

    with pytest.raises(Malformed) as caught:
        cbor.decode(data)

    assert caught.value.rule.startswith("CBR-")
    with pytest.raises(strict_cbor.BrokenRuleError) as first:
        strict_cbor.read(data, 1170)
    assert first.value.rule == case.get("error")


@pytest.mark.spec("CBR-010")
def test_decode_rejects_by_size_before_it_reads() -> None:
    assert cbor.decode(b"\x42\0\0", limit_bytes=3) == b"\0\0"

    with pytest.raises(Malformed) as caught:
        cbor.decode(b"\x43\0\0\0", limit_bytes=3)

    assert caught.value.rule == "CBR-010"


@pytest.mark.spec("CBR-003")
@pytest.mark.parametrize("content", ["00", "4101", "6161", "820102", "8100", "a10000"])
def test_every_tag_is_rejected_unread(content: str) -> None:
    for tag in (*range(310), 1004, 43000, 55799, 65535, (1 << 64) - 1):
        head = cbor2.dumps(tag)
        with pytest.raises(Malformed) as caught:
            cbor.decode(bytes([head[0] | 0xC0]) + head[1:] + bytes.fromhex(content))
        assert caught.value.rule == "CBR-001", f"tag {tag} came through to the walk"


def _shared_lists(levels: int) -> bytes:
    """Return lists of references to the list before: 128 to the power of `levels` items."""
    references = b"\xd8\x1d"
    parts = [b"\xd8\x1c\x98\x80" + b"\0" * 128]
    parts += [
        b"\xd8\x1c\x98\x80" + (references + bytes([level])) * 128 for level in range(levels - 1)
    ]
    return bytes([0x80 | len(parts)]) + b"".join(parts)


@pytest.mark.spec("CBR-003", "CBR-011")
def test_a_bomb_of_shared_values_is_refused_before_it_grows() -> None:
    with pytest.raises(Malformed) as caught:
        cbor.decode(_shared_lists(3), limit_bytes=1 << 20)

    assert caught.value.rule == "CBR-001", "refused while decoding, not after two million items"


OUTSIDE: list[tuple[str, object]] = [
    ("float", 1.0),
    ("integer of 65 bits", 1 << 64),
    ("negative integer of 65 bits", -(1 << 64) - 1),
    ("set", {1}),
    ("array of 129", [0] * 129),
    ("map of 33", dict.fromkeys(range(33), 0)),
    ("boolean key", {True: 0}),
    ("text key", {"a": 0}),
    ("negative key", {-1: 0}),
    ("key of 65 bits", {1 << 64: 0}),
    ("text of 65 bytes", "a" * 65),
    ("text with half a surrogate pair", "\ud800"),
    ("seven arrays deep", [[[[[[[]]]]]]]),
    ("seven containers deep, a map the last", [[[[[[{}]]]]]]),
    ("a float inside", {1: [2.0]}),
]


@pytest.mark.parametrize(("name", "value"), OUTSIDE, ids=[name for name, _ in OUTSIDE])
def test_encode_refuses_what_the_profile_cannot_say(name: str, value: CborValue) -> None:
    with pytest.raises(LocalError, match="not encodable"):
        cbor.encode(value)


def test_encode_sorts_keys_and_takes_tuples_and_enums() -> None:
    value: CborValue = {256: (True, None), 24: Colour.RED, 1: "\N{WATER WAVE}"}

    data = cbor.encode(value)

    assert data.hex() == "a30164f09f8c8a181805190100" + "82f5f6"
    assert cbor.decode(data) == {1: "\N{WATER WAVE}", 24: 5, 256: [True, None]}
