"""Partners, beacons, errands: what is passed on, to whom, and what nobody is believed."""

from dataclasses import replace

import pytest

from smilesync.circle import farasking, spread
from smilesync.circle.beacon import SILENCE_NS, BeaconBook, Word, sign_beacon
from smilesync.circle.chain import Chain
from smilesync.circle.errands import OPEN_MAX, OPEN_NS, Errands, answer, read_answer
from smilesync.circle.guard import RestartGuard
from smilesync.circle.partners import Partner, Partners
from smilesync.circle.quorum import value_hash
from smilesync.circle.slot import Slot
from smilesync.circle.value import named
from smilesync.clock.readings import Window
from smilesync.clock.relayed import Relayed, read
from smilesync.config import ClockConfig
from smilesync.entropy import Entropy
from smilesync.errors import Malformed, RemoteError, Unauthentic, Unwelcome
from smilesync.ids import CircleId, PeerId
from smilesync.wire import cbor, codec
from smilesync.wire.envelope import Domain, signed_bytes
from smilesync.wire.messages import (
    Ask,
    Beacons,
    Body,
    Decided,
    Hello,
    Propose,
    Status,
    Told,
    VoteKind,
    Votes,
    VoteSummary,
)
from support.lab import Lab

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
LAB = Lab(4, silent=frozenset(range(4)))
MANY = Lab(17, silent=frozenset(range(17)))
A, B, C = (PeerId(bytes([n]) * 32) for n in (1, 2, 3))
BODY = LAB.value().encode()
HASH = value_hash(BODY)
NONCE = bytes(range(16))
EXAMPLE_TAG = bytes.fromhex("0aa07d23daebf0b061e7f4dd96908797")


def _partners(lab: Lab = LAB, me: int | None = 0, name: PeerId = A) -> Partners:
    return Partners(lab.roster.circle, lab.roster, name, me, Entropy(bytes(16)))


def _slot(*keys: tuple[VoteKind, int], members: tuple[int, ...] = (0, 1, 2)) -> Slot:
    slot = Slot(LAB.circumstances(None), Chain(LAB.roster, LAB.verifier).head())
    leader = LAB.leader()
    moment = Lab(1).circles[0]._moment(0)
    slot.handle_propose(LAB.proposal(leader, BODY), replace(moment, may_vote=False))
    for kind, view in keys:
        votes = LAB.votes(members, (kind, view, None if kind is X else HASH))
        slot.book.take(slot.book.check(votes, 9))
    return slot


def _signatures(messages: list[object]) -> int:
    return sum(len(votes.signatures) for m in messages if isinstance(m, Votes) for votes in m.sets)


@pytest.mark.spec("SPR-020")
def test_who_follows_or_is_one_of_many_greets_and_a_voter_of_few_waits() -> None:
    voter, follower = _partners(name=B), _partners(me=None)

    assert voter.connected(A) == []
    assert follower.connected(B) == [B]
    assert _partners(MANY).connected(A) == [A]
    assert voter.handle_hello(follower.hello(), A) == [A]
    assert voter.connected(B) == [B]
    assert voter.handle_hello(follower.hello(), A) == []
    assert follower.handle_hello(voter.hello(), B) == [B]
    assert follower.known[B].serves, "the voter has a partner without a seat"
    assert sorted(voter.greeted()) == [A, B]


@pytest.mark.spec("SPR-020")
def test_hello_of_another_circle_or_without_a_link_is_ignored() -> None:
    voter = _partners()
    voter.connected(A)

    assert voter.handle_hello(_partners(MANY).hello(), A) == []
    assert voter.handle_hello(_partners(me=None, name=B).hello(), B) == []
    assert not voter.known


@pytest.mark.spec("SPR-020")
def test_tag_is_the_one_of_the_example() -> None:
    circle, name = CircleId(bytes([1]) * 32), PeerId(bytes([2]) * 32)
    partners = Partners(circle, LAB.roster, A, None, Entropy(bytes(16)))
    partners.connected(name)

    partners.handle_hello(Hello(bytes(8), EXAMPLE_TAG, 0, False), name)

    assert list(partners.known) == [name]


