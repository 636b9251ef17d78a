"""Other people's programs at the other end: olad, sacn and stupidArtnet get our light."""

import sys
import time
from collections.abc import Iterator

import pytest
import sacn
from stupidArtnet import StupidArtnet, StupidArtnetServer

from analyser.trace import Report, Trace, gamma_light, judge, linear_light
from smilesync.light.sink import Codes
from smilesyncd.lamp import Lamp
from smilesyncd.outputs import artnet, e131
from smilesyncd.outputs.opening import Surroundings, open_lamp
from smilesyncd.outputs.stream import open_socket
from smilesyncd.outputs.strip import Strip
from smilesyncd.outputs.target import E131, ArtNet, Target
from support.guards import guarding
from support.listening import Listener, read_ddp
from support.olad import ADDRESS, Olad, missing, private_network, running_olad

LOCAL = "127.0.0.1"
RED: Codes = (90, 40, 30)
BLUE: Codes = (10, 20, 200)
BLACK: Codes = (0, 0, 0)
STROBE_SECONDS = 13
LEDS = 2
FOLLOWED_FRAMES = 8 * 40
"""Five seconds of darkness after the start, and three for light to arrive where it is asked for."""


@pytest.fixture(name="olad", scope="module")
def olad_in_its_own_network() -> Iterator[Olad]:
    if reason := missing("olad", "ola_patch", "setpriv"):
        pytest.skip(f"{reason}: our streams are not shown to olad")
    with private_network(), running_olad() as olad:
        yield olad


@pytest.fixture(name="network")
def a_network_of_its_own() -> Iterator[None]:
    if reason := missing():
        pytest.skip(f"{reason}: our streams are not shown to other libraries")
    with private_network():
        yield


def lamp_at(to: Target, strip: Strip | None = None, interface: str = "") -> Lamp:
    return open_lamp(to, strip or Strip(), Surroundings({}, time.monotonic_ns, interface))


def draw(lamp: Lamp, *codes: Codes) -> None:
    time.sleep(0.04)
    lamp.draw(codes, "", time.monotonic_ns())


@pytest.mark.parametrize("host", [LOCAL, ""], ids=["unicast", "multicast"])
def test_olad_gets_our_e131_and_darkness_at_its_end(olad: Olad, host: str) -> None:
    lamp = lamp_at(E131(1, host), Strip(zones=2), ADDRESS if not host else "")
    draw(lamp, RED, BLUE)

    assert olad.wait_for(1, [*RED, *BLUE]) == [*RED, *BLUE]

    draw(lamp, BLACK, BLACK)
    lamp.close()
    assert olad.wait_for(1, [0] * 6) == [0] * 6


def test_olad_gets_our_artnet(olad: Olad) -> None:
    lamp = lamp_at(ArtNet(2, LOCAL), Strip(zones=2))
    draw(lamp, RED, BLUE)

    assert olad.wait_for(2, [*RED, *BLUE]) == [*RED, *BLUE]

    draw(lamp, BLACK, BLACK)
    lamp.close()
    assert olad.wait_for(2, [0] * 6) == [0] * 6


@pytest.mark.parametrize(
    ("to", "universe"), [(E131(1, LOCAL), 1), (ArtNet(2, LOCAL), 2)], ids=["e131", "artnet"]
)
def test_olad_takes_the_first_of_our_several_universes(
    olad: Olad, to: Target, universe: int
) -> None:
    lamp = lamp_at(to, Strip(zones=2, leds=340))
    draw(lamp, BLUE, RED)

    assert olad.wait_for(universe, [*BLUE] * 170) == [*BLUE] * 170

    draw(lamp, BLACK, BLACK)
    lamp.close()


def test_at_olad_our_priority_wins_and_our_end_hands_back(olad: Olad) -> None:
    low = lamp_at(E131(1, LOCAL), Strip(priority=100))
    stream = e131.E131Stream((LOCAL, 5568), 1, priority=150, cid=b"h" * 16, name="high")
    for _ in range(3):
        draw(low, RED)
    assert olad.wait_for(1, RED) == [*RED]

    with open_socket("") as sock:
        for _ in range(3):
            for datagram, to in stream.frame(bytes(BLUE)):
                sock.sendto(datagram, to)
            draw(low, RED)
        assert olad.wait_for(1, BLUE) == [*BLUE]

        for datagram, to in stream.farewell(bytes(3)):
            sock.sendto(datagram, to)
    for _ in range(3):
        draw(low, RED)
    assert olad.wait_for(1, RED) == [*RED]
    draw(low, BLACK)
    low.close()


def strobe_at(seconds: float) -> bytes:
    """Return the frame of a 12 Hz strobe between full red and full blue."""
    return (b"\xff\0\0" if int(24 * seconds) % 2 else b"\0\0\xff") * LEDS


def watch_olad(olad: Olad, port: int, seconds: float) -> Trace:
    """Send the strobe to `port` and return what olad has, sampled as often as it answers."""
    trace, stream = Trace(), e131.E131Stream((LOCAL, port), 1, priority=100, cid=b"s" * 16, name="")
    begin_s = next_s = time.monotonic()
    with open_socket("") as sock:
        while (now_s := time.monotonic()) < begin_s + seconds:
            if now_s >= next_s:
                next_s = max(next_s + 1 / 44, now_s)
                for datagram, to in stream.frame(strobe_at(now_s - begin_s)):
                    sock.sendto(datagram, to)
            slots = olad.dmx(1)
            pixels = [(slots[at], slots[at + 1], slots[at + 2]) for at in range(0, 3 * LEDS, 3)]
            trace.add(time.monotonic_ns(), pixels)
        for datagram, to in stream.farewell(bytes(3 * LEDS)):
            sock.sendto(datagram, to)
    return trace


