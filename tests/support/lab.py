"""A bench for circles: many `Circle` machines, one virtual time, a network one can break.

Clocks are given (true time plus a fixed offset), so that consensus is tested apart from the clock.
At the moment an own vote leaves a member, the bench asserts that it is in that member's journal.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from smilesync.circle.circle import Circle
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import VOTERS_MAX, FounderCard, Genesis, Parameters, found, make_card
from smilesync.circle.lineage import Lineage, call_of, pledge_bytes
from smilesync.circle.quorum import VoteKey, bits, statement, vote_set
from smilesync.circle.state import EMPTY
from smilesync.circle.value import Value, named
from smilesync.config import CircleConfig
from smilesync.effects import Effect, Event, Notice, Persist, Send
from smilesync.entropy import Entropy
from smilesync.errors import RemoteError
from smilesync.ids import PeerId, ValueHash, VoterKey
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.timeline import Timeline
from smilesync.wire import records
from smilesync.wire.messages import (
    Carried,
    CircleMessage,
    Clock,
    Propose,
    VoteKind,
    Votes,
    VoteSet,
)
from smilesync.wire.records import DecidedRecord, Finalized, Notarized, Nullified

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
PATTERN = bytes.fromhex("a0")


class CachedVerifier:
    """The strict verifier with a memory, so that a signature shared by many is checked once."""

    def __init__(self) -> None:
        self._strict = Ed25519Verifier()
        self._known: dict[tuple[bytes, bytes, bytes], bool] = {}

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        key = (public, data, signature)
        if key not in self._known:
            self._known[key] = self._strict.verify(public, data, signature)
        return self._known[key]


def signers(count: int) -> list[tuple[Ed25519Signer, Ed25519Signer]]:
    """Return `count` pairs (identity, voter), in the roster order of the circle they found."""
    pairs = [
        (Ed25519Signer(bytes([1, index]) * 16), Ed25519Signer(bytes([2, index]) * 16))
        for index in range(count)
    ]
    return sorted(pairs, key=lambda pair: pair[1].public)


def cards(pairs: list[tuple[Ed25519Signer, Ed25519Signer]]) -> tuple[FounderCard, ...]:
    return tuple(make_card(identity, voter) for identity, voter in pairs)


def genesis_of(count: int, *, is_strict: bool = False) -> Genesis:
    parameters = Parameters(is_strict=is_strict)
    return found(cards(signers(count)), bytes(32), parameters, voters_max=VOTERS_MAX)


def successor_of(
    lineage: Lineage,
    pairs: list[tuple[Ed25519Signer, Ed25519Signer]],
    parameters: Parameters,
    *,
    nonce: bytes = bytes(32),
) -> Genesis:
    """Return the genesis of a successor that all of these devices pledged for."""
    call = call_of(lineage, nonce, [PeerId(identity.public) for identity, _ in pairs])
    pledged = []
    for identity, voter in pairs:
        data = pledge_bytes(call, identity.public, voter.public)
        names = PeerId(identity.public), VoterKey(voter.public)
        pledged.append(FounderCard(*names, identity.sign(data), voter.sign(data)))
    return found(tuple(pledged), nonce, parameters, lineage=lineage)


Filter = Callable[[int, int, CircleMessage], bool]
"""Does the message from one member reach another? (source index, destination index, message)"""


Vote = tuple[int, VoteKey]
"""A slot and what is voted on in it."""


@dataclass
class Lab:
    """`size` members; `silent` ones never run. Deliveries and wakes in one heap."""

    size: int
    seed: int = 0
    silent: frozenset[int] = frozenset()
    unsynced: frozenset[int] = frozenset()
    is_strict: bool = False
    offsets_us: tuple[int, ...] = ()
    delay_ms: tuple[int, int] = (5, 20)
    loss: float = 0.0
    duplication: float = 0.0
    passes: Filter = lambda source, to, message: True
    config: CircleConfig = field(default_factory=CircleConfig)
    now_ns: int = 0
    true_us: int = 1_000_000
    circles: dict[int, Circle] = field(default_factory=dict)
    journals: list[list[bytes]] = field(default_factory=list)
    sent: list[tuple[int, int, int, CircleMessage]] = field(default_factory=list)
    notices: list[tuple[int, Notice]] = field(default_factory=list)
    dropped: list[tuple[int, str]] = field(default_factory=list)
    pattern: Callable[[int, int], bytes] = lambda member, slot: PATTERN

    def __post_init__(self) -> None:
        self.pairs = signers(self.size)
        self.genesis = genesis_of(self.size, is_strict=self.is_strict)
        self.roster = self.genesis.roster
        self.verifier = CachedVerifier()
        self.random = random.Random(self.seed)
        self.journals = [[] for _ in range(self.size)]
        self.recorded: list[set[Vote]] = [set() for _ in range(self.size)]
        self._queue: list[tuple[int, int, int, int, CircleMessage | None]] = []
        self._wake_ns: dict[int, int] = {}
        self._ticket = 0
        self._boots = 0
        self.crash_at: dict[int, int] = {}
        self.decided_ns: dict[tuple[int, int], int] = {}
        for member in range(self.size):
            if member not in self.silent:
                self.start(member)

    def start(self, member: int, *, is_amnesic: bool = False) -> None:
        """(Re)start a member from its journal."""
        self._boots += 1
        journal = [records.decode(record) for record in self.journals[member]]
        self.recorded[member] = {vote for record in journal for vote in votes_of(record)}
        around = self.circumstances(member)
        entropy = Entropy(f"{self.seed}/{member}/{self._boots}".encode().ljust(16))
        circle = Circle(around, journal, entropy, self.now_ns, is_amnesic=is_amnesic)
        self.circles[member] = circle
        self.set_synced(member, member not in self.unsynced)
        for identity in self.roster.identities:
            if identity != self.roster.identities[member]:
                self.execute(member, circle.connected(identity))
        self._schedule(member)

    def circumstances(self, member: int | None) -> Circumstances:
        """Return what never changes for a member, or for a listener outside the roster."""
        return Circumstances(
            config=self.config,
            roster=self.roster,
            parameters=self.genesis.parameters,
            state=EMPTY,
            me=member,
            signer=self.pairs[member][1] if member is not None else None,
            verifier=self.verifier,
            check_pattern=lambda pattern: None if pattern[:1] == PATTERN else "PAT-001",
        )

    def set_synced(self, member: int, is_synced: bool) -> None:
        """Tell a member whether its clock is good."""
        circle = self.circles[member]
        self.execute(member, circle.set_clock(self.line(member), is_synced, self.now_ns))
        self._after(member)

    def stop(self, member: int) -> None:
        """Power loss: what is not in the journal is gone."""
        self.circles.pop(member, None)

    def line(self, member: int) -> Timeline:
        offset_us = self.offsets_us[member] if self.offsets_us else 0
        return Timeline(0, offset_us + self.true_us)

    def run(self, seconds: float) -> None:
        """Let `seconds` of virtual time pass."""
        until_ns = self.now_ns + int(seconds * SECOND_NS)
        while self._queue and self._queue[0][0] <= until_ns:
            self.now_ns, _, member, source, message = heapq.heappop(self._queue)
            circle = self.circles.get(member)
            if circle is None or (message is None and self._wake_ns.get(member) != self.now_ns):
                continue
            if message is not None:
                self.deliver(source, member, message)
            elif circle.deadline_ns() <= self.now_ns:
                self.execute(member, circle.wake(self.now_ns))
            self._after(member)
        self.now_ns = until_ns

    def deliver(self, source: int, member: int, message: CircleMessage) -> None:
        """Hand `message` over now, as if just arrived."""
        circle = self.circles[member]
        sender = self.roster.identities[source]
        circle.presence.of(sender).said_ns = self.now_ns
        try:
            self.execute(member, circle.handle(message, sender, self.now_ns))
        except RemoteError as error:
            self.dropped.append((member, error.rule))

    def execute(self, member: int, effects: list[Effect]) -> None:
        """Do as a daemon does; `crash_at` counts down to a power loss inside an effect list."""
        for effect in effects:
            if member in self.crash_at:
                self.crash_at[member] -= 1
                if self.crash_at[member] < 0:
                    del self.crash_at[member]
                    self.stop(member)
                    return
            if isinstance(effect, Persist):
                self.journals[member].append(effect.record)
                record = records.decode(effect.record)
                self.recorded[member].update(votes_of(record))
                if isinstance(record, DecidedRecord):
                    self.decided_ns[member, record.slot] = self.now_ns
            elif isinstance(effect, Send):
                assert not isinstance(effect.message, Clock | Carried)
                self._send(member, effect.to, effect.message)
            elif isinstance(effect, Notice):
                self.notices.append((member, effect))

    def post(self, source: int, member: int, message: CircleMessage) -> None:
        """Put a message of the test's own making on the air."""
        self._push(self.now_ns + self.delay_ms[0] * MS_NS, member, source, message)

    def decided(self, member: int) -> dict[int, bytes]:
        """Return slot -> body of what the member's journal says was decided."""
        log = [records.decode(record) for record in self.journals[member]]
        return {r.slot: r.body for r in log if isinstance(r, DecidedRecord)}

    def top(self, member: int) -> int:
        """Return the highest slot that a member's journal decides, 0 if none."""
        return max(self.decided(member), default=0)

    def sign(self, member: int, key: VoteKey, slot: int = 1) -> bytes:
        """Return a member's signature of a vote, whatever that member wants."""
        data = statement(self.roster.circle, self.roster.hash, slot, key)
        return self.pairs[member][1].sign(data)

    def votes(self, members: tuple[int, ...], key: VoteKey, slot: int = 1) -> VoteSet:
        """Return the votes of several members on the same."""
        return vote_set(key, {member: self.sign(member, key, slot) for member in members})

    def proposal(self, member: int, body: bytes, view: int = 1, slot: int = 1) -> Propose:
        """Return a proposal signed by a member."""
        key = (VoteKind.NOTARIZE, view, named(body).hash)
        return Propose(slot, view, body, self.sign(member, key, slot))

    def value(self, tag: int = 0, **changes: object) -> Value:
        """Return a valid fresh value of slot 1; `tag` makes it another pattern."""
        now_us = self.true_us + self.now_ns // 1_000
        fields: dict[str, object] = {
            "slot": 1,
            "parent": ValueHash(bytes(32)),
            "not_before_us": now_us + 300_000,
            "not_after_us": now_us + 4_300_000,
            "pattern": PATTERN + bytes([tag]),
            "start_us": now_us + 300_000,
            "previous": None,
            "previous_start_us": 0,
            "fade_us": 2_000_000,
            "roster_hash": self.roster.hash,
            "state_hash": EMPTY.hash(self.genesis.circle_id),
        }
        return Value(**(fields | changes))  # type: ignore[arg-type]  # changes name Value's fields

    def leader(self, view: int = 1, slot: int = 1) -> int:
        """Return who leads a view."""
        rotation, turn = divmod(view - 1, self.size)
        return self.roster.leaders(slot, rotation)[turn]

    def amnesic(self) -> list[int]:
        return [member for member, notice in self.notices if notice.event is Event.AMNESIC]

    def _after(self, member: int) -> None:
        circle = self.circles.get(member)
        if circle is not None and circle.wants_pattern(self.now_ns):
            pattern = self.pattern(member, circle.slot.number)
            self.execute(member, circle.propose(pattern, self.now_ns))
        self._schedule(member)

    def _send(self, source: int, to: PeerId, message: CircleMessage) -> None:
        member = self.roster.index_of[to]
        self.sent.append((self.now_ns, source, member, message))
        self._assert_recorded(source, message)
        if not self.passes(source, member, message) or self.random.random() < self.loss:
            return
        copies = 2 if self.random.random() < self.duplication else 1
        for _ in range(copies):
            delay_ns = self.random.randint(*self.delay_ms) * MS_NS
            self._push(self.now_ns + delay_ns, member, source, message)

    def _assert_recorded(self, source: int, message: CircleMessage) -> None:
        circle = self.circles.get(source)
        if circle is None or circle.guard.is_amnesic:
            return
        for vote, signers in votes_in(message, self):
            if source in signers:
                assert vote in self.recorded[source], f"member {source} sent {vote} too early"

    def _schedule(self, member: int) -> None:
        circle = self.circles.get(member)
        if circle is not None and circle.deadline_ns() < 2**62:
            when_ns = max(circle.deadline_ns(), self.now_ns + 1)
            if self._wake_ns.get(member) != when_ns:
                self._wake_ns[member] = when_ns
                self._push(when_ns, member, member, None)

    def _push(self, when_ns: int, member: int, source: int, message: CircleMessage | None) -> None:
        self._ticket += 1
        heapq.heappush(self._queue, (when_ns, self._ticket, member, source, message))


