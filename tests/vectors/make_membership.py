"""Membership vectors: what a value may change, and the roster and state that follow from it."""

from dataclasses import dataclass, replace
from itertools import pairwise

from smilesync.circle.changes import Admission, Changes, Cited
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.lawful import following
from smilesync.circle.roster import Roster, Seat
from smilesync.circle.state import EMPTY, Guest, State, Waiting
from smilesync.ids import CircleId, PeerId, VoterKey
from smilesync.wire import cbor
from vectors.writing import FOLDER, Case, text_of

CIRCLE = CircleId(bytes(range(32)))
HASHES = tuple(bytes([0xE0 + i]) * 32 for i in range(8))
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
AT_US = 10 * HOUR_US
"""When every value of these vectors begins."""


def seat(number: int) -> Seat:
    return Seat(VoterKey(bytes([number]) * 32), who(number))


def who(number: int) -> PeerId:
    return PeerId(bytes([0x80 + number]) * 32)


def seats(*numbers: int) -> tuple[Seat, ...]:
    return tuple(seat(number) for number in numbers)


def roster(size: int) -> Roster:
    """Return the roster of members 1 to `size`."""
    return Roster(CIRCLE, seats(*range(1, size + 1)), is_strict=False)


def waits(number: int, since_us: int = 0) -> Waiting:
    return Waiting(seat(number), since_us)


def admits(number: int, inviter: int | None = 1, place: int = 0) -> Admission:
    by = who(inviter) if inviter is not None else None
    return Admission(HASHES[place], who(number), seat(number).voter, by)


def cited(number: int, place: int = 0) -> Cited:
    return Cited(HASHES[place], who(number))


@dataclass(frozen=True)
class Row:
    """One vector; the roster is of members 1 to `size`."""

    name: str
    req: str
    changes: Changes
    size: int = 5
    state: State = EMPTY
    policy: Policy = Policy.INVITE
    at_us: int = AT_US


BUSY = State(
    (waits(9), waits(10, AT_US - MINUTE_US)),
    (Guest(who(9), who(1), 7), Guest(who(10), who(9), AT_US - MINUTE_US)),
    (who(11),),
)


def _kin(*seated: int) -> State:
    """Member 1 brought in these, each through the one before."""
    chain = [1, *seated]
    guests = [Guest(who(b), who(a), 0) for a, b in pairwise(chain)]
    return State((waits(seated[-1]),), tuple(guests))


GOOD = [
    Row("nothing", "MEM-004", Changes(), policy=Policy.CLOSED),
    Row("an admission", "MEM-004 MEM-005 MEM-018 MEM-019", Changes(admitted=(admits(9),))),
    Row(
        "admitted by the steward",
        "MEM-005 MEM-019",
        Changes(admitted=(admits(9, None),)),
        policy=Policy.STEWARD,
    ),
    Row("a seat for one who waits", "MEM-005 MEM-015", Changes(added=seats(9)), state=BUSY),
    Row(
        "the fifth voter is away",
        "MEM-005 MEM-012 MEM-014",
        Changes(removed=0b10000),
        state=BUSY,
    ),
    Row("a leave", "MEM-005 MEM-013", Changes(left=(cited(5),), removed=0b10000), state=BUSY),
    Row("from four to three by a leave", "MEM-014", Changes(left=(cited(4),), removed=8), size=4),
    Row("one who waits leaves", "MEM-005 MEM-013", Changes(left=(cited(9),)), state=BUSY),
    Row(
        "an expulsion",
        "MEM-005 MEM-013",
        Changes(expelled=(cited(5),), removed=0b10000),
        state=BUSY,
    ),
    Row(
        "expelled while a former voter and a newcomer wait",
        "MEM-004 MEM-005 MEM-013 PTN-006",
        Changes(expelled=(cited(9), cited(10, 1))),
        state=BUSY,
    ),
    Row(
        "a replacement in a circle of eight",
        "MEM-005 MEM-012 MEM-016",
        Changes(removed=1, added=seats(9)),
        size=8,
        state=BUSY,
    ),
    Row(
        "after five minutes in an open circle",
        "MEM-016",
        Changes(added=seats(9)),
        state=State((waits(9, AT_US - 5 * MINUTE_US),)),
        policy=Policy.OPEN,
    ),
    Row(
        "a former voter in the first minute of the circle",
        "MEM-016",
        Changes(added=seats(9)),
        8,
        State((waits(9),)),
        at_us=MINUTE_US,
    ),
    Row("the second guest of a voter", "MEM-017", Changes(added=seats(9)), 8, _kin(8, 9)),
    Row(
        "a third invitation, the first longer ago than an hour",
        "MEM-005 MEM-019",
        Changes(admitted=(admits(9), admits(10, 1, 1))),
        state=State(
            guests=(Guest(who(3), who(1), AT_US - HOUR_US), Guest(who(4), who(1), AT_US - 1))
        ),
    ),
]

