"""Circles of up to 64 voters: three message delays, and certificates in several messages."""

import pytest

from smilesync.circle.book import STATEMENTS_MAX, VoteBook
from smilesync.circle.chain import FUTURE_PARTS_MAX, Chain
from smilesync.circle.quorum import value_hash
from smilesync.circle.value import named
from smilesync.errors import Unauthentic, Unwelcome
from smilesync.ids import ValueHash
from smilesync.wire import codec
from smilesync.wire.messages import Decided, Propose, Status, VoteKind, Votes
from support.lab import MS_NS, Lab

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
LAB = Lab(64, silent=frozenset(range(64)))
BODY = LAB.value(slot=7).encode()
KEY = (F, 1, value_hash(BODY))


@pytest.mark.spec("CIR-002", "GEN-002", "SPR-001")
@pytest.mark.parametrize("count", [22, 64])
def test_a_slot_is_decided_in_three_message_delays(count: int) -> None:
    # Nobody's question after a start arrives, so no answer comes beside the votes.
    lab = Lab(count, delay_ms=(10, 10), passes=lambda _, __, said: not isinstance(said, Status))
    for member in range(count):
        lab.circles[member].guard.is_asking = False
        lab.circles[member].guard.may_vote = True

    lab.run(0.6)

    proposed = [ns for ns, _, _, message in lab.sent if isinstance(message, Propose)]
    decided = {lab.decided_ns[member, 1] for member in range(count)}
    voting = [message for _, _, _, message in lab.sent if isinstance(message, Propose | Votes)]
    assert decided == {proposed[0] + 3 * 10 * MS_NS}
    assert len(voting) == (count - 1) + (count - 1) ** 2 + count * (count - 1)


@pytest.mark.spec("SPR-001", "CIR-038", "CIR-039", "CIR-051")
def test_who_missed_a_slot_of_64_gets_its_certificate_in_parts() -> None:
    lab = Lab(64, silent=frozenset({5}))
    lab.run(2.0)
    top = lab.top(0)

    lab.start(5)
    lab.run(1.5)

    assert top >= 1
    assert lab.top(5) >= top
    for _, source, _, message in lab.sent:
        if source != 5:
            codec.encode(message)
    lab.stop(5)
    lab.start(5)  # its journal holds the whole certificate
    assert lab.circles[5].chain.head().slot >= top


@pytest.mark.spec("SPR-001", "CIR-040")
def test_parts_of_a_later_certificate_are_put_together() -> None:
    chain = Chain(LAB.roster, LAB.verifier)
    chain.handle_decided(Decided(BODY, 1))
    first, second = LAB.votes(tuple(range(30)), KEY, 7), LAB.votes(tuple(range(20, 64)), KEY, 7)

    assert chain.handle_certificate(7, first, may_skip=True) is None
    complete = chain.handle_certificate(7, second, may_skip=True)

    assert complete is not None
    assert complete[0] == named(BODY)
    assert len(complete[1].signatures) == LAB.roster.quorum


@pytest.mark.spec("SPR-001", "CIR-033")
def test_a_part_with_a_forged_vote_is_rejected() -> None:
    chain = Chain(LAB.roster, LAB.verifier)
    forged = LAB.votes(tuple(range(16)), KEY, 8)

    with pytest.raises(Unauthentic) as caught:
        chain.handle_certificate(7, forged, may_skip=True)

    assert caught.value.rule == "CIR-033"


@pytest.mark.spec("SPR-001")
def test_unfinished_certificates_are_few() -> None:
    chain = Chain(LAB.roster, LAB.verifier)

    for view in range(1, 2 * FUTURE_PARTS_MAX):
        key = (F, view, value_hash(BODY))
        assert chain.handle_certificate(7, LAB.votes((0,), key, 7), may_skip=True) is None

    assert len(chain._votes) == FUTURE_PARTS_MAX


@pytest.mark.spec("SPR-002", "CIR-034")
def test_a_part_of_a_far_certificate_is_taken_but_not_for_ever() -> None:
    book = VoteBook(LAB.roster, 1, LAB.verifier)

    for view in range(100, 100 + STATEMENTS_MAX):
        book.take(book.check(LAB.votes(tuple(range(16)), (X, view, None)), 9))

    with pytest.raises(Unwelcome):
        book.check(LAB.votes(tuple(range(16)), (X, 300, None)), 9)
    with pytest.raises(Unwelcome):
        VoteBook(LAB.roster, 1, LAB.verifier).check(LAB.votes((0,), (X, 300, None)), 9)
    small = Lab(22, silent=frozenset(range(22)))
    with pytest.raises(Unwelcome):
        VoteBook(small.roster, 1, small.verifier).check(
            small.votes(tuple(range(14)), (N, 300, ValueHash(bytes(32)))), 9
        )
