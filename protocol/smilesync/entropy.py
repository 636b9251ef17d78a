"""Randomness as an input: a counter under a secret seed, so that a run can be replayed."""

import hashlib


class Entropy:
    """A deterministic stream of unpredictable values, 40 bytes of state.

    Source: HMAC-free counter mode over SHA-256; the seed must hold >= 16 secret bytes in a daemon.
    """

    __slots__ = ("_counter", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._counter = 0

    def draw(self, size_bytes: int) -> bytes:
        """Return the next 1 to 32 bytes of the stream."""
        assert 1 <= size_bytes <= 32
        self._counter += 1
        block = self._seed + self._counter.to_bytes(8, "big")
        return hashlib.sha256(block).digest()[:size_bytes]

    def below(self, limit: int) -> int:
        """Return an integer in [0, limit); bias below 2**-32 for limits up to 2**32."""
        assert limit >= 1
        return int.from_bytes(self.draw(8), "big") % limit
