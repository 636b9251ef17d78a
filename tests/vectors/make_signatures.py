"""Signature vectors: what honest signers make, and what only an attacker would."""

from collections.abc import Callable

from vectors import edwards
from vectors.writing import Case, accept, reject

RFC_SEEDS = [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", ""),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82"),
]
SEED = bytes(range(32))
NONCE = 0x5EED
ALL_IN_FORM = "SIG-001 SIG-002 SIG-003 SIG-004 SIG-005 SIG-006"


def cases() -> list[Case]:
    return [
        *_honest(),
        *_wrong_sizes_and_scalars(),
        *_small_order_keys(),
        *_small_order_nonces(),
        *_unreduced_points(),
        *_mixed_order(),
        *_plain_forgeries(),
    ]


def _public() -> bytes:
    return edwards.encode(edwards.times(edwards.secret_scalar(SEED), edwards.BASE))


def _given(public: bytes, data: bytes, signature: bytes) -> dict[str, bytes]:
    return {"public": public, "data": data, "signature": signature}


def _honest() -> list[Case]:
    cases = []
    for number, (seed, data) in enumerate(RFC_SEEDS, 1):
        secret, message = bytes.fromhex(seed), bytes.fromhex(data)
        public = edwards.encode(edwards.times(edwards.secret_scalar(secret), edwards.BASE))
        given = _given(public, message, edwards.sign(secret, message)) | {"seed": secret}
        reqs = f"SIG-007 SIG-008 IDN-001 {ALL_IN_FORM}"
        cases.append(accept(f"RFC 8032 7.1 test {number}", reqs, given))
    return cases


def _wrong_sizes_and_scalars() -> list[Case]:
    public, data = _public(), b"size"
    good = edwards.sign(SEED, data)
    s = int.from_bytes(good[32:], "little")

    def with_scalar(scalar: int) -> bytes:
        return good[:32] + scalar.to_bytes(32, "little")

    return [
        reject("no signature", "SIG-001", _given(public, data, b"")),
        reject("signature of 63 bytes", "SIG-001", _given(public, data, good[:63])),
        reject("signature of 65 bytes", "SIG-001", _given(public, data, good + b"\0")),
        reject("S + L", "SIG-002", _given(public, data, with_scalar(s + edwards.L))),
        reject("S = L", "SIG-002", _given(public, data, with_scalar(edwards.L))),
        reject("highest bit of S set", "SIG-002", _given(public, data, with_scalar(s | 1 << 255))),
        reject("key of 31 bytes", "SIG-003", _given(public[:31], data, good)),
        reject("key of 33 bytes", "SIG-003", _given(public + b"\0", data, good)),
        reject("no key", "SIG-003", _given(b"", data, good)),
    ]


def _small_encodings() -> list[tuple[str, bytes]]:
    """Return each way to write a point of small order, the ways that are not reduced last."""
    rows = []
    for index, point in enumerate(edwards.torsion()):
        rows.append((f"{index} of 8", edwards.encode(point)))
    for name, y in (("y = 1", 1), ("y = -1", edwards.P - 1)):
        rows.append((f"{name} with the sign of a point that is not there", _with_sign(y)))
    return rows


def _with_sign(y: int) -> bytes:
    return (y | 1 << 255).to_bytes(32, "little")


def _small_order_keys() -> list[Case]:
    rows = []
    for name, public in _small_encodings():
        data, signature = _search(public, lambda hashed: hashed % 8 == 0)
        note = "S B = R + h A holds where the key's encoding is taken at all"
        rows.append(
            reject(f"small order key {name}", "SIG-004", _given(public, data, signature), note=note)
        )
    return rows


def _search(public: bytes, wanted: Callable[[int], bool]) -> tuple[bytes, bytes]:
    """Return data and signature with R = NONCE B, S = NONCE whose challenge is as wanted."""
    r = edwards.encode(edwards.times(NONCE, edwards.BASE))
    counter = 0
    while True:
        data = b"pulse %d" % counter
        if wanted(edwards.challenge(r, public, data)):
            return data, r + NONCE.to_bytes(32, "little")
        counter += 1


def _small_order_nonces() -> list[Case]:
    public, data, a = _public(), b"nonce", edwards.secret_scalar(SEED)
    rows = []
    for name, r in _small_encodings():
        s = edwards.challenge(r, public, data) * a % edwards.L
        given = _given(public, data, r + s.to_bytes(32, "little"))
        rows.append(reject(f"small order R {name}", "SIG-006", given, note="8 S B = 8 R + 8 h A"))
    return rows


def _unreduced_points() -> list[Case]:
    """Write points with y + p in place of y, which only y < 19 leaves room for."""
    public, data, a = _public(), b"unreduced", edwards.secret_scalar(SEED)
    rows = []
    for y in (0, 1, 3, 18):
        for sign in (0, 1):
            encoding = (edwards.P + y | sign << 255).to_bytes(32, "little")
            name = f"y = {y} + p, sign {sign}"
            key_data, signature = _search(encoding, lambda hashed: hashed % 8 == 0)
            rows.append(reject(f"key {name}", "SIG-003", _given(encoding, key_data, signature)))
            s = edwards.challenge(encoding, public, data) * a % edwards.L
            given = _given(public, data, encoding + s.to_bytes(32, "little"))
            rows.append(reject(f"R {name}", "SIG-005", given))
    return rows


def _mixed_order() -> list[Case]:
    """Make keys and nonces with a part of order 8: cofactored verifiers take all of them."""
    a, twist = edwards.secret_scalar(SEED), edwards.torsion()[1]
    public = edwards.encode(edwards.add(edwards.times(a, edwards.BASE), twist))
    rows = []
    for name, is_multiple in (("multiple of 8", True), ("no multiple of 8", False)):
        r = edwards.encode(edwards.times(NONCE, edwards.BASE))
        data = _data_for(public, is_multiple)
        s = (NONCE + edwards.challenge(r, public, data) * a) % edwards.L
        given = _given(public, data, r + s.to_bytes(32, "little"))
        title = f"key of mixed order, challenge {name}"
        rows.append(
            accept(title, "SIG-007", given, note="the equation holds without cofactor")
            if is_multiple
            else reject(title, "SIG-007", given, note="holds only when multiplied by 8")
        )
    r = edwards.encode(edwards.add(edwards.times(NONCE, edwards.BASE), twist))
    s = (NONCE + edwards.challenge(r, _public(), b"twist") * a) % edwards.L
    given = _given(_public(), b"twist", r + s.to_bytes(32, "little"))
    note = "holds only when multiplied by 8"
    return [*rows, reject("R of mixed order", "SIG-007", given, note=note)]


def _data_for(public: bytes, is_multiple: bool) -> bytes:
    return _search(public, lambda hashed: (hashed % 8 == 0) == is_multiple)[0]


def _plain_forgeries() -> list[Case]:
    public, data = _public(), b"smile"
    good = edwards.sign(SEED, data)
    flipped = bytes([good[0] ^ 1]) + good[1:]
    off_curve = next(
        encoding
        for y in range(2, 100)
        if edwards.decode(encoding := y.to_bytes(32, "little")) is None
    )
    return [
        reject("other data", "SIG-007", _given(public, b"frown", good)),
        reject("one bit of R", "SIG-007", _given(public, data, flipped)),
        reject("S = 0", "SIG-007", _given(public, data, good[:32] + bytes(32))),
        reject("key off the curve", "SIG-007", _given(off_curve, data, good)),
    ]
