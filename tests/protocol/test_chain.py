"""Decisions: the head, later ones from others, and how little a liar can make it keep."""

from dataclasses import replace

import pytest

from smilesync.circle.chain import FUTURE_PARTS_MAX, Chain
from smilesync.circle.quorum import value_hash
from smilesync.circle.validity import Head
from smilesync.circle.value import NO_PREVIOUS, Named, named
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.wire.messages import Decided, VoteKind, Votes, VoteSet
from smilesync.wire.records import DecidedRecord
from support.lab import Lab

LAB = Lab(4, silent=frozenset(range(4)))
F = VoteKind.FINALIZE


def _chain() -> Chain:
    return Chain(LAB.roster, LAB.verifier)


def _body(slot: int, tag: int = 0) -> bytes:
    return LAB.value(tag, slot=slot).encode()


def _certificate(body: bytes, members: tuple[int, ...] = (0, 1, 2)) -> VoteSet:
    key = (F, 1, value_hash(body))
    return LAB.votes(members, key, named(body).value.slot)


def _decided(slot: int) -> tuple[Named, VoteSet]:
    body = _body(slot)
    return named(body), _certificate(body)


def test_head_of_an_empty_chain_is_the_genesis() -> None:
    assert _chain().head() == Head(0, NO_PREVIOUS, 0, None)
    assert _chain().answer(1) == []


@pytest.mark.spec("CIR-039", "CIR-051")
def test_appended_decision_is_the_head_its_own_record_and_the_answer() -> None:
    chain = _chain()
    decided, certificate = _decided(1)

    record = chain.append(decided, certificate, LAB.roster)

    assert record == [DecidedRecord(1, decided.body, certificate)]
    assert chain.head() == Head(1, decided.hash, decided.value.not_after_us, decided.value)
    assert chain.answer(1) == [Decided(decided.body, 1), Votes(1, (certificate,))]


def test_only_the_last_decision_is_kept() -> None:
    chain = _chain()
    for slot in range(1, 9):
        chain.append(*_decided(slot), LAB.roster)

    assert chain.newest == _decided(8)


def test_restored_decisions_never_go_back() -> None:
    chain = _chain()
    restored = []
    for slot in (1, 2, 1):
        body = _body(slot)
        restored.append(chain.restore(DecidedRecord(slot, body, _certificate(body)), []))

    assert chain.head().slot == 2
    assert restored == [named(_body(1)), named(_body(2)), None]


@pytest.mark.spec("CIR-040")
@pytest.mark.parametrize("is_body_first", [False, True])
def test_later_decision_needs_body_and_certificate_in_any_order(is_body_first: bool) -> None:
    chain = _chain()
    body = _body(7)
    certificate = _certificate(body)

    if is_body_first:
        assert chain.handle_decided(Decided(body, 1)) is None
        complete = chain.handle_certificate(7, certificate, may_skip=True)
    else:
        assert chain.handle_certificate(7, certificate, may_skip=True) is None
        complete = chain.handle_decided(Decided(body, 1))

    assert complete == (named(body), certificate, LAB.roster)


@pytest.mark.spec("CIR-040")
def test_certificate_of_another_slot_decides_nothing() -> None:
    chain = _chain()
    body = _body(7)
    chain.handle_decided(Decided(body, 1))

    wrong = LAB.votes((0, 1, 2), (F, 1, value_hash(body)), slot=8)

    assert chain.handle_certificate(8, wrong, may_skip=True) is None


@pytest.mark.spec("CIR-040")
@pytest.mark.parametrize(
    "votes",
    [
        LAB.votes((0, 1), (F, 1, value_hash(_body(7))), 7),
        LAB.votes((0, 1, 2), (VoteKind.NOTARIZE, 1, value_hash(_body(7))), 7),
        LAB.votes((0, 1, 2), (F, 1, None), 7),
        replace(_certificate(_body(7)), bitmap=0b1111),
    ],
    ids=["too few", "NOTARIZE", "no value", "one signature short"],
)
def test_less_than_a_certificate_is_passed_over(votes: VoteSet) -> None:
    chain = _chain()
    chain.handle_decided(Decided(_body(7), 1))

    assert chain.handle_certificate(7, votes, may_skip=True) is None


@pytest.mark.spec("CIR-032")
def test_certificate_with_a_non_member_is_refused() -> None:
    votes = replace(_certificate(_body(7)), bitmap=0b10011)

    with pytest.raises(Malformed) as caught:
        _chain().handle_certificate(7, votes, may_skip=True)

    assert caught.value.rule == "CIR-032"


@pytest.mark.spec("CIR-033", "CIR-040")
def test_forged_certificate_is_refused() -> None:
    good = _certificate(_body(7))
    votes = replace(good, signatures=(*good.signatures[:2], good.signatures[0]))

    with pytest.raises(Unauthentic) as caught:
        _chain().handle_certificate(7, votes, may_skip=True)

    assert caught.value.rule == "CIR-033"


@pytest.mark.spec("CIR-041")
def test_decision_of_another_roster_is_refused() -> None:
    body = LAB.value(slot=1, roster_hash=bytes(32)).encode()

    with pytest.raises(Unwelcome) as caught:
        _chain().handle_decided(Decided(body, 1))

    assert caught.value.rule == "CIR-041"


def test_old_decisions_and_certificates_are_passed_over() -> None:
    chain = _chain()
    chain.append(*_decided(7), LAB.roster)

    assert chain.handle_decided(Decided(_body(7), 1)) is None
    assert chain.handle_certificate(7, _certificate(_body(7)), may_skip=True) is None
    assert chain.body(value_hash(_body(7))) is None


def test_known_certificate_is_not_verified_again() -> None:
    chain = _chain()
    good = _certificate(_body(7))
    chain.handle_certificate(7, good, may_skip=True)

    bad = replace(good, signatures=(bytes(64),) * 3)
    assert chain.handle_certificate(7, bad, may_skip=True) is None


def test_bodies_of_liars_push_each_other_out() -> None:
    chain = _chain()
    bodies = [_body(9, tag) for tag in range(FUTURE_PARTS_MAX + 1)]
    for body in bodies:
        chain.handle_decided(Decided(body, 1))

    assert chain.body(value_hash(bodies[0])) is None
    assert chain.body(value_hash(bodies[-1])) == bodies[-1]


def test_parts_of_decisions_that_are_still_ahead_survive_a_decision() -> None:
    chain = _chain()
    far = _body(9)
    chain.handle_certificate(9, _certificate(far), may_skip=True)
    chain.append(*_decided(7), LAB.roster)

    assert chain.handle_decided(Decided(far, 1)) == (named(far), _certificate(far), LAB.roster)
