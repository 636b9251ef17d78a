"""Writes cbor, signature, object, message and record vectors: `python -m vectors.make_wire`.

Run it from the repository's root with protocol and tests on the path. It draws nothing at random,
so that the files are the same wherever they are made; a test makes them again and compares.
"""

from smilesync.ids import NO_CIRCLE, CircleId, PeerId
from smilesync.keys import Ed25519Signer
from smilesync.wire import cbor, envelope
from smilesync.wire.messages import Carried, ObjectKind
from support import strict_cbor
from vectors import make_messages, make_records, make_signatures
from vectors.writing import FOLDER, Case, accept, diagnostic, plain, reject, text_of

CBOR_LIMIT = 1170

CBOR_ACCEPTED = [
    ("zero", "00"),
    ("largest integer in the head", "17"),
    ("smallest one-byte argument", "1818"),
    ("smallest two-byte argument", "190100"),
    ("smallest four-byte argument", "1a00010000"),
    ("smallest eight-byte argument", "1b0000000100000000"),
    ("largest unsigned integer", "1bffffffffffffffff"),
    ("minus one", "20"),
    ("smallest negative integer", "3bffffffffffffffff"),
    ("empty byte string", "40"),
    ("byte string", "4401020304"),
    ("empty text", "60"),
    ("text with two-byte characters", "66c3bcc39fc3a9"),
    ("text of 64 bytes", "7840" + "61" * 64),
    ("false, true, null in an array", "83f4f5f6"),
    ("empty array", "80"),
    ("array of 128 items", "9880" + "00" * 128),
    ("empty map", "a0"),
    ("map with ascending keys of growing size", "a4 0001 1702 181803 19010004"),
    (
        "map of 32 pairs",
        "b820"
        + "".join(f"{n:02x}00" for n in range(24))
        + "".join(f"18{n:02x}00" for n in range(24, 32)),
    ),
    ("largest map key", "a11bffffffffffffffff00"),
    ("six containers deep", "818181818181 00"),
    ("largest message", "59048f" + "00" * 1167),
]

