"""Decisions of a circle of the test's own making, each signed by whom the test says."""

from dataclasses import dataclass, field, replace

from smilesync.circle.changes import NO_CHANGES, Changes
from smilesync.circle.genesis import VOTERS_MAX, Genesis, Parameters, Policy, found
from smilesync.circle.offer import Merging
from smilesync.circle.provenance import Step
from smilesync.circle.quorum import statement, vote_set
from smilesync.circle.roster import Roster, Seat
from smilesync.circle.value import NO_PREVIOUS, Value, named
from smilesync.ids import PeerId, VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.wire.messages import VoteKind
from support.lab import PATTERN, cards

Pair = tuple[Ed25519Signer, Ed25519Signer]


def person(number: int) -> Pair:
    """Return identity and voter key of somebody."""
    seed = number.to_bytes(2, "big")
    return Ed25519Signer((b"\1" + seed + bytes(1)) * 8), Ed25519Signer((b"\2" + seed + b"\0") * 8)


def seat_of(pair: Pair) -> Seat:
    return Seat(VoterKey(pair[1].public), PeerId(pair[0].public))


@dataclass
class History:
    """A circle founded by the first `size` people; `decide` adds what it decides."""

    size: int
    parameters: Parameters = field(default_factory=lambda: Parameters(policy=Policy.OPEN))

    def __post_init__(self) -> None:
        self.people = [person(number) for number in range(self.size)]
        founders = cards(self.people)
        self.genesis: Genesis = found(founders, bytes(32), self.parameters, voters_max=VOTERS_MAX)
        self.roster: Roster = self.genesis.roster
        self.slot = 0

    def decide(
        self,
        *,
        out: int = 0,
        new: int = 0,
        merging: Merging | None = None,
        roster_hash: bytes | None = None,
    ) -> Step:
        """Decide that the `out` who came first go, and `new` people come."""
        by, self.slot = self.roster, self.slot + 1
        leaving = [seat_of(one) for one in self.people[:out]]
        coming = [person(len(self.people) + 100 * self.slot + n) for n in range(new)]
        removed = sum(1 << by.seats.index(seat) for seat in leaving)
        changes = Changes(removed=removed, added=tuple(sorted(map(seat_of, coming))))
        after = by.changed(removed, changes.added) if out or new else by
        value = self.value(changes if out or new else NO_CHANGES, after)
        value = replace(value, merging=merging, roster_hash=roster_hash or after.hash)
        decided = named(value.encode())
        key = (VoteKind.FINALIZE, 1, decided.hash)
        data = statement(by.circle, by.hash, self.slot, key)
        keys = {one.public: one for _, one in self.people}
        votes = {index: keys[by.voters[index]].sign(data) for index in range(by.size)}
        certificate = vote_set(key, dict(list(votes.items())[-by.quorum :]))
        self.people = self.people[out:] + coming
        self.roster = after
        return decided, certificate, by

    def value(self, changes: Changes, after: Roster) -> Value:
        begin_us = 10_000_000 * self.slot
        return Value(
            slot=self.slot,
            parent=NO_PREVIOUS,
            not_before_us=begin_us,
            not_after_us=begin_us + 4_000_000,
            pattern=PATTERN,
            start_us=begin_us,
            previous=None,
            previous_start_us=0,
            fade_us=2_000_000,
            roster_hash=after.hash,
            state_hash=bytes(32),
            changes=changes,
        )
