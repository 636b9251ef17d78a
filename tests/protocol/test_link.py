"""Sessions between links: handshake, several sessions, silence, restart, end."""

from collections.abc import Callable

import pytest

from smilesync.config import MS_NS, SECOND_NS
from smilesync.effects import Event, LinkDown, LinkUp, Notice, Received, Transmit
from smilesync.ids import Address, CircleId, PeerId
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.gate import circle_gate_key
from smilesync.wire import frame
from smilesync.wire.frame import HEADER, PacketType
from support.links import (
    CLOCK,
    START_NS,
    Air,
    address_of,
    drops_of,
    joined,
    make_link,
    peers_of,
)


def _kinds(air: Air) -> list[PacketType]:
    return [PacketType(datagram[0] & 15) for _from, _to, datagram in air.sent]


def _datagrams(air: Air, kind: PacketType) -> list[bytes]:
    return [d for _from, _to, d in air.sent if d[0] & 15 == kind]


@pytest.mark.spec("LNK-018", "LNK-019", "FRM-007")
def test_four_packets_make_a_session_on_both_sides() -> None:
    air = joined(1, 2)

    assert _kinds(air)[:4] == [
        PacketType.HS1,
        PacketType.HS2,
        PacketType.HS3,
        PacketType.DATA,
    ]
    assert [len(d) for _f, _t, d in air.sent][:4] == [256, 226, 190, 158]
    assert (air.ups(1), air.ups(2)) == (1, 1)
    air.say(1, 2)
    air.say(2, 1)
    assert (air.received(1), air.received(2)) == (1, 1)
    assert [e for _a, e in air.reports if isinstance(e, Received)] == [
        Received(air[1].me, CLOCK),
        Received(air[2].me, CLOCK),
    ]


@pytest.mark.spec("LNK-013")
def test_no_answer_is_longer_than_its_question() -> None:
    air = Air(1, 2)
    question = 0
    air.hint(1, 2)

    for source, _to, datagram in air.sent:
        if source == address_of(1):
            question = len(datagram)
        else:
            assert len(datagram) <= question
    assert all(len(datagram) <= 1200 for _f, _t, datagram in air.sent)


@pytest.mark.spec("LNK-013", "LNK-018")
def test_the_responder_never_sends_before_the_third_packet() -> None:
    air = Air(1, 2)
    air.pass_on = lambda d, _f, _t: [] if d[0] & 15 == PacketType.HS2 else [d]
    air.hint(1, 2)

    air.run(20 * SECOND_NS)

    answers = [d for f, _t, d in air.sent if f == address_of(2)]
    questions = [d for f, _t, d in air.sent if f == address_of(1)]
    assert len(answers) == len(questions)
    assert {d[0] & 15 for d in answers} == {PacketType.HS2}
    assert (air.ups(1), air.ups(2)) == (0, 0)


@pytest.mark.spec("LNK-006", "LNK-017")
def test_a_first_packet_is_repeated_byte_for_byte_while_its_key_is_young() -> None:
    air = Air(1)
    air.hint(1, 2, permanent=True)

    air.run(4900 * MS_NS)
    young = {d for _f, _t, d in air.sent}
    count = len(air.sent)
    air.run(5 * SECOND_NS)

    assert len(young) == 1
    assert count >= 4
    assert len({d for _f, _t, d in air.sent}) == 2


@pytest.mark.spec("LNK-018", "LNK-019")
def test_a_lost_third_packet_or_confirmation_is_repeated() -> None:
    for lost in (PacketType.HS3, PacketType.DATA):
        air = Air(1, 2)
        air.pass_on = _losing(lost, count=2)
        air.hint(1, 2)
        assert air.ups(1) == 0
        air.run(900 * MS_NS)

        assert (air.ups(1), air.ups(2)) == (1, 1)
        assert len(set(_datagrams(air, PacketType.HS3))) == 1
        assert len(_datagrams(air, PacketType.HS1)) <= 4


