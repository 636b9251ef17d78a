"""Two circles that meet become one: what a device says and asks until then, and when it goes over.

Three decisions of one circle each. The larger one offers; the smaller one, once its voters hold
the proof of that, decides that it ends; then its people follow the larger one like any newcomer.
A voter agrees only if its wearer does, and to an offer only while voters of the other circle say
themselves that it is open. Source: SPEC section Merging.
"""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from smilesync.circle.bounded import NOTHING, noted
from smilesync.circle.circumstances import NEVER_NS, Circumstances
from smilesync.circle.encounter import Encounters
from smilesync.circle.genesis import Genesis, Policy
from smilesync.circle.offer import (
    Dissolve,
    Merging,
    Offer,
    after_merging,
    can_merge,
    comes_first,
)
from smilesync.circle.provenance import Pedigree, Provenance
from smilesync.circle.proving import Proofs
from smilesync.circle.validity import Head, Reason, Verdict
from smilesync.config import MergingConfig
from smilesync.effects import Effect, Event, Notice, Send
from smilesync.errors import Malformed
from smilesync.ids import CircleId, PeerId, ValueHash, short
from smilesync.keys import Signer
from smilesync.wire.messages import Meet, MeetingMessage, Prove, Ready

HEADS_KEPT = 8
"""An offer names one of the last so many decisions of the circle that it is made to."""
OFFERS_AT_ONCE = 4
NS_PER_US = 1_000
NOT_YET_NS = -NEVER_NS
REMEMBERED_MAX = 64


class Company(NamedTuple):
    """What the circle is in, as its other machines know it. Times in local ns.

    `circle_us`: the time, None if not SYNCED. `decided_ns`: the last decision, or the start.
    `is_willing`: the wearer wants to be part of a circle's light. `is_lit`: a value of the circle
    is selected or held. `partners`: who follows the same circle. `abandon` gives up the voter key
    for good; the world then gives another one to `Merger.renewed`.
    """

    genesis: Genesis
    around: Circumstances
    head: Head
    pedigree: Pedigree
    circle_us: int | None
    decided_ns: int
    may_vote: bool
    is_willing: bool
    is_lit: bool
    linked: tuple[PeerId, ...]
    partners: Collection[PeerId]
    abandon: Callable[[], list[Effect]]


