"""Writes palette, pattern, lint, render and governor vectors: `python -m vectors.make_light`.

Run it from the repository's root with protocol and tests on the path. It draws nothing at random,
so that the files are the same wherever they are made; a test makes them again and compares.
"""

import hashlib
from dataclasses import replace

from smilesync.config import LightConfig
from smilesync.errors import Malformed
from smilesync.light.blend import Blend, Crossfade, Transition
from smilesync.light.composition import Position, compose, pattern_source
from smilesync.light.conditions import extent_fault, faults
from smilesync.light.palette import (
    RAISED_COSINE,
    STATE_CODE,
    STATE_LINEAR,
    STATE_PERIOD_DS,
    Linear,
    decode_colour,
    mood_light,
)
from smilesync.light.pattern import Kind, Pattern, Step, decode, encode
from smilesync.light.prepare import prepare
from smilesync.light.render import Gamut
from smilesync.wire import cbor
from vectors.make_governor import governor_cases
from vectors.writing import FOLDER, Case, JsonValue, plain, text_of

BREATHE = Pattern(Kind.BREATHE, 255, 60, colours=(20027,), period_ds=40, depth=204, sharpness=1)
WAVE = replace(BREATHE, kind=Kind.WAVE, wave_x=50, wave_y=-20, period_ds=80)
RAINBOW = replace(WAVE, colours=(36338, 20027, 59938), period_ds=200, sharpness=2)
MOSAIC = replace(BREATHE, kind=Kind.MOSAIC, colours=(), period_ds=80, depth=200)
STEADY = Pattern(Kind.STEADY, 200, 100, colours=(63,))
RIPPLE = replace(
    BREATHE, kind=Kind.RIPPLE, period_ds=80, origin_x_cm=300, origin_y_cm=-40, wavelength_cm=120
)
STORY = Pattern(
    Kind.STORY,
    255,
    60,
    colours=(20027, 50709, 42),
    story=(Step(0, 20, 30), Step(1, 25, 30), Step(2, 600, 20)),
)
HARMONY = Pattern(
    Kind.HARMONISE, 255, 60, period_ds=60, depth=153, mood_from=(-8, 8), mood_to=(6, -3), ramp_s=60
)
BLUE = 49118
LIVING = replace(BREATHE, life_s=600, id=bytes(range(16)))

STATES = ("calm", "excited", "neutral", "low", "high")


def case(name: str, req: str, given: Case, result: Case, *, error: str = "") -> Case:
    """Return one vector; `req` holds IDs divided by blanks, `error` the rule that is broken."""
    head: Case = {"name": name, "req": list[JsonValue](req.split()), "given": given}
    if error:
        return head | {"expect": "reject", "error": error, "result": result}
    return head | {"expect": "accept", "result": result}


def palette_cases() -> list[Case]:
    """Return the states, colour codes across the range, and those a device cannot show."""
    cases = [
        case(
            f"state {name}",
            "PAL-001",
            {"state": number},
            {"light": plain(STATE_LINEAR[number]), "period_ds": STATE_PERIOD_DS[number]},
        )
        for number, name in enumerate(STATES)
    ]
    codes = [0, 63, 1023, 65535, *STATE_CODE, *range(500, 65536, 2711)]
    cases += [
        case(
            f"code {code}", "PAL-002 PAL-003", {"code": code}, {"light": plain(decode_colour(code))}
        )
        for code in codes
    ]
    return cases


