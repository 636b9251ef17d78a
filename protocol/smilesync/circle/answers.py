"""What a device answers to those who ask it: STATUS, the question after a restart, WANT.

Source: SPEC sections Repair and Restart (CIR-036, CIR-039, CIR-044, CIR-053, MEM-020).
"""

from dataclasses import replace

from smilesync.circle import guard, repair
from smilesync.circle.chain import Chain
from smilesync.circle.circumstances import NEVER_NS
from smilesync.circle.pool import Pool
from smilesync.circle.slot import Slot
from smilesync.ids import PeerId
from smilesync.wire.messages import Carried, CircleMessage, Status, Want

PIECES_MAX = 4
ASKERS_MAX = 2_048


class Answers:
    """How often each peer may be answered, by what it asked."""

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._answered_ns: dict[tuple[PeerId, str], int] = {}

    def may(self, sender: PeerId, what: str, now_ns: int) -> bool:
        """At most one answer per peer, request and interval: traffic must not cause traffic.

        Each request has its own: STATUS and WANT of one member arrive together.
        """
        last_ns = self._answered_ns.pop((sender, what), -NEVER_NS)
        is_free = now_ns - last_ns >= self._interval_ns
        self._answered_ns[sender, what] = now_ns if is_free else last_ns
        if len(self._answered_ns) > ASKERS_MAX:
            del self._answered_ns[next(iter(self._answered_ns))]
        return is_free


def to_status(asker: Status, slot: Slot, chain: Chain, own: Status) -> list[CircleMessage]:
    """Return what brings the asker on, or the `own` STATUS to one that is ahead."""
    if asker.slot < slot.number:
        return chain.answer(asker.slot)
    if asker.slot > slot.number:
        return [own]
    return repair.differences(slot, asker)


def to_question(asker: Status, index: int, slot: Slot, chain: Chain) -> Status:
    """Answer the question of a restarted member, whatever this one is waiting for itself."""
    head = chain.decisions[-1][1] if chain.decisions else None
    recalled_slot, recalled = guard.recall(asker, index, slot, head)
    own = repair.status(slot, 0)
    return replace(own, answer=asker.question, recalled_slot=recalled_slot, recalled=recalled)


def to_want(request: Want, slot: Slot, chain: Chain, pool: Pool) -> list[CircleMessage | Carried]:
    """Return what is held of what was asked for by name."""
    parts: list[CircleMessage | Carried] = []
    for wanted, offset in request.pieces[:PIECES_MAX]:
        said = pool.get(wanted)
        parts += chain.pieces(wanted, offset) if said is None else [said]
    if request.slot == slot.number:
        parts += repair.wanted(slot, request)
    return parts
