"""Two circles that meet become one, if both decide so, each for itself."""

from dataclasses import replace

import pytest

from smilesync.boot import floor_us_of
from smilesync.circle.genesis import Parameters, Policy, found
from smilesync.circle.lease import Standing
from smilesync.circle.offer import Dissolve, Offer
from smilesync.circle.quorum import statement, vote_set
from smilesync.circle.value import NO_PREVIOUS, Value, named
from smilesync.commands import Leave, Merge, SetConsent, SetOff, Switch
from smilesync.effects import Event, Rung, Send
from smilesync.errors import LocalError
from smilesync.ids import CircleId
from smilesync.keys import Ed25519Signer
from smilesync.timeline import Timeline
from smilesync.wire import records
from smilesync.wire.messages import (
    Call,
    Clock,
    Decided,
    Heir,
    Meet,
    Message,
    Pledge,
    Proof,
    Propose,
    Prove,
    Ready,
    Stranded,
    VoteKind,
    Votes,
)
from support.lab import cards
from support.street import Street

OPEN, INVITE = Parameters(policy=Policy.OPEN), Parameters(policy=Policy.INVITE)
LIT_SECONDS = 12
MERGED_SECONDS = 60
B_RESERVED_US = 3_600_000_000
"""The smaller circle has another time: an hour later."""


EXAMPLE = Value(
    slot=1,
    parent=NO_PREVIOUS,
    not_before_us=1,
    not_after_us=2,
    pattern=b"p",
    start_us=1,
    previous=None,
    previous_start_us=0,
    fade_us=2_000_000,
    roster_hash=bytes(32),
    state_hash=bytes(32),
)


def apart(size: int, others: int, parameters: Parameters = OPEN, **more: object) -> Street:
    """Return a street of two circles that have decided for a while, all in radio range."""
    street = Street(size, others=others, parameters=parameters, **more)  # type: ignore[arg-type]
    reserved = records.encode(records.ClockReserved(B_RESERVED_US))
    for device in range(size - others, size):
        street.stop(device)
        street.journals[device] = [reserved]
        street.start(device)
    street.run(LIT_SECONDS)
    assert street.rungs() == [Rung.COMMITTED] * size
    return street


def circle_of(street: Street, device: int) -> CircleId:
    genesis = street.peers[device].belonging.genesis
    assert genesis is not None
    return genesis.circle_id


def circles(street: Street) -> list[CircleId]:
    return [circle_of(street, device) for device in sorted(street.peers)]


def kept(street: Street, device: int) -> list[records.Record]:
    return [records.decode(record) for record in street.journals[device]]


def values(street: Street, device: int) -> list[Value]:
    """Return all that a device's journal says was decided, in any circle."""
    found = [one for one in kept(street, device) if isinstance(one, records.DecidedRecord)]
    return [named(one.body).value for one in found]


def offers(street: Street, device: int) -> list[Offer]:
    found = [value.merging for value in values(street, device)]
    return [one for one in found if isinstance(one, Offer)]


def is_over(street: Street, device: int) -> bool:
    return any(value.is_last for value in values(street, device))


def sent(street: Street, kind: type[Message], *sources: int) -> int:
    return sum(isinstance(m, kind) and (one in sources) for _, one, _, m in street.sent)


def has_proof(street: Street, *devices: int) -> bool:
    """Does one of these hold the proof of an offer?"""
    found = [street.peers[device].belonging.membership for device in devices]
    return any(one is not None and one.merger.has_proof for one in found)


def without(kind: type[Message], *sources: int) -> object:
    """Return a filter that lets no message of a kind pass that comes from one of these."""
    return lambda source, to, message: not (isinstance(message, kind) and source in sources)


