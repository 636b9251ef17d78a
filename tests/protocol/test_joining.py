"""Whole devices that come, go, fall silent and come back, in circles of every policy."""

from dataclasses import replace
from itertools import pairwise

import pytest

from smilesync.circle.changes import Changes
from smilesync.circle.circle import Circle
from smilesync.circle.circumstances import NEVER_NS
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.petitions import invite_from_text, write_invite, write_leave
from smilesync.circle.roster import Seat
from smilesync.circle.witness import Witness
from smilesync.commands import Join, Leave, SetConsent, Switch
from smilesync.effects import Effect, Event, Notice, Rung
from smilesync.errors import LocalError
from smilesync.ids import CircleId, PeerId, VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.statistics import Statistics
from smilesync.wire import records
from smilesync.wire.messages import Carried, Clock, Hello, Message, Propose, Status, Want
from support.membership import faults
from support.street import Street

MINUTE_US = 60_000_000


def _street(size: int, members: int, policy: Policy = Policy.INVITE, loss: float = 0.0) -> Street:
    steward = bytes(32) if policy is Policy.STEWARD else None
    parameters = Parameters(policy=policy, steward=steward)
    return Street(size, members=members, parameters=parameters, loss=loss)


def _no_partners(_source: int, _to: int, message: Message) -> bool:
    return not isinstance(message, Hello)


def _assert_sound(street: Street) -> list[int]:
    """Return the size of the roster of every slot."""
    assert street.genesis is not None
    found, rosters = faults(street.genesis, street.journals, street.verifier)
    assert found == []
    return [len(roster) for roster in rosters]


def _invite(street: Street, by: int, guest: int | None = None) -> Carried:
    identity = street.identities[guest] if guest is not None else None
    word = street.peers[by].invitation(MINUTE_US, identity, street.local_ns(by))
    return invite_from_text(word, street.verifier)[1]


def _circle(street: Street, device: int) -> Circle:
    circle = street.peers[device].circle
    assert circle is not None
    return circle


def _voters(street: Street) -> list[int]:
    return [d for d in sorted(street.peers) if _statistics(street, d).is_voter]


def _statistics(street: Street, device: int) -> Statistics:
    return street.peers[device].statistics(street.local_ns(device))


def test_invited_device_waits_gets_a_seat_votes_and_shows() -> None:
    street = _street(2, 1)
    street.run(3)

    street.command(1, Join(_invite(street, 0)))
    street.run(30)

    assert _voters(street) == [0, 1]
    assert street.rungs() == [Rung.COMMITTED, Rung.COMMITTED]
    assert _assert_sound(street)[-1] == 2


@pytest.mark.spec("MEM-005", "MEM-012", "MEM-024", "MEM-025", "MEM-031", "INV-012")
def test_one_founder_grows_a_circle_of_seven_by_invitation() -> None:
    street = _street(7, 1, loss=0.1)
    street.run(3)

    for guest in range(1, 7):
        by = 0 if guest < 4 else 1
        street.command(guest, Join(_invite(street, by)))
        street.run(36)
        assert _voters(street) == list(range(guest + 1))

    assert street.rungs() == [Rung.COMMITTED] * 7
    assert sorted(set(_assert_sound(street))) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.spec("MEM-014", "MEM-030", "MEM-034", "MEM-035")
def test_fifth_voter_loses_its_seat_while_it_is_away_and_gets_it_back() -> None:
    street = _street(5, 5)
    street.run(5)

    street.stop(4)
    street.run(12)
    assert _voters(street) == [0, 1, 2, 3]
    assert len(_circle(street, 0).roster.identities) == 5, "not before T_abs has passed"
    shows = len(street.shows)
    street.run(25)
    assert len(_circle(street, 0).roster.identities) == 4
    street.start(4)
    street.run(40)

    assert _voters(street) == [0, 1, 2, 3, 4]
    assert street.rungs() == [Rung.COMMITTED] * 5
    assert _assert_sound(street)[-1] == 5
    dark = [s for _, d, s in street.shows[shows:] if d < 4 and s.rung not in (0, 1)]
    assert dark == [], "the light of the others stays on meanwhile"


