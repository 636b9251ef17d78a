"""A lamp at the end of a network: codes that passed the governor, as datagrams, or not at all.

A frame that comes late or finds no room is dropped, never queued: a burst after a stall would show
in a moment what the governor spread over seconds. The governor allows for 50 ms of jitter between
its decision and the emission, so that is how late a frame may be. Of a frame in several datagrams
the rest is dropped with the first that fails, so that what shows all at once (push, sync) never
shows a torn frame. Source: SPEC section Outputs.
"""

import ipaddress
import socket
from collections.abc import Callable
from typing import Protocol

from smilesync.config import LightConfig
from smilesync.errors import SettingsError
from smilesync.ids import Address
from smilesync.light.sink import Codes, Sink
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.lamp import Counts
from smilesyncd.outputs.owner import Owner
from smilesyncd.outputs.strip import Layout

LATE_NS_MAX = LightConfig().jitter_ns


class Stream(Protocol):
    """One protocol's way to send a strip."""

    def frame(self, pixels: bytes) -> list[tuple[bytes, Address]]:
        """Return the datagrams that show these bytes."""

    def farewell(self, pixels: bytes) -> list[tuple[bytes, Address]]:
        """Return the datagrams that end the stream with these bytes shown."""


class StreamLamp:
    """Sends frames by UDP, at most `rate_hz` a second, and never waits."""

    def __init__(
        self,
        stream: Stream,
        layout: Layout,
        *,
        sink: Sink,
        zones: int,
        rate_hz: int,
        sock: socket.socket,
        owner: Owner,
        now_ns: Callable[[], int],
    ) -> None:
        self.sink = sink
        self.zones = zones
        self.counts = Counts()
        self._stream = stream
        self._layout = layout
        self._period_ns = NS_PER_SECOND // rate_hz
        self._sock = sock
        self._owner = owner
        self._clock_ns = now_ns
        self._next_ns = 0

    def draw(
        self, codes: tuple[Codes, ...], caption: str, now_ns: int, *, is_falling: bool = False
    ) -> None:
        """Send the frame that the governor decided on at `now_ns`, if it is not late by now."""
        # Half a period of grace: frames that come as often as they may are all sent.
        grace_ns = self._period_ns // 2
        if now_ns < self._next_ns - grace_ns:
            return
        if self._clock_ns() - now_ns > LATE_NS_MAX:
            self.counts.late += 1
            return
        self._next_ns = max(self._next_ns + self._period_ns, now_ns + grace_ns)
        self.counts.add(is_sent=self._send(self._stream.frame(self._layout.lay(codes))))

    def close(self) -> None:
        """End the stream, in black: whoever draws has let the light fall before, if it could."""
        if self._sock.fileno() < 0:
            return
        self._send(self._stream.farewell(self._layout.lay(((0, 0, 0),) * self.zones)))
        self._sock.close()
        self._owner.close()

    def _send(self, datagrams: list[tuple[bytes, Address]]) -> bool:
        try:
            for datagram, to in datagrams:
                self._sock.sendto(datagram, to)
        except OSError:
            return False
        return True


def open_socket(interface: str) -> socket.socket:
    """Return a socket that sends from the own address `interface`, or from any ("").

    Errors: SettingsError if that is no address of this machine.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if interface:
            sock.bind((interface, 0))
            own = socket.inet_aton(interface)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
    except OSError as error:
        sock.close()
        raise SettingsError(
            f"interface: {interface}: {error.strerror}; expected an IPv4 address of this machine"
        ) from error
    return sock


def find(host: str, port: int) -> Address:
    """Return the IPv4 address of `host`. Errors: SettingsError if its name is unknown."""
    try:
        found = socket.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise SettingsError(
            f"output {host}: {error.strerror}; expected a host that can be found now, or its "
            "IPv4 address"
        ) from error
    address = found[0][4]
    return str(address[0]), int(address[1])


def is_local(host: str) -> bool:
    """Say whether `host` is this machine; False if its name is unknown."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def is_shared(host: str) -> bool:
    """Say whether what is sent to the address `host` may reach several receivers."""
    if ipaddress.IPv4Address(host).is_multicast or host.endswith(".255"):
        return True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent. A broadcast is denied to a socket that did not ask for it.
            probe.connect((host, 9))
        except PermissionError:
            return True
        except OSError:
            return False
    return False