@pytest.mark.spec("MRG-022", "MRG-023", "MRG-024", "MRG-032", "MRG-033", "MRG-034", "MRG-036")
@pytest.mark.spec("SUC-044")
@pytest.mark.parametrize(("size", "others"), [(7, 3), (5, 1), (3, 1), (8, 4)])
def test_two_circles_that_meet_become_one(size: int, others: int) -> None:
    street = apart(size, others)
    assert street.genesis is not None
    assert street.other is not None
    pair = street.genesis.circle_id, street.other.circle_id
    is_first = size > 2 * others or pair[0] < pair[1]
    large, small = pair if is_first else reversed(pair)
    movers = [one for one in range(size) if circle_of(street, one) == small]
    before_us = {device: street.circle_us(device) for device in range(size)}

    street.run(MERGED_SECONDS)

    assert circles(street) == [large] * size
    assert street.rungs() == [Rung.COMMITTED] * size
    assert len({street.peers[device].scene.value_hash for device in range(size)}) == 1
    times_us = [street.circle_us(device) for device in range(size)]
    assert max(times_us) - min(times_us) < 40_000
    stayer = next(one for one in range(size) if one not in movers)
    passed_us = times_us[stayer] - before_us[stayer]
    assert abs(passed_us - MERGED_SECONDS * 1_000_000) < 1_000_000, "its time goes on"
    for device in movers:
        circle = street.peers[device].circle
        assert circle is not None
        assert circle.around.me is None, "nobody gains a seat"
        assert circle.roster.size == size - len(movers)
        mine = street.peers[device].belonging.membership
        assert mine is not None
        assert [one.circle_id for one in mine.descent.forebears] == [small]
        kinds = [type(one) for one in kept(street, device)]
        order = [kinds.index(one) for one in (records.Abandoned, records.Proven, records.Moved)]
        assert order == sorted(order)
    assert sorted(street.erased) == movers
    assert sent(street, Ready, *range(size)) > 0


@pytest.mark.spec("MRG-033")
def test_voter_key_is_given_up_before_anything_else() -> None:
    street = apart(7, 3)
    street.is_renewing = False

    street.run(MERGED_SECONDS)

    assert circles(street)[4:] == [circle_of(street, 6)] * 3 != [circle_of(street, 0)] * 3
    assert is_over(street, 6)
    assert sum(isinstance(one, records.Abandoned) for one in kept(street, 6)) == 1
    assert not any(isinstance(one, records.Moved) for one in kept(street, 6))

    street.is_renewing = True
    street.stop(6)
    street.pairs[6] = street.pairs[6][0], Ed25519Signer(b"\7" * 32)
    street.start(6)
    street.run(20)

    assert circle_of(street, 6) == circle_of(street, 0)
    assert sum(isinstance(one, records.Abandoned) for one in kept(street, 6)) == 1
    assert street.peers[6].scene.rung is Rung.COMMITTED


@pytest.mark.spec("MRG-032", "MRG-040")
@pytest.mark.parametrize(
    "command",
    [
        SetConsent(Switch.COLLECTIVE, on=False),
        SetConsent(Switch.SHOW, on=False),
        SetOff(off=True),
        Merge(agrees=False),
    ],
    ids=["collective", "show", "off", "merge"],
)
def test_who_withdrew_stays_where_it_is_until_its_wearer_wants_to_go(command: object) -> None:
    street = apart(8, 4)
    small = max((0, 7), key=lambda one: circle_of(street, one))
    street.command(small, command)  # type: ignore[arg-type]

    street.run(MERGED_SECONDS)

    large = circle_of(street, 7 - small)
    assert [one == large for one in circles(street)].count(False) == 1
    assert circle_of(street, small) != large
    assert is_over(street, small)
    assert street.peers[small].scene.rung is not Rung.COMMITTED
    undone = {
        SetConsent: lambda: replace(command, on=True),  # type: ignore[type-var]
        SetOff: lambda: SetOff(off=False),
        Merge: lambda: Merge(agrees=True),
    }
    street.command(small, undone[type(command)]())  # type: ignore[arg-type]
    street.run(15)
    assert circle_of(street, small) == large
    assert street.peers[small].scene.rung is Rung.COMMITTED