@pytest.mark.spec("SPR-020")
def test_hello_that_a_stranger_heard_and_says_again_makes_it_no_partner() -> None:
    """It does not know the circle: partners learn what its people feel, and who they are."""
    voter, follower = _partners(name=B), _partners(me=None, name=A)
    for neighbour in (A, C):
        voter.connected(neighbour)
    said = follower.hello()

    assert voter.handle_hello(said, C) == []
    assert not voter.known
    assert voter.handle_hello(said, A) == [A, C]
    assert list(voter.known) == [A]


@pytest.mark.spec("SPR-020")
def test_reach_names_voters_of_the_roster_only() -> None:
    """Else a liar's reach into nowhere would make it serve for ever, and ask for every beacon."""
    partners, follower = _partners(), _partners(me=None)
    partners.connected(A)
    hello = replace(follower.hello(), reach=2**64 - 1)

    partners.handle_hello(hello, A)

    assert partners.known[A].reach == (1 << LAB.roster.size) - 1


@pytest.mark.spec("SPR-020")
def test_reach_is_the_voters_with_a_link_and_follows_the_roster() -> None:
    partners = _partners()
    two = LAB.roster.identities[2]
    partners.connected(two)
    partners.connected(A)
    partners.handle_hello(_partners(me=None).hello(), A)
    partners.known[A].held[X, 1, None] = 1

    assert partners.reach == 0b101
    assert partners.is_linked(2)
    assert not partners.is_linked(1)
    assert partners.serves
    partners.follow(MANY.roster, None)
    assert partners.reach == sum(1 << n for n, i in enumerate(MANY.roster.identities) if i == two)
    assert not partners.known[A].held
    partners.disconnected(A)
    assert not partners.serves


@pytest.mark.spec("SPR-022")
def test_a_partner_gets_what_it_lacks_once() -> None:
    slot, partner = _slot((N, 1), members=(0, 1)), Partner(A)
    partner.turn(1)
    partner.held[N, 1, HASH] = 0b01

    first = spread.open_messages(partner, slot)
    again = spread.open_messages(partner, slot)

    assert [type(message) for message in first] == [Propose, Votes]
    assert _signatures([*first]) == slot.book.bitmap((N, 1, HASH)).bit_count() - 1
    assert again == []


@pytest.mark.spec("SPR-022")
def test_a_voter_gets_nothing_that_its_signer_sends_it() -> None:
    voter, follower = Partner(LAB.roster.identities[3]), Partner(A)
    voter.reach = follower.reach = 0b1111

    assert spread.open_messages(voter, _slot((N, 1))) == []
    assert spread.open_messages(follower, _slot((N, 1))) != []


@pytest.mark.spec("SPR-022")
def test_who_holds_a_certificate_gets_no_more_votes() -> None:
    partner, slot = Partner(A), _slot((N, 1), (X, 1), members=(0, 1, 2, 3))
    summary = VoteSummary(N, 1, HASH, 0b0111)
    spread.note_held(partner, Status(1, 1, (summary,), (HASH,)), slot)

    messages = spread.open_messages(partner, slot)

    assert [votes.kind for m in messages if isinstance(m, Votes) for votes in m.sets] == [X]
    assert not [m for m in messages if isinstance(m, Propose)]


@pytest.mark.spec("SPR-022")
def test_what_a_partner_sends_it_holds() -> None:
    partner, slot = Partner(A), _slot((N, 1))
    spread.note_held(partner, slot.proposals[1], slot)
    spread.note_held(partner, replace(slot.proposals[1], view=5), slot)
    spread.note_held(partner, Votes(1, (LAB.votes((0, 1, 2, 3), (N, 1, HASH)),)), slot)
    spread.note_held(partner, Votes(9, (LAB.votes((0,), (X, 1, None)),)), slot)
    spread.note_held(partner, Body(1, BODY), slot)

    assert spread.open_messages(partner, slot) == []
    for view in range(2, 2 * spread.KEYS_MAX):
        spread.note_held(partner, Votes(1, (LAB.votes((0,), (X, view, None)),)), slot)
    assert len(partner.held) == spread.KEYS_MAX