def _losing(kind: PacketType, *, count: int) -> Callable[..., list[bytes]]:
    """Return a radio that loses the first packets of one type."""
    left = [count]

    def pass_on(datagram: bytes, *_: object) -> list[bytes]:
        if datagram[0] & 15 == kind and left[0]:
            left[0] -= 1
            return []
        return [datagram]

    return pass_on


def test_a_third_packet_is_not_repeated_for_ever() -> None:
    air = Air(1, 2)
    air.pass_on = lambda d, _f, _t: [] if d[0] & 15 == PacketType.HS3 else [d]
    air.hint(1, 2)
    air.run(60 * SECOND_NS)

    first = _datagrams(air, PacketType.HS3)[0]
    assert 10 <= _datagrams(air, PacketType.HS3).count(first) <= 21


@pytest.mark.spec("LNK-008", "LNK-007")
def test_packets_for_no_session_are_dropped() -> None:
    air = joined(1, 2)
    link = air[1]
    for kind, size in ((PacketType.HS2, 226), (PacketType.HS3, 190), (PacketType.DATA, 158)):
        stray = frame.pack_header(kind, 0x12345678).ljust(size, b"\x01")
        before = drops_of(link).get("LNK-008", 0)

        assert not [
            e for e in link.receive(stray, address_of(9), air.now_ns) if isinstance(e, Transmit)
        ]
        assert drops_of(link)["LNK-008"] == before + 1
    indices = [HEADER.unpack_from(d)[2] for _f, _t, d in air.sent[1:]]
    assert 0 not in indices


@pytest.mark.spec("LNK-009", "DSC-009")
def test_a_link_to_oneself_is_dropped_and_the_address_forgotten() -> None:
    air = Air(1)
    air.hint(1, 1, permanent=True)

    assert drops_of(air[1])["LNK-009"] == 1
    assert not peers_of(air[1])
    count = len(air.sent)
    air.run(500 * SECOND_NS)
    assert len(air.sent) == count


@pytest.mark.spec("LNK-009")
def test_a_copy_of_our_own_device_is_dropped() -> None:
    air = Air(1)
    air.links[address_of(2)] = make_link(1, boot=1)
    air.hint(1, 2)

    assert drops_of(air[1])["LNK-009"] == 1
    assert (air.ups(1), air.ups(2)) == (0, 0)


@pytest.mark.spec("LNK-009")
def test_a_third_packet_with_our_own_identity_is_dropped() -> None:
    air = Air(1)
    air.links[address_of(2)] = make_link(1, boot=1)
    air[2].me = PeerId(b"o" * 32)  # so that it does not notice

    air.hint(2, 1)

    assert drops_of(air[1]) == {"LNK-009": 1}
    assert air.ups(1) == 0


@pytest.mark.spec("FRM-001", "FRM-003")
def test_data_of_impossible_size_is_dropped() -> None:
    link = make_link(1)

    for size in (14, 29, 1201):
        link.receive(b"\x14" + bytes(size - 1), address_of(9), START_NS)

    assert drops_of(link) == {"FRM-003": 2, "FRM-001": 1}


@pytest.mark.spec("LNK-005")
def test_a_static_key_signed_by_somebody_else_is_dropped() -> None:
    air = Air(1, 2)
    forger = make_link(2)
    proof = forger._handshakes._proof
    forger._handshakes._proof = make_link(3)._handshakes._proof[:96] + proof[96:]
    air.links[address_of(2)] = forger

    air.hint(1, 2)
    assert drops_of(air[1])["LNK-005"] == 1
    air.hint(2, 1)
    assert drops_of(air[1])["LNK-005"] == 2
    assert (air.ups(1), air.ups(2)) == (0, 0)


