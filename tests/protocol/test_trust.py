"""How long a device lets voters it knows vouch for voters it does not: an attack from the past."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from smilesync.circle.circle import Circle
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.petitions import invite_from_text, write_invite
from smilesync.circle.quorum import VoteKey, statement, value_hash, vote_set
from smilesync.circle.roster import Roster
from smilesync.circle.trust import Trust
from smilesync.commands import Join
from smilesync.config import SECOND_NS
from smilesync.effects import Rung
from smilesync.errors import LocalError
from smilesync.ids import VoterKey
from smilesync.wire.messages import Carried, Decided, ObjectKind, Piece, VoteKind, Votes
from smilesync.wire.records import ClockReserved, ConsentSet, Opened, Record, Seated
from support.membership import faults
from support.street import Street

MINUTE_US = 60_000_000
LIARS = (0, 1, 2)
"""f + 1 of seven: as many as vouch for a roster, long after they had a right to."""
VICTIM = 6


def _street(size: int = 7, policy: Policy = Policy.INVITE) -> Street:
    street = Street(size, parameters=Parameters(policy=policy))
    street.run(6)
    return street


def _circle(street: Street, device: int) -> Circle:
    circle = street.peers[device].circle
    assert circle is not None
    return circle


def _restart(street: Street, device: int) -> None:
    street.stop(device)
    street.start(device)


def _invent(street: Street) -> int:
    """Let the liars show the victim a decision of their own roster; returns its slot."""
    circle = _circle(street, VICTIM)
    roster = circle.roster
    own = Roster(roster.circle, [roster.seats[i] for i in LIARS], is_strict=False)
    last = circle.chain.head().value
    assert last is not None
    value = replace(last, slot=last.slot + 1_000, roster_hash=own.hash)
    key: VoteKey = (VoteKind.FINALIZE, 1, value_hash(value.encode()))
    data = statement(own.circle, own.hash, value.slot, key)
    votes = vote_set(key, {i: street.pairs[i][1].sign(data) for i in LIARS})
    source = LIARS[0]
    for message in (
        Decided(value.encode(), 1),
        Piece(own.hash, 0, len(own.body), own.body),
        Votes(value.slot, (votes,)),
    ):
        street.deliver(source, VICTIM, message)
    return value.slot


def _decided_slot(street: Street, device: int) -> int:
    return _circle(street, device).chain.head().slot


@pytest.mark.spec("MEM-021", "TRU-001")
@pytest.mark.parametrize("is_restarted", [False, True], ids=["on all the time", "restarted"])
def test_only_a_device_that_was_on_lets_others_vouch_for_a_roster(is_restarted: bool) -> None:
    street = _street()
    if is_restarted:
        _restart(street, VICTIM)

    slot = _invent(street)

    assert (_decided_slot(street, VICTIM) == slot) is not is_restarted


@pytest.mark.spec("TRU-001")
def test_a_decision_under_the_known_roster_gives_trust_back() -> None:
    street = _street()
    _restart(street, VICTIM)
    street.run(10)

    slot = _invent(street)

    assert _decided_slot(street, VICTIM) == slot, "f + 1 liars are more than the promise bears"


@pytest.mark.spec("MEM-026", "TRU-001")
def test_who_was_off_while_voters_changed_comes_back_over_the_first_change() -> None:
    street = _street(6)
    street.stop(5)
    street.run(40)
    street.stop(4)
    street.run(40)
    assert _circle(street, 0).roster.size == 4

    street.start(5)
    street.run(40)

    assert street.rungs() == [Rung.COMMITTED] * 5
    assert _circle(street, 5).around.me is not None
    assert street.genesis is not None
    assert faults(street.genesis, street.journals, street.verifier)[0] == []


@pytest.mark.spec("TRU-001", "TRU-002")
def test_an_invitation_gives_trust_back_and_nothing_else_of_the_wearer_does() -> None:
    street = _street()
    word = street.peers[0].invitation(MINUTE_US, None, street.local_ns(0))
    _, invite = invite_from_text(word, street.verifier)
    _restart(street, VICTIM)
    forged = replace(invite, signature=bytes(64))
    foreign = write_invite(street.pairs[0][0], 1, _circle(street, 0).roster.circle)
    for wrong in (forged, replace(foreign, body=invite.body + b"?")):
        with pytest.raises(LocalError, match="invitation"):
            street.command(VICTIM, Join(wrong))
    with pytest.raises(LocalError, match="has a seat"):
        street.command(VICTIM, Join(None))
    assert not _circle(street, VICTIM).trust.holds(street.local_ns(VICTIM))

    street.command(VICTIM, Join(invite))

    assert _circle(street, VICTIM).trust.holds(street.local_ns(VICTIM))
    with pytest.raises(LocalError, match="has a seat"):
        street.command(VICTIM, Join(invite))


@pytest.mark.spec("TRU-001")
def test_in_an_open_circle_the_wish_to_join_gives_trust_back() -> None:
    street = _street(7, Policy.OPEN)
    _restart(street, VICTIM)
    assert not _circle(street, VICTIM).trust.holds(street.local_ns(VICTIM))

    street.command(VICTIM, Join(None))

    assert _circle(street, VICTIM).trust.holds(street.local_ns(VICTIM))


@pytest.mark.spec("TRU-001", "INV-018")
def test_who_followed_before_its_restart_asks_for_a_seat_at_once() -> None:
    street = Street(5, members=4, parameters=Parameters(policy=Policy.OPEN))
    street.run(6)
    _restart(street, 4)
    assert not _circle(street, 4).trust.holds(street.local_ns(4))
    before = len(street.sent)

    street.command(4, Join(None))

    said = [m for _, source, _, m in street.sent[before:] if source == 4 and isinstance(m, Carried)]
    assert ObjectKind.JOIN in {message.kind for message in said}
    assert _circle(street, 4).trust.holds(street.local_ns(4))


@pytest.mark.spec("MEM-021", "TRU-001")
@pytest.mark.parametrize(
    ("journal", "holds"),
    [
        ((), True),
        ((Opened(VoterKey(bytes(32))), ConsentSet(1)), True),
        ((ClockReserved(7),), False),
        ((Seated(3, b"r", None),), False),
    ],
    ids=["new", "new to the circle", "knew its time", "knew its voters"],
)
def test_whoever_was_in_the_circle_before_starts_without_trust(
    journal: Sequence[Record], holds: bool
) -> None:
    assert Trust(900 * SECOND_NS, journal, 5).holds(5) is holds


@pytest.mark.spec("MEM-021")
def test_trust_ends_after_a_quarter_of_an_hour() -> None:
    trust = Trust(900 * SECOND_NS, (), 5)

    assert trust.holds(5 + 900 * SECOND_NS)
    assert not trust.holds(6 + 900 * SECOND_NS)
    trust.renew(7)
    assert trust.holds(7 + 900 * SECOND_NS)
