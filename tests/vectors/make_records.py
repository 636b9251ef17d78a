"""Journal record vectors."""

from smilesync.ids import CircleId, VoterKey
from smilesync.wire import cbor, records
from smilesync.wire.cbor import CborValue
from vectors.make_messages import HASH, NOTARIZED, VALUE
from vectors.writing import Case, accept, plain, reject

KEY = VoterKey(bytes(range(64, 96)))

ACCEPTED: list[records.Record] = [
    records.Opened(KEY),
    records.Notarized(9, 1, HASH, VALUE),
    records.Nullified(9, 2),
    records.Finalized(9, 1, HASH, NOTARIZED),
    records.DecidedRecord(9, VALUE, NOTARIZED),
    records.Shown(9),
    records.ClockReserved(12_000_000),
    records.SequenceReserved(1 << 63),
    records.ConsentSet(0b0101),
    records.Felt(4),
    records.Amnesia(),
    records.Seated(9, bytes(65), b"\xa0"),
    records.Abandoned(CircleId(HASH), KEY),
    records.Moved(CircleId(HASH), VALUE),
    records.Proven(CircleId(HASH), VALUE, NOTARIZED, bytes(65)),
    records.MergingSet(True),
]

REJECTED: list[tuple[str, str, CborValue]] = [
    ("a map", "JRN-001", {0: 6, 1: 9}),
    ("an empty array", "JRN-001", []),
    ("kind 0", "JRN-002", [0, 9]),
    ("kind 99", "JRN-002", [99, 9]),
    ("kind true", "JRN-002", [True, KEY]),
    ("kind as text", "JRN-002", ["shown", 9]),
    ("no field", "JRN-003", [6]),
    ("one field too many", "JRN-003", [6, 9, 0]),
    ("a key of 31 bytes", "JRN-003 IDN-002", [1, KEY[:31]]),
    ("a vote of view 0", "JRN-003", [3, 9, 0]),
    ("a vote without body", "JRN-003", [2, 9, 1, HASH, b""]),
    ("a body of 1025 bytes", "JRN-003", [2, 9, 1, HASH, bytes(1025)]),
    ("a slot of 2**53", "JRN-003", [6, 1 << 53]),
    ("a certificate without signatures", "MSG-020 JRN-003", [5, 9, VALUE, [3, 1, HASH, b"", b""]]),
    ("a certificate that is no array", "MSG-020 JRN-003", [5, 9, VALUE, 7]),
    ("a certificate that is null", "JRN-003", [5, 9, VALUE, None]),
    ("a roster of no bytes", "JRN-003", [12, 9, b"", None]),
    ("a circle of 31 bytes that is given up", "JRN-003", [20, HASH[:31], KEY]),
    ("a move to nothing", "JRN-003", [21, HASH, b""]),
    ("a proof of no roster", "JRN-003", [22, HASH, VALUE, [3, 1, HASH, b"\x01", bytes(64)], b""]),
    ("a proof without a certificate", "JRN-003", [22, HASH, VALUE, None, bytes(65)]),
    ("an agreement that is a number", "JRN-003", [23, 1]),
    ("a state that is a number", "JRN-003", [12, 9, bytes(65), 0]),
    ("unknown switches", "JRN-003", [9, 32]),
    ("an unknown state", "JRN-003", [10, 5]),
]


def cases() -> list[Case]:
    rows = []
    for record in ACCEPTED:
        name = type(record).__name__
        result = {"type": name, "fields": plain(record)}
        rows.append(accept(name, "JRN-001 JRN-003", {"record": records.encode(record)}, result))
    rows += [reject(name, reqs, {"record": cbor.encode(value)}) for name, reqs, value in REJECTED]
    whole = records.encode(ACCEPTED[0])
    return [
        *rows,
        reject("torn: the last byte missing", "CBR-001", {"record": whole[:-1]}),
        reject(
            "record of 24577 bytes", "CBR-010 JRN-004", {"record": b"\x59\x5f\xfe" + bytes(24574)}
        ),
    ]