@pytest.mark.spec("LNK-005")
def test_a_forged_answer_does_not_spoil_the_handshake() -> None:
    air = Air(1, 2)
    forger = make_link(3)
    forger._handshakes._proof = make_link(2)._handshakes._proof

    def answer_first(datagram: bytes, source: Address, to: Address) -> list[bytes]:
        if datagram[0] & 15 == PacketType.HS1:
            (forged,) = forger.receive(datagram, source, air.now_ns)
            assert isinstance(forged, Transmit)
            air[1].receive(forged.datagram, to, air.now_ns)
        return [datagram]

    air.pass_on = answer_first
    air.hint(1, 2)

    assert drops_of(air[1]) == {"LNK-005": 1}
    assert (air.ups(1), air.ups(2)) == (1, 1)


@pytest.mark.spec("LNK-003", "LNK-007")
def test_a_short_proof_and_an_index_of_zero_are_dropped() -> None:
    air = Air(1, 2)
    air[2]._handshakes._proof = air[2]._handshakes._proof[:111]
    air.hint(1, 2)
    assert drops_of(air[1])["LNK-003"] == 1

    air = Air(1, 2)
    air[1]._handshakes._draw_index = lambda: 0  # type: ignore[method-assign]  # a broken peer
    air.hint(1, 2)
    assert drops_of(air[2])["LNK-007"] == 1
    assert (air.ups(1), air.ups(2)) == (0, 0)


@pytest.mark.spec("LNK-003")
def test_later_features_and_bytes_after_the_proof_are_ignored() -> None:
    air = Air(1, 2)
    for number in (1, 2):
        proof = air[number]._handshakes._proof
        air[number]._handshakes._proof = proof[:-8] + b"\xff" * 8 + b"more"
    air.hint(1, 2)

    assert (air.ups(1), air.ups(2)) == (1, 1)


@pytest.mark.spec("LNK-023", "LNK-024")
def test_both_dialling_at_once_ends_in_one_session_in_use() -> None:
    one, two = make_link(1), make_link(2)
    air = Air()
    air.links = {address_of(1): one, address_of(2): two}
    flight = [
        (address_of(1), one.hint(address_of(2), air.now_ns)),
        (address_of(2), two.hint(address_of(1), air.now_ns)),
    ]
    # In lock-step: each round delivers everything sent in the one before.
    for _round in range(8):
        following = []
        for source, effects in flight:
            for effect in effects:
                if isinstance(effect, Transmit):
                    link = air.links[effect.to]
                    answers = link.receive(effect.datagram, source, air.now_ns)
                    following.append((effect.to, answers))
                else:
                    air.reports.append((source, effect))
        flight = following
    assert (air.ups(1), air.ups(2)) == (1, 1)

    air.run(3 * SECOND_NS, chatter_ns=SECOND_NS)
    used = {d[2:6] for _f, _t, d in air.sent[-2:]}
    assert (air.received(1), air.received(2)) == (3, 3)
    ours, theirs = _current(one), _current(two)
    assert used == {ours[1], theirs[1]}
    assert ours == (theirs[1], theirs[0])
    assert len(one._sessions) == len(two._sessions) == 2

    air.run(20 * SECOND_NS, chatter_ns=SECOND_NS)
    assert len(one._sessions) == len(two._sessions) == 1
    assert (air.received(1), air.received(2)) == (23, 23)
    assert (air.downs(1), air.downs(2)) == (0, 0)


@pytest.mark.spec("LNK-024")
def test_a_session_that_is_still_heard_on_is_kept() -> None:
    air = joined(1, 2)
    chooser, other = sorted((1, 2), key=lambda number: air[number].me)
    (contact,) = air[other]._contacts.values()
    old = contact.current
    air.links[("10.0.0.77", 1)] = air[chooser]
    air.carry(other, air[other].hint(("10.0.0.77", 1), air.now_ns))
    assert len(air[chooser]._sessions) == 2

    for _ in range(25):
        contact.current = old  # as if it never heard the choice
        air.say(other, chooser)
        air.say(chooser, other)
        air.run(SECOND_NS)

    assert air.received(chooser) == 25
    assert old.remote_index in air[chooser]._sessions


