"""What a leader changes and what a voter wants to have seen: V6, V7 and their twin in seating."""

from dataclasses import replace

import pytest

from smilesync.circle.chain import Chain
from smilesync.circle.changes import NO_CHANGES, Admission, Changes, Cited, changes_of
from smilesync.circle.circumstances import Circumstances, Moment
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.judge import of_a_fresh_value, of_every_value
from smilesync.circle.petitions import Petition
from smilesync.circle.pool import Pool
from smilesync.circle.presence import OTHERS_MAX, Presence
from smilesync.circle.roster import Seat
from smilesync.circle.seating import Moment as Choice
from smilesync.circle.seating import choose
from smilesync.circle.state import State, Waiting
from smilesync.circle.validity import Verdict
from smilesync.circle.witness import Witness
from smilesync.config import CircleConfig
from smilesync.ids import PeerId, ValueHash, VoterKey
from smilesync.wire.messages import Carried, ObjectKind
from support.lab import SECOND_NS, Lab

LAB = Lab(5, silent=frozenset(range(5)))
ROSTER = LAB.roster
HEAD = ValueHash(b"h" * 32)
NOW_NS = 100 * SECOND_NS
AT_US = 10**9
GUEST = Seat(VoterKey(b"G" * 32), PeerId(b"g" * 32))
OTHER = Seat(VoterKey(b"O" * 32), PeerId(b"o" * 32))
STATE = State((Waiting(GUEST, 0), Waiting(OTHER, 0)))


def _witness(heard: tuple[int, ...] = (1, 2, 3, 4), *names: PeerId) -> Witness:
    """Return what member 0 saw: who was heard a second ago, everybody else never."""
    presence = Presence(ROSTER, 0, 0)
    for who in [*(ROSTER.identities[i] for i in heard), *names]:
        presence.of(who).said_ns = NOW_NS - SECOND_NS
    chain = Chain(ROSTER, LAB.verifier)
    chain.heads.add(HEAD, [])
    return Witness(CircleConfig(), presence, Pool(), chain)


def _around(state: State | None = STATE, policy: Policy = Policy.INVITE) -> Circumstances:
    parameters = Parameters(policy=policy)
    return replace(LAB.circumstances(0), state=state, parameters=parameters)


def _report(witness: Witness, away: int, *members: int, ago_s: int = 1) -> None:
    for member in members:
        who = ROSTER.identities[member]
        witness.presence.reported(who, away, NOW_NS - ago_s * SECOND_NS)


def _petition(kind: ObjectKind, seat: Seat, **changes: object) -> Petition:
    carried = Carried(int(kind), seat.identity, b"", b"")
    good = Petition(
        kind, bytes([kind]) * 32, seat.identity, seat.voter, carried, HEAD, ROSTER.identities[0]
    )
    return replace(good, **changes)  # type: ignore[arg-type]  # fields of Petition


JOIN = _petition(ObjectKind.JOIN, Seat(VoterKey(b"N" * 32), PeerId(b"n" * 32)))
ADMITTED = Admission(JOIN.hash, JOIN.identity, JOIN.voter, JOIN.inviter)
LEAVE = _petition(ObjectKind.LEAVE, ROSTER.seats[2])
LEFT = Cited(LEAVE.hash, LEAVE.identity)


def _choose(witness: Witness, view: int = 1, around: Circumstances | None = None) -> Changes:
    return choose(around or _around(), witness, Choice(AT_US, view, NOW_NS))


@pytest.mark.spec("MEM-034")
def test_leader_seats_who_waits_and_is_near_within_the_bound() -> None:
    assert _choose(_witness()) == NO_CHANGES
    assert _choose(_witness((1, 2, 3, 4), OTHER.identity)) == Changes(added=(OTHER,))
    both = _witness((1, 2, 3, 4), GUEST.identity, OTHER.identity)
    assert _choose(both) == Changes(added=(GUEST,)), "one change of five"


@pytest.mark.spec("MEM-034")
@pytest.mark.parametrize("around", [_around(None), _around(STATE, Policy.CLOSED)])
def test_leader_changes_nothing_in_a_closed_circle_or_without_its_state(
    around: Circumstances,
) -> None:
    assert _choose(_witness((1, 2, 3, 4), OTHER.identity), 1, around) == NO_CHANGES


