"""The loop between a core and the world: feed, wake, persist, then act, in that order.

One turn: wait until a datagram, a request or the deadline is there; give all waiting datagrams to
the link and what they carry to the peer; execute requests; wake what is due. Effects are executed
in their order. At the first `Persist` of a turn everything behind it waits until the turn's
records are durable, all with one flush; what stands before it leaves at once, because a clock
reading that waits for a disk is a bad reading. One thing overtakes: a scene that only darkens,
because the wearer withdrew a consent or pressed off. And one ends a turn before its time: whoever
takes another voter key has it before anything else happens to it.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import trio

from smilesync.commands import Command
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
    Scene,
    Send,
    Show,
    Transmit,
)
from smilesync.errors import LocalError
from smilesync.ids import Address, PeerId
from smilesync.keys import Signer
from smilesync.wire.messages import Message

NS_PER_SECOND = 1_000_000_000
NEVER_NS = 2**62 - 1
DATAGRAMS_PER_TURN_MAX = 64
REQUESTS_WAITING_MAX = 256


class DatagramSocket(Protocol):
    """An unconnected datagram socket that never blocks a turn."""

    async def wait_readable(self) -> None:
        """Return when at least one datagram waits; always a checkpoint."""

    def receive_batch(self, limit: int) -> list[tuple[bytes, Address]]:
        """Return up to `limit` waiting datagrams with their sources."""

    def send(self, datagram: bytes, to: Address) -> None:
        """Send or lose `datagram`; never raises."""


class LocalClock(Protocol):
    """Local monotonic time in ns, and the same instant as a trio deadline."""

    def now_ns(self) -> int:
        """Return the local time."""

    def trio_deadline(self, local_ns: int) -> float:
        """Return when, by trio's clock, local time will reach `local_ns`."""


class Journal(Protocol):
    """Durable memory."""

    async def append(self, records: Sequence[bytes]) -> None:
        """Return when `records` are durable; raise rather than return when they are not."""


class PeerPort(Protocol):
    """What the driver asks of a peer."""

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]: ...

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]: ...

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]: ...

    def command(self, command: Command, now_ns: int) -> list[Effect]: ...

    def wake(self, now_ns: int) -> list[Effect]: ...

    def renewed(self, key: Signer, now_ns: int) -> list[Effect]: ...

    def next_wake_ns(self) -> int: ...


class LinkPort(Protocol):
    """What the driver asks of a link."""

    def hint(
        self, address: Address, now_ns: int, *, permanent: bool = False
    ) -> list[LinkEffect]: ...

    def admit(
        self, gate_keys: tuple[bytes, ...], kept: Collection[PeerId], now_ns: int
    ) -> list[LinkEffect]: ...

    def receive(self, datagram: bytes, source: Address, now_ns: int) -> list[LinkEffect]: ...

    def send(self, to: PeerId, message: Message, now_ns: int) -> list[LinkEffect]: ...

    def wake(self, now_ns: int) -> list[LinkEffect]: ...

    def next_wake_ns(self) -> int: ...

    def close(self, now_ns: int) -> list[LinkEffect]: ...


@dataclass(frozen=True, slots=True)
class Hint:
    """An address worth trying; a permanent one is tried for ever."""

    address: Address
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """The gate keys that open the link from now on, and with whom it goes on."""

    gate_keys: tuple[bytes, ...]
    kept: frozenset[PeerId]


Request = Command | Hint | Admission
"""What other tasks may ask of the node."""


