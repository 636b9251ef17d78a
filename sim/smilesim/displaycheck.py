"""Invariants I7 and I8: what may drive the lamps, in true time, and the patterns that do.

I7: at no instant do two devices of a circle have different certified values as their governor's
input. A selection holds from the tick of its scene to the tick of the next one, so the instants to
look at are the ends of ticks in which some scene changed: between them nothing does.
I8: no certified value drives a lamp outside [nb+g, na-g) of its lease by the device's own clock,
against the wearer's consent, or without clock readings of q voters in the last 8 s.
Every pattern that drives a lamp passes the static conditions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smilesim.device import Device, SimCircle
from smilesim.engine import TICKS_PER_SECOND
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck
from smilesync.commands import DEFAULT_SWITCHES, Switch
from smilesync.effects import Scene
from smilesync.light import conditions
from smilesync.wire.records import ConsentSet, Record, Shown

READING_TICKS_MAX = 8 * TICKS_PER_SECOND + 10
"""Readings count for 8 s of the device's own clock, which may be 100 ppm slow; then a tick."""

NEEDED = int(Switch.SHOW | Switch.COLLECTIVE | Switch.LIT)

Selected = tuple[int, bytes]
"""Slot and value hash."""


@dataclass(slots=True)
class Eyes:
    """What one device shows, and what it may know."""

    selected: Selected | None = None
    scene: Scene | None = None
    since_tick: int = 0
    until_us: int = 0
    highest_shown: int = 0
    switches: int = int(DEFAULT_SWITCHES)


