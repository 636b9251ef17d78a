"""Rosters and states by their hash: what is held, what is wanted, and its pieces on the way.

Nothing here is trusted because of who sent it: a body is taken when its hash is the one asked for.
Pieces are put together per sender, so that a liar spoils only its own.
Source: SPEC section Membership (MEM-020).
"""

from collections.abc import Collection, Mapping

from smilesync.circle.bounded import NOTHING, noted, without
from smilesync.circle.roster import Roster, roster_of
from smilesync.circle.state import State, state_of
from smilesync.config import PIECED_BYTES_MAX
from smilesync.errors import Malformed
from smilesync.ids import PeerId
from smilesync.wire.messages import Piece
from smilesync.wire.records import Seated

ROSTERS_MAX = 40
"""Those of the decisions that a straggler may be told of, and a few more."""
WANTED_MAX = 4
CLAIMED_MAX = 8
"""Rosters that were fetched because somebody named them, and that decided nothing yet."""
PARTS_MAX = 8
PIECE_BYTES = 1_024
PIECES_PER_ANSWER_MAX = 4
REQUESTS_MAX = 4
"""As many as `answers.PIECES_MAX` of one WANT are answered."""


class Library:
    """Rosters held, newest last; bodies wanted by hash; the bytes of either for others."""

    __slots__ = ("_circle", "_claimed", "_parts", "_rosters", "_wanted")

    def __init__(self, roster: Roster) -> None:
        self._circle = roster.circle
        self._rosters: tuple[Roster, ...] = (roster,)
        self._claimed: Mapping[bytes, Roster] = NOTHING
        self._wanted: tuple[bytes, ...] = ()
        self._parts: Mapping[tuple[PeerId, bytes], bytes] = NOTHING

    def roster(self, roster_hash: bytes) -> Roster | None:
        """Return the roster of this hash, None if it is not held."""
        return self._decided(roster_hash) or self._claimed.get(roster_hash)

    def keep(self, roster: Roster) -> None:
        """Hold a roster of a decision; the oldest ones give way."""
        self._claimed = without(self._claimed, roster.hash)
        if roster is not self._rosters[-1]:
            others = [one for one in self._rosters if one.hash != roster.hash]
            self._rosters = (*others, roster)[-ROSTERS_MAX:]

    def restore(self, seated: Seated) -> tuple[Roster, State | None]:
        """Return what a journal record spells out."""
        state = state_of(seated.state) if seated.state is not None else None
        return roster_of(self._circle, seated.roster), state

    def want(self, roster_hash: bytes) -> None:
        """Ask for a roster with the next question, unless it is held."""
        if self.roster(roster_hash) is None and roster_hash not in self._wanted:
            self._wanted = (*self._wanted, roster_hash)[-WANTED_MAX:]

    def requests(
        self, peer: PeerId, state_hash: bytes | None, named: Collection[bytes]
    ) -> tuple[tuple[bytes, int], ...]:
        """Return (hash, offset) of what to ask `peer` for, as much as it will answer at once.

        The state first, then the petitions `named`; rosters last, since strangers can name them.
        """
        state = [state_hash] if state_hash is not None else []
        hashes = [*state, *named, *self._wanted][:REQUESTS_MAX]
        return tuple((one, len(self._parts.get((peer, one), b""))) for one in hashes)

    def pieces(self, wanted: bytes, offset: int, state: bytes | None) -> list[Piece]:
        """Return the next pieces of a decision's roster, or of the `state` body if given."""
        roster = self._decided(wanted)
        body = roster.body if roster is not None else state
        if body is None:
            return []
        starts = range(offset, len(body), PIECE_BYTES)[:PIECES_PER_ANSWER_MAX]
        return [Piece(wanted, at, len(body), body[at : at + PIECE_BYTES]) for at in starts]

    def handle_piece(self, piece: Piece, sender: PeerId, state_hash: bytes | None) -> State | None:
        """Take a piece of something wanted; returns the state once it is whole and is the one.

        Errors: Malformed when all pieces of one sender make something else than was asked for.
        """
        if piece.hash not in self._wanted and piece.hash != state_hash:
            return None
        key = (sender, piece.hash)
        held = self._parts.get(key, b"")
        if piece.offset != len(held) or piece.size_bytes > PIECED_BYTES_MAX:
            return None
        self._parts = without(self._parts, key)
        body = held + piece.data
        if len(body) < piece.size_bytes:
            self._parts = noted(self._parts, key, body, PARTS_MAX)
            return None
        if piece.hash == state_hash:
            return self._whole_state(body, state_hash)
        roster = roster_of(self._circle, body)
        if roster.hash != piece.hash:
            raise Malformed("MEM-020", "the pieces make another roster than was asked for")
        self._wanted = tuple([one for one in self._wanted if one != roster.hash])
        # Anybody can name a roster of its own making: that must not push out those that count.
        self._claimed = noted(self._claimed, roster.hash, roster, CLAIMED_MAX)
        return None

    def _decided(self, roster_hash: bytes) -> Roster | None:
        """Return the roster of this hash, if it is one of a decision."""
        for one in reversed(self._rosters):
            if one.hash == roster_hash:
                return one
        return None

    def _whole_state(self, body: bytes, state_hash: bytes) -> State:
        state = state_of(body)
        if state.hash(self._circle) != state_hash:
            raise Malformed("MEM-020", "the pieces make another state than was asked for")
        return state
