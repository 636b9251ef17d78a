"""One device from power-up to power loss: the daemon's node, its task, and how it ends."""

from functools import partial

import trio

from smilesim.device import Device
from smilesim.observed.parts import AirSocket, CrystalClock, DiskJournal
from smilesim.observed.session import ModelLink
from smilesim.observed.witness import CRASH, WitnessedPeer
from smilesim.world import World
from smilesync.effects import Notice, Scene
from smilesyncd.driver import Node, drive
from smilesyncd.driver import World as NodeWorld


class Life:
    """A running node. What the city's world would do after a device's turn is done here."""

    def __init__(
        self,
        device: Device,
        world: World,
        *,
        peer: WitnessedPeer,
        link: ModelLink,
        clock: CrystalClock,
    ) -> None:
        self.link = link
        self._device = device
        self._peer = peer
        self._world = world
        self._scope = trio.CancelScope()
        self.socket = AirSocket(clock, link.transmit, self._turn_over)
        journal = DiskJournal(device, world, peer)
        renew = partial(world.new_voter_key, device)
        adopt = partial(world.adopt_voter_key, device)
        around = NodeWorld(self.socket, clock, journal, self._show, _ignore, renew, adopt)
        self.node = Node(peer, link, around)

    async def run(self) -> None:
        """Be the daemon until the power goes."""
        with self._scope:
            await drive(self.node)

    def end(self) -> None:
        """Cut the power."""
        self._scope.cancel()
        self.socket.close()

    def _turn_over(self) -> None:
        """A turn is done: who was to die in it dies, and a slow processor rests."""
        device, world = self._device, self._world
        if self._peer.death:
            if self._peer.death == CRASH:
                world.died_inside(device)
            else:
                world.fired[self._peer.death] += 1
            world.stop(device)
            return
        if device.wearer is not None and device.peer is not None:
            world.refresh(device.wearer)
        if device.stalled_until_tick <= world.tick:
            world.rest(device)

    def _show(self, scene: Scene, _now_ns: int) -> None:
        self._world.show(self._device, scene)


def _ignore(_notice: Notice, _now_ns: int) -> None:
    """The witness counts what the peer says; nobody reads the log of an observed node."""
