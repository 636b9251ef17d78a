"""Where people come in and go: petitions of others, taken and passed on, and this device's own.

A petition is looked at first, verified only if it could be granted, then held and sent on once.
The own wish to join is told again with every new head until it is granted; the own leave until
the seat is gone. Source: SPEC section Membership (INV-010 to INV-015).
"""

from collections.abc import Container
from dataclasses import dataclass

from smilesync.circle.circumstances import Circumstances
from smilesync.circle.evidence import verify
from smilesync.circle.genesis import Policy
from smilesync.circle.heads import Heads
from smilesync.circle.petitions import Petition, look_at, write_join, write_leave
from smilesync.circle.petitions import verify as verify_petition
from smilesync.circle.pool import Pool
from smilesync.effects import Effect, Send
from smilesync.errors import LocalError, Unwelcome
from smilesync.ids import PeerId, ValueHash
from smilesync.keys import Signer
from smilesync.wire.messages import Carried, Evidence, ObjectKind

LINGER_SLOTS = 2
"""A voter that leaves goes on voting until it is out, but no longer than this."""
PETITIONS = frozenset((ObjectKind.JOIN, ObjectKind.LEAVE, ObjectKind.REVOKE))


@dataclass(frozen=True, slots=True)
class Wish:
    """What the wearer wants: to join, with the invitation if there is one; or to leave.

    Who leaves has signed the LEAVE, and says it until the seat is gone, also without the key; and
    where a JOIN was under way, as long as `since`, the head at that time, is one of the last.
    """

    identity: Signer
    grant: Carried | None
    leaves_after_slot: int | None = None
    leave: Carried | None = None
    since: ValueHash | None = None


