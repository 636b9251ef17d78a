"""The votes of one slot: verified before they enter, counted, and bounded against liars.

Source: SPEC section Votes.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass

from smilesync.circle.evidence import conflict
from smilesync.circle.quorum import VoteKey, bits, statement, vote_set
from smilesync.circle.roster import Roster
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import ValueHash
from smilesync.keys import Verifier
from smilesync.wire.messages import CertificateName, VoteKind, VoteSet

VOTES_PER_VIEW_AND_SIGNER_MAX = 3
PART_VOTES_MIN = 16
"""Who cuts a certificate puts so many votes into every part but the last (SPR-002)."""
STATEMENTS_MAX = 128
_NO_VOTES: dict[int, bytes] = {}


Pairs = list[tuple[int, bytes]]
"""Votes: the signer's index and the signature."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Votes that verify and are not in the book yet; those that make a certificate need no room."""

    key: VoteKey
    votes: Pairs
    is_certificate: bool


class VoteBook:
    """Verified votes by what they say: `check` refuses or verifies, `take` adds."""

    __slots__ = ("_certificates", "_roster", "_slot", "_verifier", "votes")

    def __init__(self, roster: Roster, slot: int, verifier: Verifier) -> None:
        self.votes: dict[VoteKey, dict[int, bytes]] = {}
        self._roster = roster
        self._slot = slot
        self._verifier = verifier
        self._certificates: dict[VoteKey, VoteSet] = {}

    def check(self, votes: VoteSet, view_max: int) -> Checked:
        """Return what a set off the network adds; views above `view_max` only as certificates.

        Errors: Malformed, Unauthentic, Unwelcome; the book is not changed either way. A signature
        of a vote that is already held is not looked at, so repeats cost nothing.
        """
        key = (votes.kind, votes.view, votes.value_hash)
        indices, signatures = self._indices(votes), votes.signatures
        page = self.votes.get(key, _NO_VOTES)
        fresh = [(one, signatures[at]) for at, one in enumerate(indices) if one not in page]
        # Repair sends only what is missing, so a certificate may come in two parts. If a liar's
        # vote in it found no room here, its other votes could stall the circle for good.
        is_certificate = len(page) + len(fresh) >= self._roster.quorum
        if not is_certificate:
            if votes.view > view_max and not self._is_part(len(indices)):
                raise Unwelcome("CIR-034", f"votes of view {votes.view}, at most {view_max} now")
            fresh = self._with_room(key, fresh)
        for index, signature in fresh:
            self.verify(key, index, signature)
        return Checked(key, fresh, is_certificate)

    def take(self, checked: Checked) -> bool:
        """Add checked votes, as far as their signers have room left in that view.

        Returns whether they completed a certificate: nothing less can move the slot.
        """
        key, votes = checked.key, checked.votes
        if not checked.is_certificate:
            votes = self._with_room(key, votes)
        return self.add(key, votes)

    def verify(self, key: VoteKey, index: int, signature: bytes) -> None:
        """Raise Unauthentic unless member `index` signed this vote."""
        data = statement(self._roster.circle, self._roster.hash, self._slot, key)
        if not self._verifier.verify(self._roster.voters[index], data, signature):
            raise Unauthentic("CIR-033", f"a vote of member {index} does not verify")

    def add(self, key: VoteKey, votes: Iterable[tuple[int, bytes]]) -> bool:
        """Add votes known to be good: own ones, checked ones, those of the own journal.

        Returns whether they completed a certificate.
        """
        page = self.votes.get(key, {})
        for index, signature in votes:
            if index not in page:
                page[index] = signature
        if page:  # a page without votes would be memory that costs a liar nothing
            self.votes[key] = page
        quorum = self._roster.quorum
        if len(page) < quorum or key in self._certificates:
            return False
        # Not one more than needed: a certificate has to fit one datagram.
        self._certificates[key] = vote_set(key, dict(list(page.items())[:quorum]))
        return True

    def has(self, key: VoteKey, index: int) -> bool:
        """Is the vote of member `index` already in?"""
        return index in self.votes.get(key, _NO_VOTES)

    def contradiction(self, key: VoteKey, index: int) -> tuple[VoteKey, bytes] | None:
        """Return a vote of member `index` that no honest voter casts beside this one, if any."""
        for other, page in self.votes.items():
            if index in page and conflict(key, other):
                return other, page[index]
        return None

    def certificate(self, key: VoteKey) -> VoteSet | None:
        """Return the q votes on `key` that were first together, or None."""
        return self._certificates.get(key)

    def certified_without(self, bodies: Container[ValueHash]) -> ValueHash | None:
        """Return a certified value whose bytes are not among `bodies`, None if there is none."""
        for _, _, value_hash in self._certificates:
            if value_hash is not None and value_hash not in bodies:
                return value_hash
        return None

    def certified(self, kind: VoteKind) -> list[VoteKey]:
        """Return what is certified of one kind, in the order it became so."""
        if not self._certificates:
            return []
        return [key for key in self._certificates if key[0] is kind]

    def newest(self) -> tuple[int, VoteKind | None]:
        """Return the highest view notarized or nullified, and which it is; 0 if none is yet."""
        highest, what = 0, None
        for kind, view, _ in self._certificates:
            is_newer = view > highest or (view == highest and kind is VoteKind.NOTARIZE)
            if is_newer and kind is not VoteKind.FINALIZE:
                highest, what = view, kind
        return highest, what

    def is_nullified(self, view: int) -> bool:
        """Is there a nullification certificate of `view`?"""
        return (VoteKind.NULLIFY, view, None) in self._certificates

    def notarized(self, view: int) -> ValueHash | None:
        """Return the value notarized in `view`, if a certificate is held."""
        for kind, at, value in self._certificates:
            if kind is VoteKind.NOTARIZE and at == view:
                return value
        return None

    def highest_notarized(self) -> int:
        """Return the highest view with a notarization certificate, 0 if none."""
        highest = 0
        for kind, view, _ in self._certificates:
            if kind is VoteKind.NOTARIZE and view > highest:
                highest = view
        return highest

    def bitmap(self, key: VoteKey) -> int:
        """Return whose votes on `key` are held."""
        return sum(1 << index for index in self.votes.get(key, _NO_VOTES))

    def select(self, key: VoteKey, missing: int) -> VoteSet | None:
        """Return the held votes on `key` of the members in bitmap `missing`, None if none."""
        page = self.votes.get(key, _NO_VOTES)
        wanted = {index: page[index] for index in page if missing >> index & 1}
        return vote_set(key, wanted) if wanted else None

    def justify(self, view: int, value_hash: ValueHash) -> tuple[int, CertificateName | None]:
        """V2, V3: derive where a value proposed in `view` comes from; never read it.

        Returns (k, None): notarized in view k, 0 if fresh, and all views between are nullified;
        or (0, name of the nullification that is missing).
        """
        for below in range(view - 1, 0, -1):
            if self.notarized(below) == value_hash:
                return below, None
            if not self.is_nullified(below):
                return 0, CertificateName(VoteKind.NULLIFY, below, None)
        return 0, None

    def by_urgency(self) -> list[VoteKey]:
        """Return newest views first, in each FINALIZE, NOTARIZE, NULLIFY: a fixed order.

        What a STATUS lists and what its answer leaves out follow it, so a list cut short hides
        the oldest only.
        """
        if len(self.votes) < 2:
            return list(self.votes)

        def rank(key: VoteKey) -> tuple[int, bool, int, bytes]:
            return -key[1], key[0] is not VoteKind.FINALIZE, key[0], key[2] or b""

        return sorted(self.votes, key=rank)

    def names(self, value_hash: ValueHash) -> bool:
        """Does any held vote name this value?"""
        return any(key[2] == value_hash for key in self.votes)

    def _is_part(self, count: int) -> bool:
        """May so many votes be a part of a certificate that one message has no room for?"""
        is_cut = count >= PART_VOTES_MIN and self._roster.quorum > PART_VOTES_MIN
        return is_cut and len(self.votes) < STATEMENTS_MAX

    def _with_room(self, key: VoteKey, votes: Pairs) -> Pairs:
        """Return the votes whose signers have room left in their view."""
        if len(self.votes) < VOTES_PER_VIEW_AND_SIGNER_MAX:
            return votes  # nobody has a vote twice on a page
        pages = [page for other, page in self.votes.items() if other[1] == key[1]]
        held = {index: sum(index in page for page in pages) for index, _ in votes}
        return [pair for pair in votes if held[pair[0]] < VOTES_PER_VIEW_AND_SIGNER_MAX]

    def _indices(self, votes: VoteSet) -> list[int]:
        indices = bits(votes.bitmap)
        if not indices or indices[-1] >= self._roster.size or votes.view < 1:
            raise Malformed("CIR-032", "votes of nobody, of a non-member, or of view 0")
        if (votes.value_hash is None) != (votes.kind is VoteKind.NULLIFY):
            raise Malformed("CIR-032", "NULLIFY names no value, the other votes name one")
        if len(indices) != len(votes.signatures):
            raise Malformed("CIR-032", "one signature for each bit")
        return indices
