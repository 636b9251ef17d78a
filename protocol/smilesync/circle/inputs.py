"""What a circle publishes of how its people feel: five rounded counts, never fewer than five.

A value carries the counts its leader made the pattern from, so that everybody can hold the leader
to what they heard themselves, and so that no decision tells on one person: fewer than five
contributors begin nothing, counts are multiples of five, and one changes only when at least five
people's worth of it did. People whom nobody admitted count together for so many as there are
seats at most. Source: SPEC section Inputs (INP); V9 of the design of the circle.
"""

from collections.abc import Iterable
from typing import NamedTuple

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


class Basis(NamedTuple):
    """What a device counted itself when each of the circle's counts last changed, and how many
    people it counted when one last did: by them it knows how many changed since.
    """

    counts: Counts
    people: int


def tally(states: Iterable[int]) -> Counts:
    """Return how many feel each state."""
    counts = [0, 0, 0, 0, 0]
    for state in states:
        counts[state] += 1
    return _counts(counts)


def weighed(members: Counts, others: Counts, most: int) -> Counts:
    """Return the counts of members in full, and of others together as `most` people at most.

    Nobody's step moves a count by more than one, so five counted are five people and more.
    """
    people = max(sum(others), most)
    pairs = zip(members, others, strict=True)
    return _counts(mine + theirs * most // people for mine, theirs in pairs)


def published(own: Counts, last: Counts | None, view: int, basis: Basis | None) -> Counts | None:
    """Return what a leader of `view` that counts `own` commits after the circle's `last` inputs.

    None: nothing can be said. `basis` None: `last` is the best guess of it. In later views it is
    what was said before, which needs no judgement.
    """
    if view > VIEWS_WITH_CHANGES:
        return last
    people = sum(own)
    if last is None:
        return _counts(map(_rounded, own)) if people >= CONTRIBUTORS_MIN else None
    before = basis or Basis(last, max(sum(last), CONTRIBUTORS_MIN))
    pairs = zip(own, before.counts, strict=True)
    is_other = [abs(count - base) >= CONTRIBUTORS_MIN for count, base in pairs]
    if people < CONTRIBUTORS_MIN:
        is_over = any(is_other) or before.people - people >= CONTRIBUTORS_MIN
        return None if is_over else last
    return _counts(
        _rounded(count) if is_new else old
        for count, old, is_new in zip(own, last, is_other, strict=True)
    )


def based(
    own: Counts, inputs: Counts | None, last: Counts | None, basis: Basis | None
) -> Basis | None:
    """Return the basis of the `inputs` that were decided just now, after `last` with `basis`.

    A count of which this device knows better stands for itself: it is to be mended.
    """
    if inputs is None:
        return None
    if inputs == last:
        return basis
    known = basis.counts if basis is not None else last
    counts = [mine if _is_near(one, mine) else one for one, mine in zip(inputs, own, strict=True)]
    if last is not None and known is not None:
        for state, base in enumerate(known):
            counts[state] = base if inputs[state] == last[state] else counts[state]
    return Basis(_counts(counts), max(sum(own), CONTRIBUTORS_MIN))


def is_plausible(inputs: Counts | None, own: Counts, last: Counts | None, view: int) -> bool:
    """V9: may a voter that counts `own` itself sign a fresh value with these inputs?"""
    if inputs is None or inputs == last:
        return True
    if view > VIEWS_WITH_CHANGES:
        return False
    return all(
        _is_near(count, mine) or (last is not None and count == last[state])
        for state, (count, mine) in enumerate(zip(inputs, own, strict=True))
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
    return _counts(counts)


def _counts(counts: Iterable[int]) -> Counts:
    calm, excited, neutral, low, high = counts
    return calm, excited, neutral, low, high


def _is_near(count: int, mine: int) -> bool:
    return abs(count - mine) <= max(CONTRIBUTORS_MIN, mine * TOLERANCE_PERCENT // 100)


def _rounded(count: int) -> int:
    """Return the nearest multiple of five; two of five are not enough for one."""
    return (count + CONTRIBUTORS_MIN // 2) // CONTRIBUTORS_MIN * CONTRIBUTORS_MIN
