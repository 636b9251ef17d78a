"""What a slot is given to judge by: things that never change, and the present moment."""

from dataclasses import dataclass
from typing import NamedTuple

from smilesync.circle.genesis import Parameters, Roster
from smilesync.circle.validity import PatternCheck
from smilesync.config import CircleConfig
from smilesync.keys import Signer, Verifier

NEVER_NS = 2**63 - 1
TICK_NS = 1_000_000


class Moment(NamedTuple):
    """What a slot may know of the present: local ns, circle us (None: not SYNCED), who is away.

    `absent` is a bitmap of voters not heard for a while; `may_vote` is False for a listener, an
    amnesic device, and a restarted one that has not yet asked the others.
    """

    now_ns: int
    circle_us: int | None
    absent: int
    may_vote: bool


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What stays the same from slot to slot. `me` is this device's roster index, None outside."""

    config: CircleConfig
    roster: Roster
    parameters: Parameters
    state_hash: bytes
    me: int | None
    signer: Signer | None
    verifier: Verifier
    check_pattern: PatternCheck
