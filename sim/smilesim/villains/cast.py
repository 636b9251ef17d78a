"""The cast of villains. A new one is a file with a class like those here, and a line in the table.

A villain bends what the honest peer of its device does (`turned.py`), or stands in its place. It
has the device's keys and links, and no check judges it; they judge what it does to the others.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from smilesim.villains import (
    clock_liar,
    delayer,
    double_voter,
    equivocator,
    evidence_forger,
    flasher,
    forger,
    lease_stretcher,
    lying_relay,
    replayer,
    roster_smuggler,
    sybil_crowd,
    tamperer,
    twins,
    withholder,
)
from smilesim.villains.turned import Habit, Means, Turned

if TYPE_CHECKING:
    from smilesim.device import LivePeer


class Villain(NamedTuple):
    """One habit: what it does, what it counts, and how to make one of an honest peer."""

    meaning: str
    counts: str
    make: "Callable[[Means], LivePeer]"


def _turned(habit: Callable[[Means], Habit], means: Means) -> Turned:
    return Turned(means.peer, habit(means))


def _villain(meaning: str, counts: str, habit: Callable[[Means], Habit]) -> Villain:
    return Villain(meaning, counts, partial(_turned, habit))


VILLAINS: dict[str, Villain] = {
    "equivocator": _villain(
        "as leaders they show two values, and sign to each what it signed",
        equivocator.COUNT,
        equivocator.Equivocator,
    ),
    "k-tamperer": _villain(
        "they send proposals on with other hints", tamperer.COUNT, tamperer.Tamperer
    ),
    "double-voter": _villain(
        "they sign what excludes each other", double_voter.COUNT, double_voter.DoubleVoter
    ),
    "withholder": _villain(
        "they speak of the circle with one other alone", withholder.COUNT, withholder.Withholder
    ),
    "delayer": _villain(
        "they say everything when patience is about to end", delayer.COUNT, delayer.Delayer
    ),
    "replayer": _villain(
        "they send old messages again and again", replayer.COUNT, replayer.Replayer
    ),
    "forger": _villain("they sign for others", forger.COUNT, forger.Forger),
    "clock-liar": _villain(
        "their clocks are fast for one half and slow for the other",
        clock_liar.COUNT,
        clock_liar.ClockLiar,
    ),
    "lying-relay": _villain(
        "they pass on old clock readings of others as their own",
        lying_relay.COUNT,
        lying_relay.LyingRelay,
    ),
    "lease-stretcher": _villain(
        "as leaders they propose leases that are too long, too early, too far ahead",
        lease_stretcher.COUNT,
        lease_stretcher.LeaseStretcher,
    ),
    "evidence-forger": _villain(
        "they accuse honest voters with signatures of something else",
        evidence_forger.COUNT,
        evidence_forger.EvidenceForger,
    ),
    "roster-smuggler": _villain(
        "as leaders they propose a roster that does not follow",
        roster_smuggler.COUNT,
        roster_smuggler.RosterSmuggler,
    ),
    "flasher": _villain("as leaders they propose a strobe", flasher.COUNT, flasher.Flasher),
    "sybil-crowd": _villain(
        "they speak for people who are not there", sybil_crowd.COUNT, sybil_crowd.SybilCrowd
    ),
    "twins": Villain(
        "two correct devices share their identity, each seen by half of the circle",
        twins.COUNT,
        twins.Twins,
    ),
}
