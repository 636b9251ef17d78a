"""Invariants I15 and I18: whom evidence names, and who may vote after a restart.

I18 between a start and the answers of q - 1 others to its question a voter signs nothing new; a
key whose votes were forgotten never signs again, whether the device found out by itself or was
shown a vote of its own that its journal does not have. With an earlier journal, put back or left
when the end was lost, it must be shown again what that lacks. Who answers tells what it knows.
I15 an honest voter is never accused of equivocation. And no honest voter refuses for good what an
honest leader proposes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from smilesim.device import Device, SimCircle
from smilesim.rolls import quorum_of
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck, statement
from smilesync.effects import Notice
from smilesync.wire.messages import Status, VoteSet, VoteSummary
from smilesync.wire.records import Amnesia, Record

VALUE_RULES = ("CIR-021", "CIR-022", "CIR-024", "CIR-028")
"""What is asked of every value, whatever the voter's clock says."""

REFUSED_RULE = "refused"

LISTED_WHOLE_MAX = 18
"""A longer list of votes may be cut (CIR-043)."""


@dataclass(slots=True)
class Start:
    """One life: the question of its start, and who answered it, until enough did for a vote.

    `slot`, `held`: the votes that it last listed beside the question, and of which slot. `least`:
    the smallest quorum that counted so far; 0 before the first vote.
    """

    question: int = 0
    slot: int = 0
    held: tuple[VoteSummary, ...] = ()
    answered: tuple[int, ...] = ()
    least: int = 0
    is_answered: bool = False


