"""How long to wait for others, by how long their messages take.

Source: SPEC CIR-014 and SPR-036.
"""

from smilesync.config import CircleConfig

NS_PER_US = 1_000


def first_view_ns(delay_us: int, config: CircleConfig) -> int:
    """Return T0 for a one-way delay: three of them, and a half to spare."""
    wanted_ns = delay_us * NS_PER_US * 7 // 2
    most_ns = max(config.first_view_timeout_ns, config.first_view_timeout_ns_max)
    return min(max(wanted_ns, config.first_view_timeout_ns), most_ns)


def status_interval_ns(delay_us: int, config: CircleConfig) -> int:
    """Return Ts for a one-way delay: twice the round trip."""
    wanted_ns = 4 * delay_us * NS_PER_US
    return min(max(wanted_ns, config.status_interval_ns_min), config.status_interval_ns)
