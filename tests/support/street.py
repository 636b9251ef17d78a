"""A bench for whole devices: `Peer` machines with links up, drifting clocks, one virtual time."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from smilesync.boot import Keys
from smilesync.circle.genesis import Genesis, Parameters, found
from smilesync.commands import Command, RotateKey
from smilesync.config import Config
from smilesync.effects import (
    AdoptVoterKey,
    Effect,
    EraseVoterKey,
    Notice,
    Persist,
    Rung,
    Scene,
    Send,
    Show,
)
from smilesync.entropy import Entropy
from smilesync.ids import PeerId, VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.peer import Peer
from smilesync.wire import records
from smilesync.wire.messages import Message
from support.lab import MS_NS, SECOND_NS, CachedVerifier, cards, signers

Filter = Callable[[int, int, Message], bool]


@dataclass
class Street:
    """`size` devices, all in radio range; `members` of them (all by default) found the circle.

    Local clocks start at different values and drift by `drift_ppm`, so nothing can rely on a
    common local time.
    """

    size: int
    seed: int = 0
    members: int | None = None
    parameters: Parameters = field(default_factory=Parameters)
    delay_ms: tuple[int, int] = (2, 10)
    loss: float = 0.0
    drift_ppm: tuple[int, ...] = ()
    passes: Filter = lambda source, to, message: True
    linked: Callable[[int, int], bool] = lambda one, other: True
    config: Config = field(default_factory=Config)
    now_ns: int = 0
    peers: dict[int, Peer] = field(default_factory=dict)
    journals: list[list[bytes]] = field(default_factory=list)
    shows: list[tuple[int, int, Scene]] = field(default_factory=list)
    notices: list[tuple[int, int, Notice]] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)
    is_renewing: bool = True
    """Does a device whose voter key was erased get another?"""
    is_keyless: frozenset[int] = frozenset()
    """Devices that start without a voter key."""
    sent: list[tuple[int, int, int, Message]] = field(default_factory=list)
    spares: dict[int, Ed25519Signer] = field(default_factory=dict)
    """Voter keys that devices asked for, and do not use yet."""
    others: int = 0
    """The last so many found a circle of their own, with the same parameters."""
    given: dict[int, Genesis] = field(default_factory=dict)
    """Devices whose genesis is one of the test's own making, from their next start on."""

    def __post_init__(self) -> None:
        self.pairs = signers(self.size)
        count = self.size - self.others if self.members is None else self.members
        self.genesis: Genesis | None = (
            found(cards(self.pairs[:count]), bytes(32), self.parameters) if count else None
        )
        own = cards(self.pairs[self.size - self.others :])
        self.other = found(own, bytes(32), self.parameters) if self.others else None
        self.verifier = CachedVerifier()
        self.random = random.Random(self.seed)
        self.journals = [[] for _ in range(self.size)]
        self.identities = [PeerId(identity.public) for identity, _ in self.pairs]
        self._queue: list[tuple[int, int, int, int, Message | None]] = []
        self._ticket = 0
        self._boots = 0
        for device in range(self.size):
            self.start(device)

    def local_ns(self, device: int, true_ns: int | None = None) -> int:
        """Return what the device's own clock shows."""
        true_ns = self.now_ns if true_ns is None else true_ns
        ppm = self.drift_ppm[device] if self.drift_ppm else 0
        return (1 + device) * 7 * SECOND_NS + true_ns + true_ns * ppm // 1_000_000

    def start(self, device: int) -> None:
        """Boot a device from its journal and bring up its links."""
        self._boots += 1
        now_ns = self.local_ns(device)
        identity, voter = self.pairs[device]
        peer = Peer(
            self.config,
            keys=Keys(
                identity,
                None if device in self.is_keyless else voter,
                self.spares.get(device),
            ),
            verifier=self.verifier,
            genesis=self.given.get(device, self._genesis_of(device)),
            journal=[records.decode(record) for record in self.journals[device]],
            entropy=Entropy(f"{self.seed}/{device}/{self._boots}".encode().ljust(16)),
            now_ns=now_ns,
        )
        self.peers[device] = peer
        self.execute(device, peer.wake(now_ns))
        for other in list(self.peers):
            if other != device and self.linked(device, other):
                self.execute(device, peer.connected(self.identities[other], now_ns))
                local_ns = self.local_ns(other)
                effects = self.peers[other].connected(self.identities[device], local_ns)
                self.execute(other, effects)
                self._schedule(other)
        self._schedule(device)

    def _genesis_of(self, device: int) -> Genesis | None:
        return self.genesis if device < self.size - self.others else self.other

    def stop(self, device: int) -> None:
        """Cut the power."""
        self.peers.pop(device, None)

    def command(self, device: int, command: Command) -> None:
        """The wearer speaks."""
        self.execute(device, self.peers[device].command(command, self.local_ns(device)))
        self._schedule(device)

    def rotate(self, device: int, spare: int = 0) -> None:
        """The wearer wants another voter key: it is durable, then the device is told."""
        self.spares.setdefault(device, Ed25519Signer(bytes([4, device, spare, 0]) * 8))
        self.command(device, RotateKey(self.spares[device]))

    def forget(self, device: int) -> None:
        """Lose the journal while the power is off; the device starts again and knows that."""
        self.stop(device)
        self.journals[device] = [records.encode(records.Opened(VoterKey(bytes(32))))]
        self.start(device)

    def deliver(self, source: int, device: int, message: Message) -> None:
        """Hand over a message now."""
        now_ns = self.local_ns(device)
        self.execute(device, self.peers[device].handle(message, self.identities[source], now_ns))
        self._schedule(device)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until_ns = self.now_ns + int(seconds * SECOND_NS)
        while self._queue and self._queue[0][0] <= until_ns:
            self.now_ns, _, device, source, message = heapq.heappop(self._queue)
            peer = self.peers.get(device)
            if peer is None:
                continue
            if message is not None:
                self.deliver(source, device, message)
            elif peer.next_wake_ns() <= self.local_ns(device):
                self.execute(device, peer.wake(self.local_ns(device)))
                self._schedule(device)
        self.now_ns = until_ns

    def execute(self, device: int, effects: list[Effect]) -> None:
        """Do what the device asks for."""
        for effect in effects:
            match effect:
                case Persist(record):
                    self.journals[device].append(record)
                case Send(to, message):
                    self._send(device, self.identities.index(to), message)
                case Show(scene):
                    self.shows.append((self.now_ns, device, scene))
                case Notice():
                    self.notices.append((self.now_ns, device, effect))
                case EraseVoterKey():
                    self.erased.append(device)
                    self.renew(device)
                case AdoptVoterKey():
                    self.pairs[device] = self.pairs[device][0], self.spares.pop(device)
                    self._unbind(device)

    def renew(self, device: int) -> None:
        """Give a device another voter key, as its daemon would: on the disk, then to the peer."""
        if not self.is_renewing:
            return
        identity, _ = self.pairs[device]
        key = Ed25519Signer(bytes([3, len(self.erased), device, 0]) * 8)
        self.pairs[device] = identity, key
        self.spares.pop(device, None)
        self._unbind(device)
        self.execute(device, self.peers[device].renewed(key, self.local_ns(device)))

    def _unbind(self, device: int) -> None:
        """Let the journal be that of another voter key."""
        bound = (
            records.Opened,
            records.Notarized,
            records.Nullified,
            records.Finalized,
            records.Amnesia,
        )
        kept = [one for one in self.journals[device] if not isinstance(records.decode(one), bound)]
        self.journals[device] = kept

    def rungs(self) -> list[Rung]:
        """Return the rung of each running device."""
        return [self.peers[device].scene.rung for device in sorted(self.peers)]

    def circle_us(self, device: int) -> int:
        """Return the device's circle time now."""
        timeline = self.peers[device].clock.timeline
        assert timeline is not None
        return timeline.at(self.local_ns(device))

    def _send(self, source: int, device: int, message: Message) -> None:
        self.sent.append((self.now_ns, source, device, message))
        if not self.passes(source, device, message) or self.random.random() < self.loss:
            return
        delay_ns = self.random.randint(*self.delay_ms) * MS_NS
        self._push(self.now_ns + delay_ns, device, source, message)

    def _schedule(self, device: int) -> None:
        wake_ns = self.peers[device].next_wake_ns()
        if wake_ns >= 2**62:
            return
        when_ns = max(self.now_ns + 1, self.now_ns + wake_ns - self.local_ns(device))
        self._push(when_ns + 200_000, device, device, None)

    def _push(self, when_ns: int, device: int, source: int, message: Message | None) -> None:
        self._ticket += 1
        heapq.heappush(self._queue, (when_ns, self._ticket, device, source, message))
