"""Where people come in and go: petitions of others, taken and passed on, and this device's own.

A petition is looked at first, verified only if it could be granted, then held and sent on once.
The own wish to join is told again with every new head until it is granted; the own leave until
the seat is gone. Where others pass it on, who waits for a seat says so on, since its voters cannot
hear otherwise that it is there. Source: SPEC sections Membership (INV-010 to INV-015), Spreading.
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
from smilesync.circle.rotated import owners
from smilesync.circle.rotation import look_at_rotate, must_be_due, request, verify_rotate
from smilesync.circle.takings import Takings
from smilesync.effects import Effect, Send
from smilesync.errors import LocalError, Unwelcome
from smilesync.ids import PeerId, ValueHash
from smilesync.keys import Signer
from smilesync.wire.messages import Carried, Evidence, ObjectKind

LINGER_SLOTS = 2
"""A voter that leaves goes on voting until it is out, but no longer than this."""
PETITIONS = frozenset((ObjectKind.JOIN, ObjectKind.LEAVE, ObjectKind.REVOKE, ObjectKind.ROTATE))


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

    __slots__ = ("is_passing", "pool", "takings", "wish")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.takings = Takings()
        self.wish: Wish | None = None
        self.is_passing = False
        """Has this device partners, so that what it takes is passed on also without a seat?"""

    @property
    def is_leaving(self) -> bool:
        """Does the wearer want to leave?"""
        return self.wish is not None and self.wish.leaves_after_slot is not None

    def handle(self, carried: Carried, around: Circumstances, heads: Heads) -> list[Effect]:
        """Take a petition and pass it on.

        Errors: RemoteError; nothing is held of it then.
        """
        self.pool.expire(heads)
        self.takings.turn(heads.newest)
        if carried.kind == ObjectKind.ROTATE:
            return self._rotate(carried, around, heads)
        if around.parameters.policy is Policy.CLOSED:
            raise Unwelcome("INV-010", "a petition in a closed circle")
        if carried.kind not in PETITIONS:
            raise Unwelcome("INV-010", f"kind {carried.kind} is no petition")
        if self.is_passing and carried.kind == ObjectKind.JOIN and _waits(carried.signer, around):
            return self._see(carried, around, heads)
        petition = look_at(carried, around.parameters)
        if self._takes_back(petition, around):
            return self._take_back(petition, around, heads.newest or b"")
        if not self._has_room(petition) and not self.pool.is_wanted(petition):
            return []
        _must_be_due(petition, around, heads)
        verify_petition(petition, around.roster.circle, around.verifier)
        return self._take(petition, around)

    def _has_room(self, petition: Petition) -> bool:
        """Would it be held, and were not too many of its signer since the last decision?"""
        is_few = self.takings.may((petition.kind, petition.identity))
        return is_few and self.pool.has_room(petition)

    def _take(self, petition: Petition, around: Circumstances) -> list[Effect]:
        """Hold a verified petition; pass it on unless others, too, have to ask for it."""
        is_new = self._has_room(petition)
        self.pool.add(petition)
        if is_new:
            self.takings.take((petition.kind, petition.identity))
        return self._pass_on(petition.carried, around, is_new=is_new)

    def _take_back(self, leave: Petition, around: Circumstances, head: bytes) -> list[Effect]:
        """Take the LEAVE of who asked to join. One that ends a JOIN is never too much."""
        place = ObjectKind.JOIN, leave.identity
        is_another = self.pool.has_withdrawn(leave.identity)
        if is_another and (self.pool.is_withdrawn(leave, head) or not self.takings.may(place)):
            return []
        verify_petition(leave, around.roster.circle, around.verifier)
        is_new = self.pool.withdraw(leave, head)
        if is_new and is_another:
            self.takings.take(place)
        return self._pass_on(leave.carried, around, is_new=is_new)

    def ask_for_key(self, around: Circumstances, heads: Heads) -> list[Effect]:
        """Tell every voter, this one too, that the spare key is wanted, as long as it is."""
        asked = request(around, heads.newest)
        if asked is None:
            return []
        self.pool.add(look_at_rotate(asked))
        return to_voters(around, asked)

    def _rotate(self, carried: Carried, around: Circumstances, heads: Heads) -> list[Effect]:
        """Take the wish for another voter key. Errors: RemoteError."""
        petition = look_at_rotate(carried)
        if not self._has_room(petition) and not self.pool.is_wanted(petition):
            return []
        must_be_due(petition, around, heads)
        verify_rotate(petition, around.roster.circle, around.verifier)
        return self._take(petition, around)

    def accuse(self, evidence: Evidence, around: Circumstances, open_slot: int) -> list[Effect]:
        """Take evidence and pass it on. Errors: RemoteError; nothing is held of it then."""
        if around.parameters.policy is Policy.CLOSED or self.pool.accused(evidence.voter):
            return []
        if evidence.voter not in owners(around.roster, around.state):
            raise Unwelcome("EVD-005", "evidence against a voter key that is not in use")
        verify(evidence, around.roster.circle, open_slot, around.verifier)
        return self._pass_on(evidence, around, is_new=self.pool.accuse(evidence))

    def settle(self, around: Circumstances, heads: Container[bytes]) -> None:
        """Drop the petitions that the last decision granted, the own one too."""
        if (around.me is not None and not self.is_leaving) or self._is_out(around, heads):
            self.wish = None
        if around.state is not None:
            waiting = {one.seat.identity for one in around.state.standby}
            inside = waiting | set(around.roster.identities)
            self.pool.settle(inside, owners(around.roster, around.state))

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
        if self._is_out(around, heads):
            return []
        if wish is not None and wish.leave is not None:
            return to_voters(around, wish.leave)
        identity, head = wish.identity if wish is not None else around.identity, heads.newest
        is_bound = self.is_leaving or around.me is not None
        if signer is None or identity is None or is_bound or head is None:
            return []
        waiting = _waits(PeerId(identity.public), around)
        if waiting == signer.public:
            return self._live_on(write_join(identity, signer, head, circle), around)
        if wish is None or waiting is not None:
            return []
        return to_voters(around, write_join(identity, signer, head, circle, wish.grant))

    def _live_on(self, sign: Carried, around: Circumstances) -> list[Effect]:
        """Say to those voters that one waits who cannot hear it themselves."""
        known = self.pool.neighbours
        voters = around.roster.identities if self.is_passing else ()
        return [Send(to, sign) for to in voters if to not in known]

    def _see(self, carried: Carried, around: Circumstances, heads: Heads) -> list[Effect]:
        """Take the word of who waits for a seat that it is there, once for each head.

        Errors: RemoteError.
        """
        sign, order = look_at(carried, around.parameters, is_waiting=True), list(heads)
        if sign.head not in order:
            raise Unwelcome("INV-011", "a JOIN that names none of the last heads")
        if sign.voter != _waits(carried.signer, around):
            raise Unwelcome("INV-014", "a JOIN of somebody who waits with another voter key")
        held = self.pool.signs.get(carried.signer)
        if held in order[order.index(ValueHash(sign.head)) :]:
            return []
        verify_petition(sign, around.roster.circle, around.verifier)
        self.pool.signs[carried.signer] = sign.head
        return self._pass_on(carried, around, is_new=True)

    def _pass_on(
        self, said: Carried | Evidence, around: Circumstances, *, is_new: bool
    ) -> list[Effect]:
        is_mine_to_do = around.me is not None or self.is_passing
        return to_voters(around, said) if is_new and is_mine_to_do else []

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


def _waits(identity: PeerId, around: Circumstances) -> bytes | None:
    """Return the voter key somebody waits with for a seat, None if nobody is known to."""
    waiting = around.state.waiting(identity) if around.state is not None else None
    return waiting.seat.voter if waiting is not None else None


def _is_in(identity: PeerId, around: Circumstances) -> bool:
    """Has somebody a seat, or does one wait for it as far as known?"""
    return _waits(identity, around) is not None or identity in around.roster.index_of


def _must_be_due(petition: Petition, around: Circumstances, heads: Heads) -> None:
    """Raise Unwelcome for what cannot be granted: no signature need be verified for that."""
    state, identity = around.state, petition.identity
    is_in = _is_in(identity, around)
    if petition.kind == ObjectKind.REVOKE:
        if not is_in:
            raise Unwelcome("INV-013", "a REVOKE of somebody who is not in")
        return
    owner = owners(around.roster, state).get(petition.voter)
    if petition.kind == ObjectKind.LEAVE and owner != identity:
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
