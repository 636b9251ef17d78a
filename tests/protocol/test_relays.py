"""Devices without links to all voters: they follow, vote, keep time, restart over others."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from smilesync.circle.genesis import Parameters
from smilesync.effects import Rung, Send
from smilesync.relays import Relays
from smilesync.wire.messages import (
    Ask,
    Beacons,
    Carried,
    Clock,
    Decided,
    Hello,
    Message,
    Propose,
    Status,
    Told,
    Votes,
)
from support.lab import SECOND_NS
from support.street import Filter, Street

FAR = Parameters(tolerance_us=120_000)
SPREAD = (Hello, Beacons, Ask, Told)


def _chain(one: int, other: int) -> bool:
    """Link everybody with the next one only."""
    return abs(one - other) == 1


def _ring(size: int, chords: int = 3) -> Callable[[int, int], bool]:
    return lambda one, other: (one - other) % size in {1, chords, size - 1, size - chords}


def _street(
    size: int,
    members: int,
    linked: Callable[[int, int], bool],
    *,
    passes: Filter = lambda source, to, message: True,
    loss: float = 0.0,
) -> Street:
    return Street(size, members=members, linked=linked, parameters=FAR, passes=passes, loss=loss)


def _relays(street: Street, device: int) -> Relays:
    return street.peers[device].relays


def _lit(street: Street) -> list[int]:
    return [who for who, peer in street.peers.items() if peer.scene.is_selected]


def _dropped(street: Street, device: int, message: Message, source: int) -> str:
    before = street.peers[device].dropped.copy()
    street.deliver(source, device, message)
    (rule,) = street.peers[device].dropped - before
    return rule


@pytest.mark.spec("SPR-020")
def test_a_small_circle_with_all_links_says_nothing_of_this() -> None:
    street = Street(7)

    street.run(6)

    assert not [m for _, _, _, m in street.sent if isinstance(m, SPREAD)]


@pytest.mark.spec("SPR-020")
def test_hello_is_said_again_every_ten_seconds_so_that_a_lost_one_is_made_good() -> None:
    street = Street(17)
    street.run(3)
    begin_ns = street.now_ns
    # What it hears of others reminds it, too.
    street.passes = lambda source, to, message: to != 0 or not isinstance(message, Hello)

    street.run(31)

    told = [one for one in street.sent if one[0] > begin_ns and isinstance(one[3], Hello)]
    assert sum((source, to) == (0, 1) for _, source, to, _ in told) == 3


@pytest.mark.spec("SPR-020", "SPR-022", "BCN-001")
def test_a_full_mesh_of_many_voters_passes_nothing_on() -> None:
    street = Street(17)

    street.run(6)

    assert len(_lit(street)) == 17
    voting = [m for _, _, _, m in street.sent if isinstance(m, Propose | Votes)]
    slots = street.peers[0].statistics(street.local_ns(0)).decided_slot
    repairs = sum(isinstance(m, Status) for _, _, _, m in street.sent)
    assert len(voting) <= slots * (16 + 16 * 16 + 17 * 16) + 4 * repairs
    late = [m for ns, _, _, m in street.sent if ns > 3 * SECOND_NS]
    assert not [m for m in late if isinstance(m, Beacons | Ask | Told)]


@pytest.mark.spec("SPR-020", "SPR-022", "SPR-030", "SPR-033", "SPR-034", "BCN-001", "BCN-004")
def test_voters_and_followers_in_a_chain_share_one_light() -> None:
    street = _street(9, 4, _chain)

    street.run(12)

    assert len(_lit(street)) == 9
    assert {peer.scene.value_hash for peer in street.peers.values()} != {None}
    assert len({street.circle_us(who) // 200_000 for who in range(9)}) <= 2
    assert not street.peers[8].statistics(street.local_ns(8)).is_voter


@pytest.mark.spec("SPR-023", "SPR-035", "LSE-007", "BCN-004")
def test_far_devices_stay_lit_through_long_leases_and_lost_messages() -> None:
    street = _street(12, 4, _ring(12), loss=0.01)
    street.run(15)
    before = len(street.shows)

    street.run(20)

    dark = {who for _, who, scene in street.shows[before:] if scene.rung > Rung.HOLD}
    assert not dark
    assert len(_lit(street)) == 12
    assert street.peers[11].circle is not None
    assert street.peers[11].circle.is_far


@pytest.mark.spec("CIR-052", "CIR-053", "SPR-030", "SPR-033")
def test_a_restarted_voter_asks_far_voters_what_it_signed() -> None:
    street = _street(9, 5, _ring(9, 2))
    street.run(8)

    for device in range(9):
        street.stop(device)
    street.run(0.5)
    for device in range(9):
        street.start(device)
    street.run(20)

    assert [m for _, _, _, m in street.sent if isinstance(m, Ask) and m.question is not None]
    assert not street.peers[0].statistics(street.local_ns(0)).is_asking
    assert len(_lit(street)) == 9


@pytest.mark.spec("SPR-023")
def test_a_follower_that_missed_a_decision_asks_for_it() -> None:
    missed = [False]

    def passes(_: int, to: int, message: Message) -> bool:
        is_lost = to == 5 and missed[0] and isinstance(message, Propose | Votes | Decided)
        return not is_lost

    street = _street(6, 4, _chain, passes=passes)
    street.run(6)
    missed[0] = True
    street.run(4)
    missed[0] = False
    street.run(4)

    tops = [street.peers[who].statistics(street.local_ns(who)).decided_slot for who in (0, 5)]
    assert tops[0] == tops[1]


@pytest.mark.spec("BCN-001", "BCN-004", "LSE-007")
def test_a_cut_off_follower_goes_dark_though_beacons_are_repeated() -> None:
    kept: list[Beacons] = []
    cut = [False]

    def passes(source: int, to: int, message: Message) -> bool:
        if to == 5 and isinstance(message, Beacons) and not cut[0]:
            kept.append(message)
        return not (cut[0] and {source, to} == {4, 5})

    street = _street(6, 4, _chain, passes=passes)
    street.run(20)
    assert 5 in _lit(street)
    cut[0] = True
    for _ in range(60):
        street.deliver(4, 5, kept[-1])
        street.run(0.1)

    assert 5 not in _lit(street)


@pytest.mark.spec("SPR-031")
def test_a_partner_that_asks_too_much_is_refused() -> None:
    street = _street(6, 4, _chain)
    street.run(4)
    rules = []

    for number in range(400):
        before = street.peers[1].dropped.copy()
        street.deliver(0, 1, Ask(number.to_bytes(16, "big"), 1 << 3))
        rules += list(street.peers[1].dropped - before)

    assert set(rules) == {"SPR-031"}
    assert 100 <= len(rules) <= 200


@pytest.mark.spec("SPR-020", "SPR-021")
def test_neighbours_of_another_circle_or_without_hello_are_ignored() -> None:
    street = _street(6, 4, _chain)
    street.run(4)
    known = set(_relays(street, 1).partners.known)

    street.deliver(5, 1, Hello(bytes(8), bytes(16), 0, False))

    assert set(_relays(street, 1).partners.known) == known
    for message in (Beacons(()), Ask(bytes(16), 1), Told(bytes(16), 0, b"\xa0", bytes(64))):
        assert _dropped(street, 1, message, 5) == "SPR-021"
    street.peers[5] = Street(1, members=0).peers[0]
    hello = Hello(bytes(8), bytes(16), 0, False)
    effects = street.peers[5].handle(hello, street.identities[4], 10**15)
    assert not [effect for effect in effects if isinstance(effect, Send)]


@pytest.mark.spec("SPR-020")
def test_a_lost_link_leads_nowhere_and_the_reach_is_told_again() -> None:
    street = _street(5, 4, _ring(5, 2))
    street.run(5)
    before = len(street.sent)

    street.execute(0, street.peers[0].disconnected(street.identities[1], street.local_ns(0)))
    street.run(1)

    told = [m for _, who, _, m in street.sent[before:] if isinstance(m, Hello) and who == 0]
    assert told
    assert street.identities[1] not in _relays(street, 0).partners.known
    assert all(hello.reach != 0 for hello in told)


@pytest.mark.spec("SPR-033")
def test_a_question_that_is_none_is_rejected() -> None:
    street = _street(6, 4, _chain)
    street.run(3)

    for question in (b"\xa3\x00\x05\x01\x01\x02\x01", b"\xa3\x00\x18\x18"):
        ask = Ask(bytes(16), 1, 63, question)
        assert _dropped(street, 0, ask, 1) in ("SPR-012", "CBR-001")


def test_relays_carry_no_feelings() -> None:
    """One hop is a promise to wearers (EMO-010): a crowd's feelings do not travel."""
    street = _street(6, 4, _chain)

    street.run(5)

    assert not [m for _, _, _, m in street.sent if isinstance(m, Carried)]
    assert [m for _, _, _, m in street.sent if isinstance(m, Clock)]
    assert replace(street.peers[0].statistics(street.local_ns(0)), emotions=()).is_synced
    assert street.now_ns >= 5 * SECOND_NS


