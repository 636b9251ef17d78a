"""Ed25519 in plain integers, straight from RFC 8032: slow, and independent of any library.

It makes the signatures that honest signers never make, and judges all of them by the strict rule
of SPEC section Signatures, so that vectors and verifier are checked against a second opinion.
"""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z."""

NEUTRAL: Point = (0, 1, 1, 0)


def add(first: Point, second: Point) -> Point:
    """Add two points (RFC 8032 5.1.4)."""
    a = (first[1] - first[0]) * (second[1] - second[0]) % P
    b = (first[1] + first[0]) * (second[1] + second[0]) % P
    c = 2 * first[3] * second[3] * D % P
    d = 2 * first[2] * second[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    """Multiply a point by a non-negative integer."""
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def negate(point: Point) -> Point:
    return -point[0] % P, point[1], point[2], -point[3] % P


def encode(point: Point) -> bytes:
    """Return the canonical 32 bytes of a point."""
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data: bytes) -> Point | None:
    """Return the point with these bytes as RFC 8032 5.1.3 decodes them, None if there is none."""
    whole = int.from_bytes(data, "little")
    sign, y = whole >> 255, whole & (1 << 255) - 1
    if y >= P:
        return None
    x = _x_of(y)
    if x is None or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _x_of(y: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    return None if (x * x - square) % P else x


def _base() -> Point:
    x = _x_of(4 * pow(5, -1, P) % P)
    assert x is not None
    y = 4 * pow(5, -1, P) % P
    x = P - x if x & 1 else x
    return x, y, 1, x * y % P


BASE = _base()


def torsion() -> list[Point]:
    """Return the eight points whose order divides 8, as multiples of one of order 8."""
    y = 2
    while True:
        candidate = decode(y.to_bytes(32, "little"))
        y += 1
        if candidate is None:
            continue
        generator = times(L, candidate)
        if encode(times(4, generator)) != encode(NEUTRAL):
            return [times(index, generator) for index in range(8)]


def secret_scalar(seed: bytes) -> int:
    """Return the private scalar of a 32-byte seed (RFC 8032 5.1.5)."""
    whole = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    return (whole & (1 << 254) - 8) | 1 << 254


def challenge(r: bytes, public: bytes, data: bytes) -> int:
    """Return the hash of RFC 8032 5.1.7 step 2, as an integer below L."""
    return int.from_bytes(hashlib.sha512(r + public + data).digest(), "little") % L


def sign(seed: bytes, data: bytes) -> bytes:
    """Return the RFC 8032 signature."""
    a = secret_scalar(seed)
    public = encode(times(a, BASE))
    prefix = hashlib.sha512(seed).digest()[32:]
    nonce = int.from_bytes(hashlib.sha512(prefix + data).digest(), "little") % L
    r = encode(times(nonce, BASE))
    return r + ((nonce + challenge(r, public, data) * a) % L).to_bytes(32, "little")


def fault(public: bytes, data: bytes, signature: bytes) -> str | None:
    """Return the first requirement of SPEC section Signatures that is broken, None if all hold."""
    if len(signature) != 64:
        return "SIG-001"
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= L:
        return "SIG-002"
    if len(public) != 32 or _y(public) >= P:
        return "SIG-003"
    small = {_y(encode(point)) for point in torsion()}
    if _y(public) in small:
        return "SIG-004"
    if _y(r) >= P:
        return "SIG-005"
    if _y(r) in small:
        return "SIG-006"
    a = decode(public)
    if a is None:
        return "SIG-007"
    expected = add(times(s, BASE), negate(times(challenge(r, public, data), a)))
    return None if encode(expected) == r else "SIG-007"


def _y(encoding: bytes) -> int:
    return int.from_bytes(encoding, "little") & (1 << 255) - 1
