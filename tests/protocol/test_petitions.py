"""JOIN, LEAVE and INVITE: vectors, the pool, and what is refused at the door."""

from dataclasses import replace

import pytest

from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.heads import Heads
from smilesync.circle.petitions import (
    Petition,
    invite_from_text,
    read,
    write_invite,
    write_join,
    write_leave,
)
from smilesync.circle.pool import JOINS_MAX, Pool
from smilesync.circle.reception import Reception
from smilesync.circle.roster import Seat
from smilesync.circle.state import EMPTY, State, Waiting
from smilesync.effects import Send
from smilesync.errors import LocalError, RemoteError, Unwelcome
from smilesync.ids import CircleId, PeerId, ValueHash, VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.wire import envelope
from smilesync.wire.messages import Carried, ObjectKind
from support.lab import CachedVerifier, Lab
from support.street import Street
from support.vectors import FOLDER, Case, by_name, load
from vectors import make_petitions
from vectors.make_petitions import GUEST, GUEST_ID, HEAD, VOTER
from vectors.writing import text_of

VERIFIER = CachedVerifier()
LAB = Lab(4, silent=frozenset(range(4)))
CIRCLE = LAB.roster.circle
HEADS, NO_HEADS = Heads([ValueHash(HEAD)]), Heads()
INVITER = LAB.pairs[0][0]
INVITE = write_invite(INVITER, 10**9, CIRCLE)
WAITS = State((Waiting(Seat(VoterKey(VOTER.public), GUEST_ID), 0),))


def test_vectors_are_what_their_maker_writes() -> None:
    made = text_of("petition", make_petitions.cases())

    assert (FOLDER / "petition.json").read_text(encoding="utf-8") == made, (
        "run `python -m vectors.make_petitions` and look at the difference"
    )


@pytest.mark.parametrize("case", load("petition"), ids=by_name)
def test_petition_vector(case: Case) -> None:
    if case["expect"] == "accept":
        assert case["result"] == _outcome(case)
        return
    with pytest.raises(RemoteError) as caught:
        _outcome(case)
    assert caught.value.rule == case["error"]


def _outcome(case: Case) -> dict[str, str]:
    given = case["given"]
    if "word" in given:
        circle, invite = invite_from_text(str(given["word"]), VERIFIER)
        return {"circle_id": circle.hex(), "object": envelope.encode(invite).hex()}
    policy, steward = given["policy"], given["steward"]
    assert isinstance(policy, int)
    key = bytes.fromhex(str(steward)) if steward is not None else None
    parameters = Parameters(policy=Policy(policy), steward=key)
    carried = envelope.decode(bytes.fromhex(str(given["object"])))
    circle = CircleId(bytes.fromhex(str(given["circle_id"])))
    found = read(carried, circle, parameters, VERIFIER)
    return {
        "hash": found.hash.hex(),
        "identity": found.identity.hex(),
        "voter": found.voter.hex(),
    }


def _around(
    state: State | None = EMPTY, me: int | None = 1, policy: Policy = Policy.INVITE
) -> Circumstances:
    around = replace(LAB.circumstances(me), state=state)
    return replace(around, parameters=Parameters(policy=policy))


def _newest(heads: Heads) -> ValueHash:
    head = heads.newest
    assert head is not None
    return head


def _join(grant: Carried | None = INVITE) -> Carried:
    return write_join(GUEST, VOTER, HEAD, CIRCLE, grant)


@pytest.mark.spec("INV-017")
def test_voter_passes_a_petition_on_once_and_a_follower_only_keeps_it() -> None:
    reception = Reception(Pool())

    sent = reception.handle(_join(), _around(), HEADS)

    others = [LAB.roster.identities[i] for i in (0, 2, 3)]
    assert sent == [Send(to, _join()) for to in others]
    assert reception.handle(_join(), _around(), HEADS) == []
    assert Reception(Pool()).handle(_join(), _around(me=None), HEADS) == []


LEAVE = write_leave(GUEST, VOTER.public, CIRCLE)
OLD_LEAVE = write_leave(GUEST, bytes(32), CIRCLE)
STRANGER_INVITE = write_invite(GUEST, 10**9, CIRCLE)
REFUSED = [
    ("closed circle", "INV-010", _join(), _around(policy=Policy.CLOSED)),
    ("no petition", "INV-010", INVITE, _around()),
    ("inviter without a seat", "INV-012", _join(STRANGER_INVITE), _around()),
    ("leave of a stranger", "INV-013", LEAVE, _around()),
    ("leave of an unknown state", "INV-013", LEAVE, _around(None)),
    ("leave of an old key", "INV-013", OLD_LEAVE, _around(WAITS)),
    ("join of who waits", "INV-014", _join(), _around(WAITS)),
    ("join of the expelled", "INV-015", _join(), _around(State(expelled=(GUEST_ID,)))),
]


@pytest.mark.spec("INV-010", "INV-012", "INV-013", "INV-014", "INV-015")
@pytest.mark.parametrize("case", REFUSED, ids=[case[0] for case in REFUSED])
def test_petition_is_refused_at_the_door(
    case: tuple[str, str, Carried, Circumstances],
) -> None:
    _, rule, carried, around = case
    reception = Reception(Pool())

    with pytest.raises(Unwelcome) as caught:
        reception.handle(carried, around, HEADS)

    assert caught.value.rule == rule
    assert not reception.pool.holds(envelope.object_hash(carried))


@pytest.mark.spec("INV-011")
def test_join_that_names_an_old_head_is_refused() -> None:
    with pytest.raises(Unwelcome) as caught:
        Reception(Pool()).handle(_join(), _around(), NO_HEADS)

    assert caught.value.rule == "INV-011"


