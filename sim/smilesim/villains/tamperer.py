"""A relay that sends honest proposals on with another k and false certificate names.

Neither is signed, so who believed them would wait for certificates that never come.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from smilesim.villains.pen import Pen, invented
from smilesim.villains.turned import NEVER_NS, Heard
from smilesync.effects import Effect, Send
from smilesync.wire.messages import CertificateName, Propose, VoteKind

if TYPE_CHECKING:
    from smilesim.villains.turned import Means

COUNT = "tampered-proposal"


class Tamperer:
    """Takes part as ever, and repeats each proposal it hears with other hints."""

    def __init__(self, means: "Means") -> None:
        self.due_ns = NEVER_NS
        self._means = means
        self._pen = Pen(means)

    def act(self, effects: list[Effect], heard: Heard | None, _now_ns: int) -> list[Effect]:
        """Add the false copies, for all but who sent the proposal."""
        if heard is None or not isinstance(heard.message, Propose):
            return effects
        self._means.fired[COUNT] += 1
        false = CertificateName(
            VoteKind.NOTARIZE, heard.message.view + 1, invented(self._means.entropy)
        )
        copy = replace(heard.message, carried_view=heard.message.view + 3, certificates=(false,))
        # They go first: who hears a copy before the original is who might be misled.
        lies: list[Effect] = [Send(to, copy) for to in self._pen.others if to != heard.sender]
        return lies + effects
