"""Writes clock, midpoint and emotion vectors: `python -m vectors.make_clock`.

Run it from the repository's root with protocol and tests on the path.

Expectations about clocks are worked out by hand or by the naive arithmetic here, not by the code
under test; signed objects are made with fixed seeds, so every run writes the same bytes.
"""

from smilesync.ids import NO_CIRCLE, CircleId, PeerId
from smilesync.keys import Ed25519Signer
from smilesync.wire import cbor, envelope
from smilesync.wire.messages import Carried
from vectors.writing import FOLDER, Case, JsonValue, text_of

LARGEST = (1 << 53) - 1


def _naive_midpoint(pairs: list[tuple[int, int]], faults: int) -> Case:
    def rest(values: list[int]) -> list[int]:
        values = sorted(values)
        return values[faults : len(values) - faults]

    offsets = rest([offset for offset, _ in pairs])
    middle = (offsets[0] + offsets[-1]) // 2
    low = rest([offset - error for offset, error in pairs])[0]
    high = rest([offset + error for offset, error in pairs])[-1]
    return {"offset_us": middle, "error_us": max(high - middle, middle - low)}


def _midpoints() -> list[Case]:
    cases: list[Case] = []

    def add(name: str, faults: int, pairs: list[tuple[int, int]], note: str = "") -> None:
        given: Case = {"faults": faults, "readings": [[o, e] for o, e in pairs]}
        case: Case = {"name": name, "req": ["CLK-015"], "given": given, "expect": "accept"}
        cases.append({**case, "result": _naive_midpoint(pairs, faults), "note": note})

    add("alone", 0, [(0, 0)], "n = 1")
    add("two-of-two", 0, [(0, 0), (10, 3)], "n = 2: half way")
    add("three", 0, [(0, 0), (-7, 2), (20, 5)])
    add("rounds-down", 0, [(0, 0), (-3, 0)], "-1.5 becomes -2")
    add("one-liar-of-four", 1, [(0, 0), (4, 2), (-6, 2), (LARGEST, 0)])
    add("one-liar-low", 1, [(0, 0), (4, 2), (-6, 2), (-LARGEST, 0)])
    add("two-liars-of-seven", 2, [(0, 0), (1, 9), (2, 9), (3, 9), (-4, 9), (10**9, 1), (10**9, 1)])
    add(
        "liars-on-both-sides",
        2,
        [(0, 0), (5, 1), (-5, 1), (3, 1), (2, 1), (10**9, 1), (-(10**9), 1)],
    )
    add("wide-reading-is-dropped", 1, [(0, 0), (10, 2), (12, 2), (11, 5000)])
    add("five-readings-of-seven", 2, [(9, 1), (0, 0), (5, 1), (7, 1), (100, 1)])
    add("equal-offsets", 1, [(8, 1), (8, 2), (8, 3), (8, 4)])
    return cases


def _trip(name: str, now_us: int, message: list[int], result: Case | None, req: str) -> Case:
    stamp, echo, held, circle = message
    given: Case = {
        "rule": "exchange",
        "link_up_us": 1_000_000,
        "now_us": now_us,
        "stamp": stamp,
        "echo": echo,
        "held": held,
        "circle": circle,
    }
    expect = "ignore" if result is None else "accept"
    case: Case = {"name": name, "req": [req], "given": given, "expect": expect}
    return case if result is None else {**case, "result": result}


