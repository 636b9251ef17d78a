"""Shared designs: words a reader takes, and words it refuses."""

from hashlib import sha256

from smilesync.config import LightConfig
from smilesync.light.design import PREFIX, Design, Expression, standard
from smilesync.wire import cbor
from smilesync.wire.cbor import CborValue
from vectors.writing import Case, accept, plain, reject

STANDARD = standard(LightConfig())
EMBER = Design(
    "ember",
    (
        Expression((21000, 9000, 2000), 90, 120),
        Expression((40000, 22000, 3000), 45, 80),
        Expression((9000, 8000, 7000)),
        Expression((6000, 1500, 1000), 110, 255),
        Expression((30000, 6000, 16000), 60, 100),
    ),
    ceiling_percent=45,
    share=102,
)

BODY: dict[int, CborValue] = {
    0: 1,
    1: "ember",
    2: 45,
    3: 102,
    4: [[*one.colour] for one in EMBER.expressions],
    5: [[one.period_ds, one.depth] for one in EMBER.expressions],
}


def word(body: CborValue) -> bytes:
    """Return the word of any body, with a check that fits."""
    encoded = cbor.encode(body)
    return (PREFIX + (encoded + sha256(encoded).digest()[:4]).hex()).encode()


def _with(key: int, value: CborValue) -> bytes:
    return word({**BODY, key: value})


def _row(key: int, value: CborValue) -> bytes:
    rows = BODY[key]
    assert isinstance(rows, list)
    return _with(key, [value, *rows[1:]])


FULL = 65535
REJECTED: list[tuple[str, str, bytes]] = [
    ("another prefix", "DSG-001", b"smilecard" + word(BODY)[11:]),
    ("capital letters", "DSG-001", PREFIX.encode() + word(BODY)[11:].upper()),
    ("a blank inside", "DSG-001", word(BODY)[:40] + b" " + word(BODY)[40:]),
    ("half a byte", "DSG-001", word(BODY)[:-1]),
    ("300 bytes", "DSG-001", PREFIX.encode() + b"00" * 300),
    ("one digit wrong", "DSG-002", word(BODY)[:40] + b"0" + word(BODY)[41:]),
    ("nothing", "DSG-002", PREFIX.encode()),
    ("an array", "DSG-003", word([1])),
    ("version 2", "DSG-003", _with(0, 2)),
    ("version true", "DSG-003", _with(0, True)),
    ("an unknown key", "DSG-003", _with(6, 0)),
    ("no share", "DSG-003", word({key: item for key, item in BODY.items() if key != 3})),
    ("a name with an escape", "DSG-004", _with(1, "\x1b[2J")),
    ("a ceiling of 0", "DSG-004", _with(2, 0)),
    ("a ceiling of 101", "DSG-004", _with(2, 101)),
    ("a negative share", "DSG-004", _with(3, -1)),
    ("a share of true", "DSG-004", _with(3, True)),
    ("four colours", "DSG-004", _with(4, [[1, 1, 1]] * 4)),
    ("a colour of two", "DSG-004", _row(4, [1, 1])),
    ("a channel of 65536", "DSG-004", _row(4, [1, 1, 65536])),
    ("a depth of 256", "DSG-004", _row(5, [90, 256])),
    ("a period of 601", "DSG-004", _row(5, [601, 9])),
    ("a period without depth", "DSG-004", _row(5, [90, 0])),
    ("a depth without period", "DSG-004", _row(5, [0, 90])),
    ("pure red", "DSG-005", _row(4, [FULL, 0, 0])),
    ("red one step too much", "DSG-005", _row(4, [30001, 6000, 4000])),
    ("a breath of 2.0 s", "DSG-006", _row(5, [20, 40])),
    (
        "white that breathes too fast",
        "DSG-007",
        word({**BODY, 2: 100, 4: [[FULL] * 3] * 5, 5: [[37, 255]] * 5}),
    ),
]


def cases() -> list[Case]:
    rows = [
        accept(
            "standard",
            "DSG-001 DSG-002 DSG-003 DSG-004",
            {"word": STANDARD.text().encode()},
            plain(STANDARD),
        ),
        accept("ember", "DSG-001 DSG-004", {"word": word(BODY)}, plain(EMBER)),
        accept("red at the limit", "DSG-005", {"word": _row(4, [30000, 6000, 4000])}),
        accept("a breath of 2.1 s", "DSG-006", {"word": _row(5, [21, 40])}),
        accept(
            "white as fast as may be",
            "DSG-007",
            {"word": word({**BODY, 2: 100, 4: [[FULL] * 3] * 5, 5: [[38, 255]] * 5})},
        ),
    ]
    return rows + [reject(name, req, {"word": given}) for name, req, given in REJECTED]
