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

    `echo_us` is the stamp of the last message heard, at `heard_ns`, 0 before the first; `unread`
    is that message until its reading is taken, which may wait until the next tick. `window` is
    None for a neighbour that is no voter.
    """

    __slots__ = (
        "_config",
        "_first_stamp_us",
        "due_ns",
        "echo_us",
        "heard_ns",
        "peer",
        "sent_ns",
        "unread",
        "window",
    )

    def __init__(
        self, config: ClockConfig, peer: PeerId, window: Window | None, now_ns: int
    ) -> None:
        self._config = config
        self.peer = peer
        self.window = window
        self._first_stamp_us = now_ns // _NS_PER_US + 1
        self.echo_us = 0
        self.unread: Clock | None = None
        self.heard_ns = _LONG_AGO_NS
        self.sent_ns = _LONG_AGO_NS
        self.due_ns = now_ns

    def keep(self, message: Clock, now_ns: int) -> None:
        """Remember the stamp to echo, and a voter's message until it is read."""
        self.echo_us = message.stamp_us
        self.heard_ns = now_ns
        self.unread = message if self.window is not None else None

    def read(self) -> None:
        """Take the reading of a voter's clock from the unread message, if there is one in it.

        The message speaks for the moment it was heard, however much later it is read. A stamp
        that was not sent over this connection, or an echo said to be held longer than it was
        away, proves nothing and is passed over.
        """
        window, message, self.unread = self.window, self.unread, None
        if window is None or message is None or message.circle_us is None:
            return
        config = self._config
        heard_us = self.heard_ns // _NS_PER_US
        echo_us, held_us, circle_us = message.echo_us, message.held_us, message.circle_us
        is_own = self._first_stamp_us <= echo_us <= heard_us + 1
        if not is_own or held_us > config.reading_age_us or circle_us >= config.circle_us_max:
            return
        rtt_us = heard_us + 1 - echo_us - held_us
        slack_us = held_us * config.held_growth_ppm // _PPM + 2
        if not -slack_us <= rtt_us <= config.rtt_us_max:
            return
        if rtt_us < 0:
            rtt_us = 0
        error_us = (rtt_us + 1) // 2 + slack_us
        window.add(circle_us + rtt_us // 2 - heard_us, error_us, heard_us)
        window.took(rtt_us // 2)
        window.sent_us = heard_us - rtt_us
        if window.sent_us > window.spoke_us:
            window.spoke_us = window.sent_us
        if message.is_synced and error_us <= config.guard_us:
            window.counted_us = window.sent_us

    def may_answer(self, now_ns: int) -> bool:
        """Return whether a request may be answered now: not soon after the last message."""
        config = self._config
        gap_ns = config.neighbour_answer_ns if self.window is None else config.answer_ns
        return now_ns - self.sent_ns >= gap_ns

    def compose(
        self, now_ns: int, circle_us: int | None, is_synced: bool, *, asks: bool, away: int = 0
    ) -> Clock:
        """Return the next message to this neighbour."""
        self.sent_ns = now_ns
        stamp_us = now_ns // _NS_PER_US + 1
        held_us = stamp_us - 1 - self.heard_ns // _NS_PER_US if self.echo_us else 0
        return Clock(stamp_us, self.echo_us, held_us, circle_us, is_synced, asks, away)