def _trips() -> list[Case]:
    note = "Stamps are local us plus 1; the link came up at local 1000000 us."
    good: Case = {"lead_us": 500_000 + 10_000 - 2_020_000, "error_us": 10_002}
    cases = [
        _trip("round-trip", 2_020_000, [7, 2_000_001, 0, 500_000], good, "CLK-010"),
        _trip(
            "odd-round-trip",
            2_020_001,
            [7, 2_000_001, 10_000, 500_000],
            {"lead_us": 500_000 + 5_000 - 2_020_001, "error_us": 5_001 + 2 + 2},
            "CLK-010",
        ),
        _trip("no-echo-yet", 2_020_000, [7, 0, 0, 500_000], None, "CLK-007"),
        _trip("echo-of-another-link", 2_020_000, [7, 1_000_000, 0, 500_000], None, "CLK-007"),
        _trip("echo-from-the-future", 2_020_000, [7, 2_020_002, 0, 500_000], None, "CLK-007"),
        _trip(
            "first-stamp-of-this-link",
            1_000_040,
            [7, 1_000_001, 0, 500_000],
            {"lead_us": 500_000 + 20 - 1_000_040, "error_us": 22},
            "CLK-007",
        ),
        _trip("held-too-long", 12_000_000, [7, 2_000_001, 8_000_001, 500_000], None, "CLK-007"),
        _trip("held-longer-than-away", 2_020_000, [7, 2_000_001, 20_007, 5], None, "CLK-007"),
        _trip(
            "held-a-little-longer-than-away",
            2_020_000,
            [7, 2_000_001, 20_006, 500_000],
            {"lead_us": 500_000 - 2_020_000, "error_us": 4 + 2},
            "CLK-007",
        ),
        _trip("too-slow", 4_000_002, [7, 2_000_001, 0, 500_000], None, "CLK-007"),
        _trip("nonsense-time", 2_020_000, [7, 2_000_001, 0, 1 << 52], None, "CLK-008"),
    ]
    cases[0]["note"] = note
    return cases


def _window(
    name: str, req: str, readings: list[list[int]], at: list[int], result: list[int]
) -> Case:
    now_us, circle_us = at
    given: Case = {
        "rule": "window",
        "readings": [list[JsonValue](reading) for reading in readings],
        "now_us": now_us,
        "circle_us": circle_us,
    }
    case: Case = {"name": name, "req": [req], "given": given}
    if not result:
        return {**case, "expect": "ignore"}
    offset_us, error_us = result
    return {**case, "expect": "accept", "result": {"offset_us": offset_us, "error_us": error_us}}


def _windows() -> list[Case]:
    crowd = [[100 + i, 1_000 + (i * 7) % 12 * 100, 1_000_000] for i in range(12)]
    return [
        _window(
            "one-reading", "CLK-010", [[50, 900, 1_000_000]], [1_000_000, 900_000], [100_050, 900]
        ),
        _window("it-ages", "CLK-010", [[50, 900, 1_000_000]], [3_000_000, 0], [3_000_050, 1_700]),
        _window(
            "age-rounds-up", "CLK-010", [[50, 900, 1_000_000]], [1_000_001, 0], [1_000_051, 901]
        ),
        _window(
            "still-good", "CLK-012", [[50, 900, 1_000_000]], [9_000_000, 0], [9_000_050, 4_100]
        ),
        _window("too-old", "CLK-012", [[50, 900, 1_000_000]], [9_000_001, 0], []),
        _window("nothing", "CLK-012", [], [9_000_001, 0], []),
        _window(
            "best-of-four", "CLK-013", [[5, 9, 0], [6, 8, 0], [7, 7, 0], [8, 10, 0]], [0, 0], [7, 7]
        ),
        _window("equal-errors-older", "CLK-013", [[6, 8, 0], [9, 8, 0]], [0, 0], [6, 8]),
        _window(
            "mean-of-two-rounds-down",
            "CLK-013",
            [[10, 5, 0], [13, 6, 0], [11, 9, 0], [12, 9, 0], [11, 9, 0]],
            [0, 0],
            [11, 6],
        ),
        # Errors are 1000, 1700, 1200, 1900, 1400, 2100 and so on: the best are 100, 102 and 107.
        _window("median-of-three", "CLK-013", crowd, [1_000_000, 1_000_000], [102, 1_200]),
        _window(
            "a-step-replaces", "CLK-011", [[0, 10, 0], [1, 10, 0], [500, 10, 0]], [0, 0], [500, 10]
        ),
        _window("no-step-within-bounds", "CLK-011", [[0, 10, 0], [20, 10, 0]], [0, 0], [0, 10]),
    ]