BAD = [
    Row("a closed circle", "MEM-010", Changes(removed=0b10000), policy=Policy.CLOSED),
    Row("index 5 of 5", "MEM-011", Changes(removed=0b100000)),
    Row("the last voter", "MEM-011", Changes(left=(cited(1),), removed=1), size=1),
    Row("a second seat for a key", "MEM-011", Changes(added=(Seat(seat(2).voter, who(9)),))),
    Row("a second seat for an identity", "MEM-011", Changes(added=(Seat(seat(9).voter, who(2)),))),
    Row("two of five", "MEM-012", Changes(removed=0b11000)),
    Row("a replacement of five", "MEM-012", Changes(removed=1, added=seats(9)), state=BUSY),
    Row("a voter too many", "MEM-012", Changes(added=seats(30)), 22, State((waits(30),))),
    Row("who leaves keeps the seat", "MEM-013", Changes(left=(cited(5),))),
    Row("who is expelled keeps the seat", "MEM-013", Changes(expelled=(cited(5),))),
    Row("a stranger leaves", "MEM-013", Changes(left=(cited(9),))),
    Row("a stranger is expelled", "MEM-013", Changes(expelled=(cited(9),))),
    Row(
        "leaves and is expelled",
        "MEM-013",
        Changes(expelled=(cited(5),), left=(cited(5),), removed=0b10000),
    ),
    Row("an absence of four", "MEM-014", Changes(removed=0b1000), size=4),
    Row("a seat for a stranger", "MEM-015", Changes(added=seats(9))),
    Row(
        "a seat for another key than waits",
        "MEM-015",
        Changes(added=(Seat(seat(12).voter, who(9)),)),
        state=BUSY,
    ),
    Row("too early in a circle of eight", "MEM-016", Changes(added=seats(10)), 8, BUSY),
    Row(
        "too early in an open circle",
        "MEM-016",
        Changes(added=seats(9)),
        state=State((waits(9, AT_US - 5 * MINUTE_US + 1),)),
        policy=Policy.OPEN,
    ),
    Row("the third guest of a voter", "MEM-017", Changes(added=seats(9)), 8, _kin(7, 8, 9)),
    Row("who votes is admitted", "MEM-018", Changes(admitted=(admits(5),))),
    Row("who waits is admitted", "MEM-018", Changes(admitted=(admits(9),)), state=BUSY),
    Row("who was expelled is admitted", "MEM-018", Changes(admitted=(admits(11),)), state=BUSY),
    Row(
        "after 64 voters were expelled",
        "PTN-006",
        Changes(admitted=(admits(12),)),
        state=State(expelled=tuple(PeerId(bytes([i]) * 32) for i in range(64))),
    ),
    Row(
        "who was struck is admitted",
        "MEM-018",
        Changes(admitted=(admits(11),)),
        state=State(struck=(who(11),)),
    ),
    Row(
        "a voter's key is admitted",
        "MEM-018",
        Changes(admitted=(replace(admits(12), voter=seat(5).voter),)),
    ),
    Row(
        "admitted twice",
        "MEM-018",
        Changes(admitted=(admits(12), replace(admits(13, 1, 1), voter=seat(12).voter))),
    ),
    Row(
        "an identity admitted twice",
        "MEM-018",
        Changes(admitted=(admits(12), replace(admits(13, 1, 1), identity=who(12)))),
    ),
    Row(
        "a full standby list",
        "MEM-018",
        Changes(admitted=(admits(12),)),
        state=State(tuple(waits(20 + i) for i in range(22))),
    ),
    Row("no inviter", "MEM-019", Changes(admitted=(admits(12, None),))),
    Row("an inviter without a seat", "MEM-019", Changes(admitted=(admits(12, 9),)), state=BUSY),
    Row(
        "a fourth invitation",
        "MEM-019",
        Changes(admitted=(admits(9), admits(10, 1, 1))),
        state=State(
            guests=(Guest(who(3), who(1), AT_US - HOUR_US + 1), Guest(who(4), who(1), AT_US - 1))
        ),
    ),
    Row(
        "an inviter beside a steward",
        "MEM-019",
        Changes(admitted=(admits(12),)),
        policy=Policy.STEWARD,
    ),
]


