"""A UDP socket on loopback that keeps what it gets, and readers of it written for the tests."""

import socket
from dataclasses import dataclass
from types import TracebackType


class Listener:
    """Receives on a free port of loopback until closed."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 0))
        self.sock.settimeout(5)
        self.port = int(self.sock.getsockname()[1])

    def __enter__(self) -> "Listener":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.sock.close()

    def take(self, count: int) -> list[bytes]:
        """Return the next `count` datagrams."""
        return [self.sock.recv(4096) for _ in range(count)]

    def is_quiet(self) -> bool:
        """Say whether nothing waits."""
        self.sock.setblocking(False)
        try:
            self.sock.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.sock.settimeout(5)
        return False


@dataclass(frozen=True, slots=True)
class DdpHeader:
    """The ten bytes in front of DDP data, bit by bit as the protocol's page numbers them."""

    version: int
    has_timecode: bool
    is_storage: bool
    is_reply: bool
    is_query: bool
    is_push: bool
    sequence: int
    is_customer_defined: bool
    type_number: int
    bits_per_element: int
    destination: int
    offset: int
    length: int


BITS_OF_SIZE = {0: 0, 1: 1, 2: 4, 3: 8, 4: 16, 5: 24, 6: 32}


def read_ddp(datagram: bytes) -> tuple[DdpHeader, bytes]:
    """Return header and data of a DDP datagram without a timecode."""
    flags, sequence, kind, destination = datagram[0], datagram[1], datagram[2], datagram[3]
    offset = datagram[4] << 24 | datagram[5] << 16 | datagram[6] << 8 | datagram[7]
    length = datagram[8] << 8 | datagram[9]
    header = DdpHeader(
        version=flags >> 6,
        has_timecode=bool(flags >> 4 & 1),
        is_storage=bool(flags >> 3 & 1),
        is_reply=bool(flags >> 2 & 1),
        is_query=bool(flags >> 1 & 1),
        is_push=bool(flags & 1),
        sequence=sequence & 0b1111,
        is_customer_defined=bool(kind >> 7),
        type_number=kind >> 3 & 0b111,
        bits_per_element=BITS_OF_SIZE[kind & 0b111],
        destination=destination,
        offset=offset,
        length=length,
    )
    assert not header.has_timecode
    assert flags >> 5 & 1 == 0, "reserved"
    assert len(datagram) == 10 + length
    return header, datagram[10:]
