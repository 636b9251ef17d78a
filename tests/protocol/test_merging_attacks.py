"""What a stranger, or one liar, does to keep circles apart or to lead one astray."""

from dataclasses import replace

import pytest

from smilesync.circle.encounter import Encounters
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.offer import Dissolve, Offer
from smilesync.circle.provenance import (
    LINKS_BYTES_MAX,
    LINKS_MAX,
    Pedigree,
    Provenance,
    read_proof,
)
from smilesync.config import PROOF_BYTES_MAX, SECOND_NS, MergingConfig
from smilesync.errors import Malformed
from smilesync.ids import CircleId, ValueHash
from smilesync.wire.messages import Meet, MeetingMessage, Message, Proof, Prove, Ready
from support.decisions import History
from support.lab import CachedVerifier
from support.meeting import BEGIN_US, OTHER, OTHER_HEAD, STRANGERS, Voter

VERIFIER = CachedVerifier()
LIAR, ACCOMPLICE = STRANGERS[6], STRANGERS[5]
FALSE_HEAD = ValueHash(b"f" * 32)


def offering(voter: Voter, number: int, size: int = 6) -> Provenance:
    """Return the proof that some other circle offers to the voter's."""
    other = History(size)
    other.genesis = replace(other.genesis, nonce=bytes([number]) * 32)
    other.roster = other.genesis.roster
    head, own = voter.head, voter.around.roster.circle
    step = other.decide(merging=Offer(own, head.slot, head.hash, 60_000_000))
    return Provenance(other.genesis, (step,))


def told(voter: Voter, proof: Provenance) -> Meet:
    circle, own = proof.genesis.circle_id, voter.around.roster.circle
    return Meet(circle, 1, proof.name, proof.roster.size, proof.name, own)


def answered(voter: Voter, proof: Provenance, said: list[Message], seconds: float) -> None:
    """Let a neighbour send the proof, if it is asked for that."""
    wanted = [one for one in said if isinstance(one, Prove)]
    if [one.offer for one in wanted] != [proof.name]:
        return
    data, name = proof.encode(), (proof.genesis.circle_id, proof.name)
    for at in range(0, len(data), 1024):
        part: MeetingMessage = Proof(*name, at, len(data), data[at : at + 1024])
        for sender in (LIAR, *proof.roster.identities):
            voter.hear(part, sender, seconds)


@pytest.mark.spec("MRG-021", "MRG-026", "MRG-027")
def test_invented_circle_that_offers_does_not_keep_a_real_one_out() -> None:
    """Its proof verifies, its id is lower, and two devices speak for it."""
    voter = Voter(size=5)
    proofs = sorted((offering(voter, n) for n in range(9)), key=lambda one: one.genesis.circle_id)
    false, real = proofs[0], proofs[-1]

    for second in range(20, 32):
        heard = voter.hear(told(voter, false), ACCOMPLICE, second)
        heard += voter.hear(told(voter, false), LIAR, second)
        for identity in real.roster.identities[:3]:
            heard += voter.hear(told(voter, real), identity, second + 0.1)
        answered(voter, false, heard, second + 0.2)
        answered(voter, real, heard, second + 0.2)

    end = Dissolve(real.genesis.circle_id, real.name)
    assert voter.objection(end, 31.5) is None
    asked = voter.hear(told(voter, false), LIAR, 33.9)
    assert asked == [], "a proof by which it would end its circle is good enough"


@pytest.mark.spec("MRG-022", "MRG-028")
def test_head_that_one_liar_makes_up_is_not_the_one_that_is_offered_to() -> None:
    encounters = Encounters(MergingConfig())
    for second in (0, 3, 6, 9):
        for honest in STRANGERS[:2]:
            encounters.heard(Meet(OTHER, *OTHER_HEAD, 3), honest, second * SECOND_NS)
        encounters.heard(Meet(OTHER, 10**9, FALSE_HEAD, 3), LIAR, second * SECOND_NS)

    assert encounters.settled_head(OTHER, 10 * SECOND_NS) == OTHER_HEAD


@pytest.mark.spec("MRG-020", "MRG-023")
def test_circles_that_were_made_an_offer_leave_room_for_one_that_was_not() -> None:
    voter = Voter(size=5)
    circles = [CircleId(bytes([number]) * 32) for number in range(5)]
    for second in range(0, 17, 4):
        for number, circle in enumerate(circles):
            voter.hear(Meet(circle, *OTHER_HEAD, 1), STRANGERS[number], second)
    for circle in circles[:4]:
        merging = Offer(circle, *OTHER_HEAD, BEGIN_US)
        voter.last = voter.history.decide(merging=merging)[0]
        voter.wake(12)

    ready = {one.other for one in voter.wake(14) if isinstance(one, Ready)}

    assert ready == {circles[4]}


@pytest.mark.spec("MRG-013", "MRG-020")
def test_voter_that_would_end_its_circle_offers_nobody_anything_for_a_while() -> None:
    """Else who plays small circles keeps it from ending: it could not while its offer is open."""
    voter = Voter(size=5)
    proof = offering(voter, 1)
    small = Offer(OTHER, *OTHER_HEAD, BEGIN_US + MergingConfig().open_us)
    voter.meets(*range(0, 24, 3))
    assert voter.objection(small, 22) is None
    for identity in proof.roster.identities[:3]:
        answered(voter, proof, voter.hear(told(voter, proof), identity, 22), 22)

    ready = [one for one in voter.wake(23) if isinstance(one, Ready)]

    assert {one.offer for one in ready} == {proof.name}, "to end, and not to offer"
    voter.meets(*range(24, 145, 3))
    reason = voter.objection(small, 142.9)
    assert reason is not None
    assert reason.rule == "MRG-020"
    assert voter.objection(small, 143) is None


@pytest.mark.spec("MRG-006", "MRG-011")
@pytest.mark.parametrize(
    "parameters", [Parameters(), Parameters(policy=Policy.OPEN, is_strict=True)]
)
def test_circle_that_never_merges_takes_nobody_in(parameters: Parameters) -> None:
    """Its people would be stuck there: such a circle is never succeeded, and merges no further."""
    history = History(4, parameters)
    step = history.decide(merging=Offer(OTHER, *OTHER_HEAD, 60_000_000))
    proof = Provenance(history.genesis, (step,))

    with pytest.raises(Malformed) as caught:
        read_proof(proof.encode(), VERIFIER, wanted=(history.genesis.circle_id, proof.name))

    assert caught.value.rule == "MRG-006"


@pytest.mark.spec("MRG-008")
def test_proof_of_a_very_large_circle_is_never_longer_than_may_be_told() -> None:
    history = History(64)
    pedigree = Pedigree(history.genesis.roster)
    offer = Offer(OTHER, *OTHER_HEAD, 60_000_000)
    sizes, links = [], 0
    while pedigree.is_whole and links < LINKS_MAX:
        links += pedigree.follow(history.decide(out=5, new=5)) is not None
        step = history.decide(merging=offer)
        pedigree.follow(step)
        proof = pedigree.proof(history.genesis, step[0].hash)
        sizes += [len(proof.encode())] if proof is not None else []

    assert links < LINKS_MAX
    assert not pedigree.is_whole
    assert LINKS_BYTES_MAX < max(sizes) <= PROOF_BYTES_MAX
