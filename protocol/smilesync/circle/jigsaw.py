"""A long whole put together from the parts of one teller, in whatever order they come.

Every part but the last has the same size, so each has its place, and what is lost leaves a gap that
can be asked for again. Source: SPEC section Merging (MRG-025, MRG-045).
"""

from smilesync.wire.meeting import PART_BYTES_MAX


class Jigsaw:
    """The parts held, by place; bounded by the size that the first of them names."""

    __slots__ = ("_parts", "_size_bytes")

    def __init__(self) -> None:
        self._parts: dict[int, bytes] = {}
        self._size_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._parts)

    def take(self, offset: int, size_bytes: int, data: bytes) -> bool:
        """Take a part; returns whether it fits and is new."""
        is_of_whole = not self._parts or size_bytes == self._size_bytes
        fits = offset % PART_BYTES_MAX == 0 and len(data) == min(
            PART_BYTES_MAX, size_bytes - offset
        )
        if not is_of_whole or not fits or offset in self._parts:
            return False
        self._size_bytes = size_bytes
        self._parts[offset] = data
        return True

    @property
    def gap(self) -> int:
        """Return the first byte that is not held; the size, once all are."""
        offset = 0
        while offset in self._parts:
            offset += len(self._parts[offset])
        return offset

    def whole(self) -> bytes | None:
        """Return what the parts make, None while one is missing."""
        if not self._parts or self.gap < self._size_bytes:
            return None
        return b"".join(self._parts[offset] for offset in sorted(self._parts))
