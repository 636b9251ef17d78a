"""A planted bug: one attribute of the real core replaced for a while, and where it shows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Finding = tuple[str, str]
"""Rule and detail of what a check found."""


@dataclass(frozen=True)
class Ground:
    """Where bugs show: a city or a directed scenario. `run` returns what the checks found in it."""

    name: str
    run: Callable[[], list[Finding]]


class Patch:
    """Replaces attributes, and remembers what was there."""

    def __init__(self) -> None:
        self._before: list[tuple[object, str, object]] = []

    def set(self, owner: object, name: str, value: object) -> None:
        """Replace an attribute of a module or class that has it."""
        before = owner.__dict__[name]
        self._before.append((owner, name, before))
        setattr(owner, name, value)

    def undo(self) -> None:
        """Put everything back."""
        while self._before:
            owner, name, before = self._before.pop()
            setattr(owner, name, before)


Plant = Callable[[Patch], None]


@dataclass(frozen=True)
class Bug:
    """One dropped rule. `name` is the function that plants it, `meaning` its first line."""

    plant: Plant
    ground: Ground

    @property
    def name(self) -> str:
        """Return the name to select it by."""
        return self.plant.__name__.replace("_", "-")

    @property
    def meaning(self) -> str:
        """Return what is wrong, in a sentence."""
        return (self.plant.__doc__ or "").strip().splitlines()[0]


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """Have the bug in the core for a while."""
    patch = Patch()
    try:
        bug.plant(patch)
        yield
    finally:
        patch.undo()
