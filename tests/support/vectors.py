"""Reads the test vectors that SPEC.md publishes for implementers in other languages."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

FOLDER = Path(__file__).resolve().parent.parent / "vectors"
EXPECTATIONS = ("accept", "reject", "ignore")

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]


class _Required(TypedDict):
    name: str
    req: list[str]
    given: dict[str, JsonValue]
    expect: str


class Case(_Required, total=False):
    """One vector: what is given (bytes as hex), and what an implementation does with it."""

    error: str
    result: dict[str, JsonValue]
    note: str


@dataclass(frozen=True, slots=True)
class Area:
    """All vectors of one file."""

    name: str
    cases: list[Case]


def load(area: str) -> list[Case]:
    """Return the cases of `tests/vectors/<area>.json`, checked for shape and unique names."""
    return _read(FOLDER / f"{area}.json").cases


def load_all() -> list[Area]:
    """Return every area, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.json"))]


def by_name(case: Case) -> str:
    """Name a parametrised test after its vector: `ids=by_name`."""
    return case["name"]


def _read(path: Path) -> Area:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert set(document) >= {"area", "cases"}, f"{path.name}: wants the keys area and cases"
    assert document["area"] == path.stem, f"{path.name}: says it is about {document['area']!r}"
    names = [_checked(path.name, case)["name"] for case in document["cases"]]
    doubles = sorted({name for name in names if names.count(name) > 1})
    assert not doubles, f"{path.name}: more than one case called {doubles}"
    return Area(path.stem, cast("list[Case]", document["cases"]))  # shape asserted above


def _checked(file: str, case: Case) -> Case:
    for key in ("name", "req", "given", "expect"):
        assert key in case, f"{file}: {case.get('name', case)!r} lacks {key!r}"
    where = f"{file}: {case['name']}"
    assert case["expect"] in EXPECTATIONS, f"{where}: expect is {case['expect']!r}"
    assert case["req"], f"{where}: cites no requirement"
    assert isinstance(case["given"], dict), f"{where}: given is not an object"
    return case
