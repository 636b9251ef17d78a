"""Writes the vectors of the circle: `python -m vectors.make_circle`.

Run it from the repository's root with protocol and tests on the path. It draws nothing at random;
a test makes the files again and compares. The consensus traces are in make_consensus.py.
"""

from collections.abc import Callable
from dataclasses import replace

from smilesync.circle.changes import Admission, Changes, Cited
from smilesync.circle.draw import Reveal
from smilesync.circle.genesis import Genesis, Parameters, Policy
from smilesync.circle.lineage import Lineage
from smilesync.circle.offer import Dissolve, Offer
from smilesync.circle.quorum import VoteKey, fault_limit, quorum_size, statement, value_hash
from smilesync.circle.roster import Seat
from smilesync.circle.validity import Head
from smilesync.circle.value import Value, decode_value
from smilesync.ids import CircleId, PeerId, ValueHash, VoterKey
from smilesync.wire import cbor
from smilesync.wire.cbor import CborValue
from smilesync.wire.messages import VoteKind, VoteSet
from smilesync.wire.votesets import set_value
from support.lab import Lab, genesis_of, signers, successor_of
from vectors import make_consensus, make_lease
from vectors.writing import FOLDER, Case, JsonValue, plain, text_of

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE
LAB = Lab(4, silent=frozenset(range(4)))
CIRCLE, ROSTER_HASH = CircleId(bytes(range(32))), bytes(range(32, 64))
VALUE = ValueHash(bytes(range(64, 96)))
OTHER = ValueHash(bytes(32))
OFFER_ITEM: list[CborValue] = [OTHER, 3, OTHER, 66_000_000]


def _case(name: str, req: str, given: dict[str, object], result: object = None) -> Case:
    """Return an accepted case; values are written in readable form."""
    case = _head(name, req, given) | {"expect": "accept"}
    return case | ({"result": _plain(result)} if result is not None else {})


def _refused(name: str, req: str, given: dict[str, object]) -> Case:
    rule: JsonValue = req.split()[0]
    return _head(name, req, given) | {"expect": "reject", "error": rule}


def _head(name: str, req: str, given: dict[str, object]) -> Case:
    return {"name": name, "req": list[JsonValue](req.split()), "given": _plain(given)}


def _plain(value: object) -> JsonValue:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return plain(value)


def _map(data: bytes) -> dict[int, CborValue]:
    fields = cbor.decode(data, limit_bytes=16_384)
    assert isinstance(fields, dict)
    return fields


