"""Fields are read once, by type and range, and nothing may be left over."""

import pytest

from smilesync.errors import Malformed
from smilesync.wire.cbor import CborValue
from smilesync.wire.fields import Fields

RULE = "MSG-010"


def _fields(value: CborValue) -> Fields:
    return Fields.of_map(value, RULE)


def test_map_that_is_none_is_refused() -> None:
    values: list[CborValue] = [[1], 7, b"", None]
    for value in values:
        with pytest.raises(Malformed, match="not a map"):
            _fields(value)


def test_reading_leaves_the_map_as_it_was() -> None:
    value: CborValue = {1: 5, 2: True}
    fields = _fields(value)

    assert (fields.uint(1), fields.flag(2)) == (5, True)
    fields.close()
    assert value == {1: 5, 2: True}


@pytest.mark.spec("MSG-003", "MSG-004")
def test_unread_fields_below_64_are_refused_and_others_ignored() -> None:
    _fields({64: 0}).close()
    _fields({(1 << 64) - 1: 0}).close()
    for key in (0, 63):
        with pytest.raises(Malformed, match=f"field {key} is unknown"):
            _fields({key: 0}).close()


@pytest.mark.spec("MSG-005", "MSG-006")
@pytest.mark.parametrize("value", [4, 11, 7, -1, True, b"\5", "5", None, [5]])
def test_integer_out_of_range_of_another_type_or_at_its_default_is_refused(
    value: CborValue,
) -> None:
    with pytest.raises(Malformed) as caught:
        _fields({1: value}).uint(1, least=5, most=10, default=7)

    assert caught.value.rule == RULE


@pytest.mark.spec("MSG-006")
def test_field_that_is_missing_is_refused_unless_it_has_a_default() -> None:
    assert _fields({}).uint(1, default=7) == 7
    assert _fields({}).array(1, least=0, most=3) == []
    assert _fields({}).item(1) is None
    assert _fields({}).optional_uint(1) is None
    with pytest.raises(Malformed):
        _fields({}).uint(1)
    with pytest.raises(Malformed):
        _fields({}).flag(1)
    with pytest.raises(Malformed):
        _fields({}).sized(1, 32)
    with pytest.raises(Malformed):
        _fields({}).null(1)
    with pytest.raises(Malformed):
        _fields({}).array(1, least=1, most=3)


@pytest.mark.spec("MSG-007")
def test_bitmap_counts_from_the_lowest_bit_of_the_first_byte() -> None:
    assert _fields({1: b"\x81\x02"}).bitmap(1) == 0b10_1000_0001
    assert _fields({1: b""}).bitmap(1) == 0
    assert _fields({1: b"\xff" * 8}).bitmap(1) == (1 << 64) - 1


@pytest.mark.spec("MSG-007")
@pytest.mark.parametrize("octets", [b"\0", b"\1\0", bytes(8) + b"\1", b"\1"])
def test_bitmap_of_another_form_or_with_too_few_bits_is_refused(octets: bytes) -> None:
    with pytest.raises(Malformed):
        _fields({1: octets}).bitmap(1, least_bits=2)
