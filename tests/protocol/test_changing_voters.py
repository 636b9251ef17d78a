"""The circle clock goes over to other voters: readings stay, and so does the light."""

import pytest

from smilesync.clock.sync import CircleClock
from smilesync.ids import PeerId
from support.clocks import SECOND, Device, Room


def _follow(room: Room, device: Device, size: int, watched: tuple[PeerId, ...] = ()) -> None:
    now_ns = room.local_ns(device)
    quorum = (size + (size - 1) // 3) // 2 + 1
    voters = tuple(room.names[:size])
    device.clock.follow(voters, quorum, watched=watched, now_ns=now_ns)
    room.execute(device, device.clock.wake(now_ns))


def _clocks(room: Room) -> list[CircleClock]:
    return [device.clock for device in room.devices]


@pytest.mark.spec("MEM-025")
def test_new_voter_that_was_watched_costs_no_synchronised_clock() -> None:
    room = Room(1, listeners=1)
    room.start()
    for device in room.devices:
        _follow(room, device, 1, (room.names[1],))
    room.run(20 * SECOND)
    assert [clock.is_synced for clock in _clocks(room)] == [True, True]

    for device in room.devices:
        _follow(room, device, 2)

    assert [clock.is_synced for clock in _clocks(room)] == [True, True]
    for _ in range(20):
        room.run(1 * SECOND)
        assert [clock.is_synced for clock in _clocks(room)] == [True, True]


@pytest.mark.spec("MEM-025")
def test_former_voter_counts_no_more() -> None:
    room = Room(4)
    room.start()
    room.run(20 * SECOND)
    for device in room.devices:
        _follow(room, device, 2)
    room.run(5 * SECOND)
    assert all(clock.is_synced for clock in _clocks(room))

    room.power_off([1])
    room.run(12 * SECOND)

    assert not room.devices[0].clock.is_synced, "two former voters are no quorum"
    assert not room.devices[2].clock.is_synced


@pytest.mark.spec("MEM-025")
def test_new_voter_nobody_has_read_is_not_taken_for_one_that_was() -> None:
    room = Room(1, listeners=1)
    room.start()
    room.run(20 * SECOND)

    _follow(room, room.devices[0], 2)

    assert not room.devices[0].clock.is_synced
