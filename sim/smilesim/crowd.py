"""Who is there, who stands with whom, and which circles they founded.

A crowd is a plan: positions, circles as groups of people, and pairs within radio range. It is a
synthetic district (`district`), one circle (`gathering`), or comes from a real contact recording
(`contacts.py`). `settle` makes devices, keys and geneses of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smilesim.device import Device, SimCircle, SimKeys
from smilesim.dice import digest, shuffled, stream
from smilesim.interrupts import check, interruptible
from smilesim.radio import AirLink
from smilesim.verify import SignThrough
from smilesim.wearers import Wearer
from smilesync.circle.genesis import VOTERS_MAX, Parameters, Policy, found, make_card
from smilesync.entropy import Entropy

CIRCLES_OF = {1: 1, 2: 3, 3: 4, 4: 4, 5: 3, 6: 2, 7: 3}
"""How many circles of each size there are among any 20: people come alone, in pairs, with friends.

The twenty are dealt like cards, shuffled by the seed, so that 83 people are enough to meet every
size the protocol knows. Our assumption; no recording says how people would found circles.
"""

STRANGERS = 2
"""How many people of other circles everybody stands next to."""

SPACING_CM = 250
CLOSE_CM2 = (2 * SPACING_CM) ** 2
"""The square of a distance within which most find all strangers that they stand next to."""

CURVE_BITS = 12
REACH = 40

Pair = tuple[int, int]
Distance = tuple[int, int, int]
"""The square of it, and between whom it is."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """People by index. `pairs` are within range at some time, lower index first.

    `open_ticks`, if given, says for each pair during which ticks (first, end) it is in range;
    without it every pair always is. `followers`, if given, are for each group who follows its
    circle without a seat. In sparse circles each has links with a few of the others. `wearers`: of
    who is in several circles, the index in each of them; all others are one each. `tolerance_us` is
    what the circles are founded with.
    """

    positions_cm: tuple[tuple[int, int], ...]
    groups: tuple[tuple[int, ...], ...]
    pairs: tuple[Pair, ...]
    open_ticks: tuple[tuple[int, int], ...] | None = None
    followers: tuple[tuple[int, ...], ...] = ()
    is_sparse: bool = False
    wearers: tuple[tuple[int, ...], ...] = ()
    tolerance_us: int = Parameters().tolerance_us

    @property
    def size(self) -> int:
        return len(self.positions_cm)

    @property
    def people(self) -> int:
        """Return how many people that are."""
        return self.size - sum(len(memberships) - 1 for memberships in self.wearers)

    def settled(self) -> "Crowd":
        """Return what must still be known when devices have their places and links.

        That is who walks in and out of range; a pair takes 140 bytes, a place as many.
        """
        nowhere = ((0, 0),) * self.size
        pairs = self.pairs if self.open_ticks is not None else ()
        return replace(self, positions_cm=nowhere, pairs=pairs)


def district(peers: int, seed: int) -> Crowd:
    """Return `peers` people spread over a square, in circles by nearness, with some strangers."""
    entropy = stream(seed, "district")
    side_cm = max(1, int((peers * SPACING_CM * SPACING_CM) ** 0.5))
    places = [(entropy.below(side_cm), entropy.below(side_cm)) for _ in range(peers)]
    along = [_curve(place, side_cm) for place in interruptible(places)]
    order = sorted(range(peers), key=along.__getitem__)
    groups: list[tuple[int, ...]] = []
    at = 0
    sizes: list[int] = []
    while at < peers:
        check()
        sizes = sizes or _deal(entropy)
        size = sizes.pop()
        groups.append(tuple(sorted(order[at : at + size])))
        at += size
    pairs = {
        (low, high) for group in groups for i, low in enumerate(group) for high in group[i + 1 :]
    }
    group_of = [0] * peers
    for index, group in enumerate(groups):
        for who in group:
            group_of[who] = index
    pairs |= _strangers(places, order, group_of)
    return Crowd(tuple(places), tuple(groups), tuple(sorted(pairs)))


def gathering(peers: int, seed: int, others: int = 0) -> Crowd:
    """Return `peers` people who founded one circle and all are in range of each other.

    The last `others` of them founded another one.
    """
    entropy = stream(seed, "gathering")
    side_cm = max(1, int((peers * SPACING_CM * SPACING_CM) ** 0.5))
    places = tuple((entropy.below(side_cm), entropy.below(side_cm)) for _ in range(peers))
    pairs = tuple((low, high) for low in range(peers) for high in range(low + 1, peers))
    groups = tuple(range(peers - others)), tuple(range(peers - others, peers))
    return Crowd(places, tuple(group for group in groups if group), pairs)


def settle(
    crowd: Crowd, seed: int, verifier: SignThrough, policy: Policy = Policy.CLOSED
) -> tuple[list[Device], list[SimCircle]]:
    """Make the devices, their keys and links, and the circles with real founder cards."""
    verifier.expect(crowd.size)
    first_of = {who: one[0] for one in crowd.wearers for who in one}
    devices = [
        Device(index, _keys(index, first_of.get(index, index), seed, verifier), position)
        for index, position in interruptible(enumerate(crowd.positions_cm))
    ]
    for memberships in crowd.wearers:
        Wearer([devices[who] for who in memberships])
    followers = crowd.followers or ((),) * len(crowd.groups)
    parameters = Parameters(tolerance_us=crowd.tolerance_us, policy=policy)
    groups = interruptible(enumerate(zip(crowd.groups, followers, strict=True)))
    circles = [
        _found(index, [devices[who] for who in group], seed, parameters, listening)
        for index, (group, listening) in groups
    ]
    for circle in circles:
        circle.is_sparse = crowd.is_sparse
        for member in circle.everybody:
            devices[member].join(circle)
    ways = [way for low, high in crowd.pairs for way in ((low, high), (high, low))]
    # One source after the other: a device sends to all of its neighbours, so they lie together.
    for source, destination in interruptible(sorted(ways)):
        link = AirLink(seed, devices[source].index, destination)
        devices[source].links[devices[destination].identity] = link
        devices[destination].inbound[source] = link
    return devices, circles


def _keys(index: int, person: int, seed: int, verifier: SignThrough) -> SimKeys:
    return SimKeys(
        identity=verifier.signer(digest(seed, "identity", person)),
        voter=verifier.signer(digest(seed, "voter", index)),
    )


def _found(
    index: int,
    founders: Sequence[Device],
    seed: int,
    parameters: Parameters,
    followers: tuple[int, ...],
) -> SimCircle:
    cards = tuple(make_card(device.keys.identity, device.keys.voter) for device in founders)
    nonce = digest(seed, "genesis", index)
    genesis = found(cards, nonce, parameters, voters_max=VOTERS_MAX)
    roster = genesis.roster
    by_identity = {device.identity: device.index for device in founders}
    members = tuple(by_identity[identity] for identity in roster.identities)
    return SimCircle(index, genesis, roster, members, members, roster.quorum, followers)


def _curve(place: tuple[int, int], side_cm: int) -> int:
    """Return how far along a Hilbert curve over the square a place lies."""
    cells = 1 << CURVE_BITS
    x, y = (coordinate * cells // (side_cm + 1) for coordinate in place)
    along = 0
    half = cells >> 1
    while half:
        right, upper = bool(x & half), bool(y & half)
        along += half * half * ((3 * right) ^ upper)
        if not upper:
            if right:
                x, y = cells - 1 - x, cells - 1 - y
            x, y = y, x
        half >>= 1
    return along


def _deal(entropy: Entropy) -> list[int]:
    """Return the sizes of the next circles, in random order."""
    sizes = [size for size, count in CIRCLES_OF.items() for _ in range(count)]
    return [sizes[place] for place in shuffled(len(sizes), entropy)]


def _strangers(places: list[tuple[int, int]], order: list[int], group_of: list[int]) -> set[Pair]:
    """Return pairs of different circles, the nearest first, until everybody has a few.

    They are sought among those near on the curve; a few people at the end find nobody left. Of the
    many distances only those are sorted that are short, and then what those are between who still
    look for somebody.
    """
    wanted = [STRANGERS] * len(places)
    pairs: set[Pair] = set()
    for is_close in (True, False):
        for _, one, other in sorted(_distances(places, order, group_of, wanted, is_close)):
            if wanted[one] and wanted[other]:
                wanted[one] -= 1
                wanted[other] -= 1
                pairs.add((min(one, other), max(one, other)))
    return pairs


def _distances(
    places: list[tuple[int, int]],
    order: list[int],
    group_of: list[int],
    wanted: list[int],
    is_close: bool,
) -> list[Distance]:
    """Return the distances, all short or all long, between strangers who still want one."""
    found: list[Distance] = []
    for at, who in interruptible(enumerate(order)):
        if not wanted[who]:
            continue
        x, y = places[who]
        for later in range(at + 1, min(at + REACH, len(order))):
            other = order[later]
            if wanted[other] and group_of[other] != group_of[who]:
                other_x, other_y = places[other]
                dx, dy = other_x - x, other_y - y
                distance_cm2 = dx * dx + dy * dy
                if (distance_cm2 < CLOSE_CM2) is is_close:
                    found.append((distance_cm2, who, other))
    return found


def boot_entropy(seed: int, index: int, boots: int) -> Entropy:
    """Return the entropy of one device in one of its lives."""
    return stream(seed, "entropy", index, boots)
