"""Which circle drives the light of a device that belongs to several, and what it may show.

Each membership is a `Peer` of its own and says by its scenes what it would show. One of them
drives: the one the wearer chose, where that one has certified light, else the highest on the
ladder. It is left only between two of its leases, so no certified light is cut short by another.
Consent is the wearer's and not a circle's: what one membership knows to be withdrawn, none shows.
Source: SPEC section Several circles, DRV-010 to DRV-016, DRV-020.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from smilesync.commands import Switch
from smilesync.effects import Rung, Scene
from smilesync.errors import LocalError

SHOWN = Switch.SHOW | Switch.COLLECTIVE | Switch.LIT
"""What a wearer must allow for certified light."""


class Standing(NamedTuple):
    """What one membership says: its scene, and what its wearer allows as far as it knows."""

    scene: Scene
    switches: Switch


class Stage:
    """Scenes of all memberships in, the one scene of the device out.

    `entered`: what each membership begins with, by name, in the order that settles ties; never
    empty. `left`: those that the wearer has left. The scenes it returns count falls on their own.
    """

    def __init__(
        self,
        entered: Mapping[str, Standing],
        chosen: str | None = None,
        left: Collection[str] = (),
    ) -> None:
        assert entered, "a device without a membership shows nothing"
        self._standings = dict(entered)
        self._left = {name for name in entered if name in left}
        self._falls = 0
        self._lit: tuple[str, int] | None = None
        self._allowed = self._allows()
        self.chosen = chosen if chosen in entered and chosen not in left else None
        """The wearer's choice; None: whichever stands highest."""
        self.driving = next_driver(self._scenes(), None, self.chosen)
        """The membership whose scene is shown."""
        self.scene = self._compose()

    @property
    def left(self) -> frozenset[str]:
        """Return the memberships that the wearer has left."""
        return frozenset(self._left)

    def show(self, name: str, scene: Scene, switches: Switch | None = None) -> Scene:
        """Take the new scene of the membership `name`; return what the device shows now.

        `switches`: what its wearer allows as far as it knows now, None: what it knew. A fall and
        the withdrawal that caused it are one step: else another circle would take the light over.
        """
        before = self._standings[name]
        known = before.switches if switches is None else switches
        self._standings[name] = Standing(scene, known)
        is_driving = name == self.driving
        if is_driving and scene.fall_count > before.scene.fall_count:
            self._falls += 1
        is_next_lease = is_driving and scene.slot != before.scene.slot
        return self._update(is_between=is_next_lease)

    def allow(self, name: str, switches: Switch) -> Scene:
        """Take over what the wearer allows, as the membership `name` knows it."""
        self._standings[name] = self._standings[name]._replace(switches=switches)
        return self._update()

    def choose(self, name: str | None) -> Scene:
        """Let the wearer choose who drives, None: whichever stands highest.

        Errors: LocalError for a membership that there is not, or that the device has left.
        """
        if name is not None and name not in self._standings:
            known = ", ".join(self._standings)
            raise LocalError(f"no circle is called {name!r} here; expected one of {known}")
        if name in self._left:
            raise LocalError(f"this device has left {name!r}; join it again first")
        self.chosen = name
        return self._update()

    def enter(self, name: str, standing: Standing) -> Scene:
        """Let one membership more take part: it drives when its turn comes, like any other."""
        self._standings[name] = standing
        return self._update()

    def remove(self, name: str) -> Scene:
        """Forget a membership that is not the only one; what it drove falls, as on leaving."""
        assert len(self._standings) > 1, "a device without a membership shows nothing"
        self.leave(name)
        del self._standings[name]
        self._left.discard(name)
        return self._update()

    def leave(self, name: str) -> Scene:
        """Let the membership `name` drive no more, and ask no more what it knows of consent."""
        is_shown = name == self.driving and self._standings[name].scene.rung <= Rung.HOLD
        self._left.add(name)
        self._falls += is_shown
        if self.chosen == name:
            self.chosen = None
        return self._update()

    def come_back(self, name: str) -> Scene:
        """Let a membership that was left count again."""
        self._left.discard(name)
        return self._update()

    def _update(self, *, is_between: bool = False) -> Scene:
        allowed = self._allows()
        if self._allowed & ~allowed & SHOWN:
            self._falls += 1
        self._allowed = allowed
        scenes = self._scenes()
        # In the dark nobody changes over: who shone before shines first when light is given again.
        if allowed == SHOWN or self.driving not in scenes:
            self.driving = next_driver(scenes, self.driving, self.chosen, is_between=is_between)
        self.scene = self._compose()
        return self.scene

    def _belonging(self) -> dict[str, Standing]:
        """Return the memberships that count; who has left all of them is alone with its own."""
        kept = {name: one for name, one in self._standings.items() if name not in self._left}
        return kept or self._standings

    def _scenes(self) -> dict[str, Scene]:
        return {name: standing.scene for name, standing in self._belonging().items()}

    def _allows(self) -> Switch:
        """Return what no membership knows to be withdrawn."""
        allowed = SHOWN
        for standing in self._belonging().values():
            allowed &= standing.switches
        return allowed

    def _compose(self) -> Scene:
        scene = self._standings[self.driving].scene
        lit = (self.driving, scene.slot)
        if scene.rung is Rung.HOLD and not scene.is_selected and self._lit != lit:
            # It drives because the circle that did was left, in the gap between its own leases.
            scene = Scene(Rung.SOLO, scene.own_state)
        if Switch.LIT not in self._allowed:
            return Scene(Rung.OFF, scene.own_state, fall_count=self._falls)
        if Switch.SHOW not in self._allowed:
            return Scene(max(scene.rung, Rung.GLOW), scene.own_state, fall_count=self._falls)
        if Switch.COLLECTIVE not in self._allowed and scene.rung <= Rung.HARMONY:
            return Scene(Rung.SOLO, scene.own_state, fall_count=self._falls)
        self._lit = lit if scene.is_selected else self._lit
        return replace(scene, fall_count=self._falls)


def next_driver(
    scenes: Mapping[str, Scene],
    driving: str | None,
    chosen: str | None,
    *,
    is_between: bool = False,
) -> str:
    """Return who drives now. `is_between`: the driving one goes from one lease to the next.

    A selected value is not left. What another membership merely holds between its own leases was
    never shown here, so nobody changes over to it.
    """
    current = scenes.get(driving) if driving is not None else None
    if driving is not None and current is not None and current.is_selected and not is_between:
        return driving
    if chosen is not None and chosen in scenes and scenes[chosen].is_selected:
        return chosen
    if driving is not None and current is not None and current.rung <= Rung.HOLD:
        return driving

    def place(name: str) -> tuple[Rung, bool, bool]:
        scene = scenes[name]
        is_only_held = scene.rung is Rung.HOLD and not scene.is_selected
        return Rung.OFF if is_only_held else scene.rung, name != chosen, name != driving

    return min(scenes, key=place)
