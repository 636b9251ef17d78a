"""Bugs of devices in several circles: who drives, when that may change, what one journal knows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from smilesim import wearers
from smilesim.selftest import grounds
from smilesim.selftest.bug import Bug, Patch
from smilesync import wearer
from smilesync.commands import Command, Switch
from smilesync.effects import Scene
from smilesync.light import stage
from smilesync.light.stage import Stage
from smilesync.wearer import Recollection
from smilesync.wire.records import Record, SequenceReserved


def another_circle_shines(patch: Patch) -> None:
    """The lamp is given the scene of a membership that does not drive."""

    def compose(self: Stage) -> Scene:
        return replace(list(self._scenes().values())[-1], fall_count=self._falls)

    patch.set(Stage, "_compose", compose)


def lease_cut_short(patch: Patch) -> None:
    """A choice takes effect in the middle of a lease."""
    honest = stage.next_driver

    def next_driver(
        scenes: Mapping[str, Scene],
        driving: str | None,
        chosen: str | None,
        *,
        is_between: bool = False,
    ) -> str:
        return honest(scenes, driving, chosen, is_between=True)

    patch.set(stage, "next_driver", next_driver)


def choice_ignored(patch: Patch) -> None:
    """The wearer's choice of a circle changes nothing."""
    honest = stage.next_driver

    def next_driver(
        scenes: Mapping[str, Scene],
        driving: str | None,
        _chosen: str | None,
        *,
        is_between: bool = False,
    ) -> str:
        return honest(scenes, driving, None, is_between=is_between)

    patch.set(stage, "next_driver", next_driver)


def drives_in_the_dark(patch: Patch) -> None:
    """A circle that is out of reach goes on to drive while another shines."""
    honest = stage.next_driver

    def next_driver(
        scenes: Mapping[str, Scene],
        driving: str | None,
        chosen: str | None,
        *,
        is_between: bool = False,
    ) -> str:
        if driving is not None and driving in scenes and chosen is None:
            return driving
        return honest(scenes, driving, chosen, is_between=is_between)

    patch.set(stage, "next_driver", next_driver)


def held_light_changes_over(patch: Patch) -> None:
    """What another circle merely holds between its leases counts as light to change over to."""
    honest = stage.next_driver

    def next_driver(
        scenes: Mapping[str, Scene],
        driving: str | None,
        chosen: str | None,
        *,
        is_between: bool = False,
    ) -> str:
        taken = {
            name: scene
            if name == driving
            else replace(scene, is_selected=scene.pattern is not None)
            for name, scene in scenes.items()
        }
        return honest(taken, driving, chosen, is_between=is_between)

    patch.set(stage, "next_driver", next_driver)


def held_light_of_another_shines(patch: Patch) -> None:
    """A circle that drives shows what it holds, though it never showed it on this device."""
    honest = Stage._compose

    def compose(self: Stage) -> Scene:
        self._lit = (self.driving, self._standings[self.driving].scene.slot)
        return honest(self)

    patch.set(Stage, "_compose", compose)


def one_journal_is_asked(patch: Patch) -> None:
    """Only the membership that drives is asked whether its wearer consents."""

    def allows(self: Stage) -> Switch:
        driving = getattr(self, "driving", None) or next(iter(self._belonging()))
        return self._standings[driving].switches & stage.SHOWN

    patch.set(Stage, "_allows", allows)


def falls_in_two_steps(patch: Patch) -> None:
    """A fall is shown before the withdrawal that caused it is known."""
    honest = Stage.show

    def show(self: Stage, name: str, scene: Scene, switches: Switch | None = None) -> Scene:
        honest(self, name, scene)
        return self._standings[name].scene if switches is None else self.allow(name, switches)

    patch.set(Stage, "show", show)


def journals_not_compared(patch: Patch) -> None:
    """At a start every journal is believed by itself."""
    patch.set(wearers, "unsaid", lambda journals: [[] for _ in journals])


def numbers_used_twice(patch: Patch) -> None:
    """At a start a link goes on below the numbers that another one has used."""

    def unsaid(journals: Sequence[Recollection]) -> list[list[Record]]:
        return [
            [one for one in lacks if not isinstance(one, SequenceReserved)]
            for lacks in wearer.unsaid(journals)
        ]

    patch.set(wearers, "unsaid", unsaid)


def leaving_leaves_the_light(patch: Patch) -> None:
    """Who leaves the circle that drives goes on to show its light."""
    patch.set(Stage, "leave", lambda self, _name: self.scene)


def consent_goes_to_all(patch: Patch) -> None:
    """Consent given after leaving a circle is given to that circle too."""

    def audience(_said: Command, names: Iterable[str], _left: Collection[str]) -> list[str]:
        return list(names)

    patch.set(wearers, "audience", audience)


BUGS = (
    Bug(another_circle_shines, grounds.TWO_CIRCLES),
    Bug(lease_cut_short, grounds.TWO_CIRCLES),
    Bug(choice_ignored, grounds.TWO_CIRCLES),
    Bug(drives_in_the_dark, grounds.TWO_CIRCLES),
    Bug(held_light_changes_over, grounds.GAP_OF_ANOTHER),
    Bug(held_light_of_another_shines, grounds.LEFT_IN_THE_GAP),
    Bug(one_journal_is_asked, grounds.ONE_JOURNAL_KNOWS),
    Bug(falls_in_two_steps, grounds.TWO_CIRCLES),
    Bug(journals_not_compared, grounds.TWO_CIRCLES),
    Bug(numbers_used_twice, grounds.NUMBERS_APART),
    Bug(leaving_leaves_the_light, grounds.TWO_CIRCLES),
    Bug(consent_goes_to_all, grounds.TWO_CIRCLES),
)
