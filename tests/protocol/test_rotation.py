"""Another voter key: vectors, what is taken at the door, what a voter saw, what a leader does."""

from dataclasses import replace

import pytest

from smilesync.circle.chain import Chain
from smilesync.circle.changes import NO_CHANGES, Changes, Rotation, changes_of
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.draw import Draw
from smilesync.circle.evidence import proof
from smilesync.circle.former import FORMER_MAX, WAITING_MAX, Former
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.guard import QUESTION_MAX, RestartGuard
from smilesync.circle.heads import Heads
from smilesync.circle.lawful import following, state_after
from smilesync.circle.petitions import write_leave
from smilesync.circle.pool import Pool
from smilesync.circle.presence import Presence
from smilesync.circle.reception import Reception
from smilesync.circle.roster import Roster, Seat, roster_of
from smilesync.circle.rotated import after_rotations, check_rotations
from smilesync.circle.rotation import look_at_rotate, request, verify_rotate, write_rotate
from smilesync.circle.seating import Moment as Choice
from smilesync.circle.seating import choose
from smilesync.circle.state import EMPTY, State, Waiting, state_of
from smilesync.circle.validity import lease_length_us
from smilesync.circle.value import NO_PREVIOUS, Value, decode_value, named
from smilesync.circle.witness import Witness
from smilesync.config import CircleConfig
from smilesync.effects import Send
from smilesync.errors import LocalError, Malformed, RemoteError, Unwelcome
from smilesync.ids import CircleId, PeerId, ValueHash, VoterKey
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.wire import cbor, envelope
from smilesync.wire.messages import Carried, Evidence, VoteKind
from support.lab import PATTERN, SECOND_NS, Lab
from support.vectors import FOLDER, Case, by_name, load
from vectors import make_rotation
from vectors.writing import text_of

LAB = Lab(5, silent=frozenset(range(5)))
ROSTER, CIRCLE = LAB.roster, LAB.roster.circle
HEAD, NEWER = ValueHash(b"h" * 32), ValueHash(b"n" * 32)
HEADS = Heads([HEAD])
NOW_NS, AT_US, SLOT = 100 * SECOND_NS, 10**9, 9
WHO = 2
IDENTITY, OLD = LAB.pairs[WHO]
SPARE, OTHER = Ed25519Signer(b"s" * 32), Ed25519Signer(b"o" * 32)
NAME, OLD_KEY = PeerId(IDENTITY.public), VoterKey(OLD.public)
ROTATE = write_rotate(IDENTITY, SPARE, OLD.public, HEAD, CIRCLE)
ROTATION = Rotation(WHO, envelope.object_hash(ROTATE), VoterKey(SPARE.public))
REMEMBERS = State(former=(Former(VoterKey(OTHER.public), NAME, 3),))
WAITS = State((Waiting(Seat(VoterKey(OTHER.public), PeerId(OTHER.public)), 7),))


def test_vectors_are_what_their_maker_writes() -> None:
    made = text_of("rotation", make_rotation.cases())

    assert (FOLDER / "rotation.json").read_text(encoding="utf-8") == made, (
        "run `python -m vectors.make_rotation` and look at the difference"
    )


@pytest.mark.parametrize("case", load("rotation"), ids=by_name)
def test_rotation_vector(case: Case) -> None:
    if case["expect"] == "accept":
        assert case["result"] == _outcome(case)
        return
    with pytest.raises(RemoteError) as caught:
        _outcome(case)
    assert caught.value.rule == case["error"]


def _outcome(case: Case) -> dict[str, str]:
    given = case["given"]
    octets = {key: bytes.fromhex(value) for key, value in given.items() if isinstance(value, str)}
    circle = CircleId(octets.get("circle_id", bytes(32)))
    if "object" in octets:
        petition = look_at_rotate(envelope.decode(octets["object"]))
        verify_rotate(petition, circle, Ed25519Verifier())
        assert petition.old is not None
        names = {"identity": petition.identity, "old": petition.old, "new": petition.voter}
        return {name: key.hex() for name, key in names.items()}
    state = state_of(octets.get("state", b""))
    fields = cbor.decode(octets.get("changes", b"\xa0"))
    assert isinstance(fields, dict)
    changes, roster = changes_of(fields), roster_of(circle, octets["roster"])
    policy, slot = given["policy"], given["slot"]
    assert isinstance(policy, int)
    assert isinstance(slot, int)
    found = make_rotation.outcome(changes, roster, state, Policy(policy), slot)
    return {name: value.hex() for name, value in found.items()}


