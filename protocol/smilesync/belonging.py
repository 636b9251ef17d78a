"""Which circle a device is in, and how it goes over to another one.

To a successor of a circle that was lost, or to the one that its own dissolved into: then the whole
membership is replaced. Source: SPEC sections Succession and Merging.
"""

from collections.abc import Sequence
from dataclasses import replace

from smilesync import boot
from smilesync.circle.circle import Circle
from smilesync.circle.genesis import Genesis
from smilesync.circle.merging import Merger
from smilesync.circle.offer import Dissolve, can_merge
from smilesync.circle.provenance import Provenance, proven
from smilesync.circle.returning import begun, remembered
from smilesync.circle.succession import Succession
from smilesync.circle.wishes import WishPool
from smilesync.clock.sync import CircleClock
from smilesync.commands import Merge, RotateKey
from smilesync.crowd import Crowd
from smilesync.departed import Apart, Departed
from smilesync.effects import AdoptVoterKey, Effect, EraseVoterKey, Event, Notice, Persist
from smilesync.errors import LocalError, Unwelcome
from smilesync.ids import CircleId, PeerId, short
from smilesync.keys import Signer
from smilesync.light import choose, conditions
from smilesync.membership import Membership, Outside, Tools, new_clock
from smilesync.relays import Relays
from smilesync.wire import records
from smilesync.wire.messages import (
    BelongingMessage,
    Carried,
    ObjectKind,
    Stranded,
    SuccessionMessage,
)
from smilesync.wire.records import Record

NEVER_NS = 2**62 - 1


