"""For what a voter is ready when circles meet, and against what it votes."""

from dataclasses import replace

import pytest

from smilesync.circle.changes import NO_CHANGES, Changes, Rotation
from smilesync.circle.circumstances import NEVER_NS, Moment
from smilesync.circle.genesis import Policy
from smilesync.circle.judge import of_a_merger
from smilesync.circle.merging import Merger
from smilesync.circle.offer import Dissolve, Offer
from smilesync.circle.proposing import Draft, fresh_value
from smilesync.circle.provenance import Provenance
from smilesync.circle.state import State
from smilesync.circle.validity import Head
from smilesync.circle.value import Value, named
from smilesync.config import SECOND_NS
from smilesync.ids import CircleId, ValueHash, VoterKey
from smilesync.wire.messages import Meet, Proof, Prove, Ready
from support.decisions import History, person
from support.lab import PATTERN
from support.meeting import (
    BEGIN_US,
    CONFIG,
    OTHER,
    OTHER_HEAD,
    STRANGERS,
    Voter,
    said,
)


def offer(head: tuple[int, ValueHash] = OTHER_HEAD, circle: CircleId = OTHER) -> Offer:
    return Offer(circle, *head, BEGIN_US + CONFIG.open_us)


def objected(voter: Voter, merging: Offer | Dissolve, seconds: float) -> str | None:
    reason = voter.objection(merging, seconds)
    return reason.rule if reason is not None else None


@pytest.mark.spec("MRG-020")
def test_voter_votes_for_an_offer_to_a_circle_that_it_met_for_a_while() -> None:
    voter = Voter()
    voter.meets(0, 4, 8)

    assert objected(voter, offer(), 9) == "MRG-020"
    voter.meets(11)
    assert objected(voter, offer(), 12) is None
    assert objected(voter, offer((4, OTHER_HEAD[1])), 12) == "MRG-020", "of that head none spoke"
    assert objected(voter, offer(circle=CircleId(bytes(32))), 12) == "MRG-020"
    assert objected(voter, offer(), 17) == "MRG-020", "it is gone"


@pytest.mark.spec("MRG-016", "MRG-020")
def test_larger_circle_is_made_no_offer() -> None:
    voter = Voter(size=4)
    voter.meets(0, 4, 8, 11, voters=5)

    assert objected(voter, offer(), 12) == "MRG-020"


@pytest.mark.spec("MRG-020")
def test_same_circle_is_made_an_offer_every_two_minutes() -> None:
    voter = Voter()
    voter.meets(*range(0, 12, 3))
    voter.last = voter.history.decide(merging=offer())[0]
    voter.wake(12)
    voter.last = voter.history.decide()[0]
    voter.wake(14)
    voter.meets(*range(12, 140, 3))

    assert objected(voter, offer(), 131.9) == "MRG-020"
    assert objected(voter, offer(), 132) is None


@pytest.mark.spec("MRG-008", "MRG-020")
def test_circle_that_cannot_be_proven_offers_nothing() -> None:
    voter = Voter()
    voter.pedigree.is_whole = False
    voter.wake(2)
    voter.meets(0, 4, 8, 11)

    assert objected(voter, offer(), 12) == "MRG-020"
    assert not [one for one in voter.wake(12) if isinstance(one, Ready)]


@pytest.mark.spec("MRG-040")
def test_voter_whose_wearer_does_not_agree_votes_for_nothing_and_says_nothing() -> None:
    voter = Voter()
    voter.meets(0, 4, 8, 11)
    voter.merger.agree(False)

    assert objected(voter, offer(), 12) == "MRG-040"
    assert objected(voter, Dissolve(OTHER, OTHER_HEAD[1]), 12) == "MRG-040"
    assert voter.choice(12) is None
    assert voter.wake(12) == []
    assert voter.merger.deadline_ns() > 10**18
    voter.hear(Meet(OTHER, *OTHER_HEAD, 3), STRANGERS[0], 13)


