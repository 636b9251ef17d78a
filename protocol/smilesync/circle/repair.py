"""STATUS and its answers: what one device lacks of an open slot and another one holds.

Repair only ever re-sends what is stored; it never makes a vote. Certificates of earlier views come
with the votes, so a device that missed any message catches up from any one that did not.
Source: SPEC section Repair.
"""

from smilesync.circle.book import PART_VOTES_MIN
from smilesync.circle.genesis import VOTERS_USUAL_MAX
from smilesync.circle.quorum import bits, vote_set
from smilesync.circle.slot import Slot
from smilesync.ids import ValueHash
from smilesync.wire.messages import (
    Body,
    CircleMessage,
    Status,
    VoteKind,
    Votes,
    VoteSet,
    VoteSummary,
    Want,
)

SUMMARIES_MAX = 24
SUMMARIES_WIDE_MAX = 18
"""With bitmaps longer than the three bytes of 22 voters there is room for fewer (CIR-043)."""
NAMED_SUMMARIES_MAX = 10
VOTES_SIZE_BYTES_MAX = 1_120
SET_SIZE_BYTES = 50
SIGNATURE_SIZE_BYTES = 66
SIGNATURES_PER_SET_MAX = PART_VOTES_MIN
MESSAGES_PER_ANSWER_MAX = 4


def summarise(slot: Slot) -> tuple[VoteSummary, ...]:
    """Return what is held, newest views first, within one datagram."""
    chosen: list[VoteSummary] = []
    named_count = 0
    is_wide = slot.around.roster.size > VOTERS_USUAL_MAX
    most = SUMMARIES_WIDE_MAX if is_wide else SUMMARIES_MAX
    for key in slot.book.by_urgency():
        named_count += key[2] is not None
        if key[2] is not None and named_count > NAMED_SUMMARIES_MAX:
            continue
        chosen.append(VoteSummary(key[0], key[1], key[2], slot.book.bitmap(key)))
        if len(chosen) == most:
            break
    return tuple(chosen)


def status(slot: Slot, question: int, *, away: int = 0) -> Status:
    """Return this device's STATUS; `question` is 0 unless it asks after a restart."""
    return Status(slot.number, slot.view, summarise(slot), bodies(slot), question, away=away)


def bodies(slot: Slot) -> tuple[ValueHash, ...]:
    """Return which values are held, within one datagram."""
    return tuple(sorted(slot.bodies))[:NAMED_SUMMARIES_MAX]


def differences(slot: Slot, asker: Status) -> list[CircleMessage]:
    """Return what `asker` lacks of the slot that both have open.

    Certificates it cannot make itself come first: a liar's many votes must not crowd them out.
    """
    held = {(item.kind, item.view, item.value_hash): item.bitmap for item in asker.held}
    quorum = slot.around.roster.quorum

    certificates: list[VoteSet] = []
    others: list[VoteSet] = []
    for key in slot.book.by_urgency():
        known = held.get(key, 0)
        votes = slot.book.select(key, slot.book.bitmap(key) & ~known)
        if votes is None:
            continue
        is_made_there = known.bit_count() >= quorum
        is_lesser = is_made_there or slot.book.certificate(key) is None
        (others if is_lesser else certificates).append(votes)
    packed = pack(slot.number, certificates + others)
    return [*_bodies(slot, asker), *packed][:MESSAGES_PER_ANSWER_MAX]


def wanted(slot: Slot, request: Want) -> list[CircleMessage]:
    """Return the bodies and certificates that were asked for by name, as far as held."""
    answers: list[CircleMessage] = [
        Body(slot.number, slot.bodies[value_hash].body)
        for value_hash in request.bodies[:2]
        if value_hash in slot.bodies
    ]
    sets: list[VoteSet] = []
    for name in request.certificates[:2]:
        certificate = slot.book.certificate((name.kind, name.view, name.value_hash))
        if certificate is not None:
            sets.append(certificate)
    return answers + pack(slot.number, sets)


def want(slot: Slot, pieces: tuple[tuple[bytes, int], ...] = ()) -> Want | None:
    """Return the request for what keeps this slot from going on, None if nothing is known.

    `pieces` are asked for too, by hash and offset.
    """
    body = slot.body_wanted()
    if body is None and slot.missing is None and not pieces:
        return None
    values = (body,) if body is not None else ()
    certificates = (slot.missing,) if slot.missing is not None else ()
    return Want(slot.number, values, certificates, pieces)


def pack(slot_number: int, sets: list[VoteSet]) -> list[CircleMessage]:
    """Return `sets` in few VOTES messages that fit one datagram each; no certificate is cut."""
    messages: list[CircleMessage] = []
    batch: list[VoteSet] = []
    size_bytes = 0
    for votes in [piece for whole in sets for piece in _cut(whole)]:
        cost_bytes = SET_SIZE_BYTES + SIGNATURE_SIZE_BYTES * len(votes.signatures)
        if batch and size_bytes + cost_bytes > VOTES_SIZE_BYTES_MAX:
            messages.append(Votes(slot_number, tuple(batch)))
            batch, size_bytes = [], 0
        batch.append(votes)
        size_bytes += cost_bytes
    if batch:
        messages.append(Votes(slot_number, tuple(batch)))
    return messages


def _cut(votes: VoteSet) -> list[VoteSet]:
    """Cut a set too large for one datagram; up to 22 voters 15 signatures are enough."""
    key = (votes.kind, votes.view, votes.value_hash)
    pairs = list(zip(bits(votes.bitmap), votes.signatures, strict=True))
    step = SIGNATURES_PER_SET_MAX
    return [vote_set(key, dict(pairs[at : at + step])) for at in range(0, len(pairs), step)]


def _bodies(slot: Slot, asker: Status) -> list[CircleMessage]:
    """The proposal of the asker's view first; else the body of something certified."""
    proposal = slot.proposals.get(asker.view)
    if proposal is not None and slot.value_of_view(asker.view) not in asker.bodies:
        return [proposal]
    for kind in (VoteKind.FINALIZE, VoteKind.NOTARIZE):
        for _, _, value_hash in slot.book.certified(kind):
            if value_hash in slot.bodies and value_hash not in asker.bodies:
                return [Body(slot.number, slot.bodies[value_hash].body)]
    return []
