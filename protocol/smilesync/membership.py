"""What a device is in one circle: a whole that `Peer` replaces when the circle is succeeded.

Nothing in here outlives the circle; what does (identity, clock, feelings, switches, neighbours)
stays with the peer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from smilesync import boot
from smilesync.circle.circle import Circle
from smilesync.circle.genesis import Genesis
from smilesync.circle.merging import Company, Merger
from smilesync.circle.returning import FIRST, Descent, ask_again
from smilesync.circle.succession import Situation, Succession
from smilesync.circle.wishes import WishPool
from smilesync.clock.sync import CircleClock
from smilesync.commands import Switch
from smilesync.config import ClockConfig, Config
from smilesync.crowd import Crowd
from smilesync.departed import Apart, ended
from smilesync.effects import Effect
from smilesync.entropy import Entropy
from smilesync.ids import PeerId
from smilesync.keys import Signer, Verifier
from smilesync.relays import Relays
from smilesync.wire.records import Record

NEVER_NS = 2**62 - 1
"""The largest number that a compiled integer holds without a box around it."""
WILLING = Switch.SHOW | Switch.COLLECTIVE | Switch.LIT
"""What a wearer must allow for certified light; withdrawing any of it makes the light fall."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every membership of a device works with."""

    config: Config
    verifier: Verifier
    entropy: Entropy


class Outside(NamedTuple):
    """What lies outside of a circle: what the wearer allows, and who has a link."""

    switches: Switch
    linked: tuple[PeerId, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """The machines of one circle. `born_ns`: since when the device is in it, in this life.

    `begun`: what was known of it before; None unless its time has nothing to do with that of the
    circle that the device came from.
    """

    genesis: Genesis
    circle: Circle
    relays: Relays
    wishes: WishPool
    crowd: Crowd
    succession: Succession
    merger: Merger
    born_ns: int
    descent: Descent = FIRST
    begun: Sequence[Record] | None = None

    @property
    def is_over(self) -> bool:
        """Did the circle end, by its own decision?"""
        return self.circle.chain.head().is_last

    def company(self, outside: Outside, now_ns: int) -> Company:
        """Return what `merger` judges by."""
        circle, lease = self.circle, self.circle.lease
        line = circle.timeline
        return Company(
            genesis=self.genesis,
            around=circle.around,
            head=circle.chain.head(),
            pedigree=circle.chain.pedigree,
            circle_us=line.at(now_ns) if line is not None else None,
            decided_ns=circle.members.decided_ns,
            may_vote=circle.guard.may_vote,
            is_willing=self.is_willing(outside),
            is_lit=lease.selected is not None or lease.held is not None,
            linked=outside.linked,
            partners=self.relays.partners.known.keys(),
            abandon=circle.abandon,
        )

    def is_willing(self, outside: Outside) -> bool:
        """Does the wearer want to be part of the light of a circle, and of this one?"""
        return WILLING in outside.switches and not self.circle.members.reception.is_leaving

    def situation(self, outside: Outside, now_ns: int) -> Situation:
        """Return what `succession` judges by."""
        circle = self.circle
        head = circle.chain.head()
        return Situation(
            genesis=self.genesis,
            around=circle.around,
            head_slot=head.slot,
            head=head.hash,
            decided_ns=circle.members.decided_ns,
            has_decided=circle.members.decided_ns > self.born_ns,
            quorum_until_ns=circle.quorum_until_ns(),
            is_willing=self.is_willing(outside) and not self.is_over,
            is_amnesic=circle.guard.is_amnesic,
            is_trusting=circle.trust.holds(now_ns),
            circle_us=circle.timeline.at(now_ns) if circle.timeline is not None else None,
            descent=self.descent,
            linked=outside.linked,
            abandon=circle.abandon,
        )

    def ask_again(self, identity: Signer) -> None:
        """Ask for a seat in a successor, by the best invitation that a neighbour sent so far."""
        reception, invites = self.circle.members.reception, self.succession.invites
        ask_again(reception, invites, identity, self.genesis, self.circle.around)

    def linked(self, peer: PeerId, now_ns: int) -> list[Effect]:
        """The link to `peer` came up, or this membership is new to it."""
        effects = self.circle.connected(peer) + self.relays.connected(peer, now_ns)
        if peer in self.circle.roster.index_of:
            effects += self.wishes.connected(peer, now_ns)
            effects += self.circle.members.connected(peer)
        return effects


def new_clock(
    config: ClockConfig,
    me: PeerId,
    membership: Membership | None,
    journal: Sequence[Record],
    now_ns: int,
) -> CircleClock:
    """Return the clock that a device starts with. It goes on when the circle is succeeded."""
    floor_us = boot.floor_us_of(journal)
    if membership is None:
        return CircleClock(config, me, (), 1, 0, floor_us, now_ns)
    guard_us, roster = membership.genesis.parameters.guard_us, membership.circle.roster
    if guard_us != config.guard_us:
        config = replace(config, guard_us=guard_us)
    sizes = roster.quorum, roster.faults
    clock = CircleClock(config, me, roster.identities, *sizes, floor_us, now_ns)
    if known := ended(journal):
        clock.apart = Apart(known, membership.circle, membership.relays.partners)
    return clock
