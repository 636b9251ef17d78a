"""One wearer over several memberships: what is withdrawn is gone at once, whatever a disk does."""

import socket as stdlib_socket
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from smilesync.boot import Keys
from smilesync.commands import (
    DEFAULT_SWITCHES,
    Command,
    EmotionState,
    Feel,
    Join,
    Leave,
    SetConsent,
    SetOff,
    Switch,
)
from smilesync.config import Config
from smilesync.effects import Rung, Scene
from smilesync.entropy import Entropy
from smilesync.ids import CircleId
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.light.stage import Stage, Standing
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.gate import OPEN_GATE_KEY, circle_gate_key
from smilesync.mesh.link import Link
from smilesync.peer import Peer
from smilesync.wire import records
from smilesync.wire.records import Record
from smilesyncd import udp
from smilesyncd.assembly import gate_keys_of, sought_keys
from smilesyncd.control import BadRequest
from smilesyncd.design.wardrobe import Wardrobe
from smilesyncd.device import Device, Member
from smilesyncd.driver import Node, Ticket, World, drive
from smilesyncd.face import Face
from smilesyncd.journal import FileJournal
from smilesyncd.sharing import Mailbox, Switchboard, sort
from smilesyncd.udp import UdpSocket
from smilesyncd.wearer import Wearer

IDENTITY = Ed25519Signer(b"i" * 32)
ALL = Switch.SHOW | Switch.SHARE | Switch.COLLECTIVE | Switch.SUGGEST | Switch.LIT


class Ticks:
    """Trio's clock as local time."""

    def now_ns(self) -> int:
        return int(trio.current_time() * 1e9)

    def trio_deadline(self, local_ns: int) -> float:
        return local_ns / 1e9