@pytest.mark.spec("MRG-012", "MRG-013")
def test_three_circles_that_meet_at_once_become_one_in_the_end() -> None:
    street = Street(9, others=5, parameters=OPEN)
    third = found(cards(street.pairs[7:]), b"\3" * 32, OPEN)
    second = found(cards(street.pairs[4:7]), b"\2" * 32, OPEN)
    for device in range(4, 9):
        street.stop(device)
        street.journals[device] = []
        street.given[device] = third if device > 6 else second
    for device in range(4, 9):
        street.start(device)
    street.run(LIT_SECONDS)
    assert street.rungs() == [Rung.COMMITTED] * 9
    assert len(set(circles(street))) == 3
    large = circle_of(street, 0)

    street.run(400)

    assert circles(street) == [large] * 9
    assert street.rungs() == [Rung.COMMITTED] * 9
    for device in range(9):
        since_us = -1
        for value in values(street, device):
            if isinstance(value.merging, Offer):
                assert value.not_before_us >= since_us
                since_us = value.merging.until_us


@pytest.mark.spec("MRG-033")
def test_power_may_fail_between_any_two_records_of_going_over() -> None:
    street = apart(7, 3)
    street.run(MERGED_SECONDS)
    whole = street.journals[6]
    kinds = [type(records.decode(one)) for one in whole]
    first, last = kinds.index(records.Abandoned), kinds.index(records.Moved)

    for count in range(first, last + 5):
        street.stop(6)
        street.journals[6] = list(whole[:count])
        if count == first:
            continue  # the key is not given up yet, and the others are gone
        street.start(6)
        street.run(25)
        assert circle_of(street, 6) == circle_of(street, 0), f"{count} of {len(whole)} records"
        assert street.peers[6].scene.rung is Rung.COMMITTED, f"{count} of {len(whole)} records"
        street.run(20)


@pytest.mark.spec("MRG-032")
def test_who_is_leaving_follows_nobody() -> None:
    street = apart(7, 3)
    street.command(6, Leave(is_now=True))

    street.run(MERGED_SECONDS)

    assert circle_of(street, 6) not in circles(street)[:6]


@pytest.mark.spec("MRG-040")
@pytest.mark.parametrize("unwilling", [(0, 1), (5, 6)], ids=["of the larger", "of the smaller"])
def test_nothing_happens_where_a_quorum_of_wearers_does_not_agree(
    unwilling: tuple[int, ...],
) -> None:
    street = apart(7, 3)
    for device in unwilling:
        street.command(device, Merge(agrees=False))

    street.run(3 * MERGED_SECONDS)

    assert len(set(circles(street))) == 2
    assert not any(is_over(street, device) for device in range(7))
    assert street.rungs() == [Rung.COMMITTED] * 7


@pytest.mark.spec("MRG-024", "MRG-040")
def test_circle_of_invited_people_merges_only_if_they_say_so() -> None:
    street = apart(7, 3, INVITE)
    street.run(30)
    assert sent(street, Meet, *range(7)) == 0

    for device in range(7):
        street.command(device, Merge(agrees=True))
    street.run(MERGED_SECONDS)

    assert len(set(circles(street))) == 1
    assert street.rungs() == [Rung.COMMITTED] * 7


@pytest.mark.spec("MRG-012", "MRG-020", "MRG-021")
def test_offer_that_is_not_taken_in_time_changes_nothing() -> None:
    street = apart(7, 3)
    street.passes = without(Proof, 0, 1, 2, 3)  # type: ignore[assignment]

    street.run(110)

    assert len(set(circles(street))) == 2
    assert not any(is_over(street, device) for device in range(7))
    assert street.rungs() == [Rung.COMMITTED] * 7
    assert len(offers(street, 0)) == 1, "another one after two minutes"

    street.passes = lambda source, to, message: True
    street.run(110)

    assert len(set(circles(street))) == 1
    assert len(offers(street, 0)) == 2


