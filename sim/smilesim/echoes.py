"""Which messages a device would take for copies, so that of a storm most need not reach it.

A copy of what a device holds changes nothing but when its sender was heard, as long as the device
remembers the same and no timer of its own goes off. Whoever knows that can tell it later.
"""

from collections.abc import Mapping
from typing import Any

from smilesim.device import Device
from smilesync.circle.circle import Circle
from smilesync.ids import PeerId
from smilesync.peer import Peer
from smilesync.wire.messages import Carried, ObjectKind


class Memory:
    """All that decides what a peer takes for a copy: its circle and members, feelings, wishes."""

    __slots__ = ("circle", "revision", "slot", "wishes")

    def __init__(self, circle: Circle, peer: Peer) -> None:
        self.circle = circle
        self.slot = circle.slot.number
        self.wishes: Mapping[PeerId, Any] = peer.wishes.held
        self.revision = peer.board.revision

    def is_that_of(self, peer: Peer) -> bool:
        """Does it still remember the same?"""
        circle = self.circle
        is_same = circle is peer.circle and circle.slot.number == self.slot
        return is_same and peer.wishes.held is self.wishes and peer.board.revision == self.revision


def is_copy(peer: Peer, carried: Carried, sender: PeerId, now_ns: int) -> bool:
    """Would one more of these only be heard?"""
    if carried.kind == ObjectKind.EMOTION:
        return peer.board.holds(carried, sender, now_ns)
    circle = peer.circle
    is_member = circle is not None and sender in circle.roster.index_of
    return is_member and peer.belonging.holds(carried, sender)


def calm(device: Device) -> None:
    """Until its next wake a device takes the same for copies, if it waits for nothing."""
    peer = device.peer
    if not isinstance(peer, Peer) or peer.circle is None or peer.is_waiting:
        return
    memory = device.memory
    if memory is None or not memory.is_that_of(peer):
        device.memory = Memory(peer.circle, peer)
    device.calm_until_tick = device.oscillator.tick_at(device.armed_ns)


def catch_up(device: Device) -> None:
    """Before anything else happens to a device, tell it who was heard again meanwhile."""
    device.calm_until_tick = 0
    peer = device.peer
    for way in device.owed:
        way.is_owed = False
        if isinstance(peer, Peer):
            peer.note(way.sender, device.oscillator.at(way.said_tick))
    device.owed = ()