class SlowJournal:
    """A disk that takes `seconds` for everything."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.kept: list[bytes] = []

    async def append(self, appended: Sequence[bytes]) -> None:
        await trio.sleep(self.seconds)
        self.kept += appended


class Rig:
    """A device in circles `quick` and `slow`, named by their disks; nothing is on the air."""

    def __init__(self, state_dir: Path, first: str = "quick") -> None:
        disks = {"quick": SlowJournal(0.01), "slow": SlowJournal(2.0)}
        # The first of equals drives.
        self.journals = dict(sorted(disks.items(), key=lambda item: item[0] != first))
        self.shown: list[tuple[float, Scene]] = []
        clock = Ticks()
        members = [self._member(name, state_dir / name, clock) for name in self.journals]
        standings = {one.name: Standing(one.peer.scene, one.peer.board.switches) for one in members}
        face = SimpleNamespace(scene=Scene(Rung.SOLO, 2), show=self._show)
        self.face = face
        self.device = Device(
            name="",
            version="",
            members=tuple(members),
            stage=Stage(standings),
            face=cast(Face, face),
            socket=cast(UdpSocket, None),
            clock=clock,
            wardrobe=cast(Wardrobe, None),
            state_dir=state_dir,
            started_ns=0,
            on_drive=lambda _name: None,
        )
        self.nodes = {
            one.name: Node(
                one.peer,
                one.link,
                World(
                    Mailbox(cast(UdpSocket, None)),
                    clock,
                    self.journals[one.name],
                    self._shower(one),
                    lambda _notice, _now_ns: None,
                    lambda: None,
                    lambda: None,
                ),
            )
            for one in members
        }
        self.wearer = Wearer(self.nodes, self.device)

    def said(self, name: str) -> list[Record]:
        """Return what is durable of what the wearer said."""
        kept = [records.decode(record) for record in self.journals[name].kept]
        return [one for one in kept if isinstance(one, records.ConsentSet | records.Felt)]

    def _member(self, name: str, directory: Path, clock: Ticks) -> Member:
        directory.mkdir()
        peer = Peer(
            Config(),
            keys=Keys(IDENTITY),
            verifier=Ed25519Verifier(),
            genesis=None,
            journal=(),
            entropy=Entropy(name.encode()),
            now_ns=clock.now_ns(),
        )
        link = Link(LinkConfig(), IDENTITY, Ed25519Verifier(), b"l" * 32, Entropy(b"e"))
        circle = CircleId(name.encode().ljust(32, b"0"))
        return Member(name, directory, circle, peer, link, cast(FileJournal, None))

    def _shower(self, member: Member) -> Callable[[Scene, int], None]:
        return lambda scene, now_ns: self.device.show(member, scene, now_ns)

    def _show(self, scene: Scene, _now_ns: int) -> None:
        self.face.scene = scene
        self.shown.append((trio.current_time(), scene))


@pytest.mark.spec("DRV-015")
@pytest.mark.parametrize("first", ["quick", "slow"])
async def test_a_slow_disk_of_one_circle_holds_no_darkness_back(
    first: str, tmp_path: Path, autojump_clock: MockClock
) -> None:
    rig = Rig(tmp_path, first)
    assert rig.device.stage.driving == first
    async with trio.open_nursery() as nursery:
        for node in rig.nodes.values():
            nursery.start_soon(drive, node)
        await trio.sleep(0.1)
        # The slow one is in the middle of writing when the wearer presses.
        rig.nodes["slow"].post(Feel(EmotionState.LOW))
        await trio.sleep(0.1)
        pressed_s = trio.current_time()
        await rig.wearer.say(SetOff(True))
        answered_s = trio.current_time()
        nursery.cancel_scope.cancel()

    dark_s = next(at_s for at_s, scene in rig.shown if scene.rung is Rung.OFF)
    assert dark_s == pytest.approx(pressed_s, abs=0.001)
    assert answered_s - pressed_s > 2
    for name in ("quick", "slow"):
        assert records.ConsentSet(int(DEFAULT_SWITCHES & ~Switch.LIT)) in rig.said(name)
    assert not [scene for at_s, scene in rig.shown if at_s >= dark_s and scene.rung != Rung.OFF]


@pytest.mark.spec("DRV-015", "DRV-017")
async def test_what_is_given_is_not_given_to_a_circle_that_was_left(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    rig = Rig(tmp_path)
    rig.device.stage.leave("slow")
    async with trio.open_nursery() as nursery:
        for node in rig.nodes.values():
            nursery.start_soon(drive, node)
        await rig.wearer.say(SetConsent(Switch.SHARE, True))
        await rig.wearer.say(SetConsent(Switch.SHOW, False))
        rig.device.stage.leave("quick")
        with pytest.raises(BadRequest, match="left all"):
            await rig.wearer.say(SetConsent(Switch.SHARE, True))
        nursery.cancel_scope.cancel()

    quick, slow = (rig.said(name) for name in ("quick", "slow"))
    shares = DEFAULT_SWITCHES | Switch.SHARE
    assert quick == [
        records.ConsentSet(int(shares)),
        records.ConsentSet(int(shares & ~Switch.SHOW)),
    ]
    assert slow == [records.ConsentSet(int(DEFAULT_SWITCHES & ~Switch.SHOW))]


async def test_a_choice_is_kept_and_one_that_cannot_be_changes_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    await rig.wearer.choose("slow")
    with pytest.raises(BadRequest, match="expected one of quick, slow"):
        await rig.wearer.choose("swift")

    assert (tmp_path / "chosen").read_text() == "slow\n"
    assert rig.device.stage.driving == "slow"
    await rig.wearer.choose(None)
    assert (tmp_path / "chosen").read_text() == "\n"


@pytest.mark.spec("DRV-017")
@pytest.mark.parametrize("shares", [False, True])
async def test_who_joins_again_allows_there_what_holds_elsewhere(
    shares: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    rig = Rig(tmp_path)
    told: list[Command] = []

    def request(command: Command) -> Ticket:
        told.append(command)
        ticket = Ticket(command)
        ticket.is_done.set()
        return ticket

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drive, rig.nodes["quick"])
        monkeypatch.setattr(rig.nodes["slow"], "request", request)
        await rig.wearer.leave("slow", is_now=False)
        is_marked = (tmp_path / "slow" / "left").exists()
        await rig.wearer.say(SetConsent(Switch.SHARE, shares))
        await rig.wearer.join("slow", None)
        nursery.cancel_scope.cancel()

    given = [SetConsent(Switch.COLLECTIVE, True)] + [SetConsent(Switch.SHARE, True)] * shares
    withdrawn = [] if shares else [SetConsent(Switch.SHARE, False)]
    assert told == [Leave(False), *withdrawn, Join(None), *given]
    assert is_marked
    assert not (tmp_path / "slow" / "left").exists()
    assert rig.device.stage.left == frozenset()


@pytest.mark.spec("DRV-017")
async def test_what_is_withdrawn_while_one_joins_again_is_not_given_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    rig = Rig(tmp_path)
    told: list[Command] = []
    async with trio.open_nursery() as nursery:

        def request(command: Command) -> Ticket:
            told.append(command)
            ticket = Ticket(command)
            if command == SetConsent(Switch.COLLECTIVE, True):
                # The first of the two is under way when the wearer thinks better of it.
                nursery.start_soon(rig.wearer.say, SetConsent(Switch.SHARE, False))
                nursery.start_soon(let_go, ticket)
            else:
                ticket.is_done.set()
            return ticket

        async def let_go(ticket: Ticket) -> None:
            await trio.sleep(0.001)
            ticket.is_done.set()

        nursery.start_soon(drive, rig.nodes["quick"])
        await rig.wearer.say_to("quick", SetConsent(Switch.SHARE, True))
        monkeypatch.setattr(rig.nodes["slow"], "request", request)
        await rig.wearer.say(SetConsent(Switch.SHARE, True))
        await rig.wearer.leave("slow", is_now=False)
        told.clear()
        await rig.wearer.join("slow", None)
        nursery.cancel_scope.cancel()

    assert told == [
        Join(None),
        SetConsent(Switch.COLLECTIVE, True),
        SetConsent(Switch.SHARE, False),
    ]


@pytest.mark.spec("DRV-002", "DRV-003", "DRV-004")
async def test_a_device_of_several_circles_opens_to_their_members_only(tmp_path: Path) -> None:
    device = Rig(tmp_path).device
    member = device.members[0]
    assert member.circle is not None
    own = circle_gate_key(member.circle)

    assert gate_keys_of(None, is_only=True) == (OPEN_GATE_KEY,)
    assert gate_keys_of(member.circle, is_only=True) == (OPEN_GATE_KEY, own)
    assert gate_keys_of(member.circle, is_only=False) == (own,)
    assert sought_keys(device, member) == (own, OPEN_GATE_KEY)


class Claims:
    """A link that claims what begins with its letter."""

    def __init__(self, letter: bytes) -> None:
        self._letter = letter

    def claims(self, datagram: bytes, _source: object) -> bool:
        return datagram.startswith(self._letter)


@pytest.mark.spec("DRV-005")
async def test_a_shared_port_gives_each_link_what_it_claims(autojump_clock: MockClock) -> None:
    waiting = [(b"b1", ("10.0.0.1", 1)), (b"a1", ("10.0.0.1", 1)), (b"?", ("10.0.0.1", 1))]
    batches = [waiting]

    async def wait_readable() -> None:
        await (trio.lowlevel.checkpoint() if batches else trio.sleep_forever())

    socket = SimpleNamespace(
        wait_readable=wait_readable, receive_batch=lambda _limit: batches.pop(), send=None
    )
    boxes = {letter: Mailbox(cast(UdpSocket, socket)) for letter in (b"a", b"b")}
    async with trio.open_nursery() as nursery:
        pairs = [(Claims(letter), box) for letter, box in boxes.items()]
        nursery.start_soon(sort, cast(UdpSocket, socket), pairs)
        for box in boxes.values():
            with trio.fail_after(1):
                await box.wait_readable()
        with trio.move_on_after(1) as idle:
            boxes[b"a"].receive_batch(1)
            rest = boxes[b"a"].receive_batch(9)
            await boxes[b"a"].wait_readable()
        nursery.cancel_scope.cancel()

    assert [one for one, _ in rest] == [b"?"]
    assert [one for one, _ in boxes[b"b"].receive_batch(9)] == [b"b1"]
    assert idle.cancelled_caught


@pytest.mark.spec("DRV-005")
async def test_links_may_come_to_a_port_and_go_while_others_read_it() -> None:
    with (
        closing(udp.bind("127.0.0.1", 0)) as socket,
        stdlib_socket.socket(type=stdlib_socket.SOCK_DGRAM) as sender,
    ):
        board = Switchboard(socket)
        boxes = {letter: Mailbox(socket) for letter in (b"a", b"b")}
        got: list[tuple[bytes, bytes]] = []

        async def read(letter: bytes) -> None:
            while True:
                await boxes[letter].wait_readable()
                got.extend((letter, one) for one, _ in boxes[letter].receive_batch(9))

        async def heard(count: int) -> None:
            with trio.fail_after(5):
                while len(got) < count:
                    await trio.sleep(0.001)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(board.run)
            for letter in boxes:
                nursery.start_soon(read, letter)
            for plugged, datagrams in (
                ("a", (b"a1", b"b1")),
                ("ab", (b"a2", b"b2")),
                ("b", (b"a3", b"b3")),
                ("ab", (b"b4", b"a4")),
                ("", ()),
                ("ab", (b"b5",)),
            ):
                await trio.testing.wait_all_tasks_blocked(0.01)
                for letter, box in boxes.items():
                    board.unplug(box)
                    if letter.decode() in plugged:
                        board.plug(Claims(letter), box)
                for datagram in datagrams:
                    sender.sendto(datagram, socket.address)
                    await heard(len(got) + 1)
            nursery.cancel_scope.cancel()

    # Whoever is alone gets also what it has no use for, and counts that.
    assert got == [
        *((b"a", b"a1"), (b"a", b"b1"), (b"a", b"a2"), (b"b", b"b2")),
        *((b"b", b"a3"), (b"b", b"b3"), (b"b", b"b4"), (b"a", b"a4"), (b"b", b"b5")),
    ]


@pytest.mark.spec("DRV-016")
async def test_what_is_said_while_a_circle_is_removed_is_done_by_the_others(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    rig = Rig(tmp_path)
    async with trio.open_nursery() as nursery:
        life = trio.CancelScope()

        async def slowly() -> None:
            with life:
                await drive(rig.nodes["slow"])

        nursery.start_soon(slowly)
        nursery.start_soon(drive, rig.nodes["quick"])
        await trio.sleep(1)
        nursery.start_soon(rig.wearer.say, SetConsent(Switch.COLLECTIVE, False))
        await trio.sleep(0.5)  # the disk of the slow one is at it
        slow = rig.nodes.pop("slow")
        rig.device.forget(rig.device.member("slow"))
        life.cancel()
        await trio.sleep(0)
        slow.retire("gone")
        with trio.fail_after(1):
            await rig.wearer.say(SetConsent(Switch.SHOW, False))
        with pytest.raises(BadRequest, match="slow: this circle was removed meanwhile"):
            await rig.wearer.say_to("slow", SetConsent(Switch.SHOW, True))
        nursery.cancel_scope.cancel()

    kept = [one for one in rig.said("quick") if isinstance(one, records.ConsentSet)]
    assert kept[-1].switches == DEFAULT_SWITCHES & ~(Switch.COLLECTIVE | Switch.SHOW)
    assert [one.name for one in rig.device.members] == ["quick"]
