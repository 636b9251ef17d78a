"""Compiles the core and the simulator's inner loops, for whoever waits for a large city.

`make fast` builds a wheel with this hook on; every other build leaves it off. The sources are the
same, so is every digest. mypyc reads a copy of them, with what a class needs to be stored in a
checkpoint and taken up again.
"""

import ast
import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, TypeGuard

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from mypyc.build import mypycify
from setuptools import Distribution

PACKAGES = ("protocol/smilesync", "node/smilesyncd", "sim/smilesim")
INTERPRETED = ("smilesync/mesh/noise.py",)
"""What is left as it is: a library without types would have to be taken at its word."""
INNER_LOOPS = (
    *("ballots", "boundscheck", "checks", "circlecheck", "contacts", "coverage", "crowd"),
    *("decision", "device", "dice", "echoes"),
    *(
        "disk",
        "displaycheck",
        "engine",
        "execution",
        "equals",
        "eyes",
        "farcheck",
        "fate",
        "hearing",
    ),
    *("inputcheck", "lightsample", "liveness", "measure", "mergecheck", "oscillator", "overlap"),
    *("pace", "radio"),
    *("restartcheck", "retention", "rolls", "seatcheck", "stagecheck", "successioncheck"),
    *("successors", "timeline", "toy", "trace", "verify", "votecheck", "wearers", "wire", "world"),
)
"""Modules of the simulator in which a run spends its time."""
JUDGES = ("chains", "flashes", "judge")
"""Those of the node that judge each frame of light that a run draws."""

OPTIMISE = "2"
SETTINGS = """
[mypy]
python_version = 3.11
[mypy-noise.*]
ignore_missing_imports = True
[mypy-spidev]
ignore_missing_imports = True
"""

NOT_NATIVE = {"Enum", "IntEnum", "IntFlag", "StrEnum", "Flag", "NamedTuple", "Protocol"}
IMPORT = "\nfrom typing import Final\n\nfrom mypy_extensions import mypyc_attr\n"
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]+|_[a-z][a-z_]*")
"""How a name is spelled that is bound once, at the top of a module."""
UNION = re.compile(r"[A-Z]\w*[a-z]\w*( \| [A-Z]\w*[a-z]\w*)*")
"""Of classes, which is a type."""
MARK = "@mypyc_attr(allow_interpreted_subclasses=True)\n"
MARK_OF_CORE = "@mypyc_attr(allow_interpreted_subclasses=True, acyclic=True)\n"
REMADE = """
    def __reduce__(self) -> tuple[object, ...]:
        names: tuple[str, ...] = type(self).__match_args__
        return type(self), tuple([getattr(self, name) for name in names])
"""


class CompiledBuild(BuildHookInterface[Any]):
    """Puts compiled modules beside their sources into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; the wheel takes the results from a folder that goes with this hook."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        top = Path(self._folder.name)
        for package in PACKAGES:
            shutil.copytree(Path(self.root) / package, top / "src" / Path(package).name)
        build(top / "src", top / "lib")
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        for path in sorted((top / "lib").rglob("*.so")):
            build_data["force_include"][str(path)] = path.relative_to(top / "lib").as_posix()

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was only on the way."""
        if version != "editable":
            self._folder.cleanup()


def build(source: Path, library: Path) -> None:
    """Compile a copy of the packages in `source`, which is changed, to modules in `library`.

    Errors: SystemExit when mypyc or the C compiler refuses something.
    """
    paths = [
        path for path in sorted((source / "smilesync").rglob("*.py")) if path.stem != "__init__"
    ]
    paths = [path for path in paths if path.relative_to(source).as_posix() not in INTERPRETED]
    paths += [source / "smilesim" / f"{name}.py" for name in INNER_LOOPS]
    paths += [source / "smilesyncd" / "analyser" / f"{name}.py" for name in JUDGES]
    for path in paths:
        is_core = path.is_relative_to(source / "smilesync")
        text = storable(path.read_text(encoding="utf-8"), is_core=is_core)
        path.write_text(text, encoding="utf-8")
    settings = source / "mypy.ini"
    settings.write_text(SETTINGS, encoding="utf-8")
    packages = [part for package in PACKAGES for part in ("-p", Path(package).name)]
    os.environ["MYPYPATH"] = str(source)
    with contextlib.chdir(source):  # mypyc leaves its C files where it is called
        extensions = mypycify(
            ["--config-file", str(settings), *packages],
            only_compile_paths=[str(path) for path in paths],
            opt_level=OPTIMISE,
            debug_level="0",
            multi_file=True,
            group_name="smilesync",
        )
        command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(library), str(source / "objects")
        command.ensure_finalized()
        command.run()


