"""The voters' beacons: signed words of their clocks, passed on, and the ways they came.

A beacon is new when its circle time is later than the last one's of that voter; after a silence
an earlier one counts too, since a clock that finds the circle's time again may step back. The
partners that brought the newest beacon first are the way to its voter. A beacon names its voter
by the roster of its slot and is passed on as it is, so the last few rosters are remembered.
Source: SPEC section Spreading (BCN).
"""

from collections.abc import Iterable
from typing import NamedTuple

from smilesync.circle.partners import Partner
from smilesync.circle.roster import Roster
from smilesync.errors import Malformed, Unauthentic
from smilesync.ids import PeerId
from smilesync.keys import Signer, Verifier
from smilesync.wire import cbor
from smilesync.wire.envelope import Domain, signed_bytes
from smilesync.wire.messages import Beacon, Beacons
from smilesync.wire.spreading import BEACONS_MAX
from smilesync.wire.votesets import bitmap_octets

SILENCE_NS = 5_000_000_000
"""A voter unheard for so long is taken at its next word, whatever time it says (BCN-003)."""
WAYS_MAX = 2
ROSTERS_MAX = 4
"""A beacon of a roster before these is older than any that still counts."""


class Word(NamedTuple):
    """What a voter says in a beacon: circle time in us, open slot, whom it has not heard."""

    circle_us: int
    slot: int
    is_synced: bool
    away: int = 0


def sign_beacon(roster: Roster, signer: Signer, word: Word) -> Beacon:
    """Return this voter's beacon."""
    index = roster.place_of(signer.public)
    assert index is not None
    circle_us, slot, is_synced, away = word
    unsigned = Beacon(index, circle_us, slot, is_synced, b"", away)
    return unsigned._replace(signature=signer.sign(_signed(roster, unsigned)))


class BeaconBook:
    """The newest beacon of each voter, and the ways to it; by index in the present roster."""

    __slots__ = ("_heard_ns", "_me", "_roster", "_rosters", "_verifier", "_ways", "newest")

    def __init__(self, roster: Roster, me: int | None, verifier: Verifier) -> None:
        self.newest: dict[int, Beacon] = {}
        self._heard_ns: dict[int, int] = {}
        self._ways: dict[int, list[PeerId]] = {}
        self._roster = roster
        self._rosters = [(0, roster)]
        self._me = me
        self._verifier = verifier

    @property
    def since_slot(self) -> int:
        """Return from which slot on the present roster is known to vote."""
        return self._rosters[-1][0]

    def follow(self, roster: Roster, me: int | None, slot: int) -> None:
        """Go over to the voters of `slot`: what is known of those who stay is kept."""
        place_of = {voter: index for index, voter in enumerate(roster.voters)}
        moved = {
            old: place_of[voter]
            for old, voter in enumerate(self._roster.voters)
            if voter in place_of
        }
        self._roster, self._me = roster, me
        self._rosters = [*self._rosters, (slot, roster)][-ROSTERS_MAX:]
        self.newest = {moved[old]: one for old, one in self.newest.items() if old in moved}
        self._heard_ns = {moved[old]: ns for old, ns in self._heard_ns.items() if old in moved}
        self._ways = {moved[old]: ways for old, ways in self._ways.items() if old in moved}

    def take(self, beacon: Beacon, sender: PeerId, now_ns: int, open_slot: int) -> int | None:
        """Take a beacon that `sender` passed on; returns the index of its voter if it is new.

        Errors: Malformed, Unauthentic; nothing is changed then. Of a slot before the present
        roster or after `open_slot` it may be of voters that are not known, and is no error.
        """
        is_certain = self.since_slot <= beacon.slot <= open_slot
        voter = self.place(beacon)
        if voter is None:
            if is_certain:
                raise Malformed("BCN-002", f"a beacon of voter {beacon.voter}, who is nobody")
            return None
        if voter == self._me:
            return None
        last = self.newest.get(voter)
        if last is not None and beacon.circle_us <= last.circle_us:
            if beacon.circle_us == last.circle_us:
                self._add_way(voter, sender)
                return None
            if now_ns - self._heard_ns[voter] < SILENCE_NS:
                return None
        data = _signed(self._roster, beacon)
        if not self._verifier.verify(self._roster.voters[voter], data, beacon.signature):
            if is_certain:
                raise Unauthentic("BCN-002", f"a beacon of voter {voter} does not verify")
            return None
        self.newest[voter] = beacon
        self._heard_ns[voter] = now_ns
        before = [way for way in self._ways.get(voter, ()) if way != sender]
        self._ways[voter] = [sender, *before][:WAYS_MAX]
        return voter

    def place(self, beacon: Beacon) -> int | None:
        """Return the present index of whom a beacon says it is of, None if it has none."""
        roster = next((r for since, r in reversed(self._rosters) if since <= beacon.slot), None)
        if roster is None or beacon.voter >= roster.size:
            return None
        return self._roster.place_of(roster.voters[beacon.voter])

    def keep_own(self, beacon: Beacon) -> None:
        """Let the own beacon be passed on as those of others are."""
        self.newest[beacon.voter] = beacon

    def note(self, partner: Partner, beacons: Iterable[Beacon]) -> None:
        """Remember that the partner has these."""
        for beacon in beacons:
            voter = self.place(beacon)
            if voter is not None:
                partner.beacons[self._roster.voters[voter]] = beacon.circle_us

    def ways(self, voter: int) -> list[PeerId]:
        """Return the partners to reach a voter over, the best first."""
        return self._ways.get(voter, [])

    def forget(self, partner: PeerId) -> None:
        """No way leads over this partner any more."""
        for ways in self._ways.values():
            if partner in ways:
                ways.remove(partner)

    def synced(self, now_ns: int) -> int:
        """Return how many voters said of late that they are SYNCED."""
        since_ns = now_ns - SILENCE_NS
        return sum(
            beacon.is_synced and self._heard_ns.get(voter, -1) >= since_ns
            for voter, beacon in self.newest.items()
        )

    def news_for(self, partner: Partner) -> list[Beacons]:
        """Return what the partner may lack; from now on it is known to have it."""
        voters, oldest_slot = self._roster.voters, self._rosters[0][0]
        fresh = []
        for voter, beacon in self.newest.items():
            is_known = partner.beacons.get(voters[voter]) == beacon.circle_us
            if not is_known and beacon.slot >= oldest_slot:
                partner.beacons[voters[voter]] = beacon.circle_us
                fresh.append(beacon)
        return [
            Beacons(tuple(fresh[at : at + BEACONS_MAX])) for at in range(0, len(fresh), BEACONS_MAX)
        ]

    def _add_way(self, voter: int, sender: PeerId) -> None:
        ways = self._ways.setdefault(voter, [])
        if sender in ways:
            return
        if len(ways) < WAYS_MAX:
            ways.append(sender)
        else:
            ways[-1] = sender


def _signed(roster: Roster, beacon: Beacon) -> bytes:
    fields: dict[int, cbor.CborValue] = {1: beacon.circle_us, 2: beacon.slot, 3: beacon.is_synced}
    if beacon.away:
        fields[4] = bitmap_octets(beacon.away)
    return signed_bytes(Domain.BEACON, cbor.encode(fields), circle=roster.circle)