def genesis_cases() -> list[Case]:
    good = [
        ("one founder", genesis_of(1)),
        ("three founders", genesis_of(3)),
        ("three founders, strict", genesis_of(3, is_strict=True)),
        ("other parameters", replace(genesis_of(4), parameters=_other_parameters())),
        ("seven founders", genesis_of(7)),
        ("by invitation", _governed(Policy.INVITE)),
        ("with a steward", _governed(Policy.STEWARD, OTHER)),
        ("a successor of three", successor(3, nonce=bytes(32))),
    ]
    rows = [
        _case(
            name,
            "GEN-001 GEN-002 GEN-003 GEN-004 GEN-005 GEN-006 GEN-007 GEN-008 MEM-002",
            {"genesis": genesis.encode()},
            _genesis_result(genesis),
        )
        for name, genesis in good
    ]
    other_call = replace(successor(3, nonce=bytes(32)), nonce=bytes([1]) * 32)
    fewer = replace(successor(3, nonce=bytes(32)), founders=successor(3, bytes(32)).founders[:2])
    for name, reqs, genesis in (
        ("a successor whose founders signed another call", "GEN-004 SUC-006", other_call),
        ("a successor without one of those who were called", "GEN-004 SUC-006", fewer),
    ):
        rows.append(_refused(name, reqs, {"genesis": genesis.encode()}))
    fields = _map(genesis_of(3).encode())
    founders = fields[2]
    assert isinstance(founders, list)
    first, second = founders[0], founders[1]
    assert isinstance(first, list)
    assert isinstance(second, list)
    bad: list[tuple[str, str, dict[int, CborValue]]] = [
        ("version 2", "GEN-001", {0: 2}),
        ("version true", "GEN-001", {0: True}),
        ("nonce of 31 bytes", "GEN-001", {1: bytes(31)}),
        ("strict is 0", "GEN-001", {3: 0}),
        ("a key too many", "GEN-001", {11: 0}),
        ("a lineage that is a number", "SUC-007", {10: 0}),
        ("no founder", "GEN-002", {2: []}),
        ("a founder twice", "GEN-002", {2: [first, first]}),
        ("founders in descending order", "GEN-002", {2: founders[::-1]}),
        ("a card of three parts", "GEN-003", {2: [first[:3]]}),
        ("a voter key of 31 bytes", "GEN-003", {2: [[first[0], bytes(31), *first[2:]]]}),
        ("signatures of another card", "GEN-004", {2: [[*first[:2], *second[2:]]]}),
        ("the two signatures swapped", "GEN-004", {2: [[*first[:2], first[3], first[2]]]}),
        ("tolerance below its range", "GEN-005", {4: 999}),
        ("lease above its range", "GEN-005", {5: 16_000_001}),
        ("window as long as the lease", "GEN-005", {5: 2_000_000, 6: 2_000_000}),
        ("lead is true", "GEN-005", {7: True}),
        ("policy 0 written out", "MEM-002", {8: 0}),
        ("policy 4", "MEM-002", {8: 4}),
        ("policy true", "MEM-002", {8: True}),
        ("steward policy without a key", "MEM-002", {8: 3}),
        ("a steward's key with policy 2", "MEM-002", {8: 2, 9: bytes(32)}),
        ("a steward's key of 31 bytes", "MEM-002", {8: 3, 9: bytes(31)}),
        ("a steward's key that is null", "MEM-002", {8: 2, 9: None}),
    ]
    return rows + [
        _refused(name, req, {"genesis": cbor.encode(fields | changes)})
        for name, req, changes in bad
    ]


def _governed(policy: Policy, steward: bytes | None = None) -> Genesis:
    return replace(genesis_of(4), parameters=Parameters(policy=policy, steward=steward))


def _other_parameters() -> Parameters:
    return Parameters(tolerance_us=4_001, lease_us=8_000_000, window_us=3_000_000, lead_us=100_000)


def successor(count: int, nonce: bytes) -> Genesis:
    """Return the genesis of a successor, of so many founders."""
    lineage = Lineage(CircleId(bytes(range(32))), ValueHash(bytes(range(32, 64))))
    return successor_of(lineage, signers(count), Parameters(policy=Policy.INVITE), nonce=nonce)


def _genesis_result(genesis: Genesis) -> dict[str, object]:
    roster = genesis.roster
    return {
        "circle_id": genesis.circle_id,
        "roster_hash": roster.hash,
        "voters": roster.voters,
        "identities": roster.identities,
        "quorum": roster.quorum,
        "faults": roster.faults,
        "guard_us": genesis.parameters.guard_us,
    }


def vote_cases() -> list[Case]:
    rows = [
        _case(
            f"{count} voters{', strict' if is_strict else ''}",
            "CIR-002",
            {"voters": count, "strict": is_strict},
            {"faults": fault_limit(count), "quorum": quorum_size(count, is_strict=is_strict)},
        )
        for count, is_strict in [
            *((n, False) for n in (*range(1, 11), 22, 64)),
            *((n, True) for n in (2, 3)),
        ]
    ]
    for slot, key in [(1, (N, 1, VALUE)), (300, (X, 70_000, None)), (2**40, (F, 2, VALUE))]:
        signed = statement(CIRCLE, ROSTER_HASH, slot, key)
        rows.append(
            _case(f"{key[0].name} signs", "CIR-003 CIR-004", _vote(slot, key), {"signed": signed})
        )
    rows += _set_cases()
    return rows


def _vote(slot: int, key: VoteKey) -> dict[str, object]:
    kind, view, value = key
    return {
        "circle_id": CIRCLE,
        "roster_hash": ROSTER_HASH,
        "slot": slot,
        "kind": int(kind),
        "view": view,
        "value_hash": value,
    }


