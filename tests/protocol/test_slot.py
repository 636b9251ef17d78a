"""One slot, one voter, everything else played by the test: rules R0 to R7, V2 and V3."""

from dataclasses import replace

import pytest

from smilesync.circle.circumstances import NEVER_NS, TICK_NS, Moment
from smilesync.circle.quorum import VoteKey, value_hash
from smilesync.circle.slot import Slot
from smilesync.circle.validity import Head
from smilesync.circle.value import NO_PREVIOUS, named
from smilesync.effects import Effect, Event, Notice, Persist, Send
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import ValueHash
from smilesync.wire import records
from smilesync.wire.messages import (
    Body,
    CertificateName,
    CircleMessage,
    Propose,
    VoteKind,
    Votes,
    VoteSet,
)
from smilesync.wire.records import Finalized, Notarized, Nullified
from support.lab import MS_NS, Lab, votes_in

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
LAB = Lab(4, silent=frozenset(range(4)))
FIRST, SECOND, THIRD, LAST = (LAB.leader(view) for view in (1, 2, 3, 4))
"""Who leads views 1 to 4 of slot 1."""
BODY, OTHER = LAB.value(1).encode(), LAB.value(2).encode()
VALUE, OTHER_VALUE = value_hash(BODY), value_hash(OTHER)
GENESIS = Head(0, NO_PREVIOUS, 0, None)
ALL = (0, 1, 2, 3)


def _moment(
    ms: int = 0, *, synced: bool = True, absent: int = 0, may_vote: bool = True, late_us: int = 0
) -> Moment:
    circle_us = LAB.true_us + ms * 1_000 + late_us
    return Moment(ms * MS_NS, circle_us if synced else None, absent, may_vote)


def _open(me: int, ms: int = 0) -> Slot:
    slot = Slot(LAB.circumstances(me), GENESIS)
    assert slot.begin(_moment(ms)) == []
    return slot


def _others(me: int, count: int = 3) -> tuple[int, ...]:
    return tuple(member for member in ALL if member != me)[:count]


def _hear(slot: Slot, members: tuple[int, ...], key: VoteKey, ms: int = 0) -> list[Effect]:
    return _take(slot, [LAB.votes(members, key)], _moment(ms))


def _take(slot: Slot, sets: list[VoteSet], moment: Moment) -> list[Effect]:
    effects, has_news = slot.handle_votes(sets)
    return effects + slot.progress(moment) if has_news else effects


def _cast(effects: list[Effect]) -> list[VoteKey]:
    """Return the votes sent, and check that each was written before, and went to all others."""
    written: list[VoteKey] = []
    sent: dict[VoteKey, int] = {}
    for effect in effects:
        match effect:
            case Persist(data):
                match records.decode(data):
                    case Notarized(_, view, value, _):
                        written.append((N, view, value))
                    case Nullified(_, view):
                        written.append((X, view, None))
                    case Finalized(_, view, value, _):
                        written.append((F, view, value))
            case Send(_, Propose() | Votes() as message):
                for (_, key), _ in votes_in(message, LAB):
                    assert key in written
                    sent[key] = sent.get(key, 0) + 1
    assert all(count == 3 for count in sent.values())
    return list(sent)


