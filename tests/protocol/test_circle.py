"""Whole circles on virtual time: the good case, restarts, stragglers, and what is refused.

The directed attacks are in test_circle_attacks.py.
"""

from dataclasses import replace

import pytest

from smilesync.circle.circle import Circle
from smilesync.circle.lease import Standing
from smilesync.circle.quorum import value_hash
from smilesync.circle.value import decode_value
from smilesync.effects import Event, Persist, Send
from smilesync.entropy import Entropy
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import PeerId
from smilesync.timeline import Timeline
from smilesync.wire import records
from smilesync.wire.messages import (
    Body,
    CertificateName,
    CircleMessage,
    Decided,
    Propose,
    Status,
    VoteKind,
    Votes,
    VoteSummary,
    Want,
)
from smilesync.wire.records import Amnesia, DecidedRecord, Shown
from support.lab import MS_NS, SECOND_NS, Lab, double_votes, forks, votes_in
from support.storm import leases_at_fault

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
DELAY_MS = 10


def _restless(lab: Lab) -> Lab:
    """Let every slot propose another pattern, so that no lease is longer than four seconds."""
    lab.pattern = lambda member, slot: b"\xa0" + bytes([slot])
    return lab


def _everyone(lab: Lab) -> tuple[int, ...]:
    return tuple(range(lab.size))


def _assert_sound(lab: Lab) -> None:
    assert forks(lab, _everyone(lab)) == []
    assert double_votes(lab, _everyone(lab)) == []
    assert leases_at_fault(lab) == []


def _proposed_ns(lab: Lab, slot: int) -> int:
    sent = (at for at, _, _, m in lab.sent if isinstance(m, Propose) and m.slot == slot)
    return next(sent)


def _count(lab: Lab, slot: int) -> tuple[int, int, int, int]:
    """Return how many PROPOSE, NOTARIZE, FINALIZE and other messages a slot took."""
    counts = [0, 0, 0, 0]
    for _, _, _, message in lab.sent:
        if getattr(message, "slot", 0) != slot:
            continue
        kinds = {key[0] for (_, key), _ in votes_in(message, lab)}
        if isinstance(message, Propose):
            counts[0] += 1
        elif kinds == {N}:
            counts[1] += 1
        elif kinds == {F}:
            counts[2] += 1
        else:
            counts[3] += 1
    return counts[0], counts[1], counts[2], counts[3]


@pytest.mark.spec("CIR-013", "CIR-015", "CIR-016")
@pytest.mark.parametrize(
    ("size", "delays"), [(1, 0), (2, 3), (3, 2), (4, 3), (5, 3), (6, 3), (7, 3)]
)
def test_good_case_takes_three_message_delays(size: int, delays: int) -> None:
    lab = Lab(size, delay_ms=(DELAY_MS, DELAY_MS))

    lab.run(7)

    for slot in (1, 2):
        begun_ns = _proposed_ns(lab, slot) if size > 1 else lab.decided_ns[0, slot]
        took = [lab.decided_ns[member, slot] - begun_ns for member in range(size)]
        assert max(took) == delays * DELAY_MS * MS_NS
    _assert_sound(lab)


@pytest.mark.spec("CIR-035")
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
def test_good_case_takes_exactly_these_messages(size: int) -> None:
    lab = Lab(size, delay_ms=(DELAY_MS, DELAY_MS))

    lab.run(7)

    expected = (size - 1, (size - 1) ** 2, size * (size - 1), 0)
    assert _count(lab, 2) == expected


@pytest.mark.spec("CIR-013")
def test_slot_opens_a_window_before_the_last_lease_ends() -> None:
    lab = Lab(4, delay_ms=(DELAY_MS, DELAY_MS))

    lab.run(7)

    first = decode_value(lab.decided(0)[1])
    second = decode_value(lab.decided(0)[2])
    opened_us = _proposed_ns(lab, 2) // 1_000 + lab.true_us
    assert opened_us == first.not_after_us - 1_500_000
    assert second.not_before_us == first.not_after_us


