"""What leaves a guard, whatever enters: judged by the analyser, on simulated time."""

import random
from collections.abc import Callable

import pytest

from analyser.trace import Report, Trace, gamma_light, judge, linear_light
from smilesync.light.sink import Codes, Transfer
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.guard import inputs
from smilesyncd.guard.inputs import Desk
from smilesyncd.guard.loop import Guard
from smilesyncd.guard.request import RESTS
from smilesyncd.guard.senders import SILENCE_NS_MAX
from smilesyncd.lamp import Counts
from smilesyncd.outputs import ddp, e131
from smilesyncd.outputs.slots import Slots
from smilesyncd.outputs.strip import Strip

FRAME_NS = NS_PER_SECOND // 40
HERE = ("127.0.0.1", 1)
RED, BLUE = bytes((255, 0, 0)), bytes((0, 0, 255))
WHITE, BLACK = b"\xff" * 3, bytes(3)


class Bench:
    """A guard, the trace of what it emitted, and a hand that sends to it."""

    def __init__(
        self,
        words: str = "e131:1",
        leds: int = 2,
        *,
        rest: str = "glow",
        order: str = "rgb",
        transfer: Transfer = Transfer.UNKNOWN,
    ) -> None:
        self.zones = leds
        self.sink = Strip(zones=leds, leds=leds).sink(transfer, leds)
        self.trace = Trace()
        self.counts = Counts()
        self.desk = Desk(inputs.parse(words), leds)
        self.guard = Guard(self.desk, self, rest=rest, order=order, now_ns=0)
        self.now_ns = 0
        self.sequence = 0

    def draw(
        self, codes: tuple[Codes, ...], caption: str, now_ns: int, *, is_falling: bool = False
    ) -> None:
        self.trace.add(now_ns, codes)

    def close(self) -> None:
        pass

    def send(self, pixels: bytes, *, universe: int = 1, **fields: int) -> None:
        self.sequence = (self.sequence + 1) % 256
        filled = {"sequence": self.sequence, "priority": 100} | fields
        one = Slots(universe, pixels, sender=bytes(16), **filled)
        self.desk.take(e131.encode(one, "test"), HERE, self.now_ns)

    def take(self, datagram: bytes) -> None:
        self.desk.take(datagram, HERE, self.now_ns)

    def run(self, seconds: float, before: Callable[[float], None] | None = None) -> None:
        """Emit frames for so long, calling `before` with the seconds gone before each."""
        begin_ns = self.now_ns
        for _ in range(int(seconds * NS_PER_SECOND / FRAME_NS)):
            self.now_ns += FRAME_NS
            if before is not None:
                before((self.now_ns - begin_ns) / NS_PER_SECOND)
            self.guard.step(self.now_ns)

    @property
    def codes(self) -> tuple[Codes, ...]:
        return self.trace.frames[-1][1]

    def judged(self) -> Report:
        # Slew is promised where the transfer is known to be linear.
        return judge(self.trace, observers=(linear_light, gamma_light), slew_seen_by=None)


def test_a_12_hz_red_and_blue_strobe_becomes_calm() -> None:
    bench = Bench()
    bench.run(12, lambda s: bench.send((RED if int(24 * s) % 2 else BLUE) * 2))

    report = bench.judged()

    assert report.violations == []
    assert any(any(code) for code in bench.codes)
    # Of the last frames, all were governed: a strobe never gets through.
    assert bench.guard.counts.governed > 400


def test_what_needs_no_governing_passes_unchanged() -> None:
    bench = Bench(transfer=Transfer.LINEAR)
    bench.run(12, lambda s: bench.send(bytes((10, 60, 90, 20, 30, 40))))

    assert [max(abs(a - b) for a, b in zip(x, y, strict=True)) for x, y in zip(
        bench.codes, ((10, 60, 90), (20, 30, 40)), strict=True
    )] <= [1, 1]  # fmt: skip


def test_the_senders_channel_order_is_undone() -> None:
    bench = Bench(leds=1, order="grb")
    bench.run(12, lambda s: bench.send(bytes((0x60, 0x20, 0x10))))

    ((red, green, blue),) = bench.codes
    assert abs(red - 0x20) <= 1
    assert abs(green - 0x60) <= 1
    assert abs(blue - 0x10) <= 1


