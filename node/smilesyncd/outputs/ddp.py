"""DDP (Distributed Display Protocol), which WLED and many pixel controllers take on port 4048.

A header of ten bytes: flags, sequence, data type, destination, offset and length in bytes. A frame
may take several datagrams; the push flag on the last one shows all of them at once.
Source: the protocol's page at 3waylabs.com/ddp.
"""

import struct

from smilesync.ids import Address
from smilesyncd.outputs.slots import Rejected, Slots

PORT = 4048
CHUNK_BYTES = 1440
"""480 RGB LEDs: the largest piece that passes an Ethernet unbroken."""

CHANNELS_MAX = 65_535
FAREWELLS = 3
SEQUENCE_MAX = 15

_HEADER = struct.Struct(">BBBBIH")
_TIMECODE_BYTES = 4
_VERSION_MASK, _VERSION = 0xC0, 0x40
_HAS_TIMECODE, _IS_STORED, _IS_REPLY, _IS_QUERY, _IS_PUSH = 0x10, 0x08, 0x04, 0x02, 0x01
_TYPE_RGB_8BIT = 0x0B
_TYPES_TAKEN = (_TYPE_RGB_8BIT, 0x01, 0x00)
"""Eight bits of red, green and blue; the type many senders wrote before it was defined; unsaid."""

_DISPLAY, _EVERY_DEVICE = 1, 255


def encode(channels: bytes, *, offset: int, sequence: int, is_push: bool) -> bytes:
    """Return one datagram of a frame. Units: `offset` in bytes; `sequence` 1 to 15."""
    assert 0 < len(channels) <= CHUNK_BYTES
    assert 1 <= sequence <= SEQUENCE_MAX
    flags = _VERSION | (_IS_PUSH if is_push else 0)
    header = _HEADER.pack(flags, sequence, _TYPE_RGB_8BIT, _DISPLAY, offset, len(channels))
    return header + channels


def decode(datagram: bytes) -> Slots:
    """Return what a datagram says. Raises Rejected for whatever is not light of a source."""
    if len(datagram) < _HEADER.size:
        raise Rejected("short")
    flags, sequence, data_type, destination, offset, size = _HEADER.unpack_from(datagram)
    if flags & _VERSION_MASK != _VERSION:
        raise Rejected("not-ddp")
    if flags & (_IS_STORED | _IS_REPLY | _IS_QUERY):
        raise Rejected("not-light")
    if destination not in (_DISPLAY, _EVERY_DEVICE):
        raise Rejected("not-light")  # a device's settings or state
    if data_type not in _TYPES_TAKEN:
        raise Rejected("data-type")
    start = _HEADER.size + (_TIMECODE_BYTES if flags & _HAS_TIMECODE else 0)
    if len(datagram) != start + size:
        raise Rejected("length")
    if offset + size > CHANNELS_MAX:
        raise Rejected("range")
    return Slots(
        universe=0,
        channels=datagram[start:],
        offset=offset,
        sequence=sequence & 0x0F or None,
    )


class DdpStream:
    """Turns a strip's bytes into datagrams."""

    def __init__(self, to: Address) -> None:
        self._to = to
        self._sequence = 1

    def frame(self, pixels: bytes) -> list[tuple[bytes, Address]]:
        """Return the datagrams of one frame, the push flag on the last."""
        datagrams: list[tuple[bytes, Address]] = []
        for offset in range(0, len(pixels), CHUNK_BYTES):
            end = min(offset + CHUNK_BYTES, len(pixels))
            datagram = encode(
                pixels[offset:end],
                offset=offset,
                sequence=self._sequence,
                is_push=end == len(pixels),
            )
            datagrams.append((datagram, self._to))
            self._sequence = self._sequence % SEQUENCE_MAX + 1
        return datagrams

    def farewell(self, pixels: bytes) -> list[tuple[bytes, Address]]:
        """Return the last frame three times: the protocol has no word for the end."""
        return [one for _ in range(FAREWELLS) for one in self.frame(pixels)]
