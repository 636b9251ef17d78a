"""What wearers wish their circle to show: a bounded pool, and whose turn it is.

A wish is a signed object of one member, passed on by every other. It names the slot it was made
in, so an old one is refused without a wall clock and without a memory of it. Everybody is served
in turn: nobody twice within 100 slots while others wait. A voter asks of a wish only what it asks
of every pattern, since pools may differ. Source: SPEC section Wishes (WSH).
"""

import hashlib
from collections.abc import Collection, Container, Mapping
from typing import NamedTuple

from smilesync.circle.answers import Answers
from smilesync.circle.bounded import NOTHING
from smilesync.config import OBJECT_BODY_BYTES_MAX, CircleConfig
from smilesync.effects import Effect, Send
from smilesync.errors import LocalError, Unwelcome
from smilesync.ids import CircleId, PeerId
from smilesync.keys import Signer, Verifier
from smilesync.wire import cbor, envelope
from smilesync.wire.envelope import Domain
from smilesync.wire.fields import Fields
from smilesync.wire.messages import Carried, ObjectKind

PATTERN_BYTES_MAX = 200
_SLOT, _PATTERN = 1, 2
_LONG_AGO_NS = -(2**62)
_NEVER_SERVED = -(2**53)


class Wish(NamedTuple):
    """A wish that waits or is shown, until `until_ns` of local time; `id` is its message id."""

    id: bytes
    pattern: bytes
    until_ns: int
    carried: Carried