@pytest.mark.parametrize("end", ["silence", "terminated"])
def test_a_lost_source_fades_to_a_steady_glow_and_is_never_stuck(end: str) -> None:
    bench = Bench()
    bench.run(12, lambda s: bench.send(WHITE * 2))
    bright = bench.codes
    if end == "terminated":
        bench.desk.take(
            e131.encode(Slots(1, WHITE, sender=bytes(16), sequence=0, is_terminated=True), "t"),
            HERE,
            bench.now_ns,
        )
    bench.run(8)
    glow = bench.codes
    bench.run(5)

    assert bench.judged().violations == []
    assert max(glow[0]) < max(bright[0]) / 2
    assert max(glow[0]) > 0
    assert bench.codes == glow, "the glow is steady"


@pytest.mark.parametrize("rest", RESTS)
def test_every_light_of_rest_is_shown_and_safe(rest: str) -> None:
    bench = Bench(rest=rest)
    bench.run(30)

    assert bench.judged().violations == []
    assert any(any(code) for code in bench.codes) is (rest != "dark")


def test_one_universe_may_rest_while_the_other_goes_on() -> None:
    bench = Bench("e131:1-2", 340, rest="dark")
    bench.run(9, lambda s: (bench.send(b"\x40" * 510), bench.send(b"\x40" * 510, universe=2))[0])
    lit = bench.codes
    bench.run(SILENCE_NS_MAX / NS_PER_SECOND + 6, lambda s: bench.send(b"\x40" * 510))

    assert max(lit[0]) > 50
    assert max(lit[339]) > 50
    assert max(bench.codes[0]) > 50
    assert bench.codes[339] == (0, 0, 0)


def test_fading_out_is_a_fall_that_ends_in_darkness() -> None:
    bench = Bench()
    bench.run(12, lambda s: bench.send(WHITE * 2))

    bench.guard.fall(bench.now_ns)
    bench.run(0.6, lambda s: bench.send(WHITE * 2))

    assert bench.guard.is_dark
    assert judge(bench.trace, observers=(linear_light,), slew_seen_by=None).violations == []


SHAPES = ("strobe", "noise", "short", "long", "stale", "nonsense", "two consoles", "bursts")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_stream_makes_it_flash(shape: str, seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    bench = Bench(leds=3)

    def bad(seconds: float) -> None:
        colour = rng.choice((RED, BLUE, WHITE, BLACK))
        match shape:
            case "strobe":
                bench.send((WHITE if int(seconds * rng.choice((6, 25))) % 2 else BLACK) * 3)
            case "noise":
                bench.send(rng.randbytes(9))
            case "short":
                bench.send(colour * 3 if rng.random() < 0.5 else colour[: rng.randint(1, 3)])
            case "long":
                bench.send(colour * rng.randint(1, 170))
            case "stale":
                bench.send(colour * 3, sequence=(bench.sequence - rng.randint(0, 40)) % 256)
            case "nonsense":
                bench.send(colour * 3)
                bench.take(rng.randbytes(rng.randint(0, 700)))
            case "two consoles":
                cid = rng.choice((b"a", b"b")) * 16
                priority = rng.choice((100, 100, 150))
                one = Slots(1, colour * 3, sender=cid, sequence=bench.sequence, priority=priority)
                bench.sequence = (bench.sequence + 1) % 256
                bench.take(e131.encode(one, "x"))
            case "bursts":
                if int(seconds) % 4 == 0:
                    for _ in range(8):
                        bench.send(rng.choice((WHITE, BLACK, RED)) * 3)

    bench.run(40, bad)

    report = bench.judged()
    assert report.violations == []
    assert report.worst[0] <= 2
    assert report.worst[1] <= 6


def test_a_ddp_stream_is_governed_too() -> None:
    bench = Bench("ddp", 500)

    def strobe(seconds: float) -> None:
        pixels = (WHITE if int(24 * seconds) % 2 else BLACK) * 500
        for datagram, _ in stream.frame(pixels):
            bench.take(datagram)

    stream = ddp.DdpStream(HERE)
    bench.run(8, strobe)

    assert bench.desk.dropped == {}
    assert len(set(bench.codes)) == 1, "all LEDs of a plain frame are alike"
    judged = Trace([(now_ns, codes[:1]) for now_ns, codes in bench.trace.frames])
    assert judge(judged, observers=(linear_light, gamma_light), slew_seen_by=None).violations == []


def test_the_analyser_sees_the_strobe_that_enters() -> None:
    """Without the governor the same frames break the limits: the judge is not blind."""
    trace = Trace()
    for index in range(400):
        seconds = index * FRAME_NS / NS_PER_SECOND
        trace.add(index * FRAME_NS, [(255, 0, 0) if int(24 * seconds) % 2 else (0, 0, 255)])

    broken = judge(trace, slew_seen_by=None).limits_broken

    assert {"red-share", "strict-1s", "wcag-red-1s"} <= broken
