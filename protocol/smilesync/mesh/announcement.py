"""What a DNS-SD record may say: that something is here, and a tag only members can read.

SPEC section Discovery. A record is a hint and nothing more; who is there decides in the
handshake. It never names a person, a circle, an emotion or a long-term key, so that a listener
cannot follow anybody: name and nonce are random and short-lived.
"""

import hmac

from smilesync.config import SECOND_NS
from smilesync.entropy import Entropy

SERVICE_TYPE = "_smilesync._udp"
DEFAULT_PORT = 7412
WIRE_VERSION = "1"
NONCE_SIZE_BYTES = 8
TAG_SIZE_BYTES = 8

LONELY_INTERVAL_NS = 5 * SECOND_NS
SETTLED_INTERVAL_NS = 60 * SECOND_NS
_NS_PER_US = 1_000


def instance_name(entropy: Entropy) -> str:
    """Return a fresh DNS-SD instance name: 12 random hexadecimal digits, new at every boot."""
    return entropy.draw(6).hex()


def text_record(gate_key: bytes, entropy: Entropy) -> dict[str, str]:
    """Return the keys and values of one announcement; call it anew for each one."""
    nonce = entropy.draw(NONCE_SIZE_BYTES)
    return {"v": WIRE_VERSION, "n": nonce.hex(), "t": _tag(gate_key, nonce).hex()}


def is_worth_dialling(record: dict[str, str], gate_keys: tuple[bytes, ...]) -> bool:
    """Return whether a record speaks our version and its sender holds one of `gate_keys`."""
    if record.get("v") != WIRE_VERSION:
        return False
    try:
        nonce = bytes.fromhex(record.get("n", ""))
        tag = bytes.fromhex(record.get("t", ""))
    except ValueError:
        return False
    if len(nonce) != NONCE_SIZE_BYTES:
        return False
    return any(hmac.compare_digest(tag, _tag(key, nonce)) for key in gate_keys)


def next_announcement_ns(now_ns: int, entropy: Entropy, *, has_session: bool) -> int:
    """Return when to announce again: often while alone, give or take a fifth."""
    interval_ns = SETTLED_INTERVAL_NS if has_session else LONELY_INTERVAL_NS
    spread_us = 2 * interval_ns // 5 // _NS_PER_US
    return now_ns + interval_ns - interval_ns // 5 + entropy.below(spread_us + 1) * _NS_PER_US


def _tag(gate_key: bytes, nonce: bytes) -> bytes:
    return hmac.digest(gate_key, nonce, "sha256")[:TAG_SIZE_BYTES]
