"""Of several circles one drives the light of a device: which one, since when, and who consented.

Written apart from the stage of the core: from what each membership says, what the wearer chose and
left, what the journals hold, and what the lamp is given. SPEC section Several circles, DRV-010 to
DRV-018. I7 and I8 are judged for each circle by what its membership really puts on the lamp.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from smilesim.device import FIRST_SCENE, Device
from smilesim.violations import Violations
from smilesim.wearers import Wearer
from smilesync.commands import DEFAULT_SWITCHES, SetConsent, SetOff, Switch
from smilesync.effects import Rung, Scene
from smilesync.wire.records import ConsentSet, Opened, Record, SequenceReserved

RULE = "stage"
CERTIFIED = int(Switch.SHOW | Switch.COLLECTIVE | Switch.LIT)
OF_A_CIRCLE = int(Switch.SHARE | Switch.COLLECTIVE)

Lit = tuple[int, int, bytes]
"""Membership, slot and value hash of certified light."""


@dataclass(slots=True)
class View:
    """What is known of one wearer's light.

    `said`: the newest scene of each membership, by index; `allowed`: the consent that it knows of,
    by its record, and what is withdrawn already by the word. `lit`: the last value that was
    selected on the lamp.
    """

    said: dict[int, Scene] = field(default_factory=dict)
    allowed: dict[int, int] = field(default_factory=dict)
    driving: Device | None = None
    chosen: Device | None = None
    left: set[int] = field(default_factory=set)
    joining: set[int] = field(default_factory=set)
    lit: Lit | None = None


class StageCheck:
    """Follows every device in several circles. `changes`: how often certified light changed over
    from one circle to another.
    """

    def __init__(self, violations: Violations) -> None:
        self._violations = violations
        self._views: dict[int, View] = {}
        self._wearers: dict[int, Wearer] = {}
        self._touched: dict[int, Wearer] = {}
        self.changes = 0

    def started(self, wearer: Wearer, before: Sequence[Sequence[Record]], tick: int) -> None:
        """A life begins; `before` are the journals as power left them (DRV-016, DRV-018)."""
        view = self._view(wearer)
        view.said = {one.index: FIRST_SCENE for one in wearer.memberships}
        view.driving = view.lit = None
        after = [one.disk.replay() for one in wearer.memberships]
        kept = [
            place
            for place, one in enumerate(wearer.memberships)
            if one.index not in view.left and _can_know(one, before[place])
        ]
        allowed = int(DEFAULT_SWITCHES | Switch.SHARE | Switch.SUGGEST)
        for place in kept:
            allowed &= _switches(before[place])
        used = max(map(_reserved, before))
        for one, journal in zip(wearer.memberships, after, strict=True):
            view.allowed[one.index] = _switches(journal)
            self._violations.judged[RULE] += 1
            if kept and _switches(journal) & ~allowed:
                self._add(one, "DRV-016: allows what another journal has withdrawn", tick)
            if _reserved(journal) < used:
                self._add(one, "DRV-018: goes on below what another journal reserved", tick)

    def stopped(self, wearer: Wearer) -> None:
        """The lamp is dark."""
        view = self._view(wearer)
        view.driving = view.lit = None
        self._touched.pop(wearer.memberships[0].index, None)

    def consent_set(self, device: Device, switches: int) -> None:
        """What the wearer allows is on the record of one membership."""
        if device.wearer is not None:
            self._touch(device.wearer).allowed[device.index] = switches

    def commanded(self, device: Device, command: SetConsent | SetOff, tick: int) -> None:
        """A membership is told a word of its wearer: what it takes away is gone at once."""
        if device.wearer is None:
            return
        view = self._touch(device.wearer)
        switch, is_on = Switch.LIT, isinstance(command, SetOff) and not command.off
        if isinstance(command, SetConsent):
            switch, is_on = command.switch, command.on
        if not is_on:
            known = view.allowed.get(device.index, int(DEFAULT_SWITCHES))
            view.allowed[device.index] = known & ~int(switch)
        elif device.index in view.left - view.joining and int(switch) & OF_A_CIRCLE:
            self._add(device, "DRV-017: a circle that was left is given consent", tick)

    def chosen(self, wearer: Wearer, device: Device | None) -> None:
        """The wearer chose who drives."""
        self._touch(wearer).chosen = device

    def joining(self, device: Device) -> None:
        """The wearer joins again a circle that was left; it counts for the light when it knows."""
        assert device.wearer is not None
        self._touch(device.wearer).joining.add(device.index)

    def came_back(self, device: Device) -> None:
        """A circle that was left counts again."""
        assert device.wearer is not None
        self._touch(device.wearer).left.discard(device.index)

    def left(self, device: Device) -> None:
        """The wearer leaves the circle of a membership."""
        assert device.wearer is not None
        view = self._touch(device.wearer)
        view.left.add(device.index)
        view.joining.discard(device.index)
        view.chosen = None if view.chosen is device else view.chosen

    def said(self, device: Device, scene: Scene, tick: int) -> None:
        """A membership says what it would show, and the stage has made of it what it does."""
        wearer = device.wearer
        assert wearer is not None
        view = self._view(wearer)
        before = view.said.get(device.index, FIRST_SCENE)
        view.said[device.index] = scene
        is_between = device is view.driving and scene.slot != before.slot
        self.decided(wearer, tick, is_between=is_between)

    def decided(self, wearer: Wearer, tick: int, *, is_between: bool = False) -> None:
        """The stage may have let another membership drive: was that right, or staying so?"""
        view, driving = self._touch(wearer), wearer.driving
        if driving is None:
            return
        before, view.driving = view.driving, driving
        if before is None:
            return
        self._violations.judged[RULE] += 1
        rule, expected = self._expected(wearer, view, before, is_between=is_between)
        if driving is not expected:
            detail = f"{rule}: peer {driving.index} drives, expected {expected.index}"
            self._violations.add(RULE, tick, before.index, detail)

    def shown(self, wearer: Wearer, scene: Scene, tick: int) -> None:
        """The lamp is given a scene."""
        view, driving = self._touch(wearer), wearer.driving
        assert driving is not None
        if scene.value_hash is None:
            return
        lit = (driving.index, scene.slot, bytes(scene.value_hash))
        if scene.is_selected:
            self.changes += view.lit is not None and view.lit[0] != driving.index
            view.lit = lit
        elif view.lit != lit:
            self._add(driving, "DRV-020: holds a value that this lamp did not show", tick)

    def end_tick(self, tick: int) -> None:
        """Look at every lamp of which something changed in this tick."""
        if not self._touched:
            return
        for wearer in self._touched.values():
            driving = wearer.driving
            if wearer.shown is None or driving is None or driving.is_paused:
                continue
            self._violations.judged[RULE] += 1
            self._must_be_one(wearer, self._view(wearer), driving, tick)
        self._touched.clear()

    def _must_be_one(self, wearer: Wearer, view: View, driving: Device, tick: int) -> None:
        """The lamp has what the driving membership says, or nothing certified without consent."""
        scene, said = wearer.shown, view.said[driving.index]
        assert scene is not None
        kept = _kept(wearer, view)
        if driving not in kept:
            self._add(driving, "DRV-017: drives after its circle was left", tick)
        if not _is_allowed(view, kept):
            if scene.value_hash is not None or scene.rung <= Rung.HOLD:
                self._add(driving, "DRV-015: certified light against a journal", tick)
        elif scene.value_hash is not None and replace(scene, fall_count=said.fall_count) != said:
            self._add(driving, "DRV-010: shows what the driving membership does not say", tick)
        elif said.is_selected and scene.value_hash is None:
            self._add(driving, "DRV-010: does not show what the driving membership says", tick)

    def _expected(
        self, wearer: Wearer, view: View, before: Device, *, is_between: bool
    ) -> tuple[str, Device]:
        """Return by which rule who drives now, after `before` did."""
        kept, said = _kept(wearer, view), view.said[before.index]
        if before in kept:
            if not _is_allowed(view, kept):
                return "DRV-013", before
            if said.is_selected and not is_between:
                return "DRV-011", before
        chosen = view.chosen
        if chosen is not None and view.said[chosen.index].is_selected:
            return "DRV-012", chosen
        if before in kept and (said.is_selected or said.rung <= Rung.HOLD):
            return "DRV-013", before
        rungs = {one.index: _rung(view.said[one.index]) for one in kept}
        best = [one for one in kept if rungs[one.index] == min(rungs.values())]
        rule = "DRV-014" if any(_is_held(view.said[one.index]) for one in kept) else "DRV-013"
        for one in (chosen, before):
            if one in best:
                return rule, one
        return rule, best[0]

    def _view(self, wearer: Wearer) -> View:
        return self._views.setdefault(wearer.memberships[0].index, View())

    def _touch(self, wearer: Wearer) -> View:
        self._touched[wearer.memberships[0].index] = wearer
        return self._view(wearer)

    def _add(self, device: Device, detail: str, tick: int) -> None:
        self._violations.add(RULE, tick, device.index, detail)


def _kept(wearer: Wearer, view: View) -> list[Device]:
    """Return the memberships that count; who has left all circles is alone with all of them."""
    kept = [one for one in wearer.memberships if one.index not in view.left]
    return kept or list(wearer.memberships)


def _is_allowed(view: View, kept: Sequence[Device]) -> bool:
    """Does no membership know that certified light is forbidden?"""
    known = (view.allowed.get(one.index, int(DEFAULT_SWITCHES)) for one in kept)
    return all(not CERTIFIED & ~switches for switches in known)


def _is_held(scene: Scene) -> bool:
    return scene.rung is Rung.HOLD and not scene.is_selected


def _rung(scene: Scene) -> Rung:
    """Return how high a membership stands for one that does not drive (DRV-014)."""
    return Rung.OFF if _is_held(scene) else scene.rung


def _can_know(device: Device, journal: Sequence[Record]) -> bool:
    """Has it run before, with this very memory?"""
    voter = device.keys.voter.public
    is_own = all(one.voter == voter for one in journal if isinstance(one, Opened))
    return is_own and len(journal) > 1


def _switches(journal: Sequence[Record]) -> int:
    held = [int(one.switches) for one in journal if isinstance(one, ConsentSet)]
    return held[-1] if held else int(DEFAULT_SWITCHES)


def _reserved(journal: Sequence[Record]) -> int:
    return max((one.below for one in journal if isinstance(one, SequenceReserved)), default=0)
