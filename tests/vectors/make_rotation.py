"""Rotation vectors: ROTATE as an object, and what key 18 of a value does to roster and state."""

from dataclasses import dataclass, replace

from smilesync.circle.changes import Admission, Changes, Cited, Rotation
from smilesync.circle.former import Former
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.lawful import following
from smilesync.circle.roster import Roster
from smilesync.circle.rotated import after_rotations
from smilesync.circle.rotation import write_rotate
from smilesync.circle.state import EMPTY, Guest, State
from smilesync.ids import VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.wire import cbor, envelope
from smilesync.wire.cbor import CborValue
from smilesync.wire.messages import Carried, ObjectKind
from vectors.make_membership import AT_US, CIRCLE, HASHES, roster, seat, waits, who
from vectors.make_petitions import OTHER_CIRCLE
from vectors.writing import FOLDER, Case, text_of

SLOT = 1000
HEAD = bytes(range(64, 96))
OWNER, OLD, NEW, STRANGER = (Ed25519Signer(bytes([i]) * 32) for i in range(0x61, 0x65))
FRESH = tuple(VoterKey(bytes([0x40 + i]) * 32) for i in range(6))
ROTATE = write_rotate(OWNER, NEW, OLD.public, HEAD, CIRCLE)


def _signed(body: CborValue, signer: Ed25519Signer = OWNER) -> Carried:
    return envelope.sign(ObjectKind.ROTATE, signer, body, circle=CIRCLE)


def _body() -> dict[int, CborValue]:
    value = cbor.decode(ROTATE.body)
    assert isinstance(value, dict)
    return value


OBJECTS: list[tuple[str, str, Carried]] = [
    ("without a head", "RKY-010", _signed({k: v for k, v in _body().items() if k != 3})),
    ("an array", "RKY-010", _signed([])),
    ("a key too many", "RKY-010", _signed(_body() | {5: 0})),
    ("a key for itself", "RKY-010", write_rotate(OWNER, OLD, OLD.public, HEAD, CIRCLE)),
    ("another head than the key signed", "RKY-011", _signed(_body() | {3: bytes(32)})),
    ("another former key than the key signed", "RKY-011", _signed(_body() | {1: bytes(32)})),
    ("somebody else's consent", "RKY-011", _signed(_body(), STRANGER)),
    (
        "the former key's consent",
        "RKY-011",
        _signed(_body() | {4: OLD.sign(b"smilesync/1/voter-key")}),
    ),
    ("by a stranger", "OBJ-006", replace(ROTATE, signer=who(1))),
    ("elsewhere", "OBJ-006", write_rotate(OWNER, NEW, OLD.public, HEAD, OTHER_CIRCLE)),
]


def turns(place: int, fresh: int = 0) -> Rotation:
    return Rotation(place, HASHES[place % 8], FRESH[fresh])


def former(number: int, slot: int, key: int = 0) -> Former:
    return Former(VoterKey(bytes([0x70 + key]) * 32), who(number), slot)


@dataclass(frozen=True)
class Row:
    """One vector of a value of slot 1000; the roster is of members 1 to `size`."""

    name: str
    req: str
    changes: Changes
    size: int = 4
    state: State = EMPTY
    policy: Policy = Policy.CLOSED


def _rotated(*rotations: Rotation, **others: object) -> Changes:
    return Changes(rotated=rotations, **others)  # type: ignore[arg-type]  # fields of Changes


CROWD = State((waits(9, 7), waits(10)), (Guest(who(9), who(1), 7),))
REMEMBERS = State(former=(former(2, SLOT - 299),))
FULL = State(former=tuple(former(i, SLOT - 10, i) for i in range(1, 13)))
FEW = tuple(former(i, SLOT - 10, i) for i in range(1, 5))
ADMITTED = Admission(HASHES[7], who(12), FRESH[0], who(1))

