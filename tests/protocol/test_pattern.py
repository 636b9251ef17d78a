"""The pattern language: what can be written can be read, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.errors import LocalError, Malformed
from smilesync.light.pattern import PATTERN_BYTES_MAX, Kind, Pattern, Step, decode, encode
from smilesync.wire import cbor

BREATHE = Pattern(Kind.BREATHE, 255, 60, colours=(20027,), period_ds=40, depth=204, sharpness=1)
FIELDS: dict[int, cbor.CborValue] = {0: 1, 1: 1, 3: 40, 4: 204, 5: 1, 6: 60, 7: [20027], 13: 255}

lives = st.none() | st.integers(10, 3600)
ids = st.none() | st.binary(min_size=16, max_size=16)


moods = st.tuples(st.integers(-8, 8), st.integers(-8, 8))
spots = st.integers(-100_000, 100_000)
spans = st.integers(20, 600)


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    kind = draw(st.sampled_from(Kind))
    limit = {Kind.STEADY: 1, Kind.MOSAIC: 0, Kind.HARMONISE: 0}.get(kind, 8)
    colours = draw(st.lists(st.integers(0, 65535), min_size=min(1, limit), max_size=limit))
    pattern = Pattern(
        kind=kind,
        weight=draw(st.integers(0, 255)),
        ceiling_percent=draw(st.integers(0, 100)),
        colours=tuple(colours),
        life_s=draw(lives),
        id=draw(ids),
    )
    if kind is Kind.STORY:
        steps = st.builds(Step, st.integers(0, len(colours) - 1), spans, spans)
        return replace(pattern, story=tuple(draw(st.lists(steps, min_size=2, max_size=16))))
    if kind is not Kind.STEADY:
        rhythm = draw(st.tuples(st.integers(21, 600), st.integers(0, 255), st.integers(1, 3)))
        pattern = replace(pattern, period_ds=rhythm[0], depth=rhythm[1], sharpness=rhythm[2])
    if kind is Kind.WAVE:
        vectors = st.integers(-200, 200)
        return replace(pattern, wave_x=draw(vectors), wave_y=draw(vectors))
    if kind is Kind.RIPPLE:
        pattern = replace(pattern, origin_x_cm=draw(spots), origin_y_cm=draw(spots))
        return replace(pattern, wavelength_cm=draw(st.integers(50, 5000)))
    if kind is Kind.HARMONISE:
        pattern = replace(pattern, sharpness=0, ramp_s=draw(st.integers(30, 1800)))
        return replace(pattern, mood_from=draw(moods), mood_to=draw(moods))
    return pattern


@pytest.mark.spec("PAT-001", "PAT-004", "PAT-005")
@given(patterns())
def test_what_is_written_is_read_again(pattern: Pattern) -> None:
    data = encode(pattern)

    assert decode(data) == pattern
    assert len(data) <= PATTERN_BYTES_MAX


@pytest.mark.spec("PAT-001")
@given(st.binary(max_size=210))
def test_noise_is_malformed_and_never_anything_else(data: bytes) -> None:
    try:
        pattern = decode(data)
    except Malformed:
        return
    assert encode(pattern) == data


CASES: list[tuple[str, dict[int, cbor.CborValue], str]] = [
    ("version missing", {0: None}, "PAT-002"),
    ("version 2", {0: 2}, "PAT-002"),
    ("version true", {0: True}, "PAT-002"),
    ("kind unknown", {1: 7}, "PAT-003"),
    ("kind negative", {1: -1}, "PAT-003"),
    ("ripple without origin", {1: 3}, "PAT-004"),
    ("story with a rhythm", {1: 5, 15: [[0, 20, 20], [0, 20, 20]]}, "PAT-004"),
    ("harmony with colours", {1: 6, 5: None, 16: [0, 0], 17: [0, 0], 18: 30}, "PAT-004"),
    ("kind true", {1: True}, "PAT-003"),
    ("kind text", {1: "breathe"}, "PAT-003"),
    ("no colours", {7: None}, "PAT-004"),
    ("wave vector of a breath", {8: 1}, "PAT-004"),
    ("steady with a period", {1: 0}, "PAT-004"),
    ("mosaic with colours", {1: 4}, "PAT-004"),
    ("unknown key", {21: 0}, "PAT-004"),
    ("large unknown key", {64: 0}, "PAT-004"),
    ("origin", {10: 0}, "PAT-004"),
    ("too fast", {3: 20}, "PAT-005"),
    ("too slow", {3: 601}, "PAT-005"),
    ("depth beyond 255", {4: 256}, "PAT-005"),
    ("negative depth", {4: -1}, "PAT-005"),
    ("depth true", {4: True}, "PAT-005"),
    ("depth text", {4: "1"}, "PAT-005"),
    ("sharpness 0", {5: 0}, "PAT-005"),
    ("sharpness 4", {5: 4}, "PAT-005"),
    ("ceiling above full", {6: 101}, "PAT-005"),
    ("colours empty", {7: []}, "PAT-005"),
    ("nine colours", {7: [1] * 9}, "PAT-005"),
    ("colours no array", {7: 1}, "PAT-005"),
    ("colour too large", {7: [65536]}, "PAT-005"),
    ("colour true", {7: [True]}, "PAT-005"),
    ("weight beyond 255", {13: 256}, "PAT-005"),
    ("life too short", {19: 9}, "PAT-005"),
    ("life too long", {19: 3601}, "PAT-005"),
    ("id too short", {20: bytes(15)}, "PAT-005"),
    ("id a number", {20: 5}, "PAT-005"),
    ("start inside", {2: 0}, "PAT-006"),
    ("crossfade inside", {14: 20}, "PAT-006"),
]


@pytest.mark.spec("PAT-002", "PAT-003", "PAT-004", "PAT-005", "PAT-006")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_one_wrong_field_is_rejected(case: tuple[str, dict[int, cbor.CborValue], str]) -> None:
    _, change, rule = case
    fields = {**FIELDS, **change}
    for key in [key for key, value in change.items() if value is None]:
        del fields[key]

    with pytest.raises(Malformed) as error:
        decode(cbor.encode(fields))

    assert error.value.rule == rule


def test_the_longest_pattern_fits() -> None:
    steps = tuple(Step(colour % 8, 600, 600) for colour in range(16))
    story = Pattern(
        Kind.STORY, 255, 100, colours=(65535,) * 8, life_s=3600, id=bytes(16), story=steps
    )

    assert len(encode(story)) == 189


STORY: dict[int, cbor.CborValue] = {
    0: 1, 1: 5, 6: 60, 7: [1, 2], 13: 255, 15: [[0, 20, 20], [1, 20, 20]],
}  # fmt: skip
RIPPLE: dict[int, cbor.CborValue] = {**FIELDS, 1: 3, 10: 5, 11: -5, 12: 50}
HARMONY: dict[int, cbor.CborValue] = {
    0: 1, 1: 6, 3: 40, 4: 9, 6: 60, 13: 255, 16: [-8, 8], 17: [8, -8], 18: 30,
}  # fmt: skip
NEW_KINDS: list[tuple[dict[int, cbor.CborValue], dict[int, cbor.CborValue]]] = [
    (STORY, {15: 7}),
    (STORY, {15: [[0, 20, 20]]}),
    (STORY, {15: [[0, 20, 20]] * 17}),
    (STORY, {15: [[0, 20, 20], 1]}),
    (STORY, {15: [[0, 20, 20], [0, 20]]}),
    (STORY, {15: [[0, 20, 20], [2, 20, 20]]}),
    (STORY, {15: [[0, 20, 20], [-1, 20, 20]]}),
    (STORY, {15: [[0, 20, 20], [True, 20, 20]]}),
    (STORY, {15: [[0, 20, 20], [1, 19, 20]]}),
    (STORY, {15: [[0, 20, 20], [1, 20, 601]]}),
    (STORY, {7: []}),
    (RIPPLE, {10: 100_001}),
    (RIPPLE, {11: -100_001}),
    (RIPPLE, {12: 49}),
    (RIPPLE, {12: 5001}),
    (HARMONY, {16: [0, 9]}),
    (HARMONY, {17: [0]}),
    (HARMONY, {17: 0}),
    (HARMONY, {18: 29}),
    (HARMONY, {18: 1801}),
    (HARMONY, {3: 20}),
]


@pytest.mark.spec("PAT-005")
@pytest.mark.parametrize(("good", "change"), NEW_KINDS)
def test_one_wrong_field_of_a_story_ripple_or_harmony_is_rejected(
    good: dict[int, cbor.CborValue], change: dict[int, cbor.CborValue]
) -> None:
    assert encode(decode(cbor.encode(good))) == cbor.encode(good)

    with pytest.raises(Malformed) as error:
        decode(cbor.encode({**good, **change}))

    assert error.value.rule == "PAT-005"


@pytest.mark.spec("PAT-001")
def test_other_shapes_and_long_patterns_are_rejected() -> None:
    for data in (cbor.encode([1, 2]), cbor.encode({0: bytes(300)})):
        with pytest.raises(Malformed) as error:
            decode(data)
        assert error.value.rule == "PAT-001"


def test_writing_what_cannot_be_read_is_our_own_fault() -> None:
    with pytest.raises(LocalError):
        encode(Pattern(Kind.BREATHE, 256, 60, colours=(1,), period_ds=40, depth=1, sharpness=1))


def test_degree_counts_rhythm_and_colours() -> None:
    assert BREATHE.degree == 1
    assert Pattern(Kind.STEADY, 1, 1, colours=(1,)).degree == 0
    assert Pattern(Kind.WAVE, 1, 1, colours=(1, 2), sharpness=2).degree == 3
    assert Pattern(Kind.MOSAIC, 1, 1, sharpness=3).degree == 3
