"""Every requirement of SPEC.md has a test, and every citation has a requirement."""

import ast
from pathlib import Path

import pytest

from support import vectors
from support.requirements import (
    Citation,
    cited_by_code,
    cited_by_test,
    orphans,
    read_spec,
)

ROOT = Path(__file__).resolve().parent.parent.parent
TESTS = ROOT / "tests"
OWN = Path(__file__).resolve()  # its samples below cite requirements that do not exist


def test_the_specification_is_well_formed() -> None:
    spec = read_spec((ROOT / "SPEC.md").read_text(encoding="utf-8"))

    assert spec.requirements
    assert not spec.faults, "\n".join(spec.faults)


def test_requirements_and_tests_leave_no_orphan() -> None:
    spec = read_spec((ROOT / "SPEC.md").read_text(encoding="utf-8"))

    faults = orphans(spec, _test_citations() + _vector_citations(), _code_ids())

    assert not faults, "\n".join(faults)


def test_every_vector_file_is_read_by_a_test() -> None:
    areas = {area.name for area in vectors.load_all()}

    assert areas
    assert areas <= _loaded_areas(), "no test loads these"


def _test_citations() -> list[Citation]:
    return [
        citation
        for path in sorted(TESTS.rglob("test_*.py"))
        if path != OWN
        for citation in cited_by_test(path.read_text(encoding="utf-8"), path.name)
    ]


def _vector_citations() -> list[Citation]:
    """A vector counts only if a test reads its file."""
    loaded = _loaded_areas()
    return [
        Citation(name, f"{area.name}.json: {case['name']}", case["expect"] != "accept")
        for area in vectors.load_all()
        if area.name in loaded
        for case in area.cases
        for name in case["req"]
    ]


def _loaded_areas() -> set[str]:
    names: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
                called = called.id if isinstance(called, ast.Name) else called
                first = node.args[0]
                if called == "load" and isinstance(first, ast.Constant):
                    names.add(str(first.value))
    return names


def _code_ids() -> list[str]:
    found: set[str] = set()
    for path in (ROOT / "protocol").rglob("*.py"):
        found.update(cited_by_code(path.read_text(encoding="utf-8")))
    return sorted(found)


# The checker itself, on samples small enough to see through.

GOOD = """
The key words are to be read as in BCP 14: MUST and MAY.

**ABC-001** A decoder MUST reject trailing bytes.

> They would let two byte strings mean the same.

**ABC-002** A sender MAY leave out the field; SHA-256 and ABC-001 apply.

```
MUST in code is not a demand
```
"""


def _faults(text: str, *citations: Citation, code: tuple[str, ...] = ()) -> list[str]:
    spec = read_spec(text)
    return [*spec.faults, *orphans(spec, citations, code)]


SHOWN = (Citation("ABC-001", "t", is_negative=True), Citation("ABC-002", "t", is_negative=False))


def test_checker_is_content_with_a_good_document() -> None:
    assert _faults(GOOD, *SHOWN, code=("ABC-001",)) == []


@pytest.mark.parametrize(
    ("name", "text", "citations", "expected"),
    [
        ("id twice", GOOD + "\n**ABC-002** It MUST hold.\n", SHOWN, "defined twice"),
        ("word outside", GOOD + "\nIt MUST also shine.\n", SHOWN, "outside a numbered"),
        ("word in a note", GOOD + "\n> It SHOULD shine.\n", SHOWN, "outside a numbered"),
        ("no demand", GOOD + "\n**ABC-003** It shines.\n", SHOWN, "demands nothing"),
        ("no test", GOOD, SHOWN[:1], "ABC-002 (line 8) has no test"),
        (
            "unknown id",
            GOOD,
            (*SHOWN, Citation("ABC-009", "t", is_negative=False)),
            "cites unknown",
        ),
        ("dangling reference", GOOD + "\nSee ABC-007.\n", SHOWN, "does not exist"),
        (
            "refusal without a negative test",
            GOOD,
            (Citation("ABC-001", "t", is_negative=False), SHOWN[1]),
            "no test refuses",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "",
)
def test_checker_reports(
    name: str, text: str, citations: tuple[Citation, ...], expected: str
) -> None:
    faults = _faults(text, *citations)

    assert any(expected in fault for fault in faults), (name, faults)


def test_checker_reports_an_unknown_id_in_code() -> None:
    assert _faults(GOOD, *SHOWN, code=("ABC-008",)) == ["code names unknown ABC-008"]


SAMPLE = """
import pytest

@pytest.mark.spec("ABC-001", "ABC-002")
def test_decoder_takes_what_is_written():
    pass

@pytest.mark.spec("ABC-003")
@pytest.mark.parametrize("case", [1])
def test_trailing_bytes(case):
    with pytest.raises(ValueError):
        raise ValueError

class TestGate:
    @pytest.mark.spec("ABC-004")
    def test_gate_drops_strangers(self):
        pass
"""


def test_citations_are_found_with_their_sign() -> None:
    found = {one.name: one.is_negative for one in cited_by_test(SAMPLE, "sample")}

    assert found == {"ABC-001": False, "ABC-002": False, "ABC-003": True, "ABC-004": True}


def test_computed_ids_are_refused() -> None:
    with pytest.raises(AssertionError, match="literal"):
        cited_by_test("@pytest.mark.spec(name)\ndef test_x(): pass\n", "sample")


def test_ids_in_code_are_whole_strings() -> None:
    assert cited_by_code('raise Malformed("ABC-001", "see ABC-002")') == ["ABC-001"]