GOOD = [
    Row("of a closed circle", "RKY-001 RKY-006", _rotated(turns(0))),
    Row("a key that moves its seat", "RKY-006", _rotated(turns(3, 5))),
    Row("two of eight", "RKY-005 RKY-006", _rotated(turns(1), turns(6, 1)), size=8),
    Row("of who waits", "RKY-006", _rotated(turns(4)), state=CROWD, policy=Policy.INVITE),
    Row(
        "a fourth of late, of who waits",
        "RKY-004 RKY-006",
        _rotated(turns(5)),
        size=5,
        state=replace(CROWD, former=FEW[1:]),
        policy=Policy.INVITE,
    ),
    Row(
        "a fifth of late",
        "RKY-004 RKY-006",
        _rotated(turns(4)),
        size=5,
        state=State(former=FEW),
    ),
    Row(
        "of who waits, while another is seated",
        "RKY-006",
        _rotated(turns(5), added=(seat(9),)),
        state=CROWD,
        policy=Policy.INVITE,
    ),
    Row(
        "a seat beside one who waits",
        "RKY-005 RKY-006",
        _rotated(turns(2), turns(4, 1)),
        state=CROWD,
        policy=Policy.INVITE,
    ),
    Row("beside one of late", "RKY-002 RKY-006", _rotated(turns(0)), state=REMEMBERS),
    Row("nothing, and one is remembered on", "RKY-006", Changes(), state=REMEMBERS),
    Row(
        "nothing, and one is forgotten",
        "RKY-006",
        Changes(),
        state=State(former=(former(2, SLOT - 300),)),
    ),
    Row(
        "one remembered who leaves",
        "RKY-006",
        Changes(left=(Cited(HASHES[0], who(2)),), removed=0b10),
        state=REMEMBERS,
        policy=Policy.INVITE,
    ),
]

BAD = [
    Row("a place of nobody", "RKY-002", _rotated(turns(4))),
    Row("behind those who wait", "RKY-002", _rotated(turns(6)), state=CROWD),
    Row("again of late", "RKY-002", _rotated(turns(1)), state=REMEMBERS),
    Row(
        "of who leaves",
        "RKY-002",
        _rotated(turns(1), left=(Cited(HASHES[0], who(2)),), removed=0b10),
        policy=Policy.INVITE,
        size=8,
    ),
    Row(
        "of who is expelled while it waits",
        "RKY-002",
        _rotated(turns(4), expelled=(Cited(HASHES[0], who(9)),)),
        state=CROWD,
        policy=Policy.INVITE,
    ),
    Row(
        "of who is removed",
        "RKY-002",
        _rotated(turns(1), removed=0b10),
        policy=Policy.INVITE,
        size=8,
    ),
    Row(
        "of who is seated",
        "RKY-002",
        _rotated(turns(4), added=(seat(9),)),
        state=CROWD,
        policy=Policy.INVITE,
    ),
    Row("to a seat's key", "RKY-003", _rotated(Rotation(0, HASHES[0], seat(2).voter))),
    Row("to its own key", "RKY-003", _rotated(Rotation(0, HASHES[0], seat(1).voter))),
    Row(
        "to the key of who waits",
        "RKY-003",
        _rotated(Rotation(0, HASHES[0], seat(9).voter)),
        state=CROWD,
    ),
    Row(
        "to a former key",
        "RKY-003",
        _rotated(Rotation(0, HASHES[0], former(2, 0).voter)),
        state=REMEMBERS,
    ),
    Row(
        "to the key of who is admitted",
        "RKY-003",
        _rotated(turns(0), admitted=(ADMITTED,)),
        policy=Policy.INVITE,
    ),
    Row("two to one key", "RKY-003", _rotated(turns(0), turns(1)), size=8),
    Row(
        "somebody is admitted with a former key",
        "MEM-018",
        Changes(admitted=(ADMITTED,)),
        state=State(former=(Former(FRESH[0], who(2), SLOT - 9),)),
        policy=Policy.INVITE,
    ),
    Row("a thirteenth of late", "RKY-004", _rotated(turns(12)), size=13, state=FULL),
    Row(
        "a fifth of late, of who waits",
        "RKY-004",
        _rotated(turns(5)),
        size=5,
        state=replace(CROWD, former=FEW),
        policy=Policy.OPEN,
    ),
    Row("two of four", "MEM-012", _rotated(turns(0), turns(1, 1))),
    Row(
        "one of four, and another removed",
        "MEM-012",
        _rotated(turns(0), removed=0b10),
        policy=Policy.INVITE,
    ),
    Row(
        "beside somebody put out of a closed circle",
        "MEM-010",
        _rotated(turns(0), expelled=(Cited(HASHES[0], who(2)),)),
    ),
]


