"""What a crowd feels reaches the voters over others, counts by seats, and ends when it is said."""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from smilesync.circle.feelings import sign
from smilesync.circle.genesis import Parameters
from smilesync.circle.inputs import Counts
from smilesync.circle.roster import Seat
from smilesync.circle.state import State, Waiting
from smilesync.circle.toll import Toll
from smilesync.commands import EmotionState, Feel, Leave, SetConsent, Switch
from smilesync.config import FeelingConfig
from smilesync.effects import Persist, Send
from smilesync.ids import CircleId, VoterKey
from smilesync.keys import Signer
from smilesync.wire import records
from smilesync.wire.messages import Carried, Feeling, Feelings, Hello, Message
from support.lab import MS_NS, SECOND_NS
from support.street import Filter, Street

FAR = Parameters(tolerance_us=120_000)
CALM, HIGH = EmotionState.CALM, EmotionState.HIGH


def _ring(size: int) -> Callable[[int, int], bool]:
    return lambda one, other: (one - other) % size in {1, 3, size - 1, size - 3}


def _street(
    size: int, members: int, *, passes: Filter = lambda source, to, message: True
) -> Street:
    return Street(size, members=members, linked=_ring(size), parameters=FAR, passes=passes)


def _share(street: Street, device: int, state: EmotionState) -> None:
    street.command(device, Feel(state))
    street.command(device, SetConsent(Switch.SHARE, on=True))


def _counts(street: Street, device: int) -> Counts:
    circle = street.peers[device].circle
    assert circle is not None
    return circle.counts


def _inputs(street: Street, device: int) -> Counts | None:
    circle = street.peers[device].circle
    assert circle is not None
    value = circle.chain.head().value
    assert value is not None
    return value.inputs


def _words(street: Street, since_ns: int = 0) -> list[tuple[int, int, int, Feeling]]:
    """Return when who sent whom which feeling."""
    return [
        (ns, source, to, one)
        for ns, source, to, message in street.sent
        if ns >= since_ns and isinstance(message, Feelings)
        for one in message.feelings
    ]


def _dropped(street: Street, device: int, message: Message, source: int) -> str:
    before = street.peers[device].dropped.copy()
    street.deliver(source, device, message)
    (rule,) = street.peers[device].dropped - before
    return rule


@pytest.mark.spec("INP-006", "INP-007", "INP-012", "INP-013")
def test_followers_far_from_every_voter_count_by_seats_at_each() -> None:
    street = _street(30, 7)
    for device in range(30):
        _share(street, device, CALM if device < 7 else HIGH)

    street.run(30)

    assert [_counts(street, voter) for voter in range(7)] == [(7, 0, 0, 0, 7)] * 7
    assert {_inputs(street, device) for device in range(30)} == {(5, 0, 0, 0, 5)}
    assert not sum((peer.dropped for peer in street.peers.values()), Counter())


@pytest.mark.spec("INP-006", "INP-012")
def test_where_everybody_hears_everybody_no_such_word_is_said() -> None:
    street = Street(7)
    for device in range(7):
        _share(street, device, HIGH)

    street.run(12)

    assert _words(street) == []
    assert {_counts(street, device) for device in range(7)} == {(0, 0, 0, 0, 7)}


@pytest.mark.spec("INP-012", "CNS-003")
@pytest.mark.parametrize("missing", [Switch.SHARE, Switch.COLLECTIVE])
def test_without_both_consents_nothing_is_said_and_nothing_counts(missing: Switch) -> None:
    street = _street(12, 7)
    for device in range(12):
        _share(street, device, HIGH)
        street.command(device, SetConsent(missing, on=False))

    street.run(20)

    assert _words(street) == []
    assert {_counts(street, voter) for voter in range(7)} == {(0, 0, 0, 0, 0)}


@pytest.mark.spec("EMO-010", "INP-012")
def test_an_emotion_that_was_said_to_neighbours_goes_no_further() -> None:
    street = _street(12, 7)
    _share(street, 9, HIGH)

    street.run(20)

    said = [(source, to) for _, source, to, one in street.sent if isinstance(one, Carried)]
    assert said
    assert all(source == 9 and _ring(12)(9, to) for source, to in said)
    assert all(one.signer == street.identities[9] for *_, one in _words(street))


