"""The governor's vectors: requests in segments, codes out, compared exactly.

A segment is `frames` frames, `step_ns` apart; its requests, of 65535, are cycled through. Text
stands for what JSON cannot say. `do` comes before the segment: off, on, fall, or a cap's name with
its luminance in thousandths. A governor starts at 0 ns; the first frame is one step later.
"""

from dataclasses import dataclass

from smilesync.config import LightConfig
from smilesync.light.caps import Cap
from smilesync.light.governor import Governor, Light
from smilesync.light.sink import Transfer, new_sink
from vectors.writing import Case, JsonValue

FRAME_NS = 33_333_334
LINEAR_MAX = 65535
NO_NUMBERS = ("nan", "inf", "-inf")

Pixel = list[int | str]
"""Red, green, blue of 65535, or text such as `nan`."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Some frames at an even pace; `cycle` is a list of requests, each a list of pixels."""

    frames: int
    cycle: list[list[Pixel]]
    step_ns: int = FRAME_NS
    do: str = ""
    cap_thousandths: int = 0

    def as_json(self) -> Case:
        """Return the segment as it stands in the file."""
        cycle: JsonValue = [[list[JsonValue](pixel) for pixel in row] for row in self.cycle]
        shown: Case = {"frames": self.frames, "step_ns": self.step_ns, "cycle": cycle}
        if self.do:
            shown["do"] = self.do
        if self.cap_thousandths:
            shown["cap_thousandths"] = self.cap_thousandths
        return shown


WHITE: Pixel = [65535, 65535, 65535]
HALF: Pixel = [32768, 32768, 32768]
DIM: Pixel = [3000, 3000, 3000]
BLACK: Pixel = [0, 0, 0]
RED: Pixel = [65535, 0, 0]
ORANGE: Pixel = [58000, 20000, 0]

BOOT = Segment(160, [[BLACK]])


def run(segments: list[Segment], *, zones: int, transfer: Transfer, is_low_pass: bool) -> list[str]:
    """Return the codes of every frame as hex, zone after zone."""
    governor = Governor(zones, new_sink(transfer), LightConfig(is_low_pass=is_low_pass), 0)
    now_ns = 0
    shown = []
    for segment in segments:
        _do(governor, segment, now_ns)
        for frame in range(segment.frames):
            now_ns += segment.step_ns
            row = segment.cycle[frame % len(segment.cycle)]
            codes = governor.step([_light(pixel) for pixel in row], now_ns)
            shown.append(bytes(code for pixel in codes for code in pixel).hex())
    return shown


def _do(governor: Governor, segment: Segment, now_ns: int) -> None:
    if segment.do in ("off", "on"):
        governor.set_off(segment.do == "off", now_ns)
    elif segment.do == "fall":
        governor.fall(now_ns)
    elif segment.do:
        governor.set_cap(Cap(segment.do), segment.cap_thousandths / 1000)


def _light(pixel: Pixel) -> Light:
    red, green, blue = (
        float(channel) if isinstance(channel, str) else channel / LINEAR_MAX for channel in pixel
    )
    return red, green, blue


def governor_cases() -> list[Case]:
    """Return every case: each rule at work at least once, with and without the low-pass."""
    lit = [BOOT, Segment(90, [[HALF]])]
    blink = Segment(300, [[WHITE]] * 3 + [[BLACK]] * 3)
    bad: list[Pixel] = [["nan", 20000, "inf"], [-5, "-inf", 70000], [900000, 9, 9]]
    stair = [[HALF, DIM, BLACK]] * 8 + [[BLACK, HALF, DIM]] * 8 + [[DIM, BLACK, HALF]] * 8
    rows: list[tuple[str, str, list[Segment]]] = [
        ("dark for five seconds", "GOV-011 GOV-009", [Segment(200, [[HALF]])]),
        ("strobe at 5 Hz", "GOV-008 GOV-009 GOV-017", [BOOT, blink]),
        (
            "red is covered",
            "GOV-016 GOV-007",
            [BOOT, Segment(60, [[RED]]), Segment(60, [[ORANGE]])],
        ),
        ("no numbers", "GOV-002", [BOOT, Segment(60, [[pixel] for pixel in bad])]),
        ("luminance limit", "GOV-004", [BOOT, Segment(90, [[WHITE]])]),
        ("gap of two seconds", "GOV-005", [*lit, Segment(5, [[DIM]], step_ns=2_000_000_000)]),
        ("60 frames per second", "GOV-005 GOV-006", [*lit, Segment(120, [[DIM]], 16_666_667)]),
        ("forced fall", "GOV-012", [*lit, Segment(120, [[HALF]], do="fall")]),
        (
            "off and on",
            "GOV-014",
            [*lit, Segment(5, [[HALF]], do="off"), Segment(200, [[HALF]], do="on")],
        ),
        ("night", "GOV-003", [*lit, Segment(150, [[HALF]], do="night", cap_thousandths=200)]),
        (
            "light held above a cap",
            "GOV-013",
            [BOOT, Segment(107, blink.cycle), Segment(90, [[WHITE]], do="heat", cap_thousandths=1)],
        ),
    ]
    cases = [
        _case(name, req, segments, transfer=Transfer.LINEAR, is_low_pass=is_low_pass)
        for name, req, segments in rows
        for is_low_pass in (False, True)
    ]
    for transfer in (Transfer.SRGB, Transfer.GAMMA_28, Transfer.UNKNOWN):
        name = f"strobe on a {transfer.value} sink"
        cases.append(
            _case(name, "GOV-018 GOV-007", [BOOT, blink], transfer=transfer, is_low_pass=True)
        )
    boot = Segment(160, [[BLACK] * 3])
    turns = [boot, Segment(300, stair)]
    cases.append(
        _case("three zones", "GOV-010", turns, transfer=Transfer.LINEAR, is_low_pass=False)
    )
    return cases


def _case(
    name: str, req: str, segments: list[Segment], *, transfer: Transfer, is_low_pass: bool
) -> Case:
    zones = len(segments[0].cycle[0])
    given: Case = {
        "zones": zones,
        "transfer": transfer.value,
        "low_pass": is_low_pass,
        "segments": [segment.as_json() for segment in segments],
    }
    codes = run(segments, zones=zones, transfer=transfer, is_low_pass=is_low_pass)
    title = f"{name}, {'with' if is_low_pass else 'without'} low-pass"
    head: Case = {"name": title, "req": list[JsonValue](req.split()), "given": given}
    return head | {"expect": "accept", "result": {"codes": list[JsonValue](codes)}}
