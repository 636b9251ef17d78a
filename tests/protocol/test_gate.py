"""Who gets an answer: mac1, versions, replays, load, cookies."""

import hashlib
import hmac
from pathlib import Path

import pytest

from smilesync.config import SECOND_NS
from smilesync.effects import LinkEffect, Transmit
from smilesync.entropy import Entropy
from smilesync.errors import RemoteError
from smilesync.ids import Address, CircleId
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.gate import OPEN_GATE_KEY, Gate, circle_gate_key
from smilesync.mesh.link import Link
from smilesync.wire import frame
from smilesync.wire.frame import PacketType
from support.links import START_NS, Air, address_of, drops_of, joined, make_link, peers_of
from support.vectors import Case, by_name, load

SECRET_GATE = b"g" * 32


def _hello(number: int = 1, *, boot: int = 0, gate_key: bytes = OPEN_GATE_KEY) -> bytes:
    """Return a first packet of a device."""
    link = make_link(number, boot=boot, gate_key=gate_key)
    (effect,) = link.hint(address_of(200), START_NS)
    assert isinstance(effect, Transmit)
    return effect.datagram


def _marked(datagram: bytes, gate_key: bytes = OPEN_GATE_KEY) -> bytes:
    """Return a changed first packet with a fitting mac1."""
    mac1 = hmac.new(gate_key, datagram[14:30] + datagram[:14] + datagram[46:], hashlib.sha256)
    return datagram[:30] + mac1.digest()[:16] + datagram[46:]


def _answers(effects: list[LinkEffect]) -> list[bytes]:
    return [effect.datagram for effect in effects if isinstance(effect, Transmit)]


def _ask(link: Link, datagram: bytes, source: Address = ("10.0.0.1", 7412)) -> list[bytes]:
    return _answers(link.receive(datagram, source, START_NS))


@pytest.mark.parametrize("case", load("gate"), ids=by_name)
def test_vectors_are_accepted_or_rejected_as_they_say(case: Case) -> None:
    given = {key: bytes.fromhex(str(value)) for key, value in case["given"].items()}
    gate = Gate(LinkConfig(), (given["gate_key"],), Entropy(b""))
    broken = ""
    try:
        gate.check(given["datagram"])
    except RemoteError as error:
        broken = error.rule

    assert broken == case.get("error", "")


@pytest.mark.spec("LNK-010")
def test_no_byte_is_sent_to_whoever_lacks_the_gate_key() -> None:
    link = make_link(2, gate_key=SECRET_GATE)
    hello = _hello()
    probes = [
        hello,
        b"\x21" + hello[1:],
        _marked(b"\x21" + hello[1:]),
        hello + bytes(900),
        _marked(hello, b"wrong" * 6),
    ]

    for probe in probes:
        assert _ask(link, probe) == []
    assert drops_of(link) == {"LNK-010": len(probes)}
    assert len(_ask(link, _hello(gate_key=SECRET_GATE))) == 1


@pytest.mark.spec("LNK-010", "LNK-004")
def test_a_first_packet_with_any_byte_changed_is_not_answered() -> None:
    link = make_link(2)
    hello = _hello()

    for position in range(len(hello)):
        forged = bytearray(hello)
        forged[position] ^= 1
        assert _ask(link, bytes(forged)) == []
    assert link.statistics().half_open == 0
    assert len(_ask(link, hello)) == 1


@pytest.mark.spec("LNK-011", "FRM-005")
def test_an_unknown_version_is_told_ours_and_nothing_else() -> None:
    link = make_link(2)
    hello = _hello()

    assert _ask(link, _marked(b"\x21" + hello[1:])) == [bytes.fromhex("06" + "00" * 13 + "0101")]
    for first in (0x22, 0x23, 0x24, 0x25, 0x01, 0x04):
        assert _ask(link, bytes([first]) + hello[1:]) == []
    assert drops_of(link) == {"FRM-005": 5, "LNK-010": 1}


@pytest.mark.spec("LNK-012")
@pytest.mark.parametrize("versions", [b"\x01\x02", b"\x02\x02\x03"])
def test_a_first_packet_without_our_version_in_its_list_is_dropped(versions: bytes) -> None:
    link = make_link(2)
    hello = _hello()

    assert _ask(link, _marked(hello[:62] + versions + hello[64:])) == []
    assert drops_of(link) == {"LNK-012": 1}