class WishPool:
    """The wishes of one circle: at most one per wearer, a bounded number in all."""

    __slots__ = (
        "_answers",
        "_circle",
        "_config",
        "_links",
        "_made_ns",
        "_partners",
        "_served",
        "_verifier",
        "_wishes",
    )

    def __init__(
        self,
        config: CircleConfig,
        circle: CircleId,
        verifier: Verifier,
        partners: Collection[PeerId] = (),
    ) -> None:
        self._config = config
        self._partners = partners
        self._answers: Answers | None = None
        self._circle = circle
        self._verifier = verifier
        self._wishes: Mapping[PeerId, Wish] = NOTHING
        self._made_ns: Mapping[PeerId, int] = NOTHING
        self._served: Mapping[PeerId, int] = NOTHING
        self._links: tuple[PeerId, ...] = ()

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """A link came up: whoever is there has perhaps not heard what is wished."""
        if peer not in self._links:
            self._links = (*self._links, peer)
        self._expire(now_ns)
        return [Send(peer, wish.carried) for wish in self._wishes.values()]

    def disconnected(self, peer: PeerId) -> None:
        """A link is gone."""
        self._links = tuple([other for other in self._links if other != peer])

    def wish(self, pattern: bytes, signer: Signer, slot: int, now_ns: int) -> list[Effect]:
        """Wish for `pattern`, which is safe, in the open slot; raises LocalError if too soon."""
        wearer = PeerId(signer.public)
        wait_ns = self._made_ns.get(wearer, _LONG_AGO_NS) + self._config.wish_gap_ns - now_ns
        if wait_ns > 0:
            raise LocalError(f"one wish every 30 s; the next in {-(-wait_ns // 10**9)} s")
        body: dict[int, cbor.CborValue] = {_SLOT: slot, _PATTERN: pattern}
        carried = envelope.sign(ObjectKind.WISH, signer, body, circle=self._circle)
        self._keep(wearer, pattern, carried, now_ns)
        return [Send(peer, carried) for peer in self._others()]

    @property
    def held(self) -> Mapping[PeerId, Wish]:
        """Return what is wished, by wearer; another mapping after each change."""
        return self._wishes

    def has(self, carried: Carried, sender: PeerId, members: Container[PeerId]) -> bool:
        """Is it a copy of a wish that is held, from a device that may pass it on?"""
        held = self._wishes.get(carried.signer)
        if held is None or not (held.carried is carried or held.carried == carried):
            return False
        return carried.signer in members and (sender in members or sender in self._partners)

    def take(
        self,
        carried: Carried,
        sender: PeerId,
        now_ns: int,
        *,
        members: Container[PeerId],
        slot: int,
    ) -> list[Effect]:
        """Keep a wish and pass it on; one that is held already is passed over.

        `slot` is the open one. Errors: RemoteError with the rule broken; nothing has changed then.
        """
        made_slot, pattern = _read(carried)
        is_known = sender in members or sender in self._partners
        if not is_known or carried.signer not in members:
            raise Unwelcome("WSH-003", "a wish of or from a device that is no member")
        held = self._wishes.get(carried.signer)
        if held is not None and held.id == envelope.message_id(carried):
            return []
        if not slot - self._config.wish_slots_max <= made_slot <= slot + 1:
            raise Unwelcome("WSH-004", f"a wish made in slot {made_slot}, open is {slot}")
        self._expire(now_ns)
        wait_ns = self._made_ns.get(carried.signer, _LONG_AGO_NS) + self._config.wish_gap_heard_ns
        if now_ns < wait_ns:
            raise Unwelcome("WSH-005", "a second wish of one wearer too soon")
        if held is None and len(self._wishes) >= self._config.wishes_max:
            raise Unwelcome("WSH-006", "too many wishes are waiting")
        if sender in self._partners:
            self._answers = self._answers or Answers(self._config)
            self._answers.hear_partner(sender, now_ns)
        envelope.verify(carried, Domain.LIGHT_PATTERN, self._verifier, circle=self._circle)
        self._keep(carried.signer, pattern, carried, now_ns)
        return [Send(p, carried) for p in self._others() if p not in (sender, carried.signer)]

    def decided(self, slot: int, pattern: bytes) -> None:
        """A value was decided: whoever wished for its pattern has been served."""
        oldest = slot - self._config.wish_turn_slots
        served = {peer: at for peer, at in self._served.items() if at > oldest}
        for wearer, wish in self._wishes.items():
            if wish.pattern == pattern:
                served[wearer] = slot
        self._served = served or NOTHING

    def choose(self, slot: int, shown: bytes | None, now_ns: int) -> bytes | None:
        """Return the pattern that it is time to show, None if nobody wishes anything.

        Of those not served of late the draw decides; else what is `shown` stays while its wish
        lasts, so that a wish lasts longer than one lease.
        """
        self._expire(now_ns)
        oldest = slot - self._config.wish_turn_slots
        waiting = [
            wish
            for wearer, wish in self._wishes.items()
            if self._served.get(wearer, _NEVER_SERVED) <= oldest
        ]
        if waiting:
            seed = self._circle + slot.to_bytes(8, "big")
            return min(waiting, key=lambda w: hashlib.sha256(seed + w.id).digest()).pattern
        is_wished = any(wish.pattern == shown for wish in self._wishes.values())
        return shown if is_wished else None

    def _others(self) -> list[PeerId]:
        """Return whom to tell: voters with a link, and partners, which pass it on."""
        return list(dict.fromkeys((*self._links, *self._partners)))

    def _keep(self, wearer: PeerId, pattern: bytes, carried: Carried, now_ns: int) -> None:
        until_ns = now_ns + self._config.wish_lifetime_ns
        wish = Wish(envelope.message_id(carried), pattern, until_ns, carried)
        self._wishes = {**self._wishes, wearer: wish}
        self._made_ns = {**self._made_ns, wearer: now_ns}

    def _expire(self, now_ns: int) -> None:
        """Forget wishes that are over; a wearer's last one stays known while it may bar another."""
        if any(now_ns >= wish.until_ns for wish in self._wishes.values()):
            live = {p: wish for p, wish in self._wishes.items() if now_ns < wish.until_ns}
            self._wishes = live or NOTHING
            self._made_ns = {p: at for p, at in self._made_ns.items() if p in live} or NOTHING


def _read(carried: Carried) -> tuple[int, bytes]:
    """Return slot and pattern; raises Malformed(WSH-002)."""
    fields = Fields.of_map(cbor.decode(carried.body, limit_bytes=OBJECT_BODY_BYTES_MAX), "WSH-002")
    slot = fields.uint(_SLOT, least=1)
    pattern = fields.octets(_PATTERN, least=1, most=PATTERN_BYTES_MAX)
    fields.close()
    return slot, pattern
