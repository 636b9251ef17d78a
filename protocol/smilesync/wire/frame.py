"""What a UDP datagram looks like before anything is decrypted: header, packet types, limits.

SPEC section Frames. One message travels in one datagram, nothing is ever fragmented. The header
is clear text; in DATA packets it is also the associated data of the cipher, so that changing any
bit of it makes the packet worthless. Handshake contents are opaque here (`mesh/noise.py`).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from smilesync.errors import LocalError, Malformed

VERSION = 1
VERSIONS = (VERSION,)
"""The wire versions this implementation speaks, ascending."""

MAX_DATAGRAM_BYTES = 1200
HEADER_SIZE_BYTES = 14
TAG_SIZE_BYTES = 16
OVERHEAD_BYTES = HEADER_SIZE_BYTES + TAG_SIZE_BYTES
MAX_PLAINTEXT_BYTES = MAX_DATAGRAM_BYTES - OVERHEAD_BYTES
SIZE_PREFIX_BYTES = 2
MAX_MESSAGE_BYTES = MAX_PLAINTEXT_BYTES - SIZE_PREFIX_BYTES

PADDED_SIZES_BYTES = (128, 512, MAX_PLAINTEXT_BYTES)
"""Plaintext sizes of DATA: three lengths tell an observer little about what is said."""

NONCE_SIZE_BYTES = 16
MAC1_SIZE_BYTES = 16
COOKIE_SIZE_BYTES = 16
NO_COOKIE = bytes(COOKIE_SIZE_BYTES)
EPHEMERAL_SIZE_BYTES = 32
HS1_SIZE_BYTES_MIN = 256
HS2_SIZE_BYTES_MIN = HEADER_SIZE_BYTES + 32 + 48 + 16
HS2_SIZE_BYTES_MAX = HS1_SIZE_BYTES_MIN
HS3_SIZE_BYTES_MIN = HEADER_SIZE_BYTES + 48 + 16
VERSION_COUNT_MAX = 8

CONFIRM = 0
"""Size prefix of a DATA packet that carries no message: it shows that the keys work."""

CLOSE = 0xFFFF
"""Size prefix of a DATA packet that ends all sessions with its sender."""

HEADER = struct.Struct(">BBIQ")
_SIZE_PREFIX = struct.Struct(">H")
_PAD = bytes(MAX_PLAINTEXT_BYTES)
_MAC1_START = HEADER_SIZE_BYTES + NONCE_SIZE_BYTES
_COOKIE_START = _MAC1_START + MAC1_SIZE_BYTES
_VERSIONS_START = _COOKIE_START + COOKIE_SIZE_BYTES


class PacketType(IntEnum):
    """The low four bits of the first byte; 0 and 7 to 15 are reserved."""

    HS1 = 1
    HS2 = 2
    HS3 = 3
    DATA = 4
    COOKIE = 5
    VNEG = 6


DATA_FIRST_BYTE = VERSION << 4 | PacketType.DATA


@dataclass(frozen=True, slots=True)
class Header:
    """The 14 bytes in front; flags are ignored and therefore not kept."""

    version: int
    type: PacketType
    receiver_index: int
    counter: int


@dataclass(frozen=True, slots=True)
class Hello:
    """A first handshake packet, parsed but not yet believed.

    `prologue_versions` is the version list as carried, count byte included, because it enters the
    handshake transcript; `noise` is the Noise message, whose first 32 bytes are the ephemeral key.
    """

    nonce: bytes
    mac1: bytes
    cookie: bytes
    prologue_versions: bytes
    versions: tuple[int, ...]
    noise: bytes

    @property
    def ephemeral(self) -> bytes:
        """Return the initiator's ephemeral public key, which names this handshake."""
        return self.noise[:EPHEMERAL_SIZE_BYTES]


