"""Petitions, evidence and signs of life over others, and beacons while the voters change."""

from dataclasses import replace

import pytest

from smilesync.circle.answers import Answers
from smilesync.circle.beacon import ROSTERS_MAX, BeaconBook, Word, sign_beacon
from smilesync.circle.chain import Chain
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.heads import Heads
from smilesync.circle.hearsay import over_others
from smilesync.circle.partners import Partner
from smilesync.circle.petitions import invite_from_text, write_invite, write_join, write_leave
from smilesync.circle.pool import JOINS_MAX, Pool
from smilesync.circle.presence import Presence
from smilesync.circle.reception import Reception
from smilesync.circle.roster import Seat
from smilesync.circle.state import EMPTY, State, Waiting
from smilesync.circle.wishes import WishPool
from smilesync.circle.witness import Witness
from smilesync.commands import Join, Leave, WishFor
from smilesync.config import CircleConfig
from smilesync.effects import Event, Notice, Send
from smilesync.errors import RemoteError
from smilesync.ids import CircleId, PeerId, ValueHash, VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.light.choose import MOOD_PATTERNS
from smilesync.wire.messages import Carried
from support.lab import SECOND_NS, Lab
from support.street import Street
from vectors.make_petitions import GUEST, GUEST_ID, HEAD, VOTER

LAB = Lab(4, silent=frozenset(range(4)))
CIRCLE = LAB.roster.circle
OLD, NEW = ValueHash(b"\1" * 32), ValueHash(HEAD)
HEADS = Heads([OLD, NEW])
WAITS = State((Waiting(Seat(VoterKey(VOTER.public), GUEST_ID), 0),))
A, B, C = (PeerId(bytes([n]) * 32) for n in (1, 2, 3))
FAR = Parameters(tolerance_us=120_000, policy=Policy.INVITE)
OPEN = Parameters(policy=Policy.OPEN)


def _around(state: State | None = WAITS, me: int | None = None) -> Circumstances:
    around = replace(LAB.circumstances(me), state=state, identity=GUEST, signer=VOTER)
    return replace(around, parameters=Parameters(policy=Policy.INVITE))


def _passing() -> Reception:
    reception = Reception(Pool())
    reception.is_passing = True
    return reception


def _sign(head: bytes = NEW, voter: Ed25519Signer = VOTER) -> Carried:
    return write_join(GUEST, voter, head, CIRCLE)


# ---- on their way


@pytest.mark.spec("SPR-040")
def test_what_is_said_goes_to_the_best_partner_once_and_never_back() -> None:
    leave = write_leave(GUEST, VOTER.public, CIRCLE)
    near, *far = LAB.roster.identities
    ways = {1: [A, B], 2: [A], 3: [B, C]}
    notice = Notice(Event.ROSTER_CHANGED)
    said = [notice, *(Send(to, leave) for to in (near, *far)), Send(B, leave)]

    def way(voter: int) -> list[PeerId]:
        return [near] if voter == 0 else ways[voter]

    index_of = LAB.roster.index_of.get
    sent = over_others(said, index_of, way)
    back = over_others(said, index_of, way, A)

    assert sent == [notice, Send(near, leave), Send(A, leave), Send(B, leave)]
    assert back == [notice, Send(near, leave), Send(B, leave)]
    assert over_others([Send(far[0], leave)], index_of, lambda voter: []) == []


@pytest.mark.spec("SPR-040", "INV-017")
def test_a_follower_with_partners_passes_on_what_it_verified_and_holds_new() -> None:
    reception, around = _passing(), _around(EMPTY)
    join = write_join(GUEST, VOTER, NEW, CIRCLE, write_invite(LAB.pairs[0][0], 10**9, CIRCLE))
    forged = replace(join, signature=bytes(64))

    with pytest.raises(RemoteError):
        reception.handle(forged, around, HEADS)
    assert reception.handle(join, around, HEADS) == [Send(to, join) for to in LAB.roster.identities]
    assert reception.handle(join, around, HEADS) == []


@pytest.mark.spec("SPR-040", "INV-017")
def test_a_full_pool_is_neither_checked_nor_passed_on() -> None:
    reception, around = _passing(), replace(_around(EMPTY), parameters=OPEN)
    for number in range(JOINS_MAX):
        guest, voter = (Ed25519Signer(bytes([kind, 100 + number]) * 16) for kind in (1, 2))
        assert reception.handle(write_join(guest, voter, NEW, CIRCLE), around, HEADS)
    more = replace(write_join(GUEST, VOTER, NEW, CIRCLE), signature=bytes(64))

    assert reception.handle(more, around, HEADS) == []
    assert len(reception.pool.admissions(HEADS, 1)) == JOINS_MAX


@pytest.mark.spec("SPR-041")
def test_a_partner_that_floods_is_refused_and_heard_again_later() -> None:
    config = CircleConfig()
    answers, sender = Answers(config), PeerId(b"1" * 32)
    burst = config.hearsay_burst_ns // config.hearsay_cost_ns + 1
    for _ in range(burst):
        answers.hear_partner(sender, 0)

    with pytest.raises(RemoteError) as caught:
        answers.hear_partner(sender, 0)
    assert caught.value.rule == "SPR-041"
    answers.hear_partner(PeerId(b"2" * 32), 0)
    answers.hear_partner(sender, config.hearsay_cost_ns)


