"""Directed scenarios of one lamp and two circles: moments too short for random search.

No city runs: each membership says what the script lets it say, and the check looks on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import cast

from smilesim.crowd import settle
from smilesim.device import LivePeer
from smilesim.overlap import overlapping
from smilesim.selftest.bug import Finding
from smilesim.stagecheck import StageCheck
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesync.commands import DEFAULT_SWITCHES, Switch
from smilesync.effects import Rung, Scene
from smilesync.ids import ValueHash, VoterKey
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.statistics import Statistics
from smilesync.wire import records
from smilesync.wire.records import Opened, Record, SequenceReserved

PEERS, PERCENT, SEED = 11, 43, 4
SOLO = Scene(Rung.SOLO, 2)
VOTER = VoterKey(bytes(32))


@dataclass
class Told:
    """What a membership knows that its wearer allows."""

    switches: Switch = DEFAULT_SWITCHES

    def statistics(self, _now_ns: int) -> Statistics:
        return cast(Statistics, SimpleNamespace(switches=self.switches))


class Lamp:
    """One device in two circles, `0` and `1`, and the check that watches its light."""

    def __init__(self) -> None:
        devices, _ = settle(overlapping(PEERS, PERCENT, SEED), SEED, SignThrough())
        wearer = next(one.wearer for one in devices if one.wearer is not None)
        self._wearer = wearer
        self._violations = Violations()
        self._check = StageCheck(self._violations)
        self._told = [Told() for _ in wearer.memberships]
        for device, told in zip(wearer.memberships, self._told, strict=True):
            device.peer = cast(LivePeer, told)
        self._check.started(wearer, [[] for _ in wearer.memberships], 0)
        wearer.begin(0)
        self._check.decided(wearer, 0)

    def starts(self, journals: Sequence[Sequence[Record]]) -> None:
        """Let power come back to these journals."""
        for device, journal in zip(self._wearer.memberships, journals, strict=True):
            for record in journal:
                device.disk.write(records.encode(record))
            device.disk.sync()
        self._check.started(self._wearer, self._wearer.recollect(), 0)

    def says(self, place: int, scene: Scene) -> None:
        """Let a membership say a scene."""
        device = self._wearer.memberships[place]
        device.scene = scene
        self._wearer.show(device, scene, 0)
        self._check.said(device, scene, 0)
        self._look()

    def learns(self, place: int, switches: Switch) -> None:
        """Let the journal of one membership know what its wearer allows."""
        self._told[place].switches = switches
        self._check.consent_set(self._wearer.memberships[place], int(switches))
        self._wearer.refresh(0)
        self._check.decided(self._wearer, 0)
        self._look()

    def leaves(self, place: int) -> None:
        """Let the wearer leave a circle."""
        device = self._wearer.memberships[place]
        self._check.left(device)
        self._wearer.leave(device)
        self._check.decided(self._wearer, 0)
        self._look()

    def found(self) -> list[Finding]:
        """Return what the check found."""
        return [(one.rule, one.detail) for one in self._violations.kept]

    def _look(self) -> None:
        assert self._wearer.stage is not None
        if self._wearer.stage.scene != self._wearer.shown:
            self._wearer.shown = self._wearer.stage.scene
            self._check.shown(self._wearer, self._wearer.shown, 0)
        self._check.end_tick(0)


def certified(place: int, slot: int) -> Scene:
    """Return the scene of a selected value of a circle."""
    pattern = MOOD_PATTERNS[place]
    return replace(
        SOLO,
        rung=Rung.COMMITTED,
        is_selected=True,
        slot=slot,
        pattern=pattern,
        value_hash=ValueHash(bytes([place + 1, slot]) * 16),
    )


def gap_of_another() -> list[Finding]:
    """The circle that drives is lost while the other is between two of its leases."""
    lamp = Lamp()
    lamp.says(0, certified(0, 1))
    lamp.says(1, certified(1, 1))
    lamp.says(1, replace(certified(1, 1), rung=Rung.HOLD, is_selected=False))
    lamp.says(0, SOLO)
    lamp.says(1, certified(1, 2))
    return lamp.found()


def left_in_the_gap() -> list[Finding]:
    """The circle that drives is left while the other is between two of its leases."""
    lamp = Lamp()
    lamp.says(0, certified(0, 1))
    lamp.says(1, certified(1, 1))
    lamp.says(1, replace(certified(1, 1), rung=Rung.HOLD, is_selected=False))
    lamp.leaves(0)
    lamp.says(1, certified(1, 2))
    return lamp.found()


def numbers_apart() -> list[Finding]:
    """At a start one journal has reserved more sequence numbers than the other."""
    lamp = Lamp()
    lamp.starts([[Opened(VOTER), SequenceReserved(2_048)], [Opened(VOTER), SequenceReserved(9)]])
    return lamp.found()


def one_journal_knows() -> list[Finding]:
    """Consent is withdrawn, and only the circle that does not drive has it on its disk yet."""
    lamp = Lamp()
    lamp.says(0, certified(0, 1))
    lamp.says(1, certified(1, 1))
    lamp.learns(1, DEFAULT_SWITCHES & ~Switch.COLLECTIVE)
    lamp.says(1, SOLO)
    lamp.learns(0, DEFAULT_SWITCHES & ~Switch.COLLECTIVE)
    return lamp.found()