def _timeouts_ms(slot: Slot, until_view: int) -> list[int]:
    """Let every view of the slot be nullified by its timer; return how long each waited."""
    waited, now_ms = [], 0
    while slot.view < until_view:
        deadline_ms = -(-slot.deadline_ns() // MS_NS)
        waited.append(deadline_ms - now_ms)
        now_ms = deadline_ms
        view = slot.view
        slot.wake(_moment(now_ms, synced=False))
        _take(slot, [LAB.votes(ALL[:3], (X, view, None))], _moment(now_ms, synced=False))
    return waited


@pytest.mark.spec("CIR-017", "CIR-050")
def test_first_valid_proposal_of_the_leader_is_notarized() -> None:
    slot = _open(SECOND)

    effects = slot.handle_propose(LAB.proposal(FIRST, BODY), _moment())

    assert _cast(effects) == [(N, 1, VALUE)]
    first = effects[0]
    assert isinstance(first, Persist)
    assert records.decode(first.record) == Notarized(1, 1, VALUE, BODY)
    assert slot.handle_propose(LAB.proposal(FIRST, BODY), _moment()) == []


@pytest.mark.spec("CIR-017")
def test_only_the_leader_of_the_view_proposes() -> None:
    slot = _open(SECOND)

    with pytest.raises(Unauthentic) as caught:
        slot.handle_propose(LAB.proposal(THIRD, BODY), _moment())

    assert caught.value.rule == "CIR-033"
    assert slot.proposals == {}
    assert slot.bodies == {}


@pytest.mark.spec("CIR-017")
def test_second_value_of_one_view_is_told_and_never_voted_for() -> None:
    slot = _open(SECOND)
    slot.handle_propose(LAB.proposal(FIRST, BODY), _moment())

    effects = slot.handle_propose(LAB.proposal(FIRST, OTHER), _moment())

    assert effects == [Notice(Event.EQUIVOCATION_SEEN, LAB.roster.identities[FIRST])]
    assert slot.value_of_view(1) == VALUE
    assert OTHER_VALUE not in slot.bodies


@pytest.mark.spec("CIR-017", "CIR-033")
def test_nobody_is_accused_by_a_forged_second_value() -> None:
    slot = _open(SECOND)
    slot.handle_propose(LAB.proposal(FIRST, BODY), _moment())
    forged = replace(LAB.proposal(FIRST, OTHER), signature=LAB.sign(THIRD, (N, 1, OTHER_VALUE)))

    with pytest.raises(Unauthentic):
        slot.handle_propose(forged, _moment())


@pytest.mark.spec("CIR-033", "CIR-038")
def test_proposal_is_verified_even_when_the_leaders_vote_is_held() -> None:
    slot = _open(SECOND)
    _hear(slot, (FIRST,), (N, 1, VALUE))

    with pytest.raises(Unauthentic):
        slot.handle_propose(Propose(1, 1, BODY, bytes(64)), _moment())

    assert slot.proposals == {}, "what is kept is sent on to others"


@pytest.mark.spec("CIR-023")
def test_hints_of_a_relay_are_neither_believed_nor_sent_on() -> None:
    slot = _open(SECOND)
    hints = (CertificateName(X, 7, None),) * 9

    effects = slot.handle_propose(
        replace(LAB.proposal(FIRST, BODY), carried_view=5, certificates=hints), _moment()
    )

    assert _cast(effects) == [(N, 1, VALUE)]
    assert slot.proposals[1] == LAB.proposal(FIRST, BODY)


@pytest.mark.spec("CIR-031")
@pytest.mark.parametrize("view", [0, 10])
def test_proposal_of_a_view_out_of_range_is_refused(view: int) -> None:
    slot = _open(SECOND)

    with pytest.raises(Unwelcome) as caught:
        slot.handle_propose(replace(LAB.proposal(FIRST, BODY), view=view), _moment())

    assert caught.value.rule == "CIR-031"


@pytest.mark.spec("CIR-010")
def test_proposal_of_no_value_is_refused() -> None:
    with pytest.raises(Malformed):
        _open(SECOND).handle_propose(Propose(1, 1, b"\x01", bytes(64)), _moment())


@pytest.mark.spec("CIR-017", "CIR-031")
def test_proposal_of_a_later_view_waits_for_that_view() -> None:
    slot = _open(FIRST)
    assert slot.handle_propose(LAB.proposal(SECOND, BODY, view=2), _moment()) == []

    effects = _hear(slot, _others(FIRST), (X, 1, None))

    assert slot.view == 2
    assert _cast(effects) == [(N, 2, VALUE)]


@pytest.mark.spec("CIR-018", "CIR-050")
def test_notarization_is_finalized_with_its_certificate_on_record() -> None:
    slot = _open(SECOND)

    effects = _hear(slot, (FIRST, THIRD, LAST), (N, 1, VALUE))

    assert _cast(effects) == [(F, 1, VALUE)]
    first = effects[0]
    assert isinstance(first, Persist)
    certificate = LAB.votes((FIRST, THIRD, LAST), (N, 1, VALUE))
    assert records.decode(first.record) == Finalized(1, 1, VALUE, certificate)
    assert slot.view == 2


@pytest.mark.spec("CIR-046")
def test_nothing_short_of_a_notarization_is_finalized() -> None:
    slot = _open(SECOND)

    assert _cast(_hear(slot, (FIRST, THIRD), (N, 1, VALUE))) == []
    assert _cast(_hear(slot, (FIRST, LAST), (N, 1, OTHER_VALUE))) == []
    assert _cast(_hear(slot, (FIRST, THIRD), (N, 2, VALUE))) == []
    assert _cast(_hear(slot, (FIRST, THIRD), (F, 1, VALUE))) == []
    assert _cast(_hear(slot, (LAST,), (N, 1, VALUE))) == [(F, 1, VALUE)]


@pytest.mark.spec("CIR-018", "CIR-019")
def test_notarization_of_a_past_view_is_finalized_unless_it_was_nullified() -> None:
    slot = _open(LAST)
    slot.wake(_moment(500))
    assert (X, 1, None) in slot.own
    _hear(slot, (FIRST, SECOND, THIRD), (X, 1, None), 500)
    _hear(slot, (FIRST, SECOND, THIRD), (X, 2, None), 500)

    assert _cast(_hear(slot, (FIRST, SECOND, THIRD), (N, 2, VALUE), 500)) == [(F, 2, VALUE)]
    assert _cast(_hear(slot, (FIRST, SECOND, THIRD), (N, 1, OTHER_VALUE), 500)) == []
    assert slot.view == 3


@pytest.mark.spec("CIR-017", "CIR-018")
def test_voter_that_nullified_may_still_notarize_and_then_not_finalize() -> None:
    slot = _open(SECOND)
    assert _cast(slot.wake(_moment(500))) == [(X, 1, None)]

    effects = slot.handle_propose(LAB.proposal(FIRST, BODY), _moment(510))
    effects += _hear(slot, (THIRD,), (N, 1, VALUE), 520)

    assert _cast(effects) == [(N, 1, VALUE)]
    assert slot.book.notarized(1) == VALUE


@pytest.mark.spec("CIR-018")
def test_voter_that_finalized_does_not_nullify() -> None:
    slot = _open(SECOND)
    slot.restore([Finalized(1, 1, VALUE, LAB.votes((FIRST, THIRD, LAST), (N, 1, VALUE)))])
    slot.view = 1

    assert _cast(slot.wake(_moment(500))) == []


@pytest.mark.spec("CIR-014")
def test_view_timers_grow_by_half_up_to_two_seconds() -> None:
    slot = _open(SECOND)

    assert _timeouts_ms(slot, 8) == [500, 750, 1125, 1688, 2000, 2000, 2000]


@pytest.mark.spec("CIR-014")
def test_absent_leader_is_not_waited_for() -> None:
    slot = Slot(LAB.circumstances(SECOND), GENESIS)
    absent = 1 << FIRST
    slot.begin(_moment(absent=absent))

    assert slot.deadline_ns() == TICK_NS
    assert _cast(slot.wake(_moment(1, absent=absent))) == [(X, 1, None)]


@pytest.mark.spec("CIR-019")
def test_timer_alone_opens_no_view_and_fires_once() -> None:
    slot = _open(SECOND)

    assert _cast(slot.wake(_moment(500))) == [(X, 1, None)]
    assert slot.view == 1
    assert slot.deadline_ns() == NEVER_NS
    assert slot.wake(_moment(5_000)) == []


@pytest.mark.spec("CIR-019")
@pytest.mark.parametrize("kind", [N, X])
def test_fewer_than_a_quorum_open_no_view(kind: VoteKind) -> None:
    slot = _open(SECOND)
    value = VALUE if kind is N else None

    _hear(slot, (FIRST, THIRD), (kind, 1, value))
    assert slot.view == 1
    _hear(slot, (LAST,), (kind, 1, value))
    assert slot.view == 2


@pytest.mark.spec("CIR-019")
def test_certificate_of_a_later_view_is_jumped_to_and_of_an_earlier_one_not() -> None:
    slot = _open(SECOND)

    _hear(slot, (FIRST, THIRD, LAST), (X, 5, None))
    assert slot.view == 6
    _hear(slot, (FIRST, THIRD, LAST), (X, 3, None))
    assert slot.view == 6


@pytest.mark.spec("CIR-020")
def test_own_vote_that_completes_a_quorum_counts_at_once() -> None:
    slot = _open(SECOND)
    _hear(slot, (FIRST, THIRD), (X, 1, None))

    slot.wake(_moment(500))

    assert slot.book.is_nullified(1)
    assert slot.view == 2
    assert slot.is_turn, "the new leader need not wait for another event"
    assert slot.deadline_ns() > 500 * MS_NS


@pytest.mark.spec("CIR-020")
def test_own_votes_count_again_after_a_restart() -> None:
    slot = Slot(LAB.circumstances(THIRD), GENESIS)
    slot.restore([Notarized(1, 1, VALUE, BODY), Nullified(1, 2), Nullified(9, 1)])

    assert slot.book.has((N, 1, VALUE), THIRD)
    assert slot.book.has((X, 2, None), THIRD)
    assert len(slot.own) == 2
    slot.begin(_moment())
    _hear(slot, (FIRST, SECOND), (N, 1, VALUE))

    assert slot.book.notarized(1) == VALUE
    assert slot.bodies[VALUE].body == BODY


@pytest.mark.spec("CIR-050", "CIR-020")
def test_journaled_finalize_brings_its_certificate_back() -> None:
    certificate = LAB.votes((FIRST, SECOND, THIRD), (N, 1, VALUE))
    slot = Slot(LAB.circumstances(THIRD), GENESIS)
    slot.restore([Notarized(1, 1, VALUE, BODY), Finalized(1, 1, VALUE, certificate)])

    slot.begin(_moment())

    assert slot.book.certificate((N, 1, VALUE)) == certificate
    assert slot.view == 2


@pytest.mark.spec("CIR-038", "CIR-020")
def test_restarted_leader_shows_its_journaled_proposal_again() -> None:
    slot = Slot(LAB.circumstances(FIRST), GENESIS)

    slot.restore([Notarized(1, 1, VALUE, BODY)])

    assert slot.proposals == {1: LAB.proposal(FIRST, BODY)}
    slot.begin(_moment())
    assert not slot.wants_pattern(_moment())


@pytest.mark.spec("CIR-015", "CIR-016")
def test_leader_proposes_a_fresh_value_ahead_of_now() -> None:
    slot = _open(FIRST)
    assert slot.wants_pattern(_moment())

    effects = slot.propose(b"\xa0\x01", _moment())

    value = slot.bodies[slot.value_of_view(1) or VALUE].value
    assert value == LAB.value(1)
    assert (value.not_before_us, value.not_after_us) == (1_300_000, 5_300_000)
    assert _cast(effects) == [(N, 1, VALUE)]
    assert not slot.wants_pattern(_moment()), "one proposal per view"


@pytest.mark.spec("CIR-016")
def test_leader_without_a_good_clock_proposes_nothing_fresh() -> None:
    slot = _open(FIRST)

    assert not slot.wants_pattern(_moment(synced=False))
    assert not slot.wants_pattern(_moment(may_vote=False))
    assert slot.wants_pattern(_moment())


@pytest.mark.spec("CIR-016")
@pytest.mark.parametrize(("pattern", "is_renewal"), [(b"\xa0\x01", True), (b"\xa0\x02", False)])
def test_renewal_keeps_the_phase_and_a_change_fades(pattern: bytes, is_renewal: bool) -> None:
    last = LAB.value(1)
    head = Head(1, VALUE, last.not_after_us, last)
    leader = LAB.leader(1, 2)
    slot = Slot(LAB.circumstances(leader), head)
    slot.begin(_moment())

    slot.propose(pattern, _moment())

    value = slot.bodies[slot.value_of_view(1) or VALUE].value
    assert value.not_before_us == last.not_after_us, "leases touch"
    assert value.start_us == (last.start_us if is_renewal else last.not_after_us)
    expected = (None, 0) if is_renewal else (last.pattern, last.start_us)
    assert (value.previous, value.previous_start_us) == expected
    length_us = 8_000_000 if is_renewal else 4_000_000
    assert value.not_after_us - value.not_before_us == length_us


@pytest.mark.spec("CIR-016", "CIR-045")
def test_pattern_renewed_after_its_lease_lapsed_keeps_the_phase_and_starts_at_the_base() -> None:
    last = LAB.value(1)
    leader = LAB.leader(1, 2)
    slot = Slot(LAB.circumstances(leader), Head(1, VALUE, last.not_after_us, last))
    late = _moment(0, late_us=last.not_after_us)
    slot.begin(late)

    slot.propose(last.pattern, late)

    value = slot.bodies[slot.value_of_view(1) or VALUE].value
    assert value.not_before_us > last.not_after_us
    assert value.start_us == last.start_us
    assert value.not_after_us - value.not_before_us == 4_000_000


@pytest.mark.spec("CIR-015")
def test_leader_carries_the_highest_notarized_value() -> None:
    slot = _open(THIRD)
    slot.handle_propose(LAB.proposal(FIRST, BODY), _moment())
    _hear(slot, (FIRST, SECOND, LAST), (N, 1, VALUE))

    effects = _hear(slot, (FIRST, SECOND, LAST), (X, 2, None), 100)

    assert slot.view == 3
    assert (N, 3, VALUE) in _cast(effects)
    assert slot.proposals[3].carried_view == 1


@pytest.mark.spec("CIR-015")
def test_leader_proposes_nothing_while_a_nullification_is_missing() -> None:
    slot = _open(THIRD)

    _hear(slot, (FIRST, SECOND, LAST), (X, 2, None))

    assert slot.view == 3
    assert not slot.wants_pattern(_moment())
    assert slot.missing == CertificateName(X, 1, None)
    _hear(slot, (FIRST, SECOND, LAST), (X, 1, None))
    assert slot.wants_pattern(_moment())


@pytest.mark.spec("CIR-015")
def test_leader_waits_for_the_body_of_what_it_must_carry() -> None:
    slot = _open(THIRD)
    _hear(slot, (FIRST, SECOND, LAST), (N, 1, VALUE))
    _hear(slot, (FIRST, SECOND, LAST), (X, 2, None))
    assert slot.body_wanted() == VALUE
    assert not slot.wants_pattern(_moment())

    effects = slot.handle_body(BODY, _moment())

    assert slot.body_wanted() is None
    assert (N, 3, VALUE) in _cast(effects)
    assert slot.handle_body(BODY, _moment()) == []


@pytest.mark.spec("CIR-015")
def test_leader_that_lacks_a_nullification_above_does_not_carry() -> None:
    slot = _open(LAST)
    slot.handle_propose(LAB.proposal(FIRST, BODY), _moment())
    _hear(slot, (FIRST, SECOND, THIRD), (N, 1, VALUE))

    effects = _hear(slot, (FIRST, SECOND, THIRD), (X, 3, None))

    assert _cast(effects) == []
    assert slot.missing == CertificateName(X, 2, None)


def test_leader_that_entered_by_a_notarization_waits_for_the_finalization() -> None:
    slot = _open(SECOND)
    slot.handle_propose(LAB.proposal(FIRST, BODY), _moment())

    _hear(slot, (FIRST, THIRD), (N, 1, VALUE), 20)

    pause_ms = 500 // 3
    assert not slot.is_turn
    assert MS_NS * (20 + pause_ms) <= slot.deadline_ns() <= MS_NS * (21 + pause_ms)
    assert (N, 2, VALUE) in _cast(slot.wake(_moment(21 + pause_ms)))


@pytest.mark.spec("CIR-037")
def test_body_that_no_vote_names_is_refused() -> None:
    slot = _open(SECOND)

    with pytest.raises(Unwelcome) as caught:
        slot.handle_body(BODY, _moment())
    assert caught.value.rule == "CIR-037"
    for number in range(9):
        _hear(slot, (LAST,), (N, 1, ValueHash(bytes([number]) * 32)))
    forged = replace(LAB.votes((LAST,), (N, 1, VALUE)), signatures=(bytes(64),))
    _take(slot, [forged], _moment())

    with pytest.raises(Unwelcome):
        slot.handle_body(BODY, _moment())


@pytest.mark.spec("CIR-023")
def test_proposal_without_its_nullifications_is_kept_and_tested_again() -> None:
    slot = _open(LAST)
    _hear(slot, (FIRST, SECOND, THIRD), (X, 2, None))

    assert slot.handle_propose(LAB.proposal(THIRD, BODY, view=3), _moment()) == []
    assert slot.missing == CertificateName(X, 1, None)
    effects = _hear(slot, (FIRST, SECOND, THIRD), (X, 1, None))

    assert _cast(effects) == [(N, 3, VALUE)]


@pytest.mark.spec("CIR-025", "CIR-023")
def test_carried_value_is_not_asked_for_its_time() -> None:
    slot = _open(LAST)
    _hear(slot, (FIRST, SECOND, THIRD), (X, 2, None))
    _hear(slot, (FIRST, SECOND, THIRD), (X, 1, None))
    old = _moment(100, late_us=9_000_000)

    assert slot.handle_propose(LAB.proposal(THIRD, BODY, view=3), old) == []
    effects = _take(slot, [LAB.votes((FIRST, SECOND, THIRD), (N, 1, VALUE))], old)

    assert (N, 3, VALUE) in _cast(effects), "the certificate shows that it was fresh once"


@pytest.mark.spec("CIR-025")
def test_value_too_far_ahead_is_kept_until_its_time() -> None:
    slot = _open(SECOND)
    far = LAB.value(not_before_us=3_000_000, not_after_us=7_000_000, start_us=3_000_000).encode()
    assert slot.handle_propose(LAB.proposal(FIRST, far), _moment()) == []
    assert slot.deadline_ns() == 50 * MS_NS

    assert _cast(slot.wake(_moment(459))) == []
    assert _cast(slot.wake(_moment(460))) == [(N, 1, value_hash(far))]


@pytest.mark.spec("CIR-025")
def test_voter_without_a_good_clock_keeps_a_fresh_value_until_it_has_one() -> None:
    slot = _open(SECOND)

    assert slot.handle_propose(LAB.proposal(FIRST, BODY), _moment(synced=False)) == []
    assert _cast(slot.progress(_moment(10))) == [(N, 1, VALUE)]


@pytest.mark.spec("CIR-021", "CIR-024", "CIR-028")
@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"slot": 2}, "CIR-021"),
        ({"parent": ValueHash(b"x" * 32)}, "CIR-021"),
        ({"not_after_us": 4_300_001}, "CIR-024"),
        ({"pattern": b"\xa1"}, "CIR-028"),
    ],
)
def test_invalid_value_is_refused_for_this_view_and_told_once(
    changes: dict[str, object], rule: str
) -> None:
    slot = _open(SECOND)
    body = LAB.value(**({"tag": 1} | changes)).encode()  # type: ignore[arg-type]  # as in value()

    effects = slot.handle_propose(LAB.proposal(FIRST, body), _moment())

    assert len(effects) == 1
    notice = effects[0]
    assert isinstance(notice, Notice)
    assert notice.event is Event.MESSAGE_DROPPED
    assert notice.detail.startswith(rule)
    assert slot.progress(_moment()) == []
    assert _cast(slot.wake(_moment(500))) == [(X, 1, None)]


