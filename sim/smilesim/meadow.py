"""A crowd of one circle: some founders, and all others follow, each with links to a few.

Everybody is in one network and keeps links with some of the nearest and some of the rest, as a
device does that cannot have a link with a thousand others. The founders are drawn from all, so
most of them have no link with each other either.
"""

from collections.abc import Sequence

from smilesim.crowd import SPACING_CM, Crowd, Pair
from smilesim.dice import shuffled, stream
from smilesim.interrupts import check, interruptible
from smilesync.circle.genesis import VOTERS_USUAL_MAX
from smilesync.entropy import Entropy

NEAREST = 4
DRAWN = 2
"""Of each device's own choice; with the links that others choose that makes 8 to 12 for most."""

ALL_LINKED_MAX = 16
"""A smaller circle is one in which everybody has a link with everybody."""
TOLERANCE_US = 120_000
"""Readings come over up to five others: half a round trip is more than the usual 20 ms of guard."""


def meadow(peers: int, circle_size: int, seed: int) -> Crowd:
    """Return `peers` people in circles of `circle_size`, the last of who is left, side by side."""
    places: list[tuple[int, int]] = []
    groups: list[tuple[int, ...]] = []
    followers: list[tuple[int, ...]] = []
    pairs: list[Pair] = []
    entropy = stream(seed, "meadow")
    while len(places) < peers:
        check()
        first, size = len(places), min(circle_size, peers - len(places))
        side_cm = max(1, int((size * SPACING_CM * SPACING_CM) ** 0.5))
        away_cm = len(groups) * 2 * side_cm
        spots = [(entropy.below(side_cm), entropy.below(side_cm)) for _ in range(size)]
        places += [(away_cm + x, y) for x, y in spots]
        order = [first + place for place in shuffled(size, entropy)]
        groups.append(tuple(sorted(order[:VOTERS_USUAL_MAX])))
        followers.append(tuple(sorted(order[VOTERS_USUAL_MAX:])))
        pairs += [(first + low, first + high) for low, high in _links(spots, entropy)]
    return Crowd(
        tuple(places),
        tuple(groups),
        tuple(sorted(pairs)),
        followers=tuple(followers),
        is_sparse=circle_size > ALL_LINKED_MAX,
        tolerance_us=TOLERANCE_US,
    )


def _links(spots: Sequence[tuple[int, int]], entropy: Entropy) -> set[Pair]:
    """Return who keeps a link with whom, by place in `spots`; everybody hangs together."""
    if len(spots) <= ALL_LINKED_MAX:
        return {(low, high) for high in range(len(spots)) for low in range(high)}
    pairs: set[Pair] = set()
    for who, near in enumerate(_nearest(spots)):
        drawn = [entropy.below(len(spots)) for _ in range(DRAWN)]
        pairs |= {(min(who, other), max(who, other)) for other in (*near, *drawn) if other != who}
    return pairs | _bridges(len(spots), pairs)


def _nearest(places: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the nearest few of everybody."""
    return [
        sorted(
            (other for other in range(len(places)) if other != who),
            key=lambda other: (
                (places[other][0] - x) ** 2 + (places[other][1] - y) ** 2,
                other,
            ),
        )[:NEAREST]
        for who, (x, y) in interruptible(enumerate(places))
    ]


def _bridges(peers: int, pairs: set[Pair]) -> set[Pair]:
    """Return pairs that make the crowd hang together: each part with the first one."""
    links: list[list[int]] = [[] for _ in range(peers)]
    for low, high in pairs:
        links[low].append(high)
        links[high].append(low)
    bridges: set[Pair] = set()
    seen: set[int] = set()
    for start in range(peers):
        if start in seen:
            continue
        if start:
            bridges.add((0, start))
        seen.add(start)
        edge = [start]
        while edge:
            for other in links[edge.pop()]:
                if other not in seen:
                    seen.add(other)
                    edge.append(other)
    return bridges
