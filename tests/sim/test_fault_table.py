"""The tables of sim/docs/scenarios.md say what the registry says, and its examples are valid."""

import re
from pathlib import Path

import pytest

from smilesim import scenario
from smilesim.faults.kind import Key
from smilesim.faults.table import KINDS
from smilesim.scenario import EXPECT, WEATHER
from smilesim.timeline import allowed

PAPER = Path(__file__).parents[2] / "sim" / "docs" / "scenarios.md"
TEXT = PAPER.read_text(encoding="utf-8")
USUAL = ("at_s", "heal_s")


def kind_rows() -> list[str]:
    return [f"| `{kind.name}` | {kind.meaning} | {_keys(kind.keys)} |" for kind in KINDS.values()]


def _keys(keys: tuple[Key, ...]) -> str:
    listed = [f"`{key.name}`" for key in keys if key.name in USUAL]
    listed += [
        f"`{key.name}` {allowed(key)}: {key.meaning}" for key in keys if key.name not in USUAL
    ]
    return "; ".join(listed)


def weather_rows() -> list[str]:
    calm = scenario.weather_numbers(scenario.weather_of({}))
    return [
        f"| `{key.name}` | {key.low:g} to {key.high:g} | {calm[key.name]:g} | {key.meaning} |"
        for key in WEATHER
    ]


def expect_rows() -> list[str]:
    return [f"| `{key.name}` | {key.meaning} |" for key in EXPECT]


def _stem(line: str) -> str:
    return re.split(r"[_ ]", line)[0]


@pytest.mark.parametrize("rows", [kind_rows(), weather_rows(), expect_rows()])
def test_a_table_of_the_paper_equals_the_registry(rows: list[str]) -> None:
    start = TEXT.index(rows[0].split("|")[1])
    table = TEXT[start - 1 :].split("\n\n")[0].strip().splitlines()

    assert table == rows


def test_the_examples_of_the_paper_are_valid_scenarios() -> None:
    examples = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)

    assert examples
    for number, example in enumerate(examples):
        scenario.parse("example", example, f"example {number}")


def test_the_refusals_of_the_paper_are_what_is_said() -> None:
    example = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)[0]
    refusals = re.findall(r"^    `(.*?)` -> (.*)$", TEXT, re.MULTILINE)

    assert len(refusals) >= 4
    for wrong, said in refusals:
        lines = example.splitlines()
        at = next(n for n, line in enumerate(lines) if _stem(line) == _stem(wrong))
        with pytest.raises(scenario.SettingsError) as caught:
            scenario.parse("rain", "\n".join([*lines[:at], wrong, *lines[at + 1 :]]), "rain.toml")
        assert str(caught.value) == said.strip()
