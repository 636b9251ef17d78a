"""Every key of a TOML text is found on its line, however it is written."""

import tomllib

import pytest

from smilesim.tomllines import KeyPath, line_of_error, lines_of

TEXT = '''# a.b = 1
summary = "x # [no] = {head}" # weather = 3
"peers" = 3
'se conds'=1.5
weather.loss_percent = 90
"we\\u0061ther" . 'late_percent' = 1979-05-27 07:32:00
text = """
lost = 1
[[fault]] \\""" still""""
raw = \'\'\'
[no]\'\'\'
fault = [ # one
  { kind = "loss", at_s = [[1,
     2], 3], heal_s = 9 },

  { kind = '],}', "percent" = {}, a.b = { c = 1 } },
]
empty = []
[expect]
views_max = 1
[a."b.c"]
d = 2
[[deep]]
x = 1
[[deep]]
x = 2
[[deep.er]]
y = [ ]
[[deep.er]]
y = { z = [ { q = 1 }, { q = 2 } ] }
[ deep . sub ]
w = 1
'''
LINES: dict[KeyPath, int] = {
    ("summary",): 2,
    ("peers",): 3,
    ("se conds",): 4,
    ("weather",): 5,
    ("weather", "loss_percent"): 5,
    ("weather", "late_percent"): 6,
    ("text",): 7,
    ("raw",): 10,
    ("fault",): 12,
    ("fault", 0): 13,
    ("fault", 0, "kind"): 13,
    ("fault", 0, "at_s"): 13,
    ("fault", 0, "heal_s"): 14,
    ("fault", 1): 16,
    ("fault", 1, "kind"): 16,
    ("fault", 1, "percent"): 16,
    ("fault", 1, "a"): 16,
    ("fault", 1, "a", "b"): 16,
    ("fault", 1, "a", "b", "c"): 16,
    ("empty",): 18,
    ("expect",): 19,
    ("expect", "views_max"): 20,
    ("a",): 21,
    ("a", "b.c"): 21,
    ("a", "b.c", "d"): 22,
    ("deep",): 23,
    ("deep", 0): 23,
    ("deep", 0, "x"): 24,
    ("deep", 1): 25,
    ("deep", 1, "x"): 26,
    ("deep", 1, "er"): 27,
    ("deep", 1, "er", 0): 27,
    ("deep", 1, "er", 0, "y"): 28,
    ("deep", 1, "er", 1): 29,
    ("deep", 1, "er", 1, "y"): 30,
    ("deep", 1, "er", 1, "y", "z"): 30,
    ("deep", 1, "er", 1, "y", "z", 0): 30,
    ("deep", 1, "er", 1, "y", "z", 0, "q"): 30,
    ("deep", 1, "er", 1, "y", "z", 1): 30,
    ("deep", 1, "er", 1, "y", "z", 1, "q"): 30,
    ("deep", 1, "sub"): 31,
    ("deep", 1, "sub", "w"): 32,
}


def paths(value: object, path: KeyPath = ()) -> set[KeyPath]:
    """Return every key of what was read, and the places of tables in lists."""
    found: set[KeyPath] = set()
    if isinstance(value, dict):
        found = {path} if path else set()
        for key, inner in value.items():
            found |= {(*path, key)} | paths(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            found |= paths(inner, (*path, place))
    return found


def test_every_key_is_found_where_it_is_named_first() -> None:
    for text in (TEXT, TEXT.replace("\n", "\r\n")):
        assert set(LINES) == paths(tomllib.loads(text))
        assert lines_of(text) == LINES


def test_an_empty_text_has_no_keys() -> None:
    assert lines_of("") == lines_of("# nothing\n") == {}


@pytest.mark.parametrize("bad", ["[" * 5_000, "9" * 5_000, "x = y"])
def test_what_is_refused_without_a_line_is_found_by_its_beginning(bad: str) -> None:
    text = f"a = 1\nb = [\n  2,\n\n  {bad}]\nc = 3\n"
    with pytest.raises((ValueError, RecursionError)) as caught:
        tomllib.loads(text)
    if not isinstance(caught.value, tomllib.TOMLDecodeError):
        assert line_of_error(text, caught.value) == 5
    assert line_of_error("a = 1\n", caught.value) is None
