"""Rosters and states fetched by hash, and decisions taken under a roster one had not known."""

from dataclasses import replace

import pytest

from smilesync.circle.chain import KEPT_TURNS, Chain
from smilesync.circle.changes import Changes
from smilesync.circle.library import PARTS_MAX, PIECE_BYTES, ROSTERS_MAX, Library
from smilesync.circle.quorum import VoteKey, statement, value_hash, vote_set
from smilesync.circle.roster import Roster, Seat
from smilesync.circle.state import EMPTY, State, Waiting
from smilesync.circle.value import Value, named
from smilesync.errors import Malformed, Unwelcome
from smilesync.ids import PeerId, VoterKey
from smilesync.wire.messages import Decided, Piece, VoteKind, Votes, VoteSet
from smilesync.wire.records import DecidedRecord, Seated
from smilesyncd.journal import retained
from support.lab import Lab

LAB = Lab(7, silent=frozenset(range(7)))
NEW = LAB.roster
OLD = NEW.changed(0b1110000, ())
"""Members 0 to 3."""
STRANGERS = [Seat(VoterKey(bytes([i]) * 32), PeerId(bytes([99 - i]) * 32)) for i in range(3)]
FOREIGN = Roster(NEW.circle, sorted([NEW.seats[0], *STRANGERS]), is_strict=False)
"""Member 0 and three whom nobody knows."""
ONE, OTHER = PeerId(b"1" * 32), PeerId(b"2" * 32)
STATE = State((Waiting(STRANGERS[0], 5),))
BIG = State(tuple(Waiting(STRANGERS[0], i) for i in range(22)), expelled=(ONE,) * 60)


def _value(slot: int = 9, **changes: object) -> Value:
    return LAB.value(slot=slot, **{"roster_hash": NEW.hash, **changes})


def _signed(value: Value, members: tuple[int, ...] = (0, 1, 4, 5, 6), by: Roster = NEW) -> VoteSet:
    """Return a finalization by members of the laboratory, in the order of `by`."""
    key = (VoteKind.FINALIZE, 1, value_hash(value.encode()))
    data = statement(by.circle, by.hash, value.slot, key)
    votes = {}
    for member in members:
        place = by.place_of(LAB.pairs[member][1].public)
        assert place is not None
        votes[place] = LAB.pairs[member][1].sign(data)
    return vote_set(key, votes)


def _fetch(chain: Chain, holder: Chain, wanted: bytes) -> None:
    """Bring over what `chain` asks for."""
    while True:
        asked = dict(chain.library.requests(ONE, None, ()))
        if wanted not in asked:
            return
        for piece in holder.pieces(wanted, asked[wanted]):
            chain.library.handle_piece(piece, ONE, None)


def _chain(roster: Roster = OLD) -> Chain:
    return Chain(roster, LAB.verifier)


@pytest.mark.spec("MEM-020", "MEM-021", "CIR-040")
def test_straggler_takes_a_decision_of_a_roster_of_which_it_trusts_enough() -> None:
    chain, value = _chain(), _value()
    votes = _signed(value)
    body = value.encode()

    assert chain.handle_decided(Decided(body, 1)) is None
    assert chain.handle_certificate(9, votes, may_skip=True) is None, "its roster is not held yet"
    _fetch(chain, _chain(NEW), NEW.hash)
    complete = chain.handle_certificate(9, votes, may_skip=True)

    assert complete is not None
    assert complete[:2] == (named(body), votes)
    assert complete[2].hash == NEW.hash


@pytest.mark.spec("MEM-021")
@pytest.mark.parametrize(
    ("trusted", "may_skip"), [(FOREIGN, True), (OLD, False)], ids=["too few known", "too old"]
)
def test_decision_of_a_roster_that_nothing_vouches_for_is_refused(
    trusted: Roster, may_skip: bool
) -> None:
    chain, value = _chain(trusted), _value()
    chain.handle_decided(Decided(value.encode(), 1))
    chain.library.keep(NEW)

    with pytest.raises(Unwelcome) as caught:
        chain.handle_certificate(9, _signed(value), may_skip=may_skip)

    assert caught.value.rule == "MEM-021"