@pytest.mark.spec("MEM-014")
def test_absence_never_leaves_a_circle_of_four_with_three() -> None:
    street = _street(4, 4)
    street.run(5)

    street.stop(3)
    street.run(60)

    assert _voters(street) == [0, 1, 2]
    assert street.rungs() == [Rung.COMMITTED] * 3
    assert set(_assert_sound(street)) == {4}


@pytest.mark.spec("MEM-035", "CIR-039")
def test_every_status_says_who_is_away_and_a_clock_takes_it_back() -> None:
    street = _street(5, 5)
    street.run(5)
    circle = _circle(street, 0)
    place = circle.roster.index_of[street.identities[4]]
    street.stop(4)
    street.passes = lambda source, to, message: not isinstance(message, Propose)
    street.run(13)
    before, number = len(street.sent), circle.slot.number
    asked = Status(number + 9, 1, (), question=7)

    street.deliver(1, 0, asked)

    said = [m for _, source, to, m in street.sent[before:] if (source, to) == (0, 1)]
    assert [m.away for m in said if isinstance(m, Status)] == [1 << place] * 2
    report = Clock(1, 0, 0, None, is_synced=False, wants_reply=False, away=1 << place)
    for device in (1, 2, 3):
        street.deliver(device, 0, report)
    now_ns = street.local_ns(0)
    assert circle.presence.agreed_away(1 << place, now_ns) == 1 << place
    street.deliver(1, 0, replace(report, stamp_us=2, away=0))
    street.deliver(2, 0, replace(report, stamp_us=2, away=0))
    assert circle.presence.agreed_away(1 << place, now_ns) == 0


@pytest.mark.spec("MEM-031", "MEM-034")
def test_somebody_who_waits_comes_in_before_the_absent_goes_out() -> None:
    street = _street(5, 4)
    street.run(3)
    street.command(4, Join(_invite(street, 0)))
    street.run(1)
    street.stop(3)

    street.run(90)

    assert _voters(street) == [0, 1, 2, 4]
    assert _assert_sound(street)[-1] == 4
    assert 5 in _assert_sound(street)


@pytest.mark.spec("INV-002", "INV-013", "MEM-013", "MEM-036", "MEM-037")
def test_who_leaves_is_dark_at_once_votes_on_and_forgets_its_key_when_it_is_out() -> None:
    street = _street(5, 5)
    street.is_renewing = False
    street.command(4, SetConsent(Switch.SHARE, True))
    street.run(5)
    assert _statistics(street, 0).emotions

    street.command(4, Leave(is_now=False))
    assert street.peers[4].scene.rung > Rung.HOLD
    assert _voters(street) == [0, 1, 2, 3, 4]
    street.run(1)
    assert _statistics(street, 0).emotions == ()
    street.run(40)

    assert _voters(street) == [0, 1, 2, 3]
    assert street.erased == [4]
    assert _assert_sound(street)[-1] == 4
    street.stop(4)
    street.start(4)
    street.run(20)
    assert _voters(street) == [0, 1, 2, 3], "the old key never votes again"
    with pytest.raises(LocalError, match="never vote again"):
        street.command(4, Join(None))


@pytest.mark.spec("MEM-037")
def test_who_leaves_now_forgets_its_key_at_once() -> None:
    street = _street(5, 5)
    street.run(5)

    street.command(4, Leave(is_now=True))

    assert street.erased == [4]
    _assert_left(street, 4)
    street.run(40)
    assert len(_circle(street, 0).roster.identities) == 4
    assert _assert_sound(street)[-1] == 4


def _assert_left(street: Street, device: int) -> None:
    """It left by choice, and says so; its memory is well."""
    assert not _statistics(street, device).is_amnesic
    told = [notice.event for _, who, notice in street.notices if who == device]
    assert told.count(Event.CIRCLE_LEFT) == 1
    assert Event.AMNESIC not in told


