"""Art-Net: ArtDmx for universes, ArtSync so that several of them change at once.

Source: Art-Net 4 protocol specification, packets ArtDmx and ArtSync. Numbers are little-endian in
the operation code and the port address, big-endian elsewhere.
"""

import struct

from smilesync.ids import Address
from smilesyncd.outputs.slots import UNIVERSE_CHANNELS, Rejected, Slots, split

PORT = 6454
UNIVERSE_MAX = 0x7FFF
"""A port address of 15 bits: net, sub-net and universe."""

FAREWELLS = 3
_HEADER = struct.Struct("<8sH")
_DMX = struct.Struct(">HBB")
_IDENTIFIER = b"Art-Net\0"
_OPERATION_DMX = 0x5000
_VERSION = 14
_START = 18
SYNC = _HEADER.pack(_IDENTIFIER, 0x5200) + bytes((0, _VERSION, 0, 0))


def encode(slots: Slots) -> bytes:
    """Return the ArtDmx datagram; its length is even, as the protocol wants it."""
    assert 0 <= slots.universe <= UNIVERSE_MAX
    assert 0 < len(slots.channels) <= UNIVERSE_CHANNELS
    channels = slots.channels + bytes(len(slots.channels) % 2)
    return b"".join(
        (
            _HEADER.pack(_IDENTIFIER, _OPERATION_DMX),
            _DMX.pack(_VERSION, slots.sequence or 0, 0),
            struct.pack("<H", slots.universe),
            struct.pack(">H", len(channels)),
            channels,
        )
    )


def decode(datagram: bytes) -> Slots:
    """Return what a datagram says. Raises Rejected for whatever is not light of a source."""
    if len(datagram) < _HEADER.size:
        raise Rejected("short")
    identifier, operation = _HEADER.unpack_from(datagram)
    if identifier != _IDENTIFIER:
        raise Rejected("not-artnet")
    if operation != _OPERATION_DMX:
        raise Rejected("not-light")  # polls, synchronisation, and much else
    if len(datagram) < _START:
        raise Rejected("short")
    version, sequence, _ = _DMX.unpack_from(datagram, _HEADER.size)
    (universe,) = struct.unpack_from("<H", datagram, 14)
    (size,) = struct.unpack_from(">H", datagram, 16)
    if version < _VERSION:
        raise Rejected("version")
    if universe > UNIVERSE_MAX:
        raise Rejected("range")
    if not 0 < size <= UNIVERSE_CHANNELS:
        raise Rejected("slot-count")
    if len(datagram) < _START + size:
        raise Rejected("length")
    # Some senders pad every datagram to 530 bytes; what lies behind the slots says nothing.
    return Slots(
        universe=universe,
        channels=datagram[_START : _START + size],
        sequence=sequence or None,
    )


class ArtNetStream:
    """Turns a strip's bytes into datagrams, universe after universe from `universe` on."""

    def __init__(self, to: Address, universe: int) -> None:
        self._to = to
        self._universe = universe
        self._sequence = 1

    def frame(self, pixels: bytes) -> list[tuple[bytes, Address]]:
        """Return the datagrams of one frame; with several universes the last one releases all."""
        datagrams: list[tuple[bytes, Address]] = []
        for universe, channels in enumerate(split(pixels), start=self._universe):
            slots = Slots(universe=universe, channels=channels, sequence=self._sequence)
            datagrams.append((encode(slots), self._to))
        if len(datagrams) > 1:
            datagrams.append((SYNC, self._to))
        # 0 would mean that nobody counts.
        self._sequence = self._sequence % 0xFF + 1
        return datagrams

    def farewell(self, pixels: bytes) -> list[tuple[bytes, Address]]:
        """Return the last frame three times: the protocol has no word for the end."""
        return [one for _ in range(FAREWELLS) for one in self.frame(pixels)]
