"""A device in several circles: one wearer, one crystal, one power, one lamp over its memberships.

Each membership is a `Device` of its own, with a voter key, a journal and links that no other
membership has (DRV-001); what is the wearer's is here. Above them is the stage of the daemon.
"""

from collections.abc import Sequence

from smilesim.device import FIRST_SCENE, Device
from smilesync.commands import (
    DEFAULT_SWITCHES,
    Command,
    Join,
    Leave,
    Merge,
    RotateKey,
    Switch,
    WishFor,
)
from smilesync.effects import Scene
from smilesync.light.stage import Stage, Standing
from smilesync.wearer import IN_A_CIRCLE, Recollection, audience, unsaid
from smilesync.wire import records
from smilesync.wire.records import Opened, Record

OF_A_CIRCLE = Join | Leave | WishFor | RotateKey | Merge
"""What the wearer says to one circle."""


class Wearer:
    """One person with a device in several circles.

    `chosen` and `left` outlive a loss of power, as files beside the journals do. `shown`: what the
    lamp got last, and `lit` from which membership.
    """

    def __init__(self, memberships: Sequence[Device]) -> None:
        self.memberships = tuple(memberships)
        self.chosen: Device | None = None
        self.left: set[int] = set()
        self.stage: Stage | None = None
        self.shown: Scene | None = None
        self.lit: Device | None = None
        for device in memberships:
            device.wearer = self

    @property
    def driving(self) -> Device | None:
        """Return the membership whose scene the lamp shows, None while the device is off."""
        return None if self.stage is None else self._named(self.stage.driving)

    def recollect(self) -> list[list[Record]]:
        """Let all journals know what the wearer said last; returns them as they were before.

        Raises DiskFull.
        """
        journals = [device.disk.replay() for device in self.memberships]
        lacking = unsaid(
            [
                Recollection(journal, _is_amnesic(device, journal), device.index in self.left)
                for device, journal in zip(self.memberships, journals, strict=True)
            ]
        )
        for device, lacks in zip(self.memberships, lacking, strict=True):
            for record in lacks:
                device.disk.write(records.encode(record))
            if lacks:
                device.disk.sync()
        return journals

    def begin(self, tick: int) -> None:
        """All memberships are on: from now on one of them drives the light."""
        self.stage = Stage(
            {
                _name(one): Standing(one.scene or FIRST_SCENE, switches_of(one, tick))
                for one in self.memberships
            },
            _name(self.chosen) if self.chosen is not None else None,
            [_name(one) for one in self.memberships if one.index in self.left],
        )

    def end(self) -> None:
        """Power is gone."""
        self.stage = self.shown = self.lit = None

    def show(self, device: Device, scene: Scene, tick: int) -> None:
        """Take what a membership would show, and what it knows of its wearer."""
        if self.stage is not None:
            self.stage.show(_name(device), scene, switches_of(device, tick))

    def refresh(self, tick: int) -> None:
        """Look anew at what every membership knows of its wearer: no scene may have told."""
        for device in self.memberships:
            if self.stage is not None:
                self.stage.allow(_name(device), switches_of(device, tick))

    def choose(self, device: Device | None) -> None:
        """Choose which membership drives, None: whichever stands highest."""
        assert device is None or device.index not in self.left, "nobody chooses what was left"
        self.chosen = device
        if self.stage is not None:
            self.stage.choose(None if device is None else _name(device))

    def leave(self, device: Device) -> None:
        """Let a membership drive no more."""
        self.left.add(device.index)
        self.chosen = None if self.chosen is device else self.chosen
        if self.stage is not None:
            self.stage.leave(_name(device))

    def come_back(self, device: Device) -> None:
        """Let a membership count again that was left."""
        self.left.discard(device.index)
        if self.stage is not None:
            self.stage.come_back(_name(device))

    def is_told(self, device: Device, command: Command) -> bool:
        """Is this word of the wearer for that membership?"""
        left = [_name(one) for one in self.memberships if one.index in self.left]
        return _name(device) in audience(command, [_name(device)], left)

    def given(self, tick: int) -> list[Switch]:
        """Return what the wearer allows circles, as those say that were not left."""
        kept = [one for one in self.memberships if one.index not in self.left] or self.memberships
        allowed = IN_A_CIRCLE
        for device in kept:
            allowed &= switches_of(device, tick)
        return [switch for switch in (Switch.COLLECTIVE, Switch.SHARE) if switch in allowed]

    def _named(self, name: str) -> Device:
        return next(one for one in self.memberships if _name(one) == name)


def switches_of(device: Device, tick: int) -> Switch:
    """Return what a membership knows that its wearer allows."""
    if device.peer is None:
        return DEFAULT_SWITCHES
    return device.peer.statistics(device.oscillator.at(tick)).switches


def _name(device: Device) -> str:
    return str(device.index)


def _is_amnesic(device: Device, journal: Sequence[Record]) -> bool:
    """Did its disk lose what it held, and know it? Then the journal is of no key, or another."""
    voter = device.keys.voter.public
    return any(isinstance(one, Opened) and one.voter != voter for one in journal)
