"""How those who had a seat in a succeeded circle come into its successor: invited by no hand.

A voter of the successor that tells one of them what it is sends an invitation along. Who goes over
asks for a seat with it. The circle decides as about any guest: nobody else learns of this. Source:
SPEC section Succession (SUC-045 to SUC-047).
"""

import hashlib
from collections.abc import Container, Mapping
from typing import NamedTuple

from smilesync.circle.bounded import NOTHING, noted, without
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Genesis, Policy
from smilesync.circle.lineage import Lineage
from smilesync.circle.petitions import read_invite, write_invite
from smilesync.circle.reception import Reception
from smilesync.circle.roster import Roster
from smilesync.effects import Effect, Event, Notice, Persist, Send
from smilesync.errors import RemoteError, Unwelcome
from smilesync.ids import CircleId, PeerId, short
from smilesync.keys import Signer
from smilesync.wire import records
from smilesync.wire.messages import Carried

INVITED_US = 600_000_000
INVITES_MAX = 8
FOREBEARS_MAX = 4
"""How many circles that it was in before a device can still tell of (SUC-044)."""
LATE_NS = 10_000_000_000
"""An invitation may come so long after the genesis that it was sent with."""


class Descent(NamedTuple):
    """Where a device comes from. `forebears`: circles that it was in before, the oldest first.

    `heritage`: who had a seat in the last of them, as last known here. Until `invited_until_ns` an
    invitation into the present circle may still come.
    """

    forebears: tuple[Genesis, ...] = ()
    heritage: frozenset[PeerId] = frozenset()
    invited_until_ns: int = 0

    def followed(self, genesis: Genesis, roster: Roster, me: PeerId, now_ns: int) -> "Descent":
        """Return the descent of a device that goes over from this circle to a successor."""
        until_ns = now_ns + LATE_NS if me in roster.index_of else 0
        parted = self.parted(genesis)
        return Descent(parted.forebears, frozenset(roster.identities), until_ns)

    def parted(self, genesis: Genesis) -> "Descent":
        """Return the descent of a device that goes over from this circle by a merger."""
        return Descent((*self.forebears, genesis)[-FOREBEARS_MAX:])


FIRST = Descent()
"""That of a device in the circle whose genesis a person gave it."""


def remembered(forebears: tuple[Genesis, ...], lineage: Lineage | None) -> Descent:
    """Return the descent of a device after a restart: its journal has geneses, but no rosters.

    `lineage` of the circle that it is in: nobody had a seat before in one that succeeds no other.
    """
    if not forebears:
        return FIRST
    succeeded = lineage.circle if lineage is not None else None
    before = [one.roster for one in forebears if one.circle_id == succeeded]
    return Descent(forebears, frozenset(before[-1].identities if before else ()))


def invite(to: PeerId, voter: Signer, around: Circumstances, circle_us: int | None) -> list[Effect]:
    """Invite somebody who had a seat in the succeeded circle, if a voter may and there is need."""
    if around.me is None or circle_us is None or around.parameters.policy is not Policy.INVITE:
        return []
    state = around.state
    is_known = state is not None and (state.is_out(to) or state.waiting(to) is not None)
    if is_known or to in around.roster.index_of:
        return []
    circle = around.roster.circle
    return [Send(to, write_invite(voter, circle_us + INVITED_US, circle, to))]


def begun(genesis: Genesis, origin: CircleId, around: Circumstances) -> list[Effect]:
    """Return what is to be on the record before anything is signed in a successor (SUC-032)."""
    assert genesis.lineage is not None
    seat = "none" if around.me is None else "founder"
    detail = f"circle={short(genesis.circle_id)} of={short(genesis.lineage.circle)} seat={seat}"
    return [
        Persist(records.encode(records.Moved(origin, genesis.encode()))),
        Notice(Event.CIRCLE_SUCCEEDED, detail=detail),
    ]


def ask_again(
    reception: Reception,
    invites: "Invites",
    identity: Signer,
    genesis: Genesis,
    around: Circumstances,
) -> None:
    """Ask for a seat in the successor, of which the device is no founder, as its wearer once did.

    With the invitation where voters invite; without a key of its own it asks for nothing.
    A better invitation takes the place of one that was not used yet.
    """
    is_out = around.state is not None and around.state.is_out(PeerId(identity.public))
    is_bound = around.me is not None or around.signer is None or reception.is_leaving
    policy, me = around.parameters.policy, PeerId(identity.public)
    grant = invites.grant(genesis, me, around) if policy is Policy.INVITE else None
    may_ask = not is_bound and not is_out
    if may_ask and (grant is not None or policy is Policy.OPEN):
        reception.join(identity, grant, around)


class Invites:
    """Invitations of neighbours into a successor that is not followed yet, one of each."""

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: Mapping[PeerId, Carried] = NOTHING

    def take(
        self, said: Carried, sender: PeerId, *, is_due: bool, known: Container[PeerId]
    ) -> None:
        """Keep an invitation; it is judged when it is used. Errors: Unwelcome.

        Of too many the oldest goes, of those who are not `known` to have a seat if there are any.
        """
        if said.signer != sender or not is_due:
            raise Unwelcome("SUC-046", "an invitation that nobody waits for, or of somebody else")
        invites = noted(self._of, sender, said, INVITES_MAX + 1)
        if len(invites) > INVITES_MAX:
            strangers = (one for one in invites if one not in known)
            invites = without(invites, next(strangers, next(iter(invites))))
        self._of = invites

    def grant(self, genesis: Genesis, me: PeerId, around: Circumstances) -> Carried | None:
        """Return one that is for this device, and for the circle that it goes over to.

        Of several that of a voter, as far as known; of these that of the lowest
        H(guest || inviter): no voter brings in more than a few.
        """
        voters = around.roster.index_of
        by_place = sorted(self._of.values(), key=lambda one: _place(me, one.signer))
        for said in sorted(by_place, key=lambda one: one.signer not in voters):
            try:
                if read_invite(said, genesis.circle_id, around.verifier).guest == me:
                    return said
            except RemoteError:
                continue
        return None


def _place(guest: PeerId, inviter: PeerId) -> bytes:
    return hashlib.sha256(guest + inviter).digest()
