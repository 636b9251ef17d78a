"""Petitions and evidence that were heard and not decided yet: verified, one per person, few.

Source: SPEC sections Membership (INV-017) and Evidence (EVD-005).
"""

from collections.abc import Collection, Container, Mapping
from dataclasses import replace

from smilesync.circle.bounded import NOTHING
from smilesync.circle.changes import Admission, Cited
from smilesync.circle.evidence import hash_of
from smilesync.circle.heads import Heads
from smilesync.circle.petitions import Petition
from smilesync.ids import PeerId, VoterKey
from smilesync.wire.messages import Carried, Evidence, ObjectKind

JOINS_MAX = 32
JOINS_NEAR_MAX = 16
"""So many more of signers that this device has a link with: nobody's inventions push them out."""
INVITED_MAX = 3
"""JOINs held of one inviter: the circle admits no more of it within an hour (MEM-019)."""
AT_A_HEAD = (ObjectKind.JOIN, ObjectKind.ROTATE)
"""What names a head, and is granted only as long as that is one of the last."""

Place = tuple[ObjectKind, PeerId]


class Pool:
    """The petitions, one of each kind per person: of several the one with the lowest hash.

    So whatever somebody signs, and in whatever order it arrives, passing it on comes to an end.
    Only people who are not in yet can be many; what others may say is bounded by who they are. Of
    the evidence against a voter key the first stays: it is enough.
    """

    __slots__ = ("_evidence", "_held", "neighbours", "signs", "wanted")

    def __init__(self) -> None:
        self._held: Mapping[Place, Petition] = NOTHING
        self._evidence: Mapping[VoterKey, Evidence] = NOTHING
        self.signs: dict[PeerId, bytes] = {}
        """The newest head that those who wait for a seat were heard to know (SPR-042)."""
        self.neighbours: Collection[PeerId] = ()
        """Those with a link, whom one hears oneself: of them no such word is needed."""
        self.wanted: tuple[bytes, ...] = ()
        """Hashes of what the last value judged names and is not held (MEM-032)."""

    def accuse(self, evidence: Evidence) -> bool:
        """Hold evidence; returns whether it is the first against its voter key."""
        if evidence.voter in self._evidence:
            return False
        self._evidence = {**self._evidence, evidence.voter: evidence}
        return True

    def accused(self, voter: bytes) -> bool:
        """Is evidence against this voter key held?"""
        return voter in self._evidence

    def proofs(self) -> list[tuple[bytes, VoterKey | PeerId]]:
        """Return the hash of each proof held, and whom it puts out: a voter key, an identity."""
        found: list[tuple[bytes, VoterKey | PeerId]] = [
            (hash_of(one), voter) for voter, one in self._evidence.items()
        ]
        revoked = [one for one in self._held.values() if one.kind == ObjectKind.REVOKE]
        return sorted([*found, *((one.hash, one.identity) for one in revoked)])

    def holds(self, object_hash: bytes) -> bool:
        """Is a petition of this hash held?"""
        return self.get(object_hash) is not None

    def get(self, object_hash: bytes) -> Carried | Evidence | None:
        """Return the petition or evidence of this hash, as it was sent."""
        for one in self._held.values():
            if one.hash == object_hash:
                return one.carried
        return next((e for e in self._evidence.values() if hash_of(e) == object_hash), None)

    def has_room(self, petition: Petition) -> bool:
        """Would this be held: is it the best of its place, and if somebody new, one of few?

        Who took back its JOIN does not come in by another one of the same voter key.
        """
        place = petition.kind, petition.identity
        held = self._held.get(place)
        if held is not None and held.kind != petition.kind:
            return held.voter != petition.voter
        if held is not None:
            return petition.hash < held.hash
        return petition.kind != ObjectKind.JOIN or self._has_place(petition)

    def is_wanted(self, petition: Petition) -> bool:
        """Does a value name it, so that it is held for once whatever else is?

        Those who hold something else could not vote for it. But nothing brings back who left.
        """
        held = self._held.get((petition.kind, petition.identity))
        is_taken_back = held is not None and held.kind != petition.kind
        return petition.hash in self.wanted and not is_taken_back

    def _has_place(self, join: Petition) -> bool:
        """Is there a place for somebody new, and one of its inviter?"""
        held = [one for (kind, _), one in self._held.items() if kind == ObjectKind.JOIN]
        is_invited = join.inviter is not None
        if is_invited and sum(one.inviter == join.inviter for one in held) >= INVITED_MAX:
            return False
        far = sum(one.identity not in self.neighbours for one in held)
        is_near = join.identity in self.neighbours
        return len(held) - far < JOINS_NEAR_MAX if is_near else far < JOINS_MAX

    def add(self, petition: Petition) -> bool:
        """Hold a verified petition; returns whether it is held now and was not before."""
        if not self.has_room(petition) and not self.is_wanted(petition):
            return False
        self.wanted = tuple(one for one in self.wanted if one != petition.hash)
        self._held = {**self._held, (petition.kind, petition.identity): petition}
        return True

    def has_join(self, identity: PeerId, voter: VoterKey) -> bool:
        """Is a JOIN by this voter key held, or the LEAVE that took it back?"""
        held = self._held.get((ObjectKind.JOIN, identity))
        return held is not None and held.voter == voter

    def has_withdrawn(self, identity: PeerId) -> bool:
        """Is a LEAVE held in the place of the JOIN that it took back?"""
        held = self._held.get((ObjectKind.JOIN, identity))
        return held is not None and held.kind == ObjectKind.LEAVE

    def is_withdrawn(self, leave: Petition, head: bytes) -> bool:
        """Would this LEAVE, of who took back a JOIN, change nothing?"""
        held = self._held[ObjectKind.JOIN, leave.identity]
        return held.hash <= leave.hash and held.head == head

    def withdraw(self, leave: Petition, head: bytes) -> bool:
        """Put a LEAVE in the place of the JOIN that it takes back, as long as `head` is a head.

        Of several the one with the lowest hash stays, for as long as the last one. Returns
        whether this one is held now and was not before.
        """
        place = ObjectKind.JOIN, leave.identity
        held = self._held[place]
        is_better = held.kind != leave.kind or leave.hash < held.hash
        best = leave if is_better else held
        self._held = {**self._held, place: replace(best, head=head, inviter=held.inviter)}
        return is_better

    def expire(self, heads: Container[bytes]) -> None:
        """Drop what was asked for at a head that is too old to be granted."""
        held = self._held.items()
        live = {at: one for at, one in held if at[0] not in AT_A_HEAD or one.head in heads}
        self._held = live or NOTHING

    def settle(self, inside: Collection[PeerId], seats: Collection[VoterKey]) -> None:
        """Drop what was decided: who joins is in, the voter key of who leaves is out."""
        self.signs = {who: head for who, head in self.signs.items() if who in inside}
        self._evidence = {v: e for v, e in self._evidence.items() if v in seats} or NOTHING
        held = self._held.items()
        due = {at: one for at, one in held if _is_due(at[0], one, inside, seats)}
        self._held = due or NOTHING

    def admissions(self, heads: Heads, at_us: int) -> list[Admission]:
        """Return who may be admitted by a value that begins at `at_us`, by hash."""
        return sorted(
            Admission(one.hash, one.identity, one.voter, one.inviter)
            for one in self._held.values()
            if one.kind == ObjectKind.JOIN
            and heads.admits(one.identity, one.head)
            and at_us <= one.until_us
        )

    def rotations(self, heads: Container[bytes]) -> list[Petition]:
        """Return who asks for another voter key, and may get it now, by hash."""
        held = (p for (kind, _), p in self._held.items() if kind == ObjectKind.ROTATE)
        return sorted((p for p in held if p.head in heads), key=lambda petition: petition.hash)

    def leaves(self) -> list[Cited]:
        """Return who said that they leave, by hash."""
        kind = ObjectKind.LEAVE
        return sorted(Cited(p.hash, p.identity) for (k, _), p in self._held.items() if k == kind)


def _is_due(
    kind: ObjectKind, petition: Petition, inside: Collection[PeerId], seats: Collection[VoterKey]
) -> bool:
    """Was this not granted yet?"""
    if kind == ObjectKind.LEAVE:
        return petition.voter in seats
    if kind == ObjectKind.ROTATE:
        return petition.identity in inside and petition.voter not in seats
    return (petition.identity in inside) is (kind == ObjectKind.REVOKE)
