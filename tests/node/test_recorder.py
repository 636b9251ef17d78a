"""Recordings of light: what is written, what is refused, and that they can be judged."""

import json
from pathlib import Path

import pytest

from smilesync.config import Config
from smilesync.errors import SettingsError
from smilesync.light.governor import Governor
from smilesync.light.sink import Codes, Transfer
from smilesyncd.analyser.recording import Recording, judge_lines
from smilesyncd.demo.recordings import gather
from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.outputs.opening import Surroundings, open_lamp
from smilesyncd.outputs.recorder import RecordLamp
from smilesyncd.outputs.strip import Strip
from smilesyncd.outputs.target import Record

FRAME_NS = NS_PER_SECOND // 30
RED: Codes = (0x5A, 0x28, 0x1E)
BLUE: Codes = (0x0A, 0x14, 0xC8)


def judged(path: Path) -> Recording:
    with path.open("rb") as file:
        return judge_lines(file)


def test_a_recording_begins_with_what_its_lamp_is(tmp_path: Path) -> None:
    strip = Strip(zones=2, leds=8, budget_ma=150)
    lamp = open_lamp(Record(tmp_path / "r"), strip, Surroundings({}, lambda: 1000))
    lamp.draw((RED, BLUE), "", 2000)
    lamp.draw((RED, BLUE), "", 3000, is_falling=True)
    lamp.close()

    header, *frames = map(json.loads, (tmp_path / "r").read_text().splitlines())

    assert header == {
        "trace": "smilesync-light",
        "version": 1,
        "device": "",
        "ns": 1000,
        "leds": 2,
        "observers": ["linear", "gamma-2.8"],
        "limits": {
            "luminance": 0.6,
            "floor": 0.002,
            "channel": pytest.approx(0.3287, abs=1e-4),
            "budget_ma": 150.0,
            "channel_ma": 18.0,
            "idle_ma": 1.0,
            "leds_per_zone": 4,
        },
    }
    assert frames == [
        {"device": "", "ns": 2000, "codes": "5a281e0a14c8"},
        {"device": "", "ns": 3000, "codes": "5a281e0a14c8", "fall": True},
    ]


@pytest.mark.parametrize(
    ("transfer", "observers"),
    [
        (Transfer.LINEAR, ["linear"]),
        (Transfer.SRGB, ["srgb"]),
        (Transfer.GAMMA_28, ["gamma-2.8"]),
    ],
)
def test_a_recording_says_who_sees_it(
    tmp_path: Path, transfer: Transfer, observers: list[str]
) -> None:
    RecordLamp(tmp_path / "r", Strip(transfer=transfer), 0).close()

    assert json.loads((tmp_path / "r").read_text())["observers"] == observers


def test_a_recording_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("precious")

    with pytest.raises(SettingsError, match="expected a file that does not exist yet"):
        RecordLamp(tmp_path / "r", Strip(), 0)
    with pytest.raises(SettingsError, match="in a folder to write to"):
        RecordLamp(tmp_path / "no" / "r", Strip(), 0)
    assert (tmp_path / "r").read_text() == "precious"


def test_a_full_disk_ends_the_recording_with_a_line_and_not_the_light(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lamp = RecordLamp(tmp_path / "r", Strip(), 0)
    assert lamp._file is not None
    lamp._file.close()
    lamp._file = Path("/dev/full").open("w", encoding="ascii")  # noqa: SIM115 - the lamp closes it

    for index in range(100):
        lamp.draw((RED,), "", index * FRAME_NS)
    lamp.close()

    assert capfd.readouterr().err.count("recording ended") == 1


def test_what_is_recorded_can_be_judged(tmp_path: Path) -> None:
    lamp = RecordLamp(tmp_path / "calm", Strip(zones=2), 0)
    raw = RecordLamp(tmp_path / "raw", Strip(zones=2), 0)
    governor = Governor(2, lamp.sink, Config().light, 0)
    for index in range(600):
        now_ns = index * FRAME_NS
        level = float(index // 3 % 2)
        lamp.draw(governor.step([(level, 0.0, level)] * 2, now_ns), "", now_ns)
        raw.draw(((int(255 * level),) * 3,) * 2, "", now_ns)  # type: ignore[arg-type] # three codes
    lamp.close()
    raw.close()

    found = judged(tmp_path / "raw").tracks[""].judge.found
    assert judged(tmp_path / "calm").is_safe
    assert "strict-1s" in {one.violation.limit for one in found}


def test_recordings_of_several_devices_become_one(tmp_path: Path) -> None:
    for name in ("0", "1"):
        lamp = RecordLamp(tmp_path / name, Strip(), 0)
        lamp.draw((BLUE,), "", FRAME_NS)
        lamp.close()
    with (tmp_path / "1").open("a") as file:
        file.write('{"ns": 99, "cod')
    devices = [("Ada", tmp_path / "0"), ("Bo", tmp_path / "1"), ("Cai", tmp_path / "2")]

    assert gather(devices, tmp_path / "all") == 2

    lines = [json.loads(line) for line in (tmp_path / "all").read_text().splitlines()]
    assert [line["device"] for line in lines] == ["Ada", "Ada", "Bo", "Bo"]
    assert set(judged(tmp_path / "all").tracks) == {"Ada", "Bo"}
