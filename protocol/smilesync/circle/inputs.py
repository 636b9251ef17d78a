"""What a circle publishes of how its people feel: five rounded counts, never fewer than five.

A value carries the counts its leader made the pattern from, so that everybody can hold the leader
to what they heard themselves, and so that no decision tells on one person: with fewer than five
contributors nothing is said, counts are multiples of five, and one changes only when at least
five people's worth of it did. Source: SPEC section Inputs (INP); V9 of the design of the circle.
"""

from smilesync.errors import Malformed
from smilesync.wire.cbor import CborValue

Counts = tuple[int, int, int, int, int]
"""How many feel each of the five states."""

NOBODY: Counts = (0, 0, 0, 0, 0)

CONTRIBUTORS_MIN = 5
"""k: fewer are nobody's business."""
COUNT_MAX = 1_000
TOLERANCE_PERCENT = 20
VIEWS_WITH_CHANGES = 2
"""In later views of a slot nothing may hang on who heard whom."""


def published(own: Counts, last: Counts | None, view: int) -> Counts | None:
    """Return what a leader of `view` that counts `own` commits after the circle's `last` inputs.

    None: nothing can be said. In later views it is what was said before, which needs no judgement.
    """
    if view > VIEWS_WITH_CHANGES:
        return last
    if sum(own) < CONTRIBUTORS_MIN:
        return None
    if last is None:
        rounded = [_rounded(count) for count in own]
    else:
        pairs = zip(own, last, strict=True)
        rounded = [
            _rounded(count) if abs(count - before) >= CONTRIBUTORS_MIN else before
            for count, before in pairs
        ]
    calm, excited, neutral, low, high = rounded
    return calm, excited, neutral, low, high


def is_plausible(inputs: Counts | None, own: Counts, last: Counts | None, view: int) -> bool:
    """V9: may a voter that counts `own` itself sign a fresh value with these inputs?"""
    if inputs is None or inputs == last:
        return True
    if view > VIEWS_WITH_CHANGES:
        return False
    return all(
        abs(count - mine) <= max(CONTRIBUTORS_MIN, mine * TOLERANCE_PERCENT // 100)
        for count, mine in zip(inputs, own, strict=True)
    )


def inputs_of(value: CborValue) -> Counts:
    """Return the inputs that key 9 of a value holds; raises Malformed(INP-001)."""
    if not isinstance(value, list) or len(value) != 5:
        raise Malformed("INP-001", "inputs (key 9) are an array of five counts")
    counts: list[int] = []
    for count in value:
        if type(count) is not int or not 0 <= count <= COUNT_MAX or count % CONTRIBUTORS_MIN:
            raise Malformed("INP-001", f"a count of key 9 is a multiple of 5 up to {COUNT_MAX}")
        counts.append(count)
    calm, excited, neutral, low, high = counts
    return calm, excited, neutral, low, high


def _rounded(count: int) -> int:
    """Return the nearest multiple of five; two of five are not enough for one."""
    return (count + CONTRIBUTORS_MIN // 2) // CONTRIBUTORS_MIN * CONTRIBUTORS_MIN
