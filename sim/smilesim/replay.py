"""The replay file: a run's recipe and what came of it, as TOML that a person can read and diff.

The third line is a checksum of all lines below it. So a file that was edited, mixed up or cut off
is refused before anything runs; who wants another run writes a scenario file.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from smilesim import origin, scenario
from smilesim.city import City
from smilesim.device import PeerMaker
from smilesim.engine import TICKS_PER_SECOND
from smilesim.fidelity import NAMES
from smilesim.page import Page, Place
from smilesim.recipe import Contacts, Recipe, crowd, settle
from smilesim.report import NOT_SEEN, report
from smilesim.violations import Violation
from smilesim.whole import write_whole
from smilesync.errors import SettingsError

FORMAT = 1
FILE_BYTES_MAX = 16 * 1024 * 1024
HEAD_LINES = 3
SCENARIO_LINE = 'scenario = """'
TITLE = "# A run of a simulated city. To repeat it: smilesim replay FILE"

Value = TypeVar("Value")

_HASH = re.compile("[0-9a-f]{64}")
_SECOND = re.compile("[0-9a-f]{16}")
_COMMIT = re.compile(f"[0-9a-f]{{1,64}}|{origin.UNKNOWN}")
_CHECKSUM = re.compile(r'checksum = "([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that was: what decided it, which code ran, and what came of it.

    `digest_by_second` is the digest at the end of each virtual second, shortened.
    """

    recipe: Recipe
    commit: str
    code_hash: str
    digest: str
    digest_by_second: tuple[str, ...]
    violations: tuple[Violation, ...]

    @property
    def broken(self) -> tuple[Violation, ...]:
        """Return what failed the run: broken promises that nobody conceded."""
        return tuple(one for one in self.violations if not one.is_conceded)


def of(recipe: Recipe, city: City) -> Replay:
    """Return the replay of a run that is over and judged."""
    return Replay(
        recipe,
        commit=origin.commit(),
        code_hash=origin.code_hash(),
        digest=city.trace.digest(),
        digest_by_second=city.trace.seconds,
        violations=tuple(city.violations.kept),
    )


def record(recipe: Recipe, *, make_peer: PeerMaker | None = None) -> Replay:
    """Run a recipe to its end and judge it.

    Errors: SettingsError as `crowd`; KeyboardInterrupt when the operator ended it: an interrupted
    run says nothing.
    """
    city = settle(recipe, crowd(recipe), make_peer)
    city.run_whole()
    report(city)
    return of(recipe, city)


def file_name(recipe: Recipe) -> str:
    """Return how the replay of a run is called if nobody names it."""
    chosen = recipe.scenario
    return f"{chosen.name}-p{chosen.peers}-s{recipe.seed}.replay.toml"


def first_difference_s(one: Replay, other: Replay) -> int | None:
    """Return the first virtual second in which two runs differ, counted from 1; None: nowhere."""
    pairs = zip(one.digest_by_second, other.digest_by_second, strict=False)
    for second, (left, right) in enumerate(pairs, 1):
        if left != right:
            return second
    if one.digest == other.digest:
        return None
    return min(len(one.digest_by_second), len(other.digest_by_second)) + 1


def is_judged_the_same(one: Replay, other: Replay) -> bool:
    """Were the same promises broken? Faults that never fired may be a matter of a whole sweep."""
    left, right = (
        [(v.rule, v.tick, v.peer) for v in each.violations if v.rule != NOT_SEEN]
        for each in (one, other)
    )
    return left == right


def render(replay: Replay) -> str:
    """Return the text of the file."""
    recipe = replay.recipe
    text = scenario.render(recipe.scenario)
    lines = [
        f"scenario_name = {_quoted(recipe.scenario.name)}",
        f'scenario_hash = "{scenario.digest(recipe.scenario)}"',
        f"seed = {recipe.seed}",
        f"fidelity = {_quoted(recipe.fidelity)}",
        f"keep_going = {str(recipe.keep_going).lower()}",
    ]
    if recipe.contacts is not None:
        lines.append(f"contacts = {_quoted(str(recipe.contacts.path))}")
        lines.append(f'contacts_hash = "{recipe.contacts.digest}"')
    lines += [
        f'commit = "{replay.commit}"',
        f'code_hash = "{replay.code_hash}"',
        f'digest = "{replay.digest}"',
        "digest_by_second = [",
        *(f'  "{one}", # {at}' for at, one in enumerate(replay.digest_by_second, 1)),
        "]",
        SCENARIO_LINE,
        text.replace("\\", "\\\\").replace('"""', '""\\"').removesuffix("\n"),
        '"""',
    ]
    for one in replay.violations:
        lines += [
            "",
            "[[violation]]",
            f"rule = {_quoted(one.rule)}",
            f"tick = {one.tick}",
            f"peer = {one.peer}",
            f"detail = {_quoted(one.detail)}",
            *(["is_conceded = true"] if one.is_conceded else []),
        ]
    body = "\n".join(lines) + "\n"
    return f'{TITLE}\nformat = {FORMAT}\nchecksum = "{_sha(body)}"\n{body}'


def write(path: Path, replay: Replay) -> None:
    """Write the file as a whole; raises SettingsError when it cannot be written."""
    try:
        write_whole(path, render(replay).encode())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from None


