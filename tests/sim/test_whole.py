"""A file is there as a whole, or as it was before."""

import errno
from pathlib import Path

import pytest

from smilesim.whole import write_whole


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a disk take half of everything."""
    write = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to("file")

    for place, data in ((path, b"one"), (path, b"two"), (link, b"three")):
        write_whole(place, data)
        assert path.read_bytes() == data
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [path, link]


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")

    for path in (old, new):
        with pytest.raises(OSError, match="No space left"):
            write_whole(path, b"something new")
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_text() == "old"


def test_what_is_no_file_is_written_in_place() -> None:
    write_whole(Path("/dev/null"), b"gone")
    assert not Path("/dev/null").is_file()
    with pytest.raises(OSError, match="No space left"):
        write_whole(Path("/dev/full"), b"gone")
