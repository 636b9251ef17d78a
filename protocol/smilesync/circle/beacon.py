"""The voters' beacons: signed words of their clocks, passed on, and the ways they came.

A beacon is new when its circle time is later than the last one's of that voter; after a silence
an earlier one counts too, since a clock that finds the circle's time again may step back. The
partners that brought the newest beacon first are the way to its voter. Source: SPEC section
Spreading (BCN).
"""

from collections.abc import Iterable

from smilesync.circle.partners import Partner
from smilesync.circle.roster import Roster
from smilesync.errors import Malformed, Unauthentic
from smilesync.ids import PeerId
from smilesync.keys import Signer, Verifier
from smilesync.wire import cbor
from smilesync.wire.envelope import Domain, signed_bytes
from smilesync.wire.messages import Beacon, Beacons
from smilesync.wire.spreading import BEACONS_MAX

SILENCE_NS = 5_000_000_000
"""A voter unheard for so long is taken at its next word, whatever time it says (BCN-003)."""
WAYS_MAX = 2


def sign_beacon(
    roster: Roster, signer: Signer, *, circle_us: int, slot: int, is_synced: bool
) -> Beacon:
    """Return this voter's beacon."""
    index = roster.place_of(signer.public)
    assert index is not None
    signature = signer.sign(_signed(roster, circle_us, slot, is_synced))
    return Beacon(index, circle_us, slot, is_synced, signature)


class BeaconBook:
    """The newest beacon of each voter, and the ways to it."""

    def __init__(self, roster: Roster, me: int | None, verifier: Verifier) -> None:
        self.newest: dict[int, Beacon] = {}
        self._heard_ns: dict[int, int] = {}
        self._ways: dict[int, list[PeerId]] = {}
        self._roster = roster
        self._me = me
        self._verifier = verifier

    def take(self, beacon: Beacon, sender: PeerId, now_ns: int) -> bool:
        """Take a beacon that `sender` passed on; returns whether it is new.

        Errors: Malformed, Unauthentic; nothing is changed then.
        """
        voter = beacon.voter
        if voter >= self._roster.size:
            raise Malformed("BCN-002", f"a beacon of voter {voter} of {self._roster.size}")
        if voter == self._me:
            return False
        last = self.newest.get(voter)
        if last is not None and beacon.circle_us <= last.circle_us:
            if beacon.circle_us == last.circle_us:
                self._add_way(voter, sender)
                return False
            if now_ns - self._heard_ns[voter] < SILENCE_NS:
                return False
        data = _signed(self._roster, beacon.circle_us, beacon.slot, beacon.is_synced)
        if not self._verifier.verify(self._roster.voters[voter], data, beacon.signature):
            raise Unauthentic("BCN-002", f"a beacon of voter {voter} does not verify")
        self.newest[voter] = beacon
        self._heard_ns[voter] = now_ns
        before = [way for way in self._ways.get(voter, ()) if way != sender]
        self._ways[voter] = [sender, *before][:WAYS_MAX]
        return True

    def keep_own(self, beacon: Beacon) -> None:
        """Let the own beacon be passed on as those of others are."""
        self.newest[beacon.voter] = beacon

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
        fresh = [
            beacon
            for voter, beacon in self.newest.items()
            if partner.beacons.get(voter) != beacon.circle_us
        ]
        note(partner, fresh)
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


def note(partner: Partner, beacons: Iterable[Beacon]) -> None:
    """Remember that the partner has these."""
    for beacon in beacons:
        partner.beacons[beacon.voter] = beacon.circle_us


def _signed(roster: Roster, circle_us: int, slot: int, is_synced: bool) -> bytes:
    body = cbor.encode({1: circle_us, 2: slot, 3: is_synced})
    return signed_bytes(Domain.BEACON, body, circle=roster.circle)