def outcome(
    changes: Changes, before: Roster, state: State, policy: Policy, at_us: int
) -> dict[str, object]:
    """Return what follows; raises Malformed."""
    steward = bytes(32) if policy is Policy.STEWARD else None
    parameters = Parameters(policy=policy, steward=steward)
    after, following_state = following(changes, before, state, at_us, parameters)
    return {
        "roster": after.body,
        "roster_hash": after.hash,
        "state": following_state.encode(),
        "state_hash": following_state.hash(before.circle),
    }


def cases() -> list[Case]:
    rows: list[Case] = []
    for row in (*GOOD, *BAD):
        given = {
            "circle_id": CIRCLE.hex(),
            "roster": roster(row.size).body.hex(),
            "state": row.state.encode().hex(),
            "policy": int(row.policy),
            "nb_us": row.at_us,
            "keys_13_to_15": cbor.encode(row.changes.fields()).hex(),
        }
        case: Case = {"name": row.name, "req": [*row.req.split()], "given": {**given}}
        if row in BAD:
            rows.append(case | {"expect": "reject", "error": row.req})
            continue
        found = outcome(row.changes, roster(row.size), row.state, row.policy, row.at_us)
        result = {key: value.hex() for key, value in found.items() if isinstance(value, bytes)}
        rows.append(case | {"expect": "accept", "result": {**result}})
    return rows + _bad_bodies()


def _bad_bodies() -> list[Case]:
    state = cbor.decode(BUSY.encode(), limit_bytes=16_384)
    assert isinstance(state, dict)
    good = roster(2).body
    bad: list[tuple[str, str, dict[str, bytes]]] = [
        ("a roster of no voter", "MEM-003", {"roster": b"\0"}),
        ("a roster of a voter and a half", "MEM-003", {"roster": good[:-32]}),
        ("a roster with rule 2", "MEM-003", {"roster": b"\2" + good[1:]}),
        ("a roster out of order", "MEM-003", {"roster": good[:1] + good[65:] + good[1:65]}),
        ("an empty state spelled out", "MEM-004", {"state": cbor.encode({1: [], 2: [], 3: []})}),
        ("a state without guests", "MEM-004", {"state": cbor.encode({1: [], 2: None, 3: []})}),
        ("a state of numbers", "MEM-004", {"state": cbor.encode({1: 0, 2: [], 3: []})}),
        ("a state of an array", "MEM-004", {"state": cbor.encode([])}),
        (
            "a state with a number of those struck",
            "MEM-004",
            {"state": cbor.encode({**state, 4: 0})},
        ),
        ("a state with nobody struck", "MEM-004", {"state": cbor.encode({**state, 4: []})}),
        ("a state with a fifth key", "MEM-004", {"state": cbor.encode({**state, 5: 0})}),
        ("a state with a short key", "MEM-004", {"state": cbor.encode(state | {3: [b"x"]})}),
        ("a state with a pair", "MEM-004", {"state": cbor.encode(state | {1: [[b"", b""]]})}),
    ]
    return [
        {
            "name": name,
            "req": [rule],
            "given": {key: value.hex() for key, value in given.items()},
            "expect": "reject",
            "error": rule,
        }
        for name, rule, given in bad
    ]


def main() -> None:
    """Write the vector file."""
    (FOLDER / "membership.json").write_text(text_of("membership", cases()), encoding="utf-8")


if __name__ == "__main__":
    main()