@pytest.mark.spec("CIR-040")
def test_decision_needs_the_bytes_of_the_value() -> None:
    slot = _open(SECOND)
    _hear(slot, (FIRST, THIRD, LAST), (F, 1, VALUE))
    assert slot.body_wanted() == VALUE

    slot.handle_body(BODY, _moment())

    assert slot.decided == (named(BODY), LAB.votes((FIRST, THIRD, LAST), (F, 1, VALUE)))
    assert slot.progress(_moment(9_000)) == [], "a decided slot does nothing more"
    assert slot.deadline_ns() == NEVER_NS


@pytest.mark.spec("CIR-033")
def test_votes_beside_a_bad_set_change_nothing() -> None:
    slot = _open(SECOND)
    good = LAB.votes((FIRST, THIRD, LAST), (N, 1, VALUE))
    bad = replace(LAB.votes((LAST,), (X, 2, None)), signatures=(bytes(64),))

    with pytest.raises(Unauthentic):
        slot.handle_votes([good, bad])

    assert slot.book.votes == {}
    assert slot.view == 1


@pytest.mark.spec("CIR-052")
def test_device_that_may_not_vote_signs_nothing_but_follows() -> None:
    slot = Slot(LAB.circumstances(SECOND), GENESIS)
    quiet = _moment(may_vote=False)
    effects = slot.begin(quiet)
    effects += slot.handle_propose(LAB.proposal(FIRST, BODY), quiet)
    effects += slot.wake(_moment(500, may_vote=False))
    assert slot.deadline_ns() == 1_000 * MS_NS
    effects += _take(slot, [LAB.votes((FIRST, THIRD, LAST), (N, 1, VALUE))], quiet)
    effects += _take(slot, [LAB.votes((FIRST, THIRD, LAST), (F, 1, VALUE))], quiet)

    assert effects == []
    assert slot.decided is not None


