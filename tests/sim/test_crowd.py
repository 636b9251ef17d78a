"""Crowds: everyone in exactly one circle of at most seven, pairs both ways, real founder cards."""

from collections import Counter

import pytest

from smilesim.crowd import CIRCLES_OF, STRANGERS, Crowd, district, settle
from smilesim.verify import SignThrough
from smilesync.circle.genesis import decode_genesis


@pytest.mark.parametrize("peers", [1, 2, 7, 8, 50, 500])
def test_everyone_is_in_one_circle_of_at_most_seven(peers: int) -> None:
    crowd = district(peers, 3)

    members = sorted(who for group in crowd.groups for who in group)
    assert members == list(range(peers))
    assert max(len(group) for group in crowd.groups) <= max(CIRCLES_OF)
    assert crowd.size == peers


def test_circles_are_near_and_fully_meshed_with_a_few_strangers() -> None:
    crowd = district(400, 3)
    pairs = set(crowd.pairs)
    group_of = {who: index for index, group in enumerate(crowd.groups) for who in group}

    for group in crowd.groups:
        assert all((low, high) in pairs for low in group for high in group if low < high)
        x, y = zip(*(crowd.positions_cm[who] for who in group), strict=True)
        assert max(x) - min(x) + max(y) - min(y) < 4_000
    met = Counter(who for pair in pairs if group_of[pair[0]] != group_of[pair[1]] for who in pair)
    assert max(met.values()) == STRANGERS
    assert sum(met.values()) > 0.9 * STRANGERS * crowd.size


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_first_twenty_circles_are_of_every_size_in_the_documented_shares(seed: int) -> None:
    people = sum(size * count for size, count in CIRCLES_OF.items())

    groups = district(people, seed).groups

    assert Counter(map(len, groups)) == CIRCLES_OF
    assert set(CIRCLES_OF) == set(range(1, 8))


def test_the_seed_decides_the_crowd() -> None:
    assert district(100, 1) == district(100, 1)
    assert district(100, 1) != district(100, 2)


def test_every_genesis_is_valid_and_links_go_both_ways() -> None:
    through = SignThrough()
    devices, circles = settle(district(30, 5), 5, through)

    for circle in circles:
        assert decode_genesis(circle.genesis.encode(), through) == circle.genesis
        for place, member in enumerate(circle.members):
            assert devices[member].circle is circle
            assert devices[member].roster_index == place
    for device in devices:
        for source, link in device.inbound.items():
            assert devices[source].links[device.identity] is link
            assert (link.source, link.destination) == (source, device.index)


def test_people_without_a_circle_are_allowed() -> None:
    crowd = Crowd(((0, 0), (1, 1)), ((0,),), ((0, 1),))

    devices, _ = settle(crowd, 1, SignThrough())

    assert devices[1].circle is None