@pytest.mark.spec("PTN-005", "MEM-036", "MEM-037")
def test_who_leaves_a_closed_circle_is_dark_and_votes_on_because_the_seat_cannot_go() -> None:
    """Four of five must vote: with the key erased one more absence stopped the others for ever."""
    street = _street(5, 5, Policy.CLOSED)
    street.run(5)

    street.command(4, Leave(is_now=False))
    street.run(20)

    assert street.erased == []
    assert street.peers[4].scene.rung > Rung.HOLD
    assert _voters(street) == [0, 1, 2, 3, 4]
    assert not any(isinstance(m, Carried) and m.kind == 10 for _, _, _, m in street.sent)
    street.stop(3)
    street.run(20)
    assert [street.peers[device].scene.rung for device in (0, 1, 2)] == [Rung.COMMITTED] * 3
    street.command(4, SetConsent(Switch.COLLECTIVE, True))
    street.run(10)
    assert street.peers[4].scene.rung is Rung.COMMITTED, "it may come back"
    street.command(4, Leave(is_now=True))
    assert street.erased == [4], "its wearer's key is its wearer's"
    _assert_left(street, 4)


@pytest.mark.spec("MEM-037")
def test_who_lingers_does_so_for_two_slots_at_most() -> None:
    street = _street(2, 2)
    street.run(5)
    street.passes = lambda source, to, message: not isinstance(message, Carried)

    street.command(1, Leave(is_now=False))
    street.run(60)

    assert street.erased == [1]
    assert _voters(street) == [0]


@pytest.mark.spec("MEM-016", "MEM-019", "INV-006")
def test_whoever_stays_in_an_open_circle_gets_a_seat_after_five_minutes() -> None:
    street = _street(2, 1, Policy.OPEN)
    street.run(3)

    street.command(1, Join(None))
    street.run(290)
    assert _voters(street) == [0]
    street.run(60)

    assert _voters(street) == [0, 1]
    assert _assert_sound(street)[-1] == 2
    with pytest.raises(LocalError, match="invite"):
        _invite(street, 0)


@pytest.mark.spec("MEM-010", "INV-010")
def test_closed_circle_takes_nobody_and_changes_nothing() -> None:
    street = _street(6, 5, Policy.CLOSED)
    street.run(5)
    with pytest.raises(LocalError, match="closed"):
        street.command(5, Join(None))
    stray = write_invite(street.pairs[0][0], 1, _circle(street, 0).roster.circle)
    street.deliver(5, 0, Carried(8, stray.signer, stray.body, stray.signature))
    assert _statistics(street, 0).dropped == (("INV-010", 1),)

    street.stop(4)
    street.run(60)

    assert set(_assert_sound(street)) == {5}
    assert _voters(street) == [0, 1, 2, 3]


def test_wishes_that_cannot_be_granted_say_why() -> None:
    street = _street(3, 2)
    lonely = Street(1, members=0)
    with pytest.raises(LocalError, match="synchronised"):
        _invite(street, 0)
    street.run(3)

    with pytest.raises(LocalError, match="has a seat"):
        street.command(0, Join(None))
    with pytest.raises(LocalError, match="genesis"):
        lonely.command(0, Join(None))
    with pytest.raises(LocalError, match="genesis"):
        lonely.command(0, Leave(is_now=True))
    with pytest.raises(LocalError, match="invite"):
        _invite(street, 2)


@pytest.mark.spec("MEM-023")
def test_circle_that_lost_all_power_wakes_with_the_roster_it_had() -> None:
    street = _street(5, 1)
    street.run(3)
    for guest in (1, 2, 3):
        street.command(guest, Join(_invite(street, 0)))
    street.run(120)
    assert _voters(street) == [0, 1, 2, 3]

    for device in range(5):
        street.stop(device)
    street.run(20)
    for device in range(5):
        street.start(device)
    street.run(30)

    assert _voters(street) == [0, 1, 2, 3]
    assert street.rungs() == [Rung.COMMITTED] * 5
    assert _assert_sound(street)[-1] == 4
    assert not any(n.event is Event.AMNESIC for _, _, n in street.notices)