def _set_cases() -> list[Case]:
    def given(votes: VoteSet, view: int = 1) -> dict[str, object]:
        genesis = LAB.genesis.encode()
        data = cbor.encode(set_value(votes))
        return {"genesis": genesis, "slot": 1, "open_view": view, "set": data}

    three = LAB.votes((0, 1, 3), (N, 1, VALUE))
    swapped = replace(three, signatures=three.signatures[::-1])
    outside = replace(LAB.votes((0,), (X, 1, None)), bitmap=0b10000)
    wrong_kind = replace(LAB.votes((0, 1, 2), (N, 1, VALUE)), kind=F)
    wrong_slot = LAB.votes((0, 1, 2), (N, 1, VALUE), slot=2)
    return [
        _case("one vote", "CIR-003", given(LAB.votes((2,), (X, 1, None))), {"certificate": False}),
        _case("a certificate", "CIR-002 CIR-003", given(three), {"certificate": True}),
        _case(
            "votes 8 views ahead",
            "CIR-034",
            given(LAB.votes((2,), (X, 9, None))),
            {"certificate": False},
        ),
        _case(
            "a certificate of any view",
            "CIR-034",
            given(LAB.votes((0, 1, 2), (X, 900, None))),
            {"certificate": True},
        ),
        _refused("votes 9 views ahead", "CIR-034", given(LAB.votes((2,), (X, 10, None)))),
        _refused("a vote of index 4 of 4", "CIR-032", given(outside)),
        _refused("signatures in descending order", "CIR-033", given(swapped)),
        _refused("signatures of another kind", "CIR-033", given(wrong_kind)),
        _refused("signatures of another slot", "CIR-033", given(wrong_slot)),
    ]


SEVEN = Lab(7, silent=frozenset(range(7)))