def test_a_dial_is_dropped_when_its_address_has_called_first() -> None:
    air = Air(1, 2)
    air.pass_on = lambda d, f, _t: [] if f == address_of(1) else [d]
    air.hint(1, 2)
    held = air.sent[0][2]
    air.pass_on = lambda d, _f, _t: [d]
    air.hint(2, 1)

    air.carry(2, air[2].receive(held, address_of(1), air.now_ns))

    assert drops_of(air[1]) == {"LNK-008": 1}
    assert len(air[1]._sessions) == 1


def _current(link: object) -> tuple[bytes, bytes]:
    """Return the pair of indices, as on the wire, of the only peer's session in use."""
    (contact,) = link._contacts.values()  # type: ignore[attr-defined]  # looks inside on purpose
    session = contact.current
    return session.local_index.to_bytes(4, "big"), session.remote_index.to_bytes(4, "big")


@pytest.mark.spec("LNK-025")
@pytest.mark.parametrize("restarted", [1, 2])
@pytest.mark.parametrize("dialler", [1, 2])
def test_a_restarted_peer_gets_through_at_once(restarted: int, dialler: int) -> None:
    air = joined(1, 2)
    other = 3 - restarted
    air.links[address_of(restarted)] = make_link(restarted, boot=1)
    air.reports.clear()

    air.hint(dialler, 3 - dialler)
    if dialler == other:
        # The survivor believes its session works, until it hears nothing for 3 s.
        air.run(4 * SECOND_NS)

    events = [e for a, e in air.reports if a == address_of(other)]
    assert events[0] == LinkDown(air[restarted].me)
    assert events[1] == LinkUp(air[restarted].me, address_of(restarted))
    assert len(air[other]._sessions) == 1
    air.say(other, restarted)
    air.say(restarted, other)
    assert (air.received(1), air.received(2)) == (1, 1)


@pytest.mark.spec("LNK-026", "DSC-011")
def test_a_healed_cut_needs_no_handshake() -> None:
    air = joined(1, 2)
    air.run(2 * SECOND_NS, chatter_ns=500 * MS_NS)
    air.pass_on = lambda _d, _f, _t: []
    air.run(60 * SECOND_NS, chatter_ns=500 * MS_NS)
    dialled = _datagrams(air, PacketType.HS1)
    before = air.received(1)

    air.pass_on = lambda d, _f, _t: [d]
    air.say(2, 1)

    assert air.received(1) == before + 1
    assert len(dialled) > 200
    assert (air.downs(1), air.ups(1)) == (0, 1)
    air.run(10 * SECOND_NS, chatter_ns=500 * MS_NS)
    assert len(_datagrams(air, PacketType.HS1)) <= len(dialled) + 2
    assert (air.downs(1), air.ups(1)) == (0, 1)


@pytest.mark.spec("LNK-026")
@pytest.mark.parametrize("cut_s", [4, 30, 59])
def test_a_peer_restarted_behind_a_cut_is_back_within_half_a_second(cut_s: int) -> None:
    air = joined(1, 2)
    air.pass_on = lambda _d, _f, _t: []
    air.run(cut_s * SECOND_NS)
    air.links[address_of(2)] = make_link(2, boot=1)  # knows nobody and dials nobody

    air.pass_on = lambda d, _f, _t: [d]
    air.run(500 * MS_NS)

    assert (air.ups(1), air.downs(1), air.ups(2)) == (2, 1, 2)


@pytest.mark.spec("LNK-026")
def test_after_five_minutes_of_silence_the_link_is_down() -> None:
    air = joined(1, 2)
    air.pass_on = lambda _d, _f, _t: []

    air.run(299 * SECOND_NS)
    assert (air.downs(1), air.downs(2)) == (0, 0)
    air.run(2 * SECOND_NS)
    assert (air.downs(1), air.downs(2)) == (1, 1)
    notice = Notice(Event.MESSAGE_DROPPED, air[2].me, "LNK-018 x1: no session to send on")
    assert air[1].send(air[2].me, CLOCK, air.now_ns) == [notice]
    assert air[1].send(air[2].me, CLOCK, air.now_ns) == []


