"""Neighbours that follow the same circle: who they are, and what they are known to hold.

HELLO names the circle only to those who know it. A voter of a small circle never says it first, so
where everybody has a link with everybody nothing is said, and nothing is passed on. Source: SPEC
section Spreading.
"""

import hashlib

from smilesync.circle.quorum import VoteKey
from smilesync.circle.roster import Roster
from smilesync.entropy import Entropy
from smilesync.ids import CircleId, PeerId, VoterKey
from smilesync.wire.messages import Hello
from smilesync.wire.spreading import SALT_BYTES, TAG_BYTES

NO_SLOT = -1
SMALL_VOTERS_MAX = 16
"""Up to so many voters have links with each other, and need nobody in between."""


class Partner:
    """One such neighbour. `reach`: the voters it has own links with, by roster index;
    `serves`: it has partners that lack a link to some voter.

    `held` and `views`: the votes and proposals of slot `slot` that it is known to hold; `beacons`:
    the newest circle time it is known to have of each voter, by key; `credit_ns`: until when its
    requests are paid for; `words_ns`: the same of feelings, and of their withdrawals.
    """

    __slots__ = (
        "beacons",
        "credit_ns",
        "held",
        "peer",
        "reach",
        "serves",
        "slot",
        "views",
        "words_ns",
    )

    def __init__(self, peer: PeerId) -> None:
        self.peer = peer
        self.reach = 0
        self.serves = False
        self.slot = 0
        self.held: dict[VoteKey, int] = {}
        self.views: set[int] = set()
        self.beacons: dict[VoterKey, int] = {}
        self.credit_ns = 0
        self.words_ns = [0, 0]

    def turn(self, slot: int) -> None:
        """What is known of it is of an earlier slot, and forgotten: this one is `slot`."""
        if self.slot != slot:
            self.slot = slot
            self.held = {}
            self.views = set()


class Partners:
    """The partners by name, and the own reach. Bounded by the links there can be.

    `name` is the device's own, `me` its index in the roster.
    """

    __slots__ = (
        "_circle",
        "_entropy",
        "_everybody",
        "_me",
        "_name",
        "_roster",
        "known",
        "links",
        "reach",
        "serves",
    )

    def __init__(
        self, circle: CircleId, roster: Roster, name: PeerId, me: int | None, entropy: Entropy
    ) -> None:
        self.known: dict[PeerId, Partner] = {}
        self.reach = 0
        self.serves = False
        """Has it partners that lack a link to some voter? Then all voters' words are wanted."""
        self._circle = circle
        self._entropy = entropy
        self._name = name
        self.links: dict[PeerId, bool] = {}
        self._roster = roster
        self.follow(roster, me)

    @property
    def is_calling(self) -> bool:
        """Does this device say HELLO first: without a seat, among many voters, or with partners?"""
        is_lone = self._me is None or self._roster.size > SMALL_VOTERS_MAX
        return is_lone or bool(self.known)

    def follow(self, roster: Roster, me: int | None) -> None:
        """Go over to another roster: indices mean others from now on."""
        before = self._roster.identities
        moved = [(old, roster.index_of.get(identity)) for old, identity in enumerate(before)]
        self._roster, self._me = roster, me
        self._everybody = (1 << roster.size) - 1
        for partner in self.known.values():
            partner.turn(NO_SLOT)
            held = {voter: us for voter, us in partner.beacons.items() if voter in roster.voters}
            partner.beacons = held
            reach = partner.reach
            partner.reach = sum(
                1 << new for old, new in moved if new is not None and reach >> old & 1
            )
        self._measure()

    def connected(self, peer: PeerId) -> list[PeerId]:
        """A link came up; returns whom to greet."""
        is_called = self.links[peer] = self.is_calling
        self._measure()
        return [peer] if is_called else []

    def disconnected(self, peer: PeerId) -> None:
        """The link is gone."""
        self.links.pop(peer, None)
        self.known.pop(peer, None)
        self._measure()

    def handle_hello(self, hello: Hello, sender: PeerId) -> list[PeerId]:
        """Take a neighbour's word that it follows this circle; returns whom to greet.

        With the first partner everybody is greeted: others may be reached over this device now.
        One of another circle is not noticed.
        """
        if hello.tag != self._tag(hello.salt, sender) or sender not in self.links:
            return []
        back = [] if sender in self.known else [sender]  # its own link may be older than ours
        partner = self.known.setdefault(sender, Partner(sender))
        partner.reach = hello.reach & self._everybody
        partner.serves = hello.serves
        self._measure()
        return self._untold() or back

    def hello(self) -> Hello:
        """Return what to tell a neighbour."""
        salt = self._entropy.draw(SALT_BYTES)
        return Hello(salt, self._tag(salt, self._name), self.reach, self.serves)

    def greeted(self) -> list[PeerId]:
        """Return everybody to tell when something of it changes."""
        self._untold()
        return list(self.links)

    def is_linked(self, index: int) -> bool:
        """Has this device a link of its own with the voter, or is it itself?"""
        return bool(self.reach >> index & 1)

    def _measure(self) -> None:
        index_of = self._roster.index_of
        reach = 0 if self._me is None else 1 << self._me
        for peer in self.links:
            index = index_of.get(peer)
            if index is not None:
                reach |= 1 << index
        self.reach = reach
        self.serves = any(
            partner.peer not in index_of or partner.reach != self._everybody
            for partner in self.known.values()
        )

    def _untold(self) -> list[PeerId]:
        """Return whom nobody told yet; from now on they are told."""
        untold = [peer for peer, is_told in self.links.items() if not is_told]
        self.links.update(dict.fromkeys(untold, True))
        return untold

    def _tag(self, salt: bytes, who: PeerId) -> bytes:
        """Return the tag of somebody: whoever hears it cannot say it, too."""
        return hashlib.sha256(salt + self._circle + who).digest()[:TAG_BYTES]
