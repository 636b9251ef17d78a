"""The house rules that a program can hold us to."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LINES_PER_FILE_MAX = 400
LINES_PER_FUNCTION_MAX = 60
COLUMNS_MAX = 100
PARAMETERS_MAX = 5

BANNED_MODULE_NAMES = {
    *("utils", "util", "helpers", "helper", "common", "misc", "manager", "handler"),
    *("base", "impl", "data", "info"),
}
BANNED_WORDS = re.compile(r"\b(FIXME|XXX|HACK|HURZ|junkdrawer)\b|\bTODO\b(?!.*#\d+)")
CORE_IMPORTS = {
    *("array", "bisect", "collections", "dataclasses", "enum", "functools", "hashlib", "hmac"),
    *("smilesync", "struct", "typing"),
}
# Who may import more than the core's common list, and why it is needed there only.
CORE_EXCEPTIONS = {
    "wire/cbor.py": {"cbor2"},
    "keys.py": {"cryptography"},
    "mesh/noise.py": {"cryptography", "noise", "warnings"},
}
MATH_FOLDERS = ("light/",)
# Who may catch everything: a command's last line of defence; the city, for which whatever a device
# raises is a verdict; a checkpoint, because what is no pickle raises anything.
CATCHERS = {"main.py", "city.py", "checkpoint.py"}


def _sources(*tops: str) -> list[Path]:
    return sorted(
        path
        for top in tops
        for path in (ROOT / top).rglob("*.py")
        if "__pycache__" not in path.parts
    )


PRODUCT = _sources("protocol", "node", "sim")
ALL = [*PRODUCT, *_sources("tests")]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def _check(paths: list[Path], fault: Callable[[Path], list[str]]) -> None:
    faults = [f"{_name(path)}: {one}" for path in paths for one in fault(path)]
    assert not faults, "\n".join(faults)


def test_there_is_something_to_check() -> None:
    assert len(PRODUCT) > 20


def test_assertions_are_on() -> None:
    assert __debug__


def test_files_hold_one_idea() -> None:
    def fault(path: Path) -> list[str]:
        count = len(path.read_text(encoding="utf-8").splitlines())
        return [f"{count} lines"] if count > LINES_PER_FILE_MAX else []

    _check(PRODUCT, fault)


def test_functions_fit_on_a_screen() -> None:
    def fault(path: Path) -> list[str]:
        return [
            f"{one.name} has {length} lines"
            for one in _functions(path)
            if (length := (one.end_lineno or one.lineno) - one.lineno + 1) > LINES_PER_FUNCTION_MAX
        ]

    # Scripts that write test vectors are long tables of cases.
    _check([path for path in ALL if not path.name.startswith("make_")], fault)


def test_functions_take_few_parameters() -> None:
    """A constructor wires parts together and may take as many as there are parts."""

    def fault(path: Path) -> list[str]:
        return [
            f"{one.name} takes more than {PARAMETERS_MAX} parameters"
            for one in _functions(path)
            if one.name != "__init__" and len(_parameters(one)) > PARAMETERS_MAX
        ]

    _check(PRODUCT, fault)


def _parameters(function: Function) -> list[str]:
    arguments = function.args
    listed = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return [one.arg for one in listed if one.arg not in ("self", "cls")]


def test_lines_are_short() -> None:
    def fault(path: Path) -> list[str]:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [f"line {n}" for n, line in enumerate(lines, 1) if len(line) > COLUMNS_MAX]

    _check(ALL, fault)


def test_modules_are_named_after_a_thing() -> None:
    def fault(path: Path) -> list[str]:
        parts = {path.stem, *path.relative_to(ROOT).parent.parts}
        return [f"no noun: {part}" for part in sorted(parts & BANNED_MODULE_NAMES)]

    _check(ALL, fault)


def test_nothing_is_left_for_later_without_an_issue() -> None:
    def fault(path: Path) -> list[str]:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [f"line {n}" for n, line in enumerate(lines, 1) if BANNED_WORDS.search(line)]

    _check([path for path in ALL if path != Path(__file__).resolve()], fault)


def test_every_module_says_what_it_is() -> None:
    def fault(path: Path) -> list[str]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return ["no docstring"] if tree.body and not ast.get_docstring(tree) else []

    _check(ALL, fault)


def test_the_core_imports_only_what_keeps_it_pure() -> None:
    core = ROOT / "protocol" / "smilesync"

    def fault(path: Path) -> list[str]:
        own = path.relative_to(core).as_posix()
        allowed = CORE_IMPORTS | CORE_EXCEPTIONS.get(own, set())
        if own.startswith(MATH_FOLDERS):
            allowed = allowed | {"math"}
        return [f"imports {top}" for top in sorted(_imported(path) - allowed)]

    _check(_sources("protocol"), fault)


def _imported(path: Path) -> set[str]:
    tops: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            tops.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            tops.add((node.module or "").split(".")[0])
    return tops


def test_only_who_must_catches_everything() -> None:
    def fault(path: Path) -> list[str]:
        if path.name in CATCHERS:
            return []
        return [
            f"line {node.lineno} catches everything"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ExceptHandler)
            and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in BROAD))
        ]

    _check(PRODUCT, fault)


BROAD = {"Exception", "BaseException"}


def test_the_core_never_depends_on_hashing_order() -> None:
    """`hash()` differs between processes and `id()` between runs; both would split a digest."""

    def fault(path: Path) -> list[str]:
        return [
            f"line {node.lineno} calls {node.func.id}()"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("hash", "id")
        ]

    _check(_sources("protocol"), fault)


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"])
def test_the_papers_are_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 500