@pytest.mark.spec("CIR-002")
@pytest.mark.parametrize(
    ("size", "dead", "is_strict", "is_deciding"),
    [
        (2, 1, False, False),
        (3, 1, False, True),
        (3, 1, True, False),
        (3, 0, True, True),
        (4, 1, False, True),
        (4, 2, False, False),
        (5, 1, False, True),
        (5, 2, False, False),
        (7, 2, False, True),
        (7, 3, False, False),
    ],
)
def test_circle_decides_exactly_while_a_quorum_is_left(
    size: int, dead: int, is_strict: bool, is_deciding: bool
) -> None:
    lab = Lab(size, silent=frozenset(range(dead)), is_strict=is_strict)

    lab.run(12)

    assert (lab.top(size - 1) >= 2) == is_deciding
    _assert_sound(lab)


@pytest.mark.spec("CIR-014", "CIR-019")
def test_silent_leader_costs_one_view() -> None:
    leader = Lab(7, silent=frozenset(range(7))).leader()
    lab = Lab(7, silent=frozenset({leader}), delay_ms=(DELAY_MS, DELAY_MS))

    lab.run(2)

    other = next(member for member in range(7) if member != leader)
    assert lab.decided_ns[other, 1] < 0.7 * SECOND_NS
    assert decode_value(lab.decided(other)[1]).slot == 1


@pytest.mark.spec("CIR-016", "CIR-025")
def test_nothing_fresh_is_decided_before_a_quorum_is_synchronised() -> None:
    lab = Lab(4, unsynced=frozenset({0, 1}))
    lab.run(10)
    assert lab.top(2) == 0

    lab.set_synced(0, True)
    lab.run(3)

    assert lab.top(2) >= 1
    _assert_sound(lab)


@pytest.mark.spec("CIR-013", "CIR-035")
def test_no_slot_opens_before_the_circles_time_is_known_but_decisions_are_asked_for() -> None:
    lab = Lab(4, delay_ms=(DELAY_MS, DELAY_MS))
    lab.run(1)
    lab.stop(3)
    lab.run(4)
    lab.start(3)
    lab.circles[3].set_clock(Timeline(0, lab.true_us + 30_000_000), False, lab.now_ns)
    since_ns = lab.now_ns

    lab.run(1)

    circle = lab.circles[3]
    assert circle.chain.head().slot == 2, "missed, and fetched"
    assert not circle.slot.is_open
    asked = [at for at, source, _, m in lab.sent if source == 3 and isinstance(m, Status)]
    assert len([at for at in asked if at > since_ns]) >= 6
    lab.set_synced(3, True)
    lab.run(1)
    assert not [
        at for at, source, _, m in lab.sent if source == 3 and at > lab.now_ns - 900 * MS_NS
    ]
    assert circle.slot.own == {}, "no view of the next slot was nullified ahead of its time"


@pytest.mark.parametrize("me", [0, None], ids=["voter", "follower"])
def test_each_further_line_of_a_clock_that_searches_changes_nothing(me: int | None) -> None:
    lab = Lab(4, silent=frozenset(range(4)))
    circle = Circle(lab.circumstances(me), [], Entropy(bytes(16)), 5 * SECOND_NS)
    circle.set_clock(Timeline(0, 30_000_000), False, 5 * SECOND_NS)
    due_ns = circle.deadline_ns()

    for step in range(1, 8):
        now_ns = 5 * SECOND_NS + step * 50 * MS_NS
        assert circle.set_clock(Timeline(0, 30_000_000 + step), False, now_ns) == []
        assert circle.wake(now_ns) == [], "and nothing was left to do"
        assert circle.deadline_ns() == due_ns > now_ns
        assert not circle.slot.is_open


def test_losing_the_clock_stops_fresh_votes_only() -> None:
    lab = Lab(1)
    circle = lab.circles[0]

    circle.set_clock(None, False, lab.now_ns)

    assert circle.timeline is None
    assert not circle.wants_pattern(lab.now_ns)


def test_device_without_any_clock_opens_its_slot_and_asks_at_once() -> None:
    lab = Lab(4, silent=frozenset(range(4)))
    listener = Circle(lab.circumstances(None), [], Entropy(bytes(16)), 5 * SECOND_NS)

    effects = listener.wake(5 * SECOND_NS)

    assert effects == []
    assert listener.slot.is_open
    assert 5_200 * MS_NS <= listener.asking.deadline_ns < 5_700 * MS_NS
    asked = listener.wake(listener.asking.deadline_ns)
    assert len(asked) == 1


# Restarts.


