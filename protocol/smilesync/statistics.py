"""A picture of one device's state, for people and tools; nothing in the protocol depends on it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smilesync.commands import EmotionState, Switch
from smilesync.effects import Rung
from smilesync.ids import PeerId

if TYPE_CHECKING:
    from smilesync.circle.circle import Circle
    from smilesync.peer import Peer


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


def has_forgotten(circle: "Circle") -> bool:
    """Did the device lose what the voter key that it has signed? Who gave its key up did not."""
    return circle.guard.is_amnesic and circle.around.signer is not None


def picture(peer: "Peer", now_ns: int) -> Statistics:
    """Return what a peer is now."""
    circle, clock = peer.circle, peer.clock
    dropped = peer.dropped + circle.dropped if circle is not None else peer.dropped
    return Statistics(
        rung=peer.scene.rung,
        slot=circle.slot.number if circle is not None else 0,
        view=circle.slot.view if circle is not None else 0,
        decided_slot=circle.chain.head().slot if circle is not None else 0,
        is_synced=clock.is_synced,
        circle_us=clock.timeline.at(now_ns) if clock.timeline is not None else None,
        error_us=clock.error_us,
        voters=circle.roster.size if circle is not None else 0,
        faults=circle.roster.faults if circle is not None else 0,
        is_voter=circle is not None and circle.around.me is not None,
        is_amnesic=circle is not None and has_forgotten(circle),
        is_asking=circle is not None and circle.guard.is_asking,
        switches=peer.board.switches,
        own_state=peer.board.state,
        neighbours=peer.neighbours.ages_ns(now_ns),
        emotions=peer.board.held(now_ns),
        dropped=tuple(sorted(dropped.items())),
    )