class RestartCheck:
    """Follows the question of every start, and who answered it."""

    def __init__(
        self,
        verifier: SignThrough,
        votes: VoteCheck,
        violations: Violations,
        devices: int,
    ) -> None:
        self._verifier = verifier
        self._votes = votes
        self._violations = violations
        self._starts = [Start() for _ in range(devices)]
        self._forgot: set[int] = set()
        self._registry = votes.rolls.devices

    def powered_on(self, device: Device) -> None:
        """A new life, or another key: whatever was answered before counts no more."""
        self._starts[device.index] = Start()

    def renewed(self, device: Device) -> None:
        """It has another voter key, of which nothing was forgotten."""
        self._forgot.discard(device.index)

    def put_back(self, device: Device, journal: Iterable[Record]) -> None:
        """An earlier journal is in the place of its own: it knows what that says."""
        self._forgot.discard(device.index)
        device.is_amnesic = any(isinstance(record, Amnesia) for record in journal)

    def rotated(self, device: Device) -> None:
        """It votes with the key it asked for: what was answered before was asked for another."""
        self.renewed(device)
        self.powered_on(device)

    def sending(self, device: Device, message: Status) -> None:
        """`device` sends a STATUS, perhaps with its question."""
        if message.question:
            start = self._starts[device.index]
            start.question, start.slot, start.held = message.question, message.slot, message.held

    def heard(self, device: Device, source: int, message: Status, tick: int) -> None:
        """A STATUS reached `device`; is it an answer to its question?"""
        circle, start = device.circle, self._starts[device.index]
        if circle is None or not message.answer or message.answer != start.question:
            return
        if message.recalled is None:
            self._must_tell(device, circle, source, message, tick)
        if source in circle.voters or source in circle.members:
            if not start.is_answered and source not in start.answered:
                start.answered = (*start.answered, source)
            if message.recalled is not None and self._is_forgotten(device, circle, message):
                self._forgot.add(device.index)

    def _must_tell(
        self, device: Device, circle: SimCircle, source: int, message: Status, tick: int
    ) -> None:
        """Who answers tells of a vote of the asker that itself lists and the asker did not.

        Judged where it arrives: a liar may ask what another did, and is answered for itself.
        """
        roll, start = self._votes.rolls.at(circle, message.slot), self._starts[device.index]
        place = roll.place(device.keys.voter.public)
        is_honest = any(one.index == source and not one.is_villain for one in roll.seated)
        if not is_honest or place < 0 or len(start.held) >= LISTED_WHOLE_MAX:
            return
        self._violations.judged["I18"] += 1
        if start.slot <= message.slot and _lacks(start, message, 1 << place):
            detail = f"answered peer {device.index} without the vote of it that it lists"
            self._violations.add("I18", tick, source, detail)

    def voted(self, device: Device, tick: int) -> None:
        """A new vote of `device` is on its disk."""
        circle = device.circle
        if circle is None:
            return
        judged = self._violations.judged
        judged["I18"] += 1
        # Every vote is one that somebody could hold against its voter.
        judged["I15"] += 1
        judged[REFUSED_RULE] += 1
        start = self._starts[device.index]
        if not start.is_answered:
            self._must_be_answered(device, circle, start, tick)
        if device.is_amnesic or device.index in self._forgot:
            detail = "voted with a key whose votes were forgotten"
            self._violations.add("I18", tick, device.index, detail)

    def _must_be_answered(self, device: Device, circle: SimCircle, start: Start, tick: int) -> None:
        """The roster may have grown since it was answered: what counts is the quorum of then."""
        quorum = min(quorum_of(circle), self._votes.roll(device).quorum)
        start.least = quorum = min(quorum, start.least or quorum)
        answers = len(start.answered)
        if answers < quorum - 1:
            detail = f"voted after a start, with {answers} answers of {quorum - 1}"
            self._violations.add("I18", tick, device.index, detail)
        else:
            # No later vote needs more: the smallest quorum counts, and answers stay.
            start.is_answered, start.answered = True, ()

    def accused(self, device: Device, notice: Notice, tick: int) -> None:
        """`device` says that somebody signed what excludes each other."""
        accused = self._registry.find(notice.peer or b"", device.circle)
        if accused is None or not (accused.is_villain or accused.disk.has_lied):
            detail = "an honest voter is accused of equivocation"
            self._violations.add("I15", tick, device.index, detail)

    def refused(self, device: Device, notice: Notice, tick: int) -> None:
        """`device` drops a message; a proposal that breaks a rule for all was no honest one."""
        if not notice.detail.startswith(VALUE_RULES):
            return
        leader = self._registry.find(notice.peer or b"", device.circle)
        if leader is not None and not (leader.is_villain or leader.disk.has_lied):
            detail = f"the value of an honest leader is refused: {notice.detail}"
            self._violations.add(REFUSED_RULE, tick, device.index, detail)

    def _is_forgotten(self, device: Device, circle: SimCircle, message: Status) -> bool:
        """Is it shown a true vote of its own, of a slot it has not decided, that it does not hold?

        Both are looked at when the answer arrives, by the disk as it is then.
        """
        votes, slot = message.recalled, message.recalled_slot
        assert votes is not None
        place = self._votes.rolls.at(circle, slot).place(device.keys.voter.public)
        is_own = place >= 0 and votes.bitmap == 1 << place
        if slot <= self._votes.decided_slot(device) or not is_own:
            return False
        said = (votes.kind, slot, votes.view, bytes(votes.value_hash or b""))
        if self._votes.holds(device, said) or len(votes.signatures) != 1:
            return False
        return self._is_true(device, circle, slot, votes)

    def _is_true(self, device: Device, circle: SimCircle, slot: int, votes: VoteSet) -> bool:
        said = (votes.kind, slot, votes.view, bytes(votes.value_hash or b""))
        public, signature = device.keys.voter.public, votes.signatures[0]
        data = statement(circle, said, self._votes.rolls.at(circle, slot).hash)
        return self._verifier.verify(public, data, signature)


def _lacks(start: Start, answer: Status, own: int) -> bool:
    """Does an answer list votes with this bit that were not listed beside the question?"""
    listed = {
        (one.kind, one.view, one.value_hash)
        for one in start.held
        if start.slot == answer.slot and one.bitmap & own
    }
    held = [(one.kind, one.view, one.value_hash) for one in answer.held if one.bitmap & own]
    return any(vote not in listed for vote in held)
