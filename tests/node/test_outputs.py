"""Lamps beyond the terminal: what leaves the device, what is dropped, how it ends, who owns it."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from smilesync.config import Config
from smilesync.errors import SettingsError
from smilesync.light.governor import Governor
from smilesync.light.sink import Codes, Transfer
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.lamp import Lamp
from smilesyncd.outputs import e131, spi
from smilesyncd.outputs.opening import Surroundings, ignored, open_lamp
from smilesyncd.outputs.stream import LATE_NS_MAX, StreamLamp
from smilesyncd.outputs.strip import LEDS_MAX, RATE_HZ_MIN, Layout, Strip
from smilesyncd.outputs.target import (
    E131,
    Apa102,
    ArtNet,
    Ddp,
    Nowhere,
    Record,
    Target,
    Terminal,
    target,
)
from support.listening import Listener, read_ddp

FRAME_NS = NS_PER_SECOND // 30
RED: Codes = (90, 40, 30)
BLUE: Codes = (10, 20, 200)
BLACK: Codes = (0, 0, 0)


def unknown_host(*arguments: object, **options: object) -> None:
    """Stand in for the system's look-up, which would ask the network."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class Clock:
    """Local time that stands where it is put."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def opened(to: Target, strip: Strip | None = None, clock: Clock | None = None) -> Lamp:
    world = Surroundings({}, clock or Clock(), "127.0.0.1")
    return open_lamp(to, strip or Strip(), world)


def stream_lamp(to: Target, strip: Strip | None = None, clock: Clock | None = None) -> StreamLamp:
    made = opened(to, strip, clock)
    assert isinstance(made, StreamLamp)
    return made


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ddp:wled.local", Ddp("wled.local", 4048)),
        ("ddp:10.0.0.7:4050", Ddp("10.0.0.7", 4050)),
        ("e131:1", E131(1, "", 5568)),
        ("e131:63999@10.0.0.7", E131(63_999, "10.0.0.7", 5568)),
        ("e131:2@10.0.0.7:5570", E131(2, "10.0.0.7", 5570)),
        ("artnet:0@2.255.255.255", ArtNet(0, "2.255.255.255", 6454)),
        ("apa102:0.1", Apa102(0, 1)),
        ("none", Nowhere()),
    ],
)
def test_the_words_for_an_output(words: str, expected: Target) -> None:
    assert target(words) == expected


def test_zones_share_the_leds_and_the_strip_has_its_order() -> None:
    layout = Layout(2, 4, "grb")

    laid = layout.lay(((1, 2, 3), (4, 5, 6)))

    assert laid == b"\2\1\3" * 2 + b"\5\4\6" * 2


def test_a_strip_drives_as_many_zones_as_it_can_but_not_too_many() -> None:
    assert Strip(leds=8).zones_or(1) == 8
    assert Strip(leds=300).zones_or(1) == 15
    assert Strip(leds=300, zones=5).zones_or(1) == 5
    assert Strip().zones_or(1) == 1


@pytest.mark.spec("GOV-010")
@pytest.mark.parametrize("leds", [*range(1, 100), 144, 150, 1511, LEDS_MAX])
def test_the_mean_that_the_governor_bounds_is_the_mean_of_all_leds(leds: int) -> None:
    zones = Strip(leds=leds).zones_or(1)
    codes: tuple[Codes, ...] = tuple((zone * 7 % 256,) * 3 for zone in range(zones))

    laid = Layout(zones, leds, "rgb").lay(codes)

    assert zones == max(one for one in range(1, 17) if leds % one == 0)
    assert len(laid) == 3 * leds
    assert sum(laid) * zones == sum(sum(zone) for zone in codes) * leds


def test_the_governor_knows_the_supply_and_that_a_receiver_may_bend_the_light() -> None:
    sink = Strip(leds=8, budget_ma=150).sink(Transfer.UNKNOWN, 8)

    assert len(sink.observers) == 2
    assert sink.channel_max(8) == pytest.approx(0.3287, abs=1e-4)
    assert len(Strip(transfer=Transfer.LINEAR).sink(Transfer.UNKNOWN, 1).observers) == 1


def test_a_ddp_lamp_sends_each_led_its_zone() -> None:
    with Listener() as receiver:
        lamp = stream_lamp(Ddp("127.0.0.1", receiver.port), Strip(zones=2, leds=4))

        lamp.draw((RED, BLUE), "", 0)
        (datagram,) = receiver.take(1)
        lamp.close()

    assert read_ddp(datagram)[1] == bytes(RED) * 2 + bytes(BLUE) * 2


@pytest.mark.spec("OUT-004")
def test_an_e131_lamp_ends_with_darkness_and_three_terminations() -> None:
    with Listener() as receiver:
        strip = Strip(priority=150)
        lamp = stream_lamp(E131(9, "127.0.0.1", receiver.port), strip)

        lamp.draw((RED,), "", 0)
        lamp.draw((BLACK,), "", FRAME_NS)
        lamp.close()
        read = [e131.decode(datagram) for datagram in receiver.take(6)]
        lamp.close()

        assert receiver.is_quiet()
    assert [slots.channels for slots in read] == [bytes(RED)] + [bytes(3)] * 5
    assert [slots.is_terminated for slots in read] == [False] * 3 + [True] * 3
    assert [slots.sequence for slots in read] == list(range(6))
    assert {(slots.universe, slots.priority) for slots in read} == {(9, 150)}


@pytest.mark.spec("OUT-004")
def test_a_lamp_that_is_closed_while_lit_leaves_black_behind() -> None:
    with Listener() as receiver:
        lamp = stream_lamp(Ddp("127.0.0.1", receiver.port))
        lamp.draw((RED,), "", 0)
        lamp.close()
        last = receiver.take(4)[-1]

    assert read_ddp(last)[1] == bytes(3)


def test_two_starts_are_two_senders() -> None:
    with Listener() as receiver:
        for _ in range(2):
            lamp = stream_lamp(E131(9, "127.0.0.1", receiver.port))
            lamp.draw((RED,), "", 0)
            lamp.close()
        read = [e131.decode(datagram) for datagram in receiver.take(10)]

    assert len({slots.sender for slots in read}) == 2


@pytest.mark.spec("OUT-001")
def test_a_late_frame_is_dropped_and_the_next_one_sent() -> None:
    clock = Clock()
    with Listener() as receiver:
        lamp = stream_lamp(Ddp("127.0.0.1", receiver.port), clock=clock)

        clock.now_ns = LATE_NS_MAX + 1
        lamp.draw((RED,), "", 0)
        assert receiver.is_quiet()
        lamp.draw((BLUE,), "", clock.now_ns)
        (datagram,) = receiver.take(1)
        lamp.close()

    assert read_ddp(datagram)[1] == bytes(BLUE)
    assert (lamp.counts.late, lamp.counts.sent) == (1, 1)


@pytest.mark.spec("OUT-001")
@pytest.mark.parametrize("rate_hz", [RATE_HZ_MIN, 25, 30, 60])
def test_no_decision_waits_longer_for_its_frame_than_the_governor_allows(rate_hz: int) -> None:
    with Listener() as receiver:
        lamp = stream_lamp(Ddp("127.0.0.1", receiver.port), Strip(rate_hz=rate_hz))
        waiting_ns, waited_ns = 0, 0

        for now_ns in range(0, 60 * FRAME_NS, FRAME_NS):
            sent = lamp.counts.sent
            lamp.draw((RED,), "", now_ns)
            if lamp.counts.sent > sent:
                waited_ns, waiting_ns = max(waited_ns, now_ns - waiting_ns), now_ns + FRAME_NS
        lamp.close()

    assert waited_ns <= LATE_NS_MAX


@pytest.mark.parametrize(("rate_hz", "least", "most"), [(20, 19, 21), (30, 30, 30), (60, 30, 30)])
def test_no_more_frames_are_sent_than_the_rate_allows(rate_hz: int, least: int, most: int) -> None:
    with Listener() as receiver:
        strip = Strip(rate_hz=rate_hz)
        lamp = stream_lamp(Ddp("127.0.0.1", receiver.port), strip)

        for index in range(30):
            # Frames come a little early and a little late.
            lamp.draw((BLUE,), "", index * FRAME_NS + (-1) ** index * 3_000_000)
        sent = lamp.counts.sent
        lamp.close()

    assert least <= sent <= most


@pytest.mark.spec("OUT-002")
def test_a_network_that_is_full_drops_the_rest_of_a_frame_and_never_raises() -> None:
    class Full(socket.socket):
        room = 1

        def sendto(self, *arguments: object) -> int:
            self.room -= 1
            if self.room < 0:
                raise BlockingIOError
            return 0

    lamp = stream_lamp(E131(1, "127.0.0.1"), Strip(zones=2, leds=400))
    lamp._sock.close()
    lamp._sock = full = Full(socket.AF_INET, socket.SOCK_DGRAM)

    lamp.draw((RED, BLUE), "", 0)

    assert full.room == -1, "nothing was tried after the first datagram that failed"
    assert (lamp.counts.sent, lamp.counts.lost) == (0, 1)
    lamp.close()


@pytest.mark.parametrize(
    ("to", "message"),
    [
        (Ddp("no-such-host.invalid"), "output no-such-host.invalid: .*; expected a host"),
        (Apa102(0, 0), "the package spidev is missing; run: pip install"),
    ],
)
def test_an_output_that_cannot_be_had_is_named(
    to: Target, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spidev", None)
    monkeypatch.setattr(socket, "getaddrinfo", unknown_host)

    with pytest.raises(SettingsError, match=message):
        opened(to)


def test_an_interface_that_is_not_ours_is_named() -> None:
    with pytest.raises(SettingsError, match=r"interface: 192.0.2.1: .*; expected an IPv4 address"):
        open_lamp(Ddp("127.0.0.1"), Strip(), Surroundings({}, Clock(), "192.0.2.1"))


class FakeSpi:
    """Stands in for a port of `spidev`: keeps what is written, or fails."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_failing = False
        self.opened: tuple[int, int] | None = None
        self.max_speed_hz = self.mode = -1

    def open(self, bus: int, device: int) -> None:
        if bus > 0:
            raise FileNotFoundError(2, "No such file or directory")
        self.opened = bus, device

    def writebytes2(self, values: bytes) -> None:
        if self.is_failing:
            raise TimeoutError
        self.written.append(bytes(values))

    def close(self) -> None:
        self.opened = None


