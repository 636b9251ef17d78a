"""The bridge to mDNS without a network: what is reported, dropped and announced again."""

import threading
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock
from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf

from smilesync.entropy import Entropy
from smilesync.ids import Address
from smilesync.mesh import announcement
from smilesyncd import discovery, finding
from smilesyncd.discovery import SERVICE_TYPE, Discovery

GATE_KEY = b"k" * 32
OTHER_KEY = b"x" * 32


def instance(
    name: str, address: str = "192.0.2.9", port: int = 7412, key: bytes = GATE_KEY
) -> ServiceInfo:
    return ServiceInfo(
        SERVICE_TYPE,
        f"{name}.{SERVICE_TYPE}",
        port=port,
        properties=announcement.text_record(key, Entropy(name.encode())),
        parsed_addresses=[address],
    )


class FakeZeroconf:
    """Knows some instances; remembers what was announced, and from which threads."""

    def __init__(self) -> None:
        self.known = {
            info.name: info
            for info in (
                instance("friend"),
                instance("stranger", key=OTHER_KEY),
                instance("portless", port=0),
                instance("crowd", address="224.0.0.251"),
            )
        }
        self.announced: list[ServiceInfo] = []
        self.threads: set[int] = set()
        self.is_closed = False

    def register_service(self, info: ServiceInfo) -> None:
        self._note(info)

    def update_service(self, info: ServiceInfo) -> None:
        self._note(info)

    def get_service_info(self, kind: str, name: str, timeout_ms: int) -> ServiceInfo | None:
        self.threads.add(threading.get_ident())
        return self.known.get(name)

    def close(self) -> None:
        self.is_closed = True

    def _note(self, info: ServiceInfo) -> None:
        self.threads.add(threading.get_ident())
        self.announced.append(info)


class Bench:
    """Discovery with a fake zeroconf below and lists above."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.zeroconf = FakeZeroconf()
        self.found: list[Address] = []
        self.troubles: list[str] = []
        self.is_lonely = True
        self.handlers: list[object] = []
        monkeypatch.setattr(discovery, "Zeroconf", lambda **_: self.zeroconf)
        monkeypatch.setattr(discovery, "ServiceBrowser", self._browse)

    def offered(self) -> Discovery:
        return Discovery(
            interface="192.0.2.1",
            port=7412,
            gate_keys=(GATE_KEY,),
            entropy=Entropy(b"seed"),
            on_address=self.found.append,
            is_lonely=lambda: self.is_lonely,
            on_trouble=self.troubles.append,
        )

    def see(self, name: str, change: ServiceStateChange = ServiceStateChange.Added) -> None:
        """Call back as zeroconf does: from another thread."""
        [handler] = self.handlers
        assert callable(handler)
        full_name = f"{name}.{SERVICE_TYPE}"
        caller = threading.Thread(target=handler, args=(None, SERVICE_TYPE, full_name, change))
        caller.start()
        caller.join()

    def _browse(self, zeroconf: Zeroconf, kind: str, handlers: list[object]) -> object:
        self.handlers = handlers
        return object()


@pytest.mark.spec("DSC-006")
async def test_only_addresses_of_our_gate_that_can_be_reached_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(discovery.discover, bench.offered())
        with trio.fail_after(5):
            while not bench.handlers or not bench.zeroconf.announced:
                await trio.sleep(0.01)
            own = bench.zeroconf.announced[0].name.removesuffix("." + SERVICE_TYPE)
            for name in ("stranger", "portless", "crowd", "vanished", own, "friend"):
                bench.see(name)
            bench.see("friend", ServiceStateChange.Removed)
            while not bench.found:
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()

    assert bench.found == [("192.0.2.9", 7412)]
    assert bench.zeroconf.is_closed
    assert threading.get_ident() not in bench.zeroconf.threads
    bench.see("friend")


async def test_a_flood_of_names_is_dropped_not_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    looked_up: list[str] = []
    monkeypatch.setattr(
        bench.zeroconf, "get_service_info", lambda kind, name, _: looked_up.append(name)
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(discovery.discover, bench.offered())
        with trio.fail_after(5):
            while not bench.handlers:
                await trio.sleep(0.01)
            for number in range(1000):
                bench.see(f"flood{number}")
            await trio.sleep(0.3)
        nursery.cancel_scope.cancel()

    assert 1 <= len(looked_up) <= discovery.NAMES_WAITING_MAX + 2


@pytest.mark.spec("DSC-004", "DSC-007")
async def test_a_lonely_device_announces_itself_again_soon_with_another_nonce(
    monkeypatch: pytest.MonkeyPatch, mock_clock: MockClock
) -> None:
    bench = Bench(monkeypatch)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(discovery.discover, bench.offered())
        lonely = await announcements_within(bench, mock_clock, 60)
        bench.is_lonely = False
        await announcements_within(bench, mock_clock, 10)
        settled = await announcements_within(bench, mock_clock, 60)
        nursery.cancel_scope.cancel()

    nonces = {info.properties[b"n"] for info in bench.zeroconf.announced}
    assert 9 <= lonely <= 16
    assert settled <= 2
    assert len(nonces) == len(bench.zeroconf.announced)
    assert len({info.name for info in bench.zeroconf.announced}) == 1


@pytest.mark.spec("DSC-007")
async def test_a_new_own_address_is_announced_at_once(
    monkeypatch: pytest.MonkeyPatch, mock_clock: MockClock
) -> None:
    bench = Bench(monkeypatch)
    own: list[str | None] = ["192.0.2.1"]
    monkeypatch.setattr(discovery, "own_address", lambda interface: own[0])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(discovery.discover, bench.offered())
        await announcements_within(bench, mock_clock, 1)
        for address in (None, "192.0.2.2"):
            own[0] = address
            await announcements_within(bench, mock_clock, 14)
        nursery.cancel_scope.cancel()

    addresses = [info.parsed_addresses()[0] for info in bench.zeroconf.announced]
    assert addresses[0] == "192.0.2.1"
    assert addresses[-1] == "192.0.2.2"
    assert len({info.name for info in bench.zeroconf.announced}) == 2


async def announcements_within(bench: Bench, clock: MockClock, seconds: int) -> int:
    """Let virtual time pass in small steps; worker threads take real time in between."""
    before = len(bench.zeroconf.announced)
    for _ in range(seconds * 2):
        clock.jump(0.5)
        await trio.testing.wait_all_tasks_blocked(0.001)
    return len(bench.zeroconf.announced) - before


def test_addresses_that_worked_are_remembered_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / finding.FILE_NAME
    many: list[Address] = [("192.0.2.1", port) for port in range(1, 100)]

    finding.save(path, many)

    assert finding.load(path) == many[-finding.ADDRESSES_MAX :]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{", b"3", b"[" * 9000, b'[["a"], ["b", "c"], ["d", 0], 5]', b"\xff"]
)
def test_a_damaged_list_of_addresses_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / finding.FILE_NAME
    path.write_bytes(content)

    assert finding.load(path) == []


async def test_trouble_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    bench = Bench(monkeypatch)

    def fail(**_: object) -> FakeZeroconf:
        raise OSError("no multicast here")

    monkeypatch.setattr(discovery, "Zeroconf", fail)
    autojump_clock.autojump_threshold = 0.05

    with trio.move_on_after(100):
        await discovery.discover(bench.offered())

    assert 2 <= len(bench.troubles) <= 4
    assert "no multicast here" in bench.troubles[0]
