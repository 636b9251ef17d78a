"""The one table of the kinds of faults: `show`, validation, docs, scripts and counts read it."""

from smilesim.faults import (
    choices,
    churn,
    clocks,
    flash,
    keys,
    pace,
    partition,
    power,
    storm,
    villainy,
    wearer,
    weather,
)
from smilesim.faults.kind import Fault, Kind

FAMILIES = (
    weather,
    partition,
    power,
    flash,
    keys,
    clocks,
    pace,
    storm,
    wearer,
    choices,
    churn,
    villainy,
)

BYZANTINE = frozenset(
    (*(kind.name for kind in villainy.KINDS), "lost-writes", "bit-flips", "restored-backup")
)
"""Kinds that break what the protocol takes for granted of an honest voter."""

UNDRAWN = frozenset(
    (
        "apart",
        "moods",
        "no-merger",
        *(kind.name for kind in (*churn.KINDS, *choices.KINDS, *keys.KINDS)),
    )
)
"""Kinds that mean something only where voters may change, where people are in several circles, or
where some follow: those circles that are drawn at random are closed, apart, and all have seats. Or
that need a while in which a circle decides."""

KINDS: dict[str, Kind] = {kind.name: kind for family in FAMILIES for kind in family.KINDS}

GOVERNED = frozenset({"no-merger"})
"""Kinds that mean nothing in closed circles: a device refuses there what the wearer would say."""

TOLD_APART = frozenset(
    (
        *("lost-message", "damaged-message", "duplicated-message", "reordered-message"),
        *("late-message", "heal", "cut-link", "cut-message", "power-loss", "crash-inside-effects"),
        *("torn-record", "disk-stop", "voter-key-rotated", "seat-given", "seat-taken", "villain"),
    )
)
"""What several kinds count, or what also happens without any: a fault has happened if it did some
of it itself. Everything else is done by one kind alone."""

COUNTED: dict[str, tuple[str, ...]] = {
    name: (name, *(count for count in kind.counts if count != name)) for name, kind in KINDS.items()
}
"""By kind: what must have been counted at least once for a fault to count as having happened."""


def over_s(fault: Fault) -> float:
    """Return at what time everything a fault does is done, healing and restarts included."""
    return KINDS[fault.kind].over_s(fault)
