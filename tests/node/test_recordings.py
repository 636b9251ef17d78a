"""Recordings of light: what is written is read, what is wrong is named, what flashes is found."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.light.governor import Governor
from smilesyncd.analyser.recording import NoRecording, Recording, frame_line, header_line
from smilesyncd.analyser.recording import judge_lines as judge_bytes
from smilesyncd.main import main
from support.lightlab import FRAME_NS, SHARP, UNKNOWN, hostile

HEADER = header_line(2, ["linear"], 0)
FRAME = frame_line(5, [(1, 1, 1), (2, 2, 2)])


def judge_lines(lines: list[str]) -> Recording:
    return judge_bytes(line.encode() for line in lines)


def strobe(rate_hz: int, *, device: str = "") -> list[str]:
    lines = [header_line(1, ["linear"], 0, device=device)]
    for frame in range(120):
        level = 100 * (frame * rate_hz * 2 // 30 % 2)
        lines.append(frame_line(frame * FRAME_NS, [(level,) * 3], device=device))
    return lines


def governed(seed: int, *, frames: int = 900, budget: float | None = None) -> list[str]:
    """Record a governor under attack, with its off button mashed and its power cut once."""
    chance = random.Random(seed)
    limits = {"budget_ma": budget, "idle_ma": 1.0} if budget is not None else {}
    lines, now_ns = [], 0
    for _ in range(2):
        governor = Governor(3, UNKNOWN, SHARP, now_ns)
        request = hostile(chance, 3)
        lines.append(header_line(3, ["linear", "gamma-2.8"], now_ns, limits=limits))
        for frame in range(frames):
            now_ns += FRAME_NS
            if chance.random() < 0.01:
                governor.set_off(chance.random() < 0.4, now_ns)
            codes = governor.step(request(frame, governor), now_ns)
            lines.append(frame_line(now_ns, codes, is_falling=governor.is_falling))
    return lines


@pytest.mark.spec("GOV-017")
@pytest.mark.parametrize("seed", range(4))
def test_what_a_governor_emitted_is_inside_every_limit(seed: int) -> None:
    recording = judge_lines(governed(seed))

    assert recording.is_safe, f"seed {seed}: {recording.tracks[''].judge.found[0]}"
    assert recording.tracks[""].starts == 2
    assert recording.tracks[""].judge.peak_luminance > 0.1


@pytest.mark.spec("GOV-012")
def test_without_its_marks_a_mashed_off_button_is_one_transition_too_many() -> None:
    lines = [line.replace(', "fall": true', "") for line in governed(1)]

    broken = {found.violation.limit for found in judge_lines(lines).tracks[""].judge.found}

    assert broken == {"strict-1s", "strict-5s"}
    anywhere = [line.replace('"limits"', '"falls": "anywhere", "limits"') for line in lines]
    assert judge_lines(anywhere).is_safe


@pytest.mark.spec("GOV-012")
@pytest.mark.parametrize("is_rising", [False, True])
def test_the_mark_of_a_fall_counts_for_nothing_while_any_zone_rises(is_rising: bool) -> None:
    levels = [0] * 60 + [*range(1, 16)] + [15] * 80
    levels += [*range(15, 0, -1), *range(1, 16), *range(15, -1, -1)]
    lines = [header_line(2, ["linear"], 0)]
    for frame, level in enumerate(levels):
        other = max(0, frame - 120) if is_rising else 0
        codes = [(level,) * 3, (other,) * 3]
        lines.append(frame_line(frame * FRAME_NS // 2, codes, is_falling=True))

    broken = {found.violation.limit for found in judge_lines(lines).tracks[""].judge.found}

    assert broken == ({"strict-1s"} if is_rising else set())


def test_a_strobe_is_found_among_innocent_devices() -> None:
    calm = [header_line(1, ["srgb"], 0, device="calm")]
    calm += [frame_line(n * FRAME_NS, [(60, 60, 60)], device="calm") for n in range(120)]
    mixed = [line for pair in zip(calm, strobe(5, device="strobe"), strict=False) for line in pair]

    recording = judge_lines(mixed)

    assert not recording.tracks["calm"].judge.found
    limits = {found.violation.limit for found in recording.tracks["strobe"].judge.found}
    assert {"strict-1s", "wcag-general-1s", "slew"} <= limits


def test_a_recording_cannot_loosen_the_published_limits() -> None:
    bright = header_line(1, ["linear"], 0, limits={"luminance": 0.9, "floor": 0.5})
    lines = [bright] + [frame_line(n * FRAME_NS, [(min(250, n // 2),) * 3]) for n in range(600)]

    limits = {found.violation.limit for found in judge_lines(lines).tracks[""].judge.found}

    assert limits == {"luminance"}


def test_current_is_judged_by_the_brightest_observer() -> None:
    lines = [header_line(2, ["gamma-2.8", "linear"], 0, limits={"budget_ma": 20, "idle_ma": 1})]
    lines += [frame_line(n * FRAME_NS, [(n, n, n), (0, 0, 0)]) for n in range(100)]

    found = judge_lines(lines).tracks[""].judge.found

    assert {one.violation.limit for one in found} == {"current"}
    assert min(one.violation.time_ns for one in found) == 86 * FRAME_NS


def test_received_frames_may_be_missing_and_codes_may_be_wide() -> None:
    wide = HEADER.replace('"leds": 2', '"leds": 1, "bits": 16, "frames": "received"')
    lines = [wide, '{"ns": 0, "codes": "000000000000"}\n', '{"ns": 9, "codes": "400040004000"}\n']

    assert judge_lines(lines).is_safe
    assert not judge_lines([lines[0].replace("received", "emitted"), *lines[1:]]).is_safe


def test_a_device_that_starts_again_had_lost_its_power() -> None:
    lines = [header_line(1, ["linear"], 0)]
    for frame in range(60):
        lines.append(frame_line(frame * FRAME_NS, [(min(100, 2 * frame),) * 3]))
    again = [*lines, header_line(1, ["linear"], 60 * FRAME_NS)]

    recording = judge_lines([*again, frame_line(61 * FRAME_NS, [(0, 0, 0)])])

    assert recording.is_safe
    assert recording.tracks[""].judge.worst == (2, 2)


BAD: list[tuple[str, list[str], str]] = [
    ("empty", [], "line 1: expected a header"),
    ("noise", ["\x00\xff\n"], "line 1: expected one JSON object"),
    ("deep", ["[" * 100_000 + "\n"], "line 1: expected one JSON object"),
    ("no header", [FRAME], "line 1: device: expected one with a header before"),
    ("no frames", [HEADER], "expected at least one frame"),
    ("blank line", [HEADER, "\n", FRAME], "line 2: expected one JSON object"),
    ("other kind", [HEADER.replace("smilesync-light", "x"), FRAME], "line 1: trace, version"),
    ("version 2", [HEADER.replace('"version": 1', '"version": 2'), FRAME], "trace, version"),
    ("unknown key", [HEADER.replace('"leds"', '"led": 1, "leds"'), FRAME], "'led': no such key"),
    ("no leds", [HEADER.replace('"leds": 2', '"leds": 0'), FRAME], "leds: expected an integer"),
    ("leds true", [HEADER.replace('"leds": 2', '"leds": true'), FRAME], "leds: expected"),
    ("observer", [HEADER.replace('"linear"', '"eye"'), FRAME], "observers: expected a list"),
    ("observers", [HEADER.replace('["linear"]', "[]"), FRAME], "observers: expected a list"),
    (
        "device",
        [HEADER.replace('"device": ""', '"device": 7'), FRAME],
        "device: expected printable text",
    ),
    (
        "escape",
        [HEADER.replace('"device": ""', '"device": "\\u001b[2J"'), FRAME],
        "device: expected",
    ),
    ("limits", [HEADER.replace('"limits": {}', '"limits": 3'), FRAME], "limits: expected"),
    (
        "limit",
        [HEADER.replace('"limits": {}', '"limits": {"luminance": NaN}'), FRAME],
        "limits.luminance: expected a number",
    ),
    ("falls", [HEADER.replace('"limits"', '"falls": "x", "limits"'), FRAME], "falls: expected"),
    ("short codes", [HEADER, FRAME.replace("0101", "01")], "codes: expected 12 hexadecimal"),
    ("odd codes", [HEADER, FRAME.replace("0101", "0g01")], "codes: expected 12 hexadecimal"),
    ("codes a number", [HEADER, '{"ns": 1, "codes": 5}\n'], "codes: expected 12 hexadecimal"),
    (
        "wide codes",
        [HEADER.replace('"leds"', '"bits": 4, "leds"'), FRAME.replace("0101", "1001")],
        "codes: expected codes of 4 bits",
    ),
    ("time", [HEADER, FRAME, FRAME.replace('"ns": 5', '"ns": 4')], "line 3: ns: expected at least"),
    ("time missing", [HEADER, FRAME.replace('"ns": 5, ', "")], "line 2: ns: expected an integer"),
    ("fall", [HEADER, FRAME.replace("}", ', "fall": 1}')], "line 2: fall: expected true or false"),
    (
        "header changes",
        [HEADER, FRAME, HEADER.replace('"leds": 2', '"leds": 3')],
        "line 3: leds, bits, observers",
    ),
    ("long line", [" " * 1_100_000 + "\n"], "line 1: expected at most"),
]


@pytest.mark.parametrize(("name", "lines", "message"), BAD, ids=[row[0] for row in BAD])
def test_what_is_no_recording_is_named_by_line_and_field(
    name: str, lines: list[str], message: str
) -> None:
    with pytest.raises(NoRecording) as error:
        judge_lines(lines)

    assert message in str(error.value)


@given(st.lists(st.text(max_size=60), max_size=6), st.booleans())
def test_noise_is_no_recording_and_never_anything_else(noise: list[str], has_header: bool) -> None:
    lines = ([HEADER, FRAME] if has_header else []) + [line + "\n" for line in noise]
    try:
        judge_lines(lines)
    except NoRecording:
        return
    assert has_header


def test_a_line_that_was_cut_off_is_forgiven_at_the_end_only(tmp_path: Path) -> None:
    whole = judge_lines([HEADER, FRAME])
    cut = judge_lines([HEADER, FRAME, FRAME[:20]])

    assert (whole.is_cut, cut.is_cut) == (False, True)
    assert cut.tracks[""].judge.frames == 1
    with pytest.raises(NoRecording):
        judge_lines([HEADER, FRAME[:20], FRAME])


def test_lint_judges_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, broken = tmp_path / "good.jsonl", tmp_path / "bad.jsonl", tmp_path / "broken.jsonl"
    good.write_text("".join(governed(3)))
    bad.write_text("".join(strobe(5, device="a3")))
    broken.write_text(HEADER + "{}\n")

    assert main(["lint", "--trace", str(good)]) == 0
    assert "safe: nothing flashes" in capsys.readouterr().out
    assert main(["lint", "--trace", str(bad)]) == 1
    told = capsys.readouterr().out
    assert "NOT safe" in told
    assert "a3: visible transitions in one second (strict-1s), " in told
    assert "times, first at 0.3" in told
    assert main(["lint", "--json", "--trace", str(bad)]) == 1
    listed = json.loads(capsys.readouterr().out)
    assert not listed["is_safe"]
    assert {one["limit"] for one in listed["devices"]["a3"]["beyond"]} >= {"strict-1s"}
    assert main(["lint", "--trace", str(broken)]) == 2
    assert "line 2: codes: expected" in capsys.readouterr().err
    assert main(["lint", "--trace", str(tmp_path)]) == 2
    assert main(["lint", "--trace", str(tmp_path / "none")]) == 2


def test_lint_wants_one_thing_to_look_at(tmp_path: Path) -> None:
    for words in ([], ["a1", "--trace", "x"]):
        with pytest.raises(SystemExit) as ended:
            main(["lint", *words])
        assert ended.value.code == 2
