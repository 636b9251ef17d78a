"""The seed that orders leaders and those who wait for a seat: promised first, shown later.

Slots are counted in epochs of 32. In the first 24 of one a leader may commit to the end of a chain
of hashes; in the last 8 a leader that has committed shows the link before the one shown last. The
links shown make the seed of the next epoch: nobody knows it before, and who leads last can only
withhold, which is one bit. Whoever came too late to have a key made for it is drawn in the next.
Source: SPEC section Membership (ROT-001 to ROT-006).
"""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from smilesync.circle.roster import Roster
from smilesync.errors import Malformed
from smilesync.ids import KEY_SIZE_BYTES, CircleId, VoterKey
from smilesync.keys import Signer
from smilesync.wire.cbor import CborValue
from smilesync.wire.envelope import Domain
from smilesync.wire.fields import Fields

EPOCH_SLOTS = 32
COMMIT_SLOTS = 24
ANCHORS_MAX = 22
LINKS = 1_024
"""Length of a chain: a new one is committed to when it has been shown to its beginning."""
SEED_DOMAIN = Domain.SEED + b"\0"
REVEAL_DOMAIN = Domain.REVEAL + b"\0"
KNOWN_CHAINS = 32


class Reveal(NamedTuple):
    """What the leader at this place of the slot's roster commits to, or shows."""

    place: int
    link: bytes


class Anchor(NamedTuple):
    """The last link known of a voter's chain, and the slot in which it committed to it."""

    voter: VoterKey
    link: bytes
    slot: int


@dataclass(frozen=True, slots=True)
class Draw:
    """`seed` is empty before the first epoch with a link shown; `mix` is made of those shown now.

    `start_us`: when this epoch began; `eligible_us`: who waits since before takes part with `seed`.
    """

    seed: bytes = b""
    mix: bytes = b""
    eligible_us: int = 0
    start_us: int = 0
    anchors: tuple[Anchor, ...] = ()

    def anchor(self, voter: bytes) -> Anchor | None:
        """Return what is known of a voter's chain."""
        return next((one for one in self.anchors if one.voter == voter), None)

    def rank(self, voter: bytes) -> bytes:
        """Return where somebody comes among those who are drawn: the lowest first."""
        return hashlib.sha256(self.seed + voter).digest()

    def fields(self) -> CborValue:
        """Return what a state says of it."""
        anchors: list[CborValue] = [list(one) for one in self.anchors]
        return [self.seed, self.mix, self.eligible_us, self.start_us, anchors]


def draw_of(item: CborValue, rule: str) -> Draw:
    """Return what a state says of its draw. Errors: Malformed (`rule`)."""
    fields = Fields.of_array(item, 5, rule)
    seed, mix = _link_or_none(fields, 0, rule), _link_or_none(fields, 1, rule)
    listed = fields.item(4)
    if not isinstance(listed, list) or len(listed) > ANCHORS_MAX:
        raise Malformed(rule, f"a draw lists at most {ANCHORS_MAX} chains")
    anchors = [Fields.of_array(one, 3, rule) for one in listed]
    return Draw(
        seed,
        mix,
        fields.uint(2),
        fields.uint(3),
        tuple(
            Anchor(VoterKey(a.sized(0, KEY_SIZE_BYTES)), a.sized(1, KEY_SIZE_BYTES), a.uint(2))
            for a in anchors
        ),
    )


def reveal_of(item: CborValue) -> Reveal:
    """Return what key 12 of a value says. Errors: Malformed (ROT-001)."""
    fields = Fields.of_array(item, 2, "ROT-001")
    return Reveal(fields.uint(0), fields.sized(1, KEY_SIZE_BYTES))


def after_slot(
    draw: Draw | None, reveal: Reveal | None, slot: int, at_us: int, rosters: tuple[Roster, Roster]
) -> Draw | None:
    """Return the draw after a value of `slot` that begins at `at_us`.

    `rosters`: that of the slot and of the one after. Errors: Malformed for a link that is not the
    one before the last (ROT-003), or of nobody (ROT-002).
    """
    if draw is None and reveal is None:
        return None
    draw = draw or Draw(start_us=at_us)
    if reveal is not None:
        draw = _shown(draw, reveal, slot, rosters[0])
    seated = tuple(one for one in draw.anchors if one.voter in rosters[1].voters)
    draw = replace(draw, anchors=seated[-ANCHORS_MAX:])
    if slot % EPOCH_SLOTS < EPOCH_SLOTS - 1:
        return draw
    if not draw.mix:
        return replace(draw, start_us=at_us)
    seed = hashlib.sha256(SEED_DOMAIN + rosters[0].circle + draw.mix).digest()
    return Draw(seed, b"", draw.start_us, at_us, draw.anchors)


def is_committing(slot: int) -> bool:
    """Is it a slot in which leaders commit, and show nothing?"""
    return slot % EPOCH_SLOTS < COMMIT_SLOTS


def next_reveal(
    draw: Draw | None, slot: int, me: int, signer: Signer, circle: CircleId
) -> Reveal | None:
    """Return what this voter commits to or shows as leader of `slot`, None if nothing."""
    anchor = draw.anchor(signer.public) if draw is not None else None
    if is_committing(slot):
        is_new = anchor is None or _before(anchor, signer, circle) is None
        return Reveal(me, _chain(signer, circle, slot)[-1]) if is_new else None
    link = _before(anchor, signer, circle) if anchor is not None else None
    return Reveal(me, link) if link is not None else None


def _shown(draw: Draw, reveal: Reveal, slot: int, roster: Roster) -> Draw:
    if reveal.place >= roster.size:
        raise Malformed("ROT-002", "a link of a member that the roster does not have")
    voter = roster.voters[reveal.place]
    others = tuple(one for one in draw.anchors if one.voter != voter)
    if is_committing(slot):
        return replace(draw, anchors=(*others, Anchor(voter, reveal.link, slot)))
    anchor = draw.anchor(voter)
    if anchor is None or hashlib.sha256(reveal.link).digest() != anchor.link:
        raise Malformed("ROT-003", "a link that is not the one before the last")
    shown = anchor._replace(link=reveal.link)
    mix = hashlib.sha256(draw.mix + reveal.link).digest()
    return replace(draw, mix=mix, anchors=(*others, shown))


def _before(anchor: Anchor, signer: Signer, circle: CircleId) -> bytes | None:
    """Return the link before the one that was shown last, None if there is none."""
    chain = _chain(signer, circle, anchor.slot)
    place = chain.index(anchor.link) if anchor.link in chain else 0
    return chain[place - 1] if place else None


def _chain(signer: Signer, circle: CircleId, slot: int) -> tuple[bytes, ...]:
    """Return the links of the chain that this voter commits to in a slot, the last one first said.

    Only its key can make it, and makes it again after a restart: nothing need be remembered.
    """
    place = REVEAL_DOMAIN + circle + slot.to_bytes(8, "big")
    return _links(hashlib.sha256(REVEAL_DOMAIN + signer.sign(place)).digest())


@lru_cache(maxsize=KNOWN_CHAINS)
def _links(secret: bytes) -> tuple[bytes, ...]:
    links = [secret]
    for _ in range(LINKS):
        links.append(hashlib.sha256(links[-1]).digest())
    return tuple(links)


def _link_or_none(fields: Fields, place: int, rule: str) -> bytes:
    octets = fields.octets(place, least=0, most=KEY_SIZE_BYTES)
    if len(octets) not in (0, KEY_SIZE_BYTES):
        raise Malformed(rule, "a seed is 32 bytes, or none")
    return octets