@pytest.mark.spec("MRG-021")
def test_offer_that_only_a_proof_tells_of_moves_nobody() -> None:
    """The voters of the larger circle fall silent when the proof is there: nothing to live in."""
    street = apart(7, 3)
    street.run(5)

    def passes(source: int, to: int, message: Message) -> bool:
        holds = has_proof(street, 4, 5, 6)
        return not (isinstance(message, Meet) and source < 4 and holds)

    street.passes = passes
    street.run(100)

    assert has_proof(street, 4, 5, 6)
    assert not is_over(street, 6)
    assert street.rungs() == [Rung.COMMITTED] * 7


@pytest.mark.spec("MRG-035", "MRG-024")
def test_who_was_away_learns_of_the_end_and_follows() -> None:
    street = apart(8, 4)
    late = max((0, 7), key=lambda one: circle_of(street, one))
    small = circle_of(street, late)
    fellows = [one for one in range(8) if circle_of(street, one) == small and one != late]
    street.stop(late)
    street.run(MERGED_SECONDS)
    assert len(set(circles(street))) == 1
    for fellow in fellows:
        street.stop(fellow)
        street.start(fellow)
    street.run(10)
    assert street.rungs() == [Rung.COMMITTED] * 7, "a restart stays in the larger circle"

    street.start(late)
    street.run(60)

    assert sent(street, Decided, *fellows) > 0
    assert len(set(circles(street))) == 1
    assert street.rungs() == [Rung.COMMITTED] * 8


@pytest.mark.spec("MRG-037")
def test_time_of_the_larger_circle_is_not_told_to_who_may_keep_that_of_the_smaller() -> None:
    street = apart(7, 3)
    street.command(4, SetConsent(Switch.COLLECTIVE, on=False))
    street.run(MERGED_SECONDS)
    assert circle_of(street, 4) != circle_of(street, 5) == circle_of(street, 6)
    for restarts in (False, True):
        if restarts:
            street.stop(5)
            street.start(5)
        street.run(5)
        street.sent.clear()

        street.run(10)

        said = [(to, m) for _, one, to, m in street.sent if one == 5 and isinstance(m, Clock)]
        times = {to: {m.circle_us is None for other, m in said if other == to} for to, _ in said}
        assert times == {to: {to == 4} for to in (0, 1, 2, 3, 4, 6)}
        assert not any(m.is_synced for to, m in said if to == 4)
    assert not street.peers[4].clock.is_synced, "alone it has no time"


@pytest.mark.spec("MRG-034")
def test_times_from_before_a_merger_say_nothing_and_those_from_before_a_succession_do() -> None:
    end = replace(EXAMPLE, merging=Dissolve(CircleId(bytes(32)), NO_PREVIOUS)).encode()
    votes = vote_set((VoteKind.FINALIZE, 1, named(end).hash), {0: bytes(64)})
    left = records.Proven(CircleId(b"b" * 32), end, votes, bytes(65))
    link = replace(left, body=EXAMPLE.encode())
    moved, hour = records.Moved(CircleId(bytes(32)), b"x"), records.ClockReserved(3_600)
    minute = records.ClockReserved(60)

    assert floor_us_of([hour, left, moved]) == 0
    assert floor_us_of([hour, left, moved, minute]) == 60
    assert floor_us_of([hour, left]) == 3_600, "it did not go yet"
    assert floor_us_of([hour, link, moved]) == 3_600, "that is a successor of the same time"
    assert floor_us_of([hour, left, moved, minute, moved]) == 60


@pytest.mark.spec("MRG-034")
def test_restart_does_not_take_the_time_of_the_circle_that_ended_for_the_new_one() -> None:
    street = apart(7, 3)
    street.run(MERGED_SECONDS)
    street.stop(6)

    street.start(6)

    assert street.circle_us(6) < B_RESERVED_US // 2
    street.run(10)
    assert street.peers[6].scene.rung is Rung.COMMITTED