@pytest.mark.spec("MRG-040")
@pytest.mark.parametrize(
    ("policy", "said_so", "agrees"),
    [
        (Policy.OPEN, None, True),
        (Policy.OPEN, False, False),
        (Policy.INVITE, None, False),
        (Policy.STEWARD, None, False),
        (Policy.INVITE, True, True),
    ],
)
def test_who_agrees(policy: Policy, said_so: bool | None, agrees: bool) -> None:
    assert Merger(CONFIG, STRANGERS[0], policy, agrees=said_so).agrees is agrees


@pytest.mark.spec("MRG-020")
def test_value_that_merges_has_no_vote_of_who_met_nobody() -> None:
    voter = Voter()
    voter.around = replace(voter.around, matchmaker=None)

    assert objected(voter, offer(), 1) == "MRG-020"
    assert of_a_merger(voter.last.value, voter.head, voter.around, 0) is None


@pytest.mark.spec("MRG-022", "MRG-023")
def test_leader_offers_when_a_quorum_is_ready() -> None:
    voter = Voter(size=5)
    own = voter.around.roster.circle
    voter.meets(0, 4, 8, 11)
    ready = Ready(own, OTHER)
    assert ready in voter.wake(12)

    assert voter.choice(12) is None
    voter.all_ready(ready, 12, count=2)
    assert voter.choice(12) is None
    voter.hear(ready, STRANGERS[0], 12)
    voter.hear(Ready(OTHER, OTHER), voter.others[2], 12)
    assert voter.choice(12) is None, "strangers do not count, nor words of another circle"
    voter.all_ready(ready, 12, count=3)
    assert voter.choice(12) == offer()
    voter.meets(14, 17)
    assert voter.choice(17.1) is None, "they were ready more than five seconds ago"


@pytest.mark.spec("MRG-010", "MRG-022")
def test_leader_merges_in_the_first_two_views_and_changes_no_voter_with_it() -> None:
    voter = Voter(size=5)
    voter.meets(0, 4, 8, 11)
    voter.all_ready(Ready(voter.around.roster.circle, OTHER), 12)
    moment = Moment(12 * SECOND_NS, BEGIN_US, 0, may_vote=True)
    rotation = Rotation(0, bytes(32), VoterKey(b"n" * 32))
    changes = Changes(rotated=(rotation,))

    def value(view: int) -> Value:
        draft = Draft(PATTERN, changes, None, view)
        return fresh_value(draft, moment, head=voter.head, around=voter.around)

    assert [isinstance(value(view).merging, Offer) for view in (1, 2, 3)] == [True, True, False]
    assert value(2).changes == NO_CHANGES
    assert value(3).changes == changes


@pytest.mark.spec("MRG-012", "MRG-022")
def test_leader_does_not_offer_while_an_offer_is_open() -> None:
    voter = Voter(size=5)
    voter.meets(0, 4, 8, 11)
    voter.all_ready(Ready(voter.around.roster.circle, OTHER), 12)
    voter.around = replace(voter.around, state=State(offered_us=BEGIN_US + 1))

    assert voter.choice(12) is None


@pytest.mark.spec("MRG-022")
def test_leader_does_not_name_a_head_that_others_may_not_have_heard_of() -> None:
    voter = Voter(size=5)
    voter.meets(0, 4, 8)
    for slot in range(10, 18):
        for stranger in STRANGERS[:2]:
            voter.hear(Meet(OTHER, slot, OTHER_HEAD[1], 3), stranger, slot - 1)
    voter.all_ready(Ready(voter.around.roster.circle, OTHER), 17)

    chosen = voter.choice(17)
    assert isinstance(chosen, Offer)
    assert chosen.head_slot == 15


@pytest.mark.spec("MRG-022")
def test_leader_offers_nothing_to_a_circle_that_names_no_head_together() -> None:
    voter = Voter(size=5)
    for at_s in (0, 4, 8, 11):
        for stranger in STRANGERS[:2]:
            voter.hear(Meet(OTHER, 3, ValueHash(stranger), 3), stranger, at_s)
    voter.all_ready(Ready(voter.around.roster.circle, OTHER), 12)

    assert voter.choice(12) is None


