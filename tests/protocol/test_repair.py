"""STATUS and its answers: only what is stored, only what is missing, always one datagram."""

import pytest

from smilesync.circle import repair
from smilesync.circle.genesis import VOTERS_MAX, VOTERS_USUAL_MAX
from smilesync.circle.quorum import VoteKey, value_hash
from smilesync.circle.slot import Slot
from smilesync.circle.validity import Head
from smilesync.circle.value import NO_PREVIOUS, named
from smilesync.ids import ValueHash
from smilesync.wire import codec
from smilesync.wire.messages import (
    Body,
    CertificateName,
    Status,
    VoteKind,
    Votes,
    VoteSet,
    VoteSummary,
    Want,
)
from smilesync.wire.records import Nullified
from support.lab import Lab

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
LAB = Lab(4, silent=frozenset(range(4)))
FIRST = LAB.leader()
ME = next(member for member in range(4) if member != FIRST)
BODY = LAB.value().encode()
VALUE = value_hash(BODY)


def _slot(*sets: VoteSet, lab: Lab = LAB, me: int = ME) -> Slot:
    slot = Slot(lab.circumstances(me), Head(0, NO_PREVIOUS, 0, None))
    for votes in sets:
        slot.book.take(slot.book.check(votes, 10**6))
    return slot


def _with_proposal(slot: Slot, view: int = 1) -> Slot:
    proposal = LAB.proposal(LAB.leader(view), BODY, view)
    slot.proposals[view] = proposal
    slot.bodies[VALUE] = named(BODY)
    slot._hash_of_view[view] = VALUE
    return slot


@pytest.mark.spec("CIR-043")
def test_status_lists_what_is_held_newest_first() -> None:
    slot = _slot(
        LAB.votes((0, 1), (X, 1, None)),
        LAB.votes((2,), (N, 2, VALUE)),
        LAB.votes((3,), (F, 1, VALUE)),
    )

    assert repair.status(slot, 5) == Status(
        1,
        1,
        (
            VoteSummary(N, 2, VALUE, 0b0100),
            VoteSummary(F, 1, VALUE, 0b1000),
            VoteSummary(X, 1, None, 0b0011),
        ),
        question=5,
    )


@pytest.mark.spec("CIR-036")
def test_answer_carries_what_the_asker_lacks_and_nothing_else() -> None:
    slot = _slot(LAB.votes((0, 1, 2), (N, 1, VALUE)), LAB.votes((0, 1), (X, 1, None)))
    asker = Status(1, 1, (VoteSummary(N, 1, VALUE, 0b0101), VoteSummary(X, 1, None, 0b0011)))

    assert repair.differences(slot, asker) == [Votes(1, (LAB.votes((1,), (N, 1, VALUE)),))]
    assert repair.differences(slot, repair.status(slot, 0)) == []


@pytest.mark.spec("CIR-036")
def test_certificate_is_not_crowded_out_by_newer_votes_of_a_liar() -> None:
    nullified = LAB.votes((0, 1, 2), (X, 1, None))
    values = [ValueHash(bytes([number]) * 32) for number in range(3)]
    lies = [LAB.votes((2,), (F, view, value)) for view in range(2, 16) for value in values]
    slot = _slot(nullified, *lies)
    assert len(repair.pack(1, lies)) > repair.MESSAGES_PER_ANSWER_MAX

    answer = repair.differences(slot, Status(1, 1, (VoteSummary(X, 1, None, 0b0011),)))

    first = answer[0]
    assert isinstance(first, Votes)
    assert first.sets[0] == LAB.votes((2,), (X, 1, None))


@pytest.mark.spec("CIR-036", "CIR-038")
def test_proposal_of_the_askers_view_comes_first() -> None:
    slot = _with_proposal(_slot())

    assert repair.differences(slot, Status(1, 1, ())) == [LAB.proposal(FIRST, BODY)]
    assert repair.differences(slot, Status(1, 2, ())) == []
    assert repair.differences(slot, Status(1, 1, (), (VALUE,))) == []


@pytest.mark.spec("CIR-036")
@pytest.mark.parametrize("kind", [N, F])
def test_body_of_something_certified_comes_when_the_view_is_over(kind: VoteKind) -> None:
    votes = LAB.votes((0, 1, 2), (kind, 1, VALUE))
    slot = _with_proposal(_slot(votes))

    answer = repair.differences(slot, Status(1, 2, ()))

    assert answer == [Body(1, BODY), Votes(1, (votes,))]
    assert repair.differences(slot, Status(1, 2, (), (VALUE,))) == [Votes(1, (votes,))]