@pytest.mark.spec("SPR-022")
def test_a_decision_goes_to_who_lacks_it() -> None:
    slot = _slot((F, 1))
    decided, certificate = named(BODY), LAB.votes((0, 1, 2), (F, 1, HASH))
    nobody, half, full = Partner(A), Partner(B), Partner(C)
    spread.note_held(half, slot.proposals[1], slot)
    spread.note_held(half, Votes(1, (LAB.votes((0, 1), (F, 1, HASH)),)), slot)
    spread.note_held(full, Votes(1, (certificate,)), slot)
    voter = Partner(LAB.roster.identities[3])
    voter.reach = 0b1111

    whole = spread.decided_messages(nobody, slot, decided, certificate)

    assert [type(message) for message in whole] == [Decided, Votes]
    rest = spread.decided_messages(half, slot, decided, certificate)
    assert [type(m) for m in rest] == [Votes]
    assert _signatures([*rest]) == 1
    assert spread.decided_messages(full, slot, decided, certificate) == []
    assert spread.decided_messages(voter, slot, decided, certificate) == []
    later = Slot(LAB.circumstances(None), replace(slot.head, slot=4))
    jumped = spread.decided_messages(Partner(A), later, decided, certificate)
    assert [type(message) for message in jumped] == [Decided, Votes]


@pytest.mark.spec("BCN-001", "BCN-003", "BCN-004")
def test_the_newest_beacon_shows_the_way_and_an_older_one_is_ignored() -> None:
    book = BeaconBook(LAB.roster, 0, LAB.verifier)
    beacons = [sign_beacon(LAB.roster, LAB.pairs[1][1], Word(us, 1, True)) for us in (10, 20)]

    assert book.take(beacons[0], A, 0, 1) == 1
    assert book.take(beacons[0], B, 1, 1) is None
    assert book.take(beacons[0], B, 1, 1) is None
    assert book.ways(1) == [A, B]
    assert book.take(beacons[1], C, 2, 1) == 1
    assert book.take(beacons[0], A, 3, 1) is None
    assert book.take(beacons[1], B, 3, 1) is None
    assert book.ways(1) == [C, B]
    assert book.synced(3) == 1
    assert book.synced(2 + SILENCE_NS + 1) == 0
    assert book.take(beacons[0], A, 2 + SILENCE_NS, 1) == 1, (
        "after a silence it may have stepped back"
    )
    book.forget(A)
    assert book.ways(1) == [C]
    assert book.ways(2) == []


@pytest.mark.spec("BCN-002")
@pytest.mark.parametrize(
    "change",
    [{"voter": 2}, {"voter": 4}, {"circle_us": 11}, {"slot": 2}, {"is_synced": False}, {"away": 1}],
    ids=str,
)
def test_a_forged_beacon_is_rejected(change: dict[str, int]) -> None:
    book = BeaconBook(LAB.roster, 0, LAB.verifier)
    beacon = sign_beacon(LAB.roster, LAB.pairs[1][1], Word(10, 1, True))

    with pytest.raises(RemoteError) as caught:
        book.take(beacon._replace(**change), A, 0, 2)

    assert caught.value.rule == "BCN-002"
    assert book.newest == {}


