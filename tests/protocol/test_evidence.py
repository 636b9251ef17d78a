"""Two votes that no honest voter signs both: found, proven, passed on, and acted upon."""

from dataclasses import replace

import pytest

from smilesync.circle import reception
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.evidence import SLOTS_MAX, conflict, hash_of, proof, verify
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.heads import Heads
from smilesync.circle.petitions import write_revoke
from smilesync.circle.pool import Pool
from smilesync.circle.quorum import VoteKey, statement
from smilesync.circle.reception import Reception
from smilesync.circle.roster import Seat
from smilesync.circle.state import EMPTY, State, Waiting
from smilesync.circle.witness import Witness
from smilesync.commands import Join
from smilesync.effects import Event, Send
from smilesync.errors import LocalError, Malformed, RemoteError, Unauthentic, Unwelcome
from smilesync.ids import PeerId, ValueHash, VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.wire.messages import Evidence, Hello, SignedVote, VoteKind, Votes, VoteSet
from support.lab import Lab
from support.membership import faults
from support.street import Street

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
LAB = Lab(5, silent=frozenset(range(5)))
A, B = ValueHash(b"a" * 32), ValueHash(b"b" * 32)
LIAR = 2
LIAR_KEY = LAB.roster.voters[LIAR]
SLOT = 9
TWO = ((N, 3, A), (N, 3, B))
STEWARD = Ed25519Signer(b"S" * 32)


def _proof(one: VoteKey, other: VoteKey, slot: int = SLOT) -> Evidence:
    signed = [(key, LAB.sign(LIAR, key, slot)) for key in (one, other)]
    return proof((slot, LIAR_KEY, LAB.roster.hash), signed[0], signed[1])


GOOD = _proof(*TWO)


@pytest.mark.spec("EVD-002", "EVD-003", "EVD-004")
@pytest.mark.parametrize(
    ("one", "other"), [TWO, TWO[::-1], ((F, 3, A), (F, 3, B)), ((F, 3, A), (X, 3, None))]
)
def test_evidence_of_a_lie_is_taken(one: VoteKey, other: VoteKey) -> None:
    evidence = _proof(one, other)

    verify(evidence, LAB.roster.circle, SLOT, LAB.verifier)
    verify(evidence, LAB.roster.circle, SLOT + SLOTS_MAX, LAB.verifier)
    assert hash_of(evidence) == hash_of(_proof(other, one)), "one lie, one name"


def _forged() -> Evidence:
    key = (N, 3, B)
    data = statement(LAB.roster.circle, LAB.roster.hash, SLOT, key)
    return replace(GOOD, other=SignedVote(N, B, LAB.pairs[0][1].sign(data)))


NO_PROOF: list[tuple[str, Evidence, int, type[RemoteError], str]] = [
    ("twice the same", replace(GOOD, other=GOOD.one), SLOT, Malformed, "EVD-002"),
    ("wrong order", replace(GOOD, one=GOOD.other, other=GOOD.one), SLOT, Malformed, "EVD-002"),
    (
        "NOTARIZE and FINALIZE",
        replace(GOOD, other=SignedVote(F, A, LAB.sign(LIAR, (F, 3, A), SLOT))),
        SLOT,
        Malformed,
        "EVD-002",
    ),
    ("of a slot to come", GOOD, SLOT - 1, Unwelcome, "EVD-003"),
    ("stale", GOOD, SLOT + SLOTS_MAX + 1, Unwelcome, "EVD-003"),
    ("of another view", replace(GOOD, view=4), SLOT, Unauthentic, "EVD-004"),
    ("of another roster", replace(GOOD, roster_hash=bytes(32)), SLOT, Unauthentic, "EVD-004"),
    ("of another slot", replace(GOOD, slot=SLOT - 1), SLOT, Unauthentic, "EVD-004"),
    ("against another", replace(GOOD, voter=LAB.roster.voters[0]), SLOT, Unauthentic, "EVD-004"),
    ("half forged", _forged(), SLOT, Unauthentic, "EVD-004"),
]


