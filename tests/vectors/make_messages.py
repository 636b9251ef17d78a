"""Message vectors: one of each type and shape, and each rule broken once."""

from smilesync.ids import CircleId, PeerId, ValueHash, VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.wire import cbor, codec, envelope
from smilesync.wire.cbor import CborValue
from smilesync.wire.messages import (
    Ask,
    Beacon,
    Beacons,
    Body,
    Call,
    Carried,
    CertificateName,
    Clock,
    Decided,
    Evidence,
    Feeling,
    Feelings,
    Heir,
    Hello,
    Meet,
    Message,
    ObjectKind,
    Piece,
    Pledge,
    Proof,
    Propose,
    Prove,
    Ready,
    SignedVote,
    Status,
    Stranded,
    Told,
    VoteKind,
    Votes,
    VoteSet,
    VoteSummary,
    Want,
)
from vectors.writing import Case, accept, plain, reject

HASH = ValueHash(bytes(range(32)))
OTHER = ValueHash(bytes(range(32, 64)))
SIGNATURE = bytes(range(64))
MOST = (1 << 53) - 1
SECOND = bytes(range(64, 128))
VALUE = bytes.fromhex("a10107")
LARGEST_VALUE = bytes(1024)

NOTARIZED = VoteSet(VoteKind.NOTARIZE, 1, HASH, 0b1000_0001, (SIGNATURE, SECOND))
NULLIFIED = VoteSet(VoteKind.NULLIFY, 2, None, 0b10, (SIGNATURE,))
CERTIFICATE_OF_16 = VoteSet(
    VoteKind.FINALIZE, 3, HASH, (1 << 16) - 1, tuple(bytes([n]) * 64 for n in range(16))
)

