"""A circle that lost its quorum for good is succeeded by those who are here."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from smilesync.circle.genesis import Parameters, Policy, decode_genesis
from smilesync.circle.lineage import call_hash
from smilesync.circle.petitions import write_invite
from smilesync.circle.succession import Situation
from smilesync.commands import Leave, SetConsent, Switch
from smilesync.config import Config, SuccessionConfig
from smilesync.effects import Event, Rung, Send
from smilesync.ids import CircleId, ValueHash
from smilesync.wire import records
from smilesync.wire.messages import (
    Call,
    Carried,
    Heir,
    Message,
    ObjectKind,
    Pledge,
    Stranded,
    Votes,
)
from support.lab import CachedVerifier
from support.street import Street

OPEN = Parameters(policy=Policy.INVITE)
LIT_SECONDS = 12
FOUND_SECONDS = 80
SECOND_NS = 1_000_000_000


def lit(size: int, parameters: Parameters = OPEN, *, members: int | None = None) -> Street:
    """Return a street whose circle has decided for a while."""
    street = Street(size, parameters=parameters, members=members)
    street.run(LIT_SECONDS)
    assert street.rungs() == [Rung.COMMITTED] * size
    return street


def walk_away(street: Street, *gone: int) -> None:
    """Cut the power of some for good, and their links."""
    for device in gone:
        street.stop(device)
        for other, peer in street.peers.items():
            local_ns = street.local_ns(other)
            street.execute(other, peer.disconnected(street.identities[device], local_ns))


def circle_of(street: Street, device: int) -> CircleId:
    genesis = street.peers[device].belonging.genesis
    assert genesis is not None
    return genesis.circle_id


def origin_of(street: Street) -> CircleId:
    assert street.genesis is not None
    return street.genesis.circle_id


def head_of(street: Street, device: int) -> ValueHash:
    circle = street.peers[device].circle
    assert circle is not None
    return circle.chain.head().hash


def has_moved(street: Street, *devices: int) -> bool:
    """Are these in one circle that succeeds the first one?"""
    circles = {circle_of(street, device) for device in devices}
    return len(circles) == 1 and origin_of(street) not in circles


def kept(street: Street, device: int, kind: type[records.Record]) -> list[records.Record]:
    found = [records.decode(record) for record in street.journals[device]]
    return [record for record in found if isinstance(record, kind)]


def sent(street: Street, kind: type[Message], source: int) -> list[Message]:
    return [m for _, one, _, m in street.sent if one == source and isinstance(m, kind)]


@pytest.mark.spec("SUC-010", "SUC-011", "SUC-020", "SUC-030", "SUC-032")
def test_those_who_are_here_found_a_successor_and_are_lit_again() -> None:
    street = lit(7)
    walk_away(street, 0, 2, 4, 6)

    street.run(FOUND_SECONDS)

    assert has_moved(street, 1, 3, 5)
    assert street.rungs() == [Rung.COMMITTED] * 3
    genesis = street.peers[1].belonging.genesis
    assert genesis is not None
    assert genesis.lineage is not None
    assert genesis.lineage.circle == origin_of(street)
    assert genesis.parameters == OPEN
    assert {card.identity for card in genesis.founders} == {street.identities[i] for i in (1, 3, 5)}
    assert street.genesis is not None
    assert not {card.voter for card in genesis.founders} & set(street.genesis.roster.voters)
    for device in (1, 3, 5):
        order = [type(records.decode(one)) for one in street.journals[device]]
        assert order.index(records.Abandoned) < order.index(records.Moved)


@pytest.mark.spec("SUC-010")
def test_nobody_founds_before_a_minute_without_a_quorum_has_passed() -> None:
    street = lit(4)
    walk_away(street, 0, 1)

    street.run(59)

    assert not sent(street, Stranded, 2)
    assert not sent(street, Call, 2)
    assert not any(sent(street, Pledge, device) for device in (2, 3))
    assert street.rungs() != [Rung.COMMITTED] * 2, "without a circle nothing is certified"


@pytest.mark.spec("SUC-010")
@pytest.mark.parametrize(
    "parameters",
    [Parameters(), Parameters(policy=Policy.INVITE, is_strict=True)],
    ids=["closed", "strict"],
)
def test_closed_and_strict_circles_have_no_successor(parameters: Parameters) -> None:
    street = lit(3, parameters)
    walk_away(street, 0, 1) if not parameters.is_strict else walk_away(street, 0)

    street.run(FOUND_SECONDS)

    assert not [event for _, _, event in street.notices if event.event is Event.CIRCLE_SUCCEEDED]
    assert not [message for *_, message in street.sent if isinstance(message, Stranded)]


@pytest.mark.spec("SUC-010")
def test_a_device_alone_founds_nothing() -> None:
    street = lit(4)
    walk_away(street, 0, 1, 3)

    street.run(3 * FOUND_SECONDS)

    assert circle_of(street, 2) == origin_of(street)
    assert not kept(street, 2, records.Abandoned)


@pytest.mark.spec("SUC-010")
def test_circle_that_never_decided_has_no_successor() -> None:
    street = Street(4, parameters=OPEN, linked=lambda one, other: {one, other} <= {0, 1})
    street.stop(2)
    street.stop(3)

    street.run(700)

    assert circle_of(street, 0) == origin_of(street)


@pytest.mark.spec("SUC-012")
@pytest.mark.parametrize(
    "command",
    [SetConsent(Switch.COLLECTIVE, on=False), SetConsent(Switch.SHOW, on=False), Leave(False)],
    ids=["collective", "show", "leave"],
)
def test_who_withdrew_does_not_found_and_is_not_called(command: SetConsent | Leave) -> None:
    street = lit(7)
    walk_away(street, 0, 2, 4, 6)
    street.run(1)
    street.command(3, command)

    street.run(FOUND_SECONDS)

    assert has_moved(street, 1, 5)
    assert circle_of(street, 3) == origin_of(street)
    assert not sent(street, Pledge, 3)
    assert not sent(street, Stranded, 3)


@pytest.mark.spec("SUC-012")
def test_who_withdraws_before_its_new_key_is_there_signs_nothing_and_follows_nobody() -> None:
    street = lit(7)
    street.is_renewing = False
    walk_away(street, 0, 2, 4, 6)
    street.run(FOUND_SECONDS - 5)
    assert kept(street, 3, records.Abandoned), "it answered a call"
    street.command(3, SetConsent(Switch.COLLECTIVE, on=False))

    street.is_renewing = True
    for device in (1, 3, 5):
        street.renew(device)

    assert not sent(street, Pledge, 3)
    street.run(FOUND_SECONDS)
    assert has_moved(street, 1, 5)
    assert circle_of(street, 3) == origin_of(street)
    street.command(3, SetConsent(Switch.COLLECTIVE, on=True))
    street.run(10)
    assert has_moved(street, 1, 3, 5), "whoever allows it again follows"


@pytest.mark.spec("SUC-013")
def test_amnesic_device_founds_nothing_and_follows() -> None:
    street = lit(7)
    street.journals[3].append(records.encode(records.Amnesia()))
    street.stop(3)
    street.start(3)
    walk_away(street, 0, 2, 4)

    street.run(FOUND_SECONDS + 10)

    assert has_moved(street, 1, 3, 5, 6)
    genesis = street.peers[3].belonging.genesis
    assert genesis is not None
    assert set(genesis.roster.identities) == {street.identities[device] for device in (1, 5, 6)}
    assert street.rungs() == [Rung.COMMITTED] * 4


@pytest.mark.spec("SUC-020", "SUC-023", "SUC-024")
def test_founder_that_never_signs_is_left_out_of_the_next_call() -> None:
    street = lit(7)
    street.passes = lambda source, to, message: to != 3 or not isinstance(message, Call)
    walk_away(street, 0, 2, 4, 6)

    street.run(FOUND_SECONDS + 45)

    assert has_moved(street, 1, 5)
    calls = [message for *_, message in street.sent if isinstance(message, Call)]
    listed = {call.founders for call in calls}
    assert {len(founders) for founders in listed} == {2, 3}
    for device in (1, 5):
        times = [at for at, one, _, m in street.sent if one == device and isinstance(m, Pledge)]
        pledged = {m.call for m in sent(street, Pledge, device) if isinstance(m, Pledge)}
        assert len(pledged) == 2
        assert max(times) - min(times) >= 30 * SECOND_NS


@pytest.mark.spec("SUC-023")
def test_two_calls_at_once_get_one_pledge_of_each() -> None:
    street = lit(7)
    walk_away(street, 0, 2, 4, 6)
    street.run(66.5)
    head = head_of(street, 1)
    founders = tuple(sorted(street.identities[device] for device in (1, 3, 5)))
    for caller in (1, 5):
        call = Call(origin_of(street), head, bytes([caller]) * 32, founders)
        street.deliver(caller, 3, call)

    street.run(2)

    pledges = {m.call for m in sent(street, Pledge, 3) if isinstance(m, Pledge)}
    assert pledges == {call_hash(Call(origin_of(street), head, bytes([1]) * 32, founders))}
    assert street.peers[3].dropped["SUC-023"] >= 1
    street.run(FOUND_SECONDS)
    assert has_moved(street, 1, 3, 5), "the two calls end, and a later one goes through"


def _call(
    street: Street, caller: int, founders: Sequence[int], circle: bytes | None = None
) -> Call:
    head = head_of(street, caller)
    listed = tuple(sorted(street.identities[device] for device in founders))
    return Call(CircleId(circle or origin_of(street)), head, bytes(32), listed)


@pytest.mark.spec("SUC-010", "SUC-021", "SUC-022")
def test_call_that_may_not_be_answered_is_refused() -> None:
    street = lit(7)
    walk_away(street, 0, 2)
    early = _call(street, 1, (1, 3))
    street.deliver(1, 3, early)
    assert street.peers[3].dropped["SUC-010"] == 1
    walk_away(street, 4, 6)
    street.run(66.5)

    for call in (
        _call(street, 1, (1, 3), circle=bytes(32)),
        _call(street, 1, (1, 5)),
        _call(street, 1, (3, 5)),
    ):
        street.deliver(1, 3, call)
    assert street.peers[3].dropped["SUC-021"] == 3

    street.deliver(1, 3, _call(street, 1, (0, 1, 3, 5)))
    assert street.peers[3].dropped["SUC-022"] == 1
    assert not sent(street, Pledge, 3)
    assert not kept(street, 3, records.Abandoned)


@pytest.mark.spec("SUC-021")
def test_old_call_that_is_replayed_is_refused() -> None:
    """A call names the head; once the circle went on, it calls nobody any more."""
    street = lit(4)
    old = _call(street, 1, (1, 2, 3))
    street.run(20)
    walk_away(street, 0, 1)
    street.run(66.5)

    street.deliver(3, 2, old)

    assert street.peers[2].dropped["SUC-021"] == 1
    assert not kept(street, 2, records.Abandoned)


@pytest.mark.spec("SUC-011", "SUC-031")
def test_restart_between_giving_up_the_key_and_the_last_signature() -> None:
    street = lit(7)
    street.passes = lambda source, to, message: not isinstance(message, Pledge)
    walk_away(street, 0, 2, 4, 6)
    street.run(FOUND_SECONDS)
    assert all(kept(street, device, records.Abandoned) for device in (1, 3, 5))
    before = street.pairs[3][1].public
    walk_away(street, 3)
    street.start(3)
    street.passes = lambda source, to, message: True

    mark = len(street.sent)
    street.run(FOUND_SECONDS + 60)

    assert has_moved(street, 1, 3, 5)
    assert street.pairs[3][1].public == before, "the new key was not used: it stays"
    votes = [m for _, one, _, m in street.sent[mark:] if one == 3 and isinstance(m, Votes)]
    assert votes, "it votes in the successor"
    assert street.rungs() == [Rung.COMMITTED] * 3


@pytest.mark.spec("SUC-011")
def test_key_that_could_not_be_erased_in_time_is_never_used_again() -> None:
    street = lit(7)
    street.is_renewing = False
    street.passes = lambda source, to, message: not isinstance(message, Pledge)
    walk_away(street, 0, 2, 4, 6)
    street.run(FOUND_SECONDS + 45)
    old = street.pairs[3][1].public
    assert kept(street, 3, records.Abandoned)
    walk_away(street, 3)
    street.is_renewing = True
    mark = len(street.sent)

    street.start(3)

    assert street.pairs[3][1].public != old, "it asks for another key at once"
    for device in (0, 2, 4, 6):
        street.start(device)
    street.run(20)
    votes = [m for _, one, _, m in street.sent[mark:] if one == 3 and isinstance(m, Votes)]
    assert street.genesis is not None
    index = street.genesis.roster.index_of[street.identities[3]]
    assert not any(part.bitmap >> index & 1 for vote in votes for part in vote.sets)


@pytest.mark.spec("SUC-033")
def test_circle_of_which_too_many_gave_up_never_decides_again() -> None:
    street = lit(7)
    street.passes = lambda source, to, message: not isinstance(message, Pledge)
    walk_away(street, 0, 1, 2, 4)
    street.run(FOUND_SECONDS)
    given_up = [d for d in (3, 5, 6) if kept(street, d, records.Abandoned)]
    assert len(given_up) == 3
    street.passes = lambda source, to, message: True
    for device in (0, 1, 2, 4):
        street.start(device)

    street.run(20)

    assert circle_of(street, 0) == origin_of(street)
    decided = [peer.statistics(street.now_ns).decided_slot for peer in street.peers.values()]
    assert max(decided) < 10, "four of seven are no quorum once three gave up their keys"


@pytest.mark.spec("SUC-033")
def test_old_quorum_goes_on_where_it_survived_and_those_who_gave_up_listen() -> None:
    street = lit(7)
    pledges = lambda message: isinstance(message, Pledge)  # noqa: E731
    street.passes = lambda source, to, message: (
        not pledges(message) and ((source in (5, 6)) == (to in (5, 6)))
    )
    for device in (5, 6):
        for other in range(5):
            for one, two in ((device, other), (other, device)):
                local_ns = street.local_ns(one)
                gone = street.identities[two]
                street.execute(one, street.peers[one].disconnected(gone, local_ns))
    street.run(FOUND_SECONDS)
    assert kept(street, 5, records.Abandoned)
    assert kept(street, 6, records.Abandoned)
    before = street.peers[0].statistics(street.local_ns(0)).decided_slot
    assert before >= 10, "five of seven went on"
    street.passes = lambda source, to, message: True
    for device in (5, 6):
        for other in range(5):
            for one, two in ((device, other), (other, device)):
                local_ns = street.local_ns(one)
                back = street.identities[two]
                street.execute(one, street.peers[one].connected(back, local_ns))
                street._schedule(one)

    street.run(20)

    assert circle_of(street, 5) == circle_of(street, 6) == origin_of(street)
    assert street.rungs() == [Rung.COMMITTED] * 7
    assert not street.peers[5].statistics(street.local_ns(5)).is_voter


@pytest.mark.spec("SUC-040", "SUC-042")
def test_those_who_come_back_follow_the_successor() -> None:
    street = lit(7)
    walk_away(street, 0, 2, 4, 6)
    street.run(FOUND_SECONDS)
    for device in (0, 2, 4, 6):
        street.start(device)

    street.run(FOUND_SECONDS)

    assert has_moved(street, *range(7))
    assert street.rungs() == [Rung.COMMITTED] * 7
    assert all(kept(street, device, records.Abandoned) for device in range(7))


@pytest.mark.spec("SUC-032", "SUC-031")
def test_successor_survives_a_restart() -> None:
    street = lit(7)
    walk_away(street, 0, 2, 4, 6)
    street.run(FOUND_SECONDS)
    new = circle_of(street, 1)
    slots = [street.peers[device].statistics(0).decided_slot for device in (1, 3, 5)]
    for device in (1, 3, 5):
        street.stop(device)
    for device in (1, 3, 5):
        street.start(device)

    street.run(15)

    assert {circle_of(street, device) for device in (1, 3, 5)} == {new}
    assert street.rungs() == [Rung.COMMITTED] * 3
    assert all(
        street.peers[device].statistics(0).decided_slot > slot
        for device, slot in zip((1, 3, 5), slots, strict=True)
    )


@pytest.mark.spec("SUC-041", "SUC-042", "SUC-043")
def test_genesis_that_is_no_successor_is_refused() -> None:
    street = lit(4, members=3)
    other = Street(6, seed=2, parameters=OPEN)
    assert other.genesis is not None
    walk_away(street, 0, 1)
    street.run(66.5)
    data = other.genesis.encode()
    part = Heir(origin_of(street), 0, len(data), data[:1024])

    street.deliver(3, 2, part)
    for offset in range(1024, len(data), 1024):
        rest = Heir(origin_of(street), offset, len(data), data[offset : offset + 1024])
        street.deliver(3, 2, rest)
    assert street.peers[2].dropped["SUC-041"] == 1

    street.deliver(3, 2, part)
    assert street.peers[2].dropped["SUC-043"] == 1
    assert circle_of(street, 2) == origin_of(street)


@pytest.mark.spec("SUC-005", "SUC-006", "GEN-004")
def test_genesis_of_a_successor_holds_for_its_call_only() -> None:
    street = lit(7)
    walk_away(street, 0, 2, 4, 6)
    street.run(FOUND_SECONDS)
    genesis = street.peers[1].belonging.genesis
    assert genesis is not None
    assert genesis.lineage is not None

    assert decode_genesis(genesis.encode(), street.verifier) == genesis


@pytest.mark.spec("SUC-022")
def test_call_that_leaves_out_most_of_those_who_are_here_is_refused() -> None:
    street = lit(16)
    walk_away(street, *range(9))
    street.run(66.5)

    street.deliver(10, 11, _call(street, 10, (10, 11, 12)))

    assert street.peers[11].dropped["SUC-022"] == 1
    assert not kept(street, 11, records.Abandoned)


@pytest.mark.spec("SUC-013", "SUC-040")
def test_listener_follows_and_so_does_one_without_any_voter_key() -> None:
    street = Street(6, parameters=OPEN, members=4)
    street.stop(5)
    street.is_keyless = frozenset({5})
    street.start(5)
    street.run(LIT_SECONDS)
    walk_away(street, 0, 1)

    street.run(FOUND_SECONDS + 15)

    assert has_moved(street, 2, 3, 4, 5)
    assert street.rungs() == [Rung.COMMITTED] * 4
    assert kept(street, 4, records.Abandoned)
    assert not kept(street, 5, records.Abandoned)


def test_device_without_a_circle_has_nothing_to_succeed() -> None:
    street = Street(2, members=0)
    street.run(2)

    street.deliver(0, 1, Stranded(CircleId(bytes(32)), ValueHash(bytes(32)), founds=True))

    assert not street.peers[1].belonging.has_abandoned
    assert street.peers[1].belonging.genesis is None
    assert street.peers[1].renewed(street.pairs[1][1], street.local_ns(1)) == []


def succeeded(*away: int, parameters: Parameters = OPEN) -> Street:
    """Return a street of seven of whom all but `away` founded a successor."""
    street = lit(7, parameters)
    walk_away(street, *away)
    street.run(FOUND_SECONDS)
    assert has_moved(street, *(set(range(7)) - set(away)))
    return street


def seated(street: Street) -> set[int]:
    return {device for device, peer in street.peers.items() if peer.statistics(0).is_voter}


def said(street: Street, source: int, kind: ObjectKind) -> list[Message]:
    carried = sent(street, Carried, source)
    return [one for one in carried if isinstance(one, Carried) and one.kind == kind]


@pytest.mark.spec("SUC-045", "SUC-047")
def test_those_who_come_back_get_a_seat_without_being_invited_by_a_person() -> None:
    street = succeeded(0, 2, 4, 6)
    for device in (0, 2, 4, 6):
        street.start(device)

    street.run(2 * FOUND_SECONDS + 60)

    assert has_moved(street, *range(7))
    assert seated(street) == set(range(7))
    assert street.rungs() == [Rung.COMMITTED] * 7
    assert all(said(street, device, ObjectKind.JOIN) for device in (0, 2, 4, 6))


@pytest.mark.spec("SUC-045")
def test_a_voter_without_memory_invites_nobody_nor_does_one_that_tells_of_an_older_circle() -> None:
    street = succeeded(0, 2, 4, 6)
    peer, guest = street.peers[1], street.identities[0]
    mine = peer.belonging.membership
    assert mine is not None
    now_ns = street.local_ns(1)
    now = mine.situation(peer._outside(), now_ns)
    lineage = now.genesis.lineage
    assert lineage is not None

    def kinds(situation: Situation, circle: CircleId, wait_s: int) -> set[type]:
        stranded, at_ns = Stranded(circle, lineage.head, True), now_ns + wait_s * SECOND_NS
        told = mine.succession.handle(stranded, guest, situation, at_ns)
        return {type(one.message) for one in told if isinstance(one, Send)}

    assert kinds(now, lineage.circle, 10) == {Carried, Heir}
    assert kinds(now._replace(is_amnesic=True), lineage.circle, 20) == {Heir}
    older = now.descent._replace(forebears=(now.genesis,))
    other = replace(now.genesis, lineage=replace(lineage, circle=CircleId(bytes(32))))
    assert kinds(now._replace(genesis=other, descent=older), lineage.circle, 30) == {Heir}


@pytest.mark.spec("SUC-047")
def test_in_an_open_circle_who_comes_back_asks_without_an_invitation() -> None:
    street = succeeded(0, 2, 4, 6, parameters=Parameters(policy=Policy.OPEN))
    street.start(0)

    street.run(FOUND_SECONDS + 20)

    assert said(street, 0, ObjectKind.JOIN)
    assert not any(said(street, device, ObjectKind.INVITE) for device in (1, 3, 5))


@pytest.mark.spec("SUC-045", "SUC-047")
def test_who_never_had_a_seat_is_not_invited_and_asks_for_nothing() -> None:
    street = lit(8, members=7)
    walk_away(street, 0, 2, 4, 6)

    street.run(2 * FOUND_SECONDS)

    assert has_moved(street, 1, 3, 5, 7)
    assert seated(street) == {1, 3, 5}
    assert not any(said(street, device, ObjectKind.INVITE) for device in (1, 3, 5))


@pytest.mark.spec("SUC-012", "SUC-047")
def test_who_left_the_old_circle_is_not_brought_back() -> None:
    street = succeeded(0, 2, 4, 6)
    street.start(0)
    street.command(0, Leave(False))

    street.run(2 * FOUND_SECONDS)

    assert circle_of(street, 0) == origin_of(street)
    assert not said(street, 0, ObjectKind.JOIN)


@pytest.mark.spec("SUC-046")
def test_invitation_that_nobody_waits_for_is_refused() -> None:
    street = lit(4)
    word = write_invite(street.pairs[1][0], 2**40, CircleId(bytes(32)), street.identities[0])

    street.deliver(1, 0, word)
    assert street.peers[0].dropped["SUC-046"] == 1
    walk_away(street, 2, 3)
    street.run(66.5)
    street.deliver(2, 0, word)

    assert street.peers[0].dropped["SUC-046"] == 2


@pytest.mark.spec("SUC-044")
@pytest.mark.parametrize("is_restarted", [False, True], ids=["", "restarted"])
def test_the_first_circle_learns_of_the_successor_of_a_successor(is_restarted: bool) -> None:
    street = succeeded(0, 2, 4)
    middle = circle_of(street, 1)
    walk_away(street, 5, 6)
    street.run(FOUND_SECONDS + 30)
    last = circle_of(street, 1)
    assert circle_of(street, 3) == last != middle
    for device in (1, 3) if is_restarted else ():
        street.stop(device)
    for device in (1, 3) if is_restarted else ():
        street.start(device)
    street.start(0)

    street.run(2 * FOUND_SECONDS)

    assert circle_of(street, 0) == last
    moves = [one for one in kept(street, 0, records.Moved) if isinstance(one, records.Moved)]
    circles = [decode_genesis(one.genesis, CachedVerifier()).circle_id for one in moves]
    assert circles == [middle, last]
    assert street.rungs() == [Rung.COMMITTED] * 3


@pytest.mark.spec("SUC-042", "SUC-048")
def test_who_is_alone_for_long_follows_two_founders_and_not_before() -> None:
    config = Config(succession=SuccessionConfig(lost_ns=150 * SECOND_NS))
    street = Street(7, parameters=OPEN, config=config)
    street.run(LIT_SECONDS)
    walk_away(street, 0, 2, 4, 5, 6)
    street.run(FOUND_SECONDS)
    assert has_moved(street, 1, 3)
    street.start(0)

    street.run(145)
    assert circle_of(street, 0) == origin_of(street)
    assert street.peers[0].dropped["SUC-042"] > 0
    assert not kept(street, 0, records.Abandoned)

    street.run(45)
    assert circle_of(street, 0) == circle_of(street, 1)
    assert kept(street, 0, records.Abandoned)
    assert street.rungs() == [Rung.COMMITTED] * 3
