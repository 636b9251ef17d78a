"""What decided values say of themselves, read once for all checks: a whole circle has the same one.

Read apart from the core, but for the encoding.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from smilesim.equals import shared
from smilesync.errors import Malformed
from smilesync.ids import ValueHash
from smilesync.wire import cbor

READ_MAX = 1 << 12
KEY_SLOT, KEY_PARENT, KEY_NOT_BEFORE, KEY_NOT_AFTER, KEY_PATTERN, KEY_START = range(6)
KEY_INPUTS, KEY_ROSTER, KEY_LINK, KEYS_OF_CHANGES = 9, 10, 12, (13, 14, 15, 16, 17, 18)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a decided body says of itself. Units: circle us."""

    slot: int
    hash: bytes
    parent: bytes
    not_before_us: int
    not_after_us: int
    pattern: bytes
    start_us: int
    roster_hash: bytes
    has_changes: bool
    has_link: bool
    inputs: tuple[int, ...]
    """How many feel each state, as published; empty where nothing is."""


def hashed(body: bytes) -> ValueHash:
    """Return the name of a value, as SPEC section Values says."""
    return ValueHash(hashlib.sha256(b"smilesync/1/value\0" + body).digest())


@lru_cache(READ_MAX)
def read_decision(body: bytes) -> Decision | None:
    """Return what a decided value says, None if it cannot be read; the whole circle has it."""
    try:
        fields = cbor.decode(body)
    except Malformed:
        return None
    if not isinstance(fields, dict):
        return None
    slot, parent, pattern = fields.get(KEY_SLOT), fields.get(KEY_PARENT), fields.get(KEY_PATTERN)
    not_before, not_after = fields.get(KEY_NOT_BEFORE), fields.get(KEY_NOT_AFTER)
    start, roster = fields.get(KEY_START), fields.get(KEY_ROSTER)
    inputs = fields.get(KEY_INPUTS, [])
    if not isinstance(slot, int) or not isinstance(not_before, int):
        return None
    if not isinstance(parent, bytes) or not isinstance(pattern, bytes):
        return None
    if not isinstance(not_after, int) or not_after <= not_before:
        return None
    if not isinstance(start, int) or not isinstance(roster, bytes):
        return None
    if not isinstance(inputs, list) or not all(isinstance(count, int) for count in inputs):
        return None
    counts = tuple(int(count) for count in inputs if isinstance(count, int))
    return Decision(
        slot,
        hash=shared(hashed(body)),
        parent=shared(parent),
        not_before_us=not_before,
        not_after_us=not_after,
        pattern=shared(pattern),
        start_us=start,
        roster_hash=shared(roster),
        has_changes=any(key in fields for key in KEYS_OF_CHANGES),
        has_link=KEY_LINK in fields,
        inputs=counts,
    )


def named(body: bytes) -> bytes:
    """Return the name of a value, which is known of one that was read."""
    decision = read_decision(body)
    return hashed(body) if decision is None else decision.hash