NOTARIZE_A = SignedVote(VoteKind.NOTARIZE, HASH, SIGNATURE)
NOTARIZE_B = SignedVote(VoteKind.NOTARIZE, OTHER, SECOND)
EVIDENCE = Evidence(9, VoterKey(HASH), OTHER, 2, NOTARIZE_A, NOTARIZE_B)
NULLIFY_AND_FINALIZE = Evidence(
    9,
    VoterKey(HASH),
    OTHER,
    2,
    SignedVote(VoteKind.NULLIFY, None, SIGNATURE),
    SignedVote(VoteKind.FINALIZE, HASH, SECOND),
)
ACCEPTED: list[tuple[str, str, Message]] = [
    ("CLOCK, first of a link", "MSG-010 MSG-005", Clock(1_000_000, 0, 0, None, False, True)),
    ("CLOCK, answer", "MSG-010", Clock(2_000_000, 1_000_000, 1500, 12_000_000, True, False)),
    ("CLOCK, circle time zero", "MSG-010", Clock(5, 4, 3, 0, False, False)),
    (
        "CLOCK, largest numbers",
        "MSG-010",
        Clock((1 << 53) - 1, (1 << 53) - 1, (1 << 53) - 1, (1 << 53) - 1, True, True),
    ),
    ("CLOCK, two voters away", "MSG-010 MEM-035", Clock(5, 4, 3, 0, False, False, 0x1_40)),
    ("PROPOSE, fresh", "MSG-012 MSG-005", Propose(1, 1, VALUE, SIGNATURE)),
    (
        "PROPOSE, carried from view 2 with hints",
        "MSG-012 MSG-022",
        Propose(
            9,
            4,
            VALUE,
            SIGNATURE,
            2,
            (
                CertificateName(VoteKind.NOTARIZE, 2, HASH),
                CertificateName(VoteKind.NULLIFY, 3, None),
            ),
        ),
    ),
    ("PROPOSE, largest value", "MSG-012", Propose(1, 1, LARGEST_VALUE, SIGNATURE)),
    ("VOTES, two of one set", "MSG-013 MSG-020 MSG-007", Votes(9, (NOTARIZED,))),
    ("VOTES, two sets", "MSG-013 MSG-020", Votes(9, (NOTARIZED, NULLIFIED))),
    ("VOTES, a certificate of 16", "MSG-013 MSG-020 MSG-001", Votes(9, (CERTIFICATE_OF_16,))),
    ("STATUS, nothing held", "MSG-014 MSG-005", Status(1, 1, ())),
    (
        "STATUS, all fields",
        "MSG-014 MSG-020 MSG-021",
        Status(
            9,
            3,
            (
                VoteSummary(VoteKind.NOTARIZE, 1, HASH, 0b101),
                VoteSummary(VoteKind.NULLIFY, 2, None, 0x1_00),
            ),
            (HASH, OTHER),
            (1 << 64) - 1,
            12,
            8,
            NOTARIZED,
            0b1001,
        ),
    ),
    ("DECIDED", "MSG-015", Decided(VALUE, 2)),
    ("DECIDED, by another roster", "MSG-015", Decided(VALUE, 2, OTHER)),
    (
        "WANT, everything",
        "MSG-016 MSG-022",
        Want(9, (HASH,), (CertificateName(VoteKind.FINALIZE, 1, HASH),)),
    ),
    ("WANT, nothing", "MSG-016 MSG-005", Want(9)),
    ("WANT, pieces", "MSG-016", Want(9, pieces=((HASH, 0), (OTHER, 16_384)))),
    ("BODY", "MSG-017", Body(9, VALUE)),
    ("EVIDENCE, two values", "EVD-001", EVIDENCE),
    ("EVIDENCE, a NULLIFY and a FINALIZE", "EVD-001", NULLIFY_AND_FINALIZE),
    ("HELLO", "SPR-010 MSG-007", Hello(SIGNATURE[:8], SIGNATURE[:16], 0b1000_0101, True)),
    ("HELLO of who reaches nobody", "SPR-010", Hello(SIGNATURE[:8], SIGNATURE[:16], 0, False)),
    (
        "BEACONS, ten",
        "SPR-011 MSG-001",
        Beacons(tuple(Beacon(n, (1 << 53) - 1, 1 << 40, n > 5, SIGNATURE) for n in range(10))),
    ),
    (
        "BEACONS, with who is away",
        "SPR-011 MSG-007",
        Beacons((Beacon(3, 5, 7, True, SIGNATURE, 0b1_0000_0010),)),
    ),
    ("ASK", "SPR-012 MSG-005", Ask(SIGNATURE[:16], 0b11)),
    ("ASK with a question", "SPR-012", Ask(SIGNATURE[:16], 1 << 63, 0, VALUE)),
    ("TOLD", "SPR-013", Told(SIGNATURE[:16], 63, VALUE, SIGNATURE)),
    (
        "FEELINGS, one and a withdrawal",
        "INP-010 MSG-007",
        Feelings(
            (
                Feeling(0b1_0000_0010, PeerId(HASH), 7, 4, 5_000_000, SIGNATURE),
                Feeling(1, PeerId(OTHER), 0, None, 0, SECOND),
            )
        ),
    ),
    (
        "FEELINGS, eight",
        "INP-010 MSG-001",
        Feelings((Feeling((1 << 64) - 1, PeerId(HASH), MOST, 0, MOST, SIGNATURE),) * 8),
    ),
    ("PIECE", "MEM-022", Piece(HASH, 1_024, 1_028, VALUE[:4])),
    ("STRANDED, would found", "SUC-001", Stranded(CircleId(HASH), OTHER, True)),
    ("CALL of two", "SUC-002", Call(CircleId(HASH), OTHER, HASH, (PeerId(HASH), PeerId(OTHER)))),
    ("PLEDGE", "SUC-003", Pledge(HASH, VoterKey(OTHER), SIGNATURE, SECOND)),
    ("HEIR, last part", "SUC-004", Heir(CircleId(HASH), 1024, 1027, VALUE)),
    ("MEET", "MRG-001 MSG-005", Meet(CircleId(HASH), 9, OTHER, 64)),
    ("MEET, offers", "MRG-001", Meet(CircleId(HASH), 9, OTHER, 1, HASH, CircleId(OTHER))),
    ("READY to offer", "MRG-002 MSG-005", Ready(CircleId(HASH), CircleId(OTHER))),
    ("READY to end", "MRG-002", Ready(CircleId(HASH), CircleId(OTHER), HASH)),
    ("PROVE", "MRG-003", Prove(CircleId(HASH), OTHER, 98_304)),
    ("PROOF, last part", "MRG-004", Proof(CircleId(HASH), OTHER, 1024, 1027, VALUE)),
]