def _around(
    state: State | None = EMPTY, policy: Policy = Policy.CLOSED, me: int | None = 1
) -> Circumstances:
    around = replace(LAB.circumstances(me), state=state)
    return replace(around, parameters=Parameters(policy=policy))


@pytest.mark.spec("RKY-014")
@pytest.mark.parametrize("policy", [Policy.CLOSED, Policy.INVITE])
def test_voter_holds_a_rotate_and_passes_it_on_once(policy: Policy) -> None:
    reception, around = Reception(Pool()), _around(policy=policy)

    sent = reception.handle(ROTATE, around, HEADS)

    assert sent == [Send(ROSTER.identities[i], ROTATE) for i in (0, 2, 3, 4)]
    assert reception.handle(ROTATE, around, HEADS) == []
    assert reception.pool.get(envelope.object_hash(ROTATE)) == ROTATE


@pytest.mark.spec("RKY-012")
@pytest.mark.parametrize(
    ("rotate", "around", "heads"),
    [
        (write_rotate(IDENTITY, SPARE, OTHER.public, HEAD, CIRCLE), _around(), HEADS),
        (write_rotate(OTHER, SPARE, OLD.public, HEAD, CIRCLE), _around(), HEADS),
        (write_rotate(OTHER, SPARE, OLD.public, HEAD, CIRCLE), _around(None), HEADS),
        (write_rotate(IDENTITY, LAB.pairs[1][1], OLD.public, HEAD, CIRCLE), _around(), HEADS),
        (write_rotate(IDENTITY, OTHER, OLD.public, HEAD, CIRCLE), _around(WAITS), HEADS),
        (write_rotate(IDENTITY, OTHER, OLD.public, HEAD, CIRCLE), _around(REMEMBERS), HEADS),
        (ROTATE, _around(REMEMBERS), HEADS),
        (ROTATE, _around(), Heads([NEWER])),
        (ROTATE, _around(), Heads()),
    ],
    ids=[
        "a key that is not its own",
        "a stranger",
        "a stranger, the state unknown",
        "to another's key",
        "to the key of who waits",
        "to a former key",
        "again of late",
        "an old head",
        "no head known",
    ],
)
def test_rotate_that_cannot_be_granted_is_refused_before_a_signature_is_verified(
    rotate: Carried, around: Circumstances, heads: Heads
) -> None:
    reception = Reception(Pool())

    with pytest.raises(Unwelcome) as caught:
        reception.handle(rotate, replace(around, verifier=NoVerifier()), heads)

    assert caught.value.rule == "RKY-012"
    assert reception.pool.rotations(heads) == []


class NoVerifier:
    """Verifies nothing: whoever asks has paid for a signature."""

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        raise AssertionError("a signature was verified")


@pytest.mark.spec("RKY-011")
def test_rotate_with_a_bad_signature_is_refused() -> None:
    bad = replace(ROTATE, signature=bytes(64))
    reception = Reception(Pool())
    with pytest.raises(RemoteError) as caught:
        reception.handle(bad, _around(), HEADS)
    assert caught.value.rule == "OBJ-006"
    assert reception.pool.rotations(HEADS) == []


@pytest.mark.spec("RKY-014")
def test_of_two_rotates_the_one_with_the_lower_hash_stays_until_its_head_is_old() -> None:
    pair = [ROTATE, write_rotate(IDENTITY, OTHER, OLD.public, HEAD, CIRCLE)]
    low, high = sorted(pair, key=envelope.object_hash)
    reception, around = Reception(Pool()), _around()

    assert reception.handle(high, around, HEADS)
    assert reception.handle(low, around, HEADS)
    assert reception.handle(high, around, HEADS) == []
    assert [one.carried for one in reception.pool.rotations(HEADS)] == [low]

    later = write_rotate(IDENTITY, SPARE, OLD.public, NEWER, CIRCLE)
    assert reception.handle(later, around, Heads([NEWER]))
    assert [one.carried for one in reception.pool.rotations(Heads([NEWER]))] == [later]


@pytest.mark.spec("RKY-012", "RKY-014")
def test_rotate_that_was_granted_is_dropped_and_worth_nothing_later() -> None:
    reception, around = Reception(Pool()), _around()
    reception.handle(ROTATE, around, HEADS)
    roster, state = _decided(Changes(rotated=(ROTATION,)))
    after = replace(around, roster=roster, state=state)

    reception.settle(after, HEADS)

    assert not reception.pool.holds(ROTATION.hash)
    for kept in (state, EMPTY):  # also when the former key is forgotten
        with pytest.raises(Unwelcome) as caught:
            reception.handle(ROTATE, replace(after, state=kept), HEADS)
        assert caught.value.rule == "RKY-012"


