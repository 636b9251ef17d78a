"""Compares the numbered requirements of SPEC.md with the tests and vectors that show them."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

ID = re.compile(r"[A-Z]{3}-[0-9]{3}")
DEFINITION = re.compile(r"^(?:[-*] )?\*\*([A-Z]{3}-[0-9]{3})\*\*")
KEYWORD = re.compile(r"\b(MUST|SHALL|SHOULD|MAY|REQUIRED|RECOMMENDED|OPTIONAL)\b")


# A sentence that demands a refusal; it proves nothing until something was refused.
REFUSAL = re.compile(
    r"MUST (?:be )?(?:reject|refuse|drop|discard|ignore)"
    r"|MUST NOT (?:be )?(?:accept|count|follow|answer)"
)
NEGATIVE_NAME = re.compile(
    r"(?:^|_)(rejects?|rejected|refuses?|refused|ignores?|ignored|drops?|dropped|discards?"
    r"|discarded|never|not|no|cannot|without|unsafe|forged|foreign|stale|malformed|only|nothing"
    r"|bad|hostile|wrong)(?:_|$)"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One numbered sentence of the specification."""

    name: str
    text: str
    line: int

    @property
    def wants_refusal(self) -> bool:
        return REFUSAL.search(self.text) is not None


@dataclass(frozen=True, slots=True)
class Citation:
    """A test or vector that says which requirement it shows."""

    name: str
    where: str
    is_negative: bool


@dataclass(frozen=True, slots=True)
class Spec:
    """What was read of the document: requirements in order, and faults of its form."""

    requirements: tuple[Requirement, ...]
    faults: tuple[str, ...]


def read_spec(text: str) -> Spec:
    """Split the document into paragraphs and collect its requirements and faults of form."""
    requirements: list[Requirement] = []
    faults: list[str] = []
    for line, paragraph in _paragraphs(text):
        found = DEFINITION.match(paragraph)
        if found:
            requirements.append(Requirement(found[1], paragraph, line))
            if not KEYWORD.search(paragraph):
                faults.append(f"line {line}: {found[1]} demands nothing (no BCP 14 word)")
        elif KEYWORD.search(paragraph) and "BCP 14" not in paragraph:
            word = KEYWORD.search(paragraph)
            assert word is not None
            faults.append(f"line {line}: {word[1]} outside a numbered requirement")
    names = [one.name for one in requirements]
    faults += [f"{name} is defined twice" for name in _doubles(names)]
    areas = {name[:4] for name in names}
    for name in sorted(set(ID.findall(text)) - set(names)):
        if name[:4] in areas:
            faults.append(f"the text refers to {name}, which does not exist")
    return Spec(tuple(requirements), tuple(faults))


def cited_by_test(source: str, where: str) -> list[Citation]:
    """Collect `pytest.mark.spec("ABC-001", ...)` from one test file."""
    citations: list[Citation] = []
    tree = ast.parse(source)
    owners = _owners(tree)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and _is_spec_mark(node.func)):
            continue
        owner = owners.get(node)
        name = owner.name if owner else "module"
        is_negative = bool(owner and (NEGATIVE_NAME.search(owner.name) or _expects_error(owner)))
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                citations.append(Citation(argument.value, f"{where}::{name}", is_negative))
            else:
                raise AssertionError(f"{where}::{name}: cite requirements by literal IDs")
    return citations


def cited_by_code(source: str) -> list[str]:
    """Collect the IDs that code names as whole string literals, as errors do."""
    return sorted(
        {
            node.value
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and ID.fullmatch(node.value)
        }
    )


def orphans(spec: Spec, citations: Sequence[Citation], code_ids: Iterable[str]) -> list[str]:
    """Say which requirements lack a test, and which citations lack a requirement."""
    known = {one.name for one in spec.requirements}
    shown = {one.name for one in citations}
    refused = {one.name for one in citations if one.is_negative}
    faults = [f"{one.where} cites unknown {one.name}" for one in citations if one.name not in known]
    faults += [f"code names unknown {name}" for name in sorted(set(code_ids) - known)]
    for one in spec.requirements:
        if one.name not in shown:
            faults.append(f"{one.name} (line {one.line}) has no test")
        elif one.wants_refusal and one.name not in refused:
            faults.append(f"{one.name} (line {one.line}) demands a refusal, no test refuses")
    return faults


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Yield (first line, joined text); a fence is skipped, each requirement starts a paragraph."""
    start, held, is_fenced = 0, list[str](), False
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.lstrip().startswith("```"):
            is_fenced = not is_fenced
            continue
        if is_fenced:
            continue
        is_new = not line.strip() or DEFINITION.match(line) or line.startswith((">", "#", "|"))
        if is_new and held:
            yield start, " ".join(held)
            held = []
        if line.strip():
            start = start if held else number
            held.append(line.strip())


def _doubles(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _is_spec_mark(func: ast.expr) -> bool:
    return (
        isinstance(func, ast.Attribute)
        and func.attr == "spec"
        and isinstance(func.value, ast.Attribute)
        and func.value.attr == "mark"
    )


Owner = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _owners(tree: ast.Module) -> dict[ast.AST, Owner]:
    """Map each node to the innermost function or class whose decorators or body hold it."""
    owners: dict[ast.AST, Owner] = {}
    for node in ast.walk(tree):  # breadth first: inner definitions overwrite outer ones
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for inner in ast.walk(node):
                owners[inner] = node
    return owners


def _expects_error(owner: Owner) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute | ast.Name)
        and (node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id) == "raises"
        for node in ast.walk(owner)
    )