def cases() -> list[Case]:
    signed = envelope.sign(ObjectKind.EMOTION, Ed25519Signer(bytes(range(32))), {1: 7, 2: 2})
    accepted: list[tuple[str, str, Message]] = [
        *ACCEPTED,
        ("OBJECT, an emotion", "MSG-011", signed),
        (
            "OBJECT, of unknown kind, body that is no CBOR",
            "MSG-011 OBJ-008",
            Carried(200, PeerId(bytes(32)), b"\xff", SIGNATURE),
        ),
    ]
    rows = []
    for name, reqs, message in accepted:
        given = {"message": codec.encode(message)}
        result = {"type": type(message).__name__, "fields": plain(message)}
        rows.append(accept(name, reqs, given, result))
    fields: dict[int, CborValue] = {0: 1, 1: 5, 5: False, 6: True, 64: [1, 2], 1024: b"grease"}
    result = {"type": "Clock", "fields": plain(Clock(5, 0, 0, None, False, True))}
    data = {"message": cbor.encode(fields)}
    note = "not encoded again to the same bytes: what is not understood is left out"
    rows.append(accept("CLOCK with keys above 63", "MSG-004", data, result, note=note))
    return rows + [
        reject(name, reqs, {"message": data if isinstance(data, bytes) else cbor.encode(data)})
        for name, reqs, data in [*_bad_frames(), *_bad_fields(), *_bad_votes()]
    ]


Row = tuple[str, str, bytes | CborValue]


def _bad_frames() -> list[Row]:
    return [
        ("no byte at all", "CBR-001", b""),
        ("message of 1169 bytes", "CBR-010 MSG-001", bytes.fromhex("59048e") + bytes(1166)),
        ("an array", "MSG-001", cbor.encode([1, 5])),
        ("an integer", "MSG-001", cbor.encode(7)),
        ("no type", "MSG-002", {1: 5, 5: False, 6: True}),
        ("type 0", "MSG-002", {0: 0}),
        ("type 9", "MSG-002", {0: 9, 1: 5}),
        ("type true", "MSG-002", {0: True, 1: 5, 5: False, 6: True}),
        ("type as text", "MSG-002", {0: "CLOCK"}),
        ("type as array", "MSG-002", {0: [1]}),
        ("byte after the message", "CBR-001", codec.encode(Decided(VALUE, 2)) + b"\0"),
    ]


def _clock(**changes: CborValue) -> dict[int, CborValue]:
    """Return the map of a CLOCK message with `k<key>=value` put in."""
    fields: dict[int, CborValue] = {0: 1, 1: 5, 2: 4, 3: 3, 4: 2, 5: False, 6: True}
    return fields | {int(key[1:]): value for key, value in changes.items()}


