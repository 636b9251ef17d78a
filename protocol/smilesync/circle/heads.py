"""The last decided values by hash, and who left in which: what a JOIN has to name.

A JOIN names one of them, so that it cannot be prepared or kept. Who left is admitted again only by
what it said since: a JOIN from before would undo the leave. Source: SPEC section Membership
(INV-011, PTN-002).
"""

from collections.abc import Iterable, Iterator

from smilesync.ids import PeerId, ValueHash

KEPT_HEADS = 8


class Heads:
    """Hashes of decided values, newest last, as far as held without a gap."""

    __slots__ = ("_left",)

    def __init__(self, names: Iterable[ValueHash] = ()) -> None:
        self._left: dict[ValueHash, tuple[PeerId, ...]] = dict.fromkeys(names, ())

    def __iter__(self) -> Iterator[ValueHash]:
        return iter(self._left)

    def __contains__(self, name: object) -> bool:
        return name in self._left

    @property
    def newest(self) -> ValueHash | None:
        """Return the last one, None if none is known."""
        return next(reversed(self._left), None)

    def add(self, name: ValueHash, left: Iterable[PeerId]) -> None:
        """Take a decided value in which these left."""
        self._left[name] = tuple(left)
        while len(self._left) > KEPT_HEADS:
            del self._left[next(iter(self._left))]

    def clear(self) -> None:
        """Forget all: some values between were not seen."""
        self._left.clear()

    def admits(self, identity: PeerId, name: bytes) -> bool:
        """May somebody be admitted who names this one: is it known, and not from before a leave?"""
        for known in reversed(self._left):
            if known == name:
                return True
            if identity in self._left[known]:
                return False
        return False
