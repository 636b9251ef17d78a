"""Invariants I7 and I8: what may drive the lamps, in true time, and the patterns that do.

I7: at no instant do two devices of a circle have different certified values as their governor's
input. A selection holds from the tick of its scene to the tick of the next one, so the instants to
look at are the ends of ticks in which some scene changed: between them nothing does.
I8: no certified value drives a lamp outside [nb+g, na-g) of its lease by the device's own clock,
against the wearer's consent (their word to the device, and its record), or without clock readings
of q voters in the last 8 s; with a lease of more than 4 s, in the last 4 s. What is held between
two leases is over, and for 1 s at most.
I17: no slot is shown after a later one, and what was shown is on the record after a restart.
Every pattern that drives a lamp passes the static conditions.
"""

from collections.abc import Iterable, Sequence

from smilesim.device import Device, SimCircle
from smilesim.engine import TICKS_PER_SECOND
from smilesim.eyes import NEEDED, Eyes, Selected, same
from smilesim.hearing import HEARD_TICKS_MAX, Hearing
from smilesim.violations import Violations
from smilesim.votecheck import VoteCheck
from smilesync.commands import SetConsent, SetOff, Switch
from smilesync.effects import Scene
from smilesync.light import conditions
from smilesync.timeline import Timeline
from smilesync.wire.records import ConsentSet, Record, Shown

READING_TICKS_MAX = 8 * TICKS_PER_SECOND + 10
"""Readings count for 8 s of the device's own clock, which may be 100 ppm slow; then a tick."""

LONG_LEASE_US = 4_000_000

HOLD_US_MAX = 1_000_000
US_PER_TICK = 1_000