@pytest.mark.spec("CIR-020", "CIR-050", "CIR-052")
@pytest.mark.parametrize("after_ms", range(0, 60, 4))
def test_voter_restarted_at_any_moment_never_votes_twice(after_ms: int) -> None:
    lab = _restless(Lab(4, delay_ms=(DELAY_MS, DELAY_MS)))
    lab.run(2.79 + after_ms / 1_000)
    for member in range(4):
        lab.stop(member)
        lab.start(member)
        lab.run(0.007)

    lab.run(8)

    assert all(lab.top(member) >= 3 for member in range(4))
    assert lab.amnesic() == []
    _assert_sound(lab)


@pytest.mark.spec("CIR-050", "CIR-051")
@pytest.mark.parametrize("effects", range(24))
@pytest.mark.parametrize("slot_ms", [0, 2_790])
def test_power_lost_inside_any_effect_list_never_leads_to_two_votes(
    effects: int, slot_ms: int
) -> None:
    lab = Lab(4, seed=effects, delay_ms=(DELAY_MS, DELAY_MS))
    lab.pattern = lambda member, slot: b"\xa0" + bytes([member, slot])
    lab.run(slot_ms / 1_000)
    for member in range(4):
        lab.crash_at[member] = effects + 3 * member
    lab.run(0.6)
    lab.crash_at.clear()
    for member in range(4):
        lab.stop(member)
        lab.start(member)

    lab.run(8)

    assert all(lab.top(member) >= 2 for member in range(4))
    assert lab.amnesic() == []
    _assert_sound(lab)


@pytest.mark.spec("CIR-050", "CIR-052")
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_circle_comes_back_after_everyone_lost_power(size: int) -> None:
    lab = _restless(Lab(size))
    for at_s in (0.03, 2.83, 3.5, 5.0):
        lab.run(at_s)
        for member in range(size):
            lab.stop(member)
        lab.run(0.3)
        for member in range(size):
            lab.start(member)
    top = max(lab.top(member) for member in range(size))

    lab.run(6)

    assert all(lab.top(member) > top for member in range(size))
    assert lab.amnesic() == []
    _assert_sound(lab)


@pytest.mark.spec("CIR-052")
def test_restarted_voter_signs_nothing_before_it_was_answered() -> None:
    lab = _restless(Lab(4, delay_ms=(DELAY_MS, DELAY_MS)))
    lab.run(2)
    lab.stop(3)
    lab.passes = lambda source, to, m: 3 not in (source, to) or not _is_answer(m)
    lab.start(3)

    lab.run(8)

    since = [(m, to) for at, source, to, m in lab.sent if source == 3 and at >= 2 * SECOND_NS]
    assert {type(m) for m, _ in since} <= {Status, Want, Votes, Propose, Decided, Body}
    assert all(3 not in signers for m, _ in since for _, signers in votes_in(m, lab))
    assert lab.circles[3].guard.is_asking
    assert lab.top(3) >= 3, "it follows all the same"
    questions = {m.question for m, _ in since if isinstance(m, Status) and not m.answer}
    assert len(questions) == 1
    assert 0 not in questions
    assert {to for m, to in since if isinstance(m, Status) and m.question} == {0, 1, 2}


def _is_answer(message: CircleMessage) -> bool:
    return isinstance(message, Status) and message.answer != 0


@pytest.mark.spec("CIR-053")
def test_voter_that_waits_itself_still_answers() -> None:
    lab = Lab(4, silent=frozenset({2, 3}))
    circle = lab.circles[0]
    assert circle.guard.is_asking

    effects = circle.handle(Status(1, 1, (), question=5), lab.roster.identities[1], 0)

    answers = [e.message for e in effects if isinstance(e, Send)]
    assert [m.answer for m in answers if isinstance(m, Status)] == [5]


@pytest.mark.spec("CIR-054")
def test_amnesic_device_follows_and_never_votes() -> None:
    lab = Lab(4)
    lab.run(1)
    lab.stop(2)
    lab.start(2, is_amnesic=True)
    boot_ns = lab.now_ns

    lab.run(12)

    assert lab.top(2) >= 3
    assert lab.amnesic() == [2]
    later = [m for at, source, _, m in lab.sent if source == 2 and at > boot_ns]
    fresh = {vote for m in later for vote, signers in votes_in(m, lab) if 2 in signers}
    assert all(slot == 1 for slot, _ in fresh), "what it re-sends is older than its amnesia"
    assert Amnesia() in [records.decode(record) for record in lab.journals[2]]
    lab.stop(2)
    lab.start(2)
    assert lab.circles[2].guard.is_amnesic, "a restart does not heal it"
    assert lab.amnesic() == [2]


