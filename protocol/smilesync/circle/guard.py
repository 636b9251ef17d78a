"""The question after a restart: a voter signs nothing new before others told what it signed.

A journal can be rolled back by a restored backup or a cloned card without the device noticing. So
after every start a voter asks the others and waits for q - 1 answers; an answer that shows a vote
the journal does not hold makes it amnesic: it listens, and never votes with that key again.
Source: SPEC section Restart.
"""

from smilesync.circle.chain import Chain
from smilesync.circle.provenance import Step
from smilesync.circle.quorum import VoteKey, bits, statement
from smilesync.circle.roster import Roster
from smilesync.circle.slot import Slot
from smilesync.ids import PeerId
from smilesync.keys import Signer, Verifier
from smilesync.wire.messages import Status, VoteSet

QUESTION_MAX = 2**32 - 1


class RestartGuard:
    """Counts answers to this start's question; `is_amnesic` lasts as long as the voter key."""

    __slots__ = (
        "_answered",
        "_is_done",
        "_me",
        "_roster",
        "is_amnesic",
        "is_asking",
        "is_over",
        "may_vote",
        "question",
    )

    def __init__(self, roster: Roster, me: int | None, question: int, *, is_amnesic: bool) -> None:
        self.question = question
        self._roster = roster
        self._me = me
        self._answered: tuple[PeerId, ...] = ()
        self.is_amnesic = is_amnesic
        self._is_done = False
        self.is_over = False
        """Did the circle end?"""
        self.is_asking = False
        """Are answers still missing?"""
        self.may_vote = False
        """Is this device a voter that asked and was answered?"""
        self._judge()

    def follow(self, roster: Roster, me: int | None) -> None:
        """Go over to another roster. Who gets a seat asks first, and so does who still asks."""
        if self._me is None or me is None:
            self._answered = ()
            self._is_done = False
        self._roster, self._me = roster, me
        self._judge()

    def renew(self) -> None:
        """Go over to another voter key, of which nothing was forgotten: it asks anew.

        Answers to the question of before told of the other key.
        """
        self.question = self.question % QUESTION_MAX + 1
        self._answered = ()
        self._is_done = self.is_amnesic = False
        self._judge()

    def forget(self) -> None:
        """Become amnesic, for good."""
        self.is_amnesic = True
        self._judge()

    def end(self, *, is_over: bool) -> None:
        """If the circle ended, nobody votes, or asks whether it may."""
        if is_over is not self.is_over:
            self.is_over = is_over
            self._judge()

    def has_answered(self, index: int) -> bool:
        """Did member `index` answer the question of this start?"""
        return self._roster.identities[index] in self._answered

    def handle_answer(self, status: Status, index: int, slot: Slot, verifier: Verifier) -> None:
        """Count an answer to this start's question and test the vote it recalls, if any."""
        if status.answer != self.question or index == self._me:
            return
        recalled = status.recalled
        if recalled is not None:
            if self._is_forgotten(recalled, status.recalled_slot, slot, verifier):
                self.is_amnesic = True
            elif status.recalled_slot > slot.number:
                # Maybe an own vote under a roster that is not known here yet: ask again there.
                return
        if not self.has_answered(index):
            self._answered = (*self._answered, self._roster.identities[index])
        self._judge()

    def _judge(self) -> None:
        is_voter = self._me is not None and not self.is_amnesic and not self.is_over
        count = sum(one in self._answered for one in self._roster.identities)
        self._is_done = self._is_done or (is_voter and count >= self._roster.quorum - 1)
        self.is_asking = is_voter and not self._is_done
        self.may_vote = is_voter and not self.is_asking

    def _is_forgotten(
        self, recalled: VoteSet, at_slot: int, slot: Slot, verifier: Verifier
    ) -> bool:
        """Is this an own vote of an undecided slot that the journal does not hold?"""
        if self._me is None or at_slot < slot.number or bits(recalled.bitmap) != [self._me]:
            return False
        key = (recalled.kind, recalled.view, recalled.value_hash)
        if len(recalled.signatures) != 1 or (at_slot == slot.number and key in slot.own):
            return False
        data = statement(self._roster.circle, self._roster.hash, at_slot, key)
        return verifier.verify(self._roster.voters[self._me], data, recalled.signatures[0])


def remembers(signer: Signer | None, slot: Slot, decision: Step) -> bool:
    """Is an own signature inside the certificate of a decision one that the journal holds?"""
    decided, certificate, by = decision
    me = by.place_of(signer.public) if signer is not None else None
    if me is None or not certificate.bitmap >> me & 1:
        return True
    key = (certificate.kind, certificate.view, certificate.value_hash)
    return decided.value.slot == slot.number and key in slot.own


def is_used(signer: Signer | None, chain: Chain) -> bool:
    """Did a key that takes the place of another one only now sign the newest decision already?

    Then this device had it in use before, and its journal is a backup from before that.
    """
    head = chain.signed_by(signer.public) if signer is not None else None
    return head is not None and bool(head[0].bitmap >> head[1] & 1)


def recall(
    asker: Status, index: int, slot: Slot, head: tuple[VoteSet, int] | None
) -> tuple[int, VoteSet | None]:
    """Return one vote of member `index` that it did not list, with its slot; (0, None) if none.

    The newest comes first: what a rolled-back journal lacks are the last votes, while an asker
    that lacks nothing may have cut its oldest ones from its list. `head` is the certificate of
    the decision before `slot`, with the member's index in the roster that signed it.
    """
    if asker.slot > slot.number:
        return 0, None
    mine: dict[VoteKey, int] = {}
    if asker.slot == slot.number:
        mine = {(item.kind, item.view, item.value_hash): item.bitmap for item in asker.held}
    for key in slot.book.by_urgency():
        if slot.book.has(key, index) and not mine.get(key, 0) >> index & 1:
            return slot.number, slot.book.select(key, 1 << index)
    if head is not None and asker.slot < slot.number:
        signed, seat = head
        if signed.bitmap >> seat & 1:
            signature = signed.signatures[bits(signed.bitmap).index(seat)]
            vote = VoteSet(signed.kind, signed.view, signed.value_hash, 1 << seat, (signature,))
            return slot.number - 1, vote
    return 0, None