def proven(
    voter: Voter, *, size: int = 6, to: CircleId | None = None, head: Head | None = None
) -> Provenance:
    """Let a voter fetch the proof that a circle of `size` offers, by default to its own."""
    other, named_head = History(size), head or voter.head
    other.genesis = replace(other.genesis, nonce=b"\1" * 32)
    other.roster = other.genesis.roster
    own = to or voter.around.roster.circle
    step = other.decide(merging=Offer(own, named_head.slot, named_head.hash, 60_000_000))
    proof = Provenance(other.genesis, (step,))
    meet = Meet(other.genesis.circle_id, 1, proof.name, 64, proof.name, voter.around.roster.circle)
    assert voter.hear(meet, STRANGERS[5], 20) == [], "fewer than two end nobody's circle"
    asked = voter.hear(meet, STRANGERS[6], 20)
    assert asked == [Prove(other.genesis.circle_id, proof.name, 0)]
    data = proof.encode()
    for at in range(0, len(data), 1024):
        part = Proof(meet.circle, proof.name, at, len(data), data[at : at + 1024])
        voter.hear(part, STRANGERS[6], 20)
    assert voter.merger.has_proof
    return proof


def living(voter: Voter, proof: Provenance, count: int, seconds: float) -> None:
    """Let so many voters of the other circle say that the offer is open."""
    own = voter.around.roster.circle
    for identity in proof.roster.identities[:count]:
        meet = Meet(proof.genesis.circle_id, 1, proof.name, 6, proof.name, own)
        voter.hear(meet, identity, seconds)


@pytest.mark.spec("MRG-021", "MRG-022", "MRG-023")
def test_voter_ends_its_circle_while_living_voters_of_the_other_offer() -> None:
    voter = Voter(size=5)
    proof = proven(voter)
    end = Dissolve(proof.genesis.circle_id, proof.name)
    ready = Ready(voter.around.roster.circle, end.circle, end.offer)

    assert objected(voter, end, 20) == "MRG-021"
    living(voter, proof, 1, 20)
    assert objected(voter, end, 20) == "MRG-021", "f + 1 of six are two"
    living(voter, proof, 2, 20)
    assert objected(voter, end, 20) is None
    assert ready in voter.wake(20)
    voter.all_ready(ready, 20)
    assert voter.choice(20) == end
    assert objected(voter, Dissolve(OTHER, end.offer), 20) == "MRG-021"
    assert objected(voter, end, 26) == "MRG-021", "nobody says so any more"


@pytest.mark.spec("MRG-016", "MRG-021")
@pytest.mark.parametrize("fault", ["for another", "smaller", "unknown head", "old head"])
def test_proof_of_an_offer_that_does_not_fit_ends_nothing(fault: str) -> None:
    voter = Voter(size=5)
    if fault == "for another":
        proof = proven(voter, to=OTHER)
    elif fault == "smaller":
        proof = proven(voter, size=4)
    elif fault == "unknown head":
        proof = proven(voter, head=Head(3, ValueHash(bytes(32)), 0, None))
    else:
        proof = proven(voter)
        for second in range(8):
            voter.last = voter.history.decide()[0]
            voter.wake(20 + second / 8)
    living(voter, proof, 6, 21)

    end = Dissolve(proof.genesis.circle_id, proof.name)
    assert objected(voter, end, 21) == "MRG-021"


@pytest.mark.spec("MRG-021")
def test_offer_may_name_one_of_the_last_eight_heads() -> None:
    voter = Voter(size=5)
    proof = proven(voter)
    for second in range(7):
        voter.last = voter.history.decide()[0]
        voter.wake(20 + second / 8)
    living(voter, proof, 6, 21)

    assert objected(voter, Dissolve(proof.genesis.circle_id, proof.name), 21) is None


