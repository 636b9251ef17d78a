"""The memberships of a running device: each lives in tasks of its own, and may come and go.

A life is a node, its part of the socket, and the search for others. To remove a circle is to cancel
its life, say goodbye, close its journal and erase its folder; the others' lights never notice.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import trio

from smilesync.boot import wearer_of
from smilesync.circle.genesis import Genesis
from smilesync.commands import Feel, Prefer, SetConsent, Switch
from smilesync.config import Config
from smilesync.effects import Event, Notice
from smilesync.errors import SettingsError
from smilesync.ids import PeerId
from smilesync.mesh.gate import OPEN_GATE_KEY
from smilesync.wearer import Recollection, unsaid
from smilesync.wire import records
from smilesync.wire.records import Record
from smilesyncd import memberships
from smilesyncd.assembly import admitted_keys, new_member, sought_keys
from smilesyncd.control import BadRequest
from smilesyncd.device import Device, Member
from smilesyncd.driver import Admission, Node, World, drive
from smilesyncd.finding import Neighbourhood, find_peers
from smilesyncd.keystore import Seeds
from smilesyncd.memberships import Place
from smilesyncd.memory import adopt_voter_key, renew_voter_key
from smilesyncd.notices import NoticePrinter
from smilesyncd.settings import Settings
from smilesyncd.sharing import Mailbox, Switchboard

REMOVED = "this circle was removed meanwhile"


class Life:
    """One membership while it runs. `scope` ends it; `search` ends its search for others."""

    def __init__(self, member: Member, node: Node, box: Mailbox) -> None:
        self.member = member
        self.node = node
        self.box = box
        self.scope = trio.CancelScope()
        self.search = trio.CancelScope()
        self.is_over = trio.Event()
        self.search_over = trio.Event()
        """Set while nobody searches: then nobody writes down where others were."""
        self.search_over.set()
        self.kept = ExitStack()
        """What is closed with it: the journal of one that was added to the running device."""
        self.gate_keys: tuple[bytes, ...] = ()


class Lives:
    """All memberships of a running device. `nodes` by name, for whoever tells them something."""

    def __init__(
        self,
        settings: Settings,
        device: Device,
        write: Callable[[str], None],
        *,
        home: Place,
        preferred: bytes | None,
        is_verbose: bool,
    ) -> None:
        self.nodes: dict[str, Node] = {}
        self.printers: dict[str, NoticePrinter] = {}
        self._settings = settings
        self._device = device
        self._home: Genesis | None = home.genesis
        self._seeds: Seeds = home.memory.seeds
        self._write = write
        self._is_verbose = is_verbose
        self._preferred = preferred
        self._board = Switchboard(device.socket)
        self._lives: dict[str, Life] = {}
        self._changing = trio.Lock()
        self._nursery: trio.Nursery
        for member in device.members:
            self._bear(member)

    async def run(self, on_trouble: Callable[[str], None]) -> None:
        """Let all memberships live until cancelled, and those that are added meanwhile."""
        self._on_trouble = on_trouble
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._board.run)
            for life in self._lives.values():
                self._nursery.start_soon(self._live, life)
            self._admit()
            await trio.sleep_forever()

    def close(self) -> None:
        """Say goodbye on every link, and close what was opened meanwhile. After `run` has ended."""
        for life in self._lives.values():
            life.node.close()
            life.kept.close()

    async def prepare(self, name: str) -> None:
        """Make the keys of a circle that the device may be added to. Raises BadRequest."""
        async with self._changing:
            try:
                directory = memberships.folder(self._settings.state_dir, name)
                await trio.to_thread.run_sync(self._make, directory)
            except (SettingsError, OSError) as error:
                raise BadRequest(str(error)) from error

    async def add(self, name: str, file: Path, allowed: Callable[[], Switch]) -> Genesis:
        """Belong to one circle more from now on. Raises BadRequest; then nothing is changed.

        `allowed` tells what the wearer said last of each switch.
        """
        async with self._changing:
            kept = ExitStack()
            try:
                place = await trio.to_thread.run_sync(self._open, kept, name, file)
                opening = place.memory.opening
                lacks = self._unsaid(opening.records, allowed())
                await opening.journal.append([records.encode(record) for record in lacks])
                await trio.to_thread.run_sync(memberships.found, place.directory, file)
            except (SettingsError, OSError) as error:
                kept.close()
                raise BadRequest(str(error)) from error
            self._enter(place, [*opening.records, *lacks], kept, allowed())
            assert place.genesis is not None
            return place.genesis

    async def remove(self, name: str, *, is_now: bool) -> None:
        """Forget a circle and its keys. Raises BadRequest while the wearer belongs."""
        async with self._changing:
            try:
                directory = memberships.removable(self._settings, name, is_now=is_now)
                # Before its life ends: a disk that refuses keeps all of it.
                await trio.to_thread.run_sync(memberships.unfound, directory)
            except (SettingsError, OSError) as error:
                raise BadRequest(str(error)) from error
            life = self._lives.pop(name, None)
            if life is not None:
                await self._end(life)
            try:
                await trio.to_thread.run_sync(memberships.erase, directory)
            except OSError as error:
                raise BadRequest(
                    f"{name}: left for good, but its keys are still there: {error}; delete "
                    f"{directory}"
                ) from error

    def _bear(self, member: Member) -> Life:
        """Put the node of a membership together; its tasks begin with `_live`."""
        box = Mailbox(self._device.socket)
        printer = NoticePrinter(partial(self._tell, member), is_verbose=self._is_verbose)
        world = World(
            box,
            self._device.clock,
            member.journal,
            partial(self._device.show, member),
            printer.print,
            partial(renew_voter_key, member.directory, member.journal),
            partial(adopt_voter_key, member.directory, member.journal),
        )
        node = Node(member.peer, member.link, world)
        if self._preferred is not None:
            node.post(Prefer(self._preferred))
        life = Life(member, node, box)
        self._lives[member.name], self.nodes[member.name] = life, node
        self.printers[member.name] = printer
        return life

    async def _live(self, life: Life) -> None:
        try:
            with life.scope:
                await drive(life.node)
        finally:
            life.is_over.set()

    async def _seek(self, life: Life, search: trio.CancelScope, is_over: trio.Event) -> None:
        """Look for others by the gate keys of now, until they change."""
        member, device = life.member, self._device
        port = device.socket.address[1]
        try:
            with search:
                place = Neighbourhood(member, device.clock, port, sought_keys(device, member))
                await find_peers(self._settings, life.node, place, self._on_trouble)
        finally:
            is_over.set()

    def _admit(self) -> None:
        """Let every link open to whom it must, and look for them, among the circles of now."""
        for life in self._lives.values():
            keys = admitted_keys(self._device, life.member)
            if keys == life.gate_keys:
                continue
            if not life.gate_keys:
                self._board.plug(life.member.link, life.box)
            elif not keys:
                self._board.unplug(life.box)
            life.gate_keys = keys
            life.node.post(Admission(keys, _company(life.member, keys)))
            life.search.cancel()
            life.search = trio.CancelScope()
            if keys:
                life.search_over = trio.Event()
                self._nursery.start_soon(self._seek, life, life.search, life.search_over)

    def _make(self, directory: Path) -> None:
        with memberships.made(directory, self._seeds):
            pass

    def _open(self, kept: ExitStack, name: str, file: Path) -> Place:
        """Make and open the folder of a circle that is added; it is no membership yet."""
        genesis = memberships.addable(self._settings, self._home, name, file, self._seeds)
        directory = memberships.folder(self._settings.state_dir, name)
        memory = kept.enter_context(memberships.made(directory, self._seeds))
        return Place(name, directory, genesis, memory)

    def _unsaid(self, journal: Sequence[Record], allowed: Switch) -> list[Record]:
        """Return what the journal of a new membership lacks of what the wearer said (DRV-016)."""
        boards = [member.peer.board for member in self._device.members]
        below = max(board.sequence.reserved_below for board in boards)
        told = [
            *journal[:1],
            records.ConsentSet(int(allowed)),
            records.Felt(int(boards[0].state)),
            records.SequenceReserved(below),
        ]
        # Whatever an earlier attempt wrote there: the running device knows better.
        return unsaid([Recollection(told), Recollection(journal, is_amnesic=True)])[1]

    def _enter(
        self, place: Place, journal: Sequence[Record], kept: ExitStack, allowed: Switch
    ) -> None:
        """Let a new membership live; in one step with looking at what the wearer allows."""
        device = self._device
        member = new_member(
            place, journal, Config(), now_ns=device.clock.now_ns(), is_only=not device.circles
        )
        life = self._bear(member)
        life.kept = kept
        if (amnesia := place.memory.opening.amnesia) is not None:
            notice = Notice(Event.AMNESIC, detail=amnesia)
            self.printers[place.name].print(notice, device.clock.now_ns())
        switches, state, _ = wearer_of(journal)
        # What was said while the disk was busy; the stage asks all journals meanwhile.
        for switch in switches ^ allowed:
            life.node.post(SetConsent(switch, switch in allowed))
        felt = device.members[0].peer.board.state
        if felt != state:
            life.node.post(Feel(felt))
        device.enter(member)
        for one in device.circles:
            if (one.directory / memberships.LEFT_NAME).exists():
                device.stage.leave(one.name)  # while it was the only one nobody asked
        device.refresh()
        self._nursery.start_soon(self._live, life)
        self._admit()

    async def _end(self, life: Life) -> None:
        """End the life of a membership; nothing of it runs any more on return."""
        self._board.unplug(life.box)
        del self.nodes[life.member.name], self.printers[life.member.name]
        self._device.forget(life.member)
        life.search.cancel()
        life.scope.cancel()
        await life.is_over.wait()
        await life.search_over.wait()
        life.node.retire(REMOVED)
        life.node.close()
        life.member.journal.close()
        life.kept.close()
        self._admit()

    def _tell(self, member: Member, line: str) -> None:
        """Write a line about a membership; of several each names its circle."""
        is_one = len(self._device.circles) < 2
        self._write(line if is_one else f"{line} circle={member.name}")


def _company(member: Member, gate_keys: tuple[bytes, ...]) -> frozenset[PeerId]:
    """Return with whom a link goes on behind these gates: everybody, its circle, or nobody."""
    circle = member.peer.circle
    if OPEN_GATE_KEY in gate_keys:
        return frozenset(one.peer for one in member.link.statistics().sessions)
    return frozenset(circle.roster.identities) if circle is not None and gate_keys else frozenset()