@pytest.mark.spec("BCN-004")
def test_beacons_go_once_to_each_partner_and_the_own_one_is_not_taken_back() -> None:
    book, partner = BeaconBook(MANY.roster, 0, MANY.verifier), Partner(A)
    for voter in range(12):
        signer = MANY.pairs[voter][1]
        beacon = sign_beacon(MANY.roster, signer, Word(voter, 1, False))
        if voter:
            book.take(beacon, B, 0, 1)
        else:
            book.keep_own(beacon)
    book.note(partner, [book.newest[3]])

    assert [len(message.beacons) for message in book.news_for(partner)] == [10, 1]
    assert book.news_for(partner) == []
    assert book.take(book.newest[0]._replace(circle_us=99), A, 0, 1) is None
    assert isinstance(Beacons((book.newest[0],)), Beacons)


@pytest.mark.spec("SPR-031", "SPR-032")
def test_a_question_goes_on_once_and_its_answer_back() -> None:
    errands = Errands()
    ways = {0: [A, B], 1: [B], 2: [A], 3: []}.__getitem__
    ask = Ask(NONCE, 0b1111)

    assert errands.forward(ask, A, ways, 0) == [(B, Ask(NONCE, 0b0011))]
    assert errands.forward(ask, A, ways, 0) == []
    assert errands.forward(ask, C, ways, 0) == [(A, Ask(NONCE, 0b0100))]
    assert errands.forward(ask, C, ways, 0) == []
    told = Told(NONCE, 0, b"\xa0", bytes(64))
    assert errands.handle_told(told, B, 5) == (A, 0)
    errands.close(told)
    assert errands.forward(ask, A, ways, 6) == [], "also after the answer"
    for wrong, sender, now_ns in (
        (told, B, 5),
        (replace(told, voter=1), A, 5),
        (replace(told, voter=1), B, OPEN_NS + 1),
        (replace(told, nonce=bytes(16)), B, 5),
    ):
        with pytest.raises(Unwelcome) as caught:
            errands.handle_told(wrong, sender, now_ns)
        assert caught.value.rule == "SPR-032"


@pytest.mark.spec("SPR-031", "SPR-032")
def test_parts_of_a_question_that_meet_again_go_on_together() -> None:
    """Its asker split it between two partners, and both know the same next one."""
    errands = Errands()

    assert errands.forward(Ask(NONCE, 0b01), A, lambda _: [C], 0) == [(C, Ask(NONCE, 0b01))]
    assert errands.forward(Ask(NONCE, 0b11), B, lambda _: [C], 0) == [(C, Ask(NONCE, 0b10))]
    assert errands.handle_told(Told(NONCE, 0, b"\xa0", bytes(64)), C, 5) == (A, 0)
    assert errands.handle_told(Told(NONCE, 1, b"\xa0", bytes(64)), C, 5) == (B, 0)


@pytest.mark.spec("SPR-031")
def test_open_questions_are_bounded() -> None:
    errands = Errands()
    for number in range(OPEN_MAX + 1):
        errands.begin(Ask(number.to_bytes(16, "big"), 1), lambda _: [A], 0)

    with pytest.raises(Unwelcome):
        errands.handle_told(Told(bytes(16), 0, b"\xa0", bytes(64)), A, 0)
    last = Told(OPEN_MAX.to_bytes(16, "big"), 0, b"\xa0", bytes(64))
    assert errands.handle_told(last, A, 0) == (None, 0)
    errands.begin(Ask(b"late".ljust(16), 1), lambda _: [A], OPEN_NS + 1)
    with pytest.raises(Unwelcome):
        errands.handle_told(last, A, 0)


@pytest.mark.spec("SPR-033")
@pytest.mark.parametrize("circle_us", [None, 7])
def test_an_answer_is_what_its_voter_signed(circle_us: int | None) -> None:
    told = answer(Ask(NONCE, 2), LAB.roster, LAB.pairs[1][1], time=(circle_us, True), status=b"s")

    found = read_answer(told, LAB.roster, LAB.verifier, 3)

    assert (found.voter, found.circle_us, found.is_synced) == (1, circle_us, True)
    assert (found.status, found.asked_ns) == (b"s", 3)