@pytest.mark.spec("MRG-023")
def test_words_of_readiness_are_few() -> None:
    voter = Voter(size=5)
    own = voter.around.roster.circle
    voter.meets(0, 4, 8, 11)
    voter.all_ready(Ready(own, OTHER), 12)
    for number in range(6):
        voter.all_ready(Ready(own, CircleId(bytes([number]) * 32)), 12)

    assert voter.choice(12) is None, "the oldest word fell out"


@pytest.mark.spec("MRG-024")
def test_meet_names_the_open_offer_and_goes_to_strangers() -> None:
    voter = Voter(size=5)
    step = voter.history.decide(merging=offer())
    voter.pedigree.follow(step)
    voter.last = step[0]

    met = [one for one in voter.wake(2) if isinstance(one, Meet)]
    assert len(met) == len(STRANGERS)
    assert (met[0].offer, met[0].offered_to) == (step[0].hash, OTHER)
    late = voter.company(circle_us=BEGIN_US + CONFIG.open_us)
    plain = said(voter.merger.wake(late, 4 * SECOND_NS))
    assert {one.offer for one in plain if isinstance(one, Meet)} == {None}
    unsynced = said(voter.merger.wake(voter.company(circle_us=None), 6 * SECOND_NS))
    assert {one.offer for one in unsynced if isinstance(one, Meet)} == {None}
    near = voter.company(partners=(STRANGERS[0],))
    assert len(said(voter.merger.wake(near, 8 * SECOND_NS))) == len(STRANGERS) - 1
    outside = voter.company(may_vote=False)
    assert said(voter.merger.wake(outside, 10 * SECOND_NS)) == []
    young = voter.company(head=Head(0, ValueHash(bytes(32)), 0, None))
    assert said(voter.merger.wake(young, 12 * SECOND_NS)) == []


@pytest.mark.spec("MRG-025")
def test_own_offer_is_proven_to_who_asks_and_nothing_of_another_circle() -> None:
    voter = Voter(size=5)
    step = voter.history.decide(merging=offer())
    voter.pedigree.follow(step)
    own = voter.around.roster.circle

    told = voter.hear(Prove(own, step[0].hash, 0), STRANGERS[0], 2)
    other = voter.hear(Prove(OTHER, step[0].hash, 0), STRANGERS[1], 2)

    assert all(isinstance(one, Proof) for one in told)
    assert told
    assert other == []


def test_new_voter_key_for_something_else_is_not_the_mergers() -> None:
    voter = Voter()

    assert voter.merger.renewed(person(9)[1], voter.company(), SECOND_NS) == []
    assert voter.merger.key is None


def test_what_is_remembered_of_offers_and_voters_is_bounded() -> None:
    voter = Voter(size=5)
    for number in range(66):
        to = CircleId(number.to_bytes(2, "big") * 16)
        voter.last = voter.history.decide(merging=offer(circle=to))[0]
        voter.wake(2 + number / 100)

    voter.meets(*range(0, 12, 3))
    assert objected(voter, offer(), 11) is None
    assert named(voter.last.body).hash == voter.last.hash


@pytest.mark.spec("MRG-032")
def test_device_goes_over_when_the_last_lease_is_over() -> None:
    voter = Voter(size=5)
    proof = proven(voter)
    voter.last = voter.history.decide(merging=Dissolve(proof.genesis.circle_id, proof.name))[0]
    over_us, given_up = voter.last.value.not_after_us, list[int]()
    ready = voter.company(abandon=lambda: given_up.append(1) or [])

    for early in (
        ready._replace(is_lit=True),
        ready._replace(is_willing=False),
        ready._replace(circle_us=over_us - 1),
    ):
        voter.merger.wake(early, 21 * SECOND_NS)
        assert not given_up
    assert voter.merger.deadline_ns() < 22 * SECOND_NS
    voter.merger.wake(ready._replace(circle_us=over_us), 22 * SECOND_NS)
    voter.merger.wake(ready._replace(circle_us=over_us), 23 * SECOND_NS)
    assert given_up == [1], "once"
    assert voter.merger.outcome is None
    voter.merger.renewed(person(9)[1], ready._replace(is_willing=False), 24 * SECOND_NS)
    assert voter.merger.outcome is None, "the wearer withdrew while the key was made"
    voter.merger.wake(ready._replace(circle_us=None), 25 * SECOND_NS)
    assert voter.merger.outcome is not None
    assert voter.merger.outcome.name == proof.name


