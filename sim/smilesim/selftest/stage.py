"""A stage for directed scenarios: one circle of four real peers, one of them a liar's puppet.

Everything is as in any city, clocks, journals and checks too; but a script decides which message
reaches whom, and speaks with the liar's keys. Every message takes 10 ms.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from smilesim.city import START_SPREAD_MS, City, Plan
from smilesim.clock import until
from smilesim.crowd import gathering
from smilesim.device import Device, LivePeer
from smilesim.drive import Books
from smilesim.fate import Weather
from smilesim.scenario import Scenario
from smilesync.circle.quorum import VoteKey, statement, vote_set
from smilesync.circle.slot import Slot
from smilesync.circle.value import Value, named
from smilesync.commands import Command
from smilesync.effects import Effect, Send
from smilesync.ids import PeerId
from smilesync.keys import Signer
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.peer import Peer
from smilesync.statistics import Statistics
from smilesync.wire.messages import Carried, Clock, Message, Propose, Status, VoteKind, Votes
from smilesync.wire.records import Record

SIZE, SEED = 4, 1
EVEN = Weather(10, 1, loss_ppm=0, duplicate_ppm=0, reorder_ppm=0)
STEP_MS = 2
PATIENCE_MS = 8_000
RULE = "directed"
"""The rule that is broken when a script does not come to what it must come to."""

Passes = Callable[[int, int, Message], bool]
"""Does a message of one device reach another? Clock readings and feelings always do."""

Script = Callable[["Stage"], Awaitable[None]]


def everything(_source: int, _to: int, _message: Message) -> bool:
    """Let all pass."""
    return True


def nothing(_message: Message) -> None:
    """Say nothing before a message."""


class Actor:
    """A real peer; the script decides what it hears. What a puppet says of the circle is lost."""

    def __init__(self, peer: Peer, device: Device, stage: "Stage", *, is_puppet: bool) -> None:
        self.peer = peer
        self._device = device
        self._stage = stage
        self._is_puppet = is_puppet

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        if not isinstance(message, Clock | Carried):
            source = self._stage.index_of[sender]
            if not self._stage.passes(source, self._device.index, message):
                return []
            before = self._stage.before(message)
            if before is not None:
                liar = self._stage.devices[self._stage.liar].identity
                effects = self.peer.handle(before, liar, now_ns)
                return self._said(effects + self.peer.handle(message, sender, now_ns))
        return self._said(self.peer.handle(message, sender, now_ns))

    def wake(self, now_ns: int) -> list[Effect]:
        return self._said(self.peer.wake(now_ns))

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        return self._said(self.peer.command(command, now_ns))

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self._said(self.peer.connected(peer, now_ns))

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self._said(self.peer.disconnected(peer, now_ns))

    def renewed(self, key: Signer, now_ns: int) -> list[Effect]:
        return self._said(self.peer.renewed(key, now_ns))

    def next_wake_ns(self) -> int:
        return self.peer.next_wake_ns()

    def statistics(self, now_ns: int) -> Statistics:
        return self.peer.statistics(now_ns)

    def _said(self, effects: list[Effect]) -> list[Effect]:
        if not self._is_puppet:
            return effects
        return [
            one
            for one in effects
            if not isinstance(one, Send) or isinstance(one.message, Clock | Carried)
        ]


class Stage:
    """Four devices by index. `order` has who leads views 1 to 4 of the first slot."""

    def __init__(
        self, name: str, seconds: int, liar_of_view: int, *, is_governed: bool = False
    ) -> None:
        base = Scenario(name, "", seconds, SIZE, EVEN, (), {}, is_one_circle=True)
        scenario = replace(base, is_governed=is_governed)
        plan = Plan(scenario, gathering(SIZE, SEED), SEED, seconds)
        self.city = City(plan, make_peer=self._make, keep_going=True)
        self.devices = self.city.devices
        self.index_of = {device.identity: device.index for device in self.devices}
        circle = self.city.circles[0]
        self.order = tuple(circle.members[place] for place in circle.roster.leaders(1, 0))
        self.liar = self.order[liar_of_view - 1]
        self.devices[self.liar].is_villain = True
        self.passes: Passes = everything
        self.before: Callable[[Message], Message | None] = nothing
        """What the liar lets a device hear right before a message, None for nothing."""
        self._actors: dict[int, Actor] = {}

    def run(self, script: Script) -> list[tuple[str, str]]:
        """Play the script; returns what the checks found, rule and detail, in order."""

        async def play(_city: City, _books: Books) -> None:
            await until(START_SPREAD_MS + 1)
            await script(self)

        self.city.run_whole([play])
        return [(one.rule, one.detail) for one in self.city.violations.kept]

    def _make(self, device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer:
        is_puppet, device.is_villain = device.is_villain, False
        peer = self.city.make_peer(device, journal, now_ns)
        device.is_villain = is_puppet
        assert isinstance(peer, Peer)
        actor = self._actors[device.index] = Actor(peer, device, self, is_puppet=is_puppet)
        return actor

    async def wait(self, ms: int) -> None:
        """Let virtual time pass."""
        await until(self.city.world.tick + ms)

    async def when(self, condition: Callable[[], bool]) -> None:
        """Wait for something; without it the script has failed, and goes on."""
        end_tick = self.city.world.tick + PATIENCE_MS
        while not condition() and self.city.world.tick < end_tick:
            await self.wait(STEP_MS)
        self.must(condition(), "the scenario did not come about")

    def must(self, is_so: bool, detail: str) -> None:
        """Take note of what must be so."""
        if not is_so:
            self.city.violations.add(RULE, self.city.world.tick, -1, detail)

    def peer(self, index: int) -> Peer:
        """Return the peer of a device in its present life."""
        return self._actors[index].peer

    def slot(self, index: int) -> Slot:
        """Return the slot that is open at a device."""
        circle = self.peer(index).circle
        assert circle is not None
        return circle.slot

    def decided(self, index: int) -> int:
        """Return the highest slot that a device decided."""
        return self.slot(index).number - 1

    def is_ready(self, index: int) -> bool:
        """Is the first slot open at a device that may vote, and does it know the time?"""
        circle = self.peer(index).circle
        assert circle is not None
        is_open = circle.slot.is_open and circle.guard.may_vote
        return self.devices[index].is_on and is_open and circle.timeline is not None

    def power_off(self, *indices: int) -> None:
        """Cut the power of devices."""
        for index in indices:
            self.city.world.power_off(self.devices[index])

    def power_on(self, *indices: int) -> None:
        """Start devices from their journals in the next tick."""
        for index in indices:
            self.city.world.power_on_at(self.devices[index], self.city.world.tick + 1)

    def value(self, tag: int, like: int) -> Value:
        """Return a valid fresh value of the slot open at a device; `tag` makes it another one."""
        peer, slot = self.peer(like), self.slot(like)
        now_ns = self.devices[like].oscillator.at(self.city.world.tick)
        assert peer.clock.timeline is not None
        around = slot.around
        assert around.state is not None
        begin_us = max(
            slot.head.not_after_us, peer.clock.timeline.at(now_ns) + around.parameters.lead_us
        )
        return Value(
            slot=slot.number,
            parent=slot.head.hash,
            not_before_us=begin_us,
            not_after_us=begin_us + around.parameters.lease_us,
            pattern=MOOD_PATTERNS[tag % len(MOOD_PATTERNS)],
            start_us=begin_us,
            previous=None,
            previous_start_us=0,
            fade_us=around.config.fade_us,
            roster_hash=around.roster.hash,
            state_hash=around.state.hash(around.roster.circle),
        )

    def show(self, to: Sequence[int], value: Value, view: int = 1) -> None:
        """Let the liar propose a value to some."""
        body = value.encode()
        signature = self._sign((VoteKind.NOTARIZE, view, named(body).hash))
        self.say(to, Propose(1, view, body, signature))

    def lie(self, to: Sequence[int], *keys: VoteKey) -> None:
        """Let the liar vote, seen by some."""
        place = self.devices[self.liar].roster_index
        sets = tuple(vote_set(key, {place: self._sign(key)}) for key in keys)
        self.say(to, Votes(1, sets))

    def answer(self, to: int) -> None:
        """Let the liar answer the question that a device asks after its start: it knows nothing."""
        circle = self.peer(to).circle
        assert circle is not None
        self.say((to,), Status(1, 1, (), answer=circle.guard.question))

    def say(self, to: Sequence[int], message: Message) -> None:
        """Let the liar send a message."""
        for index in to:
            self.city.world.inject(self.devices[index].inbound[self.liar], message)

    def _sign(self, key: VoteKey) -> bytes:
        device = self.devices[self.liar]
        assert device.circle is not None
        roster = device.circle.roster
        return device.keys.voter.sign(statement(roster.circle, roster.hash, 1, key))
