"""Design files: read both ways, every problem at once, and what `smilesync design` prints."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from coloraide import Color
from hypothesis import given
from hypothesis import strategies as st

from smilesync.errors import SettingsError
from smilesync.light.design import from_text
from smilesync.light.palette import LINEAR_MAX
from smilesyncd.design import colour, file, preview
from smilesyncd.design.play import words_of
from smilesyncd.expectations import Unexpected
from smilesyncd.main import main
from support.vectors import load

STANDARD = file.standard_design()


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        file.parse(text, "my.toml")
    return str(caught.value).splitlines()


def test_the_standard_design_survives_its_own_file() -> None:
    assert file.parse(file.dump(STANDARD), "x") == STANDARD


def test_an_empty_file_is_the_standard_design() -> None:
    assert file.parse("", "x") == STANDARD


@pytest.mark.parametrize("case", [c for c in load("design") if c["expect"] == "accept"])
def test_a_shared_design_survives_as_a_file_within_what_an_eye_can_tell(
    case: dict[str, dict[str, str]],
) -> None:
    shared = from_text(bytes.fromhex(case["given"]["word"]).decode())

    again = file.parse(file.dump(shared), "x")

    for one, other in zip(shared.expressions, again.expressions, strict=True):
        assert (one.period_ds, one.depth) == (other.period_ds, other.depth)
        assert max(abs(a - b) for a, b in zip(one.colour, other.colour, strict=True)) < 16
    assert (shared.name, shared.share) == (again.name, again.share)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name = "\\u001b[2J"', "my.toml:1: name: "),
        ("ceiling = nan", "my.toml:1: ceiling: nan; expected a number from 1 to 100"),
        ("ceiling = -3", "my.toml:1: ceiling: -3; expected"),
        ("ceiling = true", "my.toml:1: ceiling: True; expected"),
        (f"ceiling = {10**400}", "my.toml:1: ceiling: 1000"),
        ("\ncollective = inf", "my.toml:2: collective: inf; expected a number from 0 to 1"),
        ("colective = 1", "my.toml:1: colective: unknown; did you mean collective?"),
        ("[sad]", "my.toml:1: sad: unknown; expected name, "),
        ("calm = 3", "my.toml:1: calm: 3; expected a table [calm]"),
        ("[calm]\ncolor = 1", "my.toml:2: calm.color: unknown; did you mean colour?"),
        ("calm.depth = 2", "my.toml:1: calm.depth: 2; expected a number above 0 up to 1"),
        ('[low]\ncolour = "red"', "my.toml:2: low.colour: 'red'; expected a colour such as"),
        ('[low]\ncolour = "oklch(0.5 nan 1)"', "my.toml:2: low.colour: "),
        ('[low]\ncolour = "oklch(0.5 0.1 1.1.1)"', "my.toml:2: low.colour: "),
        ('[low]\nrhythm = "blink"', "my.toml:2: low.rhythm: 'blink'; expected \"breathe\""),
        ("[low]\nperiod = 1e300", "my.toml:2: low.period: 1e+300; expected a number of seconds"),
        ("[low]\nperiod = 1.0", "my.toml:2: low.period: DSG-006: expected: a breath takes at"),
        ('[low]\ncolour = "#ff0000"', "my.toml:2: low.colour: DSG-005: expected: red is at most"),
        (
            'ceiling = 100\n[low]\ncolour = "#ffffff"\nperiod = 2.1\ndepth = 1',
            "my.toml:4: low.period: DSG-007: expected: a breath takes at least 2 pi",
        ),
        ('[low]\nrhythm = "steady"\nperiod = 3', "my.toml:3: low.period: a steady light has none"),
        ("[low", "my.toml: "),
    ],
)
def test_a_wrong_field_is_named_with_its_line(text: str, expected: str) -> None:
    (problem,) = problems(text)

    assert problem.startswith(expected)


def test_every_problem_is_told_at_once() -> None:
    text = 'ceiling = 0\n[calm]\ncolour = 1\n[high]\nperiod = "x"\ndepth = -1\n[low]\nperiod=2.0\n'

    found = [problem.split(": ")[1] for problem in problems(text)]

    assert found == ["ceiling", "calm.colour", "low.period", "high.period", "high.depth"]


def test_what_is_proposed_instead_of_red_is_accepted() -> None:
    for red in ("#ff0000", "#400000", "#ff3030"):
        (problem,) = problems(f'[calm]\ncolour = "{red}"')
        nearest = problem.rsplit(" ", 1)[1]

        assert file.parse(f'[calm]\ncolour = "{nearest}"', "x").name == ""


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_a_settings_error(text: str) -> None:
    with suppress(SettingsError):
        file.parse(text, "my.toml")


@given(st.text(max_size=30) | st.integers() | st.floats() | st.none())
def test_no_value_is_a_colour_by_accident(value: object) -> None:
    with pytest.raises(Unexpected):
        colour.parse(value)


@pytest.mark.parametrize(
    "written", ["#11d7df", "#000000", "#ffffff", "oklch(0.8 0.1 200)", "oklch(0.3 0.05 30)"]
)
def test_colours_mean_what_an_independent_library_says(written: str) -> None:
    exact = Color(written).convert("srgb-linear")[:3]

    light = colour.parse(written)

    assert all(abs(e * LINEAR_MAX - c) < 3 for e, c in zip(exact, light, strict=True))


def test_a_colour_out_of_reach_keeps_hue_and_lightness() -> None:
    lightness, chroma, hue = colour.oklch(colour.parse("oklch(0.7 0.4 150)"))

    assert (lightness, hue) == (pytest.approx(0.7, abs=0.01), pytest.approx(150, abs=1))
    assert 0.1 < chroma < 0.4


# The commands.


def test_new_check_share_and_show_work_without_a_daemon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = str(tmp_path / "my.toml")
    assert main(["design", "new", made]) == 0
    assert main(["design", "check", made]) == 0
    capsys.readouterr()

    assert main(["design", "share", made]) == 0
    word = capsys.readouterr().out.strip()
    assert from_text(word) == STANDARD
    assert main(["design", "show", word]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert all(state in shown for state in ("calm", "excited", "neutral", "low", "high"))


def test_new_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "my.toml"
    made.write_text("mine")

    assert main(["design", "new", str(made)]) == 2

    assert made.read_text() == "mine"
    assert "exists already" in capsys.readouterr().err


def test_check_refuses_with_every_problem_on_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('ceiling = 0\n[calm]\ncolour = "#ff0000"\n')

    assert main(["design", "check", str(bad)]) == 2

    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "DSG-005" in told[1]


@pytest.mark.parametrize("given", ["nowhere.toml", "smiledesign00", "smiledesign", "\0", "."])
def test_what_is_no_design_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", "check", given]) == 2
    assert "smilesync: " in capsys.readouterr().err


def test_show_for_programs_holds_all_that_people_see(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", "show", "standard", "--json"]) == 0

    fields = json.loads(capsys.readouterr().out)
    assert from_text(fields["design"]) == STANDARD
    assert fields["states"]["calm"]["colour"] == "#11d7df"
    assert len(fields["states"]["low"]["codes"]) == preview.STRIP_COLUMNS
    assert len(fields["journey"]["codes"]) == preview.JOURNEY_COLUMNS


def test_live_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["design", "show", "standard", "--live"]) == 2
    assert "--live: needs a terminal" in capsys.readouterr().err


def test_the_preview_is_coloured_only_where_it_may_be() -> None:
    assert "\x1b[38;2;" in preview.as_text(STANDARD, has_colour=True)
    plain = preview.as_text(STANDARD, has_colour=False)
    assert "\x1b" not in plain
    assert max(len(line) for line in plain.splitlines()) <= 80


def test_keys_mean_gestures_and_the_rest_means_nothing() -> None:
    assert words_of("\x1b[A\x1bOD1 +q") == ["brighter", "hue-", "calm", "stop", "faster", "quit"]
    assert words_of("\x1b[Zxyz\x1b") == []