@pytest.mark.spec("MRG-032")
def test_device_without_a_voter_key_has_none_to_give_up() -> None:
    voter = Voter(size=5)
    proof = proven(voter)
    voter.last = voter.history.decide(merging=Dissolve(proof.genesis.circle_id, proof.name))[0]
    voter.around = replace(voter.around, signer=None, me=None)

    voter.merger.wake(voter.company(circle_us=None), 21 * SECOND_NS)

    assert voter.merger.outcome is not None
    assert voter.merger.choose(voter.head, voter.around, BEGIN_US, 21 * SECOND_NS) is None


@pytest.mark.spec("MRG-032")
def test_device_that_lacks_the_proof_of_the_end_asks_for_it() -> None:
    voter = Voter(size=5)
    voter.last = voter.history.decide(merging=Dissolve(OTHER, OTHER_HEAD[1]))[0]

    asked = voter.wake(21)
    again = voter.hear(Meet(OTHER, *OTHER_HEAD, 3), STRANGERS[0], 21)

    assert asked == [Prove(OTHER, OTHER_HEAD[1], 0)]
    assert again == []
    assert voter.merger.outcome is None


@pytest.mark.spec("MRG-032")
def test_last_lease_is_over_when_so_long_has_passed_whatever_the_clock_says() -> None:
    voter = Voter(size=5)
    proof = proven(voter)
    voter.last = voter.history.decide(merging=Dissolve(proof.genesis.circle_id, proof.name))[0]
    given_up = list[int]()
    wrong = voter.company(circle_us=0, abandon=lambda: given_up.append(1) or [])

    voter.merger.wake(wrong, 21 * SECOND_NS)
    voter.merger.wake(wrong, 26 * SECOND_NS)
    assert not given_up
    voter.merger.wake(wrong, 27 * SECOND_NS)

    assert given_up == [1]


def _begun(voter: Voter) -> tuple[Provenance, Prove]:
    """Let a voter begin to fetch a long proof, of which it gets the first part."""
    other = History(22)
    own, head = voter.around.roster.circle, voter.head
    step = other.decide(merging=Offer(own, head.slot, head.hash, 60_000_000))
    proof = Provenance(other.genesis, (step,))
    circle, data = other.genesis.circle_id, proof.encode()
    meet = Meet(circle, 1, proof.name, 22, proof.name, own)
    voter.hear(meet, STRANGERS[5], 20)
    voter.hear(meet, STRANGERS[6], 20)
    voter.hear(Proof(circle, proof.name, 0, len(data), data[:1024]), STRANGERS[6], 20)
    return proof, Prove(circle, proof.name, 1024)


@pytest.mark.spec("MRG-045", "MRG-024")
def test_voter_that_lacks_parts_wakes_to_ask_on_and_says_nothing_else_then() -> None:
    voter = Voter(size=5)
    voter.wake(19.9)

    _, question = _begun(voter)

    assert voter.merger.deadline_ns() == 20 * SECOND_NS + CONFIG.quiet_ns
    assert voter.wake(20.15) == [question]
    assert voter.merger.deadline_ns() == 20_150_000_000 + CONFIG.ask_on_ns


@pytest.mark.spec("MRG-040", "MRG-045")
def test_voter_whose_wearer_changes_its_mind_asks_on_for_nothing() -> None:
    voter = Voter(size=5)
    _begun(voter)

    voter.merger.agree(agrees=False)

    assert voter.wake(20.05) == []
    assert voter.merger.deadline_ns() == NEVER_NS
