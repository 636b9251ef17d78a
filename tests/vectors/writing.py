"""How generated vectors look: one case as JSON, values in readable form."""

import dataclasses
import json
from pathlib import Path

JsonValue = None | bool | int | str | list["JsonValue"] | dict[str, "JsonValue"]
Case = dict[str, JsonValue]

FOLDER = Path(__file__).resolve().parent
LATER = frozenset({"reveal", "rotated"})
EXACT_IN_JSON = (1 << 53) - 1


def accept(
    name: str, req: str, given: dict[str, bytes], result: JsonValue = None, *, note: str = ""
) -> Case:
    """Return a case that an implementation takes; `req` holds IDs divided by blanks."""
    return _case(name, req, given, {"expect": "accept"}, {"result": result, "note": note})


def reject(name: str, req: str, given: dict[str, bytes], *, note: str = "") -> Case:
    """Return a case that an implementation refuses; the first ID is the rule that is broken."""
    expect: Case = {"expect": "reject", "error": req.split()[0]}
    return _case(name, req, given, expect, {"note": note})


def _case(name: str, req: str, given: dict[str, bytes], expect: Case, more: Case) -> Case:
    head: Case = {"name": name, "req": list[JsonValue](req.split())}
    head["given"] = {key: value.hex() for key, value in given.items()}
    return head | expect | {key: value for key, value in more.items() if value}


def plain(value: object) -> JsonValue:
    """Return a value as JSON: bytes as hex, integers beyond 2**53 as decimal text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= EXACT_IN_JSON else str(int(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(item) for name, item in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    assert dataclasses.is_dataclass(value)
    named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: plain(item) for name, item in named.items() if not _is_absent(name, item)}


def _is_absent(name: str, item: object) -> bool:
    """Is this an optional field that vectors written before it do not have?"""
    return item in (None, ()) and name in LATER


def diagnostic(value: object) -> str:
    """Return a decoded item in CBOR diagnostic notation (RFC 8949 section 8)."""
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, list):
        return "[" + ", ".join(diagnostic(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {diagnostic(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def text_of(area: str, cases: list[Case]) -> str:
    """Return the whole file, one case a line so that a change shows as one line."""
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    return f'{{"area": {json.dumps(area)}, "cases": [\n{lines}\n]}}\n'