# ---- signs of life


@pytest.mark.spec("SPR-042")
def test_who_waits_says_so_with_every_head_and_only_among_partners() -> None:
    reception, around = _passing(), _around()

    assert reception.tell(around, HEADS) == [Send(to, _sign()) for to in LAB.roster.identities]
    assert reception.tell(_around(EMPTY), HEADS) == []
    assert reception.tell(replace(around, signer=LAB.pairs[0][1]), HEADS) == []
    assert reception.tell(around, Heads()) == []
    reception.pool.neighbours = LAB.roster.identities[1:]
    assert reception.tell(around, HEADS) == [Send(LAB.roster.identities[0], _sign())]
    reception.pool.neighbours = ()
    reception.is_passing = False
    assert reception.tell(around, HEADS) == []


@pytest.mark.spec("SPR-042", "INV-014")
def test_a_sign_of_life_is_taken_once_for_each_newer_head() -> None:
    reception, around = _passing(), _around()

    assert reception.handle(_sign(), around, HEADS)
    assert reception.handle(_sign(), around, HEADS) == []
    assert reception.handle(_sign(OLD), around, HEADS) == [], "it was heard of a later head"
    assert reception.pool.signs == {GUEST_ID: NEW}
    newest = ValueHash(b"\2" * 32)
    assert reception.handle(_sign(newest), around, Heads([OLD, NEW, newest]))
    reception.settle(_around(EMPTY), HEADS)
    assert reception.pool.signs == {}


@pytest.mark.spec("SPR-042", "INV-011", "INV-014")
@pytest.mark.parametrize(
    ("sign", "rule"),
    [
        (_sign(ValueHash(b"\7" * 32)), "INV-011"),
        (_sign(voter=Ed25519Signer(bytes(32))), "INV-014"),
        (replace(_sign(), signature=bytes(64)), "OBJ-006"),
        (replace(_sign(), body=b"\xa0"), "INV-001"),
    ],
    ids=["old head", "another key", "forged", "no JOIN"],
)
def test_a_bad_sign_of_life_is_refused(sign: Carried, rule: str) -> None:
    reception = _passing()

    with pytest.raises(RemoteError) as caught:
        reception.handle(sign, _around(), HEADS)

    assert caught.value.rule == rule
    assert reception.pool.signs == {}


@pytest.mark.spec("INV-014")
def test_without_partners_a_join_of_who_waits_is_refused_as_ever() -> None:
    invite = write_invite(LAB.pairs[0][0], 10**9, CIRCLE)
    with pytest.raises(RemoteError) as caught:
        Reception(Pool()).handle(write_join(GUEST, VOTER, NEW, CIRCLE, invite), _around(), HEADS)

    assert caught.value.rule == "INV-014"


@pytest.mark.spec("SPR-043")
def test_a_leader_seats_who_was_heard_or_knows_the_newest_decision() -> None:
    chain, pool = Chain(LAB.roster, LAB.verifier), Pool()
    witness = Witness(CircleConfig(), Presence(LAB.roster, 0, 0), pool, chain)
    now_ns = 100 * SECOND_NS
    assert not witness.is_near(GUEST_ID, now_ns)

    chain.heads = HEADS
    pool.signs[GUEST_ID] = OLD
    assert not witness.is_near(GUEST_ID, now_ns)
    pool.signs[GUEST_ID] = NEW
    assert witness.is_near(GUEST_ID, now_ns)
    pool.neighbours = {GUEST_ID}
    assert not witness.is_near(GUEST_ID, now_ns), "it would be heard, if it were there"


# ---- beacons while the voters change


@pytest.mark.spec("BCN-005")
def test_a_beacon_counts_for_its_voter_whatever_roster_it_was_made_under() -> None:
    signer = LAB.pairs[3][1]
    old_index = LAB.roster.place_of(signer.public)
    assert old_index is not None
    gone = 1 << (old_index - 1) if old_index else 2
    after = LAB.roster.changed(gone, ())
    new_index = after.place_of(signer.public)
    before = sign_beacon(LAB.roster, signer, Word(10, 4, True))
    later = sign_beacon(after, signer, Word(20, 5, True))
    book = BeaconBook(LAB.roster, None, LAB.verifier)
    assert book.take(before, A, 0, 4) == old_index
    assert book.take(later, A, 0, 4) in (None, old_index), "of a slot that is not open here"

    book = BeaconBook(LAB.roster, None, LAB.verifier)
    assert book.take(before, A, 0, 4) == old_index
    book.follow(after, None, 5)

    assert new_index is not None
    assert book.newest == {new_index: before}
    assert book.ways(new_index) == [A]
    assert book.take(before, B, 1, 5) is None
    assert book.ways(new_index) == [A, B]
    assert book.take(later, A, 1, 5) == new_index
    partner = Partner(C)
    book.note(partner, [later])
    assert book.news_for(partner) == []


