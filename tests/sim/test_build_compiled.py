"""What is compiled is the code that there is, with what storing its objects needs."""

import ast
from pathlib import Path

import pytest

pytest.importorskip("setuptools", reason="the build needs setuptools, which this Python lacks")

import build_compiled

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = '''"""A module."""

from dataclasses import dataclass
from enum import Enum


class Colour(Enum):
    RED = 1


@dataclass(frozen=True, slots=True)
class Word:
    """A word."""

    text: str
    count: int = 1


@dataclass(frozen=True)
class Silence:
    """Says nothing."""


@dataclass(frozen=True)
class Song:
    """Is more than its words."""

    words: tuple[Word, ...] = field(default_factory=tuple)


@dataclass(slots=True)
class Counter:
    """Changes."""

    count: int


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """Is less than others."""

    place: int


class Speaker(Shelf[Word]):
    """Says words."""


class Lonely:
    """Derives from nothing."""


class Unheard(ValueError):
    """Nobody listens."""
'''


def decorators(text: str) -> dict[str, list[str]]:
    return {
        node.name: [ast.unparse(one) for one in node.decorator_list]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
    }


def test_native_classes_and_no_others_are_marked() -> None:
    found = decorators(build_compiled.storable(SOURCE, is_core=True))
    assert found["Speaker"] == ["mypyc_attr(allow_interpreted_subclasses=True)"]
    assert found["Lonely"] == ["mypyc_attr(allow_interpreted_subclasses=True, acyclic=True)"]
    assert found["Colour"] == found["Unheard"] == []
    assert found["Word"] == ["dataclass(frozen=True, slots=True)"]
    found = decorators(build_compiled.storable(SOURCE, is_core=False))
    assert found["Lonely"] == ["mypyc_attr(allow_interpreted_subclasses=True)"]


def methods(name: str) -> dict[str, str]:
    tree = ast.parse(build_compiled.storable(SOURCE, is_core=True))
    found = next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name)
    return {one.name: ast.unparse(one) for one in found.body if isinstance(one, ast.FunctionDef)}


def test_a_frozen_dataclass_is_made_by_its_constructor_again() -> None:
    assert "__reduce__" in methods("Word")
    assert methods("Silence").keys() == methods("Song").keys() == {"__reduce__"}
    # What changes is stored attribute by attribute, and made without its constructor.
    assert methods("Counter").keys() == set()


def test_the_constructor_that_is_written_out_is_that_of_the_dataclass() -> None:
    assert methods("Word")["__init__"].splitlines() == [
        "def __init__(self, text: str, count: int=1) -> None:",
        "    self.text = text",
        "    self.count = count",
    ]


def test_the_comparison_that_is_written_out_is_that_of_the_dataclass() -> None:
    assert methods("Word")["__eq__"].splitlines()[-1] == (
        "    return (self.text, self.count) == (other.text, other.count)"
    )
    assert methods("Word")["__hash__"].splitlines()[-1] == (
        "    return hash((self.text, self.count))"
    )
    # What orders is made by `dataclass`, which then makes all comparisons.
    assert methods("Rank").keys() == {"__init__", "__reduce__"}


def test_names_in_capitals_stay_what_they_are_but_types_and_tuples() -> None:
    said = "LIMIT = 7\nDOUBLE = 2 * LIMIT\nEITHER = Word | Speaker\nPAIR = (1, 2)\nnow = 3\n"
    text = build_compiled.storable(f'"""A module."""\n{said}', is_core=False)
    assert "LIMIT: Final[int] = 7\nDOUBLE: Final = 2 * LIMIT\n" in text
    assert "EITHER = Word | Speaker\nPAIR = (1, 2)\nnow = 3\n" in text
    assert "from typing import Final" in text


def test_a_module_without_classes_stays_as_it_is() -> None:
    assert build_compiled.storable('"""Nothing."""\n', is_core=True) == '"""Nothing."""\n'


def test_the_modules_that_are_named_exist() -> None:
    for name in build_compiled.INNER_LOOPS:
        assert (ROOT / "sim" / "smilesim" / f"{name}.py").is_file(), name
    for name in build_compiled.JUDGES:
        assert (ROOT / "node" / "smilesyncd" / "analyser" / f"{name}.py").is_file(), name
    for name in build_compiled.INTERPRETED:
        assert (ROOT / "protocol" / name).is_file(), name