@pytest.mark.spec("SPR-020")
def test_under_another_roster_nothing_known_by_index_holds() -> None:
    street = _street(6, 4, _chain)
    street.run(4)
    peer, other = street.peers[1], Street(3, seed=1)
    assert peer.circle is not None
    assert other.genesis is not None
    before = len(street.sent)

    peer.circle.members.around = peer.circle.around.under(other.genesis.roster, None)
    peer.relays.settle([], peer.circle, peer.clock, street.local_ns(1))
    street.execute(1, peer.wake(street.local_ns(1) + SECOND_NS))

    assert [m for _, who, _, m in street.sent[before:] if isinstance(m, Hello) and who == 1]
    peer.circle.members.around = replace(peer.circle.around)
    peer.relays.settle([], peer.circle, peer.clock, street.local_ns(1) + SECOND_NS)


@pytest.mark.spec("SPR-030")
def test_a_question_that_is_lost_is_asked_once_more_in_time() -> None:
    last_ns = -10 * SECOND_NS

    def passes(source: int, to: int, message: Message) -> bool:
        """Lose the first questions of the last device after each long pause."""
        nonlocal last_ns
        if not isinstance(message, Ask) or source != 8 or street.now_ns < 6 * SECOND_NS:
            return True
        is_first = street.now_ns - last_ns > 2 * SECOND_NS
        last_ns = street.now_ns if is_first else last_ns
        return not is_first

    street = _street(9, 4, _chain, passes=passes)
    street.run(6)
    before = len(street.shows)
    street.run(24)

    asked = {
        ns // SECOND_NS for ns, source, _, m in street.sent if source == 8 and isinstance(m, Ask)
    }
    assert len(asked) >= 8
    assert {scene.rung for _, who, scene in street.shows[before:] if who == 8} <= {
        Rung.COMMITTED,
        Rung.HOLD,
    }
