"""A device takes the same for copies only as long as nothing that decides about it changed."""

from collections.abc import Callable

import pytest

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.echoes import Memory, calm, catch_up
from smilesync.peer import Peer

Change = Callable[[Peer], None]


def _another_feeling(peer: Peer) -> None:
    peer.board.revision += 1


def _another_wish(peer: Peer) -> None:
    peer.wishes._wishes = dict(peer.wishes.held)


def _another_slot(peer: Peer) -> None:
    assert peer.circle is not None
    peer.circle.slot.number += 1


def _no_circle(peer: Peer) -> None:
    peer.circle = None


@pytest.fixture
def city() -> City:
    town = scenario.parse("town", 'summary = ""\npeers = 7\nseconds = 3\n', "town")
    city = City(Plan(town, district(7, 3), 3, 3))
    city.run()
    return city


@pytest.mark.parametrize("change", [_another_feeling, _another_wish, _another_slot, _no_circle])
def test_memory_is_another_after(change: Change, city: City) -> None:
    peer = city.devices[0].peer
    assert isinstance(peer, Peer)
    assert peer.circle is not None
    memory = Memory(peer.circle, peer)
    assert memory.is_that_of(peer)

    change(peer)

    assert not memory.is_that_of(peer)


def test_who_waits_for_something_hears_everything(city: City) -> None:
    device = city.devices[0]
    peer = device.peer
    assert isinstance(peer, Peer)
    calm(device)
    assert device.calm_until_tick > city.world.tick
    catch_up(device)
    peer.is_waiting = True

    calm(device)

    assert device.calm_until_tick == 0


def test_who_was_heard_is_told_with_the_time_of_the_last_copy(city: City) -> None:
    device = city.devices[0]
    peer, way = device.peer, next(iter(device.inbound.values()))
    assert isinstance(peer, Peer)
    way.is_owed, way.said_tick, device.owed = True, city.world.tick + 500, (way,)

    catch_up(device)

    later_ns = device.oscillator.at(city.world.tick + 600)
    assert dict(peer.neighbours.ages_ns(later_ns))[way.sender] // 1_000_000 in (99, 100)
    assert device.owed == ()
    assert not way.is_owed
