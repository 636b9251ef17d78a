"""Who said that it leaves is not seated again by what it said before: a matter of consent."""

from dataclasses import replace

import pytest

from smilesync.circle.circle import Circle
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.heads import KEPT_HEADS, Heads
from smilesync.circle.petitions import invite_from_text, write_invite, write_join, write_leave
from smilesync.circle.pool import Pool
from smilesync.circle.reception import Reception
from smilesync.circle.state import EMPTY
from smilesync.commands import Join, Leave
from smilesync.effects import Send
from smilesync.errors import Unwelcome
from smilesync.ids import PeerId, ValueHash
from smilesync.keys import Ed25519Signer
from smilesync.wire.messages import Carried, ObjectKind
from support.lab import Lab
from support.membership import faults
from support.street import Street
from vectors.make_petitions import GUEST, GUEST_ID, VOTER

MINUTE_US = 60_000_000
GUEST_OF_STREET = 4
LAB = Lab(4, silent=frozenset(range(4)))
CIRCLE = LAB.roster.circle
NAMES = [ValueHash(bytes([number]) * 32) for number in range(20)]
INVITE = write_invite(LAB.pairs[0][0], 10**9, CIRCLE)
LEAVE = write_leave(GUEST, VOTER.public, CIRCLE)


def _street() -> Street:
    """Four voters; a fifth device asks for a seat."""
    street = Street(6, members=4, parameters=Parameters(policy=Policy.INVITE))
    street.run(3)
    word = street.peers[0].invitation(MINUTE_US, None, street.local_ns(0))
    street.command(GUEST_OF_STREET, Join(invite_from_text(word, street.verifier)[1]))
    return street


def _circle(street: Street, device: int) -> Circle:
    circle = street.peers[device].circle
    assert circle is not None
    return circle


def _joins(street: Street) -> list[Carried]:
    told = [m for _, _, _, m in street.sent if isinstance(m, Carried)]
    return list(dict.fromkeys(m for m in told if m.kind == ObjectKind.JOIN))


def _is_inside(street: Street, device: int) -> bool:
    identity, circle = street.identities[device], _circle(street, 0)
    return identity in circle.roster.index_of or identity in circle.members.standby


def _replay(street: Street, seconds: int) -> None:
    """Let somebody repeat every JOIN that was ever heard, every second."""
    for _ in range(seconds):
        for join in _joins(street):
            for device in range(4):
                street.deliver(5, device, join)
            street.run(0.2)
        street.run(1)
        assert not _is_inside(street, GUEST_OF_STREET)


def _assert_sound(street: Street) -> None:
    assert street.genesis is not None
    assert faults(street.genesis, street.journals, street.verifier)[0] == []


@pytest.mark.spec("PTN-002", "MEM-033", "INV-011")
def test_who_left_is_not_seated_again_by_its_own_old_join() -> None:
    street = _street()
    street.run(20)
    assert _circle(street, GUEST_OF_STREET).around.me is not None
    street.command(GUEST_OF_STREET, Leave(is_now=True))
    while _is_inside(street, GUEST_OF_STREET):
        street.run(0.2)

    _replay(street, 25)

    _assert_sound(street)


@pytest.mark.spec("PTN-003", "PTN-004")
@pytest.mark.parametrize("loss", [0.0, 0.5], ids=["all hear it", "half is lost"])
def test_who_leaves_before_it_was_let_in_is_not_let_in_afterwards(loss: float) -> None:
    street = _street()
    street.run(0.1)
    assert _joins(street)
    street.loss = loss

    street.command(GUEST_OF_STREET, Leave(is_now=False))
    assert street.erased == [GUEST_OF_STREET]
    street.run(3)
    if not loss:
        assert not _is_inside(street, GUEST_OF_STREET)
    street.loss = 0.0
    street.run(40)

    assert not _is_inside(street, GUEST_OF_STREET), "it says so until everybody knows"
    _replay(street, 10)
    _assert_sound(street)


@pytest.mark.spec("PTN-002")
def test_only_heads_from_the_leave_on_admit_somebody_who_left() -> None:
    heads = Heads(NAMES[:3])
    heads.add(NAMES[3], [GUEST_ID])
    heads.add(NAMES[4], [])

    admits = [name for name in NAMES if heads.admits(GUEST_ID, name)]

    assert admits == NAMES[3:5]
    assert heads.admits(PeerId(bytes(32)), NAMES[0])
    for name in NAMES[5:]:
        heads.add(name, [])
    assert list(heads) == NAMES[-KEPT_HEADS:]
    assert all(heads.admits(GUEST_ID, name) for name in heads)
    heads.clear()
    assert not list(heads)
    assert not heads.admits(GUEST_ID, NAMES[-1])


def _around() -> Circumstances:
    parameters = Parameters(policy=Policy.INVITE)
    return replace(LAB.circumstances(1), state=EMPTY, parameters=parameters)


def _join(head: ValueHash, voter: Ed25519Signer = VOTER) -> Carried:
    return write_join(GUEST, voter, head, CIRCLE, INVITE)


@pytest.mark.spec("PTN-003")
def test_leave_takes_the_place_of_a_join_until_no_head_of_that_time_is_left() -> None:
    reception, around, heads = Reception(Pool()), _around(), Heads(NAMES[:2])
    others = [LAB.roster.identities[i] for i in (0, 2, 3)]
    with pytest.raises(Unwelcome):
        reception.handle(LEAVE, around, heads)
    reception.handle(_join(NAMES[0]), around, heads)
    stranger = write_leave(GUEST, bytes(32), CIRCLE)
    with pytest.raises(Unwelcome) as caught:
        reception.handle(stranger, around, heads)
    assert caught.value.rule == "INV-013"

    assert reception.handle(LEAVE, around, heads) == [Send(to, LEAVE) for to in others]

    assert reception.pool.admissions(heads, 9) == reception.pool.leaves() == []
    for name in NAMES[2:9]:
        heads.add(name, [])
        assert reception.handle(_join(name), around, heads) == []
        assert reception.pool.admissions(heads, 9) == []
    anew = _join(NAMES[8], Ed25519Signer(bytes([77]) * 32))
    assert reception.handle(anew, around, heads), "a new key is a new wish"
    assert len(reception.pool.admissions(heads, 9)) == 1


@pytest.mark.spec("PTN-003")
def test_leave_that_is_said_again_lasts_again_and_is_passed_on_once() -> None:
    reception, around, heads = Reception(Pool()), _around(), Heads(NAMES[:2])
    reception.handle(_join(NAMES[0]), around, heads)
    reception.handle(LEAVE, around, heads)
    for name in NAMES[2:8]:
        heads.add(name, [])
    assert reception.handle(LEAVE, around, heads) == []
    for name in NAMES[8:13]:
        heads.add(name, [])
        assert reception.handle(_join(name), around, heads) == []


@pytest.mark.spec("PTN-004")
def test_leave_is_said_for_eight_heads_after_a_join_that_was_not_granted() -> None:
    reception, heads = Reception(Pool()), Heads(NAMES[:2])
    around = replace(_around(), me=None, signer=VOTER)
    reception.join(GUEST, INVITE, around)
    reception.leave(GUEST, around, heads, 3)
    parted = replace(around, signer=None)
    told = [Send(to, LEAVE) for to in LAB.roster.identities]

    for name in NAMES[2:9]:
        assert reception.tell(parted, heads) == told
        heads.add(name, [])
        reception.settle(parted, heads)
    heads.add(NAMES[9], [])
    assert reception.tell(parted, heads) == []
    reception.settle(parted, heads)
    assert reception.wish is None