@pytest.mark.spec("MEM-034")
def test_late_views_add_and_admit_nobody_and_still_remove() -> None:
    witness = _witness((1, 2, 3), OTHER.identity)
    witness.pool.add(JOIN)
    _report(witness, 0b10000, 1, 2, 3)

    assert _choose(witness, view=3) == Changes(removed=0b10000)
    assert _choose(witness, view=2) == Changes(removed=0b10000, admitted=(ADMITTED,))


@pytest.mark.spec("MEM-034")
@pytest.mark.parametrize(
    ("members", "ago_s"), [((1, 2), 1), ((1, 2, 3), 5)], ids=["too few report", "too long ago"]
)
def test_leader_removes_nobody_whom_not_q_voters_report_away(
    members: tuple[int, ...], ago_s: int
) -> None:
    witness = _witness((1, 2, 3))
    _report(witness, 0b10000, *members, ago_s=ago_s)

    assert _choose(witness) == NO_CHANGES


@pytest.mark.spec("MEM-034", "MEM-013")
def test_leader_lets_go_who_leaves_first_with_or_without_a_seat() -> None:
    witness = _witness((1, 2, 3, 4), OTHER.identity)
    witness.pool.add(LEAVE)
    waiting = _petition(ObjectKind.LEAVE, GUEST, hash=b"w" * 32)
    witness.pool.add(waiting)
    stranger = _petition(ObjectKind.LEAVE, Seat(GUEST.voter, PeerId(b"?" * 32)), hash=b"?" * 32)
    witness.pool.add(stranger)

    left = tuple(sorted([LEFT, Cited(waiting.hash, GUEST.identity)]))
    assert _choose(witness) == Changes(left=left, removed=0b100)


@pytest.mark.spec("MEM-030")
@pytest.mark.parametrize(
    ("heard", "rule"), [((1, 2, 3), None), ((1, 2, 3, 4), "MEM-030")], ids=["away", "here"]
)
def test_voter_has_no_vote_for_removing_somebody_it_hears(
    heard: tuple[int, ...], rule: str | None
) -> None:
    witness, changes = _witness(heard), Changes(removed=0b10000)

    reason = witness.objection(changes, ROSTER.changed(0b10000, ()), AT_US, NOW_NS)

    assert (reason and reason.rule) == rule


@pytest.mark.spec("MEM-030")
def test_new_voter_is_not_away_before_it_had_time_to_speak() -> None:
    presence = Presence(ROSTER, 0, 0)
    presence.follow(ROSTER.changed(0, [GUEST]), 0, NOW_NS)
    later_ns = NOW_NS + 11 * SECOND_NS
    place = ROSTER.changed(0, [GUEST]).place_of(GUEST.voter)
    assert place is not None

    assert not presence.away(later_ns, 12 * SECOND_NS) >> place & 1
    assert presence.away(NOW_NS + 12 * SECOND_NS, 12 * SECOND_NS) >> place & 1


@pytest.mark.spec("MEM-031")
@pytest.mark.parametrize(
    ("heard", "names", "rule"),
    [
        ((1, 2, 3), (), None),
        ((1, 2), (GUEST.identity,), None),
        ((1, 2), (), "MEM-031"),
        ((1, 2), (OTHER.identity,), "MEM-031"),
    ],
    ids=["four of six", "the new one counts", "three of six", "others do not count"],
)
def test_additions_need_a_quorum_of_the_next_roster_heard(
    heard: tuple[int, ...], names: tuple[PeerId, ...], rule: str | None
) -> None:
    changes, after = Changes(added=(GUEST,)), ROSTER.changed(0, [GUEST])

    reason = _witness(heard, *names).objection(changes, after, AT_US, NOW_NS)

    assert (reason and reason.rule) == rule
    assert reason is None or reason.verdict is Verdict.KEEP