class Reception:
    """The pool of petitions, and the own wish."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.wish: Wish | None = None

    @property
    def is_leaving(self) -> bool:
        """Does the wearer want to leave?"""
        return self.wish is not None and self.wish.leaves_after_slot is not None

    def handle(self, carried: Carried, around: Circumstances, heads: Heads) -> list[Effect]:
        """Take a petition and pass it on.

        Errors: RemoteError; nothing is held of it then.
        """
        if around.parameters.policy is Policy.CLOSED:
            raise Unwelcome("INV-010", "a petition in a closed circle")
        self.pool.expire(heads)
        if carried.kind not in PETITIONS:
            raise Unwelcome("INV-010", f"kind {carried.kind} is no petition")
        petition = look_at(carried, around.parameters)
        if not self.pool.has_room(petition):
            return []
        is_withdrawal = self._takes_back(petition, around)
        if not is_withdrawal:
            _must_be_due(petition, around, heads)
        verify_petition(petition, around.roster.circle, around.verifier)
        if is_withdrawal:
            is_new = self.pool.withdraw(petition, heads.newest or b"")
        else:
            is_new = self.pool.add(petition)
        return to_voters(around, carried) if is_new and around.me is not None else []

    def accuse(self, evidence: Evidence, around: Circumstances, open_slot: int) -> list[Effect]:
        """Take evidence and pass it on. Errors: RemoteError; nothing is held of it then."""
        if around.parameters.policy is Policy.CLOSED or self.pool.accused(evidence.voter):
            return []
        if evidence.voter not in _keys(around):
            raise Unwelcome("EVD-005", "evidence against a voter key that is not in use")
        verify(evidence, around.roster.circle, open_slot, around.verifier)
        is_new = self.pool.accuse(evidence)
        return to_voters(around, evidence) if is_new and around.me is not None else []

    def settle(self, around: Circumstances, heads: Container[bytes]) -> None:
        """Drop the petitions that the last decision granted, the own one too."""
        if (around.me is not None and not self.is_leaving) or self._is_out(around, heads):
            self.wish = None
        if around.state is not None:
            waiting = {one.seat.identity for one in around.state.standby}
            self.pool.settle(waiting | set(around.roster.identities), _keys(around))

    def join(self, identity: Signer, grant: Carried | None, around: Circumstances) -> None:
        """Wish for a seat. Errors: LocalError, and then nothing changed."""
        if around.parameters.policy is Policy.CLOSED:
            raise LocalError("this circle is closed: its founders stay its voters")
        if around.signer is None:
            raise LocalError("this device has no voter key: it left; start it anew to get one")
        if around.me is not None:
            raise LocalError("this device has a seat in the circle already")
        if around.state is not None and around.state.is_out(PeerId(identity.public)):
            raise LocalError("this device was expelled from the circle, which is for good")
        self.wish = Wish(identity, grant)

    def leave(self, identity: Signer, around: Circumstances, heads: Heads, slot: int) -> None:
        """Wish to leave; the seat may be used until the circle has decided it.

        A JOIN that was not granted yet may be under way, so that is taken back for as long.
        """
        signer, circle, is_asking = around.signer, around.roster.circle, self.wish is not None
        leave = write_leave(identity, signer.public, circle) if signer is not None else None
        since = heads.newest if is_asking else None
        self.wish = Wish(identity, None, slot + LINGER_SLOTS, leave, since)

    def tell(self, around: Circumstances, heads: Heads) -> list[Effect]:
        """Tell every voter the own wish, as far as there is one that is not granted."""
        wish, signer, circle = self.wish, around.signer, around.roster.circle
        if wish is None or self._is_out(around, heads):
            return []
        if wish.leave is not None:
            return to_voters(around, wish.leave)
        state = around.state
        is_waiting = state is not None and state.waiting(PeerId(wish.identity.public))
        head = heads.newest
        is_in = around.me is not None or is_waiting
        if signer is None or self.is_leaving or is_in or head is None:
            return []
        return to_voters(around, write_join(wish.identity, signer, head, circle, wish.grant))

    def _takes_back(self, petition: Petition, around: Circumstances) -> bool:
        """Is this the LEAVE of somebody who asked to join and has not come in?"""
        identity, voter = petition.identity, petition.voter
        is_leave = petition.kind == ObjectKind.LEAVE and not _is_in(identity, around)
        return is_leave and self.pool.has_join(identity, voter)

    def _is_out(self, around: Circumstances, heads: Container[bytes]) -> bool:
        """Has the wearer left, and the circle decided it, or no JOIN under way can be granted?"""
        wish = self.wish
        if wish is None or not self.is_leaving or around.signer is not None:
            return False
        if wish.since is not None and wish.since in heads:
            return False
        return not _is_in(PeerId(wish.identity.public), around)

    def is_over(self, around: Circumstances, slot: int) -> bool:
        """Is it time to give up the voter key: out of the roster, or lingered long enough?"""
        if self.wish is None or self.wish.leaves_after_slot is None or around.signer is None:
            return False
        return around.me is None or slot > self.wish.leaves_after_slot


def to_voters(around: Circumstances, said: Carried | Evidence) -> list[Effect]:
    """Return one Send of an object or evidence to each voter but this device."""
    identities = around.roster.identities
    return [Send(to, said) for i, to in enumerate(identities) if i != around.me]


def _is_in(identity: PeerId, around: Circumstances) -> bool:
    """Has somebody a seat, or does one wait for it as far as known?"""
    is_waiting = around.state is not None and around.state.waiting(identity) is not None
    return is_waiting or identity in around.roster.index_of


def _keys(around: Circumstances) -> set[bytes]:
    """Return the voter keys in use, with a seat or waiting for one."""
    standby = around.state.standby if around.state is not None else ()
    return {*around.roster.voters, *(one.seat.voter for one in standby)}


def _key_of(identity: PeerId, around: Circumstances) -> bytes | None:
    """Return the voter key somebody has a seat with or waits with, None if neither is known."""
    index = around.roster.index_of.get(identity)
    if index is not None:
        return around.roster.voters[index]
    waiting = around.state.waiting(identity) if around.state is not None else None
    return waiting.seat.voter if waiting is not None else None


def _must_be_due(petition: Petition, around: Circumstances, heads: Heads) -> None:
    """Raise Unwelcome for what cannot be granted: no signature need be verified for that."""
    state, identity = around.state, petition.identity
    is_in = _is_in(identity, around)
    if petition.kind == ObjectKind.REVOKE:
        if not is_in:
            raise Unwelcome("INV-013", "a REVOKE of somebody who is not in")
        return
    if petition.kind == ObjectKind.LEAVE and petition.voter != _key_of(identity, around):
        raise Unwelcome("INV-013", "a LEAVE of a voter key that is not in use by its signer")
    if state is not None and state.is_out(identity):
        raise Unwelcome("INV-015", "a petition of somebody who was expelled")
    if petition.kind == ObjectKind.LEAVE:
        return
    if is_in:
        raise Unwelcome("INV-014", "a JOIN of somebody who is in")
    if petition.head not in heads:
        raise Unwelcome("INV-011", "a JOIN that names none of the last heads")
    if not heads.admits(identity, petition.head):
        raise Unwelcome("PTN-002", "a JOIN from before its signer left")
    if petition.inviter is not None and petition.inviter not in around.roster.index_of:
        raise Unwelcome("INV-012", "an invitation of somebody without a seat")
