"""The real link of an observed node, which shakes hands when the city's session model says so.

When a handshake ends is drawn by the world (`World.connect_soon`), the same in every fidelity. At
that tick, in the turn of the first of the two nodes, their links shake hands in full, datagram by
datagram, if either has been restarted since they last did. What a link then says of it (down, up,
nothing) is its own word, given to its peer in the turn of its node. Handshakes that a link begins
by itself in between are lost on the air.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from heapq import heappop, heappush
from itertools import count

from smilesim.device import Device
from smilesim.observed.parts import address_at, index_at
from smilesim.radio import AirLink
from smilesim.wire import spoilt
from smilesim.world import World
from smilesync.effects import LinkDown, LinkEffect, LinkUp, Transmit
from smilesync.ids import Address, PeerId
from smilesync.mesh.link import Link
from smilesync.wire.messages import Message

REPORT = b""
"""Stands in a node's socket for the last datagram of a handshake: an empty one is never sent."""


class Tally:
    """What all links of a run did, those of lives now over included.

    `refused` counts by rule what they refused; `lost_count` the datagrams that they sent of
    themselves and nobody carried; `sent_count`, `sent_bytes` those with messages in them.
    """

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.lost_count = 0
        self.sent_count = 0
        self.sent_bytes = 0


class Letter:
    """A copy that a storm makes: it leaves later, and is sealed when it does.

    `damage` is the chance it is spoilt with on its way, None if it is not.
    """

    __slots__ = ("_sender", "damage", "datagram", "message", "to")

    def __init__(self, sender: "ModelLink", to: PeerId, message: Message) -> None:
        self._sender = sender
        self.to = to
        self.message = message
        self.datagram = b""
        self.damage: int | None = None

    def arrive(self) -> bytes:
        """Return the datagram; empty if there was no session to seal it for."""
        self._sender.seal_due()
        if self.damage is None or not self.datagram:
            return self.datagram
        return spoilt(self.datagram, self.damage)


def spoil(payload: "bytes | Letter", chance: int) -> "bytes | Letter":
    """Return what arrives of a datagram, or of a letter when it does, with some of it wrong."""
    if isinstance(payload, bytes):
        return spoilt(payload, chance)
    payload.damage = chance
    return payload


