"""Invariants I15 and I18: whom evidence names, and who may vote after a restart.

I18 between a start and the answers of q - 1 others to its question a voter signs nothing new; a
key whose votes were forgotten never signs again, whether the device found out by itself or was
shown a vote of its own that its journal does not have. I15 an honest voter is never accused of
equivocation. And no honest voter refuses for good what an honest leader proposes.
"""

from collections.abc import Sequence

from smilesim.device import Device, Registry, SimCircle
from smilesim.rolls import quorum_of
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck, statement
from smilesync.effects import Notice
from smilesync.wire.messages import Status, VoteSet

VALUE_RULES = ("CIR-021", "CIR-022", "CIR-024", "CIR-028")
"""What is asked of every value, whatever the voter's clock says."""

REFUSED_RULE = "refused"


class RestartCheck:
    """Follows the question of every start, and who answered it."""

    def __init__(
        self,
        circles: Sequence[SimCircle],
        verifier: SignThrough,
        votes: VoteCheck,
        violations: Violations,
    ) -> None:
        self._circles = circles
        self._verifier = verifier
        self._votes = votes
        self._violations = violations
        self._question: dict[int, int] = {}
        self._answered: dict[int, tuple[int, ...]] = {}
        self._forgot: set[int] = set()
        self._least: dict[int, int] = {}
        self._devices = Registry()

    def powered_on(self, device: Device) -> None:
        """A new life, or another key: whatever was answered before counts no more."""
        self._devices.add(device)
        self._question.pop(device.index, None)
        self._answered.pop(device.index, None)
        self._least.pop(device.index, None)

    def renewed(self, device: Device) -> None:
        """It has another voter key, of which nothing was forgotten."""
        self._forgot.discard(device.index)

    def rotated(self, device: Device) -> None:
        """It votes with the key it asked for: what was answered before was asked for another."""
        self.renewed(device)
        self.powered_on(device)

    def sending(self, device: Device, message: Status) -> None:
        """`device` sends a STATUS, perhaps with its question."""
        if message.question:
            self._question[device.index] = message.question

    def heard(self, device: Device, source: int, message: Status) -> None:
        """A STATUS reached `device`; is it an answer to its question?"""
        circle = device.circle
        if circle is None or message.answer != self._question.get(device.index, 0):
            return
        if message.answer and (source in circle.voters or source in circle.members):
            answered = self._answered.get(device.index, ())
            if source not in answered:
                self._answered[device.index] = (*answered, source)
            if message.recalled is not None and self._is_forgotten(device, circle, message):
                self._forgot.add(device.index)

    def voted(self, device: Device, tick: int) -> None:
        """A new vote of `device` is on its disk."""
        circle = device.circle
        if circle is None:
            return
        self._violations.judged["I18"] += 1
        # Every vote is one that somebody could hold against its voter.
        self._violations.judged["I15"] += 1
        self._violations.judged[REFUSED_RULE] += 1
        answers = len(self._answered.get(device.index, ()))
        own_quorum = self._votes.rolls.at(circle, self._votes.decided_slot(device) + 1).quorum
        # The roster may have grown since it was answered: what counts is the quorum of then.
        quorum = min(quorum_of(circle), own_quorum, self._least.get(device.index, own_quorum))
        self._least[device.index] = quorum
        if answers < quorum - 1:
            detail = f"voted after a start, with {answers} answers of {quorum - 1}"
            self._violations.add("I18", tick, device.index, detail)
        if device.is_amnesic or device.index in self._forgot:
            detail = "voted with a key whose votes were forgotten"
            self._violations.add("I18", tick, device.index, detail)

    def accused(self, device: Device, notice: Notice, tick: int) -> None:
        """`device` says that somebody signed what excludes each other."""
        accused = self._devices.find(notice.peer or b"", device.circle)
        if accused is None or not (accused.is_villain or accused.disk.has_lied):
            detail = "an honest voter is accused of equivocation"
            self._violations.add("I15", tick, device.index, detail)

    def refused(self, device: Device, notice: Notice, tick: int) -> None:
        """`device` drops a message; a proposal that breaks a rule for all was no honest one."""
        if not notice.detail.startswith(VALUE_RULES):
            return
        leader = self._devices.find(notice.peer or b"", device.circle)
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
