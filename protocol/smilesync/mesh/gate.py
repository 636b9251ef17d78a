"""Who may make us work: the keyed mark on a first packet, cookies under load, a token bucket.

SPEC section Link. A device is silent to a first packet without a valid `mac1`, so that nobody
without the gate key learns that it is there. No wall clock is used: a Raspberry Pi has none
after a blackout, so freshness comes from the handshake itself.
"""

import hashlib
import hmac

from smilesync.config import SECOND_NS
from smilesync.entropy import Entropy
from smilesync.errors import Unwelcome
from smilesync.ids import Address, CircleId
from smilesync.mesh.config import LinkConfig
from smilesync.wire import frame
from smilesync.wire.envelope import Domain

_SECRET_SIZE_BYTES = 32

OPEN_GATE_KEY = hashlib.sha256(Domain.OPEN).digest()
"""The gate key of devices that chose to answer everybody."""


def circle_gate_key(circle: CircleId) -> bytes:
    """Return the gate key by which members of a circle find each other's link (DRV-002)."""
    return hashlib.sha256(Domain.GATE + b"\x00" + circle).digest()


class Gate:
    """Checks first packets before any key exchange, and marks our own.

    `gate_keys`: all that open it; an own first packet is marked with one after the other.
    """

    def __init__(self, config: LinkConfig, gate_keys: tuple[bytes, ...], entropy: Entropy) -> None:
        self._config = config
        self._gate_keys = gate_keys
        self._entropy = entropy
        self._secrets = (entropy.draw(_SECRET_SIZE_BYTES), entropy.draw(_SECRET_SIZE_BYTES))
        self._secret_until_ns = 0
        self._tokens_ns = config.hello_burst * SECOND_NS // config.hello_rate_per_s
        self._tokens_max_ns = self._tokens_ns
        self._token_cost_ns = SECOND_NS // config.hello_rate_per_s
        self._refilled_ns = 0

    def admit(self, gate_keys: tuple[bytes, ...]) -> None:
        """Open to other gate keys from now on."""
        self._gate_keys = gate_keys

    def stamp(self, rest: bytes, cookie: bytes, turn: int = 0) -> bytes:
        """Return a first packet around version list and Noise message, with nonce and mac1.

        `turn` counts the handshakes that were begun with somebody: each has the next key.
        """
        gate_key = self._gate_keys[turn % len(self._gate_keys)]
        nonce = self._entropy.draw(frame.NONCE_SIZE_BYTES)
        unmarked = frame.pack_hello(nonce, bytes(frame.MAC1_SIZE_BYTES), cookie=cookie, rest=rest)
        return frame.pack_hello(nonce, _mac1(gate_key, unmarked), cookie=cookie, rest=rest)

    def check(self, datagram: bytes) -> None:
        """Raise Unwelcome LNK-010 unless a first packet of any version has a valid mac1."""
        _nonce, mac1 = frame.mac1_fields(datagram)
        if not any(hmac.compare_digest(mac1, _mac1(key, datagram)) for key in self._gate_keys):
            raise Unwelcome("LNK-010", "first packet without the mark of our gate key")

    def cookie(self, source: Address, now_ns: int) -> bytes:
        """Return the cookie that `source` has to send back; nothing is remembered."""
        self._rotate(now_ns)
        return _cookie(self._secrets[0], source)

    def is_cookie_valid(self, cookie: bytes, source: Address, now_ns: int) -> bool:
        """Return whether we gave `source` this cookie within the last two secrets."""
        self._rotate(now_ns)
        if cookie == frame.NO_COOKIE:
            return False
        expected = [_cookie(secret, source) for secret in self._secrets]
        return any(hmac.compare_digest(cookie, each) for each in expected)

    def take_token(self, now_ns: int) -> bool:
        """Return whether one more key exchange is affordable, and pay for it."""
        gained_ns = now_ns - self._refilled_ns
        self._refilled_ns = now_ns
        self._tokens_ns = min(self._tokens_max_ns, self._tokens_ns + gained_ns)
        if self._tokens_ns < self._token_cost_ns:
            return False
        self._tokens_ns -= self._token_cost_ns
        return True

    def _rotate(self, now_ns: int) -> None:
        """Renew the secret; after a long pause both, since the older one is then too old."""
        lifetime_ns = self._config.cookie_secret_lifetime_ns
        if now_ns < self._secret_until_ns:
            return
        is_stale = now_ns >= self._secret_until_ns + lifetime_ns
        older = self._entropy.draw(_SECRET_SIZE_BYTES) if is_stale else self._secrets[0]
        self._secrets = (self._entropy.draw(_SECRET_SIZE_BYTES), older)
        self._secret_until_ns = now_ns + lifetime_ns


def _cookie(secret: bytes, source: Address) -> bytes:
    host, port = source
    bound = host.encode() + b"\x00" + port.to_bytes(4, "big")
    return hmac.digest(secret, bound, "sha256")[: frame.COOKIE_SIZE_BYTES]


def _mac1(gate_key: bytes, datagram: bytes) -> bytes:
    return hmac.digest(gate_key, frame.mac1_input(datagram), "sha256")[: frame.MAC1_SIZE_BYTES]