class ModelLink:
    """The daemon's link and the air under it.

    `find` gives the link of another device by index, None while that is off.
    """

    def __init__(
        self,
        device: Device,
        link: Link,
        world: World,
        tally: Tally,
        find: "Callable[[int], ModelLink | None]",
    ) -> None:
        self.device = device
        self._tally = tally
        self._link = link
        self._world = world
        self._find = find
        self._lives: dict[int, int] = {}
        self._awaited: set[int] = set()
        self._unsaid: dict[int, list[LinkUp | LinkDown]] = {}
        self._checked: Message | None = None
        self._in_hand: dict[bytes, AirLink] = {}
        self._outbox: list[tuple[int, int, Letter]] = []
        self._letter_numbers = count()

    def admit(
        self, gate_keys: tuple[bytes, ...], kept: Collection[PeerId], now_ns: int
    ) -> list[LinkEffect]:
        """Open to other gate keys; nobody in a city does so while it runs."""
        return self._hold_back(self._link.admit(gate_keys, kept, now_ns))

    def hint(self, address: Address, now_ns: int, *, permanent: bool = False) -> list[LinkEffect]:
        """Dial an address."""
        return self._hold_back(self._link.hint(address, now_ns, permanent=permanent))

    def receive(self, datagram: bytes, source: Address, now_ns: int) -> list[LinkEffect]:
        """Open a datagram, or say what there is to say of a handshake."""
        if datagram == REPORT:
            return self._report(index_at(source))
        return self._hold_back(self._link.receive(datagram, source, now_ns))

    def send(self, to: PeerId, message: Message, now_ns: int) -> list[LinkEffect]:
        """Seal a message, and every copy of it that a storm makes, each with its own counter."""
        if message is not self._checked:
            self._checked = message
            self._world.checks.sending(self.device, message, self._world.tick)
        air = self.device.links.get(to)
        self.device.sent += air is not None
        return [] if air is None else self._seal(air, message, now_ns)

    def inject(self, air: AirLink, message: Message) -> None:
        """Send at once what no peer said."""
        for effect in self._seal(air, message, self.now_ns()):
            if isinstance(effect, Transmit):
                self.transmit(effect.datagram)

    def wake(self, now_ns: int) -> list[LinkEffect]:
        """Do what is due."""
        return self._hold_back(self._link.wake(now_ns))

    def next_wake_ns(self) -> int:
        """Return when something is due."""
        return self._link.next_wake_ns()

    def close(self, now_ns: int) -> list[LinkEffect]:
        """Say goodbye; no simulated device does, its power goes."""
        return self._link.close(now_ns)

    def expect(self, far: "ModelLink") -> None:
        """Have no session with a peer until, in the coming turn, a handshake with it ends."""
        if not (self.knows(far) and far.knows(self)):
            self._awaited.add(far.device.index)

    def transmit(self, datagram: bytes) -> None:
        """Put a datagram on the air; what the link says for itself is not carried."""
        air = self._in_hand.pop(datagram, None)
        if air is None:
            self._tally.lost_count += 1
            return
        self._tally.sent_count += 1
        self._tally.sent_bytes += len(datagram)
        self._world.radio.carry(air, datagram)

    def seal_due(self, *, is_end: bool = False) -> None:
        """Seal the letters that leave by now, or all that are left, each with the next counter.

        Nobody looks at a letter before it leaves, so it is early enough to do this when another is
        sealed, when one arrives, and when the power goes.
        """
        while self._outbox and (is_end or self._outbox[0][0] <= self._world.tick):
            _, _, letter = heappop(self._outbox)
            for effect in self._link.send(letter.to, letter.message, self.now_ns()):
                if isinstance(effect, Transmit):
                    letter.datagram = effect.datagram
                    self._tally.sent_count += 1
                    self._tally.sent_bytes += len(effect.datagram)

    def end(self) -> None:
        """Power went: all that stays of a link is what it counted."""
        self.seal_due(is_end=True)
        self._tally.refused.update(dict(self._link.statistics().drops))

    def _seal(self, air: AirLink, message: Message, now_ns: int) -> list[LinkEffect]:
        radio, to = self._world.radio, self._world.devices[air.destination].identity
        waits_ms = radio.waits_ms(message)
        if air.destination in self._awaited:
            air.key += len(waits_ms)
            return []
        self.seal_due()
        for wait_ms in waits_ms[:-1]:
            letter = Letter(self, to, message)
            if air.is_open:
                due_tick = self._world.tick + wait_ms
                heappush(self._outbox, (due_tick, next(self._letter_numbers), letter))
            radio.carry(air, letter, wait_ms)
        sealed = self._link.send(to, message, now_ns)
        datagrams = [effect.datagram for effect in sealed if isinstance(effect, Transmit)]
        self._in_hand.update((datagram, air) for datagram in datagrams)
        if not datagrams:
            assert not air.is_open, "the model has a session that the link has not"
            radio.carry(air, REPORT)
        return sealed

    def _hold_back(self, effects: Sequence[LinkEffect]) -> list[LinkEffect]:
        """Keep what is said of sessions until the model lets it be said."""
        passed: list[LinkEffect] = []
        for effect in effects:
            if isinstance(effect, LinkUp):
                index = index_at(effect.address)
                self._lives[index] = self._world.devices[index].boots
                self._unsaid.setdefault(index, []).append(effect)
            elif isinstance(effect, LinkDown):
                index = self.device.links[effect.peer].destination
                unsaid = self._unsaid.setdefault(index, [])
                # That a session came and went unheard of is not worth telling.
                if unsaid and isinstance(unsaid[-1], LinkUp):
                    unsaid.pop()
                else:
                    unsaid.append(effect)
            else:
                passed.append(effect)
        return passed

    def _report(self, other: int) -> list[LinkEffect]:
        far = self._find(other)
        assert far is not None, "the model connects devices that are on"
        self._awaited.discard(other)
        if not (self.knows(far) and far.knows(self)):
            self._shake_hands(far)
        return [*self._unsaid.pop(other, ())]

    def knows(self, far: "ModelLink") -> bool:
        """Has this link a session with the present life of `far`?"""
        return self._lives.get(far.device.index) == far.device.boots

    def _shake_hands(self, far: "ModelLink") -> None:
        """Let the one that never heard of the other dial, and both answer until all is said."""
        dialler, answerer = (self, far) if far.device.index not in self._lives else (far, self)
        first = dialler.hint(address_at(answerer.device.index), dialler.now_ns())
        queue = deque((dialler, effect) for effect in first)
        while queue:
            sender, effect = queue.popleft()
            if isinstance(effect, Transmit):
                receiver = far if sender is self else self
                source = address_at(sender.device.index)
                answers = receiver.receive(effect.datagram, source, receiver.now_ns())
                queue.extend((receiver, answer) for answer in answers)
        assert self.knows(far), "the handshake failed"
        assert far.knows(self), "the handshake failed"

    def now_ns(self) -> int:
        """Return local time of the device at the present tick."""
        return self.device.oscillator.at(self._world.tick)
