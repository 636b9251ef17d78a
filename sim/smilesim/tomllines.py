"""On which line of a TOML file a key stands, however it is written.

The standard library reads TOML and does not say where it read what. So the text is gone through
once more when there is something to complain about. It is TOML by then: nothing is refused here.
"""

import re
import tomllib
from collections import Counter

KeyPath = tuple[str | int, ...]
"""Keys from the top of the file, and places in lists: ("fault", 0, "kind")."""

TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?!")'
    r"|'''.*?'''(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"""|\#[^\n]*|\n|[\[\]{},=.]|[^\s\[\]{},=.\#"']+""",
    re.DOTALL,
)


def lines_of(text: str) -> dict[KeyPath, int]:
    """Return the line on which each key and table is named first, counted from 1."""
    reader = _Reader()
    line, at = 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        reader.take(match[0], line)
    return reader.lines


def line_of_error(text: str, error: Exception) -> int | None:
    """Return the line at which reading the text raises such an error; None if it does not.

    Reading goes from left to right, so that is the first line with which its beginning does.
    """
    lines = text.split("\n")
    few, many = 0, len(lines)
    while few < many:
        middle = (few + many) // 2
        if _raises("\n".join(lines[: middle + 1]), type(error)):
            many = middle
        else:
            few = middle + 1
    return few + 1 if few < len(lines) else None


def _raises(text: str, kind: type[Exception]) -> bool:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return type(error) is kind
    return False


class _Reader:
    """Goes from word to word; `lines` has what was found."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._line = 1
        self._table: KeyPath = ()
        """The table of the last header."""
        self._open: list[tuple[KeyPath, int | None]] = []
        """Lists and inline tables around: the path of each, and the place in a list."""
        self._keys: list[str] = []
        self._is_value = False
        self._brackets = 0
        """Of a header."""
        self._counts: Counter[KeyPath] = Counter()
        """Headers [[...]] of a name."""

    def take(self, word: str, line: int) -> None:
        """Go on by one word or mark."""
        self._line = line
        if word.startswith("#"):
            return
        if word == "\n":
            if not self._open:
                self._expect_key()
        elif word in ("]", "}") and self._open:
            self._open.pop()
            self._keys, self._is_value = [], True
        elif self._is_value:
            self._take_value(word)
        elif word == "=":
            self._note(self._path())
            self._is_value = True
        elif word == "[":
            self._brackets += 1
        elif word == "]":
            self._take_head()
        elif word not in (".", ","):
            self._keys.append(_plain(word))

    def _take_value(self, word: str) -> None:
        if word == "[":
            self._open.append((self._path(), 0))
            self._keys = []
        elif word == "{":
            self._open.append((self._path(), None))
            self._note(self._open[-1][0])
            self._expect_key()
        elif word == "," and self._open:
            path, place = self._open[-1]
            if place is None:
                self._expect_key()
            else:
                self._open[-1] = (path, place + 1)

    def _take_head(self) -> None:
        if not self._brackets:  # the second one of ]]
            return
        path: KeyPath = ()
        for key in self._keys:
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
            path = (*path, key)
        if self._brackets > 1:
            self._counts[path] += 1
        if path in self._counts:
            path = (*path, self._counts[path] - 1)
        self._table = path
        self._note(path)
        self._expect_key()

    def _expect_key(self) -> None:
        self._keys, self._is_value, self._brackets = [], False, 0

    def _path(self) -> KeyPath:
        """Return what the keys read last are of."""
        path, place = self._open[-1] if self._open else (self._table, None)
        return (*path, *([] if place is None else [place]), *self._keys)

    def _note(self, path: KeyPath) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self._line)


def _plain(key: str) -> str:
    """Return a key without its quotes."""
    if key[0] not in "\"'":
        return key
    found: str = tomllib.loads(f"key = {key}")["key"]
    return found
