"""Links joined in memory: datagrams go from one to the other at once, later or never."""

from collections.abc import Callable, Iterable

from smilesync.config import SECOND_NS
from smilesync.effects import LinkDown, LinkEffect, LinkUp, Notice, Received, Transmit
from smilesync.entropy import Entropy
from smilesync.ids import Address, PeerId
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.gate import OPEN_GATE_KEY
from smilesync.mesh.link import Link
from smilesync.wire.messages import Clock

START_NS = 1_000 * SECOND_NS
CLOCK = Clock(
    stamp_us=123_456_789,
    echo_us=1_234_567,
    held_us=333,
    circle_us=987_654_321,
    is_synced=True,
    wants_reply=False,
)


def address_of(number: int) -> Address:
    return (f"10.0.0.{number}", 7412)


def make_link(
    number: int,
    *,
    boot: int = 0,
    config: LinkConfig | None = None,
    gate_key: bytes = OPEN_GATE_KEY,
    more_keys: tuple[bytes, ...] = (),
) -> Link:
    """Return the link of device `number`; another boot has the same keys and other entropy."""
    return Link(
        LinkConfig() if config is None else config,
        Ed25519Signer(bytes([number]) * 32),
        Ed25519Verifier(),
        bytes([number + 100]) * 32,
        Entropy(bytes([number, boot]) * 16),
        (gate_key, *more_keys),
    )


class Air:
    """Carries datagrams between links; `pass_on` may drop, repeat or change them."""

    def __init__(self, *numbers: int, now_ns: int = START_NS) -> None:
        self.links = {address_of(number): make_link(number) for number in numbers}
        self.now_ns = now_ns
        self.sent: list[tuple[Address, Address, bytes]] = []
        self.reports: list[tuple[Address, LinkEffect]] = []
        self.pass_on: Callable[[bytes, Address, Address], Iterable[bytes]] = lambda d, _f, _t: [d]

    def __getitem__(self, number: int) -> Link:
        return self.links[address_of(number)]

    def hint(self, number: int, target: int, *, permanent: bool = False) -> None:
        """Let one device try the address of another."""
        link = self[number]
        self.carry(number, link.hint(address_of(target), self.now_ns, permanent=permanent))

    def say(self, number: int, target: int, message: Clock = CLOCK) -> None:
        """Send one message."""
        self.carry(number, self[number].send(self[target].me, message, self.now_ns))

    def carry(self, number: int, effects: Iterable[LinkEffect]) -> None:
        """Execute effects and all that follows from them."""
        queue = [(address_of(number), effect) for effect in effects]
        while queue:
            source, effect = queue.pop(0)
            if not isinstance(effect, Transmit):
                self.reports.append((source, effect))
                continue
            self.sent.append((source, effect.to, effect.datagram))
            link = self.links.get(effect.to)
            for datagram in self.pass_on(effect.datagram, source, effect.to):
                if link is not None:
                    answers = link.receive(datagram, source, self.now_ns)
                    queue += [(effect.to, answer) for answer in answers]

    def run(self, duration_ns: int, *, chatter_ns: int = 0) -> None:
        """Let time pass: wake every link when due; all talk to all every `chatter_ns`."""
        end_ns = self.now_ns + duration_ns
        talk_ns = self.now_ns + chatter_ns if chatter_ns else end_ns + 1
        while True:
            due_ns = min([link.next_wake_ns() for link in self.links.values()] + [talk_ns])
            if due_ns > end_ns:
                self.now_ns = end_ns
                return
            self.now_ns = max(self.now_ns, due_ns)
            for address in list(self.links):
                link = self.links[address]
                if link.next_wake_ns() <= self.now_ns:
                    self.carry(_number(address), link.wake(self.now_ns))
                    assert link.next_wake_ns() > self.now_ns
            if talk_ns <= self.now_ns:
                talk_ns += chatter_ns
                self.chatter()

    def chatter(self) -> None:
        """Let everybody send one message to every peer of theirs."""
        for address, link in list(self.links.items()):
            for peer in peers_of(link):
                self.carry(_number(address), link.send(peer, CLOCK, self.now_ns))

    def received(self, number: int) -> int:
        """Return how many messages a device has received."""
        return self._count(number, Received)

    def ups(self, number: int) -> int:
        return self._count(number, LinkUp)

    def downs(self, number: int) -> int:
        return self._count(number, LinkDown)

    def notices(self, number: int) -> list[str]:
        own = address_of(number)
        return [e.detail for a, e in self.reports if a == own and isinstance(e, Notice)]

    def _count(self, number: int, kind: type[LinkEffect]) -> int:
        own = address_of(number)
        return sum(1 for a, e in self.reports if a == own and isinstance(e, kind))


def joined(*numbers: int) -> Air:
    """Return an air where the first two devices already have a session."""
    air = Air(*numbers)
    air.hint(numbers[0], numbers[1])
    assert air[numbers[1]].me in peers_of(air[numbers[0]])
    assert air[numbers[0]].me in peers_of(air[numbers[1]])
    return air


def peers_of(link: Link) -> list[PeerId]:
    return [session.peer for session in link.statistics().sessions]


def drops_of(link: Link) -> dict[str, int]:
    return dict(link.statistics().drops)


def _number(address: Address) -> int:
    return int(address[0].rsplit(".", 1)[1])
