"""Discovery on the local link by mDNS. What it finds is an address worth trying, nothing more.

zeroconf runs an event loop in a thread of its own. Its callbacks only hand an instance name over to
trio; everything that blocks is called from worker threads. Two habits of mDNS shape this module:
a neighbour's disappearance goes unnoticed for many minutes, so nothing is concluded from it; and
two devices that started apart from each other ask ever more rarely, so a lonely device announces
itself again every few seconds.
"""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import trio
from zeroconf import (
    Error,
    IPVersion,
    ServiceBrowser,
    ServiceInfo,
    ServiceStateChange,
    Zeroconf,
)

from smilesync.entropy import Entropy
from smilesync.ids import Address
from smilesync.mesh import announcement

SERVICE_TYPE = announcement.SERVICE_TYPE + ".local."
NAMES_WAITING_MAX = 64
ADDRESSES_PER_INSTANCE_MAX = 4
NS_PER_SECOND = 1_000_000_000
LONELY_SECONDS = announcement.LONELY_INTERVAL_NS / NS_PER_SECOND
RESTART_SECONDS = 30.0
LOOK_UP_MS = 1000
MDNS_ADDRESS = ("224.0.0.251", 5353)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What to announce and where to report. `interface` "" means wherever multicast goes.

    Announced is the first of `gate_keys`; whoever announces any of them is worth a dial.
    """

    interface: str
    port: int
    gate_keys: tuple[bytes, ...]
    entropy: Entropy
    on_address: Callable[[Address], None]
    is_lonely: Callable[[], bool]
    on_trouble: Callable[[str], None]


async def discover(discovery: Discovery) -> None:
    """Announce and browse until cancelled; trouble is reported and tried again, never raised."""
    while True:
        pause_s = LONELY_SECONDS
        try:
            if await _discover_once(discovery):
                pause_s = 0.0
        except* (OSError, Error) as group:
            discovery.on_trouble(f"mdns: {group.exceptions[0]!r}")
            pause_s = RESTART_SECONDS
        await trio.sleep(pause_s)


def own_address(interface: str) -> str | None:
    """Return the address to announce, None while there is no network. Sends nothing."""
    if interface:
        return interface
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(MDNS_ADDRESS)
        except OSError:
            return None
        return str(probe.getsockname()[0])


async def _discover_once(discovery: Discovery) -> bool:
    """Run until the own address changes; False at once while there is none."""
    address = own_address(discovery.interface)
    if address is None:
        return False
    zeroconf = await trio.to_thread.run_sync(
        lambda: Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    )
    try:
        session = _Session(discovery, zeroconf, address)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.look_up)
            await session.announce()
            nursery.cancel_scope.cancel()
    finally:
        # The goodbye must go out even when the daemon is being cancelled.
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(zeroconf.close)
    return True


class _Session:
    """One life of the zeroconf thread."""

    def __init__(self, discovery: Discovery, zeroconf: Zeroconf, address: str) -> None:
        self._discovery = discovery
        self._zeroconf = zeroconf
        self._address = address
        self._name = f"{announcement.instance_name(discovery.entropy)}.{SERVICE_TYPE}"
        self._token = trio.lowlevel.current_trio_token()
        self._send, self._receive = trio.open_memory_channel[str](NAMES_WAITING_MAX)

    async def announce(self) -> None:
        """Register, then announce again: often while lonely. Returns when the address changed."""
        info = self._info()
        await trio.to_thread.run_sync(self._zeroconf.register_service, info)
        due_s = self._next_announcement_s()
        while own_address(self._discovery.interface) == self._address:
            await trio.sleep(min(LONELY_SECONDS, max(0.0, due_s - trio.current_time())))
            # Loneliness may begin in the middle of a long pause, so it is looked at again.
            if trio.current_time() < due_s and not self._discovery.is_lonely():
                continue
            await trio.to_thread.run_sync(self._zeroconf.update_service, self._info())
            due_s = self._next_announcement_s()

    async def look_up(self) -> None:
        """Turn names into addresses."""
        browser = await trio.to_thread.run_sync(
            lambda: ServiceBrowser(self._zeroconf, SERVICE_TYPE, handlers=[self._on_change])
        )
        assert browser is not None
        async for name in self._receive:
            info = await trio.to_thread.run_sync(
                self._zeroconf.get_service_info, SERVICE_TYPE, name, LOOK_UP_MS
            )
            if info is not None:
                self._report(info)

    def _next_announcement_s(self) -> float:
        discovery = self._discovery
        pause_ns = announcement.next_announcement_ns(
            0, discovery.entropy, has_session=not discovery.is_lonely()
        )
        return trio.current_time() + pause_ns / NS_PER_SECOND

    def _report(self, info: ServiceInfo) -> None:
        port = info.port or 0
        record = {key: value or "" for key, value in info.decoded_properties.items()}
        if not port or not announcement.is_worth_dialling(record, self._discovery.gate_keys):
            return
        for text in info.parsed_addresses(IPVersion.V4Only)[:ADDRESSES_PER_INSTANCE_MAX]:
            if not ipaddress.IPv4Address(text).is_multicast:
                self._discovery.on_address((text, port))

    def _on_change(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        """Runs in zeroconf's thread: hand the name over and return."""
        if state_change is ServiceStateChange.Removed or name == self._name:
            return
        # When the daemon has ended, nobody wants the name any more.
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._post, name)

    def _post(self, name: str) -> None:
        # Discovery is lossy anyway, and announcements come again.
        with suppress(trio.WouldBlock, trio.BrokenResourceError):
            self._send.send_nowait(name)

    def _info(self) -> ServiceInfo:
        return ServiceInfo(
            SERVICE_TYPE,
            self._name,
            port=self._discovery.port,
            properties=announcement.text_record(
                self._discovery.gate_keys[0], self._discovery.entropy
            ),
            server=f"{self._name.partition('.')[0]}.local.",
            parsed_addresses=[self._address],
        )