@pytest.mark.spec("LSE-002", "LSE-001", "CIR-054")
def test_amnesic_device_shows_what_was_decided() -> None:
    lab = Lab(4)
    lab.run(1)
    lab.stop(2)
    lab.start(2, is_amnesic=True)
    lab.run(1)

    circle = lab.circles[2]
    standing = Standing(lab.now_ns, circle.timeline, True, True, 0)
    effects = circle.select(standing)

    assert circle.lease.selected is not None
    assert effects == [Persist(records.encode(Shown(circle.lease.selected.value.slot)))]
    assert circle.select(standing) == []
    journal = [*lab.journals[2], records.encode(Shown(9))]
    again = Circle(
        lab.circumstances(2), [records.decode(r) for r in journal], Entropy(bytes(16)), lab.now_ns
    )
    assert again.lease.shown_slot == 9


# Stragglers.


@pytest.mark.spec("CIR-039", "CIR-040")
def test_straggler_jumps_to_the_latest_decision() -> None:
    lab = _restless(Lab(4, delay_ms=(DELAY_MS, DELAY_MS)))
    lab.passes = lambda source, to, message: 3 not in (source, to)
    lab.run(30)
    latest = lab.top(0)
    assert lab.top(3) == 0
    lab.passes = lambda source, to, message: True

    lab.run(0.5)

    assert lab.decided(3)[latest] == lab.decided(0)[latest]
    assert min(lab.decided(3)) >= latest - 1, "no slot between is fetched"
    lab.run(8)
    assert lab.top(3) > latest
    assert lab.amnesic() == []
    _assert_sound(lab)


@pytest.mark.spec("CIR-039", "CIR-040")
def test_straggler_that_lacks_only_the_bytes_of_its_open_slot_gets_them() -> None:
    """The others have moved on, and need its vote to go further."""
    lab = Lab(4, delay_ms=(DELAY_MS, DELAY_MS))
    leader = lab.leader()
    lacking, dying = [member for member in range(4) if member != leader][:2]
    lab.passes = lambda source, to, message: (
        to != lacking or not isinstance(message, Propose | Body | Decided)
    )
    lab.run(1)
    assert [lab.top(member) for member in (leader, dying, lacking)] == [1, 1, 0]
    lab.stop(dying)
    lab.passes = lambda source, to, message: True

    lab.run(10)

    assert lab.top(lacking) >= 2
    _assert_sound(lab)


@pytest.mark.spec("CIR-035", "CIR-036")
def test_straggler_of_many_nullified_views_gets_all_certificates() -> None:
    """STATUS cannot name them all: what is missing is asked for by WANT."""
    lab = Lab(4, delay_ms=(DELAY_MS, DELAY_MS))
    lab.stop(3)
    lab.passes = lambda source, to, message: not isinstance(message, Propose)
    lab.run(60)
    assert lab.circles[0].slot.view > 30
    lab.stop(0)
    lab.start(3)
    lab.run(0.5)

    lab.passes = lambda source, to, message: True
    lab.run(12)

    assert lab.top(3) >= 1, "its vote was needed"
    _assert_sound(lab)


@pytest.mark.spec("CIR-042")
def test_listener_takes_decisions_without_a_vote() -> None:
    lab = Lab(4, delay_ms=(DELAY_MS, DELAY_MS))
    listener = Circle(lab.circumstances(None), [], Entropy(bytes(16)), 0)
    listener.set_clock(lab.line(0), True, 0)
    lab.run(2)

    for message in lab.circles[0].chain.answer(1):
        effects = listener.handle(message, lab.roster.identities[0], lab.now_ns)

    assert [type(e) for e in effects][:1] == [Persist]
    assert listener.chain.head().slot == 1
    status = Status(5, 1, ())
    assert listener.handle(status, lab.roster.identities[0], lab.now_ns) != []


# What comes in from others.