@pytest.mark.spec("LNK-027", "LNK-024")
def test_keys_are_renewed_before_a_quarter_of_an_hour_is_over() -> None:
    air = joined(1, 2)
    old = _current(air[1])

    air.run(899 * SECOND_NS, chatter_ns=SECOND_NS)
    assert _current(air[1]) == old
    air.run(3 * SECOND_NS, chatter_ns=SECOND_NS)

    new = _current(air[1])
    assert new != old
    assert _current(air[2]) == (new[1], new[0])
    assert len(air[1]._sessions) == 2
    air.run(15 * SECOND_NS, chatter_ns=SECOND_NS)
    assert len(air[1]._sessions) == len(air[2]._sessions) == 1
    assert (air.ups(1), air.downs(1), air.ups(2), air.downs(2)) == (1, 0, 1, 0)
    assert air.received(1) == air.received(2)
    assert air.received(1) >= 916


@pytest.mark.spec("LNK-027")
@pytest.mark.parametrize("sender", [1, 2])
@pytest.mark.parametrize("is_sender_lazy", [False, True])
def test_keys_are_renewed_after_a_million_packets(sender: int, is_sender_lazy: bool) -> None:
    air = joined(1, 2)
    old = _current(air[1])
    (contact,) = air[sender]._contacts.values()
    contact.current.sent_count = 1 << 20
    if is_sender_lazy:
        air[sender]._dialer.redial = lambda *_: None  # type: ignore[method-assign]  # a lazy peer

    air.run(2 * SECOND_NS, chatter_ns=SECOND_NS)

    assert _current(air[1]) != old
    assert _current(air[2]) == _current(air[1])[::-1]


@pytest.mark.spec("LNK-027")
def test_the_responder_renews_keys_when_the_initiator_does_not() -> None:
    air = joined(1, 2)
    old = _current(air[2])
    air[1]._dialer.redial = lambda *_: None  # type: ignore[method-assign]  # a lazy peer

    air.run(929 * SECOND_NS, chatter_ns=SECOND_NS)
    assert _current(air[2]) == old
    air.run(4 * SECOND_NS, chatter_ns=SECOND_NS)

    assert _current(air[2]) != old
    assert _current(air[2]) == _current(air[1])[::-1]


@pytest.mark.spec("LNK-028")
def test_nothing_is_left_of_a_link_after_close() -> None:
    air = joined(1, 2, 3)
    air.hint(1, 3)

    air.carry(1, air[1].close(air.now_ns))

    assert (air.downs(1), air.downs(2), air.downs(3)) == (2, 1, 1)
    assert not any(peers_of(air[number]) for number in (1, 2, 3))


@pytest.mark.spec("LNK-029")
def test_answers_go_where_the_newest_packet_came_from() -> None:
    air = joined(1, 2)
    (old,) = air[2].send(air[1].me, CLOCK, air.now_ns)
    (new,) = air[2].send(air[1].me, CLOCK, air.now_ns)
    assert isinstance(old, Transmit)
    assert isinstance(new, Transmit)

    air[1].receive(new.datagram, ("10.0.0.77", 5), air.now_ns)
    air[1].receive(old.datagram, ("10.0.0.66", 5), air.now_ns)
    air[1].receive(b"\x14" + new.datagram[1:-1] + b"?", ("10.0.0.55", 5), air.now_ns)
    (effect,) = air[1].send(air[2].me, CLOCK, air.now_ns)

    assert isinstance(effect, Transmit)
    assert effect.to == ("10.0.0.77", 5)