def votes_of(record: records.Record) -> list[Vote]:
    """Return the own vote that a journal record holds, if it is one."""
    match record:
        case Notarized(slot, view, value_hash):
            return [(slot, (VoteKind.NOTARIZE, view, value_hash))]
        case Nullified(slot, view):
            return [(slot, (VoteKind.NULLIFY, view, None))]
        case Finalized(slot, view, value_hash):
            return [(slot, (VoteKind.FINALIZE, view, value_hash))]
        case _:
            return []


def votes_in(message: CircleMessage, lab: Lab) -> list[tuple[Vote, list[int]]]:
    """Return the votes that a message carries, each with its signers."""
    match message:
        case Propose(slot, view, body, _):
            key = (VoteKind.NOTARIZE, view, named(body).hash)
            return [((slot, key), [lab.leader(view, slot)])]
        case Votes(slot, sets):
            return [
                ((slot, (votes.kind, votes.view, votes.value_hash)), bits(votes.bitmap))
                for votes in sets
            ]
        case _:
            return []


def double_votes(lab: Lab, honest: tuple[int, ...]) -> list[str]:
    """Return every pair of conflicting votes of an honest member, journaled or sent."""
    cast: dict[int, set[Vote]] = {member: set() for member in honest}
    for member in honest:
        for record in lab.journals[member]:
            cast[member].update(votes_of(records.decode(record)))
    for _, source, _, message in lab.sent:
        if source in cast:
            for vote, signers in votes_in(message, lab):
                for signer in signers:
                    if signer in cast:
                        cast[signer].add(vote)
    return [fault for member in honest for fault in _conflicts(member, cast[member])]


def _conflicts(member: int, cast: set[Vote]) -> list[str]:
    seen: dict[tuple[int, int, VoteKind], ValueHash | None] = {}
    faults: list[str] = []
    for slot, (kind, view, value_hash) in sorted(cast, key=str):
        place = (slot, view, kind)
        if seen.setdefault(place, value_hash) != value_hash:
            faults.append(f"member {member}: two {kind.name} in slot {slot} view {view}")
    for slot, view, kind in seen:
        if kind is VoteKind.NULLIFY and (slot, view, VoteKind.FINALIZE) in seen:
            faults.append(f"member {member}: NULLIFY and FINALIZE in slot {slot} view {view}")
    return faults


def forks(lab: Lab, honest: tuple[int, ...]) -> list[int]:
    """Return the slots for which two honest journals hold different decisions."""
    decided: dict[int, bytes] = {}
    return [
        slot
        for member in honest
        for slot, body in lab.decided(member).items()
        if decided.setdefault(slot, body) != body
    ]