def _quiet_lab() -> tuple[Lab, Circle]:
    """Return a bench where member 0 runs alone, and may vote."""
    lab = Lab(4, silent=frozenset({1, 2, 3}))
    circle = lab.circles[0]
    for member in (1, 2):
        answer = Status(1, 1, (), answer=circle.guard.question)
        circle.handle(answer, lab.roster.identities[member], lab.now_ns)
    return lab, circle


@pytest.mark.spec("CIR-001")
def test_stranger_is_ignored() -> None:
    lab, circle = _quiet_lab()
    before = circle.slot.book.votes.copy()

    with pytest.raises(Unwelcome) as caught:
        circle.handle(
            Votes(1, (lab.votes((1, 2, 3), (X, 1, None)),)), PeerId(bytes(32)), lab.now_ns
        )

    assert caught.value.rule == "CIR-001"
    assert circle.slot.book.votes == before
    assert circle.connected(PeerId(bytes(32))) == []


@pytest.mark.spec("CIR-032", "CIR-033")
def test_forged_and_foreign_votes_are_refused_and_change_nothing() -> None:
    lab, circle = _quiet_lab()
    sender = lab.roster.identities[1]
    good = lab.votes((1, 2, 3), (X, 1, None))
    forged = replace(good, signatures=good.signatures[::-1])

    with pytest.raises(Unauthentic):
        circle.handle(Votes(1, (good, forged)), sender, lab.now_ns)
    with pytest.raises(Malformed):
        circle.handle(Votes(1, (replace(good, bitmap=0b10110),)), sender, lab.now_ns)

    assert circle.slot.view == 1
    assert circle.slot.book.votes == {}


def test_late_messages_are_over() -> None:
    lab, circle = _quiet_lab()
    sender = lab.roster.identities[1]

    for message in (Votes(0, (lab.votes((1,), (X, 1, None), 0),)), Body(0, b"x")):
        assert circle.handle(message, sender, lab.now_ns) == []


def test_messages_of_the_next_slot_wait_for_it_and_are_few_per_sender() -> None:
    lab, circle = _quiet_lab()
    sender = lab.roster.identities[1]
    body = lab.value().encode()
    for view in range(1, 9):
        circle.handle(Votes(2, (lab.votes((1,), (X, view, None), 2),)), sender, lab.now_ns)
    circle.handle(Votes(3, (lab.votes((1,), (X, 1, None), 3),)), sender, lab.now_ns)
    circle.handle(Propose(2, 1, b"\x01", bytes(64)), lab.roster.identities[2], lab.now_ns)
    circle.handle(Votes(1, (lab.votes((1, 2, 3), (F, 1, value_hash(body))),)), sender, lab.now_ns)

    effects = circle.handle(Body(1, body), sender, lab.now_ns)

    assert circle.slot.number == 2
    assert sorted(key[1] for key in circle.slot.book.votes) == [1, 2, 3, 4]
    told = [e for e in effects if getattr(e, "event", None) is Event.MESSAGE_DROPPED]
    assert len(told) == 1, "a bad early message is told when its slot comes"
    assert sum(circle.dropped.values()) == 1
    record = effects[0]
    assert isinstance(record, Persist)
    assert isinstance(records.decode(record.record), DecidedRecord)


@pytest.mark.spec("CIR-040")
def test_later_certificate_and_bytes_decide_in_any_order() -> None:
    for is_body_first in (True, False):
        lab, circle = _quiet_lab()
        sender = lab.roster.identities[1]
        body = lab.value(slot=5).encode()
        parts: list[CircleMessage] = [
            Votes(5, (lab.votes((1, 2, 3), (F, 1, value_hash(body)), 5),)),
            Decided(body, 1),
        ]
        for part in reversed(parts) if is_body_first else parts:
            circle.handle(part, sender, lab.now_ns)

        assert circle.chain.head().slot == 5
        assert circle.slot.number == 6


@pytest.mark.spec("CIR-054")
@pytest.mark.parametrize("slot", [1, 5])
def test_forgotten_vote_inside_a_decision_makes_amnesic_before_it_is_taken(slot: int) -> None:
    lab, circle = _quiet_lab()
    sender = lab.roster.identities[1]
    body = lab.value(slot=slot).encode()
    certificate = lab.votes((0, 1, 2), (F, 1, value_hash(body)), slot)

    effects = circle.handle(Decided(body, 1), sender, lab.now_ns)
    effects += circle.handle(Votes(slot, (certificate,)), sender, lab.now_ns)

    written = [records.decode(e.record) for e in effects if isinstance(e, Persist)]
    assert [type(record) for record in written] == [Amnesia, DecidedRecord]
    assert not circle.guard.may_vote


