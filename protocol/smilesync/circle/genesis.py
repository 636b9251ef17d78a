"""The birth of a circle: who its voters are and which parameters they share.

A genesis is immutable; its hash is the circle's id. It lists founder cards: each binds a voter
key to an identity, signed by both keys, so that nobody can be listed with a key they do not hold.
Source: SPEC section Genesis.
"""

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum

from smilesync.circle.lineage import Lineage, call_of, pledge_bytes
from smilesync.circle.roster import Roster, Seat
from smilesync.errors import Malformed, Unauthentic
from smilesync.ids import (
    KEY_SIZE_BYTES,
    SIGNATURE_SIZE_BYTES,
    CircleId,
    PeerId,
    ValueHash,
    VoterKey,
)
from smilesync.keys import Signer, Verifier
from smilesync.wire import cbor
from smilesync.wire.envelope import Domain, signed_bytes
from smilesync.wire.fields import Fields

GENESIS_DOMAIN = Domain.GENESIS + b"\0"
GENESIS_VERSION = 1
VOTERS_MAX = 64
"""No circle has more: a bitmap of its voters is eight bytes."""
VOTERS_USUAL_MAX = 22
"""What a circle is founded with, and grows to: its certificates, 15 signatures, fit a datagram."""
LEASE_US_MAX = 16_000_000
"""The longest a decided value may be shown, however often it was renewed."""
GENESIS_SIZE_BYTES_MAX = 16_384
CARD_PREFIX = "smilecard1"


class Policy(IntEnum):
    """Who may become a voter after the founding."""

    CLOSED = 0
    """Nobody: the founders are the voters for ever."""
    OPEN = 1
    """Whoever is here for a while."""
    INVITE = 2
    """Whom a voter invites."""
    STEWARD = 3
    """Whom the steward's key certifies."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What all devices of a circle must share. Units: us of circle time."""

    tolerance_us: int = 40_000
    """eps: how far apart two clocks may be; the guard g is half of it."""
    lease_us: int = 4_000_000
    """L0: how long a decided value may be shown, unless it renews the one before."""
    window_us: int = 1_500_000
    """W: how long before the end of a lease its successor is being decided."""
    lead_us: int = 300_000
    """How far ahead of now a fresh value starts at the earliest."""
    is_strict: bool = False
    """Circles of up to 3 need every voter."""
    policy: Policy = Policy.CLOSED
    steward: bytes | None = None
    """The steward's public key, exactly with that policy."""

    @property
    def guard_us(self) -> int:
        return self.tolerance_us // 2


# Key, lowest and highest value of each parameter in the genesis map; the order is the encoding's.
PARAMETER_RANGES_US = {
    "tolerance_us": (4, 1_000, 1_000_000),
    "lease_us": (5, 2_000_000, LEASE_US_MAX),
    "window_us": (6, 500_000, 4_000_000),
    "lead_us": (7, 50_000, 1_000_000),
}


@dataclass(frozen=True, slots=True)
class FounderCard:
    """A device's offer to be a voter: its identity, its voter key, and both signatures."""

    identity: PeerId
    voter: VoterKey
    identity_signature: bytes
    voter_signature: bytes

    def verify(self, verifier: Verifier) -> None:
        """Raise Unauthentic unless both keys signed the binding."""
        self.verify_over(_card_bytes(self.identity, self.voter), verifier)

    def verify_over(self, data: bytes, verifier: Verifier) -> None:
        """Raise Unauthentic unless both keys signed `data`."""
        for key, signature in (
            (self.identity, self.identity_signature),
            (self.voter, self.voter_signature),
        ):
            if not verifier.verify(key, data, signature):
                raise Unauthentic("GEN-004", "a founder card's signature does not verify")

    def text(self) -> str:
        """Return the card as one word a person can copy."""
        return CARD_PREFIX + cbor.encode(_card_fields(self)).hex()


def make_card(identity: Signer, voter: Signer) -> FounderCard:
    """Return the founder card of a device that holds both keys."""
    data = _card_bytes(PeerId(identity.public), VoterKey(voter.public))
    return FounderCard(
        identity=PeerId(identity.public),
        voter=VoterKey(voter.public),
        identity_signature=identity.sign(data),
        voter_signature=voter.sign(data),
    )