def pattern_cases() -> list[Case]:
    """Return patterns that can be read, and one broken field each that cannot."""
    good = {
        "steady": STEADY,
        "breathe": BREATHE,
        "wave": WAVE,
        "wave of three colours": RAINBOW,
        "mosaic": MOSAIC,
        "ripple": RIPPLE,
        "story": STORY,
        "harmonise": HARMONY,
        "with life and id": LIVING,
        "the longest": replace(
            STORY,
            colours=(65535,) * 8,
            life_s=3600,
            id=bytes(range(16)),
            story=tuple(Step(number % 8, 600, 600) for number in range(16)),
        ),
    }
    cases = [
        case(
            name,
            "PAT-001 PAT-004 PAT-005",
            {"pattern": encode(one).hex()},
            {"fields": _fields(one)},
        )
        for name, one in good.items()
    ]
    fields = cbor.decode(encode(BREATHE))
    assert isinstance(fields, dict)
    changes: list[tuple[str, dict[int, cbor.CborValue]]] = [
        ("version 2", {0: 2}),
        ("ripple without origin", {1: 3}),
        ("story without story", {1: 5}),
        ("harmony with colours", {1: 6}),
        ("kind unknown", {1: 7}),
        ("kind true", {1: True}),
        ("start inside a value", {2: 0}),
        ("crossfade inside a value", {14: 20}),
        ("wave vector of a breath", {8: 0, 9: 0}),
        ("unknown key", {64: 0}),
        ("period too short", {3: 20}),
        ("period too long", {3: 601}),
        ("depth negative", {4: -1}),
        ("sharpness zero", {5: 0}),
        ("ceiling above full", {6: 101}),
        ("no colour", {7: []}),
        ("nine colours", {7: [63] * 9}),
        ("colour too large", {7: [65536]}),
        ("weight true", {13: True}),
        ("life too short", {19: 9}),
        ("id too long", {20: bytes(17)}),
    ]
    for name, change in changes:
        cases.append(_rejected(name, cbor.encode({**fields, **change})))
    for name, one, change in (
        ("ripple, wavelength too short", RIPPLE, {12: 49}),
        ("ripple, origin too far", RIPPLE, {10: 100_001}),
        ("story of one step", STORY, {15: [[0, 20, 20]]}),
        ("story of seventeen steps", STORY, {15: [[0, 20, 20]] * 17}),
        ("story, no such colour", STORY, {15: [[0, 20, 20], [3, 20, 20]]}),
        ("story, hold too short", STORY, {15: [[0, 19, 20], [1, 20, 20]]}),
        ("story, fade too short", STORY, {15: [[0, 20, 19], [1, 20, 20]]}),
        ("story, step of two", STORY, {15: [[0, 20], [1, 20, 20]]}),
        ("harmony, valence too large", HARMONY, {16: [9, 0]}),
        ("harmony, mood of one", HARMONY, {17: [0]}),
        ("harmony, ramp too short", HARMONY, {18: 29}),
    ):
        whole = cbor.decode(encode(one))
        assert isinstance(whole, dict)
        cases.append(_rejected(name, cbor.encode({**whole, **change})))
    del fields[7]
    cases.append(_rejected("colours missing", cbor.encode(fields)))
    cases.append(_rejected("no map", cbor.encode([1, 1])))
    cases.append(_rejected("longer than 200 bytes", cbor.encode({0: 1, 20: bytes(200)})))
    return cases


def _rejected(name: str, data: bytes) -> Case:
    try:
        decode(data)
    except Malformed as error:
        return case(name, error.rule, {"pattern": data.hex()}, {}, error=error.rule)
    raise AssertionError(f"{name} is a good pattern")


def _fields(pattern: Pattern) -> Case:
    """Return a pattern's fields by their names, as the table of the specification has them."""
    shown = plain(pattern)
    assert isinstance(shown, dict)
    return shown


