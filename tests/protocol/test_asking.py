"""When STATUS goes out, and to whom."""

import pytest

from smilesync.circle.asking import Asking
from smilesync.circle.circumstances import NEVER_NS, TICK_NS, Moment
from smilesync.circle.guard import RestartGuard
from smilesync.circle.slot import Slot
from smilesync.circle.validity import Head
from smilesync.circle.value import NO_PREVIOUS
from smilesync.config import CircleConfig
from smilesync.entropy import Entropy
from smilesync.ids import PeerId
from smilesync.wire.messages import Status, VoteKind
from support.lab import MS_NS, SECOND_NS, Lab

LAB = Lab(7, silent=frozenset(range(7)))
ME = 2


def _slot(number: int = 1) -> Slot:
    return Slot(LAB.circumstances(ME), Head(number - 1, NO_PREVIOUS, 0, None))


def _open(slot: Slot, ms: int = 0) -> Slot:
    slot.begin(Moment(ms * MS_NS, None, 0, may_vote=True))
    return slot


def _guard(answers: int = 4, *, is_amnesic: bool = False) -> RestartGuard:
    guard = RestartGuard(LAB.roster, ME, 9, is_amnesic=is_amnesic)
    for index in [i for i in range(7) if i != ME][:answers]:
        guard.handle_answer(Status(1, 1, (), answer=9), index, _slot(), LAB.verifier)
    return guard


INTERVAL_NS = CircleConfig().status_interval_ns


def _asking() -> Asking:
    return Asking(CircleConfig(), LAB.roster, ME, Entropy(bytes(16)), 0)


@pytest.mark.spec("CIR-035")
def test_voter_is_silent_at_first_and_then_asks_three_every_interval() -> None:
    asking, slot, guard = _asking(), _open(_slot()), _guard()

    asking.plan(slot, guard, 0, 10 * MS_NS)

    assert asking.deadline_ns == 310 * MS_NS
    asking.plan(slot, guard, 0, 200 * MS_NS)
    assert asking.deadline_ns == 310 * MS_NS, "later events do not put it off"
    asked = asking.choose(guard, 310 * MS_NS)
    assert len(set(asked)) == 3
    assert LAB.roster.identities[ME] not in asked
    assert asking.deadline_ns == 310 * MS_NS + INTERVAL_NS


@pytest.mark.spec("CIR-035")
def test_all_members_are_asked_in_the_long_run() -> None:
    asking, guard = _asking(), _guard()

    asked: set[PeerId] = set()
    for turn in range(20):
        asked.update(asking.choose(guard, turn * SECOND_NS))

    assert len(asked) == 6


@pytest.mark.spec("CIR-035")
def test_voter_asks_at_once_after_a_nullification_and_not_before_its_slot_opens() -> None:
    asking, slot, guard = _asking(), _slot(), _guard()
    asking.plan(slot, guard, NEVER_NS, 0)
    assert asking.deadline_ns == NEVER_NS
    _open(slot)
    asking.plan(slot, guard, 0, 0)

    nullified = LAB.votes((0, 1, 3, 4, 5), (VoteKind.NULLIFY, 1, None))
    slot.handle_votes([nullified])
    slot.progress(Moment(50 * MS_NS, None, 0, may_vote=True))
    asking.plan(slot, guard, 0, 50 * MS_NS)

    assert asking.deadline_ns == 50 * MS_NS + TICK_NS
    asking.plan(slot, guard, 0, 51 * MS_NS)
    assert asking.deadline_ns == 50 * MS_NS + TICK_NS, "once per nullification"


@pytest.mark.spec("CIR-035")
def test_voter_that_may_have_missed_a_decision_asks_before_its_slot_opens() -> None:
    asking, slot, guard = _asking(), _slot(), _guard()
    asking.plan(slot, guard, NEVER_NS, 0)

    asking.plan(slot, guard, 0, 10 * MS_NS)
    assert asking.deadline_ns == 10 * MS_NS + INTERVAL_NS
    asking.plan(slot, guard, 0, 20 * MS_NS)
    assert asking.deadline_ns == 10 * MS_NS + INTERVAL_NS, "later events do not put it off"
    assert len(asking.choose(guard, 10 * MS_NS + INTERVAL_NS)) == 3
    asking.plan(_open(slot, 500), guard, NEVER_NS, 500 * MS_NS)

    assert asking.deadline_ns == 800 * MS_NS, "the open slot begins with silence"


@pytest.mark.spec("CIR-052")
def test_restarted_voter_asks_all_that_did_not_answer() -> None:
    asking, slot, guard = _asking(), _open(_slot()), _guard(answers=2)
    assert asking.deadline_ns == INTERVAL_NS

    asked = asking.choose(guard, TICK_NS)

    assert asked == [LAB.roster.identities[i] for i in (3, 4, 5, 6)]
    assert asking.deadline_ns == TICK_NS + INTERVAL_NS
    asking.plan(slot, guard, 0, 100 * MS_NS)
    assert asking.deadline_ns == TICK_NS + INTERVAL_NS


@pytest.mark.spec("CIR-042")
def test_listener_asks_one_when_a_decision_is_overdue_and_then_less_and_less() -> None:
    asking, slot, guard = _asking(), _slot(3), _guard(is_amnesic=True)
    due_ns = 20 * SECOND_NS

    asking.plan(slot, guard, due_ns, 0)

    assert due_ns + 200 * MS_NS <= asking.deadline_ns < due_ns + 700 * MS_NS
    waits_s = []
    for _ in range(7):
        now_ns = asking.deadline_ns
        assert len(asking.choose(guard, now_ns)) == 1
        asking.plan(slot, guard, due_ns, now_ns)
        waits_s.append((asking.deadline_ns - now_ns) / SECOND_NS)
    assert waits_s == [0.5, 1, 2, 4, 8, 8, 8]
    asking.plan(_slot(4), guard, 30 * SECOND_NS, 29 * SECOND_NS)
    assert 30_200 * MS_NS <= asking.deadline_ns < 30_700 * MS_NS, "a decision starts it anew"


@pytest.mark.spec("SPR-023")
def test_partners_are_asked_where_there_are_such_and_soon_after_word_of_a_later_slot() -> None:
    asking, guard = _asking(), _guard(answers=6)
    near = [PeerId(bytes([n]) * 32) for n in (3, 1, 2, 4)]
    asking.partners = dict.fromkeys(near)
    asking.plan(_open(_slot()), guard, 0, 0)
    asking.deadline_ns = 60 * SECOND_NS

    asking.hear_of(3, 3, 0)
    assert asking.deadline_ns == 60 * SECOND_NS
    asking.hear_of(4, 3, 0)

    assert 300 * MS_NS <= asking.deadline_ns < 600 * MS_NS
    assert len(set(asking.choose(guard, 0)) & set(near)) == 3