def _decided(
    changes: Changes, state: State = EMPTY, policy: Policy = Policy.CLOSED, slot: int = SLOT
) -> tuple[Roster, State]:
    after, changed = following(changes, ROSTER, state, AT_US, Parameters(policy=policy))
    return after, after_rotations((state, changed), changes.rotated, slot, (ROSTER, after))


def _lie(slot: int) -> Evidence:
    one, other = ((VoteKind.NOTARIZE, 1, ValueHash(b * 32)) for b in (b"a", b"b"))
    signed = [(key, LAB.sign(WHO, key, slot)) for key in (one, other)]
    return proof((slot, OLD_KEY, ROSTER.hash), signed[0], signed[1])


@pytest.mark.spec("RKY-007", "EVD-005", "EVD-007")
def test_evidence_against_a_former_key_puts_its_owner_out_as_long_as_it_is_remembered() -> None:
    roster, state = _decided(Changes(rotated=(ROTATION,)), policy=Policy.INVITE)
    around = replace(_around(state, Policy.INVITE), roster=roster)
    witness = _witness(roster=roster, state=state)
    reception = Reception(witness.pool)

    assert reception.accuse(_lie(SLOT), around, SLOT + 1)

    reception.settle(around, HEADS)
    changes = choose(around, witness, Choice(AT_US, 1, NOW_NS))
    assert [one.identity for one in changes.expelled] == [NAME]
    assert changes.removed == 1 << roster.index_of[NAME]
    assert witness.objection(changes, _after(changes, around), AT_US, NOW_NS) is None

    forgot = replace(around, state=EMPTY)
    reception.settle(forgot, HEADS)
    with pytest.raises(Unwelcome) as caught:
        reception.accuse(_lie(SLOT), forgot, SLOT + 1)
    assert caught.value.rule == "EVD-005"


@pytest.mark.spec("RKY-007", "INV-013")
def test_leave_that_names_a_former_key_takes_its_owner_out_and_nobody_else() -> None:
    roster, state = _decided(Changes(rotated=(ROTATION,)), policy=Policy.INVITE)
    around = replace(_around(state, Policy.INVITE), roster=roster)
    reception = Reception(Pool())
    leave = write_leave(IDENTITY, OLD.public, CIRCLE)

    assert reception.handle(leave, around, HEADS)

    reception.settle(around, HEADS)
    assert [one.identity for one in reception.pool.leaves()] == [NAME]
    for wrong in (write_leave(OTHER, OLD.public, CIRCLE), write_leave(IDENTITY, bytes(32), CIRCLE)):
        with pytest.raises(Unwelcome) as caught:
            Reception(Pool()).handle(wrong, around, HEADS)
        assert caught.value.rule == "INV-013"


def _after(changes: Changes, around: Circumstances) -> Roster:
    assert around.state is not None
    return following(changes, around.roster, around.state, AT_US, around.parameters)[0]


def _witness(
    *heard: int, roster: Roster = ROSTER, state: State = EMPTY, heads: Heads = HEADS
) -> Witness:
    """Return what member 0 saw: who was heard a second ago, everybody else never."""
    presence = Presence(roster, 0, 0)
    for index in heard:
        presence.of(roster.identities[index]).said_ns = NOW_NS - SECOND_NS
    chain = Chain(roster, LAB.verifier)
    chain.state, chain.heads = state, heads
    return Witness(CircleConfig(), presence, Pool(), chain)


def _holding(*heard: int, rotate: Carried = ROTATE) -> Witness:
    witness = _witness(*heard)
    witness.pool.add(look_at_rotate(rotate))
    return witness


@pytest.mark.spec("RKY-013", "RKY-014")
def test_leader_grants_what_it_holds_of_who_is_near_in_the_first_two_views() -> None:
    around, wanted = _around(), Changes(rotated=(ROTATION,))
    assert choose(around, _holding(WHO), Choice(AT_US, 1, NOW_NS)) == wanted
    assert choose(around, _holding(WHO), Choice(AT_US, 2, NOW_NS)) == wanted
    for view, witness in ((3, _holding(WHO)), (1, _holding()), (1, _witness(WHO))):
        assert choose(around, witness, Choice(AT_US, view, NOW_NS)) == NO_CHANGES
    assert choose(_around(None), _holding(WHO), Choice(AT_US, 1, NOW_NS)) == NO_CHANGES
    governed = _around(policy=Policy.INVITE)
    assert choose(governed, _holding(WHO), Choice(AT_US, 1, NOW_NS)) == wanted


