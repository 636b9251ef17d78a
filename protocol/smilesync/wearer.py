"""One wearer, several circles: what their journals say together, and whom a word is for.

Consent and feeling are the wearer's and not a circle's, so each journal is told all of it. Power
may fail between two of them; what was withdrawn in one then stays withdrawn in all.
Source: SPEC section Several circles, DRV-016 to DRV-018.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from smilesync.boot import wearer_of
from smilesync.commands import Command, SetConsent, Switch
from smilesync.wire import records
from smilesync.wire.records import Record

IN_A_CIRCLE = Switch.SHARE | Switch.COLLECTIVE
"""What leaving a circle withdraws there, and there only."""


class Recollection(NamedTuple):
    """The journal of one membership at the start; `has_left`: the wearer left its circle."""

    journal: Sequence[Record]
    is_amnesic: bool = False
    has_left: bool = False


def unsaid(recollections: Sequence[Recollection]) -> list[list[Record]]:
    """Return for each journal what it lacks of what the wearer said, to be made durable first.

    A switch is on if every journal that can know says so. Who never ran does not know, nor who
    lost its memory while another did not; a circle that was left says nothing of the others. No
    number is used twice, whichever link it went over.
    """
    told = [wearer_of(one.journal) for one in recollections]
    known = [
        wearer
        for wearer, one in zip(told, recollections, strict=True)
        if not one.is_amnesic and len(one.journal) > 1 and not one.has_left
    ]
    common = known or told
    switches = common[0][0]
    for allowed, _, _ in common:
        switches &= allowed
    felt = common[0][1]
    below = max(reserved for _, _, reserved in told)
    lacking: list[list[Record]] = []
    for (own, own_felt, own_below), one in zip(told, recollections, strict=True):
        wanted = switches & ~IN_A_CIRCLE if one.has_left else switches
        lacks: list[Record] = []
        if wanted != own:
            lacks.append(records.ConsentSet(int(wanted)))
        if felt != own_felt:
            lacks.append(records.Felt(int(felt)))
        if below != own_below:
            lacks.append(records.SequenceReserved(below))
        lacking.append(lacks)
    return lacking


def audience(command: Command, names: Iterable[str], left: Collection[str]) -> list[str]:
    """Return which memberships are told: what is given is not given to a circle that was left."""
    is_given = isinstance(command, SetConsent) and command.on and command.switch & IN_A_CIRCLE
    return [name for name in names if not is_given or name not in left]