def parse_header(datagram: bytes) -> Header:
    """Return the header of a datagram of any version.

    Errors: Malformed FRM-001 (size), FRM-002 (no header), FRM-004 (unknown type).
    """
    if len(datagram) > MAX_DATAGRAM_BYTES:
        raise Malformed("FRM-001", "datagram longer than 1200 bytes")
    if len(datagram) < HEADER_SIZE_BYTES:
        raise Malformed("FRM-002", "datagram shorter than its header")
    first, _flags, receiver_index, counter = HEADER.unpack_from(datagram)
    version, number = first >> 4, first & 15
    if not PacketType.HS1 <= number <= PacketType.VNEG:
        raise Malformed("FRM-004", "reserved packet type")
    return Header(version, PacketType(number), receiver_index, counter)


def pack_header(kind: PacketType, receiver_index: int, counter: int = 0) -> bytes:
    """Return the 14 header bytes; VNEG alone carries version 0."""
    version = 0 if kind is PacketType.VNEG else VERSION
    return HEADER.pack(version << 4 | kind, 0, receiver_index, counter)


def pack_versions(versions: Sequence[int]) -> bytes:
    """Return a version list as HS1 and VNEG carry it: count, then the numbers ascending."""
    return bytes((len(versions), *versions))


def parse_versions(data: bytes) -> tuple[int, ...]:
    """Return the version list at the start of `data`; Malformed FRM-008 if it breaks the form."""
    count = data[0] if data else 0
    versions = tuple(data[1 : 1 + count])
    if not 1 <= count <= VERSION_COUNT_MAX or len(versions) != count:
        raise Malformed("FRM-008", "version list of wrong length")
    if versions[0] < 1 or versions[-1] > 15 or list(versions) != sorted(set(versions)):
        raise Malformed("FRM-008", "versions not ascending within 1 to 15")
    return versions


def mac1_input(datagram: bytes) -> bytes:
    """Return what `mac1` of a first handshake packet covers: the nonce, then all other bytes."""
    nonce = datagram[HEADER_SIZE_BYTES:_MAC1_START]
    return nonce + datagram[:HEADER_SIZE_BYTES] + datagram[_COOKIE_START:]


def mac1_fields(datagram: bytes) -> tuple[bytes, bytes]:
    """Return nonce and mac1 of a first handshake packet of any version; FRM-007 if too short."""
    if len(datagram) < HS1_SIZE_BYTES_MIN:
        raise Malformed("FRM-007", "first handshake packet shorter than 256 bytes")
    return datagram[HEADER_SIZE_BYTES:_MAC1_START], datagram[_MAC1_START:_COOKIE_START]


def parse_hello(datagram: bytes) -> Hello:
    """Return the fields of a version 1 HS1. Errors: Malformed FRM-006 to FRM-008."""
    nonce, mac1 = mac1_fields(datagram)
    _first, _flags, receiver_index, counter = HEADER.unpack_from(datagram)
    if receiver_index or counter:
        raise Malformed("FRM-006", "first handshake packet with an index or a counter")
    versions = parse_versions(datagram[_VERSIONS_START:])
    noise_start = _VERSIONS_START + 1 + len(versions)
    return Hello(
        nonce=nonce,
        mac1=mac1,
        cookie=datagram[_COOKIE_START:_VERSIONS_START],
        prologue_versions=datagram[_VERSIONS_START:noise_start],
        versions=versions,
        noise=datagram[noise_start:],
    )


def pack_hello(nonce: bytes, mac1: bytes, *, cookie: bytes, rest: bytes) -> bytes:
    """Return an HS1; `rest` is version list and Noise message."""
    return pack_header(PacketType.HS1, 0) + nonce + mac1 + cookie + rest


def hello_noise_size_bytes(versions: Sequence[int]) -> int:
    """Return how long the Noise message of an HS1 is so that the packet has 256 bytes."""
    return HS1_SIZE_BYTES_MIN - _VERSIONS_START - 1 - len(versions)


