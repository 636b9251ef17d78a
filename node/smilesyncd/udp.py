"""The UDP socket: woken by trio, drained in batches, never raising over what the network does.

Reading every waiting datagram at one wake-up costs a tenth of one wake-up for each.
"""

import socket
from dataclasses import dataclass

import trio

from smilesync.errors import SettingsError
from smilesync.ids import Address

DATAGRAM_BYTES_MAX = 2048
"""What is read at most; the link drops all that is longer than a frame, so more is waste."""

RECEIVE_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SocketStatistics:
    """Counters since the start."""

    received: int
    sent: int
    receive_errors: int
    send_errors: int


class UdpSocket:
    """One bound IPv4 UDP socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = 0
        self._sent = 0
        self._receive_errors = 0
        self._send_errors = 0

    @property
    def address(self) -> Address:
        """Where the socket is bound, with the port the system chose if 0 was asked for."""
        host, port = self._sock.getsockname()
        return str(host), int(port)

    async def wait_readable(self) -> None:
        """Return when a datagram waits; always a checkpoint."""
        await trio.lowlevel.wait_readable(self._sock)

    def receive_batch(self, limit: int) -> list[tuple[bytes, Address]]:
        """Return up to `limit` waiting datagrams. A socket error ends the batch and is counted."""
        batch: list[tuple[bytes, Address]] = []
        while len(batch) < limit:
            try:
                datagram, source = self._sock.recvfrom(DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                break
            except OSError:
                # An ICMP report of an earlier send comes back here; the next read works.
                self._receive_errors += 1
                break
            batch.append((datagram, source))
        self._received += len(batch)
        return batch

    def send(self, datagram: bytes, to: Address) -> None:
        """Send, or count the failure: a full buffer or a missing route is loss like any other."""
        try:
            self._sock.sendto(datagram, to)
        except (OSError, OverflowError):
            self._send_errors += 1
        else:
            self._sent += 1

    def statistics(self) -> SocketStatistics:
        """Return the counters."""
        return SocketStatistics(self._received, self._sent, self._receive_errors, self._send_errors)

    def close(self) -> None:
        """Free the port."""
        self._sock.close()


def bind(interface: str, port: int) -> UdpSocket:
    """Return a socket bound to `port` on the own IPv4 address `interface`, or on all ("").

    Errors: SettingsError that names the setting to change.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.bind((interface, port))
    except OSError as error:
        sock.close()
        raise SettingsError(
            f"cannot open UDP port {port} on {interface or 'all addresses'}: {error.strerror}; "
            "choose another port (--port) or own address (--interface)"
        ) from error
    return UdpSocket(sock)


async def resolve(host: str, port: int) -> Address | None:
    """Return the IPv4 address of `host`, None while its name cannot be resolved."""
    try:
        found = await trio.socket.getaddrinfo(
            host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM
        )
    except OSError:
        return None
    address = found[0][4]
    return str(address[0]), int(address[1])