def test_body_that_is_not_held_is_not_sent() -> None:
    votes = LAB.votes((0, 1, 2), (N, 1, VALUE))

    assert repair.differences(_slot(votes), Status(1, 2, ())) == [Votes(1, (votes,))]


def test_want_names_what_keeps_the_slot_from_going_on() -> None:
    slot = _slot()
    assert repair.want(slot) is None

    slot.missing = CertificateName(X, 1, None)
    assert repair.want(slot) == Want(1, (), (slot.missing,))
    certified = _slot(LAB.votes((0, 1, 2), (N, 1, VALUE)))
    assert repair.want(certified) == Want(1, (VALUE,))


@pytest.mark.spec("CIR-038")
def test_wanted_bodies_and_certificates_are_sent_if_held() -> None:
    nullified = LAB.votes((0, 1, 2), (X, 1, None))
    slot = _with_proposal(_slot(nullified, LAB.votes((0, 1), (X, 2, None))))
    names = (CertificateName(X, 1, None), CertificateName(X, 2, None), CertificateName(X, 1, None))
    unknown = ValueHash(bytes(32))

    assert repair.wanted(slot, Want(1, (VALUE, unknown), names[:2])) == [
        Body(1, BODY),
        Votes(1, (nullified,)),
    ]
    assert repair.wanted(slot, Want(1, (), names[1:])) == [Votes(1, (nullified,))]
    assert repair.wanted(slot, Want(1, (unknown, unknown, VALUE))) == [], "two of each at most"


def test_many_sets_are_packed_into_full_datagrams() -> None:
    sets = [LAB.votes((0, 1, 2), (X, view, None)) for view in range(1, 10)]

    messages = repair.pack(1, sets)

    assert [len(m.sets) for m in messages if isinstance(m, Votes)] == [4, 4, 1]
    for message in messages:
        codec.encode(message)
    assert repair.pack(1, []) == []


def test_answers_of_a_long_slot_are_few() -> None:
    sets = [LAB.votes((0, 1, 2, 3), (X, view, None)) for view in range(1, 41)]

    answer = repair.differences(_slot(*sets), Status(1, 1, ()))

    assert len(answer) == repair.MESSAGES_PER_ANSWER_MAX


@pytest.mark.spec("CIR-043", "GEN-002")
@pytest.mark.parametrize("count", [VOTERS_USUAL_MAX, VOTERS_MAX])
def test_every_message_of_the_largest_circle_fits_one_datagram(count: int) -> None:
    lab = Lab(count, silent=frozenset(range(count)))
    everyone = tuple(range(count))
    far = 100_000
    keys: list[VoteKey] = [(X, view, None) for view in range(far, far + 30)]
    keys += [
        (kind, far + number, ValueHash(bytes([number]) * 32))
        for number in range(30)
        for kind in (N, F)
    ]
    slot = _slot(*(lab.votes(everyone, key) for key in keys), lab=lab)
    for number in range(30):
        slot.bodies[ValueHash(bytes([number]) * 32)] = named(BODY)
    slot.restore([Nullified(1, 5)])

    status = repair.status(slot, 2**32 - 1)
    recalled = lab.votes((count - 1,), keys[-1])
    answer = Status(
        2**53 - 1, 2**32 - 1, status.held, status.bodies, 0, 2**32 - 1, 2**53 - 1, recalled
    )

    assert len(status.held) == (24 if count == VOTERS_USUAL_MAX else 18)
    assert len(status.bodies) == repair.NAMED_SUMMARIES_MAX
    for message in (status, answer, *repair.differences(slot, Status(1, 1, ()))):
        codec.encode(message)
    names = tuple(CertificateName(*key) for key in keys[:2])
    for message in repair.wanted(slot, Want(1, (), names)):
        codec.encode(message)


def test_certificate_of_a_usual_circle_is_not_cut() -> None:
    lab = Lab(VOTERS_USUAL_MAX, silent=frozenset(range(VOTERS_USUAL_MAX)))
    slot = _slot(lab.votes(tuple(range(VOTERS_USUAL_MAX)), (X, 1, None)), lab=lab)

    messages = repair.differences(slot, Status(1, 1, ()))

    counts = [len(votes.signatures) for m in messages if isinstance(m, Votes) for votes in m.sets]
    assert counts == [16, 6]
    assert lab.roster.quorum <= 16
