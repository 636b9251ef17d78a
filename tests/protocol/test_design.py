"""Designs: the published words read both ways, every condition named, and what wearing one does."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.config import LightConfig
from smilesync.effects import Rung
from smilesync.errors import LocalError, Malformed
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.light.composition import Source, compose, pattern_source
from smilesync.light.design import PREFIX, Design, Expression, faults, from_text, standard
from smilesync.light.palette import STATE_LINEAR, STATE_PERIOD_DS, Linear
from smilesync.light.render import LUMA_WEIGHTS, Gamut, fit
from support.vectors import FOLDER, Case, by_name, load
from vectors import make_design
from vectors.make_design import EMBER, STANDARD
from vectors.writing import plain, text_of

CASES = load("design")
CONFIG = LightConfig()
GAMUT = Gamut()
PROTOCOL = Path(__file__).resolve().parents[2] / "protocol" / "smilesync"


def word_of(case: Case) -> str:
    return bytes.fromhex(str(case["given"]["word"])).decode()


def luminance(light: Linear) -> float:
    return sum(w * channel for w, channel in zip(LUMA_WEIGHTS, light, strict=True)) / 10_000


def test_the_published_words_are_those_of_the_generator() -> None:
    published = (FOLDER / "design.json").read_text(encoding="utf-8")

    assert published == text_of("design", make_design.cases())


@pytest.mark.spec("DSG-001", "DSG-002", "DSG-003", "DSG-004")
@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] == "accept"], ids=by_name)
def test_a_good_word_is_read_and_written_back(case: Case) -> None:
    design = from_text(word_of(case))

    assert design.text() == word_of(case)
    if "result" in case:
        assert plain(design) == case["result"]


@pytest.mark.spec("DSG-001", "DSG-002", "DSG-003", "DSG-004", "DSG-005", "DSG-006", "DSG-007")
@pytest.mark.parametrize("case", [c for c in CASES if c["expect"] == "reject"], ids=by_name)
def test_a_bad_word_is_rejected(case: Case) -> None:
    with pytest.raises(Malformed) as caught:
        from_text(word_of(case))

    assert caught.value.rule == case.get("error")


@given(st.text(alphabet="0123456789abcdef", max_size=64) | st.text(max_size=40))
def test_no_text_raises_anything_but_malformed(rest: str) -> None:
    with pytest.raises(Malformed):
        from_text(PREFIX + rest)


@given(st.binary(max_size=300))
def test_no_body_with_a_fitting_check_raises_anything_but_malformed(body: bytes) -> None:
    check = make_design.sha256(body).digest()[:4]

    with pytest.raises(Malformed):
        from_text(PREFIX + (body + check).hex())


def test_every_fault_of_a_design_is_found_at_once() -> None:
    bad = replace(
        STANDARD,
        expressions=(
            Expression((65535, 0, 0), 20, 40),
            *STANDARD.expressions[1:4],
            Expression((65535, 65535, 65535), 21, 255),
        ),
        ceiling_percent=100,
    )

    found = [(place, fault.rule) for place, fault in faults(bad)]

    assert found == [
        ("expression 0", "DSG-005"),
        ("expression 0", "DSG-006"),
        ("expression 4", "DSG-007"),
    ]
    with pytest.raises(LocalError, match="DSG-005"):
        bad.text()


@pytest.mark.spec("DSG-008")
@pytest.mark.parametrize("state", range(5))
def test_the_standard_design_draws_what_no_design_draws(state: int) -> None:
    for source in (
        Source(Rung.SOLO, state),
        Source(Rung.HARMONY, state, counts=(1, 2, 0, 1, 0)),
        Source(Rung.GLOW, state),
    ):
        plain_blend = compose(source, ((0, 0),), config=CONFIG, gamut=GAMUT)
        worn = replace(source, design=standard(CONFIG))

        assert compose(worn, ((0, 0),), config=CONFIG, gamut=GAMUT) == plain_blend
    assert standard(CONFIG).colours == STATE_LINEAR
    assert [one.period_ds for one in standard(CONFIG).expressions] == list(STATE_PERIOD_DS)


@pytest.mark.spec("DSG-008")
def test_a_design_draws_its_own_colour_and_breath() -> None:
    source = Source(Rung.SOLO, 0, design=EMBER)

    (blend,) = compose(source, ((0, 0),), config=CONFIG, gamut=GAMUT)

    colour = fit((EMBER.expressions[0].colour,), GAMUT, 45)[0]
    assert blend.at(0) == colour
    assert blend.beat_us == 9_000_000
    assert blend.at(4_500_000) == tuple(channel * 135 // 255 for channel in colour)


@pytest.mark.spec("DSG-008")
def test_a_steady_expression_never_breathes() -> None:
    source = Source(Rung.SOLO, 2, design=EMBER)

    (blend,) = compose(source, ((0, 0),), config=CONFIG, gamut=GAMUT)

    assert len({blend.at(time_us) for time_us in range(0, 20_000_000, 500_000)}) == 1


@pytest.mark.spec("DSG-008")
def test_the_circle_never_makes_a_wearer_brighter_or_more_alike_than_the_design_says() -> None:
    source = pattern_source(MOOD_PATTERNS[1], 0, 1)
    assert source is not None
    dim = replace(EMBER, ceiling_percent=10, share=51)

    (blend,) = compose(replace(source, design=dim), ((0, 0),), config=CONFIG, gamut=GAMUT)

    assert blend.share == 51
    lights = [blend.at(time_us) for time_us in range(0, 12_000_000, 100_000)]
    assert max(luminance(light) for light in lights) <= 0.10 * GAMUT.luminance_max


@pytest.mark.spec("DSG-009")
def test_nothing_that_speaks_to_others_knows_of_designs() -> None:
    speaking = [PROTOCOL / "peer.py", PROTOCOL / "boot.py"]
    for folder in ("wire", "circle", "clock", "emotion", "mesh"):
        speaking += sorted((PROTOCOL / folder).rglob("*.py"))

    for path in speaking:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else [module]
            assert not any(name.endswith((".design", ".improvisation")) for name in names), path


def test_a_design_with_a_long_name_is_no_word() -> None:
    with pytest.raises(LocalError):
        Design("x" * 65, STANDARD.expressions, 60, 204).text()
