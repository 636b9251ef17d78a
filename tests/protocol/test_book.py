"""The votes of one slot: what enters, what is refused, and how much a liar can make it hold."""

from dataclasses import replace

import pytest

from smilesync.circle.book import VOTES_PER_VIEW_AND_SIGNER_MAX, VoteBook
from smilesync.circle.quorum import VoteKey
from smilesync.errors import Malformed, RemoteError, Unauthentic, Unwelcome
from smilesync.ids import ValueHash
from smilesync.wire.messages import CertificateName, VoteKind, VoteSet
from support.lab import Lab

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
LAB = Lab(4, silent=frozenset(range(4)))
A, B = ValueHash(b"a" * 32), ValueHash(b"b" * 32)


def _book() -> VoteBook:
    return VoteBook(LAB.roster, 1, LAB.verifier)


def _receive(book: VoteBook, votes: VoteSet, view_max: int = 8) -> None:
    book.take(book.check(votes, view_max))


def _holding(*sets: tuple[tuple[int, ...], VoteKey]) -> VoteBook:
    book = _book()
    for members, key in sets:
        _receive(book, LAB.votes(members, key))
    return book


@pytest.mark.spec("CIR-002")
def test_quorum_of_votes_is_a_certificate_and_fewer_are_none() -> None:
    book = _holding(((0, 1), (N, 1, A)))

    assert book.certificate((N, 1, A)) is None
    assert (book.highest_notarized(), book.notarized(1)) == (0, None)
    _receive(book, LAB.votes((3,), (N, 1, A)))

    assert book.certificate((N, 1, A)) == LAB.votes((0, 1, 3), (N, 1, A))
    assert (book.highest_notarized(), book.notarized(1)) == (1, A)
    assert book.certified(N) == [(N, 1, A)]
    assert book.certified(X) == []


def test_certificate_holds_no_more_votes_than_needed() -> None:
    book = _holding(((0, 1, 2, 3), (X, 2, None)))

    certificate = book.certificate((X, 2, None))

    assert certificate is not None
    assert len(certificate.signatures) == 3
    assert book.bitmap((X, 2, None)) == 0b1111
    assert book.is_nullified(2)
    assert not book.is_nullified(1)


@pytest.mark.spec("CIR-002")
def test_votes_on_different_things_are_counted_apart() -> None:
    book = _holding(((0, 1), (N, 1, A)), ((2, 3), (N, 1, B)), ((0, 1), (N, 2, A)))

    assert book.certified(N) == []


WRONG = [
    ("nobody", replace(LAB.votes((0,), (N, 1, A)), bitmap=0, signatures=())),
    ("a non-member", replace(LAB.votes((0,), (N, 1, A)), bitmap=1 << 4)),
    ("view 0", LAB.votes((0,), (N, 0, A))),
    ("NULLIFY of a value", LAB.votes((0,), (X, 1, A))),
    ("NOTARIZE of nothing", LAB.votes((0,), (N, 1, None))),
    ("FINALIZE of nothing", LAB.votes((0,), (F, 1, None))),
    ("a bit without signature", replace(LAB.votes((0,), (N, 1, A)), bitmap=3)),
    ("a signature without bit", replace(LAB.votes((0, 1), (N, 1, A)), bitmap=1)),
]


@pytest.mark.spec("CIR-032")
@pytest.mark.parametrize("votes", [case[1] for case in WRONG], ids=[case[0] for case in WRONG])
def test_malformed_vote_set_is_refused(votes: VoteSet) -> None:
    book = _book()

    with pytest.raises(Malformed) as caught:
        book.check(votes, 8)

    assert caught.value.rule == "CIR-032"
    assert book.votes == {}


@pytest.mark.spec("CIR-033", "CIR-003")
@pytest.mark.parametrize(
    "forge",
    [
        lambda good: good[:-1] + bytes([good[-1] ^ 1]),
        lambda good: LAB.sign(1, (N, 1, A)),
        lambda good: LAB.sign(2, (N, 1, B)),
        lambda good: LAB.sign(2, (N, 2, A)),
        lambda good: LAB.sign(2, (F, 1, A)),
        lambda good: LAB.sign(2, (N, 1, A), slot=2),
        lambda good: LAB.pairs[2][0].sign(b"anything"),
        lambda good: b"",
    ],
    ids=["bit", "member", "value", "view", "kind", "slot", "identity key", "empty"],
)
def test_one_bad_signature_refuses_the_whole_set(forge: object) -> None:
    assert callable(forge)
    votes = LAB.votes((0, 1, 2), (N, 1, A))
    forged = replace(votes, signatures=(*votes.signatures[:2], forge(votes.signatures[2])))
    book = _book()

    with pytest.raises(Unauthentic) as caught:
        book.check(forged, 8)

    assert caught.value.rule == "CIR-033"
    assert book.votes == {}


@pytest.mark.spec("CIR-033")
def test_vote_already_held_is_not_verified_again() -> None:
    book = _holding(((0, 1), (N, 1, A)))
    votes = LAB.votes((0, 1), (N, 1, A))

    checked = book.check(replace(votes, signatures=(bytes(64), bytes(64))), 8)

    assert checked.votes == []
    book.take(checked)
    assert book.select((N, 1, A), 0b11) == votes


