"""What `smilesync guard --in` may say, the sockets behind it, and datagrams sorted by universe."""

import socket
from collections.abc import Callable
from dataclasses import dataclass

import trio

from smilesync.errors import SettingsError
from smilesync.ids import Address
from smilesyncd.expectations import Unexpected, interface
from smilesyncd.guard.senders import Universe, is_behind, is_repeated
from smilesyncd.outputs import artnet, ddp, e131
from smilesyncd.outputs.slots import UNIVERSE_LEDS, Rejected, Slots
from smilesyncd.outputs.strip import LEDS_MAX
from smilesyncd.outputs.target import host_and_port, number
from smilesyncd.udp import DATAGRAM_BYTES_MAX, RECEIVE_BUFFER_BYTES

UNIVERSES_MAX = 9
BATCH = 256
"""What one wake-up reads at most; the newest of each universe wins, so nothing queues up."""

FORMS = (
    "e131:UNIVERSE[-UNIVERSE][@ADDRESS[:PORT]], artnet:UNIVERSE[-UNIVERSE][@ADDRESS[:PORT]] or "
    "ddp[:[ADDRESS:]PORT]"
)
_DECODERS: dict[str, Callable[[bytes], Slots]] = {
    "e131": e131.decode,
    "artnet": artnet.decode,
    "ddp": ddp.decode,
}


@dataclass(frozen=True, slots=True)
class Input:
    """A stream to receive. `address` is an own one, empty for all; DDP is universe 0 alone."""

    protocol: str
    first: int
    last: int
    address: str
    port: int

    @property
    def universes(self) -> range:
        return range(self.first, self.last + 1)

    @property
    def reach(self) -> int:
        """Return how many LEDs the input can light at most."""
        return LEDS_MAX if self.protocol == "ddp" else UNIVERSE_LEDS * len(self.universes)

    def sizes(self, leds: int) -> list[int]:
        """Return how many of `leds` LEDs each universe lights."""
        if self.protocol == "ddp":
            return [leds]
        return [
            max(0, min(UNIVERSE_LEDS, leds - index * UNIVERSE_LEDS))
            for index in range(len(self.universes))
        ]


def parse(given: str) -> Input:
    """Return the input that the words stand for. Raises Unexpected."""
    protocol, _, rest = given.partition(":")
    if protocol == "ddp":
        own, _, given = rest.rpartition(":")
        own_port = number(given, 1, 65_535, "a port") if rest else ddp.PORT
        return Input("ddp", 0, 0, interface(own), own_port)
    if protocol not in _DECODERS:
        raise Unexpected(FORMS)
    universes, at, where = rest.partition("@")
    low, high = (1, e131.UNIVERSE_MAX) if protocol == "e131" else (0, artnet.UNIVERSE_MAX)
    usual = e131.PORT if protocol == "e131" else artnet.PORT
    begin, dash, end = universes.partition("-")
    first = number(begin, low, high, "a universe")
    last = number(end, low, high, "a universe") if dash else first
    if not first <= last < first + UNIVERSES_MAX:
        raise Unexpected(f"the first and the last of 1 to {UNIVERSES_MAX} universes, e.g. 1-4")
    address, port = host_and_port(where, usual) if at else ("", usual)
    return Input(protocol, first, last, interface(address), port)


class Desk:
    """Sorts datagrams: each to its universe, or to the reason for which it was dropped."""

    def __init__(self, stream: Input, leds: int) -> None:
        self._decode = _DECODERS[stream.protocol]
        is_numbered = stream.protocol != "ddp"
        is_stale = is_behind if is_numbered else is_repeated
        self.universes = {
            universe: Universe(size, is_stale, is_whole=is_numbered)
            for universe, size in zip(stream.universes, stream.sizes(leds), strict=True)
        }
        self.received = 0
        self.dropped: dict[str, int] = {}

    def take(self, datagram: bytes, source: Address, now_ns: int) -> None:
        """Take one datagram; whatever it holds, nothing is raised."""
        try:
            slots = self._decode(datagram)
            universe = self.universes.get(slots.universe)
            if universe is None:
                raise Rejected("other-universe")  # noqa: TRY301 - counted like what decoders refuse
            universe.take(slots.sender or source[0].encode("ascii"), slots, now_ns)
        except Rejected as reason:
            self.dropped[str(reason)] = self.dropped.get(str(reason), 0) + 1
        else:
            self.received += 1


class InputSocket:
    """Receives the datagrams of one input. Errors: SettingsError if the port cannot be had.

    `warning` says why multicast could not be joined; unicast is received all the same.
    """

    def __init__(self, stream: Input) -> None:
        self.warning = ""
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._sock.setblocking(False)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            is_multicast = stream.protocol == "e131"
            # Other programs of this machine may listen to the same multicast; what is sent to one
            # address is never shared.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(is_multicast))
            # A socket bound to one address gets no multicast, so the address only chooses the
            # network to join on; unless it is loopback, where there are no others to keep out.
            is_local = stream.address.startswith("127.")
            bound = "" if is_multicast and not is_local else stream.address
            self._sock.bind((bound, stream.port))
        except OSError as error:
            self._sock.close()
            where = stream.address or "all addresses"
            raise SettingsError(
                f"--in: UDP port {stream.port} on {where}: {error.strerror}; expected an own "
                "address and a port that no other program holds"
            ) from error
        if is_multicast and not is_local:
            self._join(stream)

    async def wait_readable(self) -> None:
        """Return when a datagram waits; always a checkpoint."""
        await trio.lowlevel.wait_readable(self._sock)

    def receive_batch(self) -> list[tuple[bytes, Address]]:
        """Return what waits, up to a batch."""
        batch: list[tuple[bytes, Address]] = []
        while len(batch) < BATCH:
            try:
                datagram, source = self._sock.recvfrom(DATAGRAM_BYTES_MAX)
            except OSError:  # nothing more waits, or an earlier send was reported undeliverable
                break
            batch.append((datagram, (str(source[0]), int(source[1]))))
        return batch

    def close(self) -> None:
        """Free the port."""
        self._sock.close()

    def _join(self, stream: Input) -> None:
        own = socket.inet_aton(stream.address or "0.0.0.0")  # noqa: S104 - an interface, not a bind
        try:
            for universe in stream.universes:
                joined = socket.inet_aton(e131.group(universe)) + own
                self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
        except OSError as error:
            self.warning = f"no multicast here ({error.strerror}); unicast is received"