def _move(
    now_ms: int,
    synced: list[list[int]],
    cold: list[list[int]],
    result: list[int] | None,
    *,
    found: bool = False,
    steady_ms: int = 0,
) -> Case:
    """One correction; readings are [offset, error], in order of the voters."""
    move: JsonValue = None
    if result is not None:
        move = {"step_us": result[0], "error_us": result[1], "found": found}
    voices: list[JsonValue] = [
        {"offset_us": o, "error_us": e, "synced": says, "steady_ms": steady_ms}
        for says, readings in ((True, synced), (False, cold))
        for o, e in readings
    ]
    return {"now_ms": now_ms, "voices": voices, "move": move}


def _search(name: str, req: list[str], shape: list[int], moves: list[Case]) -> Case:
    voters, faults, quorum = shape
    given: Case = {"rule": "search", "voters": voters, "faults": faults, "quorum": quorum}
    steps: list[JsonValue] = [{k: v for k, v in move.items() if k != "move"} for move in moves]
    result: Case = {"moves": [move["move"] for move in moves]}
    given["steps"] = steps
    reqs: list[JsonValue] = [*req]
    return {"name": name, "req": reqs, "given": given, "expect": "accept", "result": result}


def _searches() -> list[Case]:
    far, near = [30_000_000, 100], [50, 100]
    follow, five = ["CLK-031", "CLK-033"], [7, 2, 5]
    return [
        _search(
            "follows-a-synced-quorum",
            follow,
            [4, 1, 3],
            [
                _move(0, [[-8_000_000, 100]] * 3, [], [-8_000_000, 100]),
                _move(50, [[10, 100]] * 3, [], [10, 100]),
                _move(100, [[9_999, 100]] * 3, [], [9_999, 100], found=True),
            ],
        ),
        _search(
            "half-the-guard-is-not-calm",
            ["CLK-033"],
            [4, 1, 3],
            [
                _move(0, [[10, 100]] * 3, [], [10, 100]),
                _move(50, [[10_000, 100]] * 3, [], [10_000, 100]),
                _move(100, [[10, 100]] * 3, [], [10, 100]),
            ],
        ),
        _search(
            "joins-four-that-hold",
            ["CLK-031"],
            five,
            [
                _move(0, [[-30_000_000, 100]] * 4, [[0, 100]] * 2, [-30_000_000, 30_000_000]),
                _move(50, [near] * 4, [far] * 2, [50, 100]),
                _move(100, [near] * 4, [far] * 2, [50, 100], found=True),
            ],
        ),
        _search(
            "joins-but-waits-for-a-quorum-there",
            ["CLK-031"],
            five,
            [_move(t, [near] * 3, [far] * 3, None) for t in (0, 50)],
        ),
        _search(
            "f-synced-voters-are-not-followed",
            ["CLK-031", "CLK-035"],
            [4, 1, 3],
            [_move(t, [far], [near] * 2, [50, 100]) for t in (0, 300, 350, 900, 8_009)],
        ),
        _search(
            "synced-voters-that-disagree-are-not-followed",
            ["CLK-031"],
            five,
            [_move(0, [[0, 9], [90_000, 9], [200_000, 9]], [[5, 9]] * 3, [5, 9])],
        ),
        _search("too-few-to-move", ["CLK-020"], five, [_move(0, [], [far] * 3, None)]),
        _search(
            "jumps-to-the-f-plus-first-highest",
            ["CLK-032", "CLK-035"],
            [4, 1, 3],
            [
                _move(0, [], [[1_000_000, 9], [5_000_000, 9], [9_000_000, 9]], [5_000_000] * 2),
                _move(50, [], [[0, 9], [0, 9], [4_000_000, 9]], [0, 9], steady_ms=50),
                _move(100, [], [[0, 9]] * 3, [0, 9], steady_ms=50),
                _move(899, [], [[0, 9]] * 3, [0, 9], steady_ms=50),
                _move(950, [], [[0, 9]] * 3, [0, 9], steady_ms=50, found=True),
            ],
        ),
        _search(
            "jumps-only-for-a-while",
            ["CLK-032"],
            [4, 1, 3],
            [
                _move(0, [], [near] * 3, [50, 100]),
                _move(299, [], [far, far, near], [30_000_000, 30_000_000]),
                _move(300, [], [far, far, near], [15_000_025, 15_000_075]),
            ],
        ),
        _search(
            "waits-for-a-voter-that-was-not-heard",
            ["CLK-035"],
            [4, 1, 3],
            [
                _move(t, [], [near] * 2, [50, 100], found=t >= 8_010)
                for t in (0, 50, 900, 8_009, 8_010)
            ],
        ),
        _search(
            "waits-again-after-a-step",
            ["CLK-035"],
            [4, 1, 3],
            [
                _move(0, [], [near] * 2, [50, 100]),
                _move(7_000, [], [near] * 2, [50, 100], steady_ms=7_000),
                _move(8_010, [], [near] * 2, [50, 100], steady_ms=7_000),
                _move(15_010, [], [near] * 2, [50, 100], steady_ms=7_000, found=True),
            ],
        ),
        _search(
            "does-not-wait-for-one-that-agrees",
            ["CLK-035"],
            [4, 1, 3],
            [_move(t, [near], [near] * 2, [50, 100], found=t == 900) for t in (0, 50, 899, 900)],
        ),
        _search(
            "alone",
            ["CLK-016", "CLK-035"],
            [1, 0, 1],
            [_move(t, [], [], [0, 0], found=t > 0) for t in (0, 50)],
        ),
    ]


