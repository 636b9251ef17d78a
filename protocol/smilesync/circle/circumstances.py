"""What a slot is given to judge by: things that stay while it runs, and the present moment."""

from dataclasses import dataclass, replace
from typing import Protocol

from smilesync.circle.changes import Changes
from smilesync.circle.genesis import Parameters
from smilesync.circle.inputs import NOBODY, Counts
from smilesync.circle.offer import Merging
from smilesync.circle.roster import Roster
from smilesync.circle.state import State
from smilesync.circle.validity import Head, PatternCheck, Reason
from smilesync.config import CircleConfig
from smilesync.keys import Signer, Verifier

NEVER_NS = 2**62 - 1
TICK_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """What a slot may know of the present: local ns, circle us (None: not SYNCED), who is away.

    `absent` is a bitmap of voters not heard for a while; `may_vote` is False for a listener, an
    amnesic device, and a restarted one that has not yet asked the others. `counts`: how many
    members feel each state, as far as this device was told.
    """

    now_ns: int
    circle_us: int | None
    absent: int
    may_vote: bool
    counts: Counts = NOBODY


class Observer(Protocol):
    """Tells whether this device saw itself what a value says of people."""

    def objection(
        self, changes: Changes, after: Roster, at_us: int, now_ns: int
    ) -> Reason | None: ...


class Matchmaker(Protocol):
    """Knows what this device saw of other circles, and whether its wearer agrees to merge."""

    def objection(
        self, merging: Merging, head: Head, around: "Circumstances", now_ns: int
    ) -> Reason | None: ...

    def choose(
        self, head: Head, around: "Circumstances", begin_us: int, now_ns: int
    ) -> Merging | None: ...


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What stays the same during a slot. `signer` holds this device's voter key, if it has one.

    `identity` is the key of the device itself, where it may say something for it. `spare` takes
    the place of `signer` in the first slot whose roster or standby list has it.
    `me` is its index in the slot's roster, None outside; `state` is None while it is not known.
    """

    config: CircleConfig
    roster: Roster
    parameters: Parameters
    state: State | None
    me: int | None
    signer: Signer | None
    verifier: Verifier
    check_pattern: PatternCheck
    witness: Observer | None = None
    identity: Signer | None = None
    matchmaker: Matchmaker | None = None
    spare: Signer | None = None

    def under(self, roster: Roster, state: State | None) -> "Circumstances":
        """Return what holds in a slot of that roster and state."""
        signer, spare = self.signer, self.spare
        if spare is not None and _is_in_use(spare.public, roster, state):
            signer, spare = spare, None
        me = roster.place_of(signer.public) if signer is not None else None
        is_same = roster is self.roster and state is self.state
        if is_same and signer is self.signer and me == self.me:
            return self
        return replace(self, roster=roster, state=state, me=me, signer=signer, spare=spare)

    def seen_by(self, witness: Observer) -> "Circumstances":
        """Return the same, of which `witness` tells what this device saw.

        Every device does so when it starts: `replace` would take ten times as long.
        """
        return Circumstances(
            config=self.config,
            roster=self.roster,
            parameters=self.parameters,
            state=self.state,
            me=self.me,
            signer=self.signer,
            verifier=self.verifier,
            check_pattern=self.check_pattern,
            witness=witness,
            identity=self.identity,
            matchmaker=self.matchmaker,
            spare=self.spare,
        )


def _is_in_use(voter: bytes, roster: Roster, state: State | None) -> bool:
    """Has somebody a seat by this voter key, or waits for one with it?"""
    standby = state.standby if state is not None else ()
    return voter in roster.voters or any(one.seat.voter == voter for one in standby)