@pytest.mark.spec("CIR-054")
def test_forgotten_vote_among_early_messages_is_seen_when_its_slot_comes() -> None:
    lab, circle = _quiet_lab()
    sender = lab.roster.identities[1]
    body = lab.value().encode()
    circle.handle(Votes(2, (lab.votes((0,), (X, 1, None), 2),)), sender, lab.now_ns)
    circle.handle(Votes(1, (lab.votes((1, 2, 3), (F, 1, value_hash(body))),)), sender, lab.now_ns)

    circle.handle(Body(1, body), sender, lab.now_ns)

    assert circle.guard.is_amnesic


@pytest.mark.spec("CIR-044")
def test_requests_are_never_answered_twice_in_one_interval() -> None:
    lab, circle = _quiet_lab()
    circle.wake(600 * MS_NS)
    sender, other = lab.roster.identities[1:3]
    status, want = Status(1, 1, (), question=3), Want(1, (value_hash(b""),))

    first = circle.handle(status, sender, 600 * MS_NS)
    again = circle.handle(status, sender, 699 * MS_NS)

    assert len(first) == 2, "the answer to the question, and what was missing"
    assert again == []
    assert circle.handle(want, sender, 600 * MS_NS) == []
    assert len(circle.handle(status, other, 650 * MS_NS)) == 2
    assert len(circle.handle(status, sender, 700 * MS_NS)) == 2


@pytest.mark.spec("CIR-044", "CIR-038")
def test_status_and_want_that_arrive_together_are_both_answered() -> None:
    lab, circle = _quiet_lab()
    sender = lab.roster.identities[1]
    nullified = lab.votes((1, 2, 3), (X, 1, None))
    circle.handle(Votes(1, (nullified,)), sender, lab.now_ns)
    held = (VoteSummary(X, 1, None, 0b1111),)

    assert circle.handle(Status(1, 2, held), sender, lab.now_ns) == []
    want = Want(1, (), (CertificateName(X, 1, None),))

    answer = circle.handle(want, sender, lab.now_ns)
    assert answer == [Send(sender, Votes(1, (nullified,)))]
    assert circle.handle(replace(want, slot=2), lab.roster.identities[2], lab.now_ns) == []


@pytest.mark.spec("CIR-039")
def test_status_of_a_later_slot_is_answered_with_ones_own() -> None:
    lab, circle = _quiet_lab()
    sender = lab.roster.identities[1]

    effects = circle.handle(Status(7, 1, ()), sender, SECOND_NS)

    messages = [e.message for e in effects if isinstance(e, Send)]
    assert [m.slot for m in messages if isinstance(m, Status)] == [1]


@pytest.mark.spec("CIR-035", "CIR-038")
def test_votes_alone_cause_no_message() -> None:
    lab, circle = _quiet_lab()

    for member in (1, 2, 3):
        votes = Votes(1, (lab.votes((member,), (N, 1, value_hash(b"x"))),))
        assert [
            e
            for e in circle.handle(votes, lab.roster.identities[member], lab.now_ns)
            if isinstance(e, Send) and not isinstance(e.message, Votes)
        ] == []


def test_deadlines_lie_ahead_after_every_wake() -> None:
    lab = Lab(4, silent=frozenset({3}))
    for _ in range(400):
        lab.run(0.02)
        for circle in lab.circles.values():
            if circle.deadline_ns() <= lab.now_ns:
                circle.wake(lab.now_ns)
            assert circle.deadline_ns() > lab.now_ns


def test_new_link_of_a_restarted_voter_is_asked_at_once() -> None:
    lab = Lab(4, silent=frozenset({1, 2, 3}))
    circle = lab.circles[0]
    circle.wake(5 * MS_NS)

    (asked,) = circle.connected(lab.roster.identities[1])

    assert isinstance(asked, Send)
    assert asked.to == lab.roster.identities[1]
    assert isinstance(asked.message, Status)
    assert asked.message.question == circle.guard.question