@pytest.mark.spec("LNK-002", "LNK-012")
def test_a_changed_version_list_never_makes_a_session() -> None:
    air = Air(1, 2)

    def change(datagram: bytes, *_: object) -> list[bytes]:
        if datagram[0] & 15 != PacketType.HS1:
            return [datagram]
        return [_marked(datagram[:62] + b"\x02\x01\x02" + datagram[64:])]

    air.pass_on = change
    air.hint(1, 2)
    air.run(10 * SECOND_NS)

    assert drops_of(air[1])["LNK-004"] >= 1
    assert (air.ups(1), air.ups(2)) == (0, 0)


@pytest.mark.spec("LNK-034")
def test_a_forged_version_packet_never_stops_a_dial() -> None:
    air = Air(1, 2)
    air.pass_on = lambda _d, _f, _t: []
    air.hint(1, 2, permanent=True)
    for listed in ((2,), (1,), (1, 2)):
        forged = frame.pack_vneg(listed)
        assert _answers(air[1].receive(forged, address_of(2), air.now_ns)) == []

    air.pass_on = lambda d, _f, _t: [d]
    air.run(SECOND_NS)
    assert drops_of(air[1]) == {"LNK-011": 1, "LNK-034": 2}
    assert (air.ups(1), air.ups(2)) == (1, 1)


@pytest.mark.spec("LNK-015")
def test_a_repeated_first_packet_gets_the_same_answer_but_not_for_ever() -> None:
    link = make_link(2)
    hello = _hello()

    answers = [_ask(link, hello) for _ in range(30)]

    assert answers[:17] == [answers[0]] * 17
    assert answers[17:] == [[]] * 13
    assert link.statistics().half_open == 1


@pytest.mark.spec("LNK-014")
def test_a_replayed_first_packet_is_not_answered_a_second_time() -> None:
    air = joined(1, 2)
    hello = air.sent[0][2]
    link = air[2]

    replayed = [_ask(link, hello, ("10.6.6.6", port)) for port in range(5)]
    assert [len(each) for each in replayed] == [1, 0, 0, 0, 0]
    air.run(6 * SECOND_NS)
    assert link.statistics().half_open == 0
    assert _ask(link, hello, ("10.6.6.6", 9)) == []
    assert drops_of(link)["LNK-014"] == 5
    assert peers_of(link) == [air[1].me]


@pytest.mark.spec("LNK-014")
def test_a_copy_that_overtakes_the_honest_packet_does_not_stop_it() -> None:
    air = Air(1, 2)
    air[2].receive(_hello(1), ("10.6.6.6", 1), START_NS)

    air.hint(1, 2)

    assert (air.ups(1), air.ups(2)) == (1, 1)


def test_the_memory_of_answered_packets_is_bounded() -> None:
    link = make_link(2, config=LinkConfig(hellos_remembered_max=4))
    for boot in range(9):
        _ask(link, _hello(3, boot=boot))

    assert len(link._handshakes._answered) == 4


@pytest.mark.spec("LNK-016", "LNK-031")
def test_under_load_strangers_get_a_cookie_and_no_memory() -> None:
    link = make_link(2)
    for boot in range(128):
        (answer,) = _ask(link, _hello(3, boot=boot), ("10.6.6.6", 1000 + boot))
        assert answer[0] & 15 == PacketType.HS2

    hello = _hello(1)
    (cookie,) = _ask(link, hello)

    assert (len(cookie), cookie[0] & 15) == (46, PacketType.COOKIE)
    assert cookie[14:30] == hello[14:30]
    assert link.statistics().half_open == 128


@pytest.mark.spec("LNK-031", "LNK-032", "LNK-033")
def test_a_peer_gets_through_a_flood_with_a_cookie() -> None:
    air = Air(1, 2)
    for boot in range(128):
        _ask(air[2], _hello(3, boot=boot), ("10.6.6.6", 1000 + boot))

    air.hint(1, 2)

    assert [d[0] & 15 for _f, _t, d in air.sent][:4] == [1, 5, 1, 2]
    assert air.sent[0][2][62:] == air.sent[2][2][62:]
    assert air.sent[0][2][14:30] != air.sent[2][2][14:30]
    assert (air.ups(1), air.ups(2)) == (1, 1)


