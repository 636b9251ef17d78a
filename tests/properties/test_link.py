"""Links against anything: random bytes, changed packets, bad radio, any order of events."""

import copy
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smilesync.config import MS_NS, SECOND_NS
from smilesync.effects import LinkEffect, Notice, Received, Transmit
from smilesync.ids import Address
from smilesync.mesh.link import Link
from smilesync.mesh.session import ReplayWindow
from smilesync.wire import frame
from smilesync.wire.frame import PacketType
from support.links import CLOCK, START_NS, Air, address_of, drops_of, joined, make_link, peers_of

SOURCE = ("10.9.9.9", 9)


class Radio:
    """Carries datagrams with delay, loss and duplication, all drawn from one seed."""

    def __init__(self, seed: int, loss_percent: int, repeat_percent: int, delay_ms: int) -> None:
        self.links: dict[Address, Link] = {}
        self.now_ns = START_NS
        self.received: dict[Address, int] = {}
        self.cut: set[tuple[Address, Address]] = set()
        self._random = Random(seed)
        self.loss_percent = loss_percent
        self._repeat_percent, self._delay_ms = repeat_percent, delay_ms
        self._flight: list[tuple[int, int, Address, Address, bytes]] = []
        self._count = 0

    def execute(self, source: Address, effects: Iterable[LinkEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Received):
                self.received[source] = self.received.get(source, 0) + 1
            if isinstance(effect, Transmit) and self._random.randrange(100) >= self.loss_percent:
                self._fly(source, effect)
                if self._random.randrange(100) < self._repeat_percent:
                    self._fly(source, effect)

    def chat(self, duration_ns: int) -> None:
        """Let time pass; everybody sends one message a second to every peer of theirs."""
        end_ns = self.now_ns + duration_ns
        while self.now_ns < end_ns:
            self.run(min(SECOND_NS, end_ns - self.now_ns))
            for address, link in self.links.items():
                for peer in peers_of(link):
                    self.execute(address, link.send(peer, CLOCK, self.now_ns))

    def _fly(self, source: Address, effect: Transmit) -> None:
        self._count += 1
        arrival_ns = self.now_ns + self._random.randrange(1, self._delay_ms + 2) * MS_NS
        self._flight.append((arrival_ns, self._count, source, effect.to, effect.datagram))

    def run(self, duration_ns: int) -> None:
        end_ns = self.now_ns + duration_ns
        while True:
            due_ns = min(
                [flight[0] for flight in self._flight]
                + [link.next_wake_ns() for link in self.links.values()]
            )
            if due_ns > end_ns:
                self.now_ns = end_ns
                return
            self.now_ns = max(self.now_ns, due_ns)
            self._flight.sort()
            while self._flight and self._flight[0][0] <= self.now_ns:
                _at, _n, source, to, datagram = self._flight.pop(0)
                if to in self.links and (source, to) not in self.cut:
                    self.execute(to, self.links[to].receive(datagram, source, self.now_ns))
            for address, link in self.links.items():
                self.execute(address, link.wake(self.now_ns))
                assert link.next_wake_ns() > self.now_ns


@given(seed=st.integers(0, 2**32), loss=st.integers(0, 40), repeat=st.integers(0, 50))
@settings(max_examples=25)
@pytest.mark.spec("LNK-017", "LNK-018", "LNK-019")
def test_a_bad_radio_still_ends_in_a_session(seed: int, loss: int, repeat: int) -> None:
    radio = Radio(seed, loss, repeat, delay_ms=200)
    radio.links = {address_of(n): make_link(n, boot=seed % 251) for n in (1, 2)}
    one, two = radio.links.values()
    radio.execute(address_of(1), one.hint(address_of(2), radio.now_ns, permanent=True))
    if seed % 2:
        radio.execute(address_of(2), two.hint(address_of(1), radio.now_ns, permanent=True))

    radio.run(60 * SECOND_NS)

    assert peers_of(one) == [two.me]
    assert peers_of(two) == [one.me]


@given(seed=st.integers(0, 2**32), gap_ms=st.integers(0, 400))
@settings(max_examples=25)
@pytest.mark.spec("LNK-023")
def test_dialling_at_once_always_ends_in_agreement(seed: int, gap_ms: int) -> None:
    radio = Radio(seed, loss_percent=10, repeat_percent=10, delay_ms=100)
    radio.links = {address_of(n): make_link(n, boot=seed % 251) for n in (1, 2)}
    one, two = radio.links.values()
    radio.execute(address_of(1), one.hint(address_of(2), radio.now_ns, permanent=True))
    radio.run(gap_ms * MS_NS)
    radio.execute(address_of(2), two.hint(address_of(1), radio.now_ns, permanent=True))

    for second in range(30):
        radio.chat(SECOND_NS)
        if second == 10:
            radio.loss_percent = 0  # so that silence does not lead to new handshakes near the end
    radio.run(SECOND_NS)

    (ours,) = (c.current for c in one._contacts.values())
    (theirs,) = (c.current for c in two._contacts.values())
    assert (ours.local_index, ours.remote_index) == (theirs.remote_index, theirs.local_index)
    assert len(one._sessions) == len(two._sessions) == 1
    assert min(radio.received.values()) >= 20


ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["cut", "heal", "hint"]), st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.sampled_from(["restart", "close"]), st.integers(1, 3), st.just(0)),
    st.tuples(st.just("wait"), st.sampled_from([1, 50, 900, 4000, 12000]), st.just(0)),
)


