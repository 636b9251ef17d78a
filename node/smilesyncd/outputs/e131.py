"""E1.31 (streaming ACN): DMX universes in UDP, by unicast or by multicast.

A datagram is three nested layers, each with a length and a vector that says what is inside: root
(who sends), framing (universe, priority, sequence), DMP (the slots behind a start code).
Source: ANSI E1.31-2018, tables 4-1, 5-1, 6-1 and 7-1.
"""

import struct

from smilesync.ids import Address
from smilesyncd.outputs.slots import (
    PRIORITY_MAX,
    UNIVERSE_BYTES,
    UNIVERSE_CHANNELS,
    Rejected,
    Slots,
    split,
)

PORT = 5568
UNIVERSE_MAX = 63_999
CID_BYTES = 16
FAREWELLS = 3
"""A sender that ends says so three times, since any datagram may be lost."""

_ROOT = struct.Struct(">HH12sHI16s")
_FRAMING = struct.Struct(">HI64sBHBBH")
_DMP = struct.Struct(">HBBHHH")
_SYNC_FRAMING = struct.Struct(">HIBHH")
_START = _ROOT.size + _FRAMING.size + _DMP.size

_PREAMBLE = 0x0010
_IDENTIFIER = b"ASC-E1.17\0\0\0"
_FLAGS = 0x7000
_VECTOR_ROOT_DATA = 0x0000_0004
_VECTOR_ROOT_EXTENDED = 0x0000_0008
_VECTOR_FRAMING_DATA = 0x0000_0002
_VECTOR_FRAMING_SYNC = 0x0000_0001
_VECTOR_DMP_SET = 0x02
_DMP_ADDRESSES = 0xA1
_IS_PREVIEW = 0x80
_IS_TERMINATED = 0x40
_MAY_GO_ON_WITHOUT_SYNC = 0x20


def group(universe: int) -> str:
    """Return the multicast address of a universe."""
    return f"239.255.{universe >> 8}.{universe & 0xFF}"


def encode(slots: Slots, name: str, *, sync: int = 0) -> bytes:
    """Return the datagram; `slots.sender` is the 16-byte CID, `name` is for people.

    With `sync`, the universe of a synchronisation that follows, receivers wait for it with showing
    what they got; one that hears none any more shows it nevertheless.
    """
    assert len(slots.sender) == CID_BYTES
    assert 1 <= slots.universe <= UNIVERSE_MAX
    assert 0 < len(slots.channels) <= UNIVERSE_CHANNELS
    assert slots.sequence is not None
    size = _START + 1 + len(slots.channels)
    # Each length counts from the flags of its own layer to the end.
    root = _ROOT.pack(
        _PREAMBLE, 0, _IDENTIFIER, _FLAGS | size - 16, _VECTOR_ROOT_DATA, slots.sender
    )
    options = _IS_TERMINATED if slots.is_terminated else 0
    framing = _FRAMING.pack(
        _FLAGS | size - _ROOT.size,
        _VECTOR_FRAMING_DATA,
        name.encode("utf-8")[:63],
        slots.priority,
        sync,
        slots.sequence,
        options | (_MAY_GO_ON_WITHOUT_SYNC if sync else 0),
        slots.universe,
    )
    dmp = _DMP.pack(
        _FLAGS | size - _ROOT.size - _FRAMING.size,
        _VECTOR_DMP_SET,
        _DMP_ADDRESSES,
        0,
        1,
        1 + len(slots.channels),
    )
    return root + framing + dmp + b"\0" + slots.channels


def encode_sync(cid: bytes, universe: int, sequence: int) -> bytes:
    """Return the datagram that shows all at once what waits for the universe's synchronisation."""
    size = _ROOT.size + _SYNC_FRAMING.size
    root = _ROOT.pack(_PREAMBLE, 0, _IDENTIFIER, _FLAGS | size - 16, _VECTOR_ROOT_EXTENDED, cid)
    flags = _FLAGS | size - _ROOT.size
    return root + _SYNC_FRAMING.pack(flags, _VECTOR_FRAMING_SYNC, sequence, universe, 0)


