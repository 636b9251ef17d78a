"""Whom a device listens to how often, and what it answers to STATUS, a question and WANT.

Source: SPEC sections Quorum and votes (CIR-001), Repair and Restart (CIR-036, CIR-039, CIR-044,
CIR-053), Membership (MEM-020, MEM-027, INV-016), Spreading (SPR-041).
"""

from smilesync.circle import guard, repair
from smilesync.circle.chain import Chain
from smilesync.circle.pool import Pool
from smilesync.circle.slot import Slot
from smilesync.config import CircleConfig
from smilesync.errors import Unwelcome
from smilesync.ids import PeerId
from smilesync.wire.messages import (
    Body,
    Carried,
    CircleMessage,
    Decided,
    Piece,
    Propose,
    Status,
    Votes,
    Want,
)

PIECES_MAX = 4
ASKERS_MAX = 2_048


class Answers:
    """How often each peer may be answered, by what it asked, and heard if it has no seat."""

    __slots__ = ("_answered_ns", "_config", "_interval_ns", "_paid_ns")

    def __init__(self, config: CircleConfig) -> None:
        self._config = config
        self._interval_ns = config.answer_interval_ns
        self._answered_ns: dict[tuple[PeerId, str], int] = {}
        self._paid_ns: dict[PeerId, int] = {}

    def may(self, sender: PeerId, what: str, now_ns: int) -> bool:
        """At most one answer per peer, request and interval: traffic must not cause traffic.

        Each request has its own: STATUS and WANT of one member arrive together. What was answered
        longer ago binds nobody, and is forgotten.
        """
        answered, since_ns = self._answered_ns, now_ns - self._interval_ns
        gone = []
        for asked, answered_ns in answered.items():
            if answered_ns > since_ns:
                break
            gone.append(asked)
        for asked in gone:
            del answered[asked]
        if (sender, what) in answered:
            return False
        answered[sender, what] = now_ns
        if len(answered) > ASKERS_MAX:
            del answered[next(iter(answered))]
        return True

    def admit(self, message: CircleMessage, sender: PeerId, open_slot: int, now_ns: int) -> None:
        """Let in what asks, and a little of what proves itself: so that followers keep up.

        Errors: Unwelcome for what only voters may send, and for too much of the rest.
        """
        is_voting = isinstance(message, Propose | Body | Piece)
        if is_voting or (isinstance(message, Votes) and message.slot <= open_slot):
            raise Unwelcome("CIR-001", "a vote, value or piece from a device that is no voter")
        if isinstance(message, Decided | Votes):
            what = "decided" if isinstance(message, Decided) else "votes"
            if not self.may(sender, what, now_ns):
                raise Unwelcome("MEM-027", "decisions of a device that is no voter come too fast")

    def hear_out(self, sender: PeerId, now_ns: int, *, is_partner: bool) -> None:
        """Let in one petition or piece of evidence of a device without a seat; raises Unwelcome."""
        if is_partner:
            self.hear_partner(sender, now_ns)
        elif not self.may(sender, "petition", now_ns):
            raise Unwelcome("INV-016", "petitions and evidence come too fast")

    def hear_partner(self, sender: PeerId, now_ns: int) -> None:
        """Let in what a partner passes on of others, so much at once and so much in a second.

        Errors: Unwelcome.
        """
        due_ns = max(self._paid_ns.pop(sender, now_ns), now_ns)
        is_too_much = due_ns - now_ns > self._config.hearsay_burst_ns
        self._paid_ns[sender] = due_ns if is_too_much else due_ns + self._config.hearsay_cost_ns
        if len(self._paid_ns) > ASKERS_MAX:
            del self._paid_ns[next(iter(self._paid_ns))]
        if is_too_much:
            raise Unwelcome("SPR-041", "petitions and evidence of a partner come too fast")


def to_status(asker: Status, slot: Slot, chain: Chain) -> list[CircleMessage]:
    """Return what brings an asker on that is not ahead."""
    is_behind = asker.slot < slot.number
    return chain.answer(asker.slot) if is_behind else repair.differences(slot, asker)


def to_question(asker: Status, index: int, slot: Slot, chain: Chain, away: int) -> Status:
    """Answer the question of a restarted member, whatever this one is waiting for itself."""
    head = chain.signed_by(slot.around.roster.voters[index])
    recalled_slot, recalled = guard.recall(asker, index, slot, head)
    return Status(
        slot.number,
        slot.view,
        repair.summarise(slot),
        repair.bodies(slot),
        answer=asker.question,
        recalled_slot=recalled_slot,
        recalled=recalled,
        away=away,
    )


def to_want(request: Want, slot: Slot, chain: Chain, pool: Pool) -> list[CircleMessage | Carried]:
    """Return what is held of what was asked for by name."""
    parts: list[CircleMessage | Carried] = []
    for wanted, offset in request.pieces[:PIECES_MAX]:
        said = pool.get(wanted)
        parts += chain.pieces(wanted, offset) if said is None else [said]
    if request.slot == slot.number:
        parts += repair.wanted(slot, request)
    return parts