@pytest.fixture(name="port")
def fake_port(monkeypatch: pytest.MonkeyPatch) -> FakeSpi:
    port, module = FakeSpi(), ModuleType("spidev")
    made: Callable[[], FakeSpi] = lambda: port  # noqa: E731 - a class, as far as the caller knows
    vars(module)["SpiDev"] = made
    monkeypatch.setitem(sys.modules, "spidev", module)
    return port


def test_an_apa102_strip_gets_start_leds_and_end(port: FakeSpi) -> None:
    lamp = opened(Apa102(0, 0), Strip(zones=2))

    lamp.draw((RED, BLUE), "", 0)

    assert port.opened == (0, 0)
    assert (port.mode, port.max_speed_hz) == (0, 4_000_000)
    start, leds, end = bytes(4), b"\xff\x1e\x28\x5a" + b"\xff\xc8\x14\x0a", bytes(5)
    assert port.written == [start + leds + end]
    assert len(lamp.sink.observers) == 1, "the strip is linear"
    lamp.close()
    lamp.close()
    assert port.written[1:] == [start + b"\xff\0\0\0" * 2 + end]
    assert port.opened is None


def test_the_end_clocks_the_last_led_of_any_strip() -> None:
    """Each LED passes the clock on half a period late, so n LEDs need n / 2 clocks more."""
    for leds in (1, 16, 17, 144, 1530):
        end = len(spi.encode(bytes(3 * leds))) - 4 - 4 * leds

        assert 8 * (end - 4) >= leds / 2