def leader_cases() -> list[Case]:
    return [
        _case(
            f"{count} voters, slot {slot}, view {view}",
            "CIR-012",
            {"genesis": lab.genesis.encode(), "slot": slot, "view": view},
            {"leader": lab.leader(view, slot)},
        )
        for count in (1, 4, 7)
        for lab in [Lab(count, silent=frozenset(range(count)))]
        for slot, view in dict.fromkeys(
            [(1, 1), (1, 2), (1, count), (1, count + 1), (2, 1), (2**40, 3)]
        )
    ] + [
        _case(
            f"7 voters and a seed, slot 40, view {view}",
            "CIR-012 ROT-005",
            {"genesis": SEVEN.genesis.encode(), "slot": 40, "view": view, "seed": OTHER},
            {"leader": SEVEN.roster.leaders(40, (view - 1) // 7, OTHER)[(view - 1) % 7]},
        )
        for view in (1, 2, 8)
    ]


SECOND_US = 1_000_000
FIRST_VALUE = LAB.value(1)
HEAD = Head(1, value_hash(FIRST_VALUE.encode()), FIRST_VALUE.not_after_us, FIRST_VALUE)
CHANGE = LAB.value(
    2,
    slot=2,
    parent=HEAD.hash,
    not_before_us=HEAD.not_after_us,
    not_after_us=HEAD.not_after_us + 4 * SECOND_US,
    start_us=HEAD.not_after_us,
    previous=FIRST_VALUE.pattern,
    previous_start_us=FIRST_VALUE.start_us,
)
RENEWAL = replace(
    CHANGE,
    not_after_us=CHANGE.not_before_us + 8 * SECOND_US,
    pattern=FIRST_VALUE.pattern,
    start_us=FIRST_VALUE.start_us,
    previous=None,
    previous_start_us=0,
)


ADMITTED_ITEM: list[CborValue] = [1, bytes(32), bytes(32), bytes(32), b""]
LEFT_ITEM: list[CborValue] = [2, bytes(32), bytes(32)]
MOVED = replace(
    CHANGE,
    changes=Changes(
        expelled=(Cited(OTHER, PeerId(b"e" * 32)),),
        admitted=(
            Admission(OTHER, PeerId(b"b" * 32), VoterKey(b"B" * 32), PeerId(b"i" * 32)),
            Admission(VALUE, PeerId(b"a" * 32), VoterKey(b"A" * 32), None),
        ),
        left=(Cited(VALUE, PeerId(b"l" * 32)),),
        removed=0b1001,
        added=(Seat(VoterKey(b"S" * 32), PeerId(b"s" * 32)),),
    ),
)


def value_cases() -> list[Case]:
    rows = [
        _case(
            name,
            "CIR-004 CIR-010 CIR-011"
            + (" MEM-001" if value is MOVED else "")
            + (" INP-001" if value.inputs else "")
            + (" ROT-001" if value.reveal else "")
            + (" MRG-010" if value.merging else ""),
            {"value": value.encode()},
            {"value_hash": value_hash(value.encode()), "fields": value},
        )
        for name, value in [
            ("slot 1", FIRST_VALUE),
            ("a change", CHANGE),
            ("a renewal", RENEWAL),
            ("all changes of membership", MOVED),
            ("with inputs", replace(CHANGE, inputs=(5, 0, 20, 1000, 0))),
            ("with a link", replace(CHANGE, reveal=Reveal(3, OTHER))),
            ("an offer", replace(CHANGE, merging=Offer(CircleId(OTHER), 3, OTHER, 66_000_000))),
            ("an end", replace(CHANGE, merging=Dissolve(CircleId(OTHER), OTHER))),
        ]
    ]
    fields = _map(CHANGE.encode())
    bad: list[tuple[str, str, dict[int, CborValue]]] = [
        ("a link that is a number", "ROT-001", {12: 0}),
        ("a link of nobody", "ROT-001", {12: [bytes(32)]}),
        ("a link of 31 bytes", "ROT-001", {12: [0, bytes(31)]}),
        ("key 40", "CIR-010", {40: 0}),
        ("an offer that is a number", "MRG-010", {16: 0}),
        ("an offer without a time", "MRG-010", {16: [bytes(32), 3, OTHER]}),
        ("an end without an offer", "MRG-010", {17: [bytes(32)]}),
        ("an end in a circle of 31 bytes", "MRG-010", {17: [bytes(31), OTHER]}),
        ("an offer and an end", "MRG-010", {16: OFFER_ITEM, 17: [OTHER, OTHER]}),
        ("an end that expels", "MRG-010", {17: [OTHER, OTHER], 13: [[OTHER, OTHER]]}),
        ("inputs that are no array", "INP-001", {9: 0}),
        ("four inputs", "INP-001", {9: [5, 5, 5, 5]}),
        ("six inputs", "INP-001", {9: [5, 5, 5, 5, 5, 5]}),
        ("an input of 4", "INP-001", {9: [4, 0, 0, 0, 0]}),
        ("an input of 1005", "INP-001", {9: [0, 0, 0, 0, 1005]}),
        ("an input that is true", "INP-001", {9: [True, 0, 0, 0, 0]}),
        ("nobody expelled", "MEM-001", {13: []}),
        ("five expelled", "MEM-001", {13: [[bytes([i] * 32), bytes(32)] for i in range(5)]}),
        ("expelled twice", "MEM-001", {13: [[bytes(32), bytes(32)]] * 2}),
        ("a petition of kind 3", "MEM-001", {14: [[3, bytes(32), bytes(32)]]}),
        ("a petition that is empty", "MEM-001", {14: [[]]}),
        ("an admission after a leave", "MEM-001", {14: [LEFT_ITEM, ADMITTED_ITEM]}),
        ("five who leave", "MEM-001", {14: [[2, bytes([i] * 32), bytes(32)] for i in range(5)]}),
        ("an inviter of 31 bytes", "MEM-001", {14: [[*ADMITTED_ITEM[:4], bytes(31)]]}),
        ("an empty delta", "MEM-001", {15: [b"", []]}),
        ("a delta of one item", "MEM-001", {15: [b"\1"]}),
        ("a delta without seats", "MEM-001", {15: [b"\1", None]}),
        ("added out of order", "MEM-001", {15: [b"", [[OTHER, OTHER], [bytes(32), OTHER]]]}),
        ("slot 0", "CIR-011", {0: 0}),
        ("end beyond 2^53 - 1", "CIR-011", {3: 2**53}),
        ("lease ends as it begins", "CIR-011", {3: CHANGE.not_before_us}),
        ("pattern of 201 bytes", "CIR-011", {4: bytes(201)}),
        ("t0 after nb", "CIR-011", {5: CHANGE.not_before_us + 1}),
        ("fade of 1.9 s", "CIR-011", {8: 1_999_999}),
    ]
    rows += [
        _refused(name, req, {"value": cbor.encode(fields | changes)}) for name, req, changes in bad
    ]
    without = {key: fields[key] for key in fields if key != 7}
    rows.append(_refused("key 6 without 7", "CIR-010", {"value": cbor.encode(without)}))
    return rows + _verdict_cases()


def _verdict_cases() -> list[Case]:
    on_time = CHANGE.not_before_us
    late = on_time + 2 * SECOND_US + 1
    early = on_time - 1_540_001
    longer = replace(CHANGE, not_after_us=CHANGE.not_after_us + 1)
    overlap = replace(
        CHANGE,
        not_before_us=on_time - 1,
        not_after_us=CHANGE.not_after_us - 1,
        start_us=on_time - 1,
    )
    rows: list[tuple[str, str, Value, int | None, bool, str]] = [
        ("change, on time", "CIR-021 CIR-022 CIR-024", CHANGE, on_time, False, "accept"),
        ("renewal, on time", "CIR-022 CIR-045", RENEWAL, on_time, False, "accept"),
        ("fresh, 2 s old", "CIR-025", CHANGE, late - 1, False, "accept"),
        ("fresh, older", "CIR-025", CHANGE, late, False, "keep"),
        ("fresh, 1.54 s ahead", "CIR-025", CHANGE, early + 1, False, "accept"),
        ("fresh, further ahead", "CIR-025", CHANGE, early, False, "keep"),
        ("fresh, not synchronised", "CIR-025", CHANGE, None, False, "keep"),
        ("carried, old", "CIR-025", CHANGE, late + SECOND_US, True, "accept"),
        ("carried, not synchronised", "CIR-025", CHANGE, None, True, "accept"),
        ("another slot", "CIR-021", replace(CHANGE, slot=3), on_time, False, "reject"),
        ("another parent", "CIR-021", replace(CHANGE, parent=OTHER), on_time, False, "reject"),
        ("another roster", "CIR-021", replace(CHANGE, roster_hash=OTHER), on_time, False, "reject"),
        ("another state", "CIR-021", replace(CHANGE, state_hash=OTHER), on_time, False, "reject"),
        ("no previous", "CIR-022", replace(CHANGE, previous=None), on_time, False, "reject"),
        (
            "same pattern, new t0, no previous",
            "CIR-022",
            replace(RENEWAL, start_us=on_time),
            on_time,
            False,
            "reject",
        ),
        ("longer lease", "CIR-024", longer, on_time, False, "reject"),
        ("overlapping lease", "CIR-024", overlap, on_time, False, "reject"),
        ("longer lease, carried", "CIR-024", longer, on_time, True, "reject"),
    ]
    return [_verdict_case(*row) for row in rows] + _renewal_cases()


def _renewal_cases() -> list[Case]:
    """A chain of renewals by length in s, and values that renew nothing or wrongly."""
    rows: list[tuple[str, str, Value, Value]] = []
    last = FIRST_VALUE
    for slot, wanted_s in ((2, 8), (3, 16), (4, 16)):
        for length_s in (4, 8, 16, 32):
            value = replace(
                _after(last),
                slot=slot,
                not_after_us=last.not_after_us + length_s * SECOND_US,
            )
            verdict = "accept" if length_s == wanted_s else "reject"
            lasted_s = (last.not_after_us - last.not_before_us) // SECOND_US
            rows.append((f"renewal, {length_s} s after {lasted_s} s", verdict, last, value))
        last = replace(
            _after(last), slot=slot, not_after_us=last.not_after_us + wanted_s * SECOND_US
        )
    anew = replace(_after(last), slot=5, not_after_us=last.not_after_us + 4 * SECOND_US)
    lapsed = replace(anew, not_before_us=anew.not_before_us + 1, not_after_us=anew.not_after_us + 1)
    changed = replace(
        anew,
        pattern=CHANGE.pattern,
        start_us=anew.not_before_us,
        previous=last.pattern,
        previous_start_us=last.start_us,
    )
    for name, value in (("lapsed", lapsed), ("another pattern", changed)):
        for length_s in (4, 8, 16):
            end_us = value.not_before_us + length_s * SECOND_US
            verdict = "accept" if length_s == 4 else "reject"
            given = replace(value, not_after_us=end_us)
            rows.append((f"{name}, {length_s} s after 16 s", verdict, last, given))
    return [
        _verdict_case(
            name, "CIR-024 CIR-045", value, value.not_before_us, False, verdict, head=head
        )
        for name, verdict, head, value in rows
    ]


def _after(last: Value) -> Value:
    """Return a renewal of `last`, but for its slot and its end."""
    return replace(
        last,
        parent=value_hash(last.encode()),
        not_before_us=last.not_after_us,
        not_after_us=last.not_after_us + 1,
        previous=None,
        previous_start_us=0,
    )


def _verdict_case(
    name: str,
    req: str,
    value: Value,
    circle_us: int | None,
    carried: bool,
    verdict: str,
    *,
    head: Value = FIRST_VALUE,
) -> Case:
    given: dict[str, object] = {
        "genesis": LAB.genesis.encode(),
        "head": head.encode(),
        "value": decode_value(value.encode()).encode(),
        "circle_us": circle_us,
        "carried": carried,
    }
    case = _head(f"verdict: {name}", req, given)
    expect = {"accept": "accept", "keep": "ignore", "reject": "reject"}[verdict]
    case |= {"expect": expect, "result": {"verdict": verdict}}
    return case if verdict == "accept" else case | {"error": req.split()[0]}


def lease_cases() -> list[Case]:
    return [
        _case(name, req, given, {"shown": shown}) for name, req, given, shown in make_lease.rows()
    ]


def ladder_cases() -> list[Case]:
    rows: list[tuple[str, str, dict[str, object], str]] = [
        ("selected, quorum heard", "LAD-001", {"selected": True, "quorum": True}, "COMMITTED"),
        ("selected, quorum lost", "LAD-001", {"selected": True}, "HOLD"),
        ("kept between leases", "LAD-001", {"held": True, "quorum": True}, "HOLD"),
        ("neighbour heard", "LAD-001", {"company": True, "quorum": True}, "HARMONY"),
        ("neighbour, no collective consent", "LAD-001", {"company": True, "switches": 17}, "SOLO"),
        ("nobody", "LAD-001", {}, "SOLO"),
        ("nobody for 59.999 s", "LAD-001", {"alone_ms": 59_999}, "SOLO"),
        ("nobody for 60 s", "LAD-001", {"alone_ms": 60_000}, "GLOW"),
        ("no consent to show", "LAD-001 LAD-002", {"selected": True, "switches": 20}, "GLOW"),
        ("button", "LAD-001 LAD-002", {"selected": True, "switches": 5}, "OFF"),
        ("button and no consent", "LAD-001", {"switches": 0}, "OFF"),
    ]
    usual = {
        "selected": False,
        "held": False,
        "quorum": False,
        "company": False,
        "switches": 21,
        "alone_ms": 0,
    }
    return [_case(name, req, usual | given, {"rung": rung}) for name, req, given, rung in rows]


AREAS: dict[str, Callable[[], list[Case]]] = {
    "genesis": genesis_cases,
    "vote": vote_cases,
    "leader": leader_cases,
    "value": value_cases,
    "lease": lease_cases,
    "ladder": ladder_cases,
    "consensus": lambda: [
        _case(name, req, given, {"outputs": outputs})
        for name, req, given, outputs in make_consensus.traces()
    ],
}


def main() -> None:
    for area, make in AREAS.items():
        (FOLDER / f"{area}.json").write_text(text_of(area, make()), encoding="utf-8")


if __name__ == "__main__":
    main()