def card_from_text(text: str) -> FounderCard:
    """Parse what `FounderCard.text` wrote; raises Malformed."""
    if not text.startswith(CARD_PREFIX):
        raise Malformed("GEN-003", f"a founder card starts with {CARD_PREFIX}")
    try:
        data = bytes.fromhex(text[len(CARD_PREFIX) :])
    except ValueError:
        raise Malformed("GEN-003", "a founder card is hexadecimal after its prefix") from None
    return _card(cbor.decode(data))


@dataclass(frozen=True, slots=True)
class Genesis:
    """The founders, in ascending order of voter key (the roster order), and the parameters.

    What follows from it is computed at once, and a city's devices share it.
    """

    nonce: bytes
    founders: tuple[FounderCard, ...]
    parameters: Parameters = Parameters()
    lineage: Lineage | None = None
    """What the circle succeeds; its founders then signed the call for it."""
    circle_id: CircleId = field(init=False, repr=False, compare=False)
    roster: Roster = field(init=False, repr=False, compare=False)
    """The voters of slot 1."""

    def __post_init__(self) -> None:
        name = circle_id_of(self.encode())
        seats = [Seat(card.voter, card.identity) for card in self.founders]
        roster = Roster(name, seats, is_strict=self.parameters.is_strict)
        object.__setattr__(self, "circle_id", name)
        object.__setattr__(self, "roster", roster)

    def encode(self) -> bytes:
        """Return the canonical bytes, whose hash is the circle id."""
        fields: dict[int, cbor.CborValue] = {
            0: GENESIS_VERSION,
            1: self.nonce,
            2: [_card_fields(card) for card in self.founders],
            3: self.parameters.is_strict,
        }
        for name, (key, _, _) in PARAMETER_RANGES_US.items():
            fields[key] = getattr(self.parameters, name)
        if self.parameters.policy is not Policy.CLOSED:
            fields[8] = int(self.parameters.policy)
        if self.parameters.steward is not None:
            fields[9] = self.parameters.steward
        if self.lineage is not None:
            fields[10] = [self.lineage.circle, self.lineage.head]
        return cbor.encode(fields)


def circle_id_of(genesis: bytes) -> CircleId:
    """Return the id of the circle with this encoded genesis."""
    return CircleId(hashlib.sha256(GENESIS_DOMAIN + genesis).digest())


def found(
    cards: tuple[FounderCard, ...],
    nonce: bytes,
    parameters: Parameters | None = None,
    *,
    voters_max: int = VOTERS_USUAL_MAX,
    lineage: Lineage | None = None,
) -> Genesis:
    """Return the genesis of a new circle; raises Malformed on too many or repeated founders.

    Above `VOTERS_USUAL_MAX`, and up to `VOTERS_MAX`, only for who says so: votes cost n squared.
    The cards' signatures are tested by whoever decodes it; `FounderCard.verify` does so before.
    """
    ordered = tuple(sorted(cards, key=lambda card: card.voter))
    _check_founders(ordered, voters_max)
    return Genesis(nonce, ordered, parameters or Parameters(), lineage)


def decode_genesis(data: bytes, verifier: Verifier) -> Genesis:
    """Parse and verify a genesis; raises Malformed or Unauthentic with the rule broken."""
    fields = cbor.decode(data, limit_bytes=GENESIS_SIZE_BYTES_MAX)
    if not isinstance(fields, dict) or fields.keys() - {8, 9, 10} != set(range(8)):
        raise Malformed("GEN-001", "a genesis is a map of the keys 0 to 7, maybe 8, 9 and 10")
    if fields[0] is True or fields[0] != GENESIS_VERSION:
        raise Malformed("GEN-001", f"genesis version {fields[0]!r}, expected {GENESIS_VERSION}")
    nonce, listed, is_strict = fields[1], fields[2], fields[3]
    if not isinstance(nonce, bytes) or len(nonce) != 32:
        raise Malformed("GEN-001", "the nonce (key 1) is 32 bytes")
    if not isinstance(listed, list):
        raise Malformed("GEN-001", "the founders (key 2) are an array")
    founders = tuple(_card(item) for item in listed)
    _check_founders(founders)
    if not isinstance(is_strict, bool):
        raise Malformed("GEN-001", "strict (key 3) is true or false")
    lineage = _lineage(fields[10]) if 10 in fields else None
    genesis = Genesis(nonce, founders, _parameters(fields, is_strict), lineage)
    _verify_cards(genesis, verifier)
    return genesis