@given(actions=st.lists(ACTIONS, max_size=25), loss=st.sampled_from([0, 0, 20]))
@settings(max_examples=40)
@pytest.mark.spec("LNK-023", "LNK-025", "LNK-026", "DSC-010")
def test_whatever_happens_peace_brings_everybody_together(
    actions: list[tuple[str, int, int]], loss: int
) -> None:
    radio = Radio(len(actions), loss, 10, delay_ms=60)
    links = radio.links
    boots = 0

    def start(number: int) -> None:
        links[address_of(number)] = make_link(number, boot=boots)
        for other in sorted({1, 2, 3} - {number}):
            effects = links[address_of(number)].hint(
                address_of(other), radio.now_ns, permanent=True
            )
            radio.execute(address_of(number), effects)

    for number in (1, 2, 3):
        start(number)
    for what, one, two in actions:
        link = links.get(address_of(one))
        if what == "wait":
            radio.chat(one * MS_NS)
        elif what == "cut":
            radio.cut.add((address_of(one), address_of(two)))
        elif what == "heal":
            radio.cut.clear()
        elif what == "restart":
            boots += 1
            start(one)
        elif link is not None and what == "hint":
            radio.execute(address_of(one), link.hint(address_of(two), radio.now_ns))
        elif link is not None:
            radio.execute(address_of(one), link.close(radio.now_ns))
    radio.cut.clear()
    radio.loss_percent = 0
    radio.chat(30 * SECOND_NS)

    for link in links.values():
        assert len(peers_of(link)) == 2
        for peer, contact in link._contacts.items():
            (other,) = (other for other in links.values() if other.me == peer)
            ours, theirs = contact.current, other._contacts[link.me].current
            assert (ours.local_index, ours.remote_index) == (
                theirs.remote_index,
                theirs.local_index,
            )
            assert radio.now_ns - contact.heard_ns <= 2 * SECOND_NS


@given(datagram=st.binary(max_size=1300))
@pytest.mark.spec("FRM-004", "LNK-008", "LNK-010")
def test_random_bytes_are_never_answered_and_change_nothing(datagram: bytes) -> None:
    air = joined(1, 2)

    effects = air[1].receive(datagram, SOURCE, air.now_ns)

    assert all(isinstance(effect, Notice) for effect in effects)
    assert sum(drops_of(air[1]).values()) == 1
    _still_works(air)


@given(data=st.data())
@pytest.mark.spec("LNK-004", "LNK-020", "LNK-022")
def test_changed_packets_are_never_taken_and_change_nothing(data: st.DataObject) -> None:
    air = joined(1, 2)
    air.say(1, 2)
    air.say(2, 1)
    _from, to, original = data.draw(st.sampled_from(air.sent))
    forged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(forged) - 1))
        forged[position] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from([0, 0, 1, 40]))
    hostile = bytes(forged)[: len(forged) - cut] + data.draw(st.binary(max_size=3))
    assume(hostile != original)

    effects = air.links[to].receive(hostile, SOURCE, air.now_ns)

    assert all(isinstance(effect, Notice) for effect in effects)
    _still_works(air)