def _silent_addition(street: Street) -> int:
    """D5: n = 4, B silent; the three add a fifth voter that never speaks. Returns slots since."""
    street.run(3)
    street.command(4, Join(_invite(street, 0)))
    members = [_circle(street, device).members for device in (0, 1, 2)]
    while not all(one.standby for one in members):
        street.run(0.1)
    for gone in (3, 4):
        street.stop(gone)
    street.run(8)
    before = _statistics(street, 0).decided_slot
    state = members[0].around.state
    assert state is not None
    changes = Changes(added=(state.standby[0].seat,))
    for one in members:
        one.changes = lambda *_: changes  # type: ignore[method-assign]  # a leader's fault
    street.run(60)
    return _statistics(street, 0).decided_slot - before


@pytest.mark.spec("MEM-031")
def test_fifth_voter_that_never_speaks_is_not_seated_by_three_of_four() -> None:
    street = _street(5, 4)

    _silent_addition(street)
    for device in (0, 1, 2):
        del _circle(street, device).members.changes
    street.run(30)

    assert set(_assert_sound(street)) == {4}
    assert street.rungs() == [Rung.COMMITTED] * 3, "and the circle lives"


@pytest.mark.spec("MEM-031")
def test_without_that_rule_the_circle_stalls_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Witness, "hears_quorum_of", lambda *_: True)
    street = _street(5, 4)

    assert _silent_addition(street) == 1
    assert _circle(street, 0).roster.size == 5


@pytest.mark.spec("INV-016")
def test_petitions_of_a_stranger_come_too_fast_and_are_refused() -> None:
    parameters = Parameters(policy=Policy.INVITE)
    street = Street(3, members=2, parameters=parameters, passes=_no_partners)
    street.run(3)
    petition = write_leave(street.pairs[2][0], bytes(32), _circle(street, 0).roster.circle)

    for source in (2, 2, 1, 1):
        street.deliver(source, 0, petition)

    assert _statistics(street, 0).dropped == (("INV-013", 3), ("INV-016", 1))


@pytest.mark.spec("INV-010")
def test_device_without_a_circle_ignores_petitions() -> None:
    street = Street(2, members=0)
    stray = write_invite(street.pairs[1][0], 1, CircleId(bytes(32)))

    street.deliver(1, 0, Carried(10, stray.signer, stray.body, stray.signature))

    assert _statistics(street, 0).dropped == ()


@pytest.mark.spec("MEM-020", "MEM-021", "MEM-023", "CIR-021")
def test_voter_that_missed_changes_fetches_what_it_needs_to_vote_again() -> None:
    street = _street(7, 5)
    street.run(3)
    street.command(5, Join(_invite(street, 0)))
    street.run(30)
    street.stop(4)
    street.command(6, Join(_invite(street, 1)))
    street.run(60)
    assert _voters(street) == [0, 1, 2, 3, 5, 6]

    street.start(4)
    street.run(60)

    assert _voters(street) == [0, 1, 2, 3, 4, 5, 6]
    circles = [_circle(street, device) for device in range(7)]
    assert len({circle.chain.state.encode() for circle in circles if circle.chain.state}) == 1
    assert all(circle.chain.state is not None for circle in circles)
    assert len(_assert_sound(street)) > 10
    street.stop(4)
    street.start(4)
    assert _circle(street, 4).chain.state == circles[0].chain.state


def test_device_that_must_not_vote_again_cannot_join() -> None:
    street = _street(2, 1)
    street.journals[1].append(records.encode(records.Amnesia()))
    street.stop(1)
    street.start(1)

    with pytest.raises(LocalError, match="never vote again"):
        street.command(1, Join(None))