def ended(size: int = 7, others: int = 3) -> Street:
    """Return a street whose smaller circle has ended, and whose people do not go over yet."""
    street = apart(size, others)
    for device in range(size - others, size):
        street.command(device, SetConsent(Switch.COLLECTIVE, on=False))
    street.run(MERGED_SECONDS)
    assert all(is_over(street, device) for device in range(size - others, size))
    return street


@pytest.mark.spec("MRG-030")
def test_nothing_is_decided_after_the_end() -> None:
    street = ended()
    circle = street.peers[6].circle
    assert circle is not None
    assert street.other is not None
    roster, last = street.other.roster, circle.chain.head()
    assert last.value is not None
    begin_us = last.not_after_us
    value = replace(
        last.value,
        slot=last.slot + 1,
        parent=last.hash,
        not_before_us=begin_us,
        not_after_us=begin_us + 4_000_000,
        merging=None,
    )
    body, key = value.encode(), (VoteKind.FINALIZE, 1, named(value.encode()).hash)
    data = statement(roster.circle, roster.hash, value.slot, key)
    signed = {n: pair[1].sign(data) for n, pair in enumerate(street.pairs[4:])}
    before = len(street.journals[6])

    for message in (
        Propose(value.slot, 1, body, signed[0]),
        Decided(body, 1),
        Votes(value.slot, (vote_set(key, signed),)),
        Votes(value.slot + 1, (vote_set(key, signed),)),
    ):
        street.deliver(4, 6, message)
    street.run(20)

    assert street.peers[6].dropped["MRG-030"] >= 4
    assert circle.chain.head().hash == last.hash
    assert not circle.slot.is_open
    assert not circle.guard.may_vote
    new = [records.decode(one) for one in street.journals[6][before:]]
    assert not [one for one in new if isinstance(one, records.CIRCLE_BOUND)]


@pytest.mark.spec("MRG-038")
def test_no_light_of_a_circle_that_ended_after_a_restart() -> None:
    """Not even where the clock of somebody else runs through its last lease."""
    street = ended()
    street.stop(6)
    street.start(6)
    for device in (4, 5, 6):
        street.command(device, Merge(agrees=False))
        street.command(device, SetConsent(Switch.COLLECTIVE, on=True))
    circle = street.peers[6].circle
    assert circle is not None
    head = circle.chain.head()
    assert head.value is not None

    line = Timeline(street.local_ns(6), head.value.not_before_us + 1_000_000)
    circle.set_clock(line, is_synced=True, now_ns=street.local_ns(6))
    circle.select(Standing(street.local_ns(6), circle.timeline, True, True, 2**62))

    assert circle.lease.selected is None
    assert circle.lease.held is None


@pytest.mark.spec("MRG-030")
def test_end_is_remembered_after_a_restart() -> None:
    street = ended()
    before = len(street.journals[6])
    street.stop(6)

    street.start(6)
    street.run(20)

    circle = street.peers[6].circle
    assert circle is not None
    assert not circle.slot.is_open
    assert not circle.guard.may_vote
    assert not circle.guard.is_asking
    new = [records.decode(one) for one in street.journals[6][before:]]
    assert not [one for one in new if isinstance(one, records.CIRCLE_BOUND)]


@pytest.mark.spec("MRG-031")
def test_circle_that_ended_is_not_succeeded() -> None:
    street = ended()
    for device in (4, 5, 6):
        street.command(device, Merge(agrees=False))
        street.command(device, SetConsent(Switch.COLLECTIVE, on=True))

    street.run(150)
    own = circle_of(street, 6)
    street.deliver(4, 6, Heir(own, 0, 3, b"abc"))
    street.deliver(4, 6, Stranded(own, named(values(street, 6)[-1].encode()).hash, True))

    assert sent(street, Stranded, *range(7)) == 0
    assert circles(street)[4:] == [own] * 3
    assert street.peers[6].dropped["MRG-031"] == 1