def _still_works(air: Air) -> None:
    counts = [air.received(1), air.received(2)]
    air.say(1, 2)
    air.say(2, 1)
    assert [air.received(1), air.received(2)] == [count + 1 for count in counts]
    assert len(air[1]._sessions) == 1


@pytest.mark.spec("LNK-004", "LNK-010", "LNK-020")
@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_no_flipped_byte_of_a_handshake_is_accepted_or_spoils_it(step: int) -> None:
    """Each byte of the packet in turn is changed before the good packet arrives."""
    packet = 0

    def flip_first(datagram: bytes, _from: Address, to: Address) -> list[bytes]:
        nonlocal packet
        packet += 1
        if packet != step + 1:
            return [datagram]
        link = air.links[to]
        for position in range(len(datagram)):
            if position == 1 and step in (1, 2):
                continue  # flags of HS2 and HS3 are ignored, see below
            forged = bytearray(datagram)
            forged[position] ^= 0x40
            effects = link.receive(bytes(forged), address_of(1), air.now_ns)
            assert all(isinstance(effect, Notice) for effect in effects)
        return [datagram]

    air = Air(1, 2)
    air.pass_on = flip_first
    air.hint(1, 2)

    assert (air.ups(1), air.ups(2)) == (1, 1)


@pytest.mark.spec("FRM-014")
def test_flags_of_handshake_packets_are_ignored() -> None:
    air = Air(1, 2)
    air.pass_on = lambda d, _f, _t: (
        [d[:1] + b"\xff" + d[2:]] if d[0] & 15 in (PacketType.HS2, PacketType.HS3) else [d]
    )
    air.hint(1, 2)

    assert (air.ups(1), air.ups(2)) == (1, 1)


@given(events=st.lists(st.integers(0, 300), max_size=300))
@pytest.mark.spec("LNK-021")
def test_the_window_agrees_with_a_naive_one(events: list[int]) -> None:
    window, seen, highest = ReplayWindow(), set[int](), -1
    for counter in events:
        expected = counter not in seen and counter > highest - 128
        assert window.is_fresh(counter) == expected
        if expected:
            window.mark(counter)
            seen.add(counter)
            highest = max(highest, counter)


@pytest.mark.spec("LNK-014", "LNK-021")
def test_a_replay_of_everything_is_refused_before_and_after_a_restart() -> None:
    air = joined(1, 2)
    air.hint(2, 1)
    for _ in range(5):
        air.say(1, 2)
        air.say(2, 1)
    recorded = list(air.sent)
    before = copy.deepcopy([peers_of(link) for link in air.links.values()])

    for _from, to, datagram in recorded:
        effects = air.links[to].receive(datagram, SOURCE, air.now_ns)
        assert not [e for e in effects if not isinstance(e, Notice | Transmit)]
        assert sum(isinstance(e, Transmit) for e in effects) <= (datagram[0] & 15 in (1, 3))
    assert [peers_of(link) for link in air.links.values()] == before

    fresh = make_link(2, boot=1)
    for _from, to, datagram in recorded:
        effects = fresh.receive(datagram, SOURCE, air.now_ns) if to == address_of(2) else []
        assert all(
            isinstance(e, Notice) or (isinstance(e, Transmit) and len(e.datagram) <= len(datagram))
            for e in effects
        )
    assert peers_of(fresh) == []


def test_the_same_inputs_give_the_same_bytes() -> None:
    def run() -> list[bytes]:
        air = joined(1, 2, 3)
        air.hint(3, 1)
        air.run(20 * SECOND_NS, chatter_ns=300 * MS_NS)
        return [datagram for _from, _to, datagram in air.sent]

    assert run() == run()


def test_observers_see_three_lengths() -> None:
    sizes = {frame.OVERHEAD_BYTES + len(frame.pad_message(bytes(n))) for n in range(1, 1169)}

    assert sizes == {158, 542, 1200}
