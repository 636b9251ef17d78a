"""The light vectors, by a reading of the text that shares no code with the product."""

import json

import pytest

from smilesync.wire import cbor
from spec.condition_reader import broken
from spec.light_reader import H, Light, Reader, Triple, colour, fitted, mood, rendered
from support.vectors import Case, by_name, load


def document(case: Case) -> tuple[dict[str, object], dict[str, object]]:
    whole = json.loads(json.dumps(case))
    return whole["given"], whole["result"]


@pytest.mark.parametrize("case", [c for c in load("palette") if "code" in c["given"]], ids=by_name)
def test_colour_codes_by_the_text(case: Case) -> None:
    code = case["given"]["code"]
    assert isinstance(code, int)

    assert list(colour(code)) == case["result"]["light"]


@pytest.mark.parametrize(
    "case", [c for c in load("render") if "position_cm" in c["given"]], ids=by_name
)
def test_rendering_by_the_text(case: Case) -> None:
    given = json.loads(json.dumps(case["given"]))
    fields = cbor.decode(bytes.fromhex(given["pattern"]))
    assert isinstance(fields, dict)
    codes = fields.get(7)
    own: Triple = tuple(given["own"])
    colours = [colour(c) for c in codes if isinstance(c, int)] if isinstance(codes, list) else [own]
    if fields[1] == 6:
        colours = [mood(*fields[16]), mood(*fields[17])]
    ready = fitted(colours, given["luminance_max"], given["channel_max"], fields[6])
    place = tuple(given["position_cm"]) if given["position_cm"] else None

    lights = [
        list(rendered(fields, ready, given["start_us"], place, time_us))
        for time_us in given["times_us"]
    ]

    assert lights == case["result"]["lights"]


@pytest.mark.parametrize(
    "case", [c for c in load("render") if "valence" in c["given"]], ids=by_name
)
def test_moods_by_the_text(case: Case) -> None:
    given, result = document(case)
    valence, arousal = given["valence"], given["arousal"]
    assert isinstance(valence, int)
    assert isinstance(arousal, int)

    assert list(mood(valence, arousal)) == result["light"]


@pytest.mark.parametrize("case", load("lint"), ids=by_name)
def test_conditions_by_the_text(case: Case) -> None:
    given, result = document(case)
    assert isinstance(given["pattern"], str)
    fields = cbor.decode(bytes.fromhex(given["pattern"]))
    assert isinstance(fields, dict)

    assert broken(fields, given.get("extent_cm")) == result["broken"]


def test_the_table_by_the_text() -> None:
    assert (H[0], H[1024], H[2048], len(H)) == (65536, 32768, 0, 4096)


@pytest.mark.parametrize("case", load("governor"), ids=by_name)
def test_governing_by_the_text(case: Case) -> None:
    given = json.loads(json.dumps(case["given"]))
    reader = Reader(given["zones"], given["transfer"], given["low_pass"])
    now_ns = 0
    shown = []
    for segment in given["segments"]:
        reader.do(segment.get("do", ""), segment.get("cap_thousandths", 0) / 1000)
        for frame in range(segment["frames"]):
            now_ns += segment["step_ns"]
            row = segment["cycle"][frame % len(segment["cycle"])]
            request: list[Light] = [_light(pixel) for pixel in row]
            codes = reader.frame(request, now_ns)
            shown.append(bytes(code for pixel in codes for code in pixel).hex())

    assert shown == case["result"]["codes"]


def _light(pixel: list[int | str]) -> Light:
    red, green, blue = (float(c) if isinstance(c, str) else c / 65535 for c in pixel)
    return red, green, blue
