"""The question after a restart, and who remembers what."""

from dataclasses import replace

import pytest

from smilesync.circle.guard import RestartGuard, recall
from smilesync.circle.quorum import VoteKey, value_hash
from smilesync.circle.repair import status
from smilesync.circle.slot import Slot
from smilesync.circle.validity import Head
from smilesync.circle.value import NO_PREVIOUS
from smilesync.wire.messages import Status, VoteKind, VoteSet
from smilesync.wire.records import Notarized
from support.lab import Lab

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
LAB = Lab(4, silent=frozenset(range(4)))
ME, QUESTION = 1, 77
BODY = LAB.value().encode()
VALUE = value_hash(BODY)
MINE: VoteKey = (N, 1, VALUE)


def _slot(number: int = 1, journal: bool = False) -> Slot:
    slot = Slot(LAB.circumstances(ME), Head(number - 1, NO_PREVIOUS, 0, None))
    if journal:
        slot.restore([Notarized(number, 1, VALUE, BODY)])
    return slot


def _guard(*, is_amnesic: bool = False, me: int | None = ME) -> RestartGuard:
    return RestartGuard(LAB.roster, me, QUESTION, is_amnesic=is_amnesic)


def _answer(recalled: VoteSet | None = None, at_slot: int = 1, answer: int = QUESTION) -> Status:
    return Status(1, 1, (), answer=answer, recalled_slot=at_slot, recalled=recalled)


@pytest.mark.spec("CIR-052")
def test_voter_may_vote_after_answers_of_a_quorum_without_itself() -> None:
    guard, slot = _guard(), _slot()
    assert guard.is_asking

    guard.handle_answer(_answer(), 0, slot, LAB.verifier)
    guard.handle_answer(_answer(), 0, slot, LAB.verifier)
    guard.handle_answer(_answer(), ME, slot, LAB.verifier)
    guard.handle_answer(_answer(answer=78), 3, slot, LAB.verifier)

    assert not guard.may_vote, "one member counts once, oneself and old answers not at all"
    assert (guard.has_answered(0), guard.has_answered(3)) == (True, False)
    guard.handle_answer(_answer(), 2, slot, LAB.verifier)
    assert guard.may_vote


@pytest.mark.spec("CIR-052", "CIR-054")
@pytest.mark.parametrize("guard", [_guard(is_amnesic=True), _guard(me=None)])
def test_amnesic_device_and_listener_neither_ask_nor_vote(guard: RestartGuard) -> None:
    assert not guard.is_asking
    assert not guard.may_vote


@pytest.mark.spec("CIR-054")
def test_forgotten_vote_makes_amnesic_for_good() -> None:
    guard, slot = _guard(), _slot()

    guard.handle_answer(_answer(LAB.votes((ME,), MINE)), 0, slot, LAB.verifier)
    guard.handle_answer(_answer(), 2, slot, LAB.verifier)

    assert guard.is_amnesic
    assert not guard.may_vote


@pytest.mark.spec("CIR-054")
def test_forgotten_vote_of_a_later_slot_counts_too() -> None:
    guard = _guard()

    guard.handle_answer(_answer(LAB.votes((ME,), MINE, 9), 9), 0, _slot(), LAB.verifier)

    assert guard.is_amnesic


NO_PROOF = [
    ("the journal holds it", _answer(LAB.votes((ME,), MINE)), True),
    ("an older slot", _answer(LAB.votes((ME,), MINE, 0), 0), False),
    ("of another member", _answer(LAB.votes((2,), MINE)), False),
    ("of two members", _answer(LAB.votes((ME, 2), MINE)), False),
    ("two signatures", _answer(replace(LAB.votes((ME,), MINE), signatures=(b"", b""))), False),
    ("forged", _answer(replace(LAB.votes((ME,), MINE), signatures=(bytes(64),))), False),
    ("another slot's", _answer(LAB.votes((ME,), MINE, 2), 1), False),
]


@pytest.mark.spec("CIR-054")
@pytest.mark.parametrize("case", NO_PROOF, ids=[case[0] for case in NO_PROOF])
def test_liar_cannot_make_a_voter_amnesic(case: tuple[str, Status, bool]) -> None:
    _, answer, is_journaled = case
    guard, slot = _guard(), _slot(journal=is_journaled)

    guard.handle_answer(answer, 0, slot, LAB.verifier)

    assert not guard.is_amnesic
    assert guard.has_answered(0)