class DisplayCheck:
    """Follows every lamp's input, from power-up to power loss."""

    def __init__(
        self,
        circles: Sequence[SimCircle],
        devices: Sequence[Device],
        votes: VoteCheck,
        violations: Violations,
    ) -> None:
        self._circles = circles
        self._devices = devices
        self._votes = votes
        self._hearing = Hearing(votes, len(devices))
        self._violations = violations
        self._eyes = [Eyes() for _ in devices]
        self._shown: list[dict[Selected, int]] = []
        self._touched: dict[int, int] = {}
        self._pausing: list[Device] = []
        self._commands: list[tuple[Device, SetConsent | SetOff]] = []
        self._consents: dict[int, Device] = {}
        self._patterns: dict[bytes, str | None] = {}

    @property
    def patterns(self) -> int:
        """Return how many different patterns were selected so far."""
        return len(self._patterns)

    def is_selected(self, device: Device) -> bool:
        """Does a certified value drive the lamp of `device` now?"""
        return self._eyes[device.index].selected is not None

    def consent_set(self, device: Device, switches: int) -> None:
        """The wearer's decision is on the record; it holds from this very moment."""
        self._eyes[device.index].switches = switches
        self._consents[device.index] = device
        device.is_willing = not NEEDED & ~switches

    def commanded(self, device: Device, command: SetConsent | SetOff) -> None:
        """The wearer decides; it holds from the end of this tick, if power does until then."""
        self._commands.append((device, command))

    def restarted(self, device: Device, journal: Iterable[Record], tick: int) -> None:
        """Nothing is shown; what was shown before must not come back."""
        self._hearing.restarted(device)
        before = self._eyes[device.index]
        eye = self._eyes[device.index] = Eyes(is_watched=True)
        for record in journal:
            if isinstance(record, ConsentSet):
                eye.switches = record.switches
            elif isinstance(record, Shown):
                eye.highest_shown = max(eye.highest_shown, record.slot)
        if not device.disk.has_lied:
            self._must_remember(device, before, eye, tick)
        device.is_willing = not NEEDED & ~eye.switches

    def moved(self, device: Device) -> None:
        """In a successor slots begin anew."""
        self._eyes[device.index].highest_shown = 0
        self._hearing.moved(device)

    def powered_off(self, device: Device, tick: int) -> None:
        """The lamp is dark."""
        eye = self._eyes[device.index]
        self._leave(device, eye, tick)
        eye.scene = None
        if any(one is device for one, _ in self._commands):
            # Its record may be durable or lost: the journal will say.
            self._commands = [item for item in self._commands if item[0] is not device]
            eye.commanded = None

    def shown(self, device: Device, scene: Scene, tick: int) -> None:
        """The lamp's input changes."""
        eye = self._eyes[device.index]
        self._leave(device, eye, tick)
        eye.scene = scene
        self._begin(device, eye, scene, tick)

    def paused(self, device: Device) -> None:
        """After this tick it drives no frames until it goes on."""
        self._pausing.append(device)

    def resumed(self, device: Device, tick: int) -> None:
        """What it still shows after all that waited for it was handled, it shows from now on."""
        eye = self._eyes[device.index]
        if eye.scene is not None and eye.selected is None and not eye.is_holding:
            self._begin(device, eye, eye.scene, tick)

    def end_tick(self, tick: int) -> None:
        """Look at every circle in which something changed (I7)."""
        if self._touched:
            self._must_be_one(tick)
        if self._commands or self._consents:
            self._heed(tick)
        for device in self._pausing:
            if device.is_paused:
                self._leave(device, self._eyes[device.index], tick + 1)
        self._pausing.clear()

    def _heed(self, tick: int) -> None:
        """What wearers decided in this tick holds: no lamp is lit against it any more."""
        for device, command in self._commands:
            eye = self._eyes[device.index]
            switch, is_on = Switch.LIT, isinstance(command, SetOff) and not command.off
            if isinstance(command, SetConsent):
                switch, is_on = command.switch, command.on
            known = eye.switches if eye.commanded is None else eye.commanded
            eye.commanded = known | switch if is_on else known & ~switch
            self._consents[device.index] = device
        for device in self._consents.values():
            eye = self._eyes[device.index]
            if eye.is_lit:
                self._must_be_willing(device, eye, tick)
        self._commands.clear()
        self._consents.clear()

    def _must_remember(self, device: Device, before: Eyes, eye: Eyes, tick: int) -> None:
        """What was shown was on the record first; a disk that never lied has it yet."""
        self._violations.judged["I17"] += 1
        if eye.highest_shown < before.highest_shown:
            detail = f"slot {before.highest_shown} was shown, its record is of {eye.highest_shown}"
            self._violations.add("I17", tick, device.index, detail)
        eye.highest_shown = max(eye.highest_shown, before.highest_shown)
        eye.commanded = before.commanded

    def _must_be_one(self, tick: int) -> None:
        for index, peer in self._touched.items():
            circle = self._circles[index]
            if len(self._shown_in(circle)) < 2:  # all who show anything show the same
                self._violations.judged["I7"] += circle.is_spread or self._are_two(circle, tick)
                continue
            selected = self._shown_by_clock(circle, tick)
            self._violations.judged["I7"] += len(selected) > 1
            if len(set(selected)) > 1:
                slots = sorted(slot for slot, _ in set(selected))
                self._violations.add("I7", tick, peer, f"slots {slots} are shown at once")
        self._touched.clear()

    def _are_two(self, circle: SimCircle, tick: int) -> bool:
        """Do two members show something whose clocks are what the protocol was made for?"""
        if sum(self._shown_in(circle).values()) < 2:
            return False
        found = off = 0
        for member in circle.everybody:
            device = self._devices[member]
            if device.clock_off_until_tick > tick:
                off += self._eyes[member].is_watched and member in circle.members
            elif found < 2 and device.circle is circle:
                found += self._eyes[member].selected is not None
        return found == 2 and off <= (len(circle.voters) - 1) // 3

    def _shown_by_clock(self, circle: SimCircle, tick: int) -> list[Selected]:
        """Return what those members show whose clocks are what the protocol was made for.

        None if the clocks of more than f are not: then it promises nothing of the others either.
        """
        found, off = list[Selected](), 0
        for member in circle.everybody:
            one, eye = self._devices[member], self._eyes[member]
            if not eye.is_watched:
                continue
            selected = eye.selected
            if one.clock_off_until_tick > tick:
                off += member in circle.members
            elif one.circle is circle and selected is not None:
                found.append(selected)
        return found if off <= (len(circle.voters) - 1) // 3 else []

    def finish(self, tick: int) -> None:
        """Judge the selections that still run as if they ended now."""
        self.sweep(tick)

    def sweep(self, tick: int) -> None:
        """Judge what runs now, once a second: who never ends a selection is not spared."""
        for index, shown in enumerate(self._shown):
            if len(shown) > 1:
                self._touched.setdefault(index, self._circles[index].members[0])
        lit = 0
        for index, eye in enumerate(self._eyes):
            if eye.is_lit:
                device = self._devices[index]
                lit += 1
                self._must_be_willing(device, eye, tick)
                self._must_have_ended(device, eye, tick + 1)
                self._must_be_heard(device, eye, tick)
        self._violations.judged["I8"] += lit

    def _begin(self, device: Device, eye: Eyes, scene: Scene, tick: int) -> None:
        if scene.is_selected:
            self._enter(device, eye, scene, tick)
        elif scene.value_hash is not None:
            self._hold(device, eye, scene, tick)

    def _enter(self, device: Device, eye: Eyes, scene: Scene, tick: int) -> None:
        """A certified value becomes the input of the lamp: may it?"""
        self._violations.judged["I8"] += 1
        circle = device.circle
        if circle is None or scene.value_hash is None or scene.pattern is None:
            self._violations.add("I8", tick, device.index, "a selection of nothing decided")
            return
        shown = self._shown_in(circle)
        eye.selected = same(shown, (scene.slot, bytes(scene.value_hash)))
        eye.since_tick = tick
        shown[eye.selected] = shown.get(eye.selected, 0) + 1
        self._touched[circle.index] = device.index
        self._must_be_decided(device, eye, scene, tick)
        self._must_be_on_record(device, eye, tick)
        self._must_be_heard(device, eye, tick)
        self._must_be_gentle(device, scene.pattern, tick)
        self._violations.judged["I17"] += 1
        if scene.slot < eye.highest_shown:
            detail = f"slot {scene.slot} after {eye.highest_shown}"
            self._violations.add("I17", tick, device.index, detail)
        eye.highest_shown = max(eye.highest_shown, scene.slot)

    def _leave(self, device: Device, eye: Eyes, tick: int) -> None:
        """The selection that ran until this tick ends: was it in time?"""
        if device.circle is None or not eye.is_lit:
            return
        self._must_have_ended(device, eye, tick)
        if tick > eye.since_tick:
            self._must_hear(device, eye, tick - 1)
        eye.is_holding = eye.is_long = False
        if eye.selected is None:
            return
        shown = self._shown_in(device.circle)
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
        eye.is_long = decision.not_after_us - decision.not_before_us > LONG_LEASE_US
        if scene.timeline is None:
            self._violations.add("I8", tick, device.index, "a selection without a clock")
            return
        self._note_end(device, eye, scene.timeline)
        circle_us = scene.timeline.at(device.oscillator.at(tick))
        if not decision.not_before_us + guard_us <= circle_us < eye.until_us:
            detail = f"slot {scene.slot} is shown at {circle_us} us, outside its lease"
            self._violations.add("I8", tick, device.index, detail)

    def _hold(self, device: Device, eye: Eyes, scene: Scene, tick: int) -> None:
        """The last value stays for a moment between two leases: its own lease must be over."""
        decision = self._votes.decision(device, scene.slot)
        if device.circle is None or decision is None or scene.timeline is None:
            self._violations.add("I8", tick, device.index, "holds nothing decided")
            return
        eye.is_holding, eye.since_tick = True, tick
        eye.is_long = decision.not_after_us - decision.not_before_us > LONG_LEASE_US
        ended_us = decision.not_after_us - device.circle.genesis.parameters.guard_us
        eye.until_us = ended_us + HOLD_US_MAX
        self._note_end(device, eye, scene.timeline)
        if scene.timeline.at(device.oscillator.at(tick)) < ended_us:
            detail = f"slot {scene.slot} is held before its lease ended"
            self._violations.add("I8", tick, device.index, detail)
        self._must_be_on_record(device, eye, tick)
        self._must_hear(device, eye, tick)

    def _note_end(self, device: Device, eye: Eyes, timeline: Timeline) -> None:
        """Reckon once until when nothing can be shown too long, two ticks for rounding off."""
        eye.crystal = device.oscillator
        eye.ends_tick = eye.crystal.tick_at(timeline.local_at(eye.until_us)) - 2

    def _must_have_ended(self, device: Device, eye: Eyes, tick: int) -> None:
        """The last tick with this selection was still before na - g."""
        scene, last = eye.scene, tick - 1
        if last < eye.ends_tick and eye.crystal is device.oscillator:
            return
        if scene is None or scene.timeline is None or last < eye.since_tick:
            return
        if last <= device.oscillator.turned_tick:
            # A clock that leaps past the end of a lease is not noticed before the next tick.
            return
        circle_us = scene.timeline.at(device.oscillator.at(last))
        if circle_us >= eye.until_us:
            late_us = circle_us - eye.until_us
            detail = f"slot {scene.slot} was shown {late_us} us longer than its lease"
            self._violations.add("I8", tick, device.index, detail)

    def _must_be_on_record(self, device: Device, eye: Eyes, tick: int) -> None:
        """No light begins against the record; the word is looked at when the tick is over."""
        self._consents[device.index] = device
        if NEEDED & ~eye.switches:
            self._violations.add("I8", tick, device.index, "shows against the consent on record")

    def _must_be_willing(self, device: Device, eye: Eyes, tick: int) -> None:
        if not eye.is_willing:
            self._violations.add("I8", tick, device.index, "shows against the wearer's consent")

    def _must_be_heard(self, device: Device, eye: Eyes, tick: int) -> None:
        """Readings of q voters are there, and who shows a long lease heard them of late."""
        # Near readings of 4 s make both true: each is one of the last 8 s as well.
        if not self._hearing.is_near(device, tick):
            self._must_hear(device, eye, tick)
            if eye.selected is not None:
                self._must_have_readings(device, tick)

    def _must_have_readings(self, device: Device, tick: int) -> None:
        """Readings of q voters, the own one included, are not older than 8 s."""
        oldest_tick = tick - READING_TICKS_MAX
        fresh, quorum = self._hearing.heard(device, oldest_tick, device.far_read)
        if device.clock_off_until_tick <= tick and fresh < quorum:
            detail = f"shows with readings of {fresh} voters, q is {quorum}"
            self._violations.add("I8", tick, device.index, detail)

    def _must_hear(self, device: Device, eye: Eyes, tick: int) -> None:
        """With a long lease q voters, the own one included, were heard in the last 4 s."""
        if device.circle is None or not eye.is_long:
            return
        oldest_tick = tick - HEARD_TICKS_MAX - _beacon_ticks(device.circle)
        if self._hearing.is_near(device, tick):
            return
        fresh, quorum = self._hearing.heard(device, oldest_tick, device.far_heard)
        if device.clock_off_until_tick <= tick and fresh < quorum:
            detail = f"shows a long lease, hearing {fresh} voters, q is {quorum}"
            self._violations.add("I8", tick, device.index, detail)

    def _shown_in(self, circle: SimCircle) -> dict[Selected, int]:
        """Return by how many of a circle each value is shown."""
        while len(self._shown) <= circle.index:
            self._shown.append({})
        return self._shown[circle.index]

    def _must_be_gentle(self, device: Device, pattern: bytes, tick: int) -> None:
        if pattern not in self._patterns:
            self._patterns[pattern] = conditions.check(pattern)
        broken = self._patterns[pattern]
        if broken is not None:
            self._violations.add(broken, tick, device.index, "a selected pattern breaks it")


def _beacon_ticks(circle: SimCircle) -> int:
    """Return by how much a device may misjudge when a beacon was signed: by two clocks' errors."""
    return 2 * circle.genesis.parameters.guard_us // US_PER_TICK if circle.is_spread else 0
