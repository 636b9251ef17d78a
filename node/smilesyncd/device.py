"""The parts of a running daemon: its memberships, and the stage where one shows its light."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smilesync.effects import Scene
from smilesync.errors import LocalError
from smilesync.ids import CircleId
from smilesync.light.stage import Stage, Standing
from smilesync.mesh.link import Link
from smilesync.peer import Peer
from smilesyncd.design.wardrobe import Wardrobe
from smilesyncd.driver import LocalClock
from smilesyncd.face import Face
from smilesyncd.journal import FileJournal
from smilesyncd.udp import UdpSocket


@dataclass(frozen=True, slots=True)
class Member:
    """One membership. `circle` None: what a device is without any."""

    name: str
    directory: Path
    circle: CircleId | None
    peer: Peer
    link: Link
    journal: FileJournal

    @property
    def current(self) -> CircleId | None:
        """The circle it is in now: `circle`, which a person gave, or a successor of that."""
        genesis = self.peer.belonging.genesis
        return genesis.circle_id if genesis is not None else None

    @property
    def succeeds(self) -> CircleId | None:
        """The circle that the current one took the place of, None if of none."""
        genesis = self.peer.belonging.genesis
        return genesis.lineage.circle if genesis is not None and genesis.lineage else None


@dataclass(slots=True)
class Device:
    """One wearer's device: one name, light and clock, and a membership for each circle."""

    name: str
    version: str
    members: tuple[Member, ...]
    stage: Stage
    face: Face
    socket: UdpSocket
    clock: LocalClock
    wardrobe: Wardrobe
    state_dir: Path
    started_ns: int
    on_drive: Callable[[str], None]
    """Called with the name of a membership that begins to drive the light."""

    @property
    def circles(self) -> tuple[Member, ...]:
        """The memberships in a circle."""
        return tuple(member for member in self.members if member.circle is not None)

    @property
    def linked(self) -> tuple[Member, ...]:
        """The memberships that meet others: those in a circle, else the one without any."""
        return self.circles or self.members

    @property
    def driving(self) -> Member:
        """The membership whose scene is shown."""
        return self.member(self.stage.driving)

    def member(self, name: str) -> Member:
        """Return the membership of this name. Raises LocalError with the names that there are."""
        for member in self.members:
            if member.name == name:
                return member
        known = ", ".join(member.name for member in self.circles) or "none"
        raise LocalError(f"no circle is called {name[:40]!r} here; expected one of {known}")

    def enter(self, member: Member) -> None:
        """Belong to one circle more; no light changes before its turn comes."""
        before = self.stage.driving
        self.members = (*self.members, member)
        self.stage.enter(member.name, Standing(member.peer.scene, member.peer.board.switches))
        self._present(before, self.clock.now_ns())

    def forget(self, member: Member) -> None:
        """Belong to a circle no more; what it drove falls."""
        before = self.stage.driving
        self.members = tuple(one for one in self.members if one is not member)
        self.stage.remove(member.name)
        self._present(before, self.clock.now_ns())

    def show(self, member: Member, scene: Scene, now_ns: int) -> None:
        """Take what a membership would show, and show what the stage makes of it."""
        before = self.stage.driving
        self.stage.show(member.name, scene, member.peer.board.switches)
        self._present(before, now_ns)

    def refresh(self) -> None:
        """Look anew at what the wearer allows and has chosen: no scene may have told."""
        before = self.stage.driving
        for member in self.members:
            self.stage.allow(member.name, member.peer.board.switches)
        self._present(before, self.clock.now_ns())

    def _present(self, before: str, now_ns: int) -> None:
        if self.stage.driving != before:
            self.on_drive(self.stage.driving)
        self.face.circle_name = self.stage.driving if len(self.circles) > 1 else ""
        if self.stage.scene != self.face.scene:
            self.face.show(self.stage.scene, now_ns)
