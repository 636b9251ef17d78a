"""When another device was heard: one record of it, for all machines that ask.

Noted once for each message, by whoever takes it in; the company of `Neighbours` and the presence
of voters are read from it.
"""

from smilesync.wire.messages import Carried

NEVER_HEARD_NS = -1


class Heard:
    """What is known of one other device. Times in local ns; NEVER_HEARD_NS if it never was.

    `near_ns`: its last message or handshake, while it has a link; `said_ns`: its last word, over a
    link or over others. `away`: whom it reported away as a voter, at `away_ns`, as a bitmap.
    `copied`: the emotion that it last sent a copy of.
    """

    __slots__ = ("away", "away_ns", "copied", "near_ns", "said_ns")

    def __init__(self) -> None:
        self.near_ns = NEVER_HEARD_NS
        self.said_ns = NEVER_HEARD_NS
        self.away = 0
        self.away_ns = NEVER_HEARD_NS
        self.copied: Carried | None = None