@pytest.mark.spec("CIR-052", "MEM-024")
def test_answer_with_a_vote_that_cannot_be_judged_here_does_not_count() -> None:
    guard = _guard()

    guard.handle_answer(_answer(LAB.votes((ME,), MINE, 2), 3), 0, _slot(), LAB.verifier)

    assert not guard.is_amnesic
    assert not guard.has_answered(0)


@pytest.mark.spec("MEM-024")
def test_voter_that_gets_a_seat_asks_first_and_no_vote_is_due_without_one() -> None:
    guard, slot = _guard(me=None), _slot()
    assert not guard.is_asking

    guard.follow(LAB.roster, ME)
    assert guard.is_asking
    guard.handle_answer(_answer(), 0, slot, LAB.verifier)
    guard.handle_answer(_answer(), 2, slot, LAB.verifier)
    assert guard.may_vote
    guard.follow(LAB.roster.changed(0b1000, ()), ME)
    assert guard.may_vote, "who keeps the seat need not ask again"
    guard.follow(LAB.roster, None)
    assert not guard.may_vote
    guard.follow(LAB.roster, ME)

    assert guard.is_asking


@pytest.mark.spec("MEM-024")
def test_answers_of_former_voters_do_not_count() -> None:
    guard, slot = _guard(), _slot()
    guard.handle_answer(_answer(), 3, slot, LAB.verifier)
    larger = Lab(7, silent=frozenset(range(7))).roster

    guard.follow(larger, ME)
    for index in (0, 1, 3):
        guard.handle_answer(_answer(), index, slot, LAB.verifier)
    assert guard.is_asking
    guard.handle_answer(_answer(), 4, slot, LAB.verifier)

    assert guard.may_vote


def _other_slot(number: int, *votes: VoteSet) -> Slot:
    slot = Slot(LAB.circumstances(0), Head(number - 1, NO_PREVIOUS, 0, None))
    for one in votes:
        slot.book.take(slot.book.check(one, 99))
    return slot


@pytest.mark.spec("CIR-053")
def test_vote_that_the_asker_did_not_list_is_recalled() -> None:
    holder = _other_slot(1, LAB.votes((ME, 2), MINE))

    assert recall(Status(1, 1, ()), ME, holder, None) == (1, LAB.votes((ME,), MINE))
    assert recall(status(_slot(journal=True), 1), ME, holder, None) == (0, None)
    assert recall(Status(1, 1, ()), 3, holder, None) == (0, None)


@pytest.mark.spec("CIR-053")
def test_newest_forgotten_vote_is_recalled_though_old_ones_are_not_listed() -> None:
    views = range(1, 41)
    holder = _other_slot(1, *(LAB.votes((ME,), (X, view, None)) for view in views))
    asker = _slot()
    for view in views[:-1]:
        asker.book.take(asker.book.check(LAB.votes((ME,), (X, view, None)), 99))

    at_slot, recalled = recall(status(asker, 1), ME, holder, None)

    assert (at_slot, recalled) == (1, LAB.votes((ME,), (X, 40, None)))


@pytest.mark.spec("CIR-053")
def test_vote_in_the_certificate_before_is_recalled() -> None:
    holder = _other_slot(6)
    head = LAB.votes((0, ME, 2), (F, 1, VALUE), 5)

    assert recall(Status(5, 1, ()), ME, holder, (head, ME)) == (
        5,
        LAB.votes((ME,), (F, 1, VALUE), 5),
    )
    assert recall(Status(5, 1, ()), 3, holder, (head, 3)) == (0, None)
    assert recall(Status(6, 1, ()), ME, holder, (head, ME)) == (0, None)
    # After somebody left, the member has another index than in the roster that signed.
    assert recall(Status(5, 1, ()), 0, holder, (head, ME)) == (
        5,
        LAB.votes((ME,), (F, 1, VALUE), 5),
    )


@pytest.mark.spec("CIR-053")
def test_nothing_is_recalled_for_an_asker_that_is_ahead() -> None:
    holder = _other_slot(1, LAB.votes((ME,), MINE))

    assert recall(Status(2, 1, ()), ME, holder, None) == (0, None)
    assert recall(Status(0, 1, ()), ME, holder, None) == (1, LAB.votes((ME,), MINE))
