"""The published CDDL describes what the codec writes, and SPEC.md prints the same text.

pycddl lets some wrong arrays inside arrays and maps through, so it is a witness for valid bytes
and for maps, not the judge of everything; the codec is.
"""

import re
from pathlib import Path

import pycddl  # type: ignore[import-untyped]  # it ships no types
import pytest

from support.vectors import Case, by_name, load

ROOT = Path(__file__).resolve().parent.parent.parent
CDDL = (ROOT / "tests" / "vectors" / "smilesync.cddl").read_text(encoding="utf-8")
MESSAGES = load("message")
RECORDS = load("record")
OBJECTS = load("object")


def _validate(rule: str, data: bytes) -> None:
    pycddl.Schema(f"root = {rule}\n{CDDL}").validate_cbor(data)


def _rule_of(case: Case) -> str:
    """Turn a class name such as DecidedRecord into its CDDL name."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", str(case["result"]["type"])).lower()


@pytest.mark.parametrize("case", [c for c in MESSAGES if c["expect"] == "accept"], ids=by_name)
def test_cddl_describes_each_message(case: Case) -> None:
    rule = _rule_of(case)
    data = bytes.fromhex(str(case["given"]["message"]))

    if "MSG-004" in case["req"]:  # the CDDL says: without the keys from 64 on
        with pytest.raises(pycddl.ValidationError):
            _validate(rule, data)
    else:
        _validate(rule, data)


@pytest.mark.parametrize("case", [c for c in RECORDS if c["expect"] == "accept"], ids=by_name)
def test_cddl_describes_each_record(case: Case) -> None:
    _validate(_rule_of(case), bytes.fromhex(str(case["given"]["record"])))


@pytest.mark.parametrize("case", [c for c in OBJECTS if c["expect"] == "accept"], ids=by_name)
def test_cddl_describes_each_object(case: Case) -> None:
    _validate("object", bytes.fromhex(str(case["given"]["object"])))


CLOCK_FAULTS = [
    case for case in MESSAGES if case["name"].startswith("CLOCK") and case["expect"] == "reject"
]


@pytest.mark.spec("MSG-003", "MSG-006", "MSG-010")
@pytest.mark.parametrize("case", CLOCK_FAULTS, ids=by_name)
def test_cddl_refuses_each_fault_of_a_clock_message(case: Case) -> None:
    with pytest.raises(pycddl.ValidationError):
        _validate("clock", bytes.fromhex(str(case["given"]["message"])))


def test_specification_prints_the_same_cddl() -> None:
    text = (ROOT / "SPEC.md").read_text(encoding="utf-8")
    printed = "\n".join(re.findall(r"```cddl\n(.*?)```", text, re.DOTALL))
    blocks = [block.strip() for block in CDDL.split("\n\n") if not block.startswith("; The shape")]

    missing = [block for block in blocks if block not in printed]

    assert not missing, missing[0]


def test_specification_prints_its_examples_as_the_vectors_have_them() -> None:
    text = (ROOT / "SPEC.md").read_text(encoding="utf-8")
    fences = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    printed = [re.sub(r"\s+", "", re.sub(r";.*", "", fence)) for fence in fences]
    examples = {
        "message": ("CLOCK, answer", "VOTES, two of one set", "STATUS, nothing held"),
        "object": (
            "emotion outside circles",
            "a voter key in a circle, epoch 3",
        ),
        "record": ("Nullified", "Finalized"),
    }

    for cases, area in ((MESSAGES, "message"), (OBJECTS, "object"), (RECORDS, "record")):
        by_title = {case["name"]: case for case in cases}
        for title in examples[area]:
            assert str(by_title[title]["given"][area]) in printed, title