@pytest.mark.spec("CIR-054")
@pytest.mark.parametrize("how", ["vote", "proposal", "second value"])
def test_forgotten_own_signature_stops_every_vote_at_once(how: str) -> None:
    me = FIRST if how != "vote" else SECOND
    slot = _open(me)
    if how == "vote":
        effects = _hear(slot, (FIRST, SECOND, THIRD), (N, 1, VALUE))
    elif how == "proposal":
        effects = slot.handle_propose(LAB.proposal(FIRST, BODY), _moment())
    else:
        slot.propose(b"\xa0\x02", _moment())
        effects = slot.handle_propose(LAB.proposal(FIRST, BODY), _moment())

    assert slot.is_rolled_back
    assert _cast(effects + slot.wake(_moment(500))) == []


def test_remembered_own_signature_is_no_alarm() -> None:
    slot = _open(SECOND)
    slot.handle_propose(LAB.proposal(FIRST, BODY), _moment())

    _hear(slot, (SECOND, FIRST), (N, 1, VALUE))

    assert not slot.is_rolled_back


def test_messages_go_to_every_other_member() -> None:
    slot = _open(SECOND)
    message: CircleMessage = Body(1, BODY)

    sends = slot.to_others(message)

    expected = [Send(LAB.roster.identities[member], message) for member in _others(SECOND)]
    assert sends == expected


@pytest.mark.spec("CIR-041", "MEM-011")
def test_finalized_value_whose_delta_makes_another_roster_is_not_decided() -> None:
    slot = _open(SECOND)
    body = LAB.value(roster_hash=bytes(32)).encode()
    key: VoteKey = (F, 1, value_hash(body))
    _hear(slot, ALL[:3], key)

    slot.handle_body(body, _moment())

    assert slot.decided is None
