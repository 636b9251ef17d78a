"""What comes one slot early, from devices whose clocks are a little ahead: kept until it opens."""

from smilesync.ids import PeerId
from smilesync.wire.messages import CircleMessage


class Early:
    """Messages of the next slot in the order they came, so many of each sender at most."""

    __slots__ = ("_kept", "_per_sender_max")

    def __init__(self, per_sender_max: int) -> None:
        self._kept: tuple[tuple[PeerId, CircleMessage], ...] = ()
        self._per_sender_max = per_sender_max

    def keep(self, sender: PeerId, message: CircleMessage) -> None:
        """Keep a message, if there is room for another one of its sender."""
        if sum(1 for other, _ in self._kept if other == sender) < self._per_sender_max:
            self._kept = (*self._kept, (sender, message))

    def take(self) -> tuple[tuple[PeerId, CircleMessage], ...]:
        """Return all that is kept, and let go of it."""
        kept, self._kept = self._kept, ()
        return kept