def test_a_port_that_fails_loses_the_frame(port: FakeSpi) -> None:
    lamp = opened(Apa102(0, 0))
    port.is_failing = True

    lamp.draw((RED,), "", 0)

    assert (lamp.counts.sent, lamp.counts.lost) == (0, 1)
    lamp.close()


def test_a_device_that_is_not_there_is_named_and_its_owner_free(port: FakeSpi) -> None:
    for _ in range(2):
        with pytest.raises(SettingsError, match=r"apa102:1\.0: No such file.*/dev/spidev1\.0"):
            opened(Apa102(1, 0))


def test_what_a_governor_emits_is_what_leaves() -> None:
    """Nothing after the governor changes a value: every byte sent is a code it emitted."""
    clock, strip = Clock(), Strip(zones=3, leds=3)
    with Listener() as receiver:
        lamp = stream_lamp(Ddp("127.0.0.1", receiver.port), strip, clock)
        governor = Governor(3, lamp.sink, Config().light, 0)
        emitted: list[bytes] = []
        received: list[bytes] = []
        for index in range(400):
            clock.now_ns = index * FRAME_NS
            level = 1.0 if index // 3 % 2 else 0.0
            codes = governor.step([(level, level / 2, 0.3)] * 3, clock.now_ns)
            emitted.append(b"".join(bytes(code) for code in codes))
            lamp.draw(codes, "", clock.now_ns)
            received.append(read_ddp(receiver.take(1)[0])[1])
        lamp.close()

    assert received == emitted
    assert len(set(emitted)) > 5


def test_broken_hosts_leave_no_descriptor_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(3):
        with pytest.raises(SettingsError):
            opened(Ddp("no-such-host.invalid"))

    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("to", "unused"),
    [
        (Terminal(), ["leds", "channel_order", "transfer", "budget_ma", "priority"]),
        (Nowhere(), ["leds", "channel_order", "transfer", "budget_ma", "priority"]),
        (Record(Path("light")), ["channel_order", "priority"]),
        (Ddp("h"), ["priority"]),
        (E131(1), []),
    ],
)
def test_settings_that_an_output_has_no_use_for_are_named(to: Target, unused: list[str]) -> None:
    strip = Strip(7, 14, "grb", 900, Transfer.LINEAR, priority=120)

    assert ignored(to, strip) == unused
    assert ignored(to, Strip(zones=7)) == []
