"""Invitations of old members into a successor: who gets one, which is used, who asks again."""

import hashlib
from dataclasses import replace

import pytest

from smilesync import boot
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Genesis, Parameters, Policy, found
from smilesync.circle.heads import Heads
from smilesync.circle.lineage import Lineage
from smilesync.circle.petitions import read_invite, write_invite
from smilesync.circle.pool import Pool
from smilesync.circle.reception import Reception
from smilesync.circle.returning import (
    FIRST,
    FOREBEARS_MAX,
    INVITED_US,
    INVITES_MAX,
    LATE_NS,
    Descent,
    Invites,
    ask_again,
    invite,
    remembered,
)
from smilesync.circle.roster import Seat
from smilesync.circle.state import EMPTY, State, Waiting
from smilesync.config import CircleConfig
from smilesync.effects import Send
from smilesync.errors import Unwelcome
from smilesync.ids import CircleId, PeerId, ValueHash, VoterKey
from smilesync.wire.messages import Carried
from support.lab import CachedVerifier, cards, signers, successor_of

PAIRS = signers(12)
INVITING = Parameters(policy=Policy.INVITE)
OLD = found(cards(PAIRS[:7]), bytes(32), INVITING)
HEIR = successor_of(Lineage(OLD.circle_id, ValueHash(bytes(32))), PAIRS[:3], INVITING)
GUEST = PeerId(PAIRS[5][0].public)
NOW_US = 5_000_000


def around(who: int, genesis: Genesis = HEIR, state: State | None = EMPTY) -> Circumstances:
    keys = boot.Keys(*PAIRS[who])
    return replace(boot.circumstances(CircleConfig(), keys, CachedVerifier(), genesis), state=state)


def with_policy(policy: Policy) -> Genesis:
    steward = PAIRS[0][0].public if policy is Policy.STEWARD else None
    return found(cards(PAIRS[:3]), bytes(32), Parameters(policy=policy, steward=steward))


def invited_by(who: int, circle: CircleId = HEIR.circle_id, guest: PeerId = GUEST) -> Carried:
    return write_invite(PAIRS[who][0], NOW_US, circle, guest)


@pytest.mark.spec("SUC-045")
def test_a_voter_invites_who_had_a_seat_for_ten_minutes() -> None:
    (sent,) = invite(GUEST, PAIRS[0][0], around(0, state=None), NOW_US)

    assert isinstance(sent, Send)
    assert isinstance(sent.message, Carried)
    grant = read_invite(sent.message, HEIR.circle_id, CachedVerifier())
    assert sent.to == grant.guest == GUEST
    assert grant.until_us == NOW_US + INVITED_US == NOW_US + 600_000_000


WAITS = Waiting(Seat(VoterKey(PAIRS[5][1].public), GUEST), 1)


@pytest.mark.spec("SUC-045")
@pytest.mark.parametrize(
    ("here", "circle_us", "to"),
    [
        (around(4), NOW_US, GUEST),
        (around(0), None, GUEST),
        (around(0, with_policy(Policy.OPEN)), NOW_US, GUEST),
        (around(0, with_policy(Policy.STEWARD)), NOW_US, GUEST),
        (around(0), NOW_US, PeerId(PAIRS[1][0].public)),
        (around(0, state=replace(EMPTY, standby=(WAITS,))), NOW_US, GUEST),
        (around(0, state=replace(EMPTY, expelled=(GUEST,))), NOW_US, GUEST),
        (around(0, state=replace(EMPTY, struck=(GUEST,))), NOW_US, GUEST),
    ],
    ids=["no seat", "no clock", "open", "steward", "is in", "waits", "expelled", "struck"],
)
def test_nobody_else_is_invited(here: Circumstances, circle_us: int | None, to: PeerId) -> None:
    assert invite(to, PAIRS[0][0], here, circle_us) == []


@pytest.mark.spec("SUC-046")
def test_only_what_a_neighbour_says_itself_is_kept_and_only_what_is_true_is_used() -> None:
    invites, here = Invites(), around(5)
    sender = [PeerId(identity.public) for identity, _ in PAIRS]
    with pytest.raises(Unwelcome, match="SUC-046"):
        invites.take(invited_by(1), sender[0], is_due=True, known=())
    with pytest.raises(Unwelcome, match="SUC-046"):
        invites.take(invited_by(0), sender[0], is_due=False, known=())

    forged = replace(invited_by(0), signature=bytes(64))
    for who, said in (
        (0, forged),
        (1, invited_by(1, OLD.circle_id)),
        (2, invited_by(2, guest=sender[4])),
    ):
        invites.take(said, sender[who], is_due=True, known=())
        assert invites.grant(HEIR, GUEST, here) is None
    invites.take(invited_by(3), sender[3], is_due=True, known=())
    assert invites.grant(HEIR, GUEST, here) == invited_by(3)

    for who in range(4, 4 + INVITES_MAX):
        invites.take(
            replace(invited_by(who), signature=bytes(64)), sender[who], is_due=True, known=()
        )
    assert invites.grant(HEIR, GUEST, here) is None, "the oldest of too many gives way"


@pytest.mark.spec("SUC-046")
def test_old_members_spread_over_those_who_invite_them() -> None:
    used = set()
    for guest in range(3, 12):
        invites, me = Invites(), PeerId(PAIRS[guest][0].public)
        for who in range(3):
            invites.take(
                invited_by(who, guest=me), PeerId(PAIRS[who][0].public), is_due=True, known=()
            )
        grant = invites.grant(HEIR, me, around(guest))
        assert grant is not None
        used.add(grant.signer)

    assert len(used) == 3