@pytest.mark.spec("EVD-002", "EVD-003", "EVD-004")
@pytest.mark.parametrize("case", NO_PROOF, ids=[case[0] for case in NO_PROOF])
def test_what_proves_nothing_is_refused(
    case: tuple[str, Evidence, int, type[RemoteError], str],
) -> None:
    _, evidence, open_slot, error, rule = case

    with pytest.raises(error) as caught:
        verify(evidence, LAB.roster.circle, open_slot, LAB.verifier)

    assert caught.value.rule == rule


def test_votes_of_two_views_or_that_go_together_are_no_conflict() -> None:
    assert not conflict((N, 1, A), (N, 2, B))
    assert not conflict((N, 1, A), (X, 1, None))
    assert not conflict((N, 1, A), (F, 1, A))


def _around(policy: Policy = Policy.INVITE, state: State = EMPTY) -> Circumstances:
    steward = STEWARD.public if policy is Policy.STEWARD else None
    parameters = Parameters(policy=policy, steward=steward)
    return replace(LAB.circumstances(0), parameters=parameters, state=state)


@pytest.mark.spec("EVD-005", "EVD-006")
def test_evidence_is_held_and_passed_on_once() -> None:
    door = Reception(Pool())

    sent = door.accuse(GOOD, _around(), SLOT)

    assert sent == [Send(to, GOOD) for to in LAB.roster.identities[1:]]
    assert door.accuse(_proof((F, 3, A), (X, 3, None)), _around(), SLOT) == []
    follower = replace(_around(), me=None)
    assert Reception(Pool()).accuse(GOOD, follower, SLOT) == []
    assert door.pool.get(hash_of(GOOD)) == GOOD
    assert door.pool.get(bytes(32)) is None
    door.settle(replace(_around(), roster=LAB.roster.changed(1 << LIAR, ())), Heads())
    assert door.pool.proofs() == []


@pytest.mark.spec("EVD-005", "EVD-006")
def test_evidence_against_nobody_here_is_refused_and_ignored_in_a_closed_circle() -> None:
    door = Reception(Pool())
    with pytest.raises(Unwelcome) as caught:
        door.accuse(replace(GOOD, voter=VoterKey(bytes(32))), _around(), SLOT)
    assert caught.value.rule == "EVD-005"

    assert door.accuse(GOOD, _around(Policy.CLOSED), SLOT) == []

    assert door.pool.proofs() == []


@pytest.mark.spec("EVD-005")
def test_of_the_evidence_against_a_key_the_first_is_held() -> None:
    pool = Pool()

    keys = [VoterKey(bytes([number]) * 32) for number in (1, 2, 1)]

    assert [pool.accuse(replace(GOOD, voter=key)) for key in keys] == [True, True, False]


@pytest.mark.spec("INV-007", "INV-013", "EVD-006")
def test_revocation_of_somebody_inside_puts_out_and_of_others_is_refused() -> None:
    guest = Seat(VoterKey(b"G" * 32), PeerId(b"g" * 32))
    around = _around(Policy.STEWARD, State((Waiting(guest, 0),)))
    door, circle = Reception(Pool()), LAB.roster.circle
    for who in (guest.identity, LAB.roster.identities[LIAR]):
        door.handle(write_revoke(STEWARD, who, circle), around, Heads())

    assert {who for _, who in door.pool.proofs()} == {
        guest.identity,
        LAB.roster.identities[LIAR],
    }
    with pytest.raises(Unwelcome) as caught:
        door.handle(write_revoke(STEWARD, PeerId(bytes(32)), circle), around, Heads())
    assert caught.value.rule == "INV-013"
    door.settle(replace(around, state=EMPTY), Heads())
    assert [who for _, who in door.pool.proofs()] == [LAB.roster.identities[LIAR]]


def _street(policy: Policy = Policy.INVITE) -> Street:
    steward = STEWARD.public if policy is Policy.STEWARD else None
    return Street(6, members=6, parameters=Parameters(policy=policy, steward=steward))