CBOR_REJECTED = [
    ("nothing", "CBR-001", ""),
    ("second item after the first", "CBR-001", "0000"),
    ("head cut off", "CBR-001", "19 01"),
    ("byte string cut off", "CBR-001", "44 010203"),
    ("array cut off", "CBR-001", "82 1818"),
    ("map without its last value", "CBR-011 CBR-001", "a1 00"),
    ("reserved argument 28", "CBR-001", "1c"),
    ("break without beginning", "CBR-001", "ff"),
    ("zero in one byte more", "CBR-002", "1800"),
    ("23 in one byte more", "CBR-002", "1817"),
    ("255 in two bytes", "CBR-002", "1900ff"),
    ("65535 in four bytes", "CBR-002", "1a0000ffff"),
    ("2**32 - 1 in eight bytes", "CBR-002", "1b00000000ffffffff"),
    ("negative integer in one byte more", "CBR-002", "3800"),
    ("byte string with a long head", "CBR-002", "5801 00"),
    ("text with a long head", "CBR-002", "7801 61"),
    ("array with a long head", "CBR-002", "9801 00"),
    ("map with a long head", "CBR-002", "b801 00 00"),
    ("map key with a long head", "CBR-002 CBR-005", "a1 1801 00"),
    ("half float", "CBR-003", "f93c00"),
    ("single float", "CBR-003", "fa3f800000"),
    ("double float", "CBR-003", "fb3ff0000000000000"),
    ("not a number", "CBR-003", "f97e00"),
    ("undefined", "CBR-003", "f7"),
    ("simple value 16", "CBR-003", "f0"),
    ("simple value 255", "CBR-003", "f8ff"),
    ("bignum", "CBR-003", "c249010000000000000000"),
    ("date as text, tagged", "CBR-003", "c074323032362d30312d30315430303a30303a30305a"),
    ("regular expression, tagged", "CBR-003", "d823 61 2e"),
    ("shared value and a reference to it", "CBR-003", "d81c 81 d81d 00"),
    ("tag of no meaning inside an array", "CBR-003", "81 d9ffff 00"),
    ("self-described CBOR", "CBR-003", "d9d9f7 00"),
    ("byte string of indefinite length", "CBR-004", "5f 4101 ff"),
    ("text of indefinite length", "CBR-004", "7f 6161 ff"),
    ("array of indefinite length", "CBR-004", "9f 00 ff"),
    ("map of indefinite length", "CBR-004", "bf 00 00 ff"),
    ("the same key twice", "CBR-005", "a2 01 00 01 00"),
    ("keys descending", "CBR-005", "a2 02 00 01 00"),
    ("negative key", "CBR-005", "a1 20 00"),
    ("text key", "CBR-005", "a1 6161 00"),
    ("byte string key", "CBR-005", "a1 4101 00"),
    ("boolean key", "CBR-005", "a1 f5 00"),
    ("array key", "CBR-005", "a1 80 00"),
    ("map key", "CBR-005", "a1 a0 00"),
    ("seven containers deep", "CBR-006", "81818181818181 00"),
    ("array of 129 items", "CBR-007", "9881" + "00" * 129),
    (
        "map of 33 pairs",
        "CBR-008",
        "b821"
        + "".join(f"{n:02x}00" for n in range(24))
        + "".join(f"18{n:02x}00" for n in range(24, 33)),
    ),
    ("text of 65 bytes", "CBR-009", "7841" + "61" * 65),
    ("text of 33 characters in 66 bytes", "CBR-009", "7842" + "c3bc" * 33),
    ("text that is not UTF-8", "CBR-009", "61ff"),
    ("text with an overlong character", "CBR-009", "62c080"),
    ("text with half a surrogate pair", "CBR-009", "63eda080"),
    ("one byte above the size limit", "CBR-010", "590490" + "00" * 1168),
    ("array that declares 2**63 items", "CBR-011", "9b8000000000000000 00"),
    ("map that declares 2**32 - 1 pairs", "CBR-011", "baffffffff 00"),
    ("byte string that declares 2**64 - 1 bytes", "CBR-001 CBR-011", "5bffffffffffffffff 00"),
]

SEED = bytes(range(32))
OTHER_SEED = bytes(range(32, 64))
CIRCLE = CircleId(bytes(range(64, 96)))
NEUTRAL_BODY: cbor.CborValue = {1: 7, 2: 2}


def cbor_cases() -> list[Case]:
    cases = []
    for name, text in CBOR_ACCEPTED:
        data = bytes.fromhex(text)
        shown = diagnostic(strict_cbor.read(data, CBOR_LIMIT))
        reqs = "CBR-001 CBR-002"
        cases.append(accept(name, reqs, {"cbor": data}, {"diagnostic": shown}))
    for name, reqs, text in CBOR_REJECTED:
        cases.append(reject(name, reqs, {"cbor": bytes.fromhex(text)}))
    return cases


