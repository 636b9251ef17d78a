"""What the core asks the world to do, as values, executed in the order given.

A `Persist` before a `Send` or `Show` means: durable first, then on the air or before the eyes.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

from smilesync.ids import Address, PeerId, ValueHash
from smilesync.timeline import Timeline
from smilesync.wire.messages import Message


class Rung(IntEnum):
    """The fallback ladder, best first: what a device may show (SPEC section Ladder)."""

    COMMITTED = 0
    HOLD = 1
    HARMONY = 2
    SOLO = 3
    GLOW = 4
    OFF = 5


class Event(Enum):
    """Facts worth a line in a log; the fixed list that notices draw from."""

    __hash__ = object.__hash__  # There is one of each, and an enum's own takes long.

    LINK_UP = "link-up"
    LINK_DOWN = "link-down"
    DATAGRAM_DROPPED = "datagram-dropped"
    MESSAGE_DROPPED = "message-dropped"
    SLOT_DECIDED = "slot-decided"
    CIRCLE_LEFT = "circle-left"
    CIRCLE_ABANDONED = "circle-abandoned"
    CIRCLE_SUCCEEDED = "circle-succeeded"
    CIRCLE_MERGED = "circle-merged"
    ROSTER_CHANGED = "roster-changed"
    RUNG_CHANGED = "rung-changed"
    CLOCK_SYNCED = "clock-synced"
    CLOCK_LOST = "clock-lost"
    CLOCK_STEPPED = "clock-stepped"
    AMNESIC = "amnesic"
    KEY_ROTATED = "key-rotated"
    EQUIVOCATION_SEEN = "equivocation-seen"
    EMOTION_HEARD = "emotion-heard"
    EMOTION_WITHDRAWN = "emotion-withdrawn"
    CONSENT_CHANGED = "consent-changed"
    SUGGESTION = "suggestion"


@dataclass(frozen=True, slots=True)
class Scene:
    """All that decides the light until the next scene: the governor's input is drawn from it.

    Units: times in circle us. `pattern` and `previous` are encoded light patterns; `pattern` is
    None unless a certified value is selected (or held for at most 1 s between two leases, then
    `is_selected` is False). `own_state` and `harmony_counts` are indices and counts of the five
    shared emotion states. `fall_count` grows when the light must fall at once (off, consent).
    """

    rung: Rung
    own_state: int
    is_selected: bool = False
    slot: int = 0
    value_hash: ValueHash | None = None
    pattern: bytes | None = None
    start_us: int = 0
    until_us: int = 0
    previous: bytes | None = None
    previous_start_us: int = 0
    fade_from_us: int = 0
    fade_us: int = 0
    timeline: Timeline | None = None
    harmony_counts: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    fall_count: int = 0


@dataclass(frozen=True, slots=True)
class Send:
    """Give `message` to the link with `to`; lost without complaint if there is no such link."""

    to: PeerId
    message: Message


@dataclass(frozen=True, slots=True)
class Persist:
    """Append `record` to the journal; durable before any later effect is executed."""

    record: bytes


@dataclass(frozen=True, slots=True)
class Show:
    """From now on the lamp draws `scene`, through the governor."""

    scene: Scene


@dataclass(frozen=True, slots=True)
class EraseVoterKey:
    """The voter key is to be forgotten, on the disk too, and `Peer.renewed` be given another."""


@dataclass(frozen=True, slots=True)
class AdoptVoterKey:
    """The spare voter key is the voter key from now on; the one before is to be forgotten."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A fact for people; never needed for the protocol to work."""

    event: Event
    peer: PeerId | None = None
    detail: str = ""


Effect = Send | Persist | Show | Notice | EraseVoterKey | AdoptVoterKey
"""What `Peer` asks for."""


@dataclass(frozen=True, slots=True)
class Transmit:
    """One UDP payload for `to`, at most `MAX_DATAGRAM_BYTES`."""

    to: Address
    datagram: bytes


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A handshake finished: `peer` proved its identity and is reached at `address`."""

    peer: PeerId
    address: Address


@dataclass(frozen=True, slots=True)
class LinkDown:
    """No session with `peer` is left."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Received:
    """`peer` sent `message` over its authenticated link."""

    peer: PeerId
    message: Message


LinkEffect = Transmit | LinkUp | LinkDown | Received | Notice
"""What `Link` asks for or reports."""