class Merger:
    """What one device does for a merger; `outcome` is the proof of the circle it goes over to.

    `key`: a voter key that has never signed for the circle, if the device has one.
    """

    __slots__ = (
        "_config",
        "_courted_ns",
        "_deadline_ns",
        "_encounters",
        "_ended_ns",
        "_heads",
        "_is_leaving",
        "_is_proven",
        "_me",
        "_offered_ns",
        "_proofs",
        "_ready",
        "_say_ns",
        "agrees",
        "key",
        "outcome",
    )

    def __init__(
        self, config: MergingConfig, me: PeerId, policy: Policy, *, agrees: bool | None
    ) -> None:
        self.outcome: Provenance | None = None
        self.key: Signer | None = None
        self.agrees = agrees if agrees is not None else policy is Policy.OPEN
        """Does the wearer agree that the circle merges? If never asked: in an open circle."""
        self._config = config
        self._me = me
        self._encounters = Encounters(config)
        self._proofs = Proofs(config)
        self._ready: Mapping[PeerId, dict[Ready, int]] = NOTHING
        self._heads: Mapping[int, ValueHash] = NOTHING
        self._offered_ns: Mapping[CircleId, int] = NOTHING
        self._courted_ns = NOT_YET_NS
        self._is_proven = True
        self._is_leaving = False
        self._ended_ns: int | None = None
        self._deadline_ns = self._say_ns = 0

    @property
    def has_proof(self) -> bool:
        """Does the device hold the proof of another circle's offer?"""
        return self._proofs.held is not None

    def agree(self, agrees: bool) -> None:
        """Take the wearer's word; it is durable already."""
        self.agrees, self._deadline_ns, self._say_ns = agrees, 0, 0

    def deadline_ns(self) -> int:
        """Return when to call `wake`."""
        return min(self._deadline_ns, self._proofs.deadline_ns())

    def wake(self, now: Company, now_ns: int) -> list[Effect]:
        """Say who is here, and for what this voter is ready; ask for a proof; or go over.

        Call it when the deadline has passed.
        """
        self._learn(now, now_ns)
        if not self.agrees or not can_merge(now.around.parameters):
            self._deadline_ns = NEVER_NS
            self._proofs.stop()
            return []
        effects = self._proofs.go_on(now_ns)
        if now.head.is_last:
            self._deadline_ns = now_ns + self._config.say_ns // 4
            return effects + self._end(now, now_ns)
        if now_ns < self._say_ns:
            return effects
        self._say_ns = self._deadline_ns = now_ns + self._config.say_ns
        effects += self._meet(now, now_ns) + self._fetch(now, now_ns)
        if not now.may_vote:
            return effects
        members = now.around.roster.index_of
        for ready in self._ready_for(now.head, now.around, now_ns):
            effects += [Send(to, ready) for to in now.linked if to in members]
        return effects

    def handle(
        self, message: MeetingMessage, sender: PeerId, now: Company, now_ns: int
    ) -> list[Effect]:
        """Take a message of a neighbour; raises RemoteError and then changed nothing."""
        circle = now.around.roster.circle
        match message:
            case Meet():
                if self.agrees and message.circle != circle:
                    is_news = self._encounters.heard(message, sender, now_ns)
                    return self._fetch(now, now_ns) if is_news else []
                return []
            case Ready():
                members = now.around.roster.index_of
                if message.circle == circle and sender in members:
                    self._ready = {w: s for w, s in self._ready.items() if w in members}
                    self._hear_ready(message, sender, now_ns)
                return []
            case Prove():
                own = now.pedigree.proof(now.genesis, message.offer)
                own = own if message.circle == circle else None
                return self._proofs.tell(message, sender, own, now_ns)
            case _:
                effects = self._proofs.take(message, sender, now.around.verifier, now_ns)
                if now.head.is_last:
                    self._deadline_ns = now_ns
                return effects

    def renewed(self, key: Signer, now: Company, now_ns: int) -> list[Effect]:
        """Take the new voter key that was asked for: durable, and never used."""
        if self._is_leaving:
            self.key = key
            self._deadline_ns = now_ns
            return self.wake(now, now_ns)
        return []

    def objection(
        self, merging: Merging, head: Head, around: Circumstances, now_ns: int
    ) -> Reason | None:
        """Return why a fresh value that merges may not have this voter's vote now."""
        if isinstance(merging, Offer):
            rule, why = "MRG-020", self._against_offer(merging, around, now_ns)
        else:
            rule, why = "MRG-021", self._against_end(merging, head, around, now_ns)
        if not self.agrees:
            rule, why = "MRG-040", "its wearer does not agree that circles merge"
        return Reason(rule, Verdict.KEEP, why) if why else None

    def choose(
        self, head: Head, around: Circumstances, begin_us: int, now_ns: int
    ) -> Merging | None:
        """Return what to propose in a value that begins then: what a quorum is ready for."""
        assert around.state is not None
        circle, parameters = around.roster.circle, around.parameters
        for ready in self._ready_for(head, around, now_ns):
            merging = self._draft(ready, begin_us, now_ns)
            if merging is None or self._count_ready(ready, around, now_ns) < around.roster.quorum:
                continue
            try:
                after_merging(around.state, merging, begin_us, circle, parameters)
            except Malformed:
                continue
            return merging
        return None

    def _draft(self, ready: Ready, begin_us: int, now_ns: int) -> Merging | None:
        if ready.offer is not None:
            return Dissolve(ready.other, ready.offer)
        head = self._encounters.settled_head(ready.other, now_ns)
        if head is None:
            return None
        return Offer(ready.other, *head, begin_us + self._config.open_us)

    def _ready_for(self, head: Head, around: Circumstances, now_ns: int) -> list[Ready]:
        """Return what this voter would vote for: to end its own circle first, then to offer."""
        own, found = around.roster.circle, []
        if not self.agrees or head.is_last:
            return []
        end = self._end_due(head, around, now_ns)
        if end is not None:
            self._courted_ns = now_ns
            found.append(Ready(own, end.circle, end.offer))
        smaller = self._encounters.smaller(around.roster.size, own, now_ns)
        others = [other for other in smaller if self._may_offer(other, now_ns)]
        return found + [Ready(own, other) for other in others[:OFFERS_AT_ONCE]]

    def _end_due(self, head: Head, around: Circumstances, now_ns: int) -> Dissolve | None:
        """Return how this voter would end its circle now, None if it would not."""
        held = self._proofs.held
        end = Dissolve(held.genesis.circle_id, held.name) if held is not None else None
        is_due = end is not None and not self._against_end(end, head, around, now_ns)
        return end if is_due else None

    def _may_offer(self, other: CircleId, now_ns: int) -> bool:
        """Is it time to offer, and is this circle not one that a larger one would take in?

        Else whoever plays one small circle after the other keeps it from ever going over.
        """
        last_ns = max(self._offered_ns.get(other, NOT_YET_NS), self._courted_ns)
        return self._is_proven and now_ns - last_ns >= self._config.again_ns

    def _against_offer(self, offer: Offer, around: Circumstances, now_ns: int) -> str:
        own = around.roster.circle
        if offer.circle not in self._encounters.smaller(around.roster.size, own, now_ns):
            return "this voter did not meet that circle for long, or it is the larger one"
        if not self._encounters.knows(offer.circle, (offer.head_slot, offer.head)):
            return "this voter did not hear of that decision of the other circle"
        return "" if self._may_offer(offer.circle, now_ns) else "too soon after the last offer"

    def _against_end(self, end: Dissolve, head: Head, around: Circumstances, now_ns: int) -> str:
        held, own = self._proofs.held, around.roster.circle
        if held is None or not self._proofs.holds((end.circle, end.offer)):
            return "this voter does not hold the proof of the offer"
        if held.offer.circle != own:
            return "the offer is for another circle"
        if not comes_first(held.roster.size, end.circle, around.roster.size, own):
            return "the other circle is the smaller one"
        known = {**self._heads, head.slot: head.hash}
        if known.get(held.offer.head_slot) != held.offer.head:
            return "the offer names a decision that is none of the last"
        voters = held.roster.index_of
        heard = self._encounters.witnesses(end.circle, end.offer, voters, now_ns)
        if heard < held.roster.vouchers:
            return "too few voters of the other circle say that the offer is open"
        return ""

    def _meet(self, now: Company, now_ns: int) -> list[Effect]:
        """Say to strangers which circle this is; to everybody, if it has stalled."""
        is_stalled = now_ns - now.decided_ns >= self._config.stalled_ns
        if now.head.slot == 0 or not (now.may_vote or is_stalled):
            return []
        roster = now.around.roster
        found = now.pedigree.open_offer(now.circle_us) if now.circle_us is not None else None
        offer, to = (found[0], found[1].circle) if found is not None else (None, None)
        meet = Meet(roster.circle, now.head.slot, now.head.hash, roster.size, offer, to)
        strangers = [
            peer
            for peer in now.linked
            if is_stalled or not (peer in roster.index_of or peer in now.partners)
        ]
        return [Send(peer, meet) for peer in strangers]

    def _fetch(self, now: Company, now_ns: int) -> list[Effect]:
        """Ask for the proof of an offer that is made to this circle, until one of them is good."""
        if not self._proofs.may_ask(now_ns):
            return []
        roster = now.around.roster
        if now.head.is_last or self._end_due(now.head, now.around, now_ns) is not None:
            return []
        tellers = self._encounters.offers(roster.size, roster.circle, now_ns)
        for name in self._proofs.in_turn(tellers):
            if self._proofs.holds(name):
                continue
            if effects := self._proofs.ask(name, tellers[name], now_ns):
                return effects
        return []

    def _end(self, now: Company, now_ns: int) -> list[Effect]:
        """The circle has ended: get the proof of where to go, wait for the light, then go."""
        assert now.head.value is not None
        end = now.head.value.merging
        assert isinstance(end, Dissolve)
        if not self._proofs.holds((end.circle, end.offer)):
            return self._proofs.ask((end.circle, end.offer), now.linked, now_ns)
        if not now.is_willing or now.is_lit:
            return []
        if not self._is_lease_over(now, now_ns):
            return []
        if self._is_leaving and self.key is None:
            return []
        if self.key is not None or now.around.signer is None:
            self.outcome = self._proofs.held
            return []
        self._is_leaving = True
        detail = f"circle={short(now.around.roster.circle)}"
        return [*now.abandon(), Notice(Event.CIRCLE_ABANDONED, detail=detail)]

    def _is_lease_over(self, now: Company, now_ns: int) -> bool:
        """Is it over by the clock, or by the time since it was learned of?

        A clock without its circle is a bad judge: no lease begins later than voters let it.
        """
        if self._ended_ns is None:
            self._ended_ns = now_ns
        parameters = now.around.parameters
        most_us = parameters.window_us + parameters.tolerance_us + parameters.lease_us
        is_long_ago = now_ns - self._ended_ns >= most_us * NS_PER_US
        return is_long_ago or now.circle_us is None or now.circle_us >= now.head.not_after_us

    def _learn(self, now: Company, now_ns: int) -> None:
        """Take note of what the own circle decided."""
        head = now.head
        self._is_proven = now.pedigree.is_whole
        if head.value is None or head.slot in self._heads:
            return
        self._heads = noted(self._heads, head.slot, head.hash, HEADS_KEPT)
        if isinstance(head.value.merging, Offer):
            other = head.value.merging.circle
            self._offered_ns = noted(self._offered_ns, other, now_ns, REMEMBERED_MAX)

    def _hear_ready(self, ready: Ready, sender: PeerId, now_ns: int) -> None:
        known = self._ready.get(sender, {})
        since_ns = now_ns - self._config.near_ns
        fresh = {one: at_ns for one, at_ns in known.items() if at_ns >= since_ns}
        fresh[ready] = now_ns
        while len(fresh) > OFFERS_AT_ONCE + 1:
            del fresh[next(iter(fresh))]
        self._ready = {**self._ready, sender: fresh}

    def _count_ready(self, ready: Ready, around: Circumstances, now_ns: int) -> int:
        since_ns = now_ns - self._config.near_ns
        others = [one for one in around.roster.identities if one != self._me]
        said = [self._ready.get(one, {}).get(ready, -1) for one in others]
        return 1 + sum(at_ns >= max(since_ns, 0) for at_ns in said)
