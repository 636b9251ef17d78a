"""Who lights a universe: order, priority, and the end of a sender, as the protocols define them.

A datagram counts unless its sequence number shows that it is out of order: not newer than the last
one and fewer than 20 behind it (E1.31-2018, 6.7.2; Art-Net counts alike). Among several senders the
highest priority wins, among equals the one that came first, so that two consoles never alternate.
A sender ends by saying so, or by 2.5 s of silence. What nobody sends goes dark, and what has no
sender is for the caller to light: nothing is ever held because nobody says otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass

from smilesyncd.driver import NS_PER_SECOND
from smilesyncd.outputs.slots import Rejected, Slots

SILENCE_NS_MAX = 5 * NS_PER_SECOND // 2
BEHIND_MAX = 20
SENDERS_MAX = 16
"""More than a show has; a flood of invented ones must not take memory or time, nor the place of a
console of higher priority."""

IsStale = Callable[[Slots, Slots], bool]


def is_behind(slots: Slots, last: Slots) -> bool:
    """Say whether an 8-bit sequence number is out of order."""
    if slots.sequence is None or last.sequence is None:
        return False
    ahead = (slots.sequence - last.sequence) & 0xFF
    return ahead == 0 or ahead > 0x100 - BEHIND_MAX


def is_repeated(slots: Slots, last: Slots) -> bool:
    """Say whether a DDP datagram is a copy of the one before, which senders may send to be sure."""
    numbered = slots.sequence is not None
    return numbered and (slots.sequence, slots.offset) == (last.sequence, last.offset)


@dataclass(slots=True)
class _Sender:
    last: Slots
    heard_ns: int
    channels: bytearray


class Universe:
    """All senders of one universe of `leds` LEDs, and the one that is shown.

    `is_whole` when every datagram is all of the universe.
    """

    def __init__(self, leds: int, is_stale: IsStale, *, is_whole: bool) -> None:
        self.leds = leds
        self._size = 3 * leds
        self._is_stale = is_stale
        self._is_whole = is_whole
        self._senders: dict[bytes, _Sender] = {}
        self._shown = b""

    @property
    def shown(self) -> tuple[bytes, int] | None:
        """Who is shown and with which priority, None if nobody."""
        sender = self._senders.get(self._shown)
        return None if sender is None else (self._shown, sender.last.priority)

    def take(self, name: bytes, slots: Slots, now_ns: int) -> None:
        """Take a datagram of the sender `name` into account. Raises Rejected with the reason."""
        self._forget_silent(now_ns)
        sender = self._senders.get(name)
        if sender is not None and self._is_stale(slots, sender.last):
            raise Rejected("stale")
        if slots.is_terminated:
            self._senders.pop(name, None)
            return
        if sender is None:
            if len(self._senders) >= SENDERS_MAX:
                self._make_room(slots.priority)
            sender = self._senders[name] = _Sender(slots, now_ns, bytearray(self._size))
        sender.last, sender.heard_ns = slots, now_ns
        self._write(sender, slots)

    def channels(self, now_ns: int) -> bytes | None:
        """Return what is to be shown, None while nobody sends."""
        self._forget_silent(now_ns)
        if not self._senders:
            self._shown = b""
            return None
        highest = max(sender.last.priority for sender in self._senders.values())
        shown = self._senders.get(self._shown)
        if shown is None or shown.last.priority < highest:
            # A dictionary keeps the order of arrival.
            self._shown = next(
                name for name, one in self._senders.items() if one.last.priority == highest
            )
        return bytes(self._senders[self._shown].channels)

    def _make_room(self, priority: int) -> None:
        """Forget the newest of the lowest priority for one of a higher. Raises Rejected.

        Never the one that is shown: who comes must win by priority, not by pushing it out.
        """
        others = [name for name in reversed(self._senders) if name != self._shown]
        least = min(others, key=lambda name: self._senders[name].last.priority)
        if self._senders[least].last.priority >= priority:
            raise Rejected("senders")
        del self._senders[least]

    def _write(self, sender: _Sender, slots: Slots) -> None:
        """Write what fits. A datagram that is a whole universe leaves nothing of the one before."""
        if self._is_whole:
            sender.channels[:] = bytes(self._size)
        fitting = slots.channels[: max(0, self._size - slots.offset)]
        sender.channels[slots.offset : slots.offset + len(fitting)] = fitting

    def _forget_silent(self, now_ns: int) -> None:
        for name, sender in list(self._senders.items()):
            if now_ns - sender.heard_ns > SILENCE_NS_MAX:
                del self._senders[name]