@pytest.mark.spec("LNK-032")
def test_cookies_of_others_or_of_old_secrets_are_not_accepted() -> None:
    gate = Gate(LinkConfig(), (OPEN_GATE_KEY,), Entropy(b"s" * 16))
    source = ("10.0.0.1", 7412)
    now_ns = START_NS
    cookie = gate.cookie(source, now_ns)

    assert gate.is_cookie_valid(cookie, source, now_ns)
    assert gate.is_cookie_valid(cookie, source, now_ns + 119 * SECOND_NS)
    assert not gate.is_cookie_valid(cookie, ("10.0.0.1", 7413), now_ns)
    assert not gate.is_cookie_valid(cookie, ("10.0.0.2", 7412), now_ns)
    assert not gate.is_cookie_valid(frame.NO_COOKIE, source, now_ns)
    assert not gate.is_cookie_valid(b"garbage cookie!!", source, now_ns)
    assert gate.is_cookie_valid(cookie, source, now_ns + 121 * SECOND_NS)
    assert not gate.is_cookie_valid(cookie, source, now_ns + 242 * SECOND_NS)
    assert gate.cookie(source, now_ns + 243 * SECOND_NS) != cookie


@pytest.mark.spec("LNK-032")
def test_after_a_long_pause_no_old_cookie_is_accepted() -> None:
    gate = Gate(LinkConfig(), (OPEN_GATE_KEY,), Entropy(b"s" * 16))
    cookie = gate.cookie(address_of(1), START_NS)

    assert not gate.is_cookie_valid(cookie, address_of(1), START_NS + 3600 * SECOND_NS)


@pytest.mark.spec("LNK-033")
def test_cookies_that_answer_nothing_are_ignored() -> None:
    air = Air(1)
    air.hint(1, 2)
    hello = air.sent[0][2]
    (dial,) = air[1]._handshakes._dials.values()
    good = frame.pack_cookie(dial.index, hello[14:30], b"c" * 16)
    for bad in (
        frame.pack_cookie(dial.index ^ 1, hello[14:30], b"c" * 16),
        frame.pack_cookie(dial.index, bytes(16), b"c" * 16),
        good[:-1],
        good[:-16] + bytes(16),
    ):
        assert _ask(air[1], bad) == []

    (again,) = _ask(air[1], good)
    assert again[46:62] == b"c" * 16
    assert _ask(air[1], good) == []
    for _ in range(2):
        (again,) = _ask(air[1], frame.pack_cookie(dial.index, again[14:30], b"c" * 16))
    assert _ask(air[1], frame.pack_cookie(dial.index, again[14:30], b"c" * 16)) == []
    assert drops_of(air[1]) == {"LNK-033": 4, "FRM-012": 2}


@pytest.mark.spec("LNK-016")
def test_half_open_handshakes_stay_few_and_are_forgotten() -> None:
    config = LinkConfig(cookie_threshold=4, half_open_max=6, half_open_per_host_max=3)
    link = make_link(2, config=config)
    for boot in range(40):
        source = (f"10.7.{boot // 5}.1", 1000 + boot)
        hello = _hello(3, boot=boot)
        (answer,) = _ask(link, hello, source)
        if answer[0] & 15 == PacketType.COOKIE:
            link.receive(_marked(hello[:46] + answer[30:46] + hello[62:]), source, START_NS)
        assert link.statistics().half_open <= 6

    assert drops_of(link)["LNK-016"] >= 5
    link.wake(START_NS + 6 * SECOND_NS)
    assert link.statistics().half_open == 0
    assert link.next_wake_ns() == 2**62 - 1


@pytest.mark.spec("LNK-016", "LNK-031")
def test_key_exchanges_are_bounded_in_rate() -> None:
    link = make_link(2, config=LinkConfig(hello_burst=3, hello_rate_per_s=1))
    kinds = []
    for boot in range(6):
        (answer,) = _ask(link, _hello(3, boot=boot))
        kinds.append(answer[0] & 15)
    assert kinds == [2, 2, 2, 5, 5, 5]

    hello = _hello(3, boot=9)
    (cookie,) = _ask(link, hello)
    assert _ask(link, _marked(hello[:46] + cookie[30:46] + hello[62:])) == []
    assert drops_of(link) == {"LNK-016": 1}
    later = link.receive(_hello(3, boot=10), address_of(1), START_NS + SECOND_NS)
    assert _answers(later)[0][0] & 15 == PacketType.HS2