def _bad_fields() -> list[Row]:
    status: dict[int, CborValue] = {0: 5, 1: 9, 2: 1}
    evidence = cbor.decode(codec.encode(EVIDENCE))
    assert isinstance(evidence, dict)
    decided: dict[int, CborValue] = {0: 6, 1: VALUE, 2: 1}
    propose: dict[int, CborValue] = {0: 3, 1: 9, 2: 1, 3: VALUE, 4: SIGNATURE}
    return [
        ("CLOCK without stamp", "MSG-006 MSG-010", {0: 1, 5: False, 6: True}),
        ("CLOCK with echo 0 written out", "MSG-005 MSG-010", _clock(k2=0)),
        ("CLOCK held for a negative time", "MSG-006 MSG-010", _clock(k3=-1)),
        ("CLOCK with circle time null", "MSG-006 MSG-010", _clock(k4=None)),
        ("CLOCK with circle time 2**53", "MSG-006 MSG-010", _clock(k4=1 << 53)),
        ("CLOCK with a number as flag", "MSG-006 MSG-010", _clock(k5=1)),
        ("CLOCK with nobody away written out", "MSG-005 MSG-010", _clock(k7=b"")),
        ("CLOCK with unknown key 8", "MSG-003 MSG-010", _clock(k8=0)),
        ("CLOCK with unknown key 63", "MSG-003 MSG-010", _clock(k63=0)),
        ("OBJECT without object", "OBJ-001 MSG-011", {0: 2}),
        ("OBJECT with unknown key", "MSG-003", {0: 2, 1: [2, bytes(32), b"\0", SIGNATURE], 2: 0}),
        ("PROPOSE in view 0", "MSG-006 MSG-012", propose | {2: 0}),
        ("PROPOSE in view 2**32", "MSG-006 MSG-012", propose | {2: 1 << 32}),
        ("PROPOSE with empty value", "MSG-006 MSG-012", propose | {3: b""}),
        ("PROPOSE with a value of 1025 bytes", "MSG-006 MSG-012", propose | {3: bytes(1025)}),
        ("PROPOSE with a signature of 63 bytes", "MSG-006 MSG-012", propose | {4: SIGNATURE[:63]}),
        ("PROPOSE with carried view 0 written out", "MSG-005 MSG-012", propose | {5: 0}),
        ("PROPOSE with no hints written out", "MSG-005 MSG-012", propose | {6: []}),
        ("PROPOSE with 33 hints", "MSG-006 MSG-012", propose | {6: [[2, 1, None]] * 33}),
        ("STATUS of slot 2**53", "MSG-006 MSG-014", status | {1: 1 << 53}),
        ("STATUS with a hash of 31 bytes", "MSG-006 MSG-014", status | {4: [HASH[:31]]}),
        ("STATUS with a number for a hash", "MSG-006 MSG-014", status | {4: [1]}),
        ("STATUS with question 0 written out", "MSG-005 MSG-014", status | {5: 0}),
        (
            "STATUS with a zero byte at the end of who is away",
            "MSG-007 MSG-014",
            status | {9: b"\1\0"},
        ),
        ("STATUS with recalled null", "MSG-005 MSG-014", status | {8: None}),
        ("DECIDED in view 0", "MSG-006 MSG-015", {0: 6, 1: VALUE, 2: 0}),
        ("DECIDED without value", "MSG-006 MSG-015", {0: 6, 2: 1}),
        ("WANT with no bodies written out", "MSG-005 MSG-016", {0: 7, 1: 9, 2: []}),
        ("WANT with a text for names", "MSG-006 MSG-016", {0: 7, 1: 9, 3: "all"}),
        ("DECIDED with a roster hash of 31 bytes", "MSG-006 MSG-015", decided | {3: HASH[:31]}),
        ("WANT from a negative byte on", "MSG-016", {0: 7, 1: 9, 4: [[HASH, -1]]}),
        ("WANT with nine pieces", "MSG-006 MSG-016", {0: 7, 1: 9, 4: [[HASH, 0]] * 9}),
        ("EVIDENCE of slot 0", "EVD-001", evidence | {1: 0}),
        ("EVIDENCE with three votes", "MSG-003 EVD-001", evidence | {7: evidence[6]}),
        ("EVIDENCE with a vote of kind 4", "EVD-001", evidence | {6: [4, HASH, SIGNATURE]}),
        ("EVIDENCE, NULLIFY of a value", "EVD-001", evidence | {6: [2, HASH, SIGNATURE]}),
        ("EVIDENCE with a short hash", "EVD-001", evidence | {6: [1, HASH[:31], SIGNATURE]}),
        *_bad_spread(),
        *_bad_feelings(),
        *_bad_succession(),
        *_bad_meeting(),
        ("PIECE of nothing", "MSG-006 MEM-022", {0: 16, 1: HASH, 2: 0, 3: 0, 4: b"x"}),
        ("PIECE without bytes", "MSG-006 MEM-022", {0: 16, 1: HASH, 2: 0, 3: 9, 4: b""}),
        ("BODY without value", "MSG-006 MSG-017", {0: 8, 1: 9}),
        ("BODY of a negative slot", "MSG-006 MSG-017", {0: 8, 1: -1, 2: VALUE}),
    ]