class Belonging:
    """Which circle a device is in: that of the person's file, or the last of its successors."""

    __slots__ = (
        "_agrees",
        "_departed",
        "_due",
        "_identity",
        "_origin",
        "_tools",
        "deadline_ns",
        "membership",
    )

    def __init__(
        self,
        tools: Tools,
        keys: boot.Keys,
        genesis: Genesis | None,
        journal: Sequence[Record],
        now_ns: int,
        *,
        is_amnesic: bool,
    ) -> None:
        self.membership: Membership | None = None
        self.deadline_ns = NEVER_NS if genesis is None else now_ns
        """When to call `wake`."""
        self._tools = tools
        self._identity = keys.identity
        self._origin = genesis
        self._agrees = boot.agreement(journal)
        self._departed = Departed(journal, tools.config.merging.told_gap_ns)
        usable = boot.usable(keys, journal)
        # What power failed before, of a key that was given up, or that another took the place of.
        self._due: list[Effect] = [EraseVoterKey()] if usable is not keys else []
        if genesis is not None:
            born, binding = boot.in_force(genesis, journal, tools.verifier)
            mine = self._enter(usable, born, binding, now_ns, is_amnesic=is_amnesic)
            before = boot.forebears(genesis, journal, tools.verifier)
            descent = remembered(before, born.lineage)
            is_first = descent is mine.descent  # in the circle of the person's file: no copy
            self.membership = mine if is_first else replace(mine, descent=descent)
            if usable.spare is not None and mine.circle.around.signer is usable.spare:
                self._due = [AdoptVoterKey(), Notice(Event.KEY_ROTATED)]
                if mine.circle.guard.is_amnesic:  # of that key: so only once the journal is its
                    amnesia = Persist(records.encode(records.Amnesia()))
                    self._due += [amnesia, Notice(Event.AMNESIC)]

    @property
    def genesis(self) -> Genesis | None:
        """Return that of the circle the device is in now."""
        return self.membership.genesis if self.membership is not None else None

    @property
    def has_abandoned(self) -> bool:
        """Did the device give up its seat for a successor that it is not in yet?"""
        return self.membership is not None and self.membership.succession.has_abandoned

    @property
    def agrees_to_merge(self) -> bool:
        """May the circle merge with others, as far as this wearer decides?"""
        mine = self.membership
        return mine is not None and mine.merger.agrees and can_merge(mine.genesis.parameters)

    @property
    def into(self) -> CircleId | None:
        """Return where the people of the circle went when it ended; None before."""
        value = self.membership.circle.chain.head().value if self.membership is not None else None
        end = value.merging if value is not None else None
        return end.circle if isinstance(end, Dissolve) else None

    @property
    def came_from(self) -> tuple[CircleId, ...]:
        """Return the circles that the device left because they ended, the last one last."""
        return tuple(self._departed.ended)

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """The link to `peer` came up."""
        return self.membership.linked(peer, now_ns) if self.membership is not None else []

    def disconnected(self, peer: PeerId, now_ns: int) -> None:
        """The link to `peer` is gone for good."""
        if self.membership is not None:
            self.membership.wishes.disconnected(peer)
            self.membership.relays.disconnected(peer, now_ns)

    def wish(self, pattern: bytes, wearer: Signer, now_ns: int) -> list[Effect]:
        """Let the wearer wish; raises LocalError and then changed nothing."""
        mine = self.membership
        if mine is None or wearer.public not in mine.circle.roster.index_of:
            raise LocalError("this device is in no circle, so there is nobody to wish to")
        conditions.must_be_safe(pattern)
        return mine.wishes.wish(pattern, wearer, mine.circle.slot.number, now_ns)

    def holds(self, wish: Carried, sender: PeerId) -> bool:
        """Is it a copy of a wish that the circle has and that `sender` may pass on?"""
        mine = self.membership
        if mine is None or wish.kind != ObjectKind.WISH:
            return False
        return mine.wishes.has(wish, sender, mine.circle.roster.index_of)

    def take(self, said: Carried, sender: PeerId, outside: Outside, now_ns: int) -> list[Effect]:
        """Take a wish, or an invitation; raises RemoteError and then changed nothing."""
        mine = self.membership
        assert mine is not None
        if said.kind == ObjectKind.INVITE:
            mine.succession.take_invite(said, sender, mine.situation(outside, now_ns), now_ns)
            if now_ns < mine.descent.invited_until_ns and mine.is_willing(outside):
                mine.ask_again(self._identity)
            return []
        members, slot = mine.circle.roster.index_of, mine.circle.slot.number
        return mine.wishes.take(said, sender, now_ns, members=members, slot=slot)

    def pattern(self, preferred: bytes | None, now_ns: int) -> bytes:
        """Return what a leader proposes: a wish whose time it is, `preferred`, or the mood."""
        assert self.membership is not None
        circle = self.membership.circle
        head = circle.chain.head()
        shown = head.value.pattern if head.value is not None else None
        wished = self.membership.wishes.choose(head.slot + 1, shown, now_ns)
        return choose.collective(circle.inputs(), wished or preferred)

    def command(self, command: Merge | RotateKey) -> list[Effect]:
        """Do what the wearer says; raises LocalError and then changed nothing."""
        if isinstance(command, Merge):
            return self.agree(command.agrees)
        return self._rotate(command.spare)

    def _rotate(self, spare: Signer) -> list[Effect]:
        if self.membership is None or self.has_abandoned:
            raise LocalError("this device has no seat in a circle, or gave it up for a successor")
        return self.membership.circle.members.rotate(spare)

    def wake(self, outside: Outside, now_ns: int) -> list[Effect]:
        """Run what is due of a succession or merger. Call it when the deadline has passed."""
        assert self.membership is not None
        mine, effects, self._due = self.membership, self._due, []
        if not mine.is_over and now_ns >= mine.succession.deadline_ns():
            effects += mine.succession.wake(mine.situation(outside, now_ns), now_ns)
        if now_ns >= mine.merger.deadline_ns():
            effects += mine.merger.wake(mine.company(outside, now_ns), now_ns)
        return effects + self._settled(outside, now_ns)

    def agree(self, agrees: bool) -> list[Effect]:
        """Take the wearer's word on mergers; raises LocalError and then changed nothing."""
        if self.membership is None:
            raise LocalError("this device belongs to no circle; give it a genesis file")
        if not can_merge(self.membership.genesis.parameters):
            raise LocalError("this circle never merges: its founders stay alone, or all are asked")
        self._agrees = agrees
        self.membership.merger.agree(agrees)
        self.deadline_ns = 0
        return [Persist(records.encode(records.MergingSet(agrees)))]

    def handle(
        self,
        message: BelongingMessage,
        sender: PeerId,
        outside: Outside,
        now_ns: int,
    ) -> list[Effect]:
        """Take what is said of other circles; raises RemoteError and then changed nothing."""
        if self.membership is None:
            return []
        mine = self.membership
        if not isinstance(message, SuccessionMessage):
            company = mine.company(outside, now_ns)
            effects = mine.merger.handle(message, sender, company, now_ns)
            effects += self._departed.tell_end(message, sender, now_ns)
        elif mine.is_over and not isinstance(message, Stranded):
            raise Unwelcome("MRG-031", "a circle that ended by its own decision is not succeeded")
        else:
            situation = mine.situation(outside, now_ns)
            effects = mine.succession.handle(message, sender, situation, now_ns)
        return effects + self._settled(outside, now_ns)

    def renewed(self, key: Signer, outside: Outside, now_ns: int) -> list[Effect]:
        """Take a voter key that is durable and was never used."""
        if self.membership is None:
            return []
        mine = self.membership
        effects = mine.succession.renewed(key, mine.situation(outside, now_ns))
        effects += mine.merger.renewed(key, mine.company(outside, now_ns), now_ns)
        return effects + self._settled(outside, now_ns)

    def _settled(self, outside: Outside, now_ns: int) -> list[Effect]:
        """Go over to another circle if it is time, and find out when to wake."""
        effects = self._move(outside, now_ns)
        assert self.membership is not None
        mine, merging_ns = self.membership, self.membership.merger.deadline_ns()
        succession_ns = NEVER_NS if mine.is_over else mine.succession.deadline_ns()
        self.deadline_ns = min(merging_ns, succession_ns)
        return effects

    def _enter(
        self,
        keys: boot.Keys,
        genesis: Genesis,
        journal: Sequence[Record],
        now_ns: int,
        *,
        is_amnesic: bool = False,
    ) -> Membership:
        """Return the device's place in the circle of `genesis`, as far as its journal knows it."""
        config, entropy = self._tools.config, self._tools.entropy
        policy, me = genesis.parameters.policy, PeerId(keys.identity.public)
        merger = Merger(config.merging, me, policy, agrees=self._agrees)
        around = boot.circumstances(config.circle, keys, self._tools.verifier, genesis, merger)
        is_amnesic = is_amnesic or boot.is_foreign(journal, keys)
        circle = Circle(around, journal, entropy, now_ns, is_amnesic=is_amnesic)
        has_abandoned = boot.has_abandoned(journal, genesis.circle_id)
        merger.key = keys.voter if has_abandoned else None
        relays, verifier = Relays(config.relay, circle, me, entropy), self._tools.verifier
        return Membership(
            genesis=genesis,
            circle=circle,
            relays=relays,
            crowd=Crowd(config, relays, circle, keys.identity, entropy),
            wishes=WishPool(config.circle, genesis.circle_id, verifier, relays.partners.known),
            succession=Succession(
                config.succession,
                keys.identity,
                entropy,
                key=keys.voter if has_abandoned else None,
                has_abandoned=has_abandoned,
            ),
            merger=merger,
            born_ns=now_ns,
        )

    def _move(self, outside: Outside, now_ns: int) -> list[Effect]:
        """Go over to a successor, or where the circle dissolved into: nothing old is kept."""
        assert self.membership is not None
        succession, proof = self.membership.succession, self.membership.merger.outcome
        genesis = succession.outcome
        if proof is not None and self._origin is not None:
            return self._merge(proof, self._origin.circle_id, outside, now_ns)
        if genesis is None or self._origin is None:
            return []
        before, keys = self.membership, boot.Keys(self._identity, succession.key)
        me, roster = PeerId(self._identity.public), before.circle.roster
        descent = before.descent.followed(before.genesis, roster, me, now_ns)
        self.membership = replace(self._enter(keys, genesis, (), now_ns), descent=descent)
        self.membership.succession.invites = succession.invites
        if me in roster.index_of:
            self.membership.ask_again(self._identity)
        effects = begun(genesis, self._origin.circle_id, self.membership.circle.around)
        for peer in outside.linked:
            effects += self.membership.linked(peer, now_ns)
        return effects

    def other_clock(self, outside: Outside, now_ns: int) -> tuple[CircleClock, list[Effect]]:
        """Return the clock of a circle that has another time: it begins as after a start."""
        mine = self.membership
        assert mine is not None
        assert mine.begun is not None
        me = PeerId(self._identity.public)
        clock = new_clock(self._tools.config.clock, me, mine, mine.begun, now_ns)
        clock.apart = Apart(self._departed.ended, mine.circle, mine.relays.partners)
        effects: list[Effect] = []
        for peer in outside.linked:
            effects += clock.connected(peer, now_ns)
        return clock, effects + clock.wake(now_ns)

    def _merge(
        self, proof: Provenance, origin: CircleId, outside: Outside, now_ns: int
    ) -> list[Effect]:
        """Follow the circle of `proof`: as who knows what it proves, and has no seat (MRG-033)."""
        assert self.membership is not None
        before, merger = self.membership, self.membership.merger
        last = before.circle.chain.last_step()
        assert last is not None
        self._departed.ended[before.genesis.circle_id] = last
        known = boot.known_by(proof)
        keys = boot.Keys(self._identity, merger.key or before.succession.key)
        mine, descent = self._enter(keys, proof.genesis, known, now_ns), before.descent
        descent = descent.parted(before.genesis)
        self.membership = replace(mine, begun=known, descent=descent)
        self.membership.circle.trust.renew(now_ns)
        moved = records.Moved(origin, proof.genesis.encode())
        into, ended = short(proof.genesis.circle_id), short(before.genesis.circle_id)
        effects: list[Effect] = [
            *(Persist(records.encode(one)) for one in (proven(last), moved, *known)),
            Notice(Event.CIRCLE_MERGED, detail=f"circle={into} of={ended}"),
        ]
        for peer in outside.linked:
            effects += self.membership.linked(peer, now_ns)
        return effects + self.wake(outside, now_ns)
