"""Who belongs to the circle, as one device sees it: seats, presence, petitions, its own wish.

The circle asks here under which roster a slot runs, whom its leader may seat, and what the wearer
wants; it tells of every decision. Source: SPEC section Membership.
"""

from dataclasses import replace

from smilesync.circle.chain import Chain
from smilesync.circle.changes import Changes
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.evidence import SLOTS_MAX
from smilesync.circle.genesis import Policy
from smilesync.circle.petitions import granted, invite_text, read_invite, write_invite
from smilesync.circle.pool import Pool
from smilesync.circle.presence import Presence
from smilesync.circle.proposing import begins_us
from smilesync.circle.reception import Reception
from smilesync.circle.roster import Roster
from smilesync.circle.rotation import key_of
from smilesync.circle.seating import Moment, choose
from smilesync.circle.state import State
from smilesync.circle.witness import Witness
from smilesync.effects import AdoptVoterKey, Effect, Event, Notice, Send
from smilesync.errors import LocalError, RemoteError, Unauthentic
from smilesync.ids import PeerId, VoterKey, short
from smilesync.keys import Signer
from smilesync.wire.messages import Carried, Evidence
from smilesync.wire.records import Abandoned


class Members:
    """`around` is what the open slot runs under; it is another object after every change."""

    def __init__(self, around: Circumstances, chain: Chain, now_ns: int) -> None:
        self.presence = Presence(around.roster, around.me, now_ns)
        self.reception = Reception(Pool())
        self.witness = Witness(around.config, self.presence, self.reception.pool, chain)
        self.around = around.seen_by(self.witness)
        self._chain = chain
        self.decided_ns = now_ns
        """When a decision was learned last, or the device started."""

    @property
    def roster(self) -> Roster:
        """The voters of the open slot."""
        return self.around.roster

    @property
    def standby(self) -> tuple[PeerId, ...]:
        """Who waits for a seat, as far as known."""
        state = self.around.state
        return tuple(one.seat.identity for one in state.standby) if state is not None else ()

    @property
    def is_governed(self) -> bool:
        """Can the voters of this circle change?"""
        return self.around.parameters.policy is not Policy.CLOSED

    def follow(self, now_ns: int) -> list[Effect]:
        """Go over to what the last decision made of roster and state; says if seats changed.

        Who gets its spare key uses it from here on: the roster of a slot has one key of it only.
        """
        chain, before = self._chain, self.around
        self.decided_ns = now_ns
        self.reception.pool.wanted = ()
        is_same = chain.state is before.state or chain.state == before.state
        if is_same and chain.roster.hash == before.roster.hash:
            return []
        self.around = around = before.under(chain.roster, chain.state)
        self.reception.settle(around, chain.heads)
        effects = self._adopted(before)
        if around.roster.hash == before.roster.hash:
            return effects
        self.presence.follow(around.roster, around.me, now_ns)
        detail = f"voters={around.roster.size}"
        if (around.me is None) is not (before.me is None):
            detail += " seat=lost" if around.me is None else " seat=won"
        return [*effects, Notice(Event.ROSTER_CHANGED, detail=detail)]

    def learn(self, state: State) -> list[Effect]:
        """Take the state that was not known."""
        before = self.around
        self.around = before.under(self.roster, state)
        return self._adopted(before)

    def _adopted(self, before: Circumstances) -> list[Effect]:
        """Return that the spare key took the place of the other, if it did."""
        if self.around.signer is before.signer:
            return []
        return [AdoptVoterKey(), Notice(Event.KEY_ROTATED)]

    def part(self, *, is_left: bool = True) -> list[Effect]:
        """Have no voter key any more; says so if the circle is left by it."""
        self.around = replace(self.around, signer=None, me=None, spare=None)
        detail = f"circle={short(self.roster.circle)}"
        return [Notice(Event.CIRCLE_LEFT, detail=detail)] if is_left else []

    def abandonment(self) -> Abandoned:
        """Return the record that this device's voter key of the circle is given up."""
        assert self.around.signer is not None
        return Abandoned(self.roster.circle, VoterKey(self.around.signer.public))

    def changes(self, circle_us: int, view: int, now_ns: int) -> Changes:
        """Return what this device would change as leader of `view`."""
        at_us = begins_us(circle_us, self._chain.head(), self.around)
        return choose(self.around, self.witness, Moment(at_us, view, now_ns))

    def hear(self, said: Carried | Evidence, sender: PeerId, now_ns: int) -> list[Effect]:
        """Take a petition or evidence of a neighbour and pass it on. Errors: RemoteError."""
        takings = self.reception.takings
        takings.admit(sender, now_ns)
        try:
            return self.handle(said)
        except Unauthentic:
            takings.caught(sender, now_ns)
            raise

    def handle(self, said: Carried | Evidence) -> list[Effect]:
        """Take a petition or evidence, of others or found here, and pass it on.

        Errors: RemoteError.
        """
        if isinstance(said, Evidence):
            return self.reception.accuse(said, self.around, self._chain.head().slot + 1)
        return self.reception.handle(said, self.around, self._chain.heads)

    def tell(self, *, may_vote: bool = True) -> list[Effect]:
        """Tell the voters what the wearer wants, as long as it is not granted.

        Without a key that `may_vote` nobody asks for a seat.
        """
        effects = self.reception.ask_for_key(self.around, self._chain.heads)
        if not may_vote and not self.reception.is_leaving:
            return effects
        return effects + self.reception.tell(self.around, self._chain.heads)

    def connected(self, peer: PeerId) -> list[Effect]:
        """The link to a voter came up: it is told at once which other key this device asks for."""
        asked = self.reception.ask_for_key(self.around, self._chain.heads)
        return [one for one in asked if isinstance(one, Send) and one.to == peer]

    def rotate(self, spare: Signer) -> list[Effect]:
        """Ask for another voter key, now and with every new head. Errors: LocalError."""
        around = self.around
        state, me = around.state, around.identity
        assert me is not None
        if self.reception.is_leaving:
            raise LocalError("this device leaves the circle, and needs no other voter key there")
        if key_of(PeerId(me.public), around) is None:
            raise LocalError("this device has no seat in the circle, and waits for none: join it")
        if around.spare is not None and around.spare.public != spare.public:
            raise LocalError("another voter key is asked for already, and not granted yet")
        if state is not None and state.has_rotated(PeerId(me.public)):
            raise LocalError(
                "this device got another voter key of late; ask again when the circle has decided "
                f"{SLOTS_MAX} times more"
            )
        self.around = replace(around, spare=spare)
        return self.reception.ask_for_key(self.around, self._chain.heads)

    def is_invited(self, identity: Signer, grant: Carried | None) -> bool:
        """Does the wearer hold an invitation that this circle takes, or need none?

        Errors: LocalError.
        """
        policy = self.around.parameters.policy
        if grant is None or policy is Policy.CLOSED:
            return policy is Policy.OPEN
        try:
            granted(grant, PeerId(identity.public), self.around.parameters)
            read_invite(grant, self.roster.circle, self.around.verifier)
        except RemoteError as error:
            raise LocalError(f"this invitation is not for here: {error.detail}") from None
        return True

    def join(self, identity: Signer, grant: Carried | None) -> list[Effect]:
        """Ask for a seat, now and with every new head. Errors: LocalError."""
        self.reception.join(identity, grant, self.around)
        return self.tell()

    def invitation(self, inviter: Signer, until_us: int | None, guest: PeerId | None) -> str:
        """Return an invitation as one word; `until_us` is None without a clock. Raises LocalError.

        It holds until that circle time, for `guest` only if one is named.
        """
        if self.around.parameters.policy is not Policy.INVITE:
            raise LocalError("in this circle voters do not invite")
        if self.around.me is None or until_us is None:
            raise LocalError("only a voter whose clock is synchronised can invite; try again soon")
        circle = self.roster.circle
        return invite_text(circle, write_invite(inviter, until_us, circle, guest))

    def leave(self, identity: Signer) -> list[Effect]:
        """Give up the seat; who has none has nothing to wait for.

        In a closed circle seats stay for ever. One that never votes again could cost the others
        their quorum, so there this changes nothing: the light and what is shared ended before.
        """
        if not self.is_governed:
            return []
        self.around, chain = replace(self.around, spare=None), self._chain
        self.reception.leave(identity, self.around, chain.heads, chain.head().slot + 1)
        return self.tell()

    def is_gone(self) -> bool:
        """Is it time to give up the voter key?"""
        return self.reception.is_over(self.around, self._chain.head().slot + 1)
