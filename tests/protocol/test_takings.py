"""What one signer can make the voters of a circle do: little, from one decision to the next."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from smilesync.circle.circle import Circle
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.heads import Heads
from smilesync.circle.petitions import write_invite, write_join, write_leave
from smilesync.circle.pool import INVITED_MAX, JOINS_MAX, JOINS_NEAR_MAX, Pool
from smilesync.circle.reception import Reception
from smilesync.circle.rotation import write_rotate
from smilesync.circle.state import EMPTY
from smilesync.circle.takings import FORGERS_MAX, FORGERY_NS, TAKEN_MAX, Takings
from smilesync.effects import Effect, Send
from smilesync.errors import RemoteError, Unwelcome
from smilesync.ids import PeerId, ValueHash
from smilesync.keys import Ed25519Signer
from smilesync.wire import envelope
from smilesync.wire.messages import Carried, Hello, Message, ObjectKind
from support.lab import Lab
from support.street import Street
from vectors.make_petitions import GUEST, VOTER

LAB = Lab(4, silent=frozenset(range(4)))
CIRCLE = LAB.roster.circle
HEAD, NEXT = ValueHash(b"\1" * 32), ValueHash(b"\2" * 32)
HEADS = Heads([HEAD])
LIAR = LAB.pairs[0]
INVITE = write_invite(LAB.pairs[0][0], 10**9, CIRCLE)


def _key(number: int) -> Ed25519Signer:
    return Ed25519Signer(number.to_bytes(2, "big") * 16)


def _leave(number: int, signer: Ed25519Signer = GUEST, circle: bytes = CIRCLE) -> Carried:
    """Return one of the many LEAVEs that somebody can sign: readers ignore key 64."""
    body = {1: VOTER.public, 64: number}
    return envelope.sign(ObjectKind.LEAVE, signer, body, circle=circle)  # type: ignore[arg-type]


def _join(number: int, head: ValueHash = HEAD) -> Carried:
    return write_join(GUEST, _key(number), head, CIRCLE, INVITE)


def _rotate(number: int, head: ValueHash = HEAD) -> Carried:
    return write_rotate(LIAR[0], _key(number), LIAR[1].public, head, CIRCLE)


def _ever_lower(make: Callable[[int], Carried], count: int) -> list[Carried]:
    return sorted(map(make, range(count)), key=envelope.object_hash, reverse=True)


class CountingVerifier:
    """Counts the signatures that a device verifies."""

    def __init__(self) -> None:
        self.count = 0

    def verify(self, public: bytes, data: bytes, signature: bytes) -> bool:
        self.count += 1
        return LAB.verifier.verify(public, data, signature)


def _around(verifier: object = LAB.verifier, policy: Policy = Policy.INVITE) -> Circumstances:
    around = replace(LAB.circumstances(1), state=EMPTY, parameters=Parameters(policy=policy))
    return replace(around, verifier=verifier)  # type: ignore[arg-type]


def _told(effects: list[Effect]) -> list[Carried]:
    """Return what is passed on, once for each."""
    said = [one.message for one in effects if isinstance(one, Send)]
    return list(dict.fromkeys(one for one in said if isinstance(one, Carried)))


@pytest.mark.spec("PTN-007", "INV-017", "RKY-014")
@pytest.mark.parametrize(("make", "checks"), [(_rotate, 2), (_join, 3)], ids=["ROTATE", "JOIN"])
def test_of_ever_lower_ones_of_a_signer_four_are_taken_at_each_head(
    make: Callable[..., Carried], checks: int
) -> None:
    reception, verifier, heads = Reception(Pool()), CountingVerifier(), Heads([HEAD])
    around, flood = _around(verifier), _ever_lower(make, 40)

    told = [one for said in flood for one in _told(reception.handle(said, around, heads))]

    assert told == flood[:TAKEN_MAX]
    assert verifier.count == checks * TAKEN_MAX
    heads.add(NEXT, [])
    again = [one for said in flood for one in _told(reception.handle(said, around, heads))]
    assert again == flood[TAKEN_MAX : 2 * TAKEN_MAX]


@pytest.mark.spec("PTN-007")
def test_a_liar_takes_nothing_from_anybody_else() -> None:
    reception, around = Reception(Pool()), _around()
    for said in _ever_lower(_rotate, 3 * TAKEN_MAX):
        reception.handle(said, around, HEADS)
    identity, voter = LAB.pairs[2]
    honest = write_rotate(identity, VOTER, voter.public, HEAD, CIRCLE)

    assert _told(reception.handle(honest, around, HEADS)) == [honest]
    assert _told(reception.handle(_join(1), around, HEADS)) == [_join(1)]


@pytest.mark.spec("PTN-007", "MEM-032")
def test_what_a_value_names_is_taken_whatever_else_is_held_of_its_signer() -> None:
    """A liar that gives everybody another one cannot keep them from voting."""
    reception, around, flood = Reception(Pool()), _around(), _ever_lower(_rotate, 9)
    for said in flood:
        reception.handle(said, around, HEADS)
    for named in (flood[0], flood[-1]):
        name = envelope.object_hash(named)
        assert not reception.pool.holds(name)
        reception.handle(named, around, HEADS)
        assert not reception.pool.holds(name)

        reception.pool.wanted = (name,)
        assert reception.handle(named, around, HEADS) == [], "others ask themselves"

        assert reception.pool.holds(name)
        assert reception.pool.wanted == ()
        assert reception.handle(named, around, HEADS) == []


@pytest.mark.spec("PTN-007", "PTN-003")
def test_a_leave_that_ends_a_join_is_never_too_much() -> None:
    reception, around = Reception(Pool()), _around()
    for said in _ever_lower(_join, 2 * TAKEN_MAX):
        reception.handle(said, around, HEADS)
    held = reception.pool.admissions(HEADS, 1)[0]
    leave = write_leave(GUEST, held.voter, CIRCLE)

    assert _told(reception.handle(leave, around, HEADS)) == [leave]
    assert reception.pool.admissions(HEADS, 1) == []
    reception.pool.wanted = (held.hash,)
    again = next(one for one in map(_join, range(8)) if envelope.object_hash(one) == held.hash)
    assert reception.handle(again, around, HEADS) == [], "no value brings back who left"


@pytest.mark.spec("PTN-003", "PTN-007")
def test_of_two_leaves_that_end_a_join_the_one_of_lower_hash_stays() -> None:
    reception, verifier, heads = Reception(Pool()), CountingVerifier(), Heads([HEAD])
    around = _around(verifier)
    reception.handle(write_join(GUEST, VOTER, HEAD, CIRCLE, INVITE), around, heads)
    *_, high, low = flood = _ever_lower(_leave, 3 * TAKEN_MAX)

    assert _told(reception.handle(high, around, heads)) == [high]
    assert _told(reception.handle(low, around, heads)) == [low]
    verifier.count = 0
    assert reception.handle(high, around, heads) == []
    assert reception.handle(low, around, heads) == []
    assert verifier.count == 0, "it is held for as long already"
    heads.add(NEXT, [])
    assert reception.handle(high, around, heads) == []
    assert verifier.count == 1, "who leaves is out for longer, by whatever LEAVE"
    assert reception.handle(high, around, heads) == []
    assert verifier.count == 1

    other = Reception(Pool())
    other.handle(write_join(GUEST, VOTER, HEAD, CIRCLE, INVITE), around, HEADS)
    told = [one for said in flood for one in _told(other.handle(said, around, HEADS))]
    assert told == flood[:TAKEN_MAX], "the JOIN counts, too"


def _no_partners(source: int, to: int, message: Message) -> bool:
    return not isinstance(message, Hello)


def _circle(street: Street, device: int) -> Circle:
    circle = street.peers[device].circle
    assert circle is not None
    return circle


def _petitions(street: Street, since: int) -> int:
    return sum(isinstance(one[3], Carried) for one in street.sent[since:])


@pytest.mark.spec("PTN-003", "PTN-007")
def test_leaves_of_one_stranger_do_not_chase_each_other() -> None:
    """Three messages of a stranger made each voter send, ten ms later, nine times as many."""
    street = Street(8, members=7, parameters=Parameters(policy=Policy.OPEN), passes=_no_partners)
    street.run(6)
    guest, voter = street.pairs[7]
    circle = _circle(street, 0)
    name, head = circle.roster.circle, circle.chain.heads.newest
    assert head is not None
    street.stop(7)
    street.deliver(7, 0, write_join(guest, voter, head, name))
    street.run(0.15)
    before = len(street.sent)
    leaves = [
        envelope.sign(ObjectKind.LEAVE, guest, {1: voter.public, 64: n}, circle=name)
        for n in (1, 2)
    ]

    street.deliver(7, 0, leaves[0])
    street.deliver(7, 1, leaves[1])
    street.run(0.035)

    assert _petitions(street, before) <= 2 * 7 * 6


@pytest.mark.spec("PTN-007")
def test_joins_and_leaves_of_two_keys_do_not_chase_each_other() -> None:
    reception, around = Reception(Pool()), _around()
    chain = [
        said
        for key in (_key(1), _key(2))
        for said in (
            write_join(GUEST, key, HEAD, CIRCLE, INVITE),
            write_leave(GUEST, key.public, CIRCLE),
        )
    ]

    taken = [_is_taken(reception, said, around) for _ in range(9) for said in chain]

    assert sum(taken) == 2 * TAKEN_MAX


def _is_taken(reception: Reception, said: Carried, around: Circumstances) -> bool:
    try:
        return bool(reception.handle(said, around, HEADS))
    except Unwelcome:
        return False


@pytest.mark.spec("INV-017")
def test_inventions_of_one_voter_leave_places_for_the_guests_of_others() -> None:
    reception, around = Reception(Pool()), _around()
    invites = [write_invite(identity, 10**9, CIRCLE) for identity, _ in LAB.pairs]

    def join(number: int, by: int) -> Carried:
        return write_join(_key(number), _key(1000 + number), HEAD, CIRCLE, invites[by])

    liars = [bool(reception.handle(join(n, 0), around, HEADS)) for n in range(JOINS_MAX)]
    assert liars == [True] * INVITED_MAX + [False] * (JOINS_MAX - INVITED_MAX)
    for number in range(INVITED_MAX):
        reception.handle(
            write_leave(_key(number), _key(1000 + number).public, CIRCLE), around, HEADS
        )
    assert reception.handle(join(INVITED_MAX, 0), around, HEADS) == [], "who left counts on"

    assert reception.handle(join(99, 2), around, HEADS)


@pytest.mark.spec("INV-017")
def test_inventions_leave_places_for_those_with_a_link() -> None:
    reception, around = Reception(Pool()), _around(policy=Policy.OPEN)

    def join(number: int) -> Carried:
        return write_join(_key(number), _key(1000 + number), HEAD, CIRCLE)

    reception.pool.neighbours = {PeerId(_key(n).public) for n in range(100, 100 + JOINS_MAX)}
    far = [bool(reception.handle(join(n), around, HEADS)) for n in range(JOINS_MAX + 1)]
    near = [bool(reception.handle(join(100 + n), around, HEADS)) for n in range(JOINS_MAX)]

    assert far == [True] * JOINS_MAX + [False]
    assert near == [True] * JOINS_NEAR_MAX + [False] * (JOINS_MAX - JOINS_NEAR_MAX)


@pytest.mark.spec("PTN-008", "EVD-008")
def test_forgeries_of_a_voter_cost_ten_checks_a_second_and_nobody_elses_petition() -> None:
    street = Street(4, parameters=Parameters(policy=Policy.OPEN), passes=_no_partners)
    street.run(5)
    circle = _circle(street, 0)
    head = circle.chain.heads.newest
    assert head is not None
    verifier = CountingVerifier()
    circle.members.around = replace(circle.members.around, verifier=verifier)
    good = write_rotate(
        street.pairs[2][0], VOTER, street.pairs[2][1].public, head, circle.roster.circle
    )
    forged = replace(good, signature=bytes(64))
    since_ns = street.local_ns(0)

    def hear(said: Carried, source: int, at_ns: int) -> str:
        try:
            circle.handle_said(said, street.identities[source], since_ns + at_ns)
        except RemoteError as error:
            return str(error)[:7]
        return ""

    heard = [hear(forged, 1, n * FORGERY_NS // 10) for n in range(100)]
    assert verifier.count == 10
    assert heard[:3] == ["OBJ-006", "PTN-008", "PTN-008"]
    assert hear(good, 3, 10 * FORGERY_NS - 1) == "", "another one may pass on what is true"
    assert circle.members.reception.pool.holds(envelope.object_hash(good))


def test_few_forgers_are_remembered() -> None:
    takings = Takings()
    for number in range(FORGERS_MAX + 1):
        takings.caught(PeerId(_key(number).public), 0)

    takings.admit(PeerId(_key(0).public), 1)
    with pytest.raises(Unwelcome):
        takings.admit(PeerId(_key(1).public), 1)