def decode(datagram: bytes) -> Slots:
    """Return what a datagram says. Raises Rejected for whatever is not light of a source."""
    if len(datagram) < _ROOT.size:
        raise Rejected("short")
    preamble, postamble, identifier, flags, vector, cid = _ROOT.unpack_from(datagram)
    if (preamble, postamble, identifier) != (_PREAMBLE, 0, _IDENTIFIER):
        raise Rejected("not-e131")
    if vector == _VECTOR_ROOT_EXTENDED:
        raise Rejected("not-light")  # synchronisation, or a list of universes
    if vector != _VECTOR_ROOT_DATA:
        raise Rejected("vector")
    if len(datagram) < _START:
        raise Rejected("short")
    _check_length(flags, len(datagram) - 16)
    flags, vector, _, priority, _, sequence, options, universe = _FRAMING.unpack_from(
        datagram, _ROOT.size
    )
    _check_length(flags, len(datagram) - _ROOT.size)
    at = _ROOT.size + _FRAMING.size
    flags, dmp_vector, addresses, first, step, count = _DMP.unpack_from(datagram, at)
    _check_length(flags, len(datagram) - at)
    if (vector, dmp_vector, addresses) != (_VECTOR_FRAMING_DATA, _VECTOR_DMP_SET, _DMP_ADDRESSES):
        raise Rejected("vector")
    values = datagram[_START:]
    if (first, step, count) != (0, 1, len(values)) or len(values) > 1 + UNIVERSE_CHANNELS:
        raise Rejected("slot-count")
    if priority > PRIORITY_MAX or not 1 <= universe <= UNIVERSE_MAX:
        raise Rejected("range")
    if options & _IS_PREVIEW:
        raise Rejected("preview")
    # A source may end with no slots at all; light needs them, behind the start code of dimmers.
    if not options & _IS_TERMINATED and values[:1] != b"\0":
        raise Rejected("start-code")
    return Slots(
        universe=universe,
        channels=values[1:],
        sender=cid,
        sequence=sequence,
        priority=priority,
        is_terminated=bool(options & _IS_TERMINATED),
    )


def _check_length(flags: int, size: int) -> None:
    if flags != _FLAGS | size:
        raise Rejected("length")


class E131Stream:
    """Turns a strip's bytes into datagrams, universe after universe from `universe` on.

    Several universes are shown all at once, by a synchronisation on the first one. `to` None sends
    to each universe's own multicast group. `cid` is this sender's 16-byte number.
    """

    def __init__(
        self, to: Address | None, universe: int, *, priority: int, cid: bytes, name: str
    ) -> None:
        self._to = to
        self._universe = universe
        self._priority = priority
        self._cid = cid
        self._name = name
        self._sequence = 0

    def frame(self, pixels: bytes) -> list[tuple[bytes, Address]]:
        """Return the datagrams of one frame."""
        if len(pixels) <= UNIVERSE_BYTES:
            return self._datagrams(pixels)
        sync = encode_sync(self._cid, self._universe, self._sequence)
        return [*self._datagrams(pixels, sync=self._universe), (sync, self._where(self._universe))]

    def farewell(self, pixels: bytes) -> list[tuple[bytes, Address]]:
        """Return the last frame once more, then the end of the stream, three times."""
        datagrams = self.frame(pixels)
        for _ in range(FAREWELLS):
            datagrams += self._datagrams(pixels, is_terminated=True)
        return datagrams

    def _where(self, universe: int) -> Address:
        return self._to or (group(universe), PORT)

    def _datagrams(
        self, pixels: bytes, *, sync: int = 0, is_terminated: bool = False
    ) -> list[tuple[bytes, Address]]:
        datagrams: list[tuple[bytes, Address]] = []
        for universe, channels in enumerate(split(pixels), start=self._universe):
            slots = Slots(
                universe=universe,
                channels=channels,
                sender=self._cid,
                sequence=self._sequence,
                priority=self._priority,
                is_terminated=is_terminated,
            )
            datagrams.append((encode(slots, self._name, sync=sync), self._where(universe)))
        self._sequence = (self._sequence + 1) & 0xFF
        return datagrams
