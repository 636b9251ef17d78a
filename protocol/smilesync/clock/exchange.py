"""The four-timestamp exchange: stamps out, echoes back, with every neighbour.

Each side sends its own CLOCK and echoes the other's last stamp with the time it was held, so one
stream in each direction gives both sides readings, and keeps the link alive. Nothing here trusts
the other's clock: the round trip is measured by the own one. SPEC section Clock (CLK-001 to 008).
"""

from collections.abc import Container

from smilesync.clock.readings import Window
from smilesync.config import ClockConfig
from smilesync.ids import PeerId
from smilesync.wire.messages import Clock

_PPM = 1_000_000
_NS_PER_US = 1_000
_LONG_AGO_NS = -(2**62)

Strangers = Container[PeerId]


class Exchange:
    """The state of the exchange with one connected neighbour.

    `echo_us` is the stamp of the last message heard, at `heard_ns`, 0 before the first; `window` is
    None for a neighbour that is neither voter nor watched. The reading of the last message may wait
    until the next tick; it is there while `_error_us` is not 0.
    """

    __slots__ = (
        "_config",
        "_error_us",
        "_first_stamp_us",
        "_is_counted",
        "_lead_us",
        "_rtt_us",
        "due_ns",
        "echo_us",
        "heard_ns",
        "is_voter",
        "peer",
        "sent_ns",
        "window",
    )

    def __init__(self, config: ClockConfig, peer: PeerId, now_ns: int) -> None:
        # What the clock looks at in each tick lies together, and then what a message is read with.
        self.due_ns = now_ns
        self._error_us = 0
        self.window: Window | None = None
        self.heard_ns = _LONG_AGO_NS
        self.echo_us = 0
        self.is_voter = self._is_counted = False
        self._config = config
        self._first_stamp_us = now_ns // _NS_PER_US + 1
        self._lead_us = self._rtt_us = 0
        self.peer = peer
        self.sent_ns = _LONG_AGO_NS

    def hear(self, message: Clock, now_ns: int) -> None:
        """Remember the stamp to echo, and what a voter's message says of its clock.

        A stamp that was not sent over this connection, or an echo said to be held longer than it
        was away, proves nothing and is passed over.
        """
        self.echo_us = message.stamp_us
        self.heard_ns = now_ns
        circle_us = message.circle_us
        if self.window is None or circle_us is None:
            return
        config, heard_us = self._config, now_ns // _NS_PER_US
        echo_us, held_us = message.echo_us, message.held_us
        is_own = self._first_stamp_us <= echo_us <= heard_us + 1
        if not is_own or held_us > config.reading_age_us or circle_us >= config.circle_us_max:
            return
        rtt_us = heard_us + 1 - echo_us - held_us
        slack_us = held_us * config.held_growth_ppm // _PPM + 2
        if not -slack_us <= rtt_us <= config.rtt_us_max:
            return
        if rtt_us < 0:
            rtt_us = 0
        self._rtt_us = rtt_us
        self._error_us = (rtt_us + 1) // 2 + slack_us
        self._lead_us = circle_us + rtt_us // 2 - heard_us
        self._is_counted = message.is_synced and self._error_us <= config.guard_us

    def read(self) -> None:
        """Take the reading that waits, if there is one.

        The message speaks for the moment it was heard, however much later it is read.
        """
        window, error_us = self.window, self._error_us
        if error_us == 0 or window is None:
            return
        self._error_us = 0
        heard_us, rtt_us = self.heard_ns // _NS_PER_US, self._rtt_us
        window.add(self._lead_us, error_us, heard_us)
        window.took(rtt_us // 2)
        window.sent_us = heard_us - rtt_us
        if window.sent_us > window.spoke_us:
            window.spoke_us = window.sent_us
        if self._is_counted:
            window.counted_us = window.sent_us

    def is_wanted(self, now_ns: int) -> bool:
        """Is it a voter that answers, and whose readings are still too few to judge by?"""
        config, window = self._config, self.window
        if window is None or now_ns - self.heard_ns > config.silence_ns:
            return False
        return not window.has_since(now_ns // _NS_PER_US - config.fresh_us, config.sprint_readings)

    def may_answer(self, now_ns: int) -> bool:
        """Return whether a request may be answered now: not soon after the last message."""
        config = self._config
        gap_ns = config.neighbour_answer_ns if self.window is None else config.answer_ns
        return now_ns - self.sent_ns >= gap_ns

    def compose(
        self, now_ns: int, circle_us: int | None, is_synced: bool, *, asks: bool, away: int
    ) -> Clock:
        """Return the next message to this neighbour."""
        self.sent_ns = now_ns
        stamp_us = now_ns // _NS_PER_US + 1
        held_us = stamp_us - 1 - self.heard_ns // _NS_PER_US if self.echo_us else 0
        return Clock(stamp_us, self.echo_us, held_us, circle_us, is_synced, asks, away)