@pytest.mark.spec("MEM-021", "MEM-024")
def test_decision_that_changes_the_roster_is_taken_under_the_one_it_names() -> None:
    chain = _chain()
    value = _value(roster_hash=NEW.changed(1, ()).hash, changes=Changes(removed=1))
    body = value.encode()
    chain.library.keep(NEW)

    chain.handle_decided(Decided(body, 1, NEW.hash))
    complete = chain.handle_certificate(9, _signed(value), may_skip=True)
    assert complete is not None
    made = chain.append(*complete)

    assert chain.roster.hash == NEW.changed(1, ()).hash
    assert made == [Seated(10, chain.roster.body, b""), DecidedRecord(9, body, complete[1])]
    assert chain.answer(1) == [Decided(body, 1, NEW.hash), Votes(9, (complete[1],))]


@pytest.mark.spec("MEM-021")
def test_false_hint_and_false_delta_decide_nothing() -> None:
    chain = _chain()
    value = _value(roster_hash=bytes(32))
    chain.library.keep(NEW)
    chain.handle_decided(Decided(value.encode(), 1, NEW.hash))

    assert chain.handle_certificate(9, _signed(value), may_skip=True) is None
    assert named(_value(changes=Changes(removed=1 << 20)).encode())


@pytest.mark.spec("CIR-041", "MEM-011")
def test_impossible_delta_of_the_open_slot_is_refused() -> None:
    value = LAB.value(roster_hash=OLD.hash, changes=Changes(removed=1 << 20))

    with pytest.raises(Unwelcome):
        _chain().handle_decided(Decided(value.encode(), 1))


@pytest.mark.spec("MEM-004", "MEM-005")
def test_state_follows_slot_after_slot_and_is_unknown_after_a_jump() -> None:
    chain, circle = _chain(NEW), NEW.circle
    for slot, state_hash, known in [
        (1, EMPTY.hash(circle), EMPTY),
        (2, STATE.hash(circle), None),
        (3, STATE.hash(circle), None),
        (4, EMPTY.hash(circle), EMPTY),
        (9, EMPTY.hash(circle), EMPTY),
        (12, STATE.hash(circle), None),
    ]:
        value = _value(slot, state_hash=state_hash)
        chain.append(named(value.encode()), _signed(value), NEW)
        assert chain.state == known, slot


@pytest.mark.spec("MEM-005", "MEM-023")
def test_change_of_the_state_is_on_the_record_before_the_decision() -> None:
    chain = _chain(NEW)
    state = State((Waiting(NEW.seats[6], 0),))
    after = NEW.changed(1 << 6, ())
    changes = Changes(removed=1 << 6)
    value = _value(1, roster_hash=after.hash, state_hash=state.hash(NEW.circle), changes=changes)
    votes = _signed(value)

    made = chain.append(named(value.encode()), votes, NEW)

    seated = Seated(2, after.body, state.encode())
    assert made == [seated, DecidedRecord(1, value.encode(), votes)]
    again = _chain(NEW)
    again.restore(DecidedRecord(1, value.encode(), votes), [Seated(9, OLD.body, b""), seated])
    assert (again.roster.hash, again.state) == (after.hash, state)
    assert again.answer(1) == chain.answer(1)


@pytest.mark.spec("MEM-023")
def test_state_that_is_not_known_is_so_after_a_restart_until_it_is_fetched() -> None:
    chain = _chain(NEW)
    value = _value(4, state_hash=STATE.hash(NEW.circle))
    votes = _signed(value)
    made = chain.append(named(value.encode()), votes, NEW)
    assert made[0] == Seated(5, NEW.body, None)

    learned = chain.learn_state(STATE)

    again = _chain(NEW)
    again.restore(DecidedRecord(4, value.encode(), votes), [Seated(5, NEW.body, None), learned])
    assert again.state == STATE
    assert again.pieces(STATE.hash(NEW.circle), 0)
    chain.state = None
    assert chain.pieces(STATE.hash(NEW.circle), 0) == []