def storable(text: str, *, is_core: bool) -> str:
    """Return the source of a module as it is compiled: what it makes can be stored.

    A native class is made without its constructor only where others may derive from it; a frozen
    dataclass takes no attributes afterwards, so it is made by its constructor again. What
    `dataclass` makes is interpreted, and takes 15 times as long as what is written out here.
    The core makes no cycles, so its objects need not be known to the collector: 16 bytes less each.
    """
    tree = ast.parse(text)
    lines = _with_constants(text.splitlines(keepends=True), tree)
    added = {
        node.lineno - 1: MARK_OF_CORE if is_core and not node.bases else MARK
        for node in ast.walk(tree)
        if _is_native(node)
    }
    made = {node.end_lineno: made_by(node) for node in ast.walk(tree) if _is_frozen(node)}
    for row, addition in sorted((added | made).items(), reverse=True):
        lines.insert(row, addition)
    if added or "Final" in "".join(lines):
        lines.insert(tree.body[0].end_lineno or 0, IMPORT)  # after the docstring
    return "".join(lines)


def _with_constants(lines: list[str], tree: ast.Module) -> list[str]:
    """Say of each name in capitals that it stays what it is: else it is looked up at each use."""
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(node, ast.Assign) or not isinstance(target, ast.Name):
            continue
        is_constant = CONSTANT.fullmatch(target.id) and not isinstance(node.value, ast.Tuple)
        if not is_constant or UNION.fullmatch(ast.unparse(node.value)):
            continue
        row, column = target.lineno - 1, target.end_col_offset or 0
        is_number = isinstance(node.value, ast.Constant) and type(node.value.value) is int
        kind = ": Final[int]" if is_number else ": Final"
        lines[row] = lines[row][:column] + kind + lines[row][column:]
    return lines


def _is_native(node: ast.AST) -> TypeGuard[ast.ClassDef]:
    """Will mypyc make a class of its own kind of this?"""
    if not isinstance(node, ast.ClassDef) or node.decorator_list:
        return False
    bases = [ast.unparse(base).split("[")[0] for base in node.bases]
    return not any(base in NOT_NATIVE or base.endswith(("Error", "Exception")) for base in bases)


def made_by(frozen: ast.ClassDef) -> str:
    """Return what a dataclass is given, as source: what `dataclass` would make, and its storing."""
    is_ordered = "order=True" in ast.unparse(frozen.decorator_list[0])
    comparison = "" if is_ordered else equality(frozen)
    return constructor(frozen) + comparison + REMADE


def constructor(frozen: ast.ClassDef) -> str:
    """Return what `dataclass` would make, as source; nothing where it does more than assign."""
    fields = _plain_fields(frozen)
    if not fields:
        return ""
    given = ", ".join(ast.unparse(one) for one in fields)
    names = [ast.unparse(one.target) for one in fields]
    head = f"\n    def __init__(self, {given}) -> None:\n"
    return head + "".join(f"        self.{n} = {n}  # type: ignore[misc]\n" for n in names)


def equality(frozen: ast.ClassDef) -> str:
    """Return how `dataclass` compares and hashes, as source: nobody derives from a frozen one."""
    names = [ast.unparse(one.target) for one in _plain_fields(frozen)]
    if not names:
        return ""
    mine, others = (_tuple_of(owner, names) for owner in ("self", "other"))
    return f"""
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, {frozen.name}):
            return NotImplemented
        return {mine} == {others}

    def __hash__(self) -> int:
        return hash({mine})
"""


def _tuple_of(owner: str, names: list[str]) -> str:
    return "(" + "".join(f"{owner}.{name}, " for name in names) + ")"


def _plain_fields(frozen: ast.ClassDef) -> list[ast.AnnAssign]:
    """Return the fields of a dataclass, none at all where one of them is made by a call."""
    fields = [one for one in frozen.body if isinstance(one, ast.AnnAssign)]
    is_plain = not any(ast.unparse(one.value or one).startswith("field(") for one in fields)
    return fields if is_plain else []


def _is_frozen(node: ast.AST) -> TypeGuard[ast.ClassDef]:
    if not isinstance(node, ast.ClassDef):
        return False
    decorators = (ast.unparse(decorator) for decorator in node.decorator_list)
    return any(one.startswith("dataclass(frozen=True") for one in decorators)
