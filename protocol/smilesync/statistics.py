"""A picture of one device's state, for people and tools; nothing in the protocol depends on it."""

from dataclasses import dataclass

from smilesync.commands import EmotionState, Switch
from smilesync.effects import Rung
from smilesync.ids import PeerId


@dataclass(frozen=True, slots=True)
class Statistics:
    """A device's state for people and tools. Times in us, ages in ns; None: has none.

    `voters` of the open slot, and of how many of them lies are borne (0: crashes only).
    """

    rung: Rung
    slot: int
    view: int
    decided_slot: int
    is_synced: bool
    circle_us: int | None
    error_us: int
    voters: int
    faults: int
    is_voter: bool
    is_amnesic: bool
    is_asking: bool
    switches: Switch
    own_state: EmotionState
    neighbours: tuple[tuple[PeerId, int], ...]
    emotions: tuple[tuple[PeerId, EmotionState], ...]
    dropped: tuple[tuple[str, int], ...]
