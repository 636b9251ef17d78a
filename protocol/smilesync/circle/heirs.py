"""How a successor is told to those of the old circle who were not there: its genesis, in parts.

Whoever is in it answers the stranded; whoever is stranded puts the parts of each teller together
and judges the whole as if it had come from an enemy. Source: SPEC section Succession (SUC-040 to
SUC-043).
"""

from collections.abc import Mapping

from smilesync.circle.bounded import NOTHING, noted, without
from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Genesis, decode_genesis
from smilesync.effects import Effect, Send
from smilesync.errors import Unwelcome
from smilesync.ids import PeerId, ValueHash
from smilesync.wire.messages import Heir
from smilesync.wire.succeeding import HEIR_BYTES_MAX

FOUNDERS_MIN = 2
REFUSED_GAPS = 8
"""Who told a false genesis is not heard for so many times the gap between two tellings."""
TELLERS_MAX = 8
"""Geneses that are put together at a time; of more, what was added to longest ago gives way."""


class Heirs:
    """Tells the own genesis, and puts together those of others."""

    __slots__ = ("_gap_ns", "_parts", "_refused_ns", "_told_ns")

    def __init__(self, gap_ns: int) -> None:
        self._gap_ns = gap_ns
        self._told_ns: Mapping[PeerId, int] = NOTHING
        self._parts: Mapping[PeerId, bytes] = NOTHING
        self._refused_ns: Mapping[PeerId, int] = NOTHING

    def tell(self, to: PeerId, genesis: Genesis, now_ns: int) -> list[Effect]:
        """Send the genesis of a successor to one of the old circle, at most once in a while."""
        assert genesis.lineage is not None
        self._told_ns = _since(self._told_ns, now_ns - self._gap_ns)
        if to in self._told_ns:
            return []
        self._told_ns = {**self._told_ns, to: now_ns}
        data, circle = genesis.encode(), genesis.lineage.circle
        return [
            Send(to, Heir(circle, offset, len(data), data[offset : offset + HEIR_BYTES_MAX]))
            for offset in range(0, len(data), HEIR_BYTES_MAX)
        ]

    def take(self, part: Heir, sender: PeerId, now_ns: int) -> bytes | None:
        """Take a part; returns the whole once it is there. Errors: Unwelcome.

        Parts come in order or not at all: what is lost is told again.
        """
        self._refused_ns = _since(self._refused_ns, now_ns - REFUSED_GAPS * self._gap_ns)
        if sender in self._refused_ns:
            raise Unwelcome("SUC-043", "from a neighbour that told a false genesis")
        known = self._parts.get(sender, b"") if part.offset else b""
        self._parts = without(self._parts, sender)
        if part.offset != len(known) or part.offset + len(part.data) > part.size_bytes:
            return None
        known += part.data
        if len(known) == part.size_bytes:
            return known
        self._parts = noted(self._parts, sender, known, TELLERS_MAX)
        return None

    def refuse(self, sender: PeerId, now_ns: int) -> None:
        """Hear nothing of a neighbour for a while that told a genesis which is none."""
        self._refused_ns = {**self._refused_ns, sender: now_ns}


def read_heir(
    data: bytes, around: Circumstances, head: ValueHash, *, own: bytes | None, is_trusting: bool
) -> Genesis:
    """Return the successor of the circle of `around` that `data` is the genesis of.

    Errors: RemoteError. Everybody it lists has signed the call. For a device with a seat to lose,
    enough founders have a seat in the roster known here that one of them is honest. All have one,
    if they knew the same head; if another, then only while the known voters may vouch for others
    (`is_trusting`, TRU-001). A founder, whose new voter key is `own`, judged the call already.
    """
    genesis = decode_genesis(data, around.verifier)
    roster, lineage = around.roster, genesis.lineage
    if lineage is None or lineage.circle != roster.circle:
        raise Unwelcome("SUC-041", "a genesis that succeeds another circle")
    if genesis.parameters != around.parameters:
        raise Unwelcome("SUC-041", "a successor has the parameters of the circle that it succeeds")
    seated = [card for card in genesis.founders if card.identity in roster.index_of]
    if any(card.voter == own for card in genesis.founders):
        return genesis
    is_same = lineage.head == head
    is_known = len(seated) == len(genesis.founders) if is_same else is_trusting
    enough = roster.vouchers if around.me is not None else FOUNDERS_MIN
    if len(seated) < enough or not is_known:
        raise Unwelcome("SUC-042", "a successor that too few of the circle founded")
    return genesis


def _since(times_ns: Mapping[PeerId, int], since_ns: int) -> Mapping[PeerId, int]:
    """Return those that are younger; what is older binds nobody."""
    return {peer: at_ns for peer, at_ns in times_ns.items() if at_ns > since_ns}
