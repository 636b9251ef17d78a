"""Questions to voters without an own link, and the answers' ways back.

ASK goes from partner to partner towards each voter it names; TOLD comes back the same way. What a
voter tells is signed over the asker's nonce, so those in between can delay or drop it and nothing
else. Nobody passes the same question on to the same voter twice, so it cannot run in circles, and
an answer is taken only from whom that question went to. Source: SPEC section Spreading.
"""

from collections.abc import Callable
from typing import NamedTuple

from smilesync.circle.quorum import bits
from smilesync.circle.roster import Roster
from smilesync.errors import Malformed, Unauthentic, Unwelcome
from smilesync.ids import PeerId
from smilesync.keys import Signer, Verifier
from smilesync.wire import cbor
from smilesync.wire.envelope import Domain, signed_bytes
from smilesync.wire.fields import Fields
from smilesync.wire.messages import Ask, Told
from smilesync.wire.spreading import BODY_BYTES_MAX

OPEN_MAX = 4_096
OPEN_NS = 2_000_000_000
"""An answer that takes longer gives no reading, and is not passed on."""

Ways = Callable[[int], list[PeerId]]
"""Returns over which partners a voter is reached, the best first; itself if there is a link."""


class Answer(NamedTuple):
    """What a voter told: its circle time (us; None: has none), and its STATUS if it was asked."""

    voter: int
    circle_us: int | None
    is_synced: bool
    status: bytes | None
    asked_ns: int


class Hop(NamedTuple):
    """Over whom a voter is asked, and for whom (None: for this device)."""

    to: PeerId
    asker: PeerId | None


class Errand:
    """One question under way: since when, and each voter's hop, None once it answered.

    Its parts may come here over different partners, so every voter has an asker of its own.
    """

    __slots__ = ("asked_ns", "hops")

    def __init__(self, asked_ns: int) -> None:
        self.asked_ns = asked_ns
        self.hops: dict[int, Hop | None] = {}


class Errands:
    """Open questions by nonce, bounded; the oldest are forgotten first."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[bytes, Errand] = {}

    def begin(self, ask: Ask, ways: Ways, now_ns: int) -> list[tuple[PeerId, Ask]]:
        """Ask a question of one's own; returns what to send to whom."""
        return self._spread(ask, None, ways, now_ns)

    def forward(
        self, ask: Ask, sender: PeerId, ways: Ways, now_ns: int
    ) -> list[tuple[PeerId, Ask]]:
        """Pass a partner's question on; returns what to send to whom, never back to the sender."""
        return self._spread(ask, sender, ways, now_ns)

    def handle_told(self, told: Told, sender: PeerId, now_ns: int) -> tuple[PeerId | None, int]:
        """Find whose question this answers: (who asked, None: this device; when it was asked).

        Errors: Unwelcome when it was not asked there, or too long ago.
        """
        errand = self._open.get(told.nonce)
        hop = errand.hops.get(told.voter) if errand is not None else None
        if errand is None or hop is None or hop.to != sender:
            raise Unwelcome("SPR-032", "an answer to nothing that was asked there")
        if now_ns - errand.asked_ns > OPEN_NS:
            raise Unwelcome("SPR-032", "an answer that comes too late")
        return hop.asker, errand.asked_ns

    def close(self, told: Told) -> None:
        """The answer of this voter is used, or on its way: a second one is not wanted."""
        self._open[told.nonce].hops[told.voter] = None

    def _spread(
        self, ask: Ask, asker: PeerId | None, ways: Ways, now_ns: int
    ) -> list[tuple[PeerId, Ask]]:
        errand = self._open.get(ask.nonce) or self._note(ask.nonce, Errand(now_ns))
        parts: dict[PeerId, int] = {}
        for voter in bits(ask.voters):
            if voter in errand.hops:
                continue
            to = next((way for way in ways(voter) if way != asker), None)
            if to is not None:
                errand.hops[voter] = Hop(to, asker)
                parts[to] = parts.get(to, 0) | 1 << voter
        return [
            (to, Ask(ask.nonce, voters, ask.asker, ask.question)) for to, voters in parts.items()
        ]

    def _note(self, nonce: bytes, errand: Errand) -> Errand:
        self._open[nonce] = errand
        oldest_ns = errand.asked_ns - OPEN_NS
        oldest = next(iter(self._open))
        while len(self._open) > OPEN_MAX or self._open[oldest].asked_ns < oldest_ns:
            del self._open[oldest]
            oldest = next(iter(self._open))
        return errand


def answer(
    ask: Ask,
    roster: Roster,
    signer: Signer,
    *,
    time: tuple[int | None, bool],
    status: bytes | None,
) -> Told:
    """Return what this voter tells: `time` is its circle time in us, and whether it is SYNCED."""
    index = roster.place_of(signer.public)
    assert index is not None
    circle_us, is_synced = time
    fields: dict[int, cbor.CborValue] = {1: ask.nonce, 3: is_synced}
    if circle_us is not None:
        fields[2] = circle_us
    if status is not None:
        fields[4] = status
    body = cbor.encode(dict(sorted(fields.items())))
    signature = signer.sign(signed_bytes(Domain.CLOCK, body, circle=roster.circle))
    return Told(ask.nonce, index, body, signature)


def read_answer(told: Told, roster: Roster, verifier: Verifier, asked_ns: int) -> Answer:
    """Return what a voter told over this device's nonce.

    Errors: Malformed, Unauthentic.
    """
    if told.voter >= roster.size:
        raise Malformed("SPR-033", f"an answer of voter {told.voter} of {roster.size}")
    data = signed_bytes(Domain.CLOCK, told.body, circle=roster.circle)
    if not verifier.verify(roster.voters[told.voter], data, told.signature):
        raise Unauthentic("SPR-033", f"an answer of voter {told.voter} does not verify")
    fields = Fields.of_map(cbor.decode(told.body), "SPR-033")
    nonce = fields.sized(1, len(told.nonce))
    circle_us, is_synced = fields.optional_uint(2), fields.flag(3)
    status = fields.maybe_octets(4, most=BODY_BYTES_MAX)
    fields.close()
    if nonce != told.nonce:
        raise Unauthentic("SPR-033", "signed over another nonce")
    return Answer(told.voter, circle_us, is_synced, status, asked_ns)
