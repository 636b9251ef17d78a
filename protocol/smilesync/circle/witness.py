"""What this voter saw itself of the people whom a value seats, admits or puts out: V6, V7.

Whoever is removed for absence must be away for this voter too; whoever is added must leave a
roster of which this voter hears a quorum, so that no addition outgrows the living; and every
petition and proof that the value names must be held, verified, and say just that.
Source: SPEC sections Membership (MEM-030 to MEM-033), Another voter key (RKY-013).
"""

from smilesync.circle.chain import Chain
from smilesync.circle.changes import Changes, Cited, Rotation
from smilesync.circle.pool import Pool
from smilesync.circle.presence import Presence
from smilesync.circle.roster import Roster
from smilesync.circle.rotated import owners, places
from smilesync.circle.validity import Reason, Verdict
from smilesync.config import CircleConfig
from smilesync.ids import PeerId, VoterKey


class Witness:
    """Answers for one voter; what it leads by is in `seating.py`."""

    __slots__ = ("_config", "chain", "pool", "presence")

    def __init__(self, config: CircleConfig, presence: Presence, pool: Pool, chain: Chain) -> None:
        self._config = config
        self.presence = presence
        self.pool = pool
        self.chain = chain

    @property
    def missing(self) -> tuple[bytes, ...]:
        """Return the hashes of what the last value judged names and is not held: for WANT."""
        return self.pool.wanted

    def objection(self, changes: Changes, after: Roster, at_us: int, now_ns: int) -> Reason | None:
        """Return why a fresh value may not have this voter's vote now, None if it may."""
        reason = self._unproven(changes, at_us)
        if reason is None and self._is_anybody_here(changes, now_ns):
            reason = Reason("MEM-030", Verdict.KEEP, "removes somebody whom this voter hears")
        if reason is None and changes.added and not self.hears_quorum_of(after, now_ns):
            reason = Reason("MEM-031", Verdict.KEEP, "adds more than this voter hears")
        if reason is None and any(one not in self.rotations(now_ns) for one in changes.rotated):
            reason = Reason("RKY-013", Verdict.KEEP, "another key than asked for, or unheard")
        return reason

    def rotations(self, now_ns: int) -> list[Rotation]:
        """Return the other voter keys that are asked for by who is heard, or lives far away."""
        seats = places(self.chain.roster, self.chain.state)
        return [
            Rotation(place, one.hash, one.voter)
            for one in self.pool.rotations(self.chain.heads)
            for place, seat in enumerate(seats)
            if (seat.identity, seat.voter) == (one.identity, one.old)
            and (self.is_near(one.identity, now_ns) or self._is_far(one.identity))
        ]

    def _is_far(self, identity: PeerId) -> bool:
        """Is this one of whom a device of a spread circle hears over others only?"""
        return bool(self.pool.neighbours) and identity not in self.pool.neighbours

    def hears_quorum_of(self, roster: Roster, now_ns: int) -> bool:
        """Were q of these heard of late? The device itself, if seated now, is always heard."""
        since_ns = now_ns - self._config.near_ns
        return self.presence.count(roster.identities, since_ns) >= roster.quorum

    def is_near(self, identity: PeerId, now_ns: int) -> bool:
        """Was somebody heard of late, or did one without a link know the newest decision?"""
        if self.presence.heard_ns(identity) >= now_ns - self._config.near_ns:
            return True
        newest, is_far = self.chain.heads.newest, identity not in self.pool.neighbours
        return is_far and newest is not None and self.pool.signs.get(identity) == newest

    def away(self, now_ns: int) -> int:
        """Return who was not heard for long, as a bitmap."""
        return self.presence.away(now_ns, self._config.away_after_ns)

    def _unproven(self, changes: Changes, at_us: int) -> Reason | None:
        wanted = [one.hash for one in (*changes.left, *changes.expelled)]
        wanted += [one.hash for one in changes.admitted]
        wanted += [one.hash for one in changes.rotated]
        proven = {one.hash for one in changes.expelled if self._is_proven(one)}
        missing = tuple(w for w in wanted if w not in proven and not self.pool.holds(w))
        self.pool.wanted = missing
        if missing:
            return Reason("MEM-032", Verdict.KEEP, "names a petition that is not held")
        admissions = self.pool.admissions(self.chain.heads, at_us)
        is_proven = all(one in admissions for one in changes.admitted)
        is_proven = is_proven and len(proven) == len(changes.expelled)
        leaves = self.pool.leaves()
        if not is_proven or not all(one in leaves for one in changes.left):
            return Reason("MEM-033", Verdict.KEEP, "says something else than a petition it names")
        return None

    def _is_proven(self, expelled: Cited) -> bool:
        """Is there evidence against this voter, or the steward's word, be it another than named?

        Whoever found a liar wrote its own evidence, from the two votes that it saw first.
        """
        return any(identity == expelled.identity for _, identity in self.proofs())

    def proofs(self) -> list[tuple[bytes, PeerId]]:
        """Return the hash of each proof held against somebody who is in, and who that is."""
        owner = owners(self.chain.roster, self.chain.state)
        owner |= {VoterKey(seat): seat for seat in owner.values()}
        return [(name, owner[VoterKey(who)]) for name, who in self.pool.proofs() if who in owner]

    def _is_anybody_here(self, changes: Changes, now_ns: int) -> bool:
        """Does the value remove, for absence alone, somebody who is not away?"""
        roster, away = self.chain.roster, self.away(now_ns)
        out = {one.identity for one in (*changes.left, *changes.expelled)}
        return any(
            changes.removed >> index & 1 and not away >> index & 1 and one not in out
            for index, one in enumerate(roster.identities)
        )