def lint_cases() -> list[Case]:
    """Return patterns on both sides of every condition."""
    grid = {
        "slow white breath": replace(
            BREATHE, colours=(63,), period_ds=38, depth=255, ceiling_percent=100
        ),
        "white breath a tenth too fast": replace(
            BREATHE, colours=(63,), period_ds=37, depth=255, ceiling_percent=100
        ),
        "steady": STEADY,
        "three colours, sharpness 2": RAINBOW,
        "three colours, sharpness 3": replace(RAINBOW, sharpness=3, period_ds=600),
        "sharpness 2 at 4.2 s": replace(BREATHE, sharpness=2, period_ds=42, depth=51),
        "sharpness 2 at 4.1 s": replace(BREATHE, sharpness=2, period_ds=41, depth=51),
        "two dim colours at 4.1 s": replace(
            BREATHE, colours=(20, 25), period_ds=41, depth=0, ceiling_percent=5
        ),
        "mosaic at 6.3 s": replace(MOSAIC, period_ds=63, depth=255),
        "mosaic at 6.2 s": replace(MOSAIC, period_ds=62, depth=255),
        "shallow breath at 2.1 s": replace(BREATHE, period_ds=21, depth=60),
        "ripple": RIPPLE,
        "ripple of two colours, sharpness 3": replace(RIPPLE, colours=(20, 25), sharpness=3),
        "story": STORY,
        "story, black to blue in 3 s": replace(
            STORY, colours=(0, BLUE), ceiling_percent=100, story=(Step(0, 20, 30), Step(1, 20, 30))
        ),
        "story, blue to black in 2.9 s": replace(
            STORY, colours=(0, BLUE), ceiling_percent=100, story=(Step(0, 20, 30), Step(1, 20, 29))
        ),
        "harmony": HARMONY,
        "harmony at 3.9 s": replace(HARMONY, period_ds=39, ramp_s=39),
        "harmony, ramp ends between turns": replace(HARMONY, period_ds=70),
        "harmony as deep as can be at 4.4 s": replace(
            HARMONY, period_ds=44, ramp_s=44, depth=255, ceiling_percent=100, mood_to=(8, 8)
        ),
        "harmony as deep as can be at 4 s": replace(
            HARMONY, period_ds=40, depth=255, ceiling_percent=100, mood_to=(8, 8)
        ),
        "deep breath at 2.1 s": replace(BREATHE, period_ds=21, depth=255, ceiling_percent=100),
    }
    cases = []
    for name, pattern in grid.items():
        broken = [fault.rule for fault in faults(pattern)]
        req = " ".join(broken) or "PAT-010 PAT-011 PAT-012 PAT-018 PAT-019 PAT-020 PAT-021"
        result: Case = {"broken": list[JsonValue](broken)}
        given: Case = {"pattern": encode(pattern).hex()}
        cases.append(case(name, req, given, result, error=broken[0] if broken else ""))
    for one, rule, extents_cm in (
        (WAVE, "PAT-013", (924, 930)),
        (RIPPLE, "PAT-022", (600, 601)),
    ):
        for extent_cm in extents_cm:
            fault = extent_fault(one, extent_cm)
            given = {"pattern": encode(one).hex(), "extent_cm": extent_cm}
            result = {"broken": [fault.rule] if fault else []}
            name = f"{one.kind.name.lower()} across {extent_cm} cm"
            cases.append(case(name, rule, given, result, error=fault.rule if fault else ""))
    return cases


def render_cases() -> list[Case]:
    """Return the table's digest, patterns at places and times, and fades."""
    table = b"".join(entry.to_bytes(3, "big") for entry in RAISED_COSINE)
    digest: Case = {"sha256": hashlib.sha256(table).hexdigest(), "entries": len(RAISED_COSINE)}
    cases = [case("cosine table", "RND-001", {}, digest)]
    patterns = {
        "steady": STEADY,
        "breathe": BREATHE,
        "sharp breathe": replace(BREATHE, sharpness=3, period_ds=90),
        "wave": WAVE,
        "wave of three colours": RAINBOW,
        "mosaic": MOSAIC,
        "ripple": RIPPLE,
        "ripple of two colours": replace(RIPPLE, colours=(36338, 59938), sharpness=2),
        "story": STORY,
        "harmonise": HARMONY,
    }
    places: list[tuple[Position | None, Gamut]] = [
        ((0, 0), Gamut()),
        ((137, -2051), Gamut(20000, 30000)),
        (None, Gamut()),
    ]
    for name, pattern in patterns.items():
        for position, gamut in places:
            cases.append(_rendered(name, pattern, position, gamut))
    cases += [_mood(valence, arousal) for valence, arousal in MOODS]
    cases += [
        _blended("breathe", BREATHE),
        _blended("story", STORY),
        _blended("harmonise", HARMONY),
    ]
    cases += [_faded(name, one) for name, one in (("mosaic", MOSAIC), ("story", STORY))]
    cases += [_transitioned()]
    return cases


MOODS = ((0, 0), (8, 8), (8, -8), (-8, 8), (-8, -8), (3, 5), (-5, 3), (-2, -7), (8, 1), (-1, 0))


def _mood(valence: int, arousal: int) -> Case:
    given: Case = {"valence": valence, "arousal": arousal}
    result: Case = {"light": plain(mood_light(valence, arousal))}
    return case(f"mood {valence}, {arousal}", "RND-020", given, result)


