"""Which code is running: what a replay or a checkpoint must name to be repeated exactly."""

import hashlib
import platform
from functools import cache
from importlib import resources, util
from pathlib import Path

PACKAGES = ("smilesync", "smilesyncd", "smilesim")
UNKNOWN = "unknown"


@cache
def commit() -> str:
    """Return the commit of the checkout this code runs from, "unknown" outside one."""
    for folder in Path(__file__).resolve().parents:
        git = folder / ".git"
        if git.exists():
            return head_of(git)
    return UNKNOWN


@cache
def code_hash() -> str:
    """Return SHA-256 over all our sources, in hexadecimal.

    It tells a changed tree from the commit it was changed from, and needs no checkout.
    """
    sha = hashlib.sha256()
    for package in PACKAGES:
        top = Path(str(resources.files(package)))
        for path in sorted(top.rglob("*.py")):
            data = path.read_bytes()
            sha.update(f"{package}/{path.relative_to(top).as_posix()} {len(data)}\n".encode())
            sha.update(data)
    return sha.hexdigest()


def is_compiled() -> bool:
    """Return whether the core runs as C: then nothing can be planted in it."""
    spec = util.find_spec("smilesync.peer")
    return spec is not None and not str(spec.origin).endswith(".py")


def python() -> str:
    """Return the interpreter, its minor version, and whether the core is compiled: what decides
    what a pickle means.
    """
    major, minor, _ = platform.python_version_tuple()
    how = ", compiled" if is_compiled() else ""
    return f"{platform.python_implementation()} {major}.{minor}{how}"


def head_of(git: Path) -> str:
    """Return the commit of a checkout whose `.git` this is: a folder, or a file that names one.

    A file it is in a linked working tree, whose own folder names the one with the branches.
    """
    try:
        if git.is_file():
            named = git.read_text(encoding="utf-8").strip()
            git = git.parent / named.removeprefix("gitdir: ")
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name, common = head.removeprefix("ref: "), git / "commondir"
        if common.is_file():
            git = git / common.read_text(encoding="utf-8").strip()
        if (git / name).is_file():
            return (git / name).read_text(encoding="ascii").strip()
        for line in (git / "packed-refs").read_text(encoding="ascii").splitlines():
            if line.endswith(f" {name}"):
                return line.split()[0]
    except OSError:
        pass
    return UNKNOWN
