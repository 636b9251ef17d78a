"""The pattern language: what can be written can be read, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.errors import LocalError, Malformed
from smilesync.light.pattern import PATTERN_BYTES_MAX, Kind, Pattern, decode, encode
from smilesync.wire import cbor

BREATHE = Pattern(Kind.BREATHE, 255, 60, colours=(20027,), period_ds=40, depth=204, sharpness=1)
FIELDS: dict[int, cbor.CborValue] = {0: 1, 1: 1, 3: 40, 4: 204, 5: 1, 6: 60, 7: [20027], 13: 255}

lives = st.none() | st.integers(10, 3600)
ids = st.none() | st.binary(min_size=16, max_size=16)


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    kind = draw(st.sampled_from(Kind))
    colour_limit = {Kind.STEADY: 1, Kind.MOSAIC: 0}.get(kind, 8)
    colours = st.lists(st.integers(0, 65535), min_size=min(1, colour_limit), max_size=colour_limit)
    is_moving, is_wave = kind is not Kind.STEADY, kind is Kind.WAVE
    return Pattern(
        kind=kind,
        weight=draw(st.integers(0, 255)),
        ceiling_percent=draw(st.integers(0, 100)),
        colours=tuple(draw(colours)),
        period_ds=draw(st.integers(21, 600)) if is_moving else 0,
        depth=draw(st.integers(0, 255)) if is_moving else 0,
        sharpness=draw(st.integers(1, 3)) if is_moving else 0,
        wave_x=draw(st.integers(-200, 200)) if is_wave else 0,
        wave_y=draw(st.integers(-200, 200)) if is_wave else 0,
        life_s=draw(lives),
        id=draw(ids),
    )


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
    ("kind ripple", {1: 3}, "PAT-003"),
    ("kind story", {1: 5}, "PAT-003"),
    ("kind harmonise", {1: 6}, "PAT-003"),
    ("kind unknown", {1: 99}, "PAT-003"),
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