def pack_handshake(kind: PacketType, receiver_index: int, noise: bytes) -> bytes:
    """Return an HS2 or HS3: header and Noise message."""
    return pack_header(kind, receiver_index) + noise


def parse_handshake(datagram: bytes, size_bytes_min: int) -> bytes:
    """Return the Noise message of an HS2 or HS3; Malformed FRM-009 if it breaks the form."""
    _first, _flags, _receiver_index, counter = HEADER.unpack_from(datagram)
    if counter:
        raise Malformed("FRM-009", "handshake packet with a counter")
    if len(datagram) < size_bytes_min:
        raise Malformed("FRM-009", "handshake packet too short")
    return datagram[HEADER_SIZE_BYTES:]


def pack_cookie(receiver_index: int, nonce: bytes, cookie: bytes) -> bytes:
    """Return a COOKIE that answers the HS1 with this nonce."""
    return pack_header(PacketType.COOKIE, receiver_index) + nonce + cookie


def parse_cookie(datagram: bytes) -> tuple[bytes, bytes]:
    """Return nonce and cookie; Malformed FRM-012 if the size is wrong or the cookie is zero."""
    if len(datagram) != HEADER_SIZE_BYTES + NONCE_SIZE_BYTES + COOKIE_SIZE_BYTES:
        raise Malformed("FRM-012", "cookie packet of wrong size")
    cookie = datagram[_MAC1_START:]
    if cookie == NO_COOKIE:
        raise Malformed("FRM-012", "cookie of zeros")
    return datagram[HEADER_SIZE_BYTES:_MAC1_START], cookie


def pack_vneg(versions: Sequence[int]) -> bytes:
    """Return a VNEG: header and version list, nothing of the packet it answers."""
    return pack_header(PacketType.VNEG, 0) + pack_versions(versions)


def parse_vneg(datagram: bytes) -> tuple[int, ...]:
    """Return the versions a VNEG lists; Malformed FRM-013 for bytes after the list."""
    versions = parse_versions(datagram[HEADER_SIZE_BYTES:])
    if len(datagram) != HEADER_SIZE_BYTES + 1 + len(versions):
        raise Malformed("FRM-013", "version packet with trailing bytes")
    return versions


def pad_message(message: bytes) -> bytes:
    """Return the plaintext of DATA for one message: size, message, zeros up to a padded size.

    Errors: LocalError for an empty message or one over 1168 bytes.
    """
    size = len(message)
    if not 1 <= size <= MAX_MESSAGE_BYTES:
        raise LocalError(f"a message has 1 to {MAX_MESSAGE_BYTES} bytes, not {size}")
    used = size + SIZE_PREFIX_BYTES
    for padded in PADDED_SIZES_BYTES:
        if used <= padded:
            return _SIZE_PREFIX.pack(size) + message + _PAD[: padded - used]
    raise AssertionError("the largest padded size holds every message")


def pad_control(control: int) -> bytes:
    """Return the plaintext of a DATA packet without message: CONFIRM or CLOSE."""
    assert control in (CONFIRM, CLOSE)
    return _SIZE_PREFIX.pack(control) + _PAD[: PADDED_SIZES_BYTES[0] - SIZE_PREFIX_BYTES]


def unpad(plaintext: bytes) -> tuple[int, bytes]:
    """Return size prefix and message of a DATA plaintext (empty for CONFIRM and CLOSE).

    Errors: Malformed FRM-011 when the prefix names more bytes than there are.
    """
    if len(plaintext) < SIZE_PREFIX_BYTES:
        raise Malformed("FRM-011", "plaintext shorter than its size prefix")
    size = plaintext[0] << 8 | plaintext[1]
    if size == CLOSE:
        return size, b""
    end = SIZE_PREFIX_BYTES + size
    if end > len(plaintext):
        raise Malformed("FRM-011", "size prefix larger than the plaintext")
    return size, plaintext[SIZE_PREFIX_BYTES:end]