@pytest.mark.spec("INP-016", "CNS-006")
@pytest.mark.parametrize("switch", [Switch.SHARE, Switch.COLLECTIVE])
def test_a_withdrawal_reaches_every_voter_in_the_time_that_the_hops_take(switch: Switch) -> None:
    street = _street(30, 7)
    for device in range(30):
        _share(street, device, HIGH)
    street.run(30)

    for device in range(7, 30):
        street.command(device, SetConsent(switch, on=False))
    street.run(0.2)

    assert [_counts(street, voter) for voter in range(7)] == [(0, 0, 0, 0, 7)] * 7
    street.run(20)
    assert [_counts(street, voter) for voter in range(7)] == [(0, 0, 0, 0, 7)] * 7


@pytest.mark.spec("INP-016")
def test_a_withdrawal_is_said_again_at_doubling_times_with_new_sequences() -> None:
    street = _street(9, 4)
    _share(street, 8, HIGH)
    street.run(20)

    begin_ns = street.now_ns
    street.command(8, SetConsent(Switch.SHARE, on=False))
    street.run(60)

    mine = [(ns, one) for ns, source, _, one in _words(street, begin_ns) if source == 8]
    times = sorted({(ns - begin_ns) // SECOND_NS for ns, one in mine if one.state is None})
    assert times == [0, 1, 3, 7, 15]
    assert len({one.sequence for _, one in mine}) == 5
    assert all(one.state is None for _, one in mine)


@pytest.mark.spec("INP-016")
def test_who_allows_it_again_says_the_word_again_and_no_more_withdrawals() -> None:
    street = _street(9, 4)
    _share(street, 8, HIGH)
    street.run(20)
    street.command(8, SetConsent(Switch.SHARE, on=False))
    street.run(0.5)

    begin_ns = street.now_ns
    street.command(8, SetConsent(Switch.SHARE, on=True))
    street.run(20)

    mine = [one for _, source, _, one in _words(street, begin_ns) if source == 8]
    assert {one.state for one in mine} == {HIGH}
    assert [_counts(street, voter)[HIGH] for voter in range(4)] == [1] * 4


@pytest.mark.spec("INP-016")
def test_what_is_taken_back_does_not_leave_with_the_next_batch() -> None:
    street = _street(9, 4)
    street.run(15)
    _share(street, 8, HIGH)
    street.run(0.1)
    waiting = {source for _, source, _, one in _words(street)}

    begin_ns = street.now_ns
    street.command(8, SetConsent(Switch.SHARE, on=False))
    street.run(0.1)
    after_ns = street.now_ns
    street.run(0.8)

    assert waiting == {8}
    assert {source for _, source, _, one in _words(street, begin_ns) if one.state is None} > {8}
    assert all(one.state is None for *_, one in _words(street, after_ns))


@pytest.mark.spec("INP-013")
def test_decision_that_changes_no_voter_costs_no_word_and_sends_none_twice() -> None:
    """The state of a circle changes often, by its lots and by who waits; its voters seldom."""
    street = _street(9, 4)
    street.run(20)
    circle = street.peers[5].circle
    assert circle is not None
    word = sign(street.pairs[8][0], circle.roster.circle, 7, CALM, street.circle_us(5))
    word = word._replace(voters=0b1111)

    street.deliver(8, 5, Feelings((word,)))
    changed = State(struck=(street.identities[7],))
    circle.members.around = replace(circle.around, state=changed)
    street.run(0.5)

    passed = [one.voters for _, source, _, one in _words(street) if source == 5]
    assert sum(passed) == 0b1111, "once for each voter"
    street.deliver(4, 5, Feelings((word,)))
    street.run(0.5)
    assert len([one for _, source, _, one in _words(street) if source == 5]) == len(passed)


@pytest.mark.spec("INP-012", "EMO-004", "EMO-005")
def test_words_carry_sequences_of_the_wearer_and_a_time_that_is_reserved() -> None:
    street = _street(9, 4)
    street.run(15)

    local_ns = street.local_ns(8)
    effects = street.peers[8].command(Feel(HIGH), local_ns)
    effects += street.peers[8].command(SetConsent(Switch.SHARE, on=True), local_ns)

    said = [one for one in effects if isinstance(one, Send)]
    kept = [records.decode(one.record) for one in effects if isinstance(one, Persist)]
    numbers = [record.below for record in kept if isinstance(record, records.SequenceReserved)]
    words = {e.message.feelings[0].sequence for e in said if isinstance(e.message, Feelings)}
    assert words == {1}
    assert numbers == [1024]
    first = next(place for place, one in enumerate(effects) if isinstance(one, Send))
    assert not [one for one in effects[first:] if isinstance(one, Persist)]


@pytest.mark.spec("INP-012")
def test_a_word_is_said_again_in_time_and_never_too_often() -> None:
    street = _street(9, 4)
    _share(street, 8, HIGH)
    street.run(10)
    street.command(8, Feel(CALM))
    street.run(0.1)
    street.command(8, Feel(HIGH))
    street.run(60)

    times = sorted({ns for ns, source, _, one in _words(street) if source == 8})
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps) >= 2 * SECOND_NS - MS_NS
    assert max(gaps) <= 14 * SECOND_NS + MS_NS


@pytest.mark.spec("INP-012")
def test_who_lost_the_clock_says_nothing_but_may_take_back() -> None:
    deaf: set[int] = set()
    street = _street(9, 4, passes=lambda source, to, message: to not in deaf)
    _share(street, 8, HIGH)
    street.run(20)
    deaf.add(8)
    street.run(20)
    assert not street.peers[8].clock.is_synced

    begin_ns = street.now_ns
    street.run(20)
    assert not [one for _, source, _, one in _words(street, begin_ns) if source == 8]
    street.command(8, SetConsent(Switch.SHARE, on=False))
    withdrawn = [one for _, source, _, one in _words(street, begin_ns) if source == 8]
    assert withdrawn
    assert {one.state for one in withdrawn} == {None}


@pytest.mark.spec("INP-013")
def test_feelings_of_a_neighbour_that_is_no_partner_are_refused() -> None:
    street = Street(2, members=2)
    street.run(3)

    word = Feeling(1, street.identities[0], 1, 0, 5, bytes(64))

    assert _dropped(street, 1, Feelings((word,)), 0) == "INP-013"


@pytest.mark.spec("INP-017")
def test_what_a_partner_passes_on_too_fast_is_refused_and_withdrawals_are_counted_apart() -> None:
    street = _street(9, 4)
    street.run(15)
    circle = street.genesis
    assert circle is not None
    word = Feeling(1, street.identities[8], 0, 0, 0, bytes(64))  # its own: it costs nothing else

    for _ in range(32):
        street.deliver(7, 8, Feelings((word,) * 8))
    assert not street.peers[8].dropped
    assert _dropped(street, 8, Feelings((word,)), 7) == "INP-017"
    taken_back = _withdrawal(street.pairs[3][0], circle.circle_id)
    begin_ns = street.now_ns
    street.deliver(7, 8, Feelings((taken_back,)))
    assert taken_back.signer in {one.signer for *_, one in _words(street, begin_ns)}
    street.now_ns += SECOND_NS
    street.deliver(7, 8, Feelings((word,)))
    assert street.peers[8].dropped == {"INP-017": 1}


def _withdrawal(signer: Signer, circle: CircleId) -> Feeling:
    return sign(signer, circle, 99, None, 2**50)._replace(voters=0b1111)


@pytest.mark.spec("INP-014")
def test_the_own_word_that_comes_back_is_not_taken() -> None:
    street = _street(9, 4)
    _share(street, 8, HIGH)
    street.run(20)
    mine = next(one for _, source, _, one in _words(street) if source == 8)

    begin_ns = street.now_ns
    street.deliver(7, 8, Feelings((mine,)))

    assert _words(street, begin_ns) == []


@pytest.mark.spec("INP-013")
def test_a_batch_does_not_go_to_who_has_left() -> None:
    street = _street(9, 4)
    street.run(15)
    _share(street, 8, HIGH)
    street.run(0.1)
    for device in range(9):
        for other in list(street.peers[device].relays.partners.known):
            effects = street.peers[device].disconnected(other, street.local_ns(device))
            assert not [one for one in effects if isinstance(one, Send)]
    begin_ns = street.now_ns
    street.run(0.5)

    assert _words(street, begin_ns) == []


@pytest.mark.spec("INP-016", "CNS-003")
def test_who_leaves_the_circle_takes_back_what_it_said() -> None:
    street = _street(9, 4)
    _share(street, 8, HIGH)
    street.run(20)

    begin_ns = street.now_ns
    street.command(8, Leave(is_now=False))
    street.run(1)

    assert {one.state for _, source, _, one in _words(street, begin_ns) if source == 8} == {None}
    assert [_counts(street, voter)[HIGH] for voter in range(4)] == [0] * 4


@pytest.mark.spec("INP-006", "SPR-020")
def test_a_voter_counts_words_as_soon_as_somebody_follows() -> None:
    late, is_there = 7, [False]
    street = Street(
        8,
        members=7,
        linked=lambda one, other: is_there[0] or late not in {one, other},
        parameters=FAR,
    )
    street.stop(late)
    for device in range(7):
        _share(street, device, HIGH)
    street.run(10)
    assert not _words(street)

    is_there[0] = True
    street.start(late)
    street.run(20)

    assert [m for _, source, _, m in street.sent if isinstance(m, Hello)]
    assert _words(street)
    assert {_counts(street, voter) for voter in range(7)} == {(0, 0, 0, 0, 7)}
    assert _inputs(street, 0) == (0, 0, 0, 0, 5)


@pytest.mark.spec("INP-006", "INP-007")
def test_who_waits_for_a_seat_counts_in_full_and_who_was_expelled_not_at_all() -> None:
    street = _street(30, 4)
    for device in range(4, 30):
        _share(street, device, HIGH if device < 20 else CALM)
    street.run(30)
    before = _counts(street, 0)
    circle = street.peers[0].circle
    assert circle is not None

    names = street.identities
    waiting = tuple(Waiting(Seat(VoterKey(bytes([n]) * 32), names[n]), 1) for n in (20, 21, 22))
    state = State(standby=waiting, expelled=tuple(names[4:11]), struck=tuple(names[11:20]))
    circle.members.around = replace(circle.around, state=state)
    street.command(0, Feel(CALM))

    assert before == (1, 0, 0, 0, 2), "26 by four seats"
    assert _counts(street, 0) == (3 + 4, 0, 0, 0, 0)


@pytest.mark.spec("INP-016")
def test_who_allows_it_again_without_a_clock_repeats_no_withdrawal() -> None:
    deaf: set[int] = set()
    street = _street(9, 4, passes=lambda source, to, message: to not in deaf)
    _share(street, 8, HIGH)
    street.run(20)
    deaf.add(8)
    street.run(20)
    street.command(8, SetConsent(Switch.SHARE, on=False))
    street.command(8, SetConsent(Switch.SHARE, on=True))

    begin_ns = street.now_ns + 1
    street.run(3)

    assert not street.peers[8].clock.is_synced
    assert not [one for _, source, _, one in _words(street, begin_ns) if source == 8]


@pytest.mark.spec("INP-011", "INP-018")
def test_partner_that_passes_on_a_forged_word_is_refused_for_a_while_and_no_other() -> None:
    street = _street(9, 4)
    street.run(15)
    circle = street.genesis
    assert circle is not None
    good = _withdrawal(street.pairs[3][0], circle.circle_id)
    forged = good._replace(signature=bytes(64))

    assert _dropped(street, 8, Feelings((forged,)), 7) == "INP-011"
    assert _dropped(street, 8, Feelings((good,)), 7) == "INP-018"
    street.deliver(6, 8, Feelings((good,)))
    assert street.peers[8].dropped["INP-018"] == 1


@pytest.mark.spec("INP-019")
def test_words_beyond_what_a_device_can_check_are_refused() -> None:
    street = _street(9, 4)
    street.run(15)
    circle = street.genesis
    assert circle is not None
    street.peers[8].crowd._toll = Toll(FeelingConfig(check_ns=10**15))
    words = [_withdrawal(street.pairs[who][0], circle.circle_id) for who in range(3)]

    for word in words[:2]:  # one of its own part, one of the common part
        street.deliver(7, 8, Feelings((word,)))
    assert not street.peers[8].dropped
    assert _dropped(street, 8, Feelings((words[2],)), 7) == "INP-019"
    street.deliver(7, 8, Feelings((words[0],)))
    assert street.peers[8].dropped == {"INP-019": 1}, "what is known costs nothing"
