"""Contact recordings: read strictly, busiest window, circles of those who meet, moving links."""

import gzip
from pathlib import Path

import pytest

from smilesim.contacts import LINGER_S, crowd_of, load
from smilesync.errors import SettingsError

REAL = Path(__file__).parents[3] / "shared" / "data" / "contacts-ws16.dat.gz"


def write(folder: Path, text: str) -> Path:
    path = folder / "contacts.dat"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "line", "expectation"),
    [
        ("1 2 3\n1 2\n", 2, "three whole numbers"),
        ("1 2 3 4\n", 1, "three whole numbers"),
        ("\n\n1 2 x\n", 3, "field j: expected a whole number"),
        ("1.5 2 3\n", 1, "field t: expected a whole number"),
        ("1 -2 3\n", 1, "field i: expected a whole number"),
        ("99999999999999999999 2 3\n", 1, "field t: expected a whole number"),
        ("5 7 7\n", 1, "contact with itself"),
        ("1 2 " + "3" * 300 + "\n", 1, "three whole numbers"),
    ],
)
def test_a_bad_line_is_refused_with_file_line_and_expectation(
    tmp_path: Path, text: str, line: int, expectation: str
) -> None:
    path = write(tmp_path, text)

    with pytest.raises(SettingsError, match=f"{path}, line {line}") as caught:
        load(path)

    assert expectation in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\x1f\x8b damaged", gzip.compress(b"", mtime=0)]
)
def test_an_empty_or_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "contacts.dat"
    path.write_bytes(content)

    with pytest.raises(SettingsError, match=str(path)):
        load(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "nothing")


def test_plain_and_gzip_say_the_same(tmp_path: Path) -> None:
    text = "20\t1\t2\n40 3 2\n"
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(text.encode()))

    assert load(packed) == load(write(tmp_path, text))
    assert load(packed).contacts == ((20, 1, 2), (40, 2, 3))


def test_circles_are_those_who_meet_in_the_busiest_window(tmp_path: Path) -> None:
    quiet = "".join(f"{t} 1 2\n" for t in range(0, 200, 20))
    lively = "".join(
        f"{t} {i} {j}\n"
        for t in range(10_000, 10_200, 20)
        for group in ((1, 2, 3, 4), (7, 8, 9))
        for i in group
        for j in group
        if i < j
    )
    crowd = crowd_of(load(write(tmp_path, quiet + lively)), 60, None)

    assert crowd.size == 7
    assert crowd.groups == ((0, 1, 2, 3), (4, 5, 6))


def test_links_come_and_go_with_the_recording(tmp_path: Path) -> None:
    late = LINGER_S + 40
    text = f"0 1 2\n20 1 2\n40 1 2\n{late} 2 3\n"
    crowd = crowd_of(load(write(tmp_path, text)), 60, None)

    assert crowd.pairs == ((0, 1), (1, 2))
    assert crowd.open_ticks is not None
    assert crowd.open_ticks[0][0] == 0
    assert crowd.open_ticks[1][0] == (late - LINGER_S) * 1_000


def test_more_peers_than_people_are_refused(tmp_path: Path) -> None:
    recording = load(write(tmp_path, "20 1 2\n20 1 3\n"))

    assert crowd_of(recording, 20, 2).size == 2
    with pytest.raises(SettingsError, match="--peers 9"):
        crowd_of(recording, 20, 9)


def test_the_real_conference_has_circles() -> None:
    if not REAL.exists():
        pytest.skip(f"the recording is not here: {REAL}")

    crowd = crowd_of(load(REAL), 32, None)

    assert crowd.size > 100
    assert sum(len(group) >= 4 for group in crowd.groups) >= 10