CIRCLE_GATE = circle_gate_key(CircleId(b"\x01" * 32))
OTHER_GATE = circle_gate_key(CircleId(b"\x02" * 32))


@pytest.mark.spec("DRV-002")
def test_a_circles_gate_key_is_as_in_the_specification() -> None:
    text = (Path(__file__).parents[2] / "SPEC.md").read_text(encoding="utf-8")

    assert f"`{CIRCLE_GATE.hex()}`" in text


@pytest.mark.spec("DRV-002", "DRV-003")
@pytest.mark.parametrize(
    ("keys", "opens"),
    [
        ((OPEN_GATE_KEY, CIRCLE_GATE), (OPEN_GATE_KEY, CIRCLE_GATE)),
        ((CIRCLE_GATE,), (CIRCLE_GATE,)),
    ],
    ids=["one circle", "one of several circles"],
)
def test_a_gate_opens_to_its_keys_and_refuses_every_other(
    keys: tuple[bytes, ...], opens: tuple[bytes, ...]
) -> None:
    link = make_link(2, gate_key=keys[0], more_keys=keys[1:])
    hellos = {key: _hello(gate_key=key) for key in (OPEN_GATE_KEY, CIRCLE_GATE, OTHER_GATE)}

    claimed = {key for key, hello in hellos.items() if link.claims(hello, ("10.0.0.1", 7412))}
    answered = {key for key, hello in hellos.items() if _ask(link, hello)}

    assert claimed == answered == set(opens)


@pytest.mark.spec("DRV-003")
def test_who_gets_no_answer_tries_the_circles_gate_in_turn() -> None:
    link = make_link(1, more_keys=(CIRCLE_GATE,))
    effects = link.hint(address_of(200), START_NS, permanent=True)
    while link.next_wake_ns() < START_NS + 21 * SECOND_NS:
        effects += link.wake(link.next_wake_ns())
    hellos = list(dict.fromkeys(_answers(effects)))
    keys = [
        next(key for key in (OPEN_GATE_KEY, CIRCLE_GATE) if hello == _marked(hello, key))
        for hello in hellos
    ]

    assert len(keys) >= 4
    assert keys == [(OPEN_GATE_KEY, CIRCLE_GATE)[turn % 2] for turn in range(len(keys))]


@pytest.mark.spec("DRV-003")
def test_a_device_of_one_circle_reaches_one_of_several() -> None:
    air = Air(2)
    air.links[address_of(1)] = make_link(1, more_keys=(CIRCLE_GATE,))
    air.links[address_of(2)] = make_link(2, gate_key=CIRCLE_GATE)
    air.hint(1, 2)
    air.run(12 * SECOND_NS)

    assert peers_of(air[1]) == [air[2].me]


@pytest.mark.spec("DRV-005")
def test_of_links_that_share_a_port_each_claims_its_own_packets() -> None:
    caller = make_link(1, gate_key=CIRCLE_GATE)
    here, there = make_link(2, gate_key=CIRCLE_GATE), make_link(2, gate_key=OTHER_GATE)
    source = address_of(1)
    claims: list[tuple[bool, bool]] = []
    packets = _answers(caller.hint(address_of(2), START_NS))
    while packets:
        packet = packets.pop(0)
        claims.append((here.claims(packet, source), there.claims(packet, source)))
        for answer in _answers(here.receive(packet, source, START_NS)):
            assert caller.claims(answer, address_of(2))
            packets += _answers(caller.receive(answer, address_of(2), START_NS))
    packets = _answers(caller.close(START_NS))
    claims += [(here.claims(one, source), there.claims(one, source)) for one in packets]
    vneg = frame.pack_vneg((9,))

    assert len(claims) >= 3
    assert set(claims) == {(True, False)}
    assert not any(here.claims(one, source) for one in (b"", vneg, bytes(2000), b"\x1f" * 64))
    there.hint(source, START_NS)
    assert there.claims(vneg, source)
