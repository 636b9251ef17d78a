"""One simulated device: its keys, its crystal, its disk, its links, and the peer while it is on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from smilesim.disk import Disk
from smilesim.engine import NEVER_NS, Lane, give_ranks
from smilesim.oscillator import Oscillator
from smilesim.radio import AirLink
from smilesim.verify import RememberingSigner
from smilesync.circle.genesis import Genesis
from smilesync.circle.roster import Roster
from smilesync.commands import Command
from smilesync.effects import Effect, Rung, Scene
from smilesync.ids import PeerId
from smilesync.keys import Signer
from smilesync.statistics import Statistics
from smilesync.wire.messages import Message
from smilesync.wire.records import Record

if TYPE_CHECKING:
    from smilesim.echoes import Memory
    from smilesim.wearers import Wearer

NO_TICK = -1
UNHARMED = -1
NO_SEAT = -1
FIRST_SCENE = Scene(Rung.SOLO, 2)
"""What a device shows before its peer said anything."""


class LivePeer(Protocol):
    """What the city asks of a peer; `smilesync.peer.Peer` is one, tests plant broken ones."""

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]: ...
    def wake(self, now_ns: int) -> list[Effect]: ...
    def command(self, command: Command, now_ns: int) -> list[Effect]: ...
    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]: ...
    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]: ...
    def renewed(self, key: Signer, now_ns: int) -> list[Effect]: ...
    def next_wake_ns(self) -> int: ...
    def statistics(self, now_ns: int) -> Statistics: ...


@dataclass(slots=True)
class SimCircle:
    """A circle of the city, as its founders made it. `members` are device indices by roster.

    `voters` are those with a seat in the newest slot, and `quorum` is theirs; `rosters` are the
    hashes of all rosters so far.
    `followers` are those who follow it without a seat. In a sparse circle each has links with a
    few of the others.
    """

    index: int
    genesis: Genesis
    roster: Roster
    members: tuple[int, ...]
    voters: tuple[int, ...]
    quorum: int
    followers: tuple[int, ...] = ()
    is_sparse: bool = False
    rosters: set[bytes] = field(default_factory=set)

    @property
    def is_spread(self) -> bool:
        """Return whether votes and readings go over others, too."""
        return self.is_sparse or bool(self.followers)

    @property
    def everybody(self) -> tuple[int, ...]:
        """Return all whose light it decides."""
        return self.members + self.followers


@dataclass(frozen=True, slots=True)
class SimKeys:
    """The private keys of one device; `spare` is the voter key it asks for, if it does."""

    identity: RememberingSigner
    voter: RememberingSigner
    spare: RememberingSigner | None = None


class Device(Lane):
    """What stays of a device over its reboots, and what runs now.

    `position_cm` is (x, y); `is_willing`: the wearer consents to certified light. Of this life,
    for the checks: `covered_us`, the circle time its journal allows it to publish; `far_heard`,
    `far_read`: when far voters last said what it heard, ticks by roster index. `armed_ns` is
    the local time of the wake that waits for it on the wheel.

    Until `stalled_until_tick` nothing runs on it (`World.pause`): what reaches it waits. After each
    batch of events it handles, it is paused for `slow_ms` (a slow processor); it `is_busy` when
    that is still to come. Before `calm_until_tick` copies of what is in its `memory` change nothing
    in it (`echoes.py`); `owed` are the ways over which some came since. No check judges a villain;
    `villain` is its name in the cast. During `outages`, counted at the first membership, it
    cannot be switched on. `drift_ppb`: that of its crystal if it is not its own, else None.
    `renewals`: how many other voter keys were made for it. `has_abandoned`: it gave up its circle
    and is in no successor yet.
    `wearer`: who wears it if it is one membership of a device in several circles, else None.
    `is_amnesic`: it lost what it had signed, so its key never votes again. Before
    `clock_off_until_tick` its clock is none that the protocol was made for, or its readings are
    still in use. `sent` counts its messages since the checks swept last.
    """

    __slots__ = (
        "armed_ns",
        "boots",
        "calm_until_tick",
        "circle",
        "clock_off_until_tick",
        "covered_us",
        "crash_draw",
        "disk",
        "drift_ppb",
        "far_heard",
        "far_read",
        "has_abandoned",
        "identity",
        "inbound",
        "index",
        "is_amnesic",
        "is_busy",
        "is_on",
        "is_villain",
        "is_willing",
        "keys",
        "links",
        "memory",
        "oscillator",
        "outages",
        "owed",
        "peer",
        "position_cm",
        "renewals",
        "roster_index",
        "scene",
        "sent",
        "slow_ms",
        "stalled_until_tick",
        "villain",
        "wearer",
    )

    def __init__(self, index: int, keys: SimKeys, position_cm: tuple[int, int]) -> None:
        self.key = 0
        # What every message looks at lies together, and so do the marks, eight in a word.
        self.index = index
        self.peer: LivePeer | None = None
        self.oscillator = Oscillator(0, 0)
        self.stalled_until_tick = 0
        self.calm_until_tick = 0
        self.memory: Memory | None = None
        self.owed: tuple[AirLink, ...] = ()
        self.armed_ns = NEVER_NS
        self.slow_ms = 0
        self.is_busy = False
        self.is_on = False
        self.is_villain = False
        self.is_willing = True
        self.is_amnesic = False
        self.has_abandoned = False
        self.wearer: Wearer | None = None
        self.crash_draw = UNHARMED
        self.links: dict[PeerId, AirLink] = {}
        self.sent = 0
        self.keys = keys
        self.identity = PeerId(keys.identity.public)
        self.position_cm = position_cm
        self.circle: SimCircle | None = None
        self.roster_index = -1
        self.disk = Disk()
        self.inbound: dict[int, AirLink] = {}
        self.far_heard: dict[int, int] = {}
        self.far_read: dict[int, int] = {}
        self.covered_us = 0
        self.boots = 0
        self.renewals = 0
        self.scene: Scene | None = None
        self.villain = ""
        self.clock_off_until_tick = 0
        self.drift_ppb: int | None = None
        self.outages = 0

    @property
    def memberships(self) -> "tuple[Device, ...]":
        """Return all that runs on the same hardware: power, processor and crystal are one."""
        return (self,) if self.wearer is None else self.wearer.memberships

    @property
    def is_paused(self) -> bool:
        """Has it not gone on yet after a pause?"""
        return self.stalled_until_tick > 0

    def join(self, circle: SimCircle) -> None:
        """Become the voter of `circle` that its genesis lists under this identity, or follow it."""
        self.circle = circle
        self.roster_index = circle.roster.index_of.get(self.identity, NO_SEAT)


class Registry:
    """Devices by identity; who is in several circles has one for each."""

    def __init__(self, devices: Iterable[Device] = ()) -> None:
        self._by_identity: dict[bytes, tuple[Device, ...]] = {}
        for device in devices:
            self.add(device)

    def add(self, device: Device) -> None:
        """Let a device be found."""
        known = self._by_identity.get(device.identity, ())
        if device not in known:
            self._by_identity[device.identity] = (*known, device)

    def find(self, identity: bytes, circle: SimCircle | None) -> Device | None:
        """Return who this is in a circle; who is in one circle only is the same everywhere."""
        found = self._by_identity.get(identity, ())
        if len(found) < 2 or circle is None:
            return found[0] if found else None
        return next((one for one in found if one.index in circle.everybody), None)


class PeerMaker(Protocol):
    """Makes the running peer of a device at power-up from what its disk kept."""

    def __call__(self, device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer: ...


def place(devices: Sequence[Device]) -> None:
    """Give every device and every way between two their places in the order of a tick."""
    for device in devices:
        for source, way in device.inbound.items():
            way.sender = devices[source].identity
    give_ranks(
        (device, (device.inbound[source] for source in sorted(device.inbound)))
        for device in devices
    )


def open_session(one: Device, other: Device) -> None:
    """A handshake between two devices is over: messages sent from now on pass, both ways.

    What was in the air while there was none belongs to a session that either has forgotten.
    """
    for near, far in ((one, other), (other, one)):
        link = near.inbound[far.index]
        if not link.is_up:
            link.floor = link.key
        link.set_up(is_up=True)