@pytest.mark.spec("SUC-046")
def test_strangers_neither_push_out_nor_outbid_those_who_have_a_seat() -> None:
    """Anybody nearby may send one; made-up identities have any hash that they want."""
    invites, founder = Invites(), PeerId(PAIRS[0][0].public)
    invites.take(invited_by(0), founder, is_due=True, known=OLD.roster.index_of)
    for who in range(7, 12):
        stranger = PeerId(PAIRS[who][0].public)
        invites.take(invited_by(who), stranger, is_due=True, known=OLD.roster.index_of)
    for number in range(INVITES_MAX):
        made_up = PeerId(bytes([number]) * 32)
        said = replace(invited_by(7), signer=made_up)
        invites.take(said, made_up, is_due=True, known=OLD.roster.index_of)

    assert invites.grant(HEIR, GUEST, around(5)) == invited_by(0)

    outbid = Invites()
    for who in (0, 7, 8, 9, 10, 11):
        one = PeerId(PAIRS[who][0].public)
        outbid.take(invited_by(who), one, is_due=True, known=OLD.roster.index_of)
        if who:
            lonely = Invites()
            lonely.take(invited_by(who), one, is_due=True, known=())
            assert lonely.grant(HEIR, GUEST, around(5)) == invited_by(who), "if there is no other"
    hashes = {who: _lot(PeerId(PAIRS[who][0].public)) for who in (0, 7, 8, 9, 10, 11)}
    assert min(hashes, key=lambda who: hashes[who]) != 0, "one of them has a lower hash"
    assert outbid.grant(HEIR, GUEST, around(5)) == invited_by(0)


def _lot(inviter: PeerId) -> bytes:
    return hashlib.sha256(GUEST + inviter).digest()


@pytest.mark.spec("SUC-047", "INV-006")
@pytest.mark.parametrize("policy", [Policy.OPEN, Policy.STEWARD])
def test_where_no_voter_invites_an_invitation_is_not_used(policy: Policy) -> None:
    """With one in it a JOIN is refused there: a neighbour could keep old members out so."""
    genesis = with_policy(policy)
    grant = invited_by(1, genesis.circle_id)

    wish = asked(5, grant, around(5, genesis), genesis).wish

    assert (wish is not None) is (policy is Policy.OPEN)
    assert wish is None or wish.grant is None


def asked(
    who: int,
    grant: Carried | None,
    here: Circumstances,
    genesis: Genesis = HEIR,
    reception: Reception | None = None,
) -> Reception:
    """Return the reception of somebody who asks again, with this invitation at hand."""
    reception, invites = reception or Reception(Pool()), Invites()
    if grant is not None:
        invites.take(grant, grant.signer, is_due=True, known=())
    ask_again(reception, invites, PAIRS[who][0], genesis, here)
    return reception


@pytest.mark.spec("SUC-047")
def test_who_asks_again_and_with_what() -> None:
    invited = invited_by(0)
    for state in (EMPTY, None):
        guest = asked(5, invited, around(5, state=state))
        assert guest.wish is not None
        assert guest.wish.grant == invited
    opened = with_policy(Policy.OPEN)
    assert asked(5, None, around(5, opened), opened).wish is not None

    founder = invited_by(1, guest=PeerId(PAIRS[0][0].public))
    for who, grant, here in (
        (5, None, around(5)),
        (0, founder, around(0)),
        (5, invited, replace(around(5), signer=None)),
        (5, invited, around(5, state=replace(EMPTY, expelled=(GUEST,)))),
    ):
        assert asked(who, grant, here).wish is None


@pytest.mark.spec("SUC-047")
def test_better_invitation_is_used_and_none_by_who_leaves() -> None:
    guest = asked(5, invited_by(0), around(5))

    asked(5, invited_by(1), around(5), reception=guest)
    assert guest.wish is not None
    assert guest.wish.grant == invited_by(1)
    guest.leave(PAIRS[5][0], around(5), Heads(), 1)
    asked(5, invited_by(1), around(5), reception=guest)
    assert guest.is_leaving


@pytest.mark.spec("SUC-044")
def test_a_descent_goes_back_so_far_and_knows_the_last_seats() -> None:
    assert FOREBEARS_MAX >= 4
    descent = FIRST
    for _ in range(FOREBEARS_MAX + 1):
        descent = descent.followed(OLD, OLD.roster, GUEST, 7)

    assert descent == Descent((OLD,) * FOREBEARS_MAX, frozenset(OLD.roster.identities), 7 + LATE_NS)
    stranger = PeerId(PAIRS[9][0].public)
    assert FIRST.followed(OLD, OLD.roster, stranger, 7).invited_until_ns == 0
    assert remembered((), None) == FIRST
    assert remembered((OLD,), HEIR.lineage).heritage == set(OLD.roster.identities)
    assert remembered((OLD, HEIR), None) == Descent((OLD, HEIR)), "a merger led elsewhere"


@pytest.mark.spec("SUC-044")
def test_who_goes_over_by_a_merger_can_still_tell_of_the_circles_before() -> None:
    descent = FIRST.followed(OLD, OLD.roster, GUEST, 7).parted(HEIR)

    assert descent == Descent((OLD, HEIR))