def test_heads_are_those_without_a_gap() -> None:
    chain = _chain(NEW)
    for slot in (1, 2, 5, *range(6, 20)):
        value = _value(slot)
        chain.append(named(value.encode()), _signed(value), NEW)
        if slot == 5:
            assert list(chain.heads) == [value_hash(value.encode())]

    assert len(list(chain.heads)) == 8


@pytest.mark.spec("MEM-020")
def test_large_state_comes_in_pieces_and_only_the_right_one_is_taken() -> None:
    wanted, body = BIG.hash(NEW.circle), BIG.encode()
    library = Library(NEW)
    assert library.requests(ONE, wanted, ()) == ((wanted, 0),)

    pieces = library.pieces(wanted, 0, body)
    found = [library.handle_piece(piece, ONE, wanted) for piece in pieces]

    assert len(pieces) == -(-len(body) // PIECE_BYTES) > 1
    assert found == [None] * (len(pieces) - 1) + [BIG]


@pytest.mark.spec("MEM-020")
def test_pieces_of_something_else_are_refused_and_others_passed_over() -> None:
    library = Library(OLD)
    library.want(NEW.hash)
    body = FOREIGN.body

    with pytest.raises(Malformed) as caught:
        library.handle_piece(Piece(NEW.hash, 0, len(body), body), ONE, None)
    assert caught.value.rule == "MEM-020"
    with pytest.raises(Malformed) as caught:
        library.handle_piece(Piece(b"?" * 32, 0, 12, STATE.encode()), ONE, b"?" * 32)
    assert caught.value.rule == "MEM-020"
    good = Piece(NEW.hash, 0, len(NEW.body), NEW.body)
    for passed_over in [
        replace(good, hash=b"?" * 32),
        replace(good, offset=1),
        replace(good, size_bytes=16_385),
    ]:
        assert library.handle_piece(passed_over, ONE, None) is None
    assert library.roster(NEW.hash) is None
    library.handle_piece(good, OTHER, None)

    found = library.roster(NEW.hash)
    assert found is not None
    assert found.hash == NEW.hash


@pytest.mark.spec("MEM-020")
def test_what_liars_send_and_hint_at_is_bounded() -> None:
    library = Library(OLD)
    library.want(OLD.hash)
    assert library.requests(ONE, None, ()) == ()
    for index in range(20):
        library.want(bytes([index]) * 32)
    assert [one[0][0] for one in library.requests(ONE, None, ())] == [16, 17, 18, 19]

    for index in range(PARTS_MAX + 1):
        piece = Piece(b"\x13" * 32, 0, 99, b"x")
        library.handle_piece(piece, PeerId(bytes([index]) * 32), None)

    assert library.requests(PeerId(bytes(32)), None, ())[3] == (b"\x13" * 32, 0)
    assert library.requests(PeerId(b"\1" * 32), None, ())[3] == (b"\x13" * 32, 1)
    for number in range(ROSTERS_MAX):
        seat = Seat(VoterKey(bytes([number]) * 32), PeerId(bytes([number]) * 32))
        library.keep(NEW.changed(0, [seat]))
    assert library.roster(OLD.hash) is None
    assert library.pieces(OLD.hash, 0, None) == []


def _turn(
    chain: Chain, slot: int, removed: int, added: tuple[Seat, ...], signers: tuple[int, ...]
) -> list[DecidedRecord | Seated]:
    """Decide a change of the roster, signed by members of the laboratory."""
    by = chain.roster
    after = by.changed(removed, added)
    changes = Changes(removed=removed, added=added)
    value = _value(slot, roster_hash=after.hash, changes=changes)
    return chain.append(named(value.encode()), _signed(value, signers, by), by)


@pytest.mark.spec("MEM-026", "MEM-021", "MEM-020")
def test_straggler_is_led_over_the_turns_that_its_own_roster_can_vouch_for() -> None:
    """Members 0 to 3 hand over to 3 to 6, one by one; nobody of 0 to 2 signs the last."""
    holder = _chain()
    seats = NEW.seats
    _turn(holder, 1, 0, (seats[4],), (0, 1, 2, 3))
    _turn(holder, 2, 1, (), (0, 1, 2, 3))
    _turn(holder, 3, 0, (seats[5],), (1, 2, 3, 4))
    _turn(holder, 4, 1, (), (2, 3, 4, 5))
    _turn(holder, 5, 0, (seats[6],), (3, 4, 5))
    _turn(holder, 6, 1, (), (3, 4, 5, 6))
    straggler, taken = _chain(), []

    while straggler.head().slot < 6:
        decided, votes = holder.answer(straggler.head().slot + 1)[-2:]
        assert isinstance(decided, Decided)
        assert isinstance(votes, Votes)
        complete = straggler.handle_decided(decided)
        if decided.roster_hash is not None:
            _fetch(straggler, holder, decided.roster_hash)
        found = straggler.handle_certificate(votes.slot, votes.sets[0], may_skip=True)
        complete = complete or found
        assert complete is not None
        straggler.append(*complete)
        taken.append(votes.slot)

    assert straggler.roster.hash == holder.roster.hash
    assert len(taken) < 6, "not every slot"
    assert taken[0] < 6, "but not the last at once"


@pytest.mark.spec("MEM-026", "TRU-001")
def test_answer_begins_with_the_change_that_needs_no_trust() -> None:
    holder, straggler = _chain(), _chain()
    _turn(holder, 1, 0, (NEW.seats[4],), (0, 1, 2, 3))
    _turn(holder, 2, 1, (), (0, 1, 2, 3))

    first, votes, *rest = holder.answer(1)
    assert isinstance(first, Decided)
    assert isinstance(votes, Votes)
    straggler.handle_decided(first)
    complete = straggler.handle_certificate(votes.slot, votes.sets[0], may_skip=False)

    assert complete is not None
    assert complete[0].value.slot == 1
    assert [type(one) for one in rest] == [Decided, Votes]
    assert len(holder.answer(2)) == 2, "once is enough"


@pytest.mark.spec("MEM-026")
def test_turns_that_are_kept_are_bounded() -> None:
    chain = _chain(NEW)
    for slot in range(1, KEPT_TURNS + 4):
        guest = Seat(VoterKey(b"z" * 32), PeerId(b"z" * 32))
        place = chain.roster.place_of(guest.voter)
        added = () if place is not None else (guest,)
        _turn(chain, slot, 0 if place is None else 1 << place, added, (0, 1, 2, 3, 4, 5))

    assert len(chain._turns) == KEPT_TURNS


@pytest.mark.spec("MEM-021")
@pytest.mark.parametrize("is_strict", [True, False])
@pytest.mark.parametrize("size", [2, 3])
def test_one_liar_of_a_small_circle_cannot_vouch_for_its_own_roster(
    size: int, is_strict: bool
) -> None:
    lab = Lab(size, is_strict=is_strict)
    lab.run(10)
    victim, liar = lab.circles[0], size - 1
    alone = Roster(lab.roster.circle, [lab.roster.seats[liar]], is_strict=False)
    slot = victim.slot.number + 1_000
    value = replace(lab.value(slot=slot), roster_hash=alone.hash)
    key: VoteKey = (VoteKind.FINALIZE, 1, value_hash(value.encode()))
    data = statement(alone.circle, alone.hash, slot, key)
    votes = vote_set(key, {0: lab.pairs[liar][1].sign(data)})

    lab.deliver(liar, 0, Decided(value.encode(), 1))
    lab.deliver(liar, 0, Piece(alone.hash, 0, len(alone.body), alone.body))
    lab.deliver(liar, 0, Votes(slot, (votes,)))

    assert victim.roster.size == size
    assert victim.chain.head().slot < slot


@pytest.mark.spec("MEM-021")
@pytest.mark.parametrize(
    ("size", "is_strict", "vouchers"),
    [(1, False, 1), (2, False, 2), (3, False, 2), (3, True, 3), (4, True, 2), (7, False, 3)],
)
def test_how_many_must_vouch_for_another_roster(size: int, is_strict: bool, vouchers: int) -> None:
    roster = Lab(size, silent=frozenset(range(size)), is_strict=is_strict).roster

    assert roster.vouchers == vouchers


@pytest.mark.spec("MEM-020", "TRU-003")
def test_rosters_that_somebody_invents_push_out_no_roster_of_a_decision() -> None:
    chain = _chain()
    chain.library.keep(NEW)
    for number in range(2 * ROSTERS_MAX):
        seat = Seat(VoterKey(bytes([number]) * 32), PeerId(bytes([number]) * 32))
        invented = NEW.changed(0, [seat])
        body = _value(9 + number, roster_hash=invented.hash).encode()
        chain.handle_decided(Decided(body, 1, invented.hash))
        piece = Piece(invented.hash, 0, len(invented.body), invented.body)
        chain.library.handle_piece(piece, ONE, None)

    assert chain.library.roster(invented.hash) is not None, "as long as a decision may come"
    assert chain.library.roster(OLD.hash) is not None
    assert chain.pieces(NEW.hash, 0)
    assert chain.pieces(invented.hash, 0) == [], "nobody decided by it"


@pytest.mark.spec("MEM-020", "TRU-003")
def test_roster_that_decided_is_kept_and_others_may_have_it() -> None:
    chain, value = _chain(), _value()
    chain.handle_decided(Decided(value.encode(), 1))
    _fetch(chain, _chain(NEW), NEW.hash)
    complete = chain.handle_certificate(9, _signed(value), may_skip=True)
    assert complete is not None

    chain.append(*complete)

    assert chain.pieces(NEW.hash, 0)


@pytest.mark.spec("MEM-026", "TRU-004")
def test_turns_are_known_again_after_a_restart() -> None:
    """All had lost power, and whoever was away before found nobody to lead it on."""
    holder, journal = _chain(), []
    steps = [(0, (NEW.seats[4],)), (1, ()), (0, (NEW.seats[5],)), (1, ())]
    signers = [(0, 1, 2, 3), (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5)]
    for slot, ((removed, added), by) in enumerate(zip(steps, signers, strict=True), 1):
        journal += _turn(holder, slot, removed, added, by)

    kept = retained(journal)
    again = _chain()
    seated = [one for one in kept if isinstance(one, Seated)]
    for one in kept:
        if isinstance(one, DecidedRecord):
            again.restore(one, seated)

    assert [again.answer(slot) for slot in (1, 2, 4)] == [holder.answer(s) for s in (1, 2, 4)]
    assert again.pieces(OLD.hash, 0) == holder.pieces(OLD.hash, 0) != []


@pytest.mark.spec("MEM-020")
def test_a_lost_piece_costs_only_itself() -> None:
    library, peer = Library(LAB.roster), PeerId(b"a" * 32)
    library.want(b"w" * 32)

    for number in (0, 1, 2, 3, 5):
        part = Piece(b"w" * 32, 1_024 * number, 8_192, bytes(1_024))
        library.handle_piece(part, peer, None)

    assert library.requests(peer, None, ())[0] == (b"w" * 32, 4_096)


@pytest.mark.spec("MEM-020")
def test_what_strangers_name_never_crowds_out_the_state() -> None:
    library = Library(LAB.roster)
    for number in range(8):
        library.want(bytes([number]) * 32)

    asked = library.requests(PeerId(b"a" * 32), b"s" * 32, (b"p" * 32,))

    assert [one for one, _ in asked][:2] == [b"s" * 32, b"p" * 32]
    assert len(asked) == 4