@pytest.mark.spec("LNK-030", "FRM-011")
def test_a_malformed_message_of_a_peer_is_dropped_and_the_session_kept() -> None:
    air = joined(1, 2)
    (contact,) = air[2]._contacts.values()
    bad = [b"\x00\x03\xff\xff\xff".ljust(128, b"\x00"), b"\x01", b"\x00\x7f".ljust(128, b"\x00")]

    for plaintext in bad:
        air.carry(2, [Transmit(address_of(1), contact.current.seal(plaintext))])
    air.say(2, 1)

    assert air.received(1) == 1
    assert drops_of(air[1])["FRM-011"] == 2
    assert sum(drops_of(air[1]).values()) == 3
    assert [e.peer for _a, e in air.reports if isinstance(e, Notice)] == [air[2].me] * 2


@pytest.mark.spec("LNK-035")
def test_a_full_link_drops_a_newcomer_unless_somebody_is_silent() -> None:
    air = Air(1, 2, 3, 4)
    air.links[address_of(1)] = make_link(1, config=LinkConfig(peers_max=2))
    air.hint(2, 1)
    air.hint(1, 3)

    air.hint(4, 1)
    assert drops_of(air[1])["LNK-035"] == 1
    assert air.ups(4) == 0
    air.pass_on = lambda d, f, t: [] if address_of(2) in (f, t) else [d]
    air.run(10 * SECOND_NS, chatter_ns=SECOND_NS)

    assert set(peers_of(air[1])) == {air[3].me, air[4].me}


def test_one_peer_holds_few_sessions() -> None:
    for dialler in (1, 2):
        air = joined(1, 2)
        for port in range(9):
            dialled = ("10.0.0.77", port)
            air.links[dialled] = air[3 - dialler]
            air.carry(dialler, air[dialler].hint(dialled, air.now_ns))

        assert len(air[1]._sessions) <= 4
        assert len(air[2]._sessions) <= 4
        air.links = {address_of(number): air[number] for number in (1, 2)}
        (contact,) = air[1]._contacts.values()
        assert contact.current.local_index in air[1]._sessions


def test_an_address_that_is_heard_is_not_dialled() -> None:
    air = joined(1, 2)
    count = len(air.sent)

    air.hint(2, 1)
    air.hint(1, 2, permanent=True)
    air.run(2 * SECOND_NS)

    assert len(air.sent) == count


def test_notices_of_one_rule_are_rare_and_say_how_many() -> None:
    link = make_link(1)
    notices = []
    for step in range(250):
        notices += link.receive(b"\x00" * 20, address_of(9), START_NS + step * 100 * MS_NS)

    assert [e.detail for e in notices if isinstance(e, Notice)] == [
        "FRM-004 x1: reserved packet type",
        "FRM-004 x100: reserved packet type",
        "FRM-004 x100: reserved packet type",
    ]
    assert drops_of(link) == {"FRM-004": 250}
    assert link.statistics().datagrams_received == 250


def test_an_idle_link_never_wakes() -> None:
    link = make_link(1)

    assert link.next_wake_ns() == 2**62 - 1
    assert link.wake(START_NS) == []


@pytest.mark.spec("DRV-002")
def test_a_link_that_admits_others_from_now_on_parts_from_the_rest() -> None:
    air = joined(1, 2, 3)
    air.hint(1, 3)
    circle = circle_gate_key(CircleId(b"c" * 32))
    kept = air[2].me

    air.carry(1, air[1].admit((circle,), {kept}, air.now_ns))
    air.hint(3, 1)
    air.run(20 * SECOND_NS)

    assert peers_of(air[1]) == [kept]
    assert peers_of(air[3]) == []
    assert drops_of(air[1])["LNK-010"] > 0
    air.say(2, 1)
    assert air.received(1) == 1


def test_a_link_without_a_gate_key_rests() -> None:
    air = joined(1, 2)
    air.hint(1, 2, permanent=True)

    air.carry(1, air[1].admit((), frozenset(), air.now_ns))
    air.sent.clear()
    air.run(600 * SECOND_NS)

    assert not [source for source, _to, _datagram in air.sent if source == address_of(1)]
    assert peers_of(air[1]) == []
