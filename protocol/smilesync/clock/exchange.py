"""The four-timestamp exchange: stamps out, echoes back, with every neighbour.

Each side sends its own CLOCK and echoes the other's last stamp with the time it was held, so one
stream in each direction gives both sides readings, and keeps the link alive. Nothing here trusts
the other's clock: the round trip is measured by the own one. SPEC section Clock (CLK-001 to 008).
"""

from typing import NamedTuple

from smilesync.config import ClockConfig
from smilesync.ids import PeerId
from smilesync.wire.messages import Clock

_PPM = 1_000_000
_NS_PER_US = 1_000
_LONG_AGO_NS = -(2**62)


class Trip(NamedTuple):
    """One finished exchange. Units: us; `sent_us` is the latest local time it can speak for."""

    rtt_us: int
    error_us: int
    sent_us: int


class Exchange:
    """The state of the exchange with one connected neighbour."""

    __slots__ = (
        "_config",
        "_first_stamp_us",
        "_heard_stamp_us",
        "due_ns",
        "heard_ns",
        "is_voter",
        "peer",
        "sent_ns",
    )

    def __init__(self, config: ClockConfig, peer: PeerId, *, is_voter: bool, now_ns: int) -> None:
        self._config = config
        self.peer = peer
        self.is_voter = is_voter
        self._first_stamp_us = now_ns // _NS_PER_US + 1
        self._heard_stamp_us = 0
        self.heard_ns = _LONG_AGO_NS
        self.sent_ns = _LONG_AGO_NS
        self.due_ns = now_ns

    def take(self, message: Clock, now_ns: int) -> Trip | None:
        """Remember the stamp to echo; return the round trip if the message closes one.

        A stamp that was not sent over this connection, or an echo said to be held longer than
        it was away, proves nothing and is passed over.
        """
        self._heard_stamp_us = message.stamp_us
        self.heard_ns = now_ns
        now_us = now_ns // _NS_PER_US
        held_us = message.held_us
        if not self._first_stamp_us <= message.echo_us <= now_us + 1:
            return None
        if held_us > self._config.reading_age_us:
            return None
        rtt_us = now_us + 1 - message.echo_us - held_us
        slack_us = held_us * self._config.held_growth_ppm // _PPM + 2
        if not -slack_us <= rtt_us <= self._config.rtt_us_max:
            return None
        rtt_us = max(rtt_us, 0)
        return Trip(rtt_us, (rtt_us + 1) // 2 + slack_us, now_us - rtt_us)

    def may_answer(self, now_ns: int) -> bool:
        """Return whether a request may be answered now: not soon after the last message."""
        config = self._config
        gap_ns = config.answer_ns if self.is_voter else config.neighbour_answer_ns
        return now_ns - self.sent_ns >= gap_ns

    def compose(self, now_ns: int, circle_us: int | None, *, is_synced: bool, asks: bool) -> Clock:
        """Return the next message to this neighbour."""
        self.sent_ns = now_ns
        stamp_us = now_ns // _NS_PER_US + 1
        echo_us = self._heard_stamp_us
        held_us = stamp_us - 1 - self.heard_ns // _NS_PER_US if echo_us else 0
        return Clock(stamp_us, echo_us, held_us, circle_us, is_synced, asks)
