"""A crowd of overlapping circles: some people of each are also in the next one.

Circles stand in a row like rings of a chain. Who is in two of them is there twice, once for each
membership, at the same place; the two have nothing in common but the person.
"""

from smilesim.crowd import SPACING_CM, Crowd
from smilesim.dice import stream
from smilesim.interrupts import check

CIRCLE_SIZE = 7
SHARED_MIN = 1


def overlapping(peers: int, percent: float, seed: int) -> Crowd:
    """Return `peers` people in circles of up to seven, who share `percent` with the next one."""
    shared = min(CIRCLE_SIZE // 2, max(SHARED_MIN, round(CIRCLE_SIZE * percent / 100)))
    entropy = stream(seed, "overlap")
    places: list[tuple[int, int]] = []
    groups: list[tuple[int, ...]] = []
    people: list[list[int]] = []
    first = 0
    while first == 0 or first + shared < peers:
        check()
        group: list[int] = []
        for person in range(first, min(first + CIRCLE_SIZE, peers)):
            if person == len(people):
                spot = (person * SPACING_CM, entropy.below(SPACING_CM))
                people.append([])
            else:
                spot = places[people[person][0]]
            people[person].append(len(places))
            group.append(len(places))
            places.append(spot)
        groups.append(tuple(group))
        first += CIRCLE_SIZE - shared
    wearers = tuple(tuple(memberships) for memberships in people if len(memberships) > 1)
    pairs = [(low, high) for group in groups for low in group for high in group if low < high]
    return Crowd(tuple(places), tuple(groups), tuple(sorted(pairs)), wearers=wearers)
