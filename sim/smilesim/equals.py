"""Equal bytes, kept once: the devices of a circle write, and the checks note, much the same."""

SHARED_MAX = 1 << 13

_shared: dict[bytes, bytes] = {}


def shared(data: bytes) -> bytes:
    """Return equal bytes that somebody may already hold, if they asked not long ago."""
    if len(_shared) >= SHARED_MAX:
        _shared.clear()
    return _shared.setdefault(data, data)
