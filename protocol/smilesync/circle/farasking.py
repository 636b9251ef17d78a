"""The question after a restart, and its answer, over others (CIR-052, CIR-053).

The same STATUS that goes over an own link, cut to what an ASK has room for. The answer counts
because the voter signs it, so nobody in between can say that nothing is remembered.
"""

from dataclasses import replace

from smilesync.circle import guard, repair
from smilesync.circle.chain import Chain
from smilesync.circle.guard import RestartGuard
from smilesync.circle.slot import Slot
from smilesync.errors import Malformed
from smilesync.wire import codec
from smilesync.wire.messages import Ask, Status

LISTED_MAX = 12
"""The newest votes come first, and they are what a rolled-back journal lacks."""


def question_of(asking: RestartGuard, slot: Slot) -> bytes | None:
    """Return the question that a restarted voter still has, None if it has none."""
    if not asking.is_asking:
        return None
    whole = repair.status(slot, asking.question)
    return codec.encode(replace(whole, held=whole.held[:LISTED_MAX], bodies=()))


def reply_to(ask: Ask, slot: Slot, chain: Chain) -> bytes | None:
    """Return the answer to the question in an ASK, None if there is none.

    Errors: Malformed.
    """
    if ask.question is None or ask.asker is None:
        return None
    asked = codec.decode(ask.question)
    if not isinstance(asked, Status) or ask.asker >= slot.around.roster.size:
        raise Malformed("SPR-012", "the question in an ASK is a STATUS of a voter")
    head = chain.signed_by(slot.around.roster.voters[ask.asker])
    recalled_slot, recalled = guard.recall(asked, ask.asker, slot, head)
    return codec.encode(
        Status(
            slot.number,
            slot.view,
            (),
            answer=asked.question,
            recalled_slot=recalled_slot,
            recalled=recalled,
        )
    )