@pytest.mark.spec("MEM-012", "MEM-014", "MEM-030")
def test_a_batch_of_absentees_goes_in_one_slot_and_comes_back_step_by_step() -> None:
    street = _street(12, 12)
    street.run(6)

    for gone in (9, 10, 11):
        street.stop(gone)
    street.run(32)
    sizes = _assert_sound(street)
    assert sizes[-1] == 9
    assert [b - a for a, b in pairwise(sizes) if b != a] == [-3], "three of twelve at once"
    for back in (9, 10, 11):
        street.start(back)
    street.run(60)

    sizes = _assert_sound(street)
    assert sizes[-1] == 12
    assert all(b - a <= max(1, a // 4) for a, b in pairwise(sizes))
    assert street.rungs() == [Rung.COMMITTED] * 12


@pytest.mark.spec("CIR-054", "MEM-037", "INV-002", "INV-013")
def test_device_that_lost_its_memory_comes_back_with_another_key() -> None:
    street = _street(5, 5)
    street.run(5)
    street.stop(4)
    street.journals[4] = [records.encode(records.Amnesia())]
    street.start(4)
    street.run(5)
    assert _statistics(street, 4).is_amnesic

    street.command(4, Leave(is_now=False))
    street.run(20)
    assert street.erased == [4]
    assert len(_circle(street, 0).roster.identities) == 4
    street.stop(4)
    street.pairs[4] = (street.pairs[4][0], Ed25519Signer(b"new key!" * 4))
    street.journals[4] = []
    street.start(4)
    street.run(5)
    street.command(4, Join(_invite(street, 0)))
    street.run(40)

    assert _voters(street) == [0, 1, 2, 3, 4]
    assert not _statistics(street, 4).is_amnesic
    assert _assert_sound(street)[-1] == 5


@pytest.mark.spec("MEM-025")
def test_new_voter_whose_clock_nobody_could_read_darkens_the_light_and_stops_nobody() -> None:
    street = _street(2, 1)
    street.run(3)
    street.passes = lambda source, to, message: not isinstance(message, Clock) or source != 1
    street.command(1, Join(_invite(street, 0)))

    while _circle(street, 0).roster.size < 2:
        street.deliver(1, 0, Want(0))
        street.run(1)

    assert not _statistics(street, 0).is_synced
    assert street.peers[0].scene.rung > Rung.HOLD
    street.passes = lambda source, to, message: True
    street.run(20)
    assert street.rungs() == [Rung.COMMITTED] * 2


@pytest.mark.spec("MEM-025")
def test_roster_that_changes_while_a_timer_runs_starves_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The new voter is adopted inside `wake`, and nobody has ever read its clock."""
    street = _street(2, 1)
    street.run(3)
    circle, peer = _circle(street, 0), street.peers[0]
    larger = circle.roster.changed(0, [Seat(VoterKey(b"n" * 32), PeerId(b"n" * 32))])

    def wake(now_ns: int) -> list[Effect]:
        circle.members.around = circle.around.under(larger, circle.around.state)
        is_due.clear()
        return []

    monkeypatch.setattr(circle, "wake", wake)
    is_due = [True]
    monkeypatch.setattr(circle, "deadline_ns", lambda: 0 if is_due else NEVER_NS)
    effects = peer.wake(peer.next_wake_ns())

    assert not peer.clock.is_synced
    assert any(isinstance(e, Notice) and e.event is Event.CLOCK_LOST for e in effects)


@pytest.mark.spec("INV-018")
def test_a_leave_that_nobody_heard_is_said_again_until_the_seat_is_gone() -> None:
    street = Street(5, members=5, parameters=Parameters(policy=Policy.INVITE))
    street.run(8)
    street.passes = lambda source, to, message: source != 4

    street.command(4, Leave(is_now=True))
    street.run(1)
    street.passes = lambda source, to, message: True
    street.run(60)

    circle = street.peers[0].circle
    assert circle is not None
    assert street.identities[4] not in circle.roster.index_of