def outcome(
    changes: Changes, before: Roster, state: State, policy: Policy, slot: int
) -> dict[str, bytes]:
    """Return what follows; raises Malformed."""
    after, changed = following(changes, before, state, AT_US, Parameters(policy=policy))
    changed = after_rotations((state, changed), changes.rotated, slot, (before, after))
    return {
        "roster": after.body,
        "roster_hash": after.hash,
        "state": changed.encode(),
        "state_hash": changed.hash(before.circle),
    }


def cases() -> list[Case]:
    rows = [_object("a ROTATE", "RKY-010 RKY-011", ROTATE, is_good=True)]
    rows += [_object(name, rule, carried, is_good=False) for name, rule, carried in OBJECTS]
    for row in (*GOOD, *BAD):
        given: Case = {
            "circle_id": CIRCLE.hex(),
            "roster": roster(row.size).body.hex(),
            "state": row.state.encode().hex(),
            "policy": int(row.policy),
            "slot": SLOT,
            "nb_us": AT_US,
            "changes": cbor.encode(row.changes.fields()).hex(),
        }
        case: Case = {"name": row.name, "req": [*row.req.split()], "given": given}
        if row in BAD:
            rows.append(case | {"expect": "reject", "error": row.req})
            continue
        found = outcome(row.changes, roster(row.size), row.state, row.policy, SLOT)
        result: Case = {key: value.hex() for key, value in found.items()}
        rows.append(case | {"expect": "accept", "result": result})
    return rows + _bad_bodies()


def _object(name: str, req: str, carried: Carried, *, is_good: bool) -> Case:
    given: Case = {"circle_id": CIRCLE.hex(), "object": envelope.encode(carried).hex()}
    case: Case = {"name": name, "req": [*req.split()], "given": given}
    if not is_good:
        return case | {"expect": "reject", "error": req}
    seats: Case = {"identity": OWNER.public.hex(), "old": OLD.public.hex()}
    return case | {"expect": "accept", "result": seats | {"new": NEW.public.hex()}}


def _bad_bodies() -> list[Case]:
    good: list[CborValue] = [HASHES[0], 0, FRESH[0]]
    later: list[CborValue] = [HASHES[1], 1, FRESH[1]]
    bad: list[tuple[str, str, dict[str, bytes]]] = [
        ("rotations of nobody", "RKY-001", {"changes": cbor.encode({18: []})}),
        ("a number of rotations", "RKY-001", {"changes": cbor.encode({18: 1})}),
        ("five rotations", "RKY-001", {"changes": cbor.encode({18: [good] * 5})}),
        ("a rotation of two", "RKY-001", {"changes": cbor.encode({18: [good[:2]]})}),
        ("a short key", "RKY-001", {"changes": cbor.encode({18: [[*good[:2], b"x"]]})}),
        ("a place of bytes", "RKY-001", {"changes": cbor.encode({18: [[good[0], b"", good[2]]]})}),
        ("a place twice", "RKY-001", {"changes": cbor.encode({18: [good, good]})}),
        ("out of order", "RKY-001", {"changes": cbor.encode({18: [later, good]})}),
        ("no former key", "MEM-004", {"state": _state([])}),
        ("13 former keys", "MEM-004", {"state": _state([[bytes(32), bytes(32), 0]] * 13)}),
        ("a former key of nobody", "MEM-004", {"state": _state([[bytes(32), b"", 0]])}),
        ("a former key without slot", "MEM-004", {"state": _state([[bytes(32), bytes(32)]])}),
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


def _state(former_keys: CborValue) -> bytes:
    return cbor.encode({1: [], 2: [], 3: [], 6: former_keys})


def main() -> None:
    """Write the vector file."""
    (FOLDER / "rotation.json").write_text(text_of("rotation", cases()), encoding="utf-8")


if __name__ == "__main__":
    main()
