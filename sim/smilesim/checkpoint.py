"""A city stored between two ticks, and taken up again as if nothing had been.

The file is a line of JSON, which says what is stored and which code wrote it, then a pickle. A
pickle means something only to the code that wrote it, and can make that code do anything: so a
file of another commit or format is refused unread, a damaged one by its hash, and only files of
the operator's own making are to be resumed at all.
"""

import copyreg
import hashlib
import io
import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

from smilesim import memory, origin, scenario
from smilesim.city import City
from smilesim.drive import Books
from smilesim.engine import TICKS_PER_SECOND
from smilesim.interrupts import check
from smilesim.recipe import Recipe
from smilesim.whole import write_whole
from smilesync.errors import SettingsError
from smilesync.keys import Ed25519Signer

FORMAT = "smilesim checkpoint 1"
HEADER_BYTES_MAX = 1 << 20
SUFFIX = ".checkpoint"


@dataclass(frozen=True, slots=True)
class Stored:
    """What a checkpoint holds: a city, and the recipe that it follows from."""

    recipe: Recipe
    city: City


class Paper:
    """What a pickle is written on, or read from. Errors: KeyboardInterrupt between two pieces."""

    def __init__(self, data: bytes = b"") -> None:
        self._buffer = io.BytesIO(data)

    def write(self, piece: bytes) -> None:
        check()
        self._buffer.write(piece)

    def read(self, size: int, /) -> bytes:
        check()
        return self._buffer.read(size)

    def readline(self) -> bytes:
        return self._buffer.readline()

    def data(self) -> bytes:
        """Return all of it."""
        return self._buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Keeper:
    """A probe that stores the city every `every_s` virtual seconds in `folder`.

    `tell` is given a line when a file cannot be written; the run goes on without any more of them.
    """

    recipe: Recipe
    every_s: int
    folder: Path
    tell: Callable[[str], None]

    async def __call__(self, city: City, books: Books) -> None:
        """Store the city at the end of its ticks, for as long as it runs."""
        every_ticks = self.every_s * TICKS_PER_SECOND
        for number in count(max(0, city.world.tick) // every_ticks + 1):
            await books.closed(number * every_ticks)
            if city.world.tick >= city.end_tick:
                return
            path = self.folder / file_name(self.recipe, number * self.every_s)
            try:
                write(path, Stored(self.recipe, city))
            except OSError as error:
                self.tell(f"{path}: cannot be written: {error.strerror}; no more checkpoints")
                return


def file_name(recipe: Recipe, second: int) -> str:
    """Return the name of a checkpoint; names sort by time."""
    chosen = recipe.scenario
    return f"{chosen.name}-p{chosen.peers}-s{recipe.seed}-at{second:05}{SUFFIX}"


def write(path: Path, stored: Stored) -> None:
    """Store a city between two ticks. It is at `path` as a whole or not at all.

    Errors: OSError.
    """
    data = _pickled(stored)
    header = {
        **_origin(),
        "memory_mib": _needed_mib(stored.city),
        "scenario_name": stored.recipe.scenario.name,
        "scenario_hash": scenario.digest(stored.recipe.scenario),
        "seed": stored.recipe.seed,
        "tick": stored.city.world.tick,
        "digest": stored.city.trace.digest(),
        "payload_bytes": len(data),
        "payload_hash": hashlib.sha256(data).hexdigest(),
    }
    write_whole(path, json.dumps(header).encode() + b"\n" + data)


def memory_mib(path: Path) -> int:
    """Return about how much memory a city will need that is stored there.

    Errors: SettingsError as `read`.
    """
    with _opened(path) as file:
        found = _header(path, file.readline(HEADER_BYTES_MAX)).get("memory_mib")
    if type(found) is not int or found < 0:
        raise SettingsError(f"{path}, line 1, memory_mib: expected a whole number, got {found!r}")
    return found


def read(path: Path) -> Stored:
    """Return what a checkpoint holds.

    Errors: SettingsError for a file that this code did not write, or that has changed since.
    """
    with _opened(path) as file:
        header = _header(path, file.readline(HEADER_BYTES_MAX))
        data = file.read()
    if len(data) != header.get("payload_bytes"):
        expected = header.get("payload_bytes")
        raise SettingsError(f"{path}: expected {expected} bytes after line 1, got {len(data)}")
    if hashlib.sha256(data).hexdigest() != header.get("payload_hash"):
        raise SettingsError(f"{path}, line 1, payload_hash: does not fit the bytes that follow")
    stored = _unpickled(path, data)
    found: dict[str, object] = {
        "scenario_name": stored.recipe.scenario.name,
        "scenario_hash": scenario.digest(stored.recipe.scenario),
        "seed": stored.recipe.seed,
        "tick": stored.city.world.tick,
        "digest": stored.city.trace.digest(),
    }
    _compare(path, header, found)
    return stored


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None


def _needed_mib(city: City) -> int:
    """Return what the city was estimated to need when it was settled."""
    links = sum(len(device.links) for device in city.devices)
    followers = sum(len(group) for group in city.plan.crowd.followers)
    return memory.city_mib(len(city.devices), links / 2, followers)


def _origin() -> dict[str, object]:
    """Return what must be equal where a checkpoint is written and where it is read."""
    return {
        "format": FORMAT,
        "commit": origin.commit(),
        "code_hash": origin.code_hash(),
        "python": origin.python(),
    }


def _header(path: Path, line: bytes) -> dict[str, object]:
    try:
        header: object = json.loads(line)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or "format" not in header:
        raise SettingsError(f"{path}, line 1: expected a checkpoint, {FORMAT}")
    _compare(path, header, _origin())
    return header


def _compare(path: Path, header: dict[str, object], expected: dict[str, object]) -> None:
    for key, value in expected.items():
        if header.get(key) != value:
            raise SettingsError(
                f"{path}, line 1, {key}: expected {value}, got {header.get(key)}; "
                "a checkpoint goes on with the code that wrote it, unchanged"
            )


def _pickled(stored: Stored) -> bytes:
    paper = Paper()
    pickler = pickle.Pickler(paper, protocol=pickle.HIGHEST_PROTOCOL)
    # The core's signer keeps no seed, and its key is of a library that does not pickle it.
    pickler.dispatch_table = {**copyreg.dispatch_table, Ed25519Signer: _reduced}
    pickler.dump(stored)
    return paper.data()


def _unpickled(path: Path, data: bytes) -> Stored:
    try:
        stored: object = pickle.load(Paper(data))  # noqa: S301 - by this code, as the header says
    except Exception as error:  # noqa: BLE001 - what is no pickle can raise anything
        kind = type(error).__name__
        raise SettingsError(f"{path}: expected a stored city after line 1 ({kind})") from None
    if not isinstance(stored, Stored):
        raise SettingsError(f"{path}: expected a stored city after line 1")
    return stored


def _reduced(signer: Ed25519Signer) -> tuple[type[Ed25519Signer], tuple[bytes]]:
    """Return how to make the signer again: from its 32-byte seed."""
    return Ed25519Signer, (signer._key.private_bytes_raw(),)  # noqa: SLF001
