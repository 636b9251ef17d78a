"""What somebody who looks at a device sees, and may know of it: its lamp, and its consent."""

from collections.abc import Iterable
from dataclasses import dataclass

from smilesim.oscillator import Oscillator
from smilesync.commands import DEFAULT_SWITCHES, Switch
from smilesync.effects import Scene

NEEDED = int(Switch.SHOW | Switch.COLLECTIVE | Switch.LIT)
"""What a wearer must allow for certified light."""

Selected = tuple[int, bytes]
"""Slot and value hash."""


@dataclass(slots=True)
class Eyes:
    """What one device shows, and what it may know.

    Consent: `switches` on its record, `commanded` by its wearer; None: as on the record, because
    nothing was commanded, or power failed in the very tick of a command.

    Before `ends_tick` by this `crystal` the lease of `scene` runs: nobody need look.
    """

    selected: Selected | None = None
    scene: Scene | None = None
    since_tick: int = 0
    until_us: int = 0
    is_long: bool = False
    is_holding: bool = False
    highest_shown: int = 0
    switches: int = int(DEFAULT_SWITCHES)
    commanded: int | None = None
    is_watched: bool = False
    ends_tick: int = 0
    crystal: Oscillator | None = None

    @property
    def is_lit(self) -> bool:
        """Does a certified value drive the lamp, selected or held?"""
        return self.selected is not None or self.is_holding

    @property
    def is_willing(self) -> bool:
        """Does the wearer consent to certified light, by their word and on the record?"""
        switches = self.switches if self.commanded is None else self.switches & self.commanded
        return not NEEDED & ~switches


def same(known: Iterable[Selected], selected: Selected) -> Selected:
    """Return the equal one that others show already, if there is one."""
    for one in known:
        if one == selected:
            return one
    return selected