def object_cases() -> list[Case]:
    signer = Ed25519Signer(SEED)
    plain_object = envelope.sign(ObjectKind.EMOTION, signer, NEUTRAL_BODY)
    member = envelope.sign(ObjectKind.VOTER_KEY, signer, {1: bytes(32)}, circle=CIRCLE, epoch=3)
    wish = envelope.sign(ObjectKind.WISH, signer, {1: 50, 2: b"\xa0"}, circle=CIRCLE)
    cases = [
        _signed("emotion outside circles", plain_object, circle=NO_CIRCLE, epoch=0),
        _signed("a voter key in a circle, epoch 3", member, circle=CIRCLE, epoch=3),
        _signed("a wish in a circle", wish, circle=CIRCLE, epoch=0),
    ]
    resigned = Carried(2, plain_object.signer, plain_object.body, bytes(64))
    cases += [
        _unsigned("no signature", "OBJ-006", resigned),
        _unsigned("the circle's object outside circles", "OBJ-006 OBJ-003", member),
        _unsigned("the circle's object in the next epoch", "OBJ-006 OBJ-003", member, epoch=4),
        _unsigned(
            "an emotion's signature on a consent",
            "OBJ-006 OBJ-009",
            Carried(ObjectKind.CONSENT, *_parts(plain_object)),
        ),
        _unsigned("an unknown kind", "OBJ-005", Carried(200, *_parts(plain_object))),
        _unsigned(
            "someone else's name",
            "OBJ-006",
            Carried(2, PeerId(Ed25519Signer(OTHER_SEED).public), *_parts(member)[1:]),
        ),
    ]
    return cases + [
        reject(name, reqs, {"object": data}) for name, reqs, data in _bad_objects(plain_object)
    ]


def _parts(carried: Carried) -> tuple[PeerId, bytes, bytes]:
    return carried.signer, carried.body, carried.signature


def _signed(name: str, carried: Carried, *, circle: CircleId, epoch: int) -> Case:
    domain = envelope.DOMAINS[carried.kind]
    signed = envelope.signed_bytes(domain, carried.body, circle=circle, epoch=epoch)
    given = {
        "object": envelope.encode(carried),
        "circle": circle,
        "epoch": epoch.to_bytes(8, "big"),
    }
    result = {
        "fields": plain(carried),
        "domain": domain.decode(),
        "signed": signed.hex(),
        "id": envelope.message_id(carried).hex(),
    }
    return accept(name, "OBJ-001 OBJ-003 OBJ-004 OBJ-007", given, result)


def _unsigned(
    name: str, reqs: str, carried: Carried, *, circle: CircleId = NO_CIRCLE, epoch: int = 0
) -> Case:
    if epoch:
        circle = CIRCLE
    data = envelope.encode(carried)
    return reject(name, reqs, {"object": data, "circle": circle, "epoch": epoch.to_bytes(8, "big")})


def _bad_objects(good: Carried) -> list[tuple[str, str, bytes]]:
    signer, body, signature = _parts(good)
    rows: list[tuple[str, cbor.CborValue]] = [
        ("three items", [2, signer, body]),
        ("five items", [2, signer, body, signature, 0]),
        ("a map", {0: 2, 1: signer, 2: body, 3: signature}),
        ("kind 256", [256, signer, body, signature]),
        ("negative kind", [-1, signer, body, signature]),
        ("kind true", [True, signer, body, signature]),
        ("key of 31 bytes", [2, signer[:31], body, signature]),
        ("key of 33 bytes", [2, signer + b"\0", body, signature]),
        ("empty key", [2, b"", body, signature]),
        ("empty body", [2, signer, b"", signature]),
        ("body as an array", [2, signer, [1, 7, 2, 2], signature]),
        ("body of 919 bytes", [2, signer, bytes(919), signature]),
        ("signature of 63 bytes", [2, signer, body, signature[:63]]),
        ("signature of 65 bytes", [2, signer, body, signature + b"\0"]),
    ]
    reqs = {"key of 31 bytes": "OBJ-001 IDN-002", "body of 919 bytes": "OBJ-001 OBJ-002"}
    cases = [(name, reqs.get(name, "OBJ-001"), cbor.encode(value)) for name, value in rows]
    whole = envelope.encode(good)
    return [*cases, ("an object with a byte after it", "CBR-001", whole + b"\0")]


AREAS = {
    "cbor": cbor_cases,
    "signature": make_signatures.cases,
    "object": object_cases,
    "message": make_messages.cases,
    "record": make_records.cases,
}


def main() -> None:
    for area, make in AREAS.items():
        (FOLDER / f"{area}.json").write_text(text_of(area, make()), encoding="utf-8")


if __name__ == "__main__":
    main()
