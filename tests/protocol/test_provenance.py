"""What proves to strangers that a circle offered: short, and believed only as far as signed."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smilesync.circle.genesis import Parameters, Policy, circle_id_of
from smilesync.circle.offer import Offer
from smilesync.circle.provenance import (
    LINKS_MAX,
    OFFERS_KEPT,
    Name,
    Pedigree,
    Provenance,
    Step,
    proven,
    read_proof,
    vouches,
)
from smilesync.circle.quorum import bits, value_hash, vote_set
from smilesync.config import PROOF_BYTES_MAX
from smilesync.errors import Malformed, RemoteError
from smilesync.ids import CircleId, ValueHash
from smilesync.wire import cbor, records
from smilesync.wire.messages import VoteKind, VoteSet
from smilesync.wire.votesets import set_value
from support.decisions import History, person, seat_of
from support.lab import CachedVerifier

VERIFIER = CachedVerifier()
OFFER = Offer(CircleId(b"o" * 32), 3, ValueHash(b"h" * 32), 60_000_000)


def told(history: History, steps: list[Step]) -> tuple[Pedigree, Provenance | None]:
    """Return what a device makes of these decisions and of an offer after them."""
    pedigree = Pedigree(history.genesis.roster)
    for step in [*steps, history.decide(merging=OFFER)]:
        pedigree.follow(step)
        last = step
    return pedigree, pedigree.proof(history.genesis, last[0].hash)


def changed(size: int, turns: int) -> tuple[History, list[Step]]:
    """Return a circle that replaced its voters so often, one after the other."""
    history, steps = History(size), list[Step]()
    for _ in range(turns):
        steps += [history.decide(out=1), history.decide(new=1), history.decide()]
    return history, steps


def read_again(proof: Provenance) -> Provenance:
    """Return what a stranger reads in the bytes of a proof."""
    return read_proof(proof.encode(), VERIFIER, wanted=(proof.genesis.circle_id, proof.name))


def rule(data: bytes) -> str | None:
    """Return the rule that a proof breaks, of whatever it says that it is one."""
    try:
        read_proof(data, VERIFIER, wanted=named_in(data))
    except RemoteError as error:
        return error.rule
    return None


def named_in(data: bytes) -> Name:
    """Return the circle and the last value of what may be a proof."""
    with suppress(Malformed, AttributeError, IndexError, KeyError, TypeError, ValueError):
        born, listed = cbor.decode(data, limit_bytes=PROOF_BYTES_MAX)  # type: ignore[misc]
        return circle_id_of(born), value_hash(listed[-1][0])  # type: ignore[arg-type, index]
    return CircleId(bytes(32)), ValueHash(bytes(32))


def spelled(history: History, *steps: Step) -> bytes:
    return Provenance(history.genesis, steps).encode()


@pytest.mark.spec("MRG-005", "MRG-008")
def test_circle_whose_voters_stay_is_proven_by_its_offer_alone() -> None:
    history = History(4)

    _, proof = told(history, [history.decide() for _ in range(5)])

    assert proof is not None
    assert len(proof.steps) == 1
    found = read_again(proof)
    assert found.encode() == proof.encode()
    assert found.offer == OFFER
    assert found.name == proof.steps[0][0].hash
    assert found.roster.hash == history.roster.hash


@pytest.mark.spec("MRG-005", "MRG-008")
@pytest.mark.parametrize(("size", "turns", "links"), [(4, 2, 1), (7, 3, 1), (7, 12, 3), (22, 8, 1)])
def test_circle_that_changed_needs_a_few_links(size: int, turns: int, links: int) -> None:
    history, steps = changed(size, turns)

    _, proof = told(history, steps)

    assert proof is not None
    assert read_again(proof).encode() == proof.encode()
    assert abs(len(proof.steps) - 1 - links) <= 1
    assert len(proof.steps) < len(steps)


@pytest.mark.spec("MRG-005", "MRG-008")
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=20), st.integers(1, 9))
def test_whatever_a_device_takes_it_can_prove(turns: list[tuple[int, int]], size: int) -> None:
    history, steps = History(size), list[Step]()
    trusted = history.roster
    for out, new in turns:
        steps.append(history.decide(out=out if history.roster.size > out else 0, new=new))
        assert vouches(trusted, steps[-1]), "each is taken under the roster of the one before"
        trusted = history.roster

    pedigree, proof = told(history, steps)

    assert pedigree.is_whole is (proof is not None)
    if proof is not None:
        assert read_again(proof).encode() == proof.encode()
        assert len(proof.steps) <= LINKS_MAX + 1


@pytest.mark.spec("MRG-008")
def test_circle_that_changed_too_much_has_no_proof() -> None:
    history, steps = changed(4, 3 * LINKS_MAX)

    pedigree, proof = told(history, steps)

    assert not pedigree.is_whole
    assert proof is None
    assert pedigree.follow(history.decide(out=1)) is None


@pytest.mark.spec("MRG-008")
def test_decision_that_nothing_known_vouches_for_breaks_the_proof() -> None:
    history, steps = changed(4, 4)
    pedigree = Pedigree(history.genesis.roster)

    assert pedigree.follow(steps[-1]) is None

    assert not pedigree.is_whole


@pytest.mark.spec("MRG-008")
def test_links_outlive_a_restart() -> None:
    history, steps = changed(7, 8)
    pedigree, journal = Pedigree(history.genesis.roster), list[records.Record]()
    for step in steps:
        if (link := pedigree.follow(step)) is not None:
            journal.append(records.decode(records.encode(link)))
    elsewhere = replace(proven(steps[0]), circle=CircleId(bytes(32)))
    again = Pedigree(history.genesis.roster)

    again.restore([elsewhere, records.Shown(3), *journal])
    for step in steps[-6:]:
        assert again.follow(step) is None
    offer = history.decide(merging=OFFER)
    again.follow(offer)
    pedigree.follow(offer)

    assert len(journal) > 1
    proof = again.proof(history.genesis, offer[0].hash)
    assert proof is not None
    before = pedigree.proof(history.genesis, offer[0].hash)
    assert before is not None
    assert proof.encode() == before.encode()
    assert read_again(proof).encode() == proof.encode()


@pytest.mark.spec("MRG-024")
def test_offer_is_open_until_its_date_and_few_are_kept() -> None:
    history = History(4)
    pedigree = Pedigree(history.genesis.roster)
    names = []
    for until_us in range(60, 60 + OFFERS_KEPT + 1):
        step = history.decide(merging=replace(OFFER, until_us=until_us))
        pedigree.follow(step)
        names.append(step[0].hash)

    assert pedigree.proof(history.genesis, names[0]) is None
    assert pedigree.proof(history.genesis, names[1]) is not None
    last = pedigree.open_offer(60 + OFFERS_KEPT - 1)
    assert last == (names[-1], replace(OFFER, until_us=60 + OFFERS_KEPT))
    assert pedigree.open_offer(60 + OFFERS_KEPT) is None


def one_of(step: Step, *, count: int | None = None, **changes: object) -> Step:
    """Return the decision with another certificate."""
    decided, certificate, by = step
    key = (certificate.kind, certificate.view, certificate.value_hash)
    pairs = dict(zip(bits(certificate.bitmap), certificate.signatures, strict=True))
    votes = vote_set(key, dict(list(pairs.items())[:count]))
    return decided, replace(votes, **changes), by  # type: ignore[arg-type]  # a VoteSet's fields


@pytest.mark.spec("MRG-005")
def test_proof_with_a_false_signature_is_refused() -> None:
    history = History(4)
    step = history.decide(merging=OFFER)
    false = tuple(bytes(64) for _ in step[1].signatures)

    assert rule(spelled(history, one_of(step, signatures=false))) == "MRG-005"


@pytest.mark.spec("MRG-005")
def test_proof_that_leaves_out_a_link_is_refused() -> None:
    history, steps = changed(7, 12)
    _, proof = told(history, steps)
    assert proof is not None

    assert rule(spelled(history, *proof.steps[1:])) == "MRG-005"


@pytest.mark.spec("MRG-005")
def test_proof_of_a_roster_that_its_own_liars_made_is_refused() -> None:
    """f of the founders and friends are a quorum of their own roster, which nobody vouches for."""
    liars, strangers = History(7), [person(900 + number) for number in range(5)]
    liars.people += strangers
    liars.roster = liars.roster.changed(0b11111, sorted(map(seat_of, strangers)))

    assert rule(spelled(liars, liars.decide(merging=OFFER))) == "MRG-005"


@pytest.mark.spec("MRG-006")
def test_form_of_a_proof() -> None:
    history = History(4)
    plain, step, later = history.decide(), history.decide(merging=OFFER), history.decide()
    strict = History(4, Parameters(policy=Policy.OPEN, is_strict=True))
    nullify = VoteSet(VoteKind.NULLIFY, 1, None, step[1].bitmap, step[1].signatures)
    outsider = one_of(step, bitmap=0b10011)
    bad = {
        "no array": cbor.encode({1: 2}),
        "no decisions": cbor.encode([history.genesis.encode(), []]),
        "three items": cbor.encode([history.genesis.encode(), [], 0]),
        "a decision of two items": cbor.encode([history.genesis.encode(), [[step[0].body, 0]]]),
        "no offer at the end": spelled(history, step, later),
        "one slot twice": spelled(history, step, step),
        "a certificate of another value": spelled(history, (plain[0], *step[1:])),
        "nullify votes": spelled(history, (step[0], nullify, step[2])),
        "too few votes": spelled(history, one_of(step, count=2)),
        "a vote of nobody": spelled(history, outsider),
        "another strictness": spelled(history, (*step[:2], strict.roster)),
        "too many links": spelled(history, *[history.decide() for _ in range(LINKS_MAX + 1)], step),
    }

    assert {name: rule(data) for name, data in bad.items()} == dict.fromkeys(bad, "MRG-006")
    assert rule(bytes(PROOF_BYTES_MAX + 1)) == "CBR-010"


@pytest.mark.spec("MRG-006")
def test_decision_that_makes_another_roster_than_it_says_proves_nothing() -> None:
    """Its voters signed it all the same: more than f lie, and nothing follows from it."""
    history = History(4)

    step = history.decide(merging=OFFER, roster_hash=bytes(32))

    assert rule(spelled(history, step)) == "MRG-006"


@pytest.mark.spec("MRG-005")
def test_genesis_that_somebody_did_not_sign_proves_nothing() -> None:
    history = History(4)
    card = replace(history.genesis.founders[0], identity_signature=bytes(64))
    step = history.decide(merging=OFFER)
    forged = replace(history.genesis, founders=(card, *history.genesis.founders[1:]))
    data = cbor.encode([forged.encode(), [[step[0].body, set_value(step[1]), step[2].body]]])

    assert rule(data) == "GEN-004"