def _lie(street: Street, liar: int, to: int, *keys: VoteKey) -> None:
    """Let the liar sign votes of the slot that `to` has open, and show them to it alone."""
    circle = street.peers[to].circle
    assert circle is not None
    roster = circle.roster
    index = roster.place_of(street.pairs[liar][1].public)
    assert index is not None
    sets = []
    for key in keys:
        data = statement(roster.circle, roster.hash, circle.slot.number, key)
        signature = street.pairs[liar][1].sign(data)
        sets.append(VoteSet(key[0], key[1], key[2], 1 << index, (signature,)))
    street.deliver(liar, to, Votes(circle.slot.number, tuple(sets)))


def _size(street: Street, device: int = 0) -> int:
    circle = street.peers[device].circle
    assert circle is not None
    return circle.roster.size


@pytest.mark.spec("EVD-006", "EVD-007", "MEM-013", "MEM-018", "INV-015")
def test_double_voter_is_expelled_by_all_who_saw_the_proof_and_never_comes_back() -> None:
    street = _street()
    street.run(5)

    _lie(street, 5, 0, (X, 7, None), (F, 7, A))
    street.run(30)

    assert _size(street) == 5
    state = street.peers[1].circle.chain.state
    assert state is not None
    assert state.expelled == (street.identities[5],)
    assert street.genesis is not None
    assert faults(street.genesis, street.journals, street.verifier)[0] == []
    with pytest.raises(LocalError, match="expelled"):
        street.command(5, Join(None))
    told = {n.peer for _, _, n in street.notices if n.event is Event.EQUIVOCATION_SEEN}
    assert told == {street.identities[5]}


@pytest.mark.spec("EVD-007")
def test_nobody_is_expelled_without_a_proof_that_voters_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    street = _street()
    street.run(5)
    name = street.identities[5]

    def accused(self: Witness) -> list[tuple[bytes, PeerId]]:
        return [(b"?" * 32, name)] if self.presence is street.peers[0].circle.presence else []

    monkeypatch.setattr(Witness, "proofs", accused)
    street.run(60)

    assert _size(street) == 6


@pytest.mark.spec("EVD-008")
def test_who_passes_on_what_proves_nothing_is_heard_as_before() -> None:
    street = _street()
    street.run(5)
    circle = street.peers[0].circle
    voter = circle.roster.voters[3]
    roster_hash = circle.roster.hash
    false = replace(GOOD, voter=voter, slot=1, roster_hash=roster_hash)

    for _ in range(3):
        street.deliver(4, 0, false)
        street.run(0.2)
    street.run(30)

    dropped = dict(street.peers[0].statistics(street.local_ns(0)).dropped)
    assert dropped == {"EVD-004": 3}
    assert _size(street) == 6
    assert street.peers[0].scene.is_selected


@pytest.mark.spec("INV-016")
def test_evidence_of_a_stranger_comes_too_fast() -> None:
    street = Street(
        5,
        members=4,
        parameters=Parameters(policy=Policy.INVITE),
        passes=lambda source, to, message: not isinstance(message, Hello),
    )
    street.run(5)

    for _ in range(2):
        street.deliver(4, 0, replace(GOOD, slot=1))

    dropped = dict(street.peers[0].statistics(street.local_ns(0)).dropped)
    assert dropped == {"EVD-004": 1, "INV-016": 1}


@pytest.mark.spec("INV-007", "EVD-006", "EVD-007")
def test_steward_expels_a_voter() -> None:
    street = _street(Policy.STEWARD)
    street.run(5)
    circle = street.peers[0].circle.roster.circle
    revoke = write_revoke(STEWARD, street.identities[2], circle)

    street.deliver(3, 0, revoke)
    street.run(30)

    assert _size(street) == 5
    assert street.identities[2] not in street.peers[0].circle.roster.index_of


@pytest.mark.spec("EVD-004")
def test_without_the_check_of_its_signatures_an_honest_voter_would_be_expelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reception, "verify", lambda *_: None)
    street = _street()
    street.run(5)
    circle = street.peers[0].circle

    street.deliver(4, 0, replace(GOOD, voter=circle.roster.voters[3], slot=1))
    street.run(30)

    assert _size(street) == 5