def _emotions() -> list[Case]:
    ann, bob = Ed25519Signer(b"\x0a" * 32), Ed25519Signer(b"\x0b" * 32)
    cases: list[Case] = []

    def signed(
        kind: int, body: bytes, domain: bytes, *, circle: CircleId = NO_CIRCLE, epoch: int = 0
    ) -> Carried:
        data = envelope.signed_bytes(domain, body, circle=circle, epoch=epoch)
        return Carried(kind, _peer(ann), body, ann.sign(data))

    def emotion(body: cbor.CborValue) -> Carried:
        return signed(2, cbor.encode(body), b"smilesync/1/emotion")

    def withdrawal(body: cbor.CborValue) -> Carried:
        return signed(4, cbor.encode(body), b"smilesync/1/consent")

    def add(name: str, req: list[str], carried: Carried, more: Case) -> None:
        given: Case = {"object": envelope.encode(carried).hex(), "sender": ann.public.hex()}
        given.update({key: more.pop(key) for key in ("before", "sender") if key in more})
        error = more.get("error")
        expect = "reject" if error else more.pop("expect", "accept")
        case: Case = {"name": name, "req": [*req], "given": given, "expect": expect}
        cases.append({**case, **more})

    name, other = ann.public.hex(), bob.public.hex()
    five = envelope.encode(emotion({1: 5, 2: 1})).hex()
    gone = envelope.encode(withdrawal({1: 6})).hex()
    for state in range(5):
        held: Case = {"held": {name: state}}
        add(f"state-{state}", ["EMO-001"], emotion({1: state, 2: state}), {"result": held})
    add(
        "largest-sequence",
        ["EMO-002"],
        emotion({1: LARGEST, 2: 2}),
        {"result": {"held": {name: 2}}},
    )
    add("later-key", ["EMO-002"], emotion({1: 1, 2: 2, 64: "x"}), {"result": {"held": {name: 2}}})
    add(
        "for-neighbours-alone",
        ["EMO-002"],
        emotion({1: 1, 2: 2, 3: True}),
        {"result": {"held": {name: 2}}},
    )
    bad: list[tuple[str, cbor.CborValue]] = [
        ("state-5", {1: 1, 2: 5}),
        ("no-state", {1: 1}),
        ("no-sequence", {2: 1}),
        ("sequence-too-large", {1: LARGEST + 1, 2: 1}),
        ("negative-state", {1: 1, 2: -1}),
        ("a-series-of-samples", {1: 1, 2: [71, 72, 74]}),
        ("a-word", {1: 1, 2: "calm"}),
        ("unknown-key", {1: 1, 2: 1, 4: 1}),
        ("for-circles-too-written-out", {1: 1, 2: 1, 3: False}),
        ("for-a-number", {1: 1, 2: 1, 3: 1}),
        ("not-a-map", [1, 1]),
    ]
    for label, body in bad:
        add(label, ["EMO-002"], emotion(body), {"error": "EMO-002"})
    add(
        "not-shortest",
        ["EMO-002"],
        signed(2, bytes.fromhex("a20118010201"), b"smilesync/1/emotion"),
        {"error": "CBR-002"},
    )
    add(
        "as-consent",
        ["EMO-001"],
        signed(2, cbor.encode({1: 1, 2: 1}), b"smilesync/1/consent"),
        {"error": "OBJ-006"},
    )
    add(
        "of-a-circle",
        ["EMO-001"],
        signed(2, cbor.encode({1: 1, 2: 1}), b"smilesync/1/emotion", circle=CircleId(b"\1" * 32)),
        {"error": "OBJ-006"},
    )
    add(
        "of-an-epoch",
        ["EMO-001"],
        signed(2, cbor.encode({1: 1, 2: 1}), b"smilesync/1/emotion", epoch=1),
        {"error": "OBJ-006"},
    )
    flipped = emotion({1: 1, 2: 1})
    forged = Carried(2, flipped.signer, cbor.encode({1: 2, 2: 1}), flipped.signature)
    add("changed-body", ["EMO-013"], forged, {"error": "OBJ-006"})
    add("foreign-link", ["EMO-010"], emotion({1: 1, 2: 1}), {"sender": other, "error": "EMO-010"})
    stays: Case = {"held": {name: 1}}
    add(
        "the-same-again",
        ["EMO-011"],
        emotion({1: 5, 2: 1}),
        {"before": [five], "expect": "ignore", "result": stays},
    )
    add(
        "an-older-one",
        ["EMO-011"],
        emotion({1: 4, 2: 3}),
        {"before": [five], "error": "EMO-011", "result": stays},
    )
    add(
        "a-newer-one",
        ["EMO-014"],
        emotion({1: 6, 2: 3}),
        {"before": [five], "result": {"held": {name: 3}}},
    )
    add(
        "withdrawal",
        ["CNS-001", "CNS-006"],
        withdrawal({1: 6}),
        {"before": [five], "result": {"held": {}}},
    )
    add(
        "withdrawal-of-the-past",
        ["CNS-007"],
        withdrawal({1: 4}),
        {"before": [five], "error": "EMO-011", "result": stays},
    )
    add(
        "emotion-after-withdrawal",
        ["CNS-007"],
        emotion({1: 5, 2: 1}),
        {"before": [five, gone], "error": "EMO-011"},
    )
    add(
        "a-new-grant",
        ["CNS-007"],
        emotion({1: 7, 2: 0}),
        {"before": [five, gone], "result": {"held": {name: 0}}},
    )
    for label, body in (("withdrawal-with-state", {1: 6, 2: 1}), ("empty-withdrawal", {})):
        add(
            label,
            ["CNS-002"],
            withdrawal(body),
            {"before": [five], "error": "CNS-002", "result": stays},
        )
    add(
        "withdrawal-as-emotion",
        ["CNS-001"],
        signed(4, cbor.encode({1: 6}), b"smilesync/1/emotion"),
        {"before": [five], "error": "OBJ-006", "result": stays},
    )
    add(
        "unknown-even-kind",
        ["EMO-003"],
        Carried(42, _peer(ann), b"\0", bytes(64)),
        {"expect": "ignore"},
    )
    add(
        "unknown-odd-kind",
        ["EMO-003"],
        Carried(43, _peer(ann), b"\0", bytes(64)),
        {"error": "EMO-003"},
    )
    return cases


def _peer(signer: Ed25519Signer) -> PeerId:
    return PeerId(signer.public)


def areas() -> dict[str, list[Case]]:
    """Return the cases of each file."""
    clock = _trips() + _windows() + _searches()
    return {"clock": clock, "emotion": _emotions(), "midpoint": _midpoints()}


def main() -> None:
    for area, cases in areas().items():
        (FOLDER / f"{area}.json").write_text(text_of(area, cases), encoding="utf-8")


if __name__ == "__main__":
    main()
