"""The driver with a scripted peer and link: what it feeds, and in which order."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock

from smilesync.commands import Command, SetOff
from smilesync.effects import (
    AdoptVoterKey,
    Effect,
    EraseVoterKey,
    Event,
    LinkDown,
    LinkEffect,
    LinkUp,
    Notice,
    Persist,
    Received,
    Rung,
    Scene,
    Send,
    Show,
    Transmit,
)
from smilesync.ids import Address, PeerId
from smilesync.keys import Ed25519Signer, Signer
from smilesync.wire.messages import Clock, Message
from smilesyncd.driver import NEVER_NS, NS_PER_SECOND, Hint, Node, World, drive

ALICE = PeerId(b"a" * 32)
HOME: Address = ("home", 1)
PING = Clock(stamp_us=1, echo_us=0, held_us=0, circle_us=None, is_synced=False, wants_reply=False)
DARK = Show(Scene(rung=Rung.GLOW, own_state=2))
MS_NS = 1_000_000


class VirtualClock:
    def now_ns(self) -> int:
        return round(trio.current_time() * NS_PER_SECOND)

    def trio_deadline(self, local_ns: int) -> float:
        return local_ns / NS_PER_SECOND


class MemorySocket:
    def __init__(self, log: list[str]) -> None:
        self.waiting: deque[tuple[bytes, Address]] = deque()
        self._is_readable = trio.Event()
        self._log = log

    def put(self, datagram: bytes) -> None:
        self.waiting.append((datagram, HOME))
        self._is_readable.set()

    async def wait_readable(self) -> None:
        if self.waiting:
            await trio.lowlevel.checkpoint()
            return
        self._is_readable = trio.Event()
        await self._is_readable.wait()

    def receive_batch(self, limit: int) -> list[tuple[bytes, Address]]:
        batch = [self.waiting.popleft() for _ in range(min(limit, len(self.waiting)))]
        if batch:
            self._log.append(f"batch {len(batch)}")
        return batch

    def send(self, datagram: bytes, to: Address) -> None:
        self._log.append(f"transmit {datagram.decode()} {to[0]}")


class SlowJournal:
    def __init__(self, log: list[str]) -> None:
        self.delay_seconds = 0.0
        self._log = log

    async def append(self, records: Sequence[bytes]) -> None:
        await trio.sleep(self.delay_seconds)
        self._log.append("durable " + " ".join(record.decode() for record in records))


@dataclass
class ScriptedPeer:
    """Answers every input from its script, and logs it."""

    log: list[str]
    deadline_ns: int = NEVER_NS
    on_handle: list[Effect] = field(default_factory=list)
    on_wake: list[Effect] = field(default_factory=list)
    on_command: list[Effect] = field(default_factory=list)
    on_renewed: list[Effect] = field(default_factory=list)
    period_ns: int = 0
    now_ns: Callable[[], int] = lambda: 0

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        self.log.append(f"connected {peer[:1].decode()}")
        return []

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        self.log.append(f"disconnected {peer[:1].decode()}")
        return []

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        self.log.append(f"handle at {now_ns // MS_NS}")
        return self.on_handle

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        self.log.append(f"command at {now_ns // MS_NS}")
        return self.on_command

    def wake(self, now_ns: int) -> list[Effect]:
        assert self.deadline_ns <= now_ns or not self.period_ns
        self.log.append(f"wake at {now_ns // MS_NS}")
        self.deadline_ns = now_ns + self.period_ns if self.period_ns else NEVER_NS
        return self.on_wake

    def renewed(self, key: Signer, now_ns: int) -> list[Effect]:
        self.log.append("renewed")
        return self.on_renewed

    def next_wake_ns(self) -> int:
        return self.deadline_ns


class ScriptedLink:
    """A datagram names the effects it stands for; sealing is the identity."""

    def __init__(self, log: list[str]) -> None:
        self._log = log

    def hint(self, address: Address, now_ns: int, *, permanent: bool = False) -> list[LinkEffect]:
        return [Transmit(address, b"permanent" if permanent else b"hello")]

    def receive(self, datagram: bytes, source: Address, now_ns: int) -> list[LinkEffect]:
        effects: dict[bytes, list[LinkEffect]] = {
            b"up": [LinkUp(ALICE, source), Received(ALICE, PING)],
            b"down": [LinkDown(ALICE)],
            b"bad": [Notice(Event.DATAGRAM_DROPPED)],
        }
        return effects.get(datagram, [Received(ALICE, PING)])

    def send(self, to: PeerId, message: Message, now_ns: int) -> list[LinkEffect]:
        return [Transmit(HOME, b"sealed")]

    def wake(self, now_ns: int) -> list[LinkEffect]:
        return []

    def next_wake_ns(self) -> int:
        return NEVER_NS

    def close(self, now_ns: int) -> list[LinkEffect]:
        return [Transmit(HOME, b"bye")]


@dataclass
class Stage:
    log: list[str]
    peer: ScriptedPeer
    socket: MemorySocket
    journal: SlowJournal
    node: Node


def erased(log: list[str]) -> Ed25519Signer:
    log.append("erase")
    return Ed25519Signer(bytes(32))


def stage() -> Stage:
    log: list[str] = []
    peer, socket, journal = ScriptedPeer(log), MemorySocket(log), SlowJournal(log)
    world = World(
        socket=socket,
        clock=VirtualClock(),
        journal=journal,
        on_show=lambda scene, _: log.append(f"show {scene.rung.name}"),
        on_notice=lambda notice, _: log.append(f"notice {notice.event.value}"),
        erase_voter_key=lambda: erased(log),
        adopt_voter_key=lambda: log.append("adopt"),
    )
    return Stage(log, peer, socket, journal, Node(peer, ScriptedLink(log), world))


async def run_for(scene: Stage, seconds: float) -> None:
    with trio.move_on_after(seconds):
        await drive(scene.node)


async def test_the_peer_is_woken_first_and_then_at_each_deadline(autojump_clock: MockClock) -> None:
    scene = stage()
    scene.peer.period_ns, scene.peer.deadline_ns = 250 * MS_NS, 0

    await run_for(scene, 0.8)

    assert scene.log == ["wake at 0", "wake at 250", "wake at 500", "wake at 750"]


async def test_waiting_datagrams_are_fed_as_one_batch_before_a_due_wake(
    autojump_clock: MockClock,
) -> None:
    scene = stage()
    scene.peer.period_ns, scene.peer.deadline_ns = 100 * MS_NS, 0

    async def feed() -> None:
        await trio.sleep(0.05)
        for _ in range(3):
            scene.socket.put(b"x")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed)
        await run_for(scene, 0.12)

    assert scene.log == [
        "wake at 0",
        "batch 3",
        *["handle at 50"] * 3,
        "wake at 100",
    ]


async def test_a_flood_is_taken_in_bounded_batches_and_timers_do_not_starve(
    autojump_clock: MockClock,
) -> None:
    scene = stage()
    scene.peer.period_ns, scene.peer.deadline_ns = 10 * MS_NS, 0
    for _ in range(200):
        scene.socket.put(b"x")

    await run_for(scene, 0.015)

    batches = [line for line in scene.log if line.startswith("batch")]
    assert batches == ["batch 64", "batch 64", "batch 64", "batch 8"]
    assert scene.log[-1] == "wake at 10"


async def test_nothing_behind_a_record_leaves_before_it_is_durable(
    autojump_clock: MockClock,
) -> None:
    scene = stage()
    scene.journal.delay_seconds = 0.5
    scene.peer.on_handle = [Send(ALICE, PING), Persist(b"vote"), Send(ALICE, PING), DARK]
    scene.socket.put(b"x")
    scene.socket.put(b"x")

    await run_for(scene, 1.0)

    assert scene.log == [
        "wake at 0",
        "batch 2",
        "handle at 0",
        "transmit sealed home",
        "handle at 0",
        "durable vote vote",
        "transmit sealed home",
        "show GLOW",
        "transmit sealed home",
        "transmit sealed home",
        "show GLOW",
    ]


async def test_a_journal_that_fails_ends_the_node_before_anything_is_sent(
    autojump_clock: MockClock,
) -> None:
    scene = stage()

    async def fail(records: Sequence[bytes]) -> None:
        raise OSError(28, "No space left on device")

    scene.journal.append = fail  # type: ignore[method-assign] # the disk fills up
    scene.peer.on_handle = [Persist(b"vote"), Send(ALICE, PING)]
    scene.socket.put(b"x")

    with pytest.raises(OSError, match="No space"):
        await drive(scene.node)

    assert "transmit sealed home" not in scene.log


async def test_commands_cut_the_wait_short_and_return_when_durable(
    autojump_clock: MockClock,
) -> None:
    scene = stage()
    scene.journal.delay_seconds = 0.02
    scene.peer.on_command = [Persist(b"off"), DARK]

    async def press() -> None:
        await trio.sleep(0.3)
        ticket = scene.node.request(SetOff(True))
        assert ticket is not None
        await ticket.wait_done()
        scene.log.append(f"done at {trio.current_time():.2f}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(press)
        await run_for(scene, 1.0)

    assert scene.log[1:] == ["command at 300", "durable off", "show GLOW", "done at 0.32"]


async def test_taking_light_away_waits_for_no_disk_and_is_not_undone_by_what_was_waiting(
    autojump_clock: MockClock,
) -> None:
    scene = stage()
    scene.journal.delay_seconds = 0.5
    lit = Show(Scene(rung=Rung.COMMITTED, own_state=2, is_selected=True))
    dark = Show(Scene(rung=Rung.OFF, own_state=2, fall_count=1))
    scene.peer.on_handle = [Persist(b"shown"), lit]
    scene.peer.on_command = [Persist(b"consent"), dark]
    scene.socket.put(b"x")
    scene.node.post(SetOff(True))

    await run_for(scene, 1.0)

    assert scene.log[3:] == ["command at 0", "show OFF", "durable shown consent"]


async def test_requests_beyond_the_bound_are_refused(autojump_clock: MockClock) -> None:
    scene = stage()

    accepted = [scene.node.post(Hint(HOME)) for _ in range(300)]

    assert accepted == [True] * 256 + [False] * 44


async def test_hints_links_and_notices_reach_their_places(autojump_clock: MockClock) -> None:
    scene = stage()
    scene.node.post(Hint(HOME, permanent=True))
    for datagram in (b"up", b"bad", b"down"):
        scene.socket.put(datagram)

    await run_for(scene, 1.0)
    scene.node.close()

    assert scene.log[1:] == [
        "batch 3",
        "notice link-up",
        "connected a",
        "handle at 0",
        "notice datagram-dropped",
        "notice link-down",
        "disconnected a",
        "transmit permanent home",
        "transmit bye home",
    ]


async def test_a_core_that_forgets_to_move_its_deadline_is_our_bug_and_stops(
    autojump_clock: MockClock,
) -> None:
    scene = stage()
    scene.peer.deadline_ns = 0
    scene.peer.wake = lambda now_ns: []  # type: ignore[method-assign] # the bug

    with pytest.raises(AssertionError):
        await drive(scene.node)


@pytest.mark.spec("RKY-023")
async def test_spare_voter_key_is_adopted_after_the_decision_is_durable_and_before_all_else(
    autojump_clock: MockClock,
) -> None:
    scene = stage()
    scene.peer.on_handle = [Persist(b"decision"), AdoptVoterKey(), Send(ALICE, PING)]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drive, scene.node)
        scene.socket.put(b"datagram")
        await trio.sleep(1)
        nursery.cancel_scope.cancel()

    after = scene.log[scene.log.index("durable decision") :]
    assert after[:2] == ["durable decision", "adopt"]
    assert scene.log.count("adopt") == 1


@pytest.mark.spec("RKY-023", "CIR-054")
async def test_what_is_recorded_after_another_key_was_adopted_is_recorded_for_that_one(
    autojump_clock: MockClock,
) -> None:
    """Adopting begins the journal anew, without lost memory: that of the new key was lost, too."""
    scene = stage()
    scene.peer.on_handle = [
        Persist(b"decision"),
        AdoptVoterKey(),
        Persist(b"amnesia"),
        Send(ALICE, PING),
    ]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drive, scene.node)
        scene.socket.put(b"datagram")
        await trio.sleep(1)
        nursery.cancel_scope.cancel()

    after = scene.log[scene.log.index("durable decision") :]
    assert after[:3] == ["durable decision", "adopt", "durable amnesia"]
    assert after[3].startswith("transmit")


@pytest.mark.spec("RKY-023")
@pytest.mark.parametrize(
    ("effect", "taken"),
    [(EraseVoterKey(), ["erase", "renewed"]), (AdoptVoterKey(), ["adopt"])],
    ids=["erase", "adopt"],
)
async def test_another_voter_key_is_taken_before_anything_else_happens(
    effect: Effect, taken: list[str], autojump_clock: MockClock
) -> None:
    """Not at the end of the turn: between two keys the core hears nothing and is told nothing."""
    scene = stage()
    scene.peer.on_handle = scene.peer.on_command = [Persist(b"over"), effect]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drive, scene.node)
        await trio.testing.wait_all_tasks_blocked()
        scene.log.clear()
        scene.socket.put(b"first")
        scene.socket.put(b"second")
        assert scene.node.post(SetOff(off=True))
        assert scene.node.post(SetOff(off=False))
        await trio.sleep(1)
        nursery.cancel_scope.cancel()

    over = ["durable over", *taken]
    heard, told = ["handle at 0", *over], ["command at 0", *over]
    assert scene.log == ["batch 2", *heard, *heard, *told, *told]