def _bad_spread() -> list[tuple[str, str, CborValue]]:
    nonce, beacon = SIGNATURE[:16], [0, 1, 1, True, SIGNATURE]
    hello: dict[int, CborValue] = {0: 24, 1: SIGNATURE[:8], 2: nonce, 3: b"", 4: True}
    ask: dict[int, CborValue] = {0: 26, 1: nonce, 2: b"\x01"}
    told: dict[int, CborValue] = {0: 27, 1: nonce, 2: 0, 3: VALUE, 4: SIGNATURE}
    return [
        ("HELLO with a short salt", "SPR-010", hello | {1: b"salt"}),
        ("HELLO with a reach that ends in zero", "SPR-010 MSG-007", hello | {3: b"\x01\x00"}),
        ("BEACONS without any", "SPR-011", {0: 25, 1: []}),
        ("BEACONS, eleven", "SPR-011", {0: 25, 1: [beacon] * 11}),
        ("BEACONS, with nobody away", "SPR-011", {0: 25, 1: [[*beacon, b""]]}),
        ("BEACONS, a zero byte at the end", "SPR-011", {0: 25, 1: [[*beacon, b"\x01\x00"]]}),
        ("BEACONS, of seven items", "SPR-011", {0: 25, 1: [[*beacon, b"\x01", 1]]}),
        ("BEACONS of voter 64", "SPR-011", {0: 25, 1: [[64, 1, 1, True, SIGNATURE]]}),
        ("ASK of nobody", "SPR-012", ask | {2: b""}),
        ("ASK with an empty question", "SPR-012", ask | {4: b""}),
        ("TOLD without signature", "SPR-013", {k: v for k, v in told.items() if k != 4}),
        ("TOLD with a long body", "SPR-013", told | {3: bytes(961)}),
    ]


def _bad_feelings() -> list[tuple[str, str, CborValue]]:
    one: list[CborValue] = [b"\x01", HASH, 7, 4, 5, SIGNATURE]
    items: list[tuple[str, CborValue]] = [
        ("for nobody", [b"", *one[1:]]),
        ("with a bitmap that ends in zero", [b"\x01\x00", *one[1:]]),
        ("of a short identity", [one[0], HASH[:31], *one[2:]]),
        ("of state 5", [*one[:3], 5, *one[4:]]),
        ("of state false", [*one[:3], False, *one[4:]]),
        ("without circle time", [*one[:4], None, one[5]]),
        ("with half a signature", [*one[:5], SIGNATURE[:32]]),
        ("of five items", one[:5]),
        ("of seven items", [*one, 1]),
        ("that is none", HASH),
    ]
    return [
        *((f"FEELINGS, one {name}", "INP-010", {0: 28, 1: [item]}) for name, item in items),
        ("FEELINGS, none", "INP-010", {0: 28, 1: []}),
        ("FEELINGS, nine", "INP-010", {0: 28, 1: [one] * 9}),
    ]


def _bad_succession() -> list[tuple[str, str, CborValue]]:
    stranded: dict[int, CborValue] = {0: 40, 1: HASH, 2: OTHER, 3: True}
    call: dict[int, CborValue] = {0: 41, 1: HASH, 2: OTHER, 3: HASH, 4: [HASH, OTHER]}
    pledge: dict[int, CborValue] = {0: 42, 1: HASH, 2: OTHER, 3: SIGNATURE, 4: SECOND}
    heir: dict[int, CborValue] = {0: 43, 1: HASH, 2: 0, 3: 3, 4: VALUE}
    many: CborValue = [bytes([n]) * 32 for n in range(23)]
    return [
        ("STRANDED with a short head", "SUC-001", stranded | {2: OTHER[:31]}),
        ("STRANDED without a word of founding", "SUC-001", stranded | {3: None}),
        ("CALL of one", "SUC-002", call | {4: [HASH]}),
        ("CALL of 23", "SUC-002", call | {4: many}),
        ("CALL in another order", "SUC-002", call | {4: [OTHER, HASH]}),
        ("CALL of one twice", "SUC-002", call | {4: [HASH, HASH]}),
        ("CALL with a short nonce", "SUC-002", call | {3: SIGNATURE[:16]}),
        ("PLEDGE with half a signature", "SUC-003", pledge | {3: SIGNATURE[:32]}),
        ("PLEDGE of no key", "SUC-003", pledge | {2: b""}),
        ("HEIR of nothing", "SUC-004", heir | {3: 0}),
        ("HEIR of 16001 bytes", "SUC-004", heir | {3: 16_001}),
        ("HEIR with a long part", "SUC-004", heir | {4: bytes(1025)}),
    ]


