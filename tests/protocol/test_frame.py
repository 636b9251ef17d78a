"""The datagram header, the packet types and the padding."""

import pytest

from smilesync.errors import LocalError, Malformed
from smilesync.wire import frame
from smilesync.wire.frame import PacketType
from support.vectors import Case, by_name, load


def _parse(datagram: bytes) -> None:
    """Do what a receiver does to a datagram before any key is touched."""
    header = frame.parse_header(datagram)
    if header.type is PacketType.VNEG:
        frame.parse_vneg(datagram)
    elif header.version != frame.VERSION:
        raise Malformed("FRM-005", "unknown version")
    elif header.type is PacketType.HS1:
        frame.parse_hello(datagram)
    elif header.type is PacketType.HS2:
        frame.parse_handshake(datagram, frame.HS2_SIZE_BYTES_MIN)
    elif header.type is PacketType.HS3:
        frame.parse_handshake(datagram, frame.HS3_SIZE_BYTES_MIN)
    elif header.type is PacketType.COOKIE:
        frame.parse_cookie(datagram)
    elif len(datagram) < frame.OVERHEAD_BYTES:
        raise Malformed("FRM-003", "too short")


@pytest.mark.parametrize("case", load("frame"), ids=by_name)
def test_vectors_are_accepted_or_rejected_as_they_say(case: Case) -> None:
    given = case["given"]
    broken = ""
    try:
        if "plaintext" in given:
            size, message = frame.unpad(bytes.fromhex(str(given["plaintext"])))
            assert case["expect"] == "reject" or case["result"] == {
                "size": size,
                "message": message.hex(),
            }
        else:
            _parse(bytes.fromhex(str(given["datagram"])))
    except Malformed as error:
        broken = error.rule

    assert broken == case.get("error", "")


@pytest.mark.spec("FRM-001", "FRM-002", "FRM-004")
@pytest.mark.parametrize(
    ("datagram", "rule"),
    [
        (bytes([0x14]) * 1201, "FRM-001"),
        (b"", "FRM-002"),
        (bytes([0x14]) * 13, "FRM-002"),
        (bytes([0x10]) * 40, "FRM-004"),
        (bytes([0x17]) * 40, "FRM-004"),
        (bytes([0x1F]) * 40, "FRM-004"),
    ],
)
def test_header_rejects_what_no_type_explains(datagram: bytes, rule: str) -> None:
    with pytest.raises(Malformed) as caught:
        frame.parse_header(datagram)

    assert caught.value.rule == rule


@pytest.mark.spec("FRM-014")
@pytest.mark.parametrize("kind", list(PacketType))
def test_header_round_trip_ignores_flags(kind: PacketType) -> None:
    packed = frame.pack_header(kind, 0x01020304, 0x05060708090A0B0C)
    flagged = packed[:1] + b"\xff" + packed[2:]

    header = frame.parse_header(flagged)

    assert packed[1] == 0
    assert header.type is kind
    assert header.version == (0 if kind is PacketType.VNEG else 1)
    assert (header.receiver_index, header.counter) == (0x01020304, 0x05060708090A0B0C)


@pytest.mark.spec("FRM-010")
@pytest.mark.parametrize(
    ("size", "padded"), [(1, 128), (126, 128), (127, 512), (510, 512), (511, 1170), (1168, 1170)]
)
def test_padding_leaves_three_lengths_and_is_ignored(size: int, padded: int) -> None:
    message = bytes(range(1, 256)) * 5

    plaintext = frame.pad_message(message[:size])

    assert len(plaintext) == padded
    assert plaintext[2 + size :].strip(b"\x00") == b""
    assert frame.unpad(plaintext) == (size, message[:size])
    assert frame.unpad(plaintext + b"more") == (size, message[:size])


def test_a_message_that_fits_no_frame_is_refused() -> None:
    for size in (0, 1169):
        with pytest.raises(LocalError):
            frame.pad_message(bytes(size))


def test_control_packets_carry_nothing() -> None:
    assert frame.unpad(frame.pad_control(frame.CONFIRM)) == (0, b"")
    assert frame.unpad(frame.pad_control(frame.CLOSE)) == (0xFFFF, b"")
    assert len(frame.pad_control(frame.CLOSE)) == 128


@pytest.mark.spec("FRM-008")
@pytest.mark.parametrize(
    "listed", [b"", b"\x00", b"\x01", b"\x02\x01\x01", b"\x02\x02\x01", b"\x01\x00", b"\x01\x10"]
)
def test_version_list_rejects_other_forms(listed: bytes) -> None:
    with pytest.raises(Malformed, match="FRM-008"):
        frame.parse_versions(listed)


def test_version_list_round_trip() -> None:
    assert frame.parse_versions(frame.pack_versions((1, 3, 15)) + b"rest") == (1, 3, 15)
    with pytest.raises(Malformed, match="FRM-008"):
        frame.parse_versions(bytes([9, *range(1, 10)]))