@pytest.mark.spec("RKY-005")
def test_leader_grants_one_of_two_where_one_seat_may_change() -> None:
    witness = _holding(0, 1, 2, 3, 4)
    identity, voter = LAB.pairs[3]
    witness.pool.add(look_at_rotate(write_rotate(identity, OTHER, voter.public, HEAD, CIRCLE)))
    assert len(choose(_around(), witness, Choice(AT_US, 1, NOW_NS)).rotated) == 1


@pytest.mark.spec("RKY-013", "MEM-032")
def test_voter_keeps_a_rotation_that_it_did_not_see_to_be_asked_for() -> None:
    good = Changes(rotated=(ROTATION,))
    after = _after(good, _around())

    def broken(changes: Changes, witness: Witness) -> str | None:
        reason = witness.objection(changes, after, AT_US, NOW_NS)
        return reason.rule if reason is not None else None

    assert broken(good, _holding(WHO)) is None
    assert broken(good, _holding()) == "RKY-013"
    for wrong in (
        replace(ROTATION, place=3),
        replace(ROTATION, voter=VoterKey(OTHER.public)),
    ):
        assert broken(Changes(rotated=(wrong,)), _holding(WHO)) == "RKY-013"
    unheld = _witness(WHO)
    assert broken(good, unheld) == "MEM-032"
    assert unheld.missing == (ROTATION.hash,)
    old = _holding(WHO)
    old.chain.heads = Heads([NEWER])
    assert broken(good, old) == "RKY-013"


@pytest.mark.spec("RKY-013")
def test_who_lives_far_away_need_not_be_heard_and_a_neighbour_must() -> None:
    good = Changes(rotated=(ROTATION,))
    after = _after(good, _around())
    far, near = _holding(), _holding()
    far.pool.neighbours = {ROSTER.identities[1]}
    near.pool.neighbours = {NAME}
    assert far.objection(good, after, AT_US, NOW_NS) is None
    assert near.objection(good, after, AT_US, NOW_NS) is not None


@pytest.mark.spec("RKY-015", "ROT-007")
def test_who_waits_with_another_key_of_late_is_drawn_after_those_who_have_theirs_for_longer() -> (
    None
):
    people = [Seat(VoterKey(bytes([9, n]) * 16), PeerId(bytes([8, n]) * 16)) for n in range(6)]
    draw = Draw(seed=b"s" * 32, eligible_us=50)
    standby = tuple(Waiting(seat, 0) for seat in people)
    plain = State(standby, draw=draw)
    first = _seated_first(plain, people)
    former = Former(VoterKey(bytes(32)), first.identity, 3)

    second = _seated_first(replace(plain, former=(former,)), people)

    assert second != first
    others = [seat for seat in people if seat != first]
    assert second == min(others, key=lambda seat: draw.rank(seat.voter))


def _seated_first(state: State, people: list[Seat]) -> Seat:
    witness = _witness(1, 2, 3, 4, state=state)
    for seat in people:
        witness.presence.of(seat.identity).said_ns = NOW_NS
    changes = choose(_around(state, Policy.INVITE), witness, Choice(AT_US, 1, NOW_NS))
    (seat,) = changes.added
    return seat


@pytest.mark.spec("RKY-005")
def test_value_with_a_rotation_has_the_base_lease() -> None:
    first = Value(
        1, NO_PREVIOUS, 0, 4_000_000, PATTERN, 0, None, 0, 2_000_000, b"r" * 32, b"s" * 32
    )
    second = replace(first, slot=2, not_before_us=4_000_000)
    head = replace(LAB_HEAD, slot=1, not_after_us=4_000_000, value=first)
    assert lease_length_us(second, head, Parameters()) == 8_000_000
    rotated = replace(second, changes=Changes(rotated=(ROTATION,)))
    assert lease_length_us(rotated, head, Parameters()) == 4_000_000
    assert decode_value(replace(rotated, not_after_us=8_000_000).encode()).changes.rotated == (
        ROTATION,
    )


LAB_HEAD = Chain(ROSTER, LAB.verifier).head()