class DisplayCheck:
    """Follows every lamp's input, from power-up to power loss."""

    def __init__(
        self, circles: Sequence[SimCircle], votes: VoteCheck, violations: Violations
    ) -> None:
        self._circles = circles
        self._votes = votes
        self._violations = violations
        self._eyes: dict[int, Eyes] = {}
        self._shown: list[dict[Selected, int]] = [{} for _ in circles]
        self._touched: dict[int, int] = {}
        self._watched: dict[int, Device] = {}
        self._patterns: dict[bytes, str | None] = {}

    @property
    def patterns(self) -> int:
        """Return how many different patterns were selected so far."""
        return len(self._patterns)

    def is_selected(self, device: Device) -> bool:
        """Does a certified value drive the lamp of `device` now?"""
        return self._eye(device).selected is not None

    def consent_set(self, device: Device, switches: int) -> None:
        """The wearer decided; it holds from this very moment."""
        self._eye(device).switches = switches
        device.is_willing = not NEEDED & ~switches

    def restarted(self, device: Device, journal: Iterable[Record]) -> None:
        """Nothing is shown; what was shown before must not come back."""
        self._watched[device.index] = device
        device.heard_tick.clear()
        eye = self._eyes[device.index] = Eyes()
        for record in journal:
            if isinstance(record, ConsentSet):
                eye.switches = record.switches
            elif isinstance(record, Shown):
                eye.highest_shown = max(eye.highest_shown, record.slot)

    def powered_off(self, device: Device, tick: int) -> None:
        """The lamp is dark."""
        eye = self._eye(device)
        self._leave(device, eye, tick)
        eye.scene = None

    def shown(self, device: Device, scene: Scene, tick: int) -> None:
        """The lamp's input changes."""
        eye = self._eye(device)
        self._leave(device, eye, tick)
        eye.scene = scene
        if scene.is_selected:
            self._enter(device, eye, scene, tick)

    def end_tick(self, tick: int) -> None:
        """Look at every circle in which something changed (I7)."""
        if not self._touched:
            return
        for index, peer in self._touched.items():
            shown = self._shown[index]
            if len(shown) > 1:
                slots = sorted(slot for slot, _ in shown)
                self._violations.add("I7", tick, peer, f"slots {slots} are shown at once")
        self._touched.clear()

    def finish(self, tick: int) -> None:
        """Judge the selections that still run as if they ended now."""
        self.sweep(tick)

    def sweep(self, tick: int) -> None:
        """Judge what runs now, once a second: who never ends a selection is not spared."""
        for index, device in self._watched.items():
            eye = self._eyes[index]
            if eye.selected is not None and device.circle is not None:
                self._must_have_ended(device, eye, tick + 1)
                self._must_have_readings(device, device.circle, tick)

    def _eye(self, device: Device) -> Eyes:
        eye = self._eyes.get(device.index)
        if eye is None:
            eye = self._eyes[device.index] = Eyes()
        return eye

    def _enter(self, device: Device, eye: Eyes, scene: Scene, tick: int) -> None:
        """A certified value becomes the input of the lamp: may it?"""
        circle = device.circle
        if circle is None or scene.value_hash is None or scene.pattern is None:
            self._violations.add("I8", tick, device.index, "a selection of nothing decided")
            return
        eye.selected = (scene.slot, bytes(scene.value_hash))
        eye.since_tick = tick
        shown = self._shown[circle.index]
        shown[eye.selected] = shown.get(eye.selected, 0) + 1
        self._touched[circle.index] = device.index
        self._must_be_decided(device, eye, scene, tick)
        self._must_be_willing(device, eye, tick)
        self._must_have_readings(device, circle, tick)
        self._must_be_gentle(device, scene.pattern, tick)
        if scene.slot < eye.highest_shown:
            detail = f"slot {scene.slot} after {eye.highest_shown}"
            self._violations.add("I17", tick, device.index, detail)
        eye.highest_shown = max(eye.highest_shown, scene.slot)

    def _leave(self, device: Device, eye: Eyes, tick: int) -> None:
        """The selection that ran until this tick ends: was it in time?"""
        if eye.selected is None or device.circle is None:
            return
        self._must_have_ended(device, eye, tick)
        shown = self._shown[device.circle.index]
        shown[eye.selected] -= 1
        if not shown[eye.selected]:
            del shown[eye.selected]
        eye.selected = None

    def _must_be_decided(self, device: Device, eye: Eyes, scene: Scene, tick: int) -> None:
        """The value is in the own journal, and its lease runs by the own circle clock."""
        assert device.circle is not None
        decision = self._votes.decision(device, scene.slot)
        if decision is None or decision.hash != scene.value_hash:
            detail = f"slot {scene.slot} is shown but not decided here"
            self._violations.add("I8", tick, device.index, detail)
            return
        if decision.pattern != scene.pattern:
            self._violations.add("I8", tick, device.index, "shows another pattern than decided")
        guard_us = device.circle.genesis.parameters.guard_us
        eye.until_us = decision.not_after_us - guard_us
        if scene.timeline is None:
            self._violations.add("I8", tick, device.index, "a selection without a clock")
            return
        circle_us = scene.timeline.at(device.oscillator.at(tick))
        if not decision.not_before_us + guard_us <= circle_us < eye.until_us:
            detail = f"slot {scene.slot} is shown at {circle_us} us, outside its lease"
            self._violations.add("I8", tick, device.index, detail)

    def _must_have_ended(self, device: Device, eye: Eyes, tick: int) -> None:
        """The last tick with this selection was still before na - g."""
        scene, last = eye.scene, tick - 1
        if scene is None or scene.timeline is None or last < eye.since_tick:
            return
        circle_us = scene.timeline.at(device.oscillator.at(last))
        if circle_us >= eye.until_us:
            late_us = circle_us - eye.until_us
            detail = f"slot {scene.slot} was shown {late_us} us longer than its lease"
            self._violations.add("I8", tick, device.index, detail)

    def _must_be_willing(self, device: Device, eye: Eyes, tick: int) -> None:
        if NEEDED & ~eye.switches:
            self._violations.add("I8", tick, device.index, "shows against the wearer's consent")

    def _must_have_readings(self, device: Device, circle: SimCircle, tick: int) -> None:
        """Readings of q voters, the own one included, are not older than 8 s."""
        oldest, heard_tick = tick - READING_TICKS_MAX, device.heard_tick
        fresh = 1
        for member in circle.members:
            if heard_tick.get(member, oldest - 1) >= oldest and member != device.index:
                fresh += 1
        if fresh < circle.roster.quorum:
            detail = f"shows with readings of {fresh} voters, q is {circle.roster.quorum}"
            self._violations.add("I8", tick, device.index, detail)

    def _must_be_gentle(self, device: Device, pattern: bytes, tick: int) -> None:
        if pattern not in self._patterns:
            self._patterns[pattern] = conditions.check(pattern)
        broken = self._patterns[pattern]
        if broken is not None:
            self._violations.add(broken, tick, device.index, "a selected pattern breaks it")
