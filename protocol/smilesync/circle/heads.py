"""The last decided values by hash, and who left in which: what a JOIN has to name.

A JOIN names one of them, so that it cannot be prepared or kept. Who left is admitted again only by
what it said since: a JOIN from before would undo the leave. Source: SPEC section Membership
(INV-011, PTN-002).
"""

from collections.abc import Iterable, Iterator, Mapping

from smilesync.circle.bounded import NOTHING
from smilesync.ids import PeerId, ValueHash

KEPT_HEADS = 8


class Heads:
    """Hashes of decided values, newest last, as far as held without a gap."""

    __slots__ = ("_left", "_names")

    def __init__(self, names: Iterable[ValueHash] = ()) -> None:
        self._names = tuple(names)
        self._left: Mapping[ValueHash, tuple[PeerId, ...]] = NOTHING

    def __iter__(self) -> Iterator[ValueHash]:
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    @property
    def newest(self) -> ValueHash | None:
        """Return the last one, None if none is known."""
        return self._names[-1] if self._names else None

    def add(self, name: ValueHash, left: Iterable[PeerId]) -> None:
        """Take a decided value in which these left."""
        self._names = (*self._names, name)[-KEPT_HEADS:]
        known = {**self._left, name: tuple(left)}
        self._left = {one: known[one] for one in self._names if known.get(one)} or NOTHING

    def clear(self) -> None:
        """Forget all: some values between were not seen."""
        self._names, self._left = (), NOTHING

    def admits(self, identity: PeerId, name: bytes) -> bool:
        """May somebody be admitted who names this one: is it known, and not from before a leave?"""
        for known in reversed(self._names):
            if known == name:
                return True
            if identity in self._left.get(known, ()):
                return False
        return False
