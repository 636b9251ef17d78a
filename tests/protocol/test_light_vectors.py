"""The published light vectors, read back as a stranger would read them."""

import hashlib
import json
from collections.abc import Mapping

import pytest

from smilesync.config import LightConfig
from smilesync.errors import Malformed
from smilesync.light.blend import Blend, Crossfade, Transition
from smilesync.light.composition import compose, pattern_source
from smilesync.light.conditions import check, extent_fault, faults
from smilesync.light.palette import (
    RAISED_COSINE,
    STATE_LINEAR,
    STATE_PERIOD_DS,
    decode_colour,
    mood_light,
)
from smilesync.light.pattern import decode, encode
from smilesync.light.prepare import prepare
from smilesync.light.render import Gamut
from smilesync.light.sink import Transfer
from support.vectors import FOLDER, Case, by_name, load
from vectors import make_light
from vectors.make_governor import Pixel, Segment, run
from vectors.writing import plain

Json = Mapping[str, object]


def given(case: Case) -> Json:
    return case["given"]


def number(values: Json, key: str) -> int:
    value = values[key]
    assert isinstance(value, int)
    return value


def numbers(values: Json, key: str) -> list[int]:
    value = values[key]
    assert isinstance(value, list)
    return value


def data(values: Json, key: str = "pattern") -> bytes:
    text = values[key]
    assert isinstance(text, str)
    return bytes.fromhex(text)


def blend(pattern: bytes, start_us: int, own_state: int) -> Blend:
    source = pattern_source(pattern, start_us, own_state)
    assert source is not None
    return compose(source, ((0, 0),), config=LightConfig(), gamut=Gamut())[0]


@pytest.mark.parametrize("area", ["palette", "pattern", "lint", "render", "governor"])
def test_the_files_are_what_their_generator_makes(area: str) -> None:
    assert (FOLDER / f"{area}.json").read_text(encoding="utf-8") == make_light.files()[area]


@pytest.mark.parametrize("case", load("palette"), ids=by_name)
def test_palette(case: Case) -> None:
    values, result = given(case), case["result"]
    if "state" in values:
        state = number(values, "state")
        assert list(STATE_LINEAR[state]) == result["light"]
        assert STATE_PERIOD_DS[state] == result["period_ds"]
    else:
        assert list(decode_colour(number(values, "code"))) == result["light"]


@pytest.mark.parametrize("case", load("pattern"), ids=by_name)
def test_pattern_is_read_or_rejected(case: Case) -> None:
    encoded = data(given(case))
    if case["expect"] == "reject":
        with pytest.raises(Malformed) as error:
            decode(encoded)
        assert error.value.rule == case["error"] == check(encoded)
    else:
        pattern = decode(encoded)
        assert encode(pattern) == encoded
        assert plain(pattern) == case["result"]["fields"]


@pytest.mark.parametrize("case", load("lint"), ids=by_name)
def test_lint_names_the_broken_condition(case: Case) -> None:
    values = given(case)
    pattern = decode(data(values))
    found = [fault.rule for fault in faults(pattern)]
    if "extent_cm" in values:
        fault = extent_fault(pattern, number(values, "extent_cm"))
        found += [fault.rule] if fault else []

    assert found == case["result"]["broken"]
    assert (case["expect"] == "reject") == bool(found)


@pytest.mark.parametrize("case", load("render"), ids=by_name)
def test_render(case: Case) -> None:
    values, result = given(case), case["result"]
    if not values:
        table = b"".join(entry.to_bytes(3, "big") for entry in RAISED_COSINE)
        assert hashlib.sha256(table).hexdigest() == result["sha256"]
    elif "valence" in values:
        assert (
            list(mood_light(number(values, "valence"), number(values, "arousal")))
            == (result["light"])
        )
    elif "position_cm" in values:
        _test_motif(values, result)
    else:
        _test_fades(values, result)


def _test_motif(values: Json, result: Json) -> None:
    place = None if values["position_cm"] is None else tuple(numbers(values, "position_cm"))
    red, green, blue = numbers(values, "own")
    motif = prepare(
        decode(data(values)),
        number(values, "start_us"),
        position_cm=place,
        own=(red, green, blue),
        gamut=Gamut(number(values, "luminance_max"), number(values, "channel_max")),
    )
    times_us = numbers(values, "times_us")
    assert [list(motif.at(time_us)) for time_us in times_us] == result["lights"]
    assert [motif.extremum_from(time_us) for time_us in times_us] == result["turns_us"]


def _test_fades(values: Json, result: Json) -> None:
    own_state = number(values, "own_state")
    incoming = blend(data(values), number(values, "start_us"), own_state)
    if "previous" in values:
        outgoing = blend(data(values, "previous"), number(values, "previous_start_us"), own_state)
        fade = Crossfade(
            outgoing,
            incoming,
            from_us=number(values, "fade_from_us"),
            fade_us=number(values, "fade_us"),
        )
        lights = [fade.at(time_us) for time_us in numbers(values, "times_us")]
        assert fade.join_us == result["join_us"]
    elif "origin" in values:
        red, green, blue = numbers(values, "origin")
        begin_us = number(values, "begin_us")
        local = Transition((red, green, blue), incoming, time_us=begin_us, begin_us=0)
        lights = [local.at(elapsed_us) for elapsed_us in numbers(values, "elapsed_us")]
        assert local.join_us == result["join_us"]
    else:
        lights = [incoming.at(time_us) for time_us in numbers(values, "times_us")]
    assert [list(light) for light in lights] == result["lights"]


@pytest.mark.parametrize("case", load("governor"), ids=by_name)
def test_governor_emits_these_codes(case: Case) -> None:
    document = json.loads(json.dumps(case["given"]))
    segments = [Segment(**segment) for segment in document["segments"]]
    pixels: list[Pixel] = segments[0].cycle[0]

    codes = run(
        segments,
        zones=len(pixels),
        transfer=Transfer(document["transfer"]),
        is_low_pass=document["low_pass"],
    )

    assert codes == case["result"]["codes"]