def read(path: Path) -> Replay:
    """Read and check a file; raises SettingsError with file, line and what was expected."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        text = data.decode()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: expected a replay file, which is text") from None
    if len(data) > FILE_BYTES_MAX:
        raise SettingsError(f"{path}: expected at most {FILE_BYTES_MAX} bytes")
    return parse(text, str(path))


def parse(text: str, source: str) -> Replay:
    """Check the text of a replay file; raises SettingsError as `read` does."""
    _check_head(text, source)
    page = Page(source, text)
    top = _Table(page, Place(), page.read())
    recipe = _recipe(top)
    replay = Replay(
        recipe,
        commit=top.commit_of("commit"),
        code_hash=top.hash_of("code_hash"),
        digest=top.hash_of("digest"),
        digest_by_second=top.seconds_of("digest_by_second", recipe.scenario.seconds),
        violations=tuple(map(_violation, top.tables_of("violation"))),
    )
    top.check_empty()
    return replay


def _check_head(text: str, source: str) -> None:
    lines = text.split("\n", HEAD_LINES)
    if len(lines) <= HEAD_LINES or not lines[1].startswith("format = "):
        raise SettingsError(f"{source}, line 2, format: expected a replay file, format = {FORMAT}")
    if lines[1] != f"format = {FORMAT}":
        found = lines[1].removeprefix("format = ")
        raise SettingsError(f"{source}, line 2, format: expected {FORMAT}, got {found}")
    stated = _CHECKSUM.fullmatch(lines[2])
    if stated is None:
        raise SettingsError(f"{source}, line 3, checksum: expected 64 hexadecimal digits")
    if stated[1] != _sha(lines[HEAD_LINES]):
        raise SettingsError(
            f"{source}, line 3, checksum: expected {_sha(lines[HEAD_LINES])[:16]}... for the lines "
            f"below, got {stated[1][:16]}...; the file was edited or cut off"
        )


def _recipe(top: "_Table") -> Recipe:
    top.take("format", int, "a whole number")
    top.hash_of("checksum")
    name, stated = top.text_of("scenario_name"), top.hash_of("scenario_hash")
    text, page = top.text_of("scenario"), top.page
    # Empty lines before it, so that what is wrong in it is found by its line in this file.
    before = "\n" * (1 + page.text.partition(SCENARIO_LINE)[0].count("\n"))
    chosen = scenario.parse(name, before + text, page.source)
    if scenario.digest(chosen) != stated:
        expected = f"expected {scenario.digest(chosen)}, the hash of the scenario below"
        raise top.error("scenario_hash", expected)
    contacts = None
    if "contacts" in top.table:
        contacts = Contacts(top.path_of("contacts"), top.hash_of("contacts_hash"))
    fidelity = top.text_of("fidelity")
    if fidelity not in NAMES:
        raise top.error("fidelity", f"expected one of {', '.join(NAMES)}, got {fidelity!r}")
    return Recipe(
        chosen,
        seed=top.whole_of("seed", scenario.SEED_MAX),
        fidelity=fidelity,
        keep_going=top.take("keep_going", bool, "true or false"),
        contacts=contacts,
    )


def _violation(part: "_Table") -> Violation:
    found = Violation(
        rule=part.text_of("rule"),
        tick=part.whole_of("tick", scenario.SECONDS_MAX * TICKS_PER_SECOND),
        peer=part.take("peer", int, "a whole number"),
        detail=part.text_of("detail"),
        is_conceded="is_conceded" in part.table and part.take("is_conceded", bool, "true or false"),
    )
    part.check_empty()
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file; what has been read is taken out of it."""

    page: Page
    place: Place
    table: dict[str, object]

    def take(self, key: str, kind: type[Value], expectation: str) -> Value:
        if key not in self.table:
            raise self.error(key, f"missing; expected {expectation}")
        value = self.table.pop(key)
        if type(value) is not kind:
            raise self.error(key, f"expected {expectation}, got {value!r}")
        return value

    def text_of(self, key: str) -> str:
        return self.take(key, str, "text")

    def hash_of(self, key: str) -> str:
        found = self.text_of(key)
        if not _HASH.fullmatch(found):
            raise self.error(key, f"expected 64 hexadecimal digits, got {found!r}")
        return found

    def commit_of(self, key: str) -> str:
        found = self.text_of(key)
        if not _COMMIT.fullmatch(found):
            raise self.error(key, f"expected a commit or {origin.UNKNOWN}, got {found!r}")
        return found

    def path_of(self, key: str) -> Path:
        found = self.text_of(key)
        if not found or "\0" in found:
            raise self.error(key, f"expected the path of a file, got {found!r}")
        return Path(found)

    def whole_of(self, key: str, high: int) -> int:
        found = self.take(key, int, "a whole number")
        if not 0 <= found <= high:
            raise self.error(key, f"expected a whole number from 0 to {high}, got {found}")
        return found

    def seconds_of(self, key: str, seconds: int) -> tuple[str, ...]:
        found = self.take(key, list, "a list of texts")
        if not all(isinstance(one, str) and _SECOND.fullmatch(one) for one in found):
            raise self.error(key, "expected a list of texts of 16 hexadecimal digits")
        if len(found) > seconds:
            raise self.error(key, f"expected one text per second, {seconds}, got {len(found)}")
        return tuple(found)

    def tables_of(self, key: str) -> "list[_Table]":
        found = self.table.pop(key, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self.error(key, f"expected tables [[{key}]]")
        return [_Table(self.page, Place(key, number), one) for number, one in enumerate(found)]

    def check_empty(self) -> None:
        for key in self.table:
            raise self.error(key, "unknown key")

    def error(self, key: str, expectation: str) -> SettingsError:
        return self.page.error(self.place, key, expectation)


def _quoted(text: str) -> str:
    """Return a basic string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