def _verify_cards(genesis: Genesis, verifier: Verifier) -> None:
    """Raise Unauthentic unless every founder signed: its card, or the call for a successor."""
    if genesis.lineage is None:
        for card in genesis.founders:
            card.verify(verifier)
        return
    identities = [card.identity for card in genesis.founders]
    call = call_of(genesis.lineage, genesis.nonce, identities)
    for card in genesis.founders:
        card.verify_over(pledge_bytes(call, card.identity, card.voter), verifier)


def _lineage(item: cbor.CborValue) -> Lineage:
    fields = Fields.of_array(item, 2, "SUC-007")
    circle = CircleId(fields.sized(0, KEY_SIZE_BYTES))
    return Lineage(circle, ValueHash(fields.sized(1, KEY_SIZE_BYTES)))


def _parameters(fields: dict[int, cbor.CborValue], is_strict: bool) -> Parameters:
    values: dict[str, int] = {}
    for name, (key, low, high) in PARAMETER_RANGES_US.items():
        value = fields[key]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Malformed("GEN-005", f"{name} (key {key}) is an integer from {low} to {high}")
        values[name] = value
    if values["window_us"] >= values["lease_us"]:
        raise Malformed("GEN-005", "window_us (key 6) is shorter than lease_us (key 5)")
    policy, steward = _policy(fields)
    return Parameters(is_strict=is_strict, policy=policy, steward=steward, **values)


def _policy(fields: dict[int, cbor.CborValue]) -> tuple[Policy, bytes | None]:
    policy, steward = fields.get(8, Policy.CLOSED), fields.get(9)
    is_known = type(policy) is int and Policy.OPEN <= policy <= Policy.STEWARD
    if 8 in fields and not is_known:
        raise Malformed("MEM-002", "the policy (key 8) is 1, 2 or 3, or absent")
    has_key = isinstance(steward, bytes) and len(steward) == KEY_SIZE_BYTES
    if has_key is not (policy == Policy.STEWARD) or (9 in fields) is not has_key:
        raise Malformed("MEM-002", "the steward's key (key 9) is 32 bytes, exactly with policy 3")
    assert isinstance(policy, int)
    return Policy(policy), steward if isinstance(steward, bytes) else None


def _check_founders(founders: tuple[FounderCard, ...], voters_max: int = VOTERS_MAX) -> None:
    if not 1 <= len(founders) <= voters_max:
        raise Malformed("GEN-002", f"a genesis lists 1 to {voters_max} founders (key 2)")
    voters = [card.voter for card in founders]
    if voters != sorted(set(voters)):
        raise Malformed("GEN-002", "founders are listed by strictly ascending voter key")
    if len({card.identity for card in founders}) != len(founders):
        raise Malformed("GEN-002", "every founder has an identity of its own")


def _card_fields(card: FounderCard) -> list[cbor.CborValue]:
    return [card.identity, card.voter, card.identity_signature, card.voter_signature]


def _card(item: cbor.CborValue) -> FounderCard:
    sizes = (KEY_SIZE_BYTES, KEY_SIZE_BYTES, SIGNATURE_SIZE_BYTES, SIGNATURE_SIZE_BYTES)
    if not isinstance(item, list) or len(item) != len(sizes):
        raise Malformed("GEN-003", "a founder card is an array of four byte strings")
    parts: list[bytes] = []
    for part, size in zip(item, sizes, strict=True):
        if not isinstance(part, bytes) or len(part) != size:
            raise Malformed("GEN-003", f"a founder card's parts are {sizes} bytes long")
        parts.append(part)
    return FounderCard(PeerId(parts[0]), VoterKey(parts[1]), parts[2], parts[3])


def _card_bytes(identity: PeerId, voter: VoterKey) -> bytes:
    body = cbor.encode({1: identity, 2: voter})
    return signed_bytes(Domain.VOTER_KEY, body)
