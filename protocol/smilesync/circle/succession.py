"""A circle that lost its quorum for good is succeeded by another one, of those who are here.

Nobody shrinks a roster without its quorum. So whoever saw no decision for a minute says so; the
first of those in an order that nobody chooses calls them by name; and when all who are called have
signed, there is a new circle. Before a device signs it gives up its voter key of the old circle,
on the record, for good. Others follow the new circle when they hear of it. Source: SPEC section
Succession.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from smilesync.circle.bounded import NOTHING
from smilesync.circle.circumstances import NEVER_NS, Circumstances
from smilesync.circle.genesis import FounderCard, Genesis, Policy, found
from smilesync.circle.heirs import Heirs, read_heir
from smilesync.circle.lineage import Lineage, call_hash, pledge_bytes
from smilesync.circle.returning import Descent, Invites, invite
from smilesync.config import FOUNDERS_MAX, SuccessionConfig
from smilesync.effects import Effect, Event, Notice, Send
from smilesync.entropy import Entropy
from smilesync.errors import RemoteError, Unwelcome
from smilesync.ids import KEY_SIZE_BYTES, PeerId, ValueHash, VoterKey, short
from smilesync.keys import Signer
from smilesync.wire.messages import Call, Carried, Heir, Pledge, Stranded, SuccessionMessage


class Situation(NamedTuple):
    """What the circle is in, as its other machines know it. Times in local ns.

    `decided_ns`: the last decision, or the start; `has_decided`: there was one in this life.
    `quorum_until_ns`: until when q voters count as heard. `is_willing`: the wearer wants to be
    part of a circle's light and has not left, nor did the circle end. `is_trusting`: the known
    voters may vouch for others (TRU-001). `circle_us` is None without a clock.
    `linked`: who has a link. `abandon` gives up the
    voter key for good; the world then gives another one to `Succession.renewed`.
    """

    genesis: Genesis
    around: Circumstances
    head_slot: int
    head: ValueHash
    decided_ns: int
    has_decided: bool
    quorum_until_ns: int
    is_willing: bool
    is_amnesic: bool
    is_trusting: bool
    circle_us: int | None
    descent: Descent
    linked: tuple[PeerId, ...]
    abandon: Callable[[], list[Effect]]


class Succession:
    """What one device does for a successor; `outcome` is the genesis it goes over to.

    `key`: a voter key that has never signed for the circle, if the device has one.
    """

    __slots__ = (
        "_call",
        "_called_ns",
        "_caller",
        "_cards",
        "_config",
        "_deadline_ns",
        "_entropy",
        "_heard",
        "_heir",
        "_heirs",
        "_identity",
        "_jitter_ns",
        "_me",
        "_pledged_ns",
        "_ready_ns",
        "_silent",
        "has_abandoned",
        "invites",
        "key",
        "outcome",
    )

    def __init__(
        self,
        config: SuccessionConfig,
        identity: Signer,
        entropy: Entropy,
        *,
        key: Signer | None,
        has_abandoned: bool,
    ) -> None:
        self.outcome: Genesis | None = None
        self.key = key
        self._config = config
        self._identity = identity
        self._me = PeerId(identity.public)
        self._entropy = entropy
        self.has_abandoned = has_abandoned
        self._jitter_ns: int | None = None
        self._heirs = Heirs(config.heir_gap_ns)
        self._heir: Genesis | None = None
        self.invites = Invites()
        self._heard: Mapping[PeerId, tuple[Stranded, int]] = NOTHING
        self._ready_ns: int | None = None
        self._call: Call | None = None
        self._caller: PeerId | None = None
        self._cards: Mapping[PeerId, FounderCard] = NOTHING
        self._silent: tuple[PeerId, ...] = ()
        self._called_ns = self._pledged_ns = -NEVER_NS
        self._deadline_ns = 0

    def deadline_ns(self) -> int:
        """Return when to call `wake`."""
        return self._deadline_ns

    def wake(self, now: Situation, now_ns: int) -> list[Effect]:
        """Say that the device is stranded, once it is; call the others, or give up a call.

        Call it when the deadline has passed.
        """
        if not can_be_succeeded(now.around):
            self._deadline_ns = NEVER_NS
            return []
        due_ns = self._stranded_ns(now)
        if now_ns < due_ns or not now.is_willing:
            self._call, self._ready_ns = None, None
            self._deadline_ns = max(due_ns, now_ns + self._config.say_ns)
            return []
        founds = self._may_found(now, now_ns)
        if not founds:
            self._ready_ns = self._call = None
        elif self._ready_ns is None:
            self._ready_ns = now_ns
        self._deadline_ns = now_ns + self._config.say_ns
        said = Stranded(now.around.roster.circle, now.head, founds)
        members = now.around.roster.index_of
        effects: list[Effect] = [Send(to, said) for to in now.linked if to in members]
        self._give_up(now_ns)
        if self._call is not None:
            return effects + self._say_again(self._call)
        if founds and self._is_my_turn(now, now_ns):
            effects += self._begin(now, now_ns)
        return effects

    def handle(
        self, message: SuccessionMessage, sender: PeerId, now: Situation, now_ns: int
    ) -> list[Effect]:
        """Take a message of a neighbour; raises RemoteError and then changed nothing."""
        match message:
            case Stranded():
                return self._handle_stranded(message, sender, now, now_ns)
            case Call():
                self._judge(message, sender, now, now_ns)
                if message == self._call:
                    return self._pledge_again(message, sender)
                return self._answer(message, sender, now, now_ns)
            case Pledge():
                return self._handle_pledge(message, sender, now)
            case _:
                return self._handle_heir(message, sender, now, now_ns)

    def take_invite(self, said: Carried, sender: PeerId, now: Situation, now_ns: int) -> None:
        """Keep the invitation into a successor; raises RemoteError and then changed nothing."""
        is_stranded = can_be_succeeded(now.around) and now_ns >= self._stranded_ns(now)
        is_late = now_ns < now.descent.invited_until_ns
        known = now.around.roster.index_of
        self.invites.take(said, sender, is_due=is_stranded or is_late, known=known)

    def renewed(self, key: Signer, now: Situation) -> list[Effect]:
        """Take the new voter key that was asked for: durable, and never used.

        The wearer may have withdrawn while it was made: then nothing is signed or followed.
        """
        self.key = key
        if not now.is_willing:
            self._call = self._heir = None
        if self._heir is not None:
            self.outcome = self._heir
            return []
        if self._call is not None and self._me not in self._cards:
            return self._pledge(self._call, now)
        return []

    def _stranded_ns(self, now: Situation) -> int:
        """Return from when on the device is stranded, unless its circle decides."""
        return now.decided_ns + self._config.after_ns + self._jitter()

    def _jitter(self) -> int:
        if self._jitter_ns is None:
            self._jitter_ns = self._entropy.below(self._config.jitter_ns)
        return self._jitter_ns

    def _may_found(self, now: Situation, now_ns: int) -> bool:
        """May the device found now? Whoever has its seat, or gave it up for just this."""
        has_part = self.has_abandoned or (now.around.me is not None and not now.is_amnesic)
        if self._me not in now.around.roster.index_of or not has_part or not now.is_willing:
            return False
        is_heir = now.genesis.lineage is not None
        if now.head_slot == 0 and not is_heir:
            return False
        config, is_awake = self._config, now.has_decided or self.has_abandoned or is_heir
        lost_ns = now.decided_ns + (config.after_ns if is_awake else config.start_ns)
        return now_ns >= max(lost_ns, now.quorum_until_ns + config.after_ns) + self._jitter()

    def _present(self, now: Situation, now_ns: int) -> list[PeerId]:
        """Return who else would found a successor of the same head, in the order of calling."""
        wanted = Stranded(now.around.roster.circle, now.head, True)
        since_ns = now_ns - self._config.present_ns
        members = now.around.roster.index_of
        present = [
            who
            for who, (said, at_ns) in self._heard.items()
            if said == wanted and at_ns >= since_ns and who in members
        ]
        return sorted(present, key=lambda who: rank(now, who))

    def _is_my_turn(self, now: Situation, now_ns: int) -> bool:
        assert self._ready_ns is not None
        own = rank(now, self._me)
        before = sum(rank(now, who) < own for who in self._present(now, now_ns))
        wait_ns = self._config.gather_ns + before * self._config.turn_ns
        has_rested = now_ns - self._pledged_ns >= self._config.pledge_gap_ns
        return now_ns - self._ready_ns >= wait_ns and has_rested

    def _begin(self, now: Situation, now_ns: int) -> list[Effect]:
        """Call everybody who is here, except who did not answer the last call."""
        others = [who for who in self._present(now, now_ns) if who not in self._silent]
        if not others:
            self._silent = ()
            return []
        founders = tuple(sorted([self._me, *others[: FOUNDERS_MAX - 1]]))
        nonce = self._entropy.draw(KEY_SIZE_BYTES)
        call = Call(now.around.roster.circle, now.head, nonce, founders)
        return [*self._to_others(call, call), *self._answer(call, self._me, now, now_ns)]

    def _judge(self, call: Call, sender: PeerId, now: Situation, now_ns: int) -> None:
        """Raise Unwelcome unless this device may be one of these founders (SUC-021, SUC-022)."""
        if (call.circle, call.head) != (now.around.roster.circle, now.head):
            raise Unwelcome("SUC-021", "a call to succeed another circle, or from another head")
        if sender not in call.founders or self._me not in call.founders:
            raise Unwelcome("SUC-021", "a call without its caller, or without this device")
        if not can_be_succeeded(now.around) or not self._may_found(now, now_ns):
            raise Unwelcome("SUC-010", "this device does not found a circle now")
        here = {self._me, *self._present(now, now_ns)}
        if not here.issuperset(call.founders):
            raise Unwelcome("SUC-022", "a call of somebody who was not heard here")
        if 2 * len(call.founders) < min(len(here), FOUNDERS_MAX):
            raise Unwelcome("SUC-022", "a call that leaves out most of those who are here")
        if call != self._call and now_ns - self._pledged_ns < self._config.pledge_gap_ns:
            raise Unwelcome("SUC-023", "another call too soon after the last pledge")

    def _answer(self, call: Call, caller: PeerId, now: Situation, now_ns: int) -> list[Effect]:
        """Give up the old circle, then sign; the signature waits for the new key."""
        self._call, self._caller, self._called_ns = call, caller, now_ns
        self._cards = NOTHING
        self._pledged_ns = now_ns
        if self.key is not None:
            return self._pledge(call, now)
        return self._abandon(now)

    def _abandon(self, now: Situation) -> list[Effect]:
        """Give up the voter key of the old circle; once only."""
        if self.has_abandoned:
            return []
        self.has_abandoned = True
        return [
            *now.abandon(),
            Notice(Event.CIRCLE_ABANDONED, detail=f"circle={short(now.around.roster.circle)}"),
        ]

    def _pledge(self, call: Call, now: Situation) -> list[Effect]:
        assert self.key is not None
        data = pledge_bytes(call, self._me, self.key.public)
        voter = VoterKey(self.key.public)
        card = FounderCard(self._me, voter, self._identity.sign(data), self.key.sign(data))
        self._cards = {**self._cards, self._me: card}
        return [*self._to_others(call, _pledge_of(call, card)), *self._complete(call, now)]

    def _pledge_again(self, call: Call, to: PeerId) -> list[Effect]:
        card = self._cards.get(self._me)
        return [Send(to, _pledge_of(call, card))] if card is not None else []

    def _say_again(self, call: Call) -> list[Effect]:
        """Say what may have been lost, to those who have not pledged."""
        missing = [one for one in call.founders if one != self._me and one not in self._cards]
        calls = missing if self._caller == self._me else []
        effects: list[Effect] = [Send(to, call) for to in calls]
        for to in missing:
            effects += self._pledge_again(call, to)
        return effects

    def _give_up(self, now_ns: int) -> None:
        """End a call that somebody left unanswered; the next one is made without them."""
        call = self._call
        if call is None or now_ns - self._called_ns < self._config.patience_ns:
            return
        self._silent = tuple(one for one in call.founders if one not in self._cards)
        self._call = None

    def _handle_stranded(
        self, said: Stranded, sender: PeerId, now: Situation, now_ns: int
    ) -> list[Effect]:
        for genesis in (now.genesis, *now.descent.forebears):
            if genesis.lineage is None or said.circle != genesis.lineage.circle:
                continue
            told = self._heirs.tell(sender, genesis, now_ns)
            is_old_member = genesis is now.genesis and sender in now.descent.heritage
            if told and is_old_member and not now.is_amnesic:
                told = invite(sender, self._identity, now.around, now.circle_us) + told
            return told
        if said.circle == now.around.roster.circle and sender in now.around.roster.index_of:
            self._heard = {**self._heard, sender: (said, now_ns)}
        return []

    def _handle_pledge(self, pledge: Pledge, sender: PeerId, now: Situation) -> list[Effect]:
        call = self._call
        if call is None or pledge.call != call_hash(call) or sender not in call.founders:
            return []  # of a call that is over here, or has not come yet: it is said again
        card = FounderCard(sender, pledge.voter, pledge.identity_signature, pledge.voter_signature)
        card.verify_over(pledge_bytes(call, sender, card.voter), now.around.verifier)
        self._cards = {**self._cards, sender: card}
        return self._complete(call, now)

    def _complete(self, call: Call, now: Situation) -> list[Effect]:
        """The circle exists once all who are listed have signed (SUC-030)."""
        if set(self._cards) != set(call.founders):
            return []
        lineage = Lineage(call.circle, call.head)
        cards = tuple(self._cards.values())
        self.outcome = found(cards, call.nonce, now.around.parameters, lineage=lineage)
        return []

    def _handle_heir(self, part: Heir, sender: PeerId, now: Situation, now_ns: int) -> list[Effect]:
        """Follow a successor that is there already, if this device is stranded."""
        is_mine = part.circle == now.around.roster.circle and can_be_succeeded(now.around)
        if not is_mine or not now.is_willing or now_ns < self._stranded_ns(now):
            return []
        data = self._heirs.take(part, sender, now_ns)
        if data is None or self._heir is not None:
            return []
        try:
            own, is_trusting = self.key.public if self.key else None, now.is_trusting
            is_lost = now_ns >= max(now.decided_ns, now.quorum_until_ns) + self._config.lost_ns
            around = replace(now.around, me=None) if is_lost else now.around
            genesis = read_heir(data, around, now.head, own=own, is_trusting=is_trusting)
        except RemoteError:
            self._heirs.refuse(sender, now_ns)
            raise
        if self.key is not None or now.around.signer is None:
            self.outcome = genesis
            return []
        self._heir = genesis
        return self._abandon(now)

    def _to_others(self, call: Call, message: Call | Pledge) -> list[Effect]:
        return [Send(to, message) for to in call.founders if to != self._me]


def can_be_succeeded(around: Circumstances) -> bool:
    """May the circle have a successor? Not if its founders are to stay alone, or all be asked."""
    return around.parameters.policy is not Policy.CLOSED and not around.parameters.is_strict


def rank(now: Situation, who: PeerId) -> bytes:
    """Return a member's place in the order of calling: H(head || voter key) (SUC-020)."""
    roster = now.around.roster
    return hashlib.sha256(now.head + roster.voters[roster.index_of[who]]).digest()


def _pledge_of(call: Call, card: FounderCard) -> Pledge:
    return Pledge(call_hash(call), card.voter, card.identity_signature, card.voter_signature)
