"""Messages that no honest peer sent: well-formed, as a link would deliver them, and wrong.

What only its signature can tell from the truth gets a false one; what was true once comes again.
"""

from typing import TYPE_CHECKING

from smilesim.disk import read_record
from smilesync.config import ROSTER_MAX
from smilesync.entropy import Entropy
from smilesync.ids import ValueHash
from smilesync.wire.messages import (
    Body,
    Carried,
    Decided,
    Message,
    ObjectKind,
    Propose,
    VoteKind,
    Votes,
    VoteSet,
    Want,
)
from smilesync.wire.records import DecidedRecord

if TYPE_CHECKING:
    from smilesim.device import Device

HASH_BYTES = 32
STRAY_SLOTS = 1_000
VIEWS = 4


class Forger:
    """Makes messages for one device, such as a random neighbour of it might pass on."""

    def __init__(self, device: "Device", entropy: Entropy) -> None:
        self._device = device
        self._entropy = entropy
        self._last = _last_decided(device)
        circle = device.circle
        self._voters = circle.roster.size if circle is not None and entropy.below(8) else ROSTER_MAX
        self._slot = self._last.slot + 1 if self._last is not None else 0
        self._forms = (
            self._vote,
            self._stray_vote,
            self._proposal,
            self._decision,
            self._body,
            self._question,
            self._feeling,
            self._old_certificate,
            self._old_decision,
        )

    def forge(self) -> Message:
        """Return the next message."""
        return self._forms[self._entropy.below(len(self._forms))]()

    def _vote(self) -> Message:
        """A vote that its voter never signed."""
        return Votes(self._slot, (self._unsigned(),))

    def _stray_vote(self) -> Message:
        """A vote for a slot that is long over, or far away."""
        return Votes(self._entropy.below(self._slot + STRAY_SLOTS), (self._unsigned(),))

    def _proposal(self) -> Message:
        """A proposal that the leader never signed, of a value that says nothing."""
        view = 1 + self._entropy.below(VIEWS)
        return Propose(self._slot, view, self._value(), self._signature())

    def _decision(self) -> Message:
        """A value that nobody decided."""
        return Decided(self._value(), 1 + self._entropy.below(VIEWS))

    def _body(self) -> Message:
        """A body that nobody asked for."""
        return Body(self._slot, self._value())

    def _question(self) -> Message:
        """A request for a body that does not exist."""
        return Want(self._slot, (ValueHash(self._entropy.draw(HASH_BYTES)),))

    def _feeling(self) -> Message:
        """A statement that its wearer never made."""
        kinds = tuple(ObjectKind)
        kind = kinds[self._entropy.below(len(kinds))]
        return Carried(kind, self._device.identity, self._value(), self._signature())

    def _old_certificate(self) -> Message:
        """Votes that were true, once more."""
        last = self._last
        return Votes(last.slot, (last.certificate,)) if last is not None else self._vote()

    def _old_decision(self) -> Message:
        """A decision that was true, once more."""
        last = self._last
        return Decided(last.body, last.certificate.view) if last is not None else self._decision()

    def _unsigned(self) -> VoteSet:
        entropy = self._entropy
        kind = VoteKind(1 + entropy.below(len(VoteKind)))
        value = None if kind is VoteKind.NULLIFY else ValueHash(entropy.draw(HASH_BYTES))
        bitmap = 1 << entropy.below(self._voters)
        return VoteSet(kind, 1 + entropy.below(VIEWS), value, bitmap, (self._signature(),))

    def _value(self) -> bytes:
        return self._entropy.draw(1 + self._entropy.below(HASH_BYTES))

    def _signature(self) -> bytes:
        return self._entropy.draw(HASH_BYTES) + self._entropy.draw(HASH_BYTES)


def _last_decided(device: "Device") -> DecidedRecord | None:
    for data in reversed(device.disk.records):
        record = read_record(data)
        if isinstance(record, DecidedRecord):
            return record
    return None