def _bad_meeting() -> list[tuple[str, str, CborValue]]:
    meet: dict[int, CborValue] = {0: 44, 1: HASH, 2: 9, 3: OTHER, 4: 7}
    ready: dict[int, CborValue] = {0: 45, 1: HASH, 2: OTHER}
    prove: dict[int, CborValue] = {0: 46, 1: HASH, 2: OTHER, 3: 0}
    proof: dict[int, CborValue] = {0: 47, 1: HASH, 2: OTHER, 3: 0, 4: 3, 5: VALUE}
    return [
        ("MEET of a circle without voters", "MRG-001", meet | {4: 0}),
        ("MEET of 65 voters", "MRG-001", meet | {4: 65}),
        ("MEET with a short head", "MRG-001", meet | {3: OTHER[:31]}),
        ("MEET, an offer to nobody", "MRG-001", meet | {5: HASH}),
        ("MEET, no offer to somebody", "MRG-001", meet | {6: HASH}),
        ("READY for a short circle", "MRG-002", ready | {2: OTHER[:31]}),
        ("READY for a short offer", "MRG-002", ready | {3: OTHER[:31]}),
        ("PROVE from beyond the end", "MRG-003", prove | {3: 98_305}),
        ("PROVE of a short offer", "MRG-003", prove | {2: OTHER[:31]}),
        ("PROOF of nothing", "MRG-004", proof | {4: 0}),
        ("PROOF of 98305 bytes", "MRG-004", proof | {4: 98_305}),
        ("PROOF with a long part", "MRG-004", proof | {5: bytes(1025)}),
    ]


def _bad_votes() -> list[Row]:
    both = SIGNATURE + SECOND
    sets: list[tuple[str, str, CborValue]] = [
        ("four items", "MSG-020", [1, 1, HASH, b"\x81"]),
        ("six items", "MSG-020", [1, 1, HASH, b"\x81", both, 0]),
        ("kind 0", "MSG-020", [0, 1, HASH, b"\x81", both]),
        ("kind 4", "MSG-020", [4, 1, HASH, b"\x81", both]),
        ("view 0", "MSG-020", [1, 0, HASH, b"\x81", both]),
        ("a notarize without hash", "MSG-020", [1, 1, None, b"\x81", both]),
        ("a nullify with hash", "MSG-020", [2, 1, HASH, b"\x81", both]),
        ("no bit", "MSG-007 MSG-020", [1, 1, HASH, b"", b""]),
        ("a zero byte at the bitmap's end", "MSG-007 MSG-020", [1, 1, HASH, b"\x81\0", both]),
        ("a bitmap of nine bytes", "MSG-007 MSG-020", [1, 1, HASH, bytes(8) + b"\3", both]),
        ("more bits than signatures", "MSG-020", [1, 1, HASH, b"\x83", both]),
        ("more signatures than bits", "MSG-020", [1, 1, HASH, b"\x01", both]),
        ("half a signature", "MSG-020", [1, 1, HASH, b"\x01", SIGNATURE[:32]]),
        ("signatures as an array", "MSG-020", [1, 1, HASH, b"\x81", [SIGNATURE, SECOND]]),
        ("no array", "MSG-020", HASH),
    ]
    rows: list[Row] = [
        (f"VOTES, set with {name}", reqs, {0: 4, 1: 9, 2: [value]}) for name, reqs, value in sets
    ]
    summary: CborValue = [1, 1, HASH, b"\x81", both]
    return [
        *rows,
        ("VOTES without a set", "MSG-005 MSG-013", {0: 4, 1: 9, 2: []}),
        ("VOTES with 33 sets", "MSG-006 MSG-013", {0: 4, 1: 9, 2: [[2, 1, None]] * 33}),
        ("STATUS, summary with signatures", "MSG-021", {0: 5, 1: 9, 2: 1, 3: [summary]}),
        ("STATUS, summary without hash", "MSG-021", {0: 5, 1: 9, 2: 1, 3: [[3, 1, None, b"\1"]]}),
        ("STATUS, recalled set that is empty", "MSG-020", {0: 5, 1: 9, 2: 1, 8: []}),
        ("WANT, name with hash of 33 bytes", "MSG-022", {0: 7, 1: 9, 3: [[1, 1, HASH + b"\0"]]}),
        ("WANT, name of two items", "MSG-022", {0: 7, 1: 9, 3: [[2, 1]]}),
    ]
