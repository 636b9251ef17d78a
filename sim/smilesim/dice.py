"""All chance of a run, derived from its seed by counting: no generator object, no shared state."""

import hashlib

from smilesync.entropy import Entropy

MASK64 = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
FIRST = 0xBF58476D1CE4E5B9
SECOND = 0x94D049BB133111EB


def mix(number: int) -> int:
    """Return 64 well-mixed bits of `number`; the finalizer of SplitMix64 (Steele et al. 2014)."""
    number &= MASK64
    number = (number ^ number >> 30) * FIRST & MASK64
    number = (number ^ number >> 27) * SECOND & MASK64
    return number ^ number >> 31


def digest(seed: int, *labels: str | int) -> bytes:
    """Return 32 bytes that follow from the seed and a name."""
    name = "/".join(str(label) for label in (seed, *labels))
    return hashlib.sha256(name.encode()).digest()


def salt(seed: int, *labels: str | int) -> int:
    """Return 64 bits that follow from the seed and a name."""
    return int.from_bytes(digest(seed, *labels)[:8], "big")


def stream(seed: int, *labels: str | int) -> Entropy:
    """Return an endless stream of draws that follows from the seed and a name."""
    return Entropy(digest(seed, *labels))


def shuffled(count: int, entropy: Entropy) -> list[int]:
    """Return 0..count-1 in random order (Fisher and Yates)."""
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        other = entropy.below(last + 1)
        order[last], order[other] = order[other], order[last]
    return order