@pytest.mark.spec("CIR-034")
def test_votes_of_far_views_enter_only_as_certificates() -> None:
    book = _book()

    with pytest.raises(Unwelcome) as caught:
        _receive(book, LAB.votes((0, 1), (X, 9, None)))
    assert caught.value.rule == "CIR-034"
    _receive(book, LAB.votes((0,), (X, 8, None)))
    _receive(book, LAB.votes((0, 1, 2), (X, 900, None)))

    assert book.is_nullified(900)


@pytest.mark.spec("CIR-034")
def test_liar_fills_three_places_per_view_and_no_more() -> None:
    book = _book()
    for number in range(9):
        _receive(book, LAB.votes((2,), (N, 1, ValueHash(bytes([number]) * 32))))

    assert len(book.votes) == VOTES_PER_VIEW_AND_SIGNER_MAX
    _receive(book, LAB.votes((2,), (N, 2, A)))
    assert book.has((N, 2, A), 2), "each view has its own room"
    _receive(book, LAB.votes((0, 1, 2), (N, 1, A)))
    assert book.notarized(1) == A, "a certificate counts whatever its signers did besides"


@pytest.mark.spec("CIR-034")
def test_sets_checked_together_do_not_outgrow_the_limit() -> None:
    book = _book()
    sets = [LAB.votes((2,), (N, 1, ValueHash(bytes([n]) * 32))) for n in range(9)]

    for checked in [book.check(votes, 8) for votes in sets]:
        book.take(checked)

    held = [key for key in book.votes if book.has(key, 2)]
    assert len(held) == VOTES_PER_VIEW_AND_SIGNER_MAX


def test_selection_takes_the_missing_ones_only() -> None:
    book = _holding(((0, 1, 3), (N, 1, A)))

    assert book.select((N, 1, A), 0b0110) == LAB.votes((1,), (N, 1, A))
    assert book.select((N, 1, A), 0b0100) is None
    assert book.select((N, 1, B), 0b1111) is None
    assert book.bitmap((N, 1, B)) == 0
    assert book.names(A)
    assert not book.names(B)


JUSTIFIED = [
    ("view 1", [], 1, A, (0, None)),
    ("fresh, all nullified", [(X, 1, None), (X, 2, None)], 3, A, (0, None)),
    ("carried", [(N, 1, A), (X, 2, None)], 3, A, (1, None)),
    ("carried, nullified too", [(N, 1, A), (X, 1, None)], 2, A, (1, None)),
    ("highest of two", [(N, 1, A), (N, 2, A)], 3, A, (2, None)),
    ("gap", [(X, 2, None)], 3, A, (0, CertificateName(X, 1, None))),
    ("gap above the notarized", [(N, 1, A)], 3, A, (0, CertificateName(X, 2, None))),
    ("another is notarized", [(N, 1, B)], 2, A, (0, CertificateName(X, 1, None))),
    ("another, nullified", [(N, 1, B), (X, 1, None)], 2, A, (0, None)),
]


@pytest.mark.spec("CIR-023")
@pytest.mark.parametrize("case", JUSTIFIED, ids=[case[0] for case in JUSTIFIED])
def test_origin_of_a_value_is_derived_from_certificates(
    case: tuple[str, list[VoteKey], int, ValueHash, tuple[int, CertificateName | None]],
) -> None:
    _, keys, view, value, expected = case

    book = _holding(*(((0, 1, 2), key) for key in keys))

    assert book.justify(view, value) == expected


@pytest.mark.spec("CIR-017", "CIR-018")
@pytest.mark.parametrize(
    ("first", "second", "is_lie"),
    [
        ((N, 1, A), (N, 1, B), True),
        ((F, 1, A), (F, 1, B), True),
        ((X, 1, None), (F, 1, A), True),
        ((N, 1, A), (F, 1, A), False),
        ((N, 1, A), (X, 1, None), False),
        ((N, 1, A), (N, 2, B), False),
        ((X, 1, None), (F, 2, A), False),
    ],
)
def test_two_votes_that_no_honest_voter_casts_are_seen(
    first: VoteKey, second: VoteKey, is_lie: bool
) -> None:
    for one, other in ((first, second), (second, first)):
        book = _holding(((2,), one), ((2, 3), other))

        found = book.contradiction(other, 2)
        assert found == ((one, book.votes[one][2]) if is_lie else None)
        assert book.contradiction(other, 3) is None
        assert book.contradiction(other, 0) is None


@pytest.mark.spec("CIR-034")
def test_liar_without_room_cannot_keep_a_certificate_of_two_parts_out() -> None:
    lies = [((2,), (F, 1, ValueHash(bytes([number]) * 32))) for number in range(3)]
    book = _holding(*lies, ((0, 1), (X, 1, None)))

    _receive(book, LAB.votes((2,), (X, 1, None)))

    assert book.is_nullified(1)


def test_urgency_is_newest_views_first() -> None:
    keys: list[VoteKey] = [(X, 1, None), (N, 1, A), (N, 2, B), (N, 2, A), (F, 1, A), (X, 3, None)]
    book = _holding(*(((0,), key) for key in keys))

    order = book.by_urgency()

    assert order == [(X, 3, None), (N, 2, A), (N, 2, B), (F, 1, A), (N, 1, A), (X, 1, None)]


def test_refusals_are_remote_errors() -> None:
    with pytest.raises(RemoteError):
        _book().check(LAB.votes((0,), (N, 0, A)), 8)