@pytest.mark.spec("BCN-002", "BCN-005")
def test_a_beacon_that_cannot_be_placed_is_no_error_and_is_not_believed() -> None:
    signer = LAB.pairs[1][1]
    good = sign_beacon(LAB.roster, signer, Word(10, 9, True))
    book = BeaconBook(LAB.roster, None, LAB.verifier)
    wrong = good._replace(signature=bytes(64))

    assert book.take(wrong, A, 0, 8) is None
    assert book.take(good._replace(voter=40), A, 0, 8) is None
    with pytest.raises(RemoteError):
        book.take(wrong, A, 0, 9)
    with pytest.raises(RemoteError):
        book.take(good._replace(voter=40), A, 0, 9)
    assert book.newest == {}
    for slot in range(10, 10 + ROSTERS_MAX):
        book.follow(LAB.roster, None, slot)
    assert book.take(good, A, 0, 20) is None, "of a roster that is forgotten"


# ---- whole devices in a chain, each with a link to the next only


def _next_only(one: int, other: int) -> bool:
    return abs(one - other) == 1


def _street(size: int, members: int) -> Street:
    return Street(
        size,
        members=members,
        linked=_next_only,
        passes=lambda source, to, message: _next_only(source, to),
        parameters=FAR,
    )


def _voters(street: Street, device: int) -> set[int]:
    circle = street.peers[device].circle
    assert circle is not None
    return {street.identities.index(identity) for identity in circle.roster.identities}


@pytest.mark.spec("SPR-040", "SPR-042", "SPR-043", "SPR-044", "MEM-024")
def test_somebody_far_from_all_voters_gets_a_seat_votes_and_leaves() -> None:
    street = _street(8, 4)
    street.run(8)
    host, guest = street.peers[0], 7
    text = host.invitation(10**9, street.identities[guest], street.local_ns(0))

    street.command(guest, Join(invite_from_text(text, street.verifier)[1]))
    street.run(50)

    assert all(_voters(street, who) == {0, 1, 2, 3, guest} for who in range(8))
    assert street.peers[guest].statistics(street.local_ns(guest)).is_voter
    assert not street.peers[guest].statistics(street.local_ns(guest)).is_asking
    street.command(guest, Leave(is_now=False))
    street.run(40)
    assert all(_voters(street, who) == {0, 1, 2, 3} for who in range(8))
    assert street.erased == [guest]
    assert all(peer.scene.is_selected for who, peer in street.peers.items() if who != guest)


@pytest.mark.spec("WSH-003", "WSH-007", "SPR-041")
def test_a_wish_reaches_all_voters_over_others_and_strangers_are_refused() -> None:
    street = _street(6, 4)
    street.run(8)

    street.command(0, WishFor(MOOD_PATTERNS[2]))
    street.run(1)

    held = [street.peers[who].wishes._wishes for who in range(6)]
    assert [list(wishes) for wishes in held] == [[street.identities[0]]] * 6
    wish = held[0][street.identities[0]].carried
    pool = WishPool(CircleConfig(), CircleId(street.genesis.circle_id), street.verifier, {A: None})
    members, slot = {street.identities[0]}, 2
    with pytest.raises(RemoteError) as caught:
        pool.take(wish, B, 0, members=members, slot=slot)
    assert caught.value.rule == "WSH-003"
    forged = replace(wish, signature=bytes(64))
    rules = []
    for _ in range(60):
        with pytest.raises(RemoteError) as caught:
            pool.take(forged, A, 0, members=members, slot=slot)
        rules.append(caught.value.rule)
    assert rules[0] != rules[-1] == "SPR-041"
    assert pool.take(wish, A, 2 * SECOND_NS, members=members, slot=slot) == []
    assert list(pool._wishes) == [street.identities[0]]


@pytest.mark.spec("SPR-023", "MEM-021")
def test_a_restarted_voter_among_followers_learns_that_the_voters_changed() -> None:
    pairs = {(0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (5, 6)}
    street = Street(
        7,
        members=6,
        linked=lambda one, other: (min(one, other), max(one, other)) in pairs,
        passes=lambda one, other, message: (min(one, other), max(one, other)) in pairs,
        parameters=FAR,
    )
    street.run(8)
    for gone in (0, 5):
        street.stop(gone)
    street.run(60)
    assert _voters(street, 6) == {1, 2, 3, 4}

    street.start(5)
    street.run(4)

    assert _voters(street, 5) == _voters(street, 6)
    street.run(40)
    assert _voters(street, 5) == {1, 2, 3, 4, 5}
    assert street.peers[5].scene.is_selected


@pytest.mark.spec("MEM-034", "MEM-035", "BCN-006", "SPR-042")
def test_a_voter_that_is_gone_is_removed_by_what_beacons_tell_and_comes_back() -> None:
    street = _street(8, 6)
    street.run(8)

    street.stop(0)
    street.run(45)
    assert all(_voters(street, who) == {1, 2, 3, 4, 5} for who in range(1, 8))
    street.start(0)
    street.run(45)

    assert all(_voters(street, who) == {0, 1, 2, 3, 4, 5} for who in range(8))
