"""Readings of a voter's clock that came over others.

The voter signed its circle time over a nonce of this device, so it was read after the nonce was
made and before the answer came: half the whole way's round trip bounds the error, whoever held it
back in between. SPEC section Spreading (SPR-034).
"""

from typing import NamedTuple

from smilesync.clock.readings import Window
from smilesync.config import ClockConfig

_NS_PER_US = 1_000
SLACK_US = 2


class Relayed(NamedTuple):
    """What a voter told: circle us (None: it has none), SYNCED or not; local ns of the question."""

    circle_us: int | None
    is_synced: bool
    asked_ns: int


def read(window: Window, told: Relayed, config: ClockConfig, now_ns: int) -> bool:
    """Take the reading, unless it took too long or is nonsense.

    Returns whether the voter became SYNCED since its last word, or stopped being so.
    """
    has_turned = window.says(is_synced=told.is_synced)
    now_us, asked_us = now_ns // _NS_PER_US, told.asked_ns // _NS_PER_US
    rtt_us = now_us + 1 - asked_us
    circle_us = told.circle_us
    if circle_us is None or rtt_us > config.rtt_us_max or circle_us >= config.circle_us_max:
        return has_turned
    error_us = (rtt_us + 1) // 2 + SLACK_US
    window.add(circle_us + rtt_us // 2 - now_us, error_us, now_us)
    window.took(rtt_us // 2)
    window.sent_us = max(window.sent_us, asked_us)
    window.spoke_us = max(window.spoke_us, asked_us)
    if told.is_synced and error_us <= config.guard_us:
        window.counted_us = max(window.counted_us, asked_us)
    return has_turned