@pytest.mark.spec("MEM-032", "MEM-033")
@pytest.mark.parametrize(
    ("changes", "petition", "rule"),
    [
        (Changes(admitted=(ADMITTED,)), JOIN, None),
        (Changes(left=(LEFT,)), LEAVE, None),
        (Changes(admitted=(ADMITTED,)), LEAVE, "MEM-032"),
        (Changes(expelled=(LEFT,)), JOIN, "MEM-032"),
        (Changes(admitted=(replace(ADMITTED, inviter=None),)), JOIN, "MEM-033"),
        (Changes(admitted=(ADMITTED,)), replace(JOIN, head=b"old" * 9), "MEM-033"),
        (Changes(admitted=(ADMITTED,)), replace(JOIN, until_us=AT_US - 1), "MEM-033"),
        (Changes(left=(replace(LEFT, identity=GUEST.identity),)), LEAVE, "MEM-033"),
        (Changes(left=(replace(LEFT, hash=JOIN.hash),)), JOIN, "MEM-033"),
    ],
)
def test_petition_that_a_value_names_must_be_held_and_say_so(
    changes: Changes, petition: Petition, rule: str | None
) -> None:
    witness = _witness()
    witness.pool.add(petition)

    reason = witness.objection(changes, ROSTER, AT_US, NOW_NS)

    assert (reason and reason.rule) == rule
    assert bool(witness.missing) is (rule == "MEM-032")


@pytest.mark.spec("CIR-021", "MEM-010")
def test_value_is_judged_by_state_and_changes() -> None:
    value = LAB.value(roster_hash=ROSTER.changed(1, ()).hash, changes=Changes(removed=1))
    head = LAB.circumstances(0)
    genesis = Chain(ROSTER, LAB.verifier).head()

    closed = of_every_value(value, genesis, head)
    unknown = of_every_value(value, genesis, replace(head, state=None))

    assert closed is not None
    assert (closed.rule, closed.verdict) == ("MEM-010", Verdict.REJECT)
    assert unknown is not None
    assert (unknown.rule, unknown.verdict) == ("CIR-021", Verdict.KEEP)


@pytest.mark.spec("MEM-030", "MEM-031")
def test_fresh_value_is_not_voted_for_where_nobody_saw_what_it_says() -> None:
    after = ROSTER.changed(0b10000, ())
    value = LAB.value(roster_hash=after.hash, changes=Changes(removed=0b10000))
    moment = Moment(NOW_NS, value.not_before_us, 0, may_vote=True)

    blind = of_a_fresh_value(value, _around(), moment, 0)
    witness = _witness((1, 2, 3))
    seen = of_a_fresh_value(value, replace(_around(), witness=witness), moment, 0)
    plain = of_a_fresh_value(LAB.value(), _around(), moment, 0)

    assert blind is not None
    assert blind.verdict is Verdict.KEEP
    assert seen is None
    assert plain is None


def test_presence_is_kept_over_a_change_of_roster_and_bounded() -> None:
    presence = Presence(ROSTER, 0, 0)
    presence.of(ROSTER.identities[1]).said_ns = 5
    presence.of(GUEST.identity).said_ns = 6
    presence.reported(ROSTER.identities[1], 0b10000, 7)
    presence.reported(GUEST.identity, 0b10000, 7)

    after = ROSTER.changed(0b11, [GUEST])
    presence.follow(after, None, 8)

    assert presence.heard_ns(ROSTER.identities[1]) == 5, "who lost the seat is remembered"
    assert presence.heard_ns(GUEST.identity) == 6
    assert presence.heard_ns(ROSTER.identities[0]) == -1
    assert presence.agreed_away(0b1111, 9) == 0, "reports go with their roster"
    for number in range(OTHERS_MAX + 2):
        presence.of(PeerId(number.to_bytes(32, "big"))).said_ns = 10 + number
    assert presence.heard_ns(ROSTER.identities[1]) == -1


@pytest.mark.spec("MEM-001", "MEM-034")
def test_leader_names_no_more_people_than_a_value_can() -> None:
    """Five who left at once made a value that its own leader could not read."""
    seats = [Seat(VoterKey(bytes([9, n]) * 16), PeerId(bytes([8, n]) * 16)) for n in range(6)]
    state = State(tuple(Waiting(seat, 0) for seat in seats))
    witness = _witness()
    for number, seat in enumerate(seats):
        witness.pool.add(_petition(ObjectKind.LEAVE, seat, hash=bytes([number]) * 32))

    changes = _choose(witness, around=_around(state))

    assert [one.identity for one in changes.left] == [seat.identity for seat in seats[:4]]
    assert changes_of(changes.fields()) == changes


@pytest.mark.spec("MEM-034")
def test_late_views_put_nobody_out_on_what_others_may_not_hold() -> None:
    witness = _witness((1, 2, 3))
    witness.pool.add(LEAVE)
    _report(witness, 0b10000, 1, 2, 3)

    assert _choose(witness, view=2).left == (LEFT,)
    assert _choose(witness, view=3) == Changes(removed=0b10000)
