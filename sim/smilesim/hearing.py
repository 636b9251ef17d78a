"""Of how many voters a device has clock readings, and how new they are, in true time.

They are the voters of the slot that it has open; one of them hears itself.
"""

from array import array
from collections.abc import Mapping

from smilesim.device import NO_TICK, Device
from smilesim.engine import TICKS_PER_SECOND
from smilesim.radio import CLOSED, UNHEARD_TICK
from smilesim.votecheck import VoteCheck

HEARD_TICKS_MAX = 4 * TICKS_PER_SECOND + 10
"""A longer lease is shown only by who heard q voters so recently: 4 s of its own clock."""


class Hearing:
    """Asks the ways into a device, and not before the answer may be another one."""

    def __init__(self, votes: VoteCheck, devices: int) -> None:
        self._votes = votes
        self._near_until_tick = array("q", [NO_TICK]) * devices

    def moved(self, device: Device) -> None:
        """Other voters count from now on."""
        self._near_until_tick[device.index] = NO_TICK

    def restarted(self, device: Device) -> None:
        """A life begins: what was heard in the one before counts no more."""
        self._near_until_tick[device.index] = NO_TICK
        for way in device.inbound.values():
            way.heard_tick = UNHEARD_TICK
        device.far_read.clear()
        device.far_heard.clear()

    def is_near(self, device: Device, tick: int) -> bool:
        """Are there readings of q voters of the last 4 s, the own one included, without others?

        They last until the oldest of them is too old, where nobody else can get a vote meanwhile.
        """
        circle, index = device.circle, device.index
        if circle is None:
            return False
        if tick <= self._near_until_tick[index] and len(circle.rosters) == 1:
            return True
        roll, inbound = self._votes.roll(device), device.inbound
        ticks: list[int] = []
        for voter in roll.seated:
            way = inbound.get(voter.index)
            if voter is device:
                ticks.append(CLOSED)
            elif way is not None:
                ticks.append(way.heard_tick)
        if len(ticks) < roll.quorum:
            return False
        ticks.sort()
        until_tick = ticks[-roll.quorum] + HEARD_TICKS_MAX
        self._near_until_tick[index] = until_tick
        return tick <= until_tick

    def heard(self, device: Device, oldest_tick: int, far: Mapping[int, int]) -> tuple[int, int]:
        """Return how many voters a device heard at `oldest_tick` or later, and q of them all.

        `far`: when those spoke last that it hears over others, by device.
        """
        roll = self._votes.roll(device)
        inbound, far_tick, heard = device.inbound, max(0, oldest_tick), 0
        for voter in roll.seated:
            way = inbound.get(voter.index)
            is_near = way is not None and way.heard_tick >= oldest_tick
            is_far = far.get(voter.index, NO_TICK) >= far_tick
            heard += is_near or is_far or voter is device
        return heard, roll.quorum