class Ticket:
    """A request whose asker waits for it to be done, or refused."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.is_done = trio.Event()
        self.refusal: LocalError | None = None

    async def wait_done(self) -> None:
        """Return when it was executed and what it caused is durable; LocalError if refused."""
        await self.is_done.wait()
        if self.refusal is not None:
            raise self.refusal


@dataclass(frozen=True, slots=True)
class World:
    """Everything a node acts on. The first two callbacks get the local time and must not block."""

    socket: DatagramSocket
    clock: LocalClock
    journal: Journal
    on_show: Callable[[Scene, int], None]
    on_notice: Callable[[Notice, int], None]
    erase_voter_key: Callable[[], Signer]
    """Forgets the voter key for good; returns the new one, once it is durable."""
    adopt_voter_key: Callable[[], None]
    """Puts the spare voter key in the place of the other for good; durable on return."""


class Node:
    """One peer, its link and their world. `drive` is its only task."""

    def __init__(self, peer: PeerPort, link: LinkPort, world: World) -> None:
        self.peer = peer
        self.link = link
        self._world = world
        self._requests: deque[Ticket] = deque()
        self._answering: list[Ticket] = []
        self._waiting: trio.CancelScope | None = None
        self._now_ns = world.clock.now_ns()
        self._records: list[bytes] = []
        self._delayed: list[Effect] = []
        self._fall_count = 0

    def post(self, request: Request) -> bool:
        """Queue `request` for the next turn; False if too many wait already."""
        return self.request(request) is not None

    def request(self, request: Request) -> Ticket | None:
        """Queue `request` and return what to wait for; None if too many wait already."""
        ticket = Ticket(request)
        return ticket if self._queue(ticket) else None

    def close(self) -> None:
        """Say goodbye on every link. Call after `drive` has ended."""
        now_ns = self._advance()
        for effect in self.link.close(now_ns):
            if isinstance(effect, Transmit):
                self._world.socket.send(effect.datagram, effect.to)

    def retire(self, reason: str) -> None:
        """Refuse what was asked and is not answered. Call after `drive` has been cancelled."""
        for ticket in (*self._answering, *self._requests):
            ticket.refusal = LocalError(reason)
            ticket.is_done.set()
        self._requests.clear()

    async def turn(self) -> None:
        """Wait for something to do, then do all of it."""
        is_due = await self._wait()
        await self._gather(is_due)
        await self._settle()
        for ticket in self._answering:
            ticket.is_done.set()
        self._answering = []

    async def start(self) -> None:
        """Give the peer its first wake, before anything else."""
        self._run(self.peer.wake(self._advance()))
        await self._settle()

    def _queue(self, ticket: Ticket) -> bool:
        if len(self._requests) >= REQUESTS_WAITING_MAX:
            return False
        self._requests.append(ticket)
        if self._waiting is not None:
            self._waiting.cancel()
        return True

    def _advance(self, at_least_ns: int = 0) -> int:
        """Move to the present, never backwards."""
        self._now_ns = max(self._now_ns, self._world.clock.now_ns(), at_least_ns)
        return self._now_ns

    def _deadline_ns(self) -> int:
        return min(self.peer.next_wake_ns(), self.link.next_wake_ns())

    async def _wait(self) -> bool:
        """Return whether the deadline passed. Requests cut the wait short."""
        deadline_ns = self._deadline_ns()
        # A slow fsync may have carried us past the deadline. That starves nobody: every turn
        # drains the socket before it wakes what is due.
        with trio.CancelScope() as scope:
            if deadline_ns < NEVER_NS:
                scope.deadline = self._world.clock.trio_deadline(deadline_ns)
            self._waiting = scope
            if self._requests:
                scope.cancel()
            await self._world.socket.wait_readable()
        self._waiting = None
        is_due = scope.cancelled_caught and not self._requests
        # Rounding in trio's clock can fire a deadline a hair early; then it is that time now.
        self._advance(deadline_ns if is_due else 0)
        return is_due

    async def _gather(self, is_due: bool) -> None:
        for datagram, source in self._world.socket.receive_batch(DATAGRAMS_PER_TURN_MAX):
            self._run_link(self.link.receive(datagram, source, self._now_ns))
            await self._go_over()
        self._answering = list(self._requests)
        self._requests.clear()
        for ticket in self._answering:
            try:
                self._execute(ticket.request)
            except LocalError as error:
                ticket.refusal = error
            await self._go_over()
        if is_due or self._deadline_ns() <= self._now_ns:
            self._wake(self._now_ns)

    async def _go_over(self) -> None:
        """Take another voter key at once, if that waits: between two keys nothing is heard."""
        if any(isinstance(one, (EraseVoterKey, AdoptVoterKey)) for one in self._delayed):
            await self._settle()

    def _wake(self, now_ns: int) -> None:
        if self.link.next_wake_ns() <= now_ns:
            self._run_link(self.link.wake(now_ns))
        if self.peer.next_wake_ns() <= now_ns:
            self._run(self.peer.wake(now_ns))
        # What is due again at once would keep the loop from ever reading the socket.
        assert self._deadline_ns() > now_ns

    def _execute(self, request: Request) -> None:
        if isinstance(request, Hint):
            hinted = self.link.hint(request.address, self._now_ns, permanent=request.permanent)
            self._run_link(hinted)
        elif isinstance(request, Admission):
            self._run_link(self.link.admit(request.gate_keys, request.kept, self._now_ns))
        else:
            self._run(self.peer.command(request, self._now_ns))

    async def _settle(self) -> None:
        """Make the turn's records durable, then execute what waited for them."""
        while self._records:  # what is done at last may have to be remembered itself
            records, self._records = self._records, []
            await self._world.journal.append(records)
            self._advance()
            delayed, self._delayed = self._delayed, []
            self._run(delayed)

    def _run_link(self, effects: Sequence[LinkEffect]) -> None:
        now_ns = self._now_ns
        for effect in effects:
            match effect:
                case Transmit(to=to, datagram=datagram):
                    self._world.socket.send(datagram, to)
                case Received(peer=sender, message=message):
                    self._run(self.peer.handle(message, sender, now_ns))
                case LinkUp(peer=peer):
                    self._world.on_notice(_link_notice(effect), now_ns)
                    self._run(self.peer.connected(peer, now_ns))
                case LinkDown(peer=peer):
                    self._world.on_notice(_link_notice(effect), now_ns)
                    self._run(self.peer.disconnected(peer, now_ns))
                case Notice():
                    self._world.on_notice(effect, now_ns)

    def _run(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Persist) and not self._is_turning:
                self._records.append(effect.record)
            elif self._records and not self._is_fall(effect):
                self._delayed.append(effect)
            else:
                self._act(effect)

    @property
    def _is_turning(self) -> bool:
        """Does the journal go over to another voter key before the next record?

        What it says of votes and of lost memory until then is of the key before, and dropped.
        """
        return any(isinstance(one, AdoptVoterKey) for one in self._delayed)

    def _is_fall(self, effect: Effect) -> bool:
        """Does `effect` only take light away? That waits for no disk, however slow the card.

        Nothing is selected in such a scene, so nothing shown rests on the record.
        """
        if not isinstance(effect, Show):
            return False
        return effect.scene.fall_count > self._fall_count and not effect.scene.is_selected

    def _act(self, effect: Effect) -> None:
        match effect:
            case Send(to=to, message=message):
                self._run_link(self.link.send(to, message, self._now_ns))
            case Show(scene=scene):
                # A scene from before a fall that overtook it is no longer wanted.
                if scene.fall_count >= self._fall_count:
                    self._fall_count = scene.fall_count
                    self._world.on_show(scene, self._now_ns)
            case Notice():
                self._world.on_notice(effect, self._now_ns)
            case EraseVoterKey():
                key = self._world.erase_voter_key()
                self._run(self.peer.renewed(key, self._now_ns))
            case AdoptVoterKey():
                self._world.adopt_voter_key()
            case Persist():
                raise AssertionError("a record is never executed but settled")


async def drive(node: Node) -> None:
    """Run `node` until cancelled. Raises what its journal raises: an undurable node must stop."""
    await node.start()
    while True:
        await node.turn()


def _link_notice(effect: LinkUp | LinkDown) -> Notice:
    if isinstance(effect, LinkUp):
        host, port = effect.address
        return Notice(Event.LINK_UP, effect.peer, f"{host}:{port}")
    return Notice(Event.LINK_DOWN, effect.peer)