@pytest.mark.spec("MRG-031")
def test_who_gave_up_its_key_for_a_successor_pledges_nothing_once_its_circle_has_ended() -> None:
    street = ended()
    street.command(6, Merge(agrees=False))
    street.command(6, SetConsent(Switch.COLLECTIVE, on=True))
    peer, own, now_ns = street.peers[6], circle_of(street, 6), street.local_ns(6)
    mine = peer.belonging.membership
    assert mine is not None
    head = mine.circle.chain.head()
    founders = tuple(sorted([street.identities[5], street.identities[6]]))
    mine.succession._call = Call(own, head.hash, bytes(32), founders)

    effects = peer.renewed(Ed25519Signer(b"\7" * 32), now_ns)

    said = [one.message for one in effects if isinstance(one, Send)]
    assert not [one for one in said if isinstance(one, Pledge)]


@pytest.mark.spec("MRG-041")
def test_word_of_the_wearer_is_durable_and_stays_when_the_device_goes_over() -> None:
    street = apart(7, 3, INVITE)
    for device in range(7):
        street.command(device, Merge(agrees=True))
        street.stop(device)
    for device in range(7):
        street.start(device)
    street.run(MERGED_SECONDS + LIT_SECONDS)

    assert len(set(circles(street))) == 1
    assert records.MergingSet(True) in kept(street, 6)
    mine = street.peers[6].belonging.membership
    assert mine is not None
    assert mine.merger.agrees
    street.command(6, Merge(agrees=False))
    assert not mine.merger.agrees


@pytest.mark.spec("MRG-042")
@pytest.mark.parametrize(
    "parameters", [Parameters(), Parameters(policy=Policy.OPEN, is_strict=True)]
)
def test_wearer_is_told_where_circles_never_merge(parameters: Parameters) -> None:
    street = Street(3, parameters=parameters)
    nobody = Street(1, members=0)

    with pytest.raises(LocalError, match="never merges"):
        street.command(0, Merge(agrees=True))
    with pytest.raises(LocalError, match="no circle"):
        nobody.command(0, Merge(agrees=True))

    assert street.journals[0] == [] or records.MergingSet(True) not in kept(street, 0)


@pytest.mark.spec("MRG-024")
def test_strangers_are_told_and_the_own_circle_only_when_it_has_stalled() -> None:
    street = apart(7, 3)
    for device in (5, 6):
        street.command(device, Merge(agrees=False))
    told = {to for _, source, to, m in street.sent if isinstance(m, Meet) and source == 4}
    assert told == {0, 1, 2, 3}

    street.stop(5)
    street.stop(6)
    street.sent.clear()
    street.run(50)

    told = {to for _, source, to, m in street.sent if isinstance(m, Meet) and source == 4}
    assert {5, 6} < told


@pytest.mark.spec("MRG-035")
def test_end_is_told_to_one_peer_every_four_seconds() -> None:
    street = apart(7, 3)
    small = circle_of(street, 6)
    street.run(MERGED_SECONDS)
    street.sent.clear()
    said = Meet(small, 1, named(values(street, 0)[0].encode()).hash, 3)

    for seconds in (0, 2, 3):
        street.run(seconds)
        street.deliver(0, 6, said)
        street.deliver(0, 1, said)

    told = [m for _, one, to, m in street.sent if (one, to) == (6, 0) and isinstance(m, Decided)]
    assert len(told) == 2
    assert named(told[0].value).value.is_last
    assert not [m for _, one, _, m in street.sent if one == 1 and isinstance(m, Decided)]


def test_messages_of_mergers_mean_nothing_without_a_circle() -> None:
    street = Street(2, members=0)

    street.deliver(1, 0, Meet(CircleId(bytes(32)), 1, NO_PREVIOUS, 1))

    assert not street.peers[0].dropped
    assert not [event for _, _, event in street.notices if event.event is Event.MESSAGE_DROPPED]
    assert sent(street, Prove, 0, 1) == 0