TIMES_US = (0, 1, 999_999, 1_000_000, 2_345_678, 4_000_000, 86_400_000_000, 2**53 - 10**9)
START_US = 1_000_000


def _rendered(name: str, pattern: Pattern, position: Position | None, gamut: Gamut) -> Case:
    own = STATE_LINEAR[1]
    motif = prepare(pattern, START_US, position_cm=position, own=own, gamut=gamut)
    given: Case = {
        "pattern": encode(pattern).hex(),
        "start_us": START_US,
        "position_cm": plain(position),
        "own": plain(own),
        "luminance_max": gamut.luminance_max,
        "channel_max": gamut.channel_max,
        "times_us": plain(TIMES_US),
    }
    result: Case = {
        "lights": plain([motif.at(time_us) for time_us in TIMES_US]),
        "turns_us": plain([motif.extremum_from(time_us) for time_us in TIMES_US]),
    }
    place = f"at {position[0]}, {position[1]}" if position else "nobody knows where"
    rules = {Kind.RIPPLE: "RND-017 ", Kind.STORY: "RND-018 RND-021 ", Kind.HARMONISE: "RND-019 "}
    rule = rules.get(pattern.kind, "") + "RND-002 RND-003 RND-004 RND-005 RND-006 RND-016"
    return case(f"{name} {place}", rule, given, result)


def _blend(pattern: Pattern, start_us: int, own_state: int) -> Blend:
    source = pattern_source(encode(pattern), start_us, own_state)
    assert source is not None
    return compose(source, ((0, 0),), config=LightConfig(), gamut=Gamut())[0]


def _blended(name: str, pattern: Pattern) -> Case:
    blend = _blend(pattern, START_US, 3)
    given: Case = {
        "pattern": encode(pattern).hex(),
        "start_us": START_US,
        "own_state": 3,
        "times_us": plain(TIMES_US),
    }
    lights = plain([blend.at(time_us) for time_us in TIMES_US])
    title = f"own light beside a pattern, {name}"
    return case(title, "RND-008 RND-009", given, {"lights": lights})


def _faded(name: str, incoming: Pattern) -> Case:
    fade = Crossfade(
        _blend(BREATHE, START_US, 3),
        _blend(incoming, 9_000_000, 3),
        from_us=9_500_000,
        fade_us=4_000_000,
    )
    times_us = tuple(range(9_000_000, 19_000_000, 400_000))
    given: Case = {
        "pattern": encode(incoming).hex(),
        "start_us": 9_000_000,
        "previous": encode(BREATHE).hex(),
        "previous_start_us": START_US,
        "fade_from_us": 9_500_000,
        "fade_us": 4_000_000,
        "own_state": 3,
        "times_us": plain(times_us),
    }
    lights = plain([fade.at(time_us) for time_us in times_us])
    result: Case = {"lights": lights, "join_us": fade.join_us}
    return case(f"certified fade to {name}", "RND-007 RND-016", given, result)


def _transitioned() -> Case:
    origin: Linear = (50000, 30000, 100)
    blend = _blend(MOSAIC, 9_000_000, 3)
    fade = Transition(origin, blend, time_us=20_000_000, begin_us=0)
    times_us = tuple(range(0, 3_000_000, 200_000))
    given: Case = {
        "origin": plain(origin),
        "pattern": encode(MOSAIC).hex(),
        "start_us": 9_000_000,
        "own_state": 3,
        "begin_us": 20_000_000,
        "elapsed_us": plain(times_us),
    }
    lights = plain([fade.at(elapsed_us) for elapsed_us in times_us])
    return case("local fade", "RND-011", given, {"lights": lights, "join_us": fade.join_us})


def files() -> dict[str, str]:
    """Return the text of every file this module writes, by area."""
    areas = {
        "palette": palette_cases(),
        "pattern": pattern_cases(),
        "lint": lint_cases(),
        "render": render_cases(),
        "governor": governor_cases(),
    }
    return {area: text_of(area, cases) for area, cases in areas.items()}


def main() -> None:
    """Write them."""
    for area, text in files().items():
        (FOLDER / f"{area}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
