"""Passing on what the circle says: to each partner the votes and proposals it may lack.

What is pushed is the difference between the own book and what a partner is known to hold, to a few
partners drawn anew each time; STATUS tells the others what there is, and repairs. Only verified
votes are in the book, so nothing else is passed on, and nothing is passed on twice over one link.
A voter with a link of its own to the signer has its vote from there. Source: SPEC section
Spreading.
"""

from smilesync.circle.partners import Partner
from smilesync.circle.quorum import VoteKey, bits
from smilesync.circle.repair import pack
from smilesync.circle.slot import Slot
from smilesync.circle.value import Named
from smilesync.wire.messages import (
    CircleMessage,
    Decided,
    Propose,
    Status,
    Votes,
    VoteSet,
)

KEYS_MAX = 64
"""Statements of which it is remembered who holds them; a liar's many are not worth more."""

Print = tuple[int, int, int]


def print_of(slot: Slot) -> Print:
    """Return what changes when there is something new to pass on."""
    votes = sum(map(len, slot.book.votes.values()))
    return slot.number, len(slot.proposals), votes


def note_held(partner: Partner, message: CircleMessage, slot: Slot) -> None:
    """Remember what a partner showed to hold of the open slot."""
    if isinstance(message, Votes) and message.slot == slot.number:
        partner.turn(slot.number)
        for votes in message.sets:
            _hold(partner, (votes.kind, votes.view, votes.value_hash), votes.bitmap)
    elif isinstance(message, Propose) and message.slot == slot.number:
        partner.turn(slot.number)
        if message.view in slot.proposals:
            partner.views.add(message.view)
    elif isinstance(message, Status) and message.slot == slot.number:
        partner.turn(slot.number)
        for item in message.held:
            _hold(partner, (item.kind, item.view, item.value_hash), item.bitmap)
        partner.views = {
            view for view in slot.proposals if slot.value_of_view(view) in message.bodies
        }


def open_messages(partner: Partner, slot: Slot) -> list[CircleMessage]:
    """Return what the partner may lack of the open slot; from now on it is known to hold it."""
    partner.turn(slot.number)
    direct = _direct(partner, slot)
    messages: list[CircleMessage] = []
    for view, proposal in slot.proposals.items():
        is_direct = direct >> slot.leader(view) & 1
        if view + 1 >= slot.view and view not in partner.views and not is_direct:
            partner.views.add(view)
            messages.append(proposal)
    sets: list[VoteSet] = []
    quorum = slot.around.roster.quorum
    for key in list(slot.book.votes):
        held = partner.held.get(key, 0)
        missing = slot.book.bitmap(key) & ~held & ~direct
        if not missing or held.bit_count() >= quorum:
            continue
        votes = slot.book.select(key, missing)
        assert votes is not None, "what the bitmap says is held"
        sets.append(votes)
        _hold(partner, key, missing)
    return messages + pack(slot.number, sets)


def decided_messages(
    partner: Partner, slot: Slot, decided: Named, certificate: VoteSet
) -> list[CircleMessage]:
    """Return what the partner may lack of the decision of `slot`, which is over here."""
    if decided.value.slot != slot.number:
        return [Decided(decided.body, certificate.view), *pack(decided.value.slot, [certificate])]
    partner.turn(slot.number)
    key = (certificate.kind, certificate.view, certificate.value_hash)
    held = partner.held.get(key, 0)
    quorum = slot.around.roster.quorum
    if held.bit_count() >= quorum:
        return []
    direct = _direct(partner, slot)
    messages: list[CircleMessage] = []
    is_direct = direct >> slot.leader(certificate.view) & 1
    if certificate.view not in partner.views and not is_direct:
        messages.append(Decided(decided.body, certificate.view))
    missing = [index for index in bits(certificate.bitmap) if not (held | direct) >> index & 1]
    votes = slot.book.select(key, sum(1 << index for index in missing))
    return messages + pack(slot.number, [votes] if votes is not None else [])


def _direct(partner: Partner, slot: Slot) -> int:
    """Return whose votes the partner gets from themselves: they send them to voters only."""
    return partner.reach if partner.peer in slot.around.roster.index_of else 0


def _hold(partner: Partner, key: VoteKey, bitmap: int) -> None:
    if key in partner.held or len(partner.held) < KEYS_MAX:
        partner.held[key] = partner.held.get(key, 0) | bitmap