class NoVerifier:
    """Verifies nothing: whoever asks has paid for a signature."""

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        raise AssertionError("a signature was looked at")


@pytest.mark.spec("INV-011", "PTN-001")
@pytest.mark.parametrize("case", REFUSED, ids=[case[0] for case in REFUSED])
def test_no_signature_is_looked_at_for_what_cannot_be_granted(
    case: tuple[str, str, Carried, Circumstances],
) -> None:
    _, _, carried, around = case
    old_head, full = Reception(Pool()), Reception(Pool())
    for number in range(JOINS_MAX):
        full.pool.add(_petition(ObjectKind.JOIN, number))

    with pytest.raises(Unwelcome):
        Reception(Pool()).handle(carried, replace(around, verifier=NoVerifier()), HEADS)
    with pytest.raises(Unwelcome) as caught:
        old_head.handle(_join(), replace(_around(), verifier=NoVerifier()), NO_HEADS)

    assert caught.value.rule == "INV-011"
    assert full.handle(_join(), replace(_around(), verifier=NoVerifier()), HEADS) == []


def _petition(kind: ObjectKind, number: int, voter: int = 0, until_us: int = 9) -> Petition:
    name = bytes([number, kind]) * 16
    return Petition(
        kind, name, PeerId(bytes([number]) * 32), VoterKey(bytes([voter]) * 32), LEAVE, HEAD,
        until_us=until_us,
    )  # fmt: skip


@pytest.mark.spec("INV-017", "MEM-033")
def test_pool_holds_few_joins_and_of_each_person_the_lowest() -> None:
    pool = Pool()
    taken = [pool.add(_petition(ObjectKind.JOIN, number)) for number in range(JOINS_MAX + 1)]
    higher = replace(_petition(ObjectKind.JOIN, 5, voter=8), hash=b"\xff" * 32)
    lower = replace(_petition(ObjectKind.JOIN, 5, voter=7), hash=bytes(32))
    again = [pool.add(one) for one in (higher, lower, lower)]
    other = pool.add(_petition(ObjectKind.REVOKE, 99))

    found = pool.admissions(HEADS, 9)

    assert taken == [True] * JOINS_MAX + [False]
    assert again == [False, True, False]
    assert other
    assert sorted(one.identity[0] for one in found) == list(range(JOINS_MAX))
    assert next(one for one in found if one.identity[0] == 5).voter[0] == 7
    assert pool.admissions(NO_HEADS, 9) == pool.admissions(HEADS, 10) == []
    assert pool.leaves() == []
    pool.expire(NO_HEADS)
    assert pool.admissions(HEADS, 9) == []
    assert pool.proofs() != []


@pytest.mark.spec("INV-017")
def test_two_joins_of_one_person_do_not_chase_each_other() -> None:
    """Each replaced the other at every voter, and went on: ten times as many every hop."""
    street = Street(5, members=4, parameters=Parameters(policy=Policy.OPEN))
    street.run(8)
    circle = street.peers[0].circle
    assert circle is not None
    signers = [Ed25519Signer(bytes([9, number]) * 16) for number in range(3)]
    joins = [
        write_join(signers[0], voter, _newest(circle.chain.heads), circle.roster.circle)
        for voter in signers[1:]
    ]
    before = len(street.sent)

    for device in range(4):
        street.deliver(4, device, joins[device % 2])
    street.run(0.2)

    told = [one for one in street.sent[before:] if isinstance(one[3], Carried)]
    assert len(told) <= 4 * 3 * 2


@pytest.mark.spec("INV-017")
def test_what_a_decision_granted_is_dropped() -> None:
    reception = Reception(Pool())
    reception.pool.add(_petition(ObjectKind.JOIN, 1))
    reception.pool.add(replace(_petition(ObjectKind.JOIN, 2), identity=GUEST_ID))
    stays = replace(_petition(ObjectKind.LEAVE, 3), voter=LAB.roster.voters[2])
    reception.pool.add(stays)
    reception.pool.add(_petition(ObjectKind.LEAVE, 4))

    reception.settle(_around(None), HEADS)
    assert len(reception.pool.leaves()) == 2
    reception.settle(_around(WAITS), HEADS)

    assert [one.hash for one in reception.pool.leaves()] == [stays.hash]
    assert [one.identity[0] for one in reception.pool.admissions(HEADS, 9)] == [1]


@pytest.mark.spec("INV-018")
def test_wish_is_told_with_every_head_until_it_is_granted() -> None:
    reception = Reception(Pool())
    around = replace(_around(me=None), signer=VOTER)
    assert reception.tell(around, HEADS) == []
    with pytest.raises(LocalError, match="voter key"):
        reception.join(GUEST, INVITE, replace(around, signer=None))
    reception.join(GUEST, INVITE, around)

    told = reception.tell(around, HEADS)

    assert told == [Send(to, _join()) for to in LAB.roster.identities]
    assert reception.tell(around, NO_HEADS) == []
    assert reception.tell(replace(around, state=WAITS), HEADS) == []
    assert reception.tell(replace(around, state=None), HEADS) == told
    assert reception.tell(replace(around, me=2), HEADS) == []
    assert not reception.is_over(around, 9)
    reception.leave(GUEST, around, NO_HEADS, 3)
    assert reception.tell(around, NO_HEADS) == [Send(to, LEAVE) for to in LAB.roster.identities]
    assert reception.is_over(around, 3)
    assert not reception.is_over(replace(around, me=2), 5)
    assert reception.is_over(replace(around, me=2), 6)
