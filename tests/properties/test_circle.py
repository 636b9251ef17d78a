"""The circle under random faults, and its counting against models so simple they must be right."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.circle.book import VOTES_PER_VIEW_AND_SIGNER_MAX, VoteBook
from smilesync.circle.quorum import VoteKey, fault_limit, quorum_size
from smilesync.errors import RemoteError
from smilesync.ids import ValueHash
from smilesync.wire.messages import VoteKind
from support.lab import Lab
from support.storm import lies, storm

SEEDS = range(40)
HEAL_P95_S = 5.0
LAB = Lab(4, silent=frozenset(range(4)))
N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
VALUES = tuple(ValueHash(bytes([number]) * 32) for number in range(5))


@pytest.mark.spec("CIR-017", "CIR-018", "CIR-020", "CIR-024", "CIR-050", "CIR-052")
@pytest.mark.parametrize("seed", SEEDS)
def test_no_storm_breaks_a_circle_for_good(seed: int) -> None:
    outcome = storm(seed)

    print(f"seed={seed} n={outcome.size} decided {outcome.took_s:.1f} s after the heal")
    assert outcome.faults == ()
    assert outcome.took_s <= 10.0


@pytest.mark.spec("CIR-002", "CIR-017", "CIR-023", "CIR-034")
@pytest.mark.parametrize("seed", range(12))
def test_one_liar_among_four_to_seven_never_divides_a_circle(seed: int) -> None:
    outcome = lies(seed, size=4 + seed % 4)

    print(f"seed={seed} n={outcome.size}")
    assert outcome.faults == ()


@given(
    count=st.integers(1, 64),
    is_strict=st.booleans(),
    first=st.randoms(use_true_random=False),
)
def test_any_two_quorums_share_an_honest_voter(
    count: int, is_strict: bool, first: random.Random
) -> None:
    quorum = quorum_size(count, is_strict=is_strict)
    liars = set(range(fault_limit(count)))
    one = set(first.sample(range(count), quorum))
    # The quorum that shares as few honest voters with `one` as it can.
    other = set(sorted(range(count), key=lambda i: (i not in liars, i in one))[:quorum])

    assert one & other - liars


Cast = tuple[VoteKind, int, ValueHash | None, tuple[int, ...]]


@st.composite
def _casts(draw: st.DrawFn) -> list[Cast]:
    count = draw(st.integers(0, 25))
    casts: list[Cast] = []
    for _ in range(count):
        kind = draw(st.sampled_from([N, X, F]))
        value = None if kind is X else draw(st.sampled_from(VALUES))
        members = draw(st.sets(st.integers(0, 3), min_size=1))
        casts.append((kind, draw(st.integers(1, 4)), value, tuple(sorted(members))))
    return casts


class NaiveBook:
    """Counts votes in a flat list, and forgets nothing but what the limit forbids."""

    def __init__(self) -> None:
        self.held: list[tuple[VoteKey, int]] = []

    def receive(self, key: VoteKey, members: tuple[int, ...]) -> None:
        known = [member for member in members if (key, member) not in self.held]
        if len(members) < 3:
            known = [member for member in known if self._room(key[1], member)]
        self.held += [(key, member) for member in known]

    def certified(self, kind: VoteKind) -> set[VoteKey]:
        keys = {key for key, _ in self.held if key[0] is kind}
        return {key for key in keys if sum(1 for held, _ in self.held if held == key) >= 3}

    def _room(self, view: int, member: int) -> bool:
        cast = [key for key, voter in self.held if key[1] == view and voter == member]
        return len(cast) < VOTES_PER_VIEW_AND_SIGNER_MAX


@given(_casts())
def test_book_counts_as_a_list_does(casts: list[Cast]) -> None:
    book, naive = VoteBook(LAB.roster, 1, LAB.verifier), NaiveBook()
    for kind, view, value, members in casts:
        key = (kind, view, value)
        book.take(book.check(LAB.votes(members, key), 8))
        naive.receive(key, members)

    held = sorted((str(key), member) for key in book.votes for member in book.votes[key])
    assert held == sorted((str(key), member) for key, member in naive.held)
    for kind in (N, X, F):
        assert set(book.certified(kind)) == naive.certified(kind)
        for key in book.certified(kind):
            certificate = book.certificate(key)
            assert certificate is not None
            assert certificate.bitmap.bit_count() == len(certificate.signatures) == 3


@given(_casts(), st.integers(0, 63), st.integers(0, 3))
def test_forged_set_leaves_the_book_as_it_was(casts: list[Cast], place: int, bit: int) -> None:
    book = VoteBook(LAB.roster, 1, LAB.verifier)
    for kind, view, value, members in casts:
        votes = LAB.votes(members, (kind, view, value))
        spoiled = list(votes.signatures)
        changed = bytearray(spoiled[bit % len(spoiled)])
        changed[place] ^= 1
        spoiled[bit % len(spoiled)] = bytes(changed)
        before = {key: dict(page) for key, page in book.votes.items()}
        forged = type(votes)(votes.kind, votes.view, votes.value_hash, votes.bitmap, tuple(spoiled))
        with pytest.raises(RemoteError):
            book.check(forged, 8)
        assert book.votes == before
