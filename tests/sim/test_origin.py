"""Which commit a replay names: that of the checkout, also of a linked working tree."""

import subprocess
from pathlib import Path

import pytest

from smilesim.origin import UNKNOWN, head_of


def git(folder: Path, *arguments: str) -> str:
    name = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    done = subprocess.run(
        ["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "first")
    return folder


def test_a_checkout_is_at_its_head_however_that_is_kept(checkout: Path) -> None:
    expected = git(checkout, "rev-parse", "HEAD")

    assert head_of(checkout / ".git") == expected
    git(checkout, "pack-refs", "--all")
    assert head_of(checkout / ".git") == expected
    git(checkout, "checkout", "--quiet", "--detach")
    assert head_of(checkout / ".git") == expected


def test_a_linked_working_tree_is_at_its_own(checkout: Path) -> None:
    linked = checkout.parent / "linked"
    git(checkout, "worktree", "add", "--quiet", "-b", "other", str(linked))
    git(linked, "commit", "--quiet", "--allow-empty", "-m", "second")

    assert head_of(linked / ".git") == git(linked, "rev-parse", "HEAD")
    assert head_of(linked / ".git") != head_of(checkout / ".git")


def test_what_is_no_checkout_is_at_none(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere\n", encoding="utf-8")

    assert head_of(tmp_path / ".git") == UNKNOWN