def judged(trace: Trace) -> Report:
    # Samples of a receiver show no single steps, so how fast light moves is not judged here.
    return judge(trace, observers=(linear_light, gamma_light), slew_seen_by=None)


@pytest.mark.slow
def test_a_strobe_reaches_olad_only_as_light_that_passes_the_analyser(olad: Olad) -> None:
    port = 5600
    words = ("--out", f"e131:1@{LOCAL}", "--leds", str(LEDS), "--json")
    with guarding(f"e131:1@{LOCAL}:{port}", *words) as process:
        trace = watch_olad(olad, port, STROBE_SECONDS)
        process.terminate()
        assert process.wait(10) == 0

    report = judged(trace)
    shown = {codes for _, codes in trace.frames}
    assert len(trace.frames) > 60 * STROBE_SECONDS, "sampled above the frame rate"
    assert report.violations == []
    assert len(shown) > 10, "something was shown"
    assert olad.wait_for(1, [0] * 6) == [0] * 6, "dark at the end"


def test_without_the_guard_the_analyser_sees_that_strobe_at_olad(olad: Olad) -> None:
    broken = judged(watch_olad(olad, 5568, 3)).limits_broken

    assert {"strict-1s", "strict-5s", "red-share"} <= broken


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("host", [LOCAL, ""], ids=["unicast", "multicast"])
def test_sacn_gets_our_light_and_our_end(host: str) -> None:
    receiver = sacn.sACNreceiver(bind_address="0.0.0.0")
    seen: list[tuple[int, ...]] = []
    states: list[str] = []
    receiver.register_listener("availability", lambda universe, changed: states.append(changed))
    receiver.register_listener("universe", lambda packet: seen.append(packet.dmxData), universe=9)
    receiver.start()
    if not host:
        receiver.join_multicast(9)
    try:
        lamp = lamp_at(E131(9, host), Strip(zones=2), ADDRESS if not host else "")
        draw(lamp, RED, BLUE)
        draw(lamp, BLACK, BLACK)
        lamp.close()
        until_s = time.monotonic() + 5
        while "timeout" not in states and time.monotonic() < until_s:
            time.sleep(0.01)
    finally:
        receiver.stop()

    assert tuple(seen[0][:6]) == (*RED, *BLUE)
    assert not any(seen[-1])
    assert states[:2] == ["available", "timeout"]


def stop(server: StupidArtnetServer) -> None:
    """End the server's thread and close its socket.

    Its own close() only asks: the thread sees that after one more datagram, or never, and leaves
    the socket open, which the garbage collector then reports in the middle of another test.
    """
    server.close()
    with open_socket("") as sock:
        while server.server_thread in sys._current_frames():
            sock.sendto(b"", (LOCAL, artnet.PORT))
            time.sleep(0.01)
    server.socket_server.close()


@pytest.mark.usefixtures("network")
def test_stupidartnet_gets_our_light() -> None:
    server = StupidArtnetServer()
    listener = server.register_listener(universe=3)
    lamp = lamp_at(ArtNet(3, LOCAL), Strip(zones=2))
    try:
        draw(lamp, RED, BLUE)
        until_s = time.monotonic() + 5
        while not server.get_buffer(listener) and time.monotonic() < until_s:
            time.sleep(0.01)
        assert list(server.get_buffer(listener)) == [*RED, *BLUE]
    finally:
        lamp.close()
        stop(server)


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("is_multicast", [False, True])
def test_the_guard_follows_sacn(is_multicast: bool) -> None:
    sender = sacn.sACNsender(ADDRESS if is_multicast else LOCAL, bind_port=5570, fps=40)
    sender.start()
    sender.activate_output(1)
    output = sender[1]
    output.multicast = is_multicast
    output.destination = LOCAL
    output.dmx_data = (0x10, 0x40, 0x60)
    try:
        with Listener() as receiver:
            # The guard joins on the interface that has this address.
            stream = f"e131:1@{ADDRESS}" if is_multicast else "e131:1"
            words = ("--out", f"ddp:{LOCAL}:{receiver.port}", "--leds", "1", "--rest", "dark")
            with guarding(stream, *words) as process:
                pixels = [read_ddp(receiver.take(1)[0])[1] for _ in range(FOLLOWED_FRAMES)]
                process.terminate()
                process.wait(10)
    finally:
        sender.stop()

    assert list(pixels[-1]) == pytest.approx((0x10, 0x40, 0x60), abs=1)


@pytest.mark.usefixtures("network")
def test_the_guard_follows_stupidartnet() -> None:
    sender = StupidArtnet(LOCAL, 5, 6)
    sender.set(bytearray((0x10, 0x40, 0x60, 0x20, 0x60, 0x30)))
    try:
        with Listener() as receiver:
            words = ("--out", f"ddp:{LOCAL}:{receiver.port}", "--leds", "2", "--rest", "dark")
            with guarding("artnet:5", *words) as process:
                for _ in range(FOLLOWED_FRAMES):
                    sender.show()
                    pixels = read_ddp(receiver.take(1)[0])[1]
                process.terminate()
                process.wait(10)
    finally:
        sender.close()

    assert list(pixels) == pytest.approx((0x10, 0x40, 0x60, 0x20, 0x60, 0x30), abs=1)