@pytest.mark.spec("RKY-006")
def test_state_that_a_value_with_a_place_of_nobody_made_is_not_known() -> None:
    bad = replace(ROTATION, place=99)
    value = Value(
        1, NO_PREVIOUS, 0, 1, PATTERN, 0, None, 0, 2_000_000, ROSTER.hash, b"s" * 32,
        Changes(rotated=(bad,)),
    )  # fmt: skip
    assert state_after(named(value.encode()).value, ROSTER, EMPTY, is_next=True) is None


@pytest.mark.spec("RKY-004")
@pytest.mark.parametrize(
    ("known", "places", "is_refused"),
    [
        (FORMER_MAX - 2, (0, 1), False),
        (FORMER_MAX - 1, (0, 1), True),
        (WAITING_MAX - 2, (0, 5), False),
        (WAITING_MAX - 1, (0, 5), True),
        (WAITING_MAX, (0, 1), False),
    ],
    ids=["twelve", "thirteen", "four, one waits", "five, one waits", "six with seats"],
)
def test_rotations_are_counted_with_what_is_remembered_and_refused_beyond(
    known: int, places: tuple[int, ...], is_refused: bool
) -> None:
    """One of who waits is enough for the lower bound, whoever else gets a key by the same value."""
    others = [PeerId(bytes([0x40 + n]) * 32) for n in range(FORMER_MAX)]
    former = tuple(Former(VoterKey(bytes([0x20 + n]) * 32), others[n], n) for n in range(known))
    state = replace(WAITS, former=former)
    fresh = {place: VoterKey(bytes([0x60 + place]) * 32) for place in places}
    rotated = (replace(ROTATION, place=place, voter=voter) for place, voter in fresh.items())
    changes = Changes(rotated=tuple(rotated))

    if not is_refused:
        check_rotations(changes, ROSTER, state)
        return
    with pytest.raises(Malformed) as caught:
        check_rotations(changes, ROSTER, state)
    assert caught.value.rule == "RKY-004"


@pytest.mark.spec("RKY-004")
def test_all_former_keys_fit_a_state_and_its_bytes_name_them_in_order() -> None:
    former = tuple(Former(VoterKey(bytes([n]) * 32), NAME, n) for n in range(1, FORMER_MAX + 1))
    assert state_of(State(former=former).encode()).former == former


@pytest.mark.spec("RKY-020")
def test_device_asks_for_its_spare_key_as_long_as_it_has_a_place_and_knows_a_head() -> None:
    asking = replace(LAB.circumstances(WHO), identity=IDENTITY, spare=SPARE)
    assert request(asking, HEAD) == ROTATE
    assert request(asking, None) is None
    assert request(replace(asking, spare=None), HEAD) is None
    assert request(replace(asking, identity=None), HEAD) is None
    assert request(replace(asking, identity=OTHER), HEAD) is None
    waiting = replace(asking, identity=OTHER, state=WAITS)
    assert request(waiting, HEAD) == write_rotate(OTHER, SPARE, OTHER.public, HEAD, CIRCLE)


@pytest.mark.spec("RKY-022")
def test_key_of_a_device_is_the_one_that_the_roster_or_the_standby_list_has() -> None:
    both = replace(LAB.circumstances(WHO), spare=SPARE)
    roster, state = _decided(Changes(rotated=(ROTATION,)))

    assert both.under(ROSTER, EMPTY).signer is both.signer
    after = both.under(roster, state)
    assert (after.signer, after.spare) == (SPARE, None)
    assert after.me == roster.place_of(SPARE.public)
    waiting = State((Waiting(Seat(VoterKey(SPARE.public), NAME), 0),))
    assert both.under(ROSTER, waiting).signer is SPARE
    assert both.under(ROSTER, None).signer is both.signer


@pytest.mark.spec("RKY-022", "RKY-023")
def test_guard_of_another_key_has_forgotten_nothing_and_asks_with_another_number() -> None:
    guard = RestartGuard(ROSTER, WHO, QUESTION_MAX, is_amnesic=True)
    guard.renew()
    assert guard.question == 1
    assert guard.is_asking
    assert not guard.is_amnesic
    assert not guard.may_vote


@pytest.mark.spec("RKY-001")
def test_rotations_alone_are_no_delta() -> None:
    fields = Changes(rotated=(ROTATION,)).fields()
    assert list(fields) == [18]
    assert changes_of(fields) == Changes(rotated=(ROTATION,))
    with pytest.raises(Malformed):
        changes_of({18: None})


def test_writing_a_rotate_needs_a_kind_with_a_domain() -> None:
    with pytest.raises(LocalError):
        envelope.sign(18, IDENTITY, {}, circle=CIRCLE)