@pytest.mark.spec("SPR-033")
def test_a_forged_answer_is_rejected() -> None:
    signer = LAB.pairs[1][1]
    told = answer(Ask(NONCE, 2), LAB.roster, signer, time=(7, True), status=None)
    elsewhere = answer(Ask(bytes(16), 2), LAB.roster, signer, time=(7, True), status=None)
    odd = cbor.encode({1: NONCE, 3: True, 9: 1})
    signed = signer.sign(signed_bytes(Domain.CLOCK, odd, circle=LAB.roster.circle))

    for wrong, error in (
        (replace(told, voter=2), Unauthentic),
        (replace(told, voter=4), Malformed),
        (replace(told, body=told.body[:-1] + b"\xf4"), Unauthentic),
        (replace(elsewhere, nonce=NONCE), Unauthentic),
        (Told(NONCE, 1, odd, signed), Malformed),
    ):
        with pytest.raises(error) as caught:
            read_answer(wrong, LAB.roster, LAB.verifier, 0)
        assert caught.value.rule == "SPR-033"


@pytest.mark.spec("SPR-034")
def test_half_the_round_trip_bounds_the_error_of_a_relayed_reading() -> None:
    window, config = Window(ClockConfig(), LAB.roster.identities[1]), ClockConfig(guard_us=60_000)

    read(window, Relayed(5_000_000, True, 0), config, 40_000_000)

    reading = window.read(40_000, 0)
    assert reading is not None
    assert reading.error_us == 20_003
    assert reading.offset_us == 5_020_000
    assert window.spoke_us == window.counted_us == window.sent_us == 0


@pytest.mark.spec("SPR-034")
@pytest.mark.parametrize(
    ("told", "now_ns"),
    [
        (Relayed(None, True, 0), 1_000_000),
        (Relayed(5, True, 0), 2_001_000_000),
        (Relayed(2**52, True, 0), 1_000_000),
    ],
    ids=["no time", "too slow", "nonsense"],
)
def test_a_relayed_reading_that_says_nothing_is_ignored(told: Relayed, now_ns: int) -> None:
    window = Window(ClockConfig(), LAB.roster.identities[1])

    read(window, told, ClockConfig(), now_ns)

    assert window.read(now_ns // 1_000, 0) is None


@pytest.mark.spec("CIR-052", "CIR-053", "SPR-033")
def test_the_question_over_others_recalls_what_was_forgotten() -> None:
    asker, holder = RestartGuard(LAB.roster, 1, 77, is_amnesic=False), _slot((N, 1))
    empty = Slot(LAB.circumstances(1), Chain(LAB.roster, LAB.verifier).head())
    question = farasking.question_of(asker, empty)
    assert question is not None

    chain = Chain(LAB.roster, LAB.verifier)
    reply = farasking.reply_to(Ask(NONCE, 1, 1, question), holder, chain)

    assert reply is not None
    status = codec.decode(reply)
    assert isinstance(status, Status)
    asker.handle_answer(status, 0, empty, LAB.verifier)
    assert asker.is_amnesic
    assert farasking.question_of(asker, empty) is None
    assert farasking.reply_to(Ask(NONCE, 1), holder, chain) is None
    chain.append(named(BODY), LAB.votes((0, 1, 2), (F, 1, HASH)), LAB.roster)
    later = Slot(LAB.circumstances(None), chain.head())
    assert farasking.reply_to(Ask(NONCE, 1, 1, question), later, chain) is not None


@pytest.mark.spec("SPR-012")
@pytest.mark.parametrize("ask", [Ask(NONCE, 1, 63, None), Ask(NONCE, 1, 1, None)])
def test_a_question_of_nobody_or_that_is_no_status_is_rejected(ask: Ask) -> None:
    text = codec.encode(Status(1, 1, ()) if ask.asker == 63 else Decided(BODY, 1))

    with pytest.raises(Malformed) as caught:
        farasking.reply_to(replace(ask, question=text), _slot(), Chain(LAB.roster, LAB.verifier))

    assert caught.value.rule == "SPR-012"
