"""Makes a failing run small: less of everything, as long as it still breaks the same rule.

The seed stays. From the best run so far, smaller ones are tried in a fixed order; one that breaks
the rule takes its place. When none does in a whole round, the run is minimal: nothing that is tried
here can be left out of it. (After delta debugging, Zeller and Hildebrandt 2002; greedy.)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from math import ceil

from smilesim import scenario
from smilesim.engine import TICKS_PER_SECOND
from smilesim.faults.kind import AT, HEAL
from smilesim.faults.table import KINDS, over_s
from smilesim.recipe import Recipe
from smilesim.replay import Replay
from smilesim.scenario import Scenario
from smilesim.violations import Violation
from smilesync.errors import SettingsError

Run = Callable[[Recipe], Replay]

UNMEASURED = "found None"
"""How the detail of an expectation begins that could not be judged: that is another failure."""

SINGLE_STEPS_MAX = 8
"""Below this many people or seconds, one less is tried too."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run that was tried: what was left out, and whether the rule is still broken."""

    change: str
    is_broken: bool


class Shrinker:
    """Holds the smallest failing run found so far in `best`.

    `is_minimal` once nothing more can be left out; `tries` counts the runs.
    """

    def __init__(self, found: Replay, run: Run) -> None:
        assert found.broken, "only a run that broke a rule can be shrunk"
        self.rule = found.broken[0].rule
        self._is_unmeasured = found.broken[0].detail.startswith(UNMEASURED)
        self.best = found
        self.tries = 0
        self.is_minimal = False
        self._run = run
        self._tried: set[str] = set()

    def attempts(self, tries_max: int) -> Iterator[Attempt]:
        """Yield each run after it was tried, the unchanged one first.

        Errors: SettingsError when the unchanged run breaks the rule no more, or cannot be.
        """
        first = self._attempt("unchanged", self.best.recipe)
        if not first.is_broken:
            raise SettingsError(
                f"expected a run that breaks {self.rule}; here it breaks it no more"
            )
        yield first
        while not self.is_minimal:
            before = self.best
            for stage in STAGES:
                for change, recipe in self._untried(stage):
                    if self.tries >= tries_max:
                        return
                    try:
                        attempt = self._attempt(change, recipe)
                    except SettingsError:
                        # Not every crowd can be smaller: such a run there is not.
                        continue
                    yield attempt
            self.is_minimal = self.best is before

    def _attempt(self, change: str, recipe: Recipe) -> Attempt:
        self._tried.add(scenario.digest(recipe.scenario))
        found = self._run(recipe)
        self.tries += 1
        is_broken = any(map(self._is_same, found.broken))
        if is_broken:
            self.best = found
        return Attempt(change, is_broken)

    def _is_same(self, violation: Violation) -> bool:
        """Is this how the rule was broken at first?"""
        is_unmeasured = violation.detail.startswith(UNMEASURED)
        return violation.rule == self.rule and is_unmeasured == self._is_unmeasured

    def _untried(self, stage: "Stage") -> Iterator[tuple[str, Recipe]]:
        """Yield what a stage leaves out of the best run there is by then, until nothing helps."""
        before = None
        while before is not self.best:
            before = self.best
            broken = next(one for one in before.broken if self._is_same(one))
            for change, smaller in stage(before.recipe.scenario, broken):
                if scenario.digest(smaller) not in self._tried and _is_valid(smaller):
                    yield change, replace(before.recipe, scenario=smaller)
                if self.best is not before:
                    break


Smaller = Iterator[tuple[str, Scenario]]
"""Scenarios with less in them, and what is less."""


def _with_less_time(chosen: Scenario, broken: Violation) -> Smaller:
    broken_s = max(1, ceil(broken.tick / TICKS_PER_SECOND))
    for seconds in (broken_s, *_fewer(chosen.seconds)):
        shorter = _ending(chosen, seconds)
        if shorter.seconds < chosen.seconds:
            yield f"{chosen.seconds} -> {shorter.seconds} seconds", shorter


def _with_fewer_people(chosen: Scenario, _broken: Violation) -> Smaller:
    for peers in _fewer(chosen.peers):
        yield f"{chosen.peers} -> {peers} peers", replace(chosen, peers=peers)


def _fewer(number: int) -> list[int]:
    """Return smaller numbers worth a try, the smallest first."""
    fewer = [number // 2, number * 3 // 4]
    if number <= SINGLE_STEPS_MAX:
        fewer.append(number - 1)
    return [one for one in dict.fromkeys(fewer) if 1 <= one < number]


def _ending(chosen: Scenario, seconds: int) -> Scenario:
    """Return the scenario with an earlier end: what is healed later is healed then.

    What begins later is left out; what takes longer still may.
    """
    faults = tuple(
        replace(fault, numbers={**fault.numbers, HEAL.name: seconds})
        if fault.numbers.get(HEAL.name, 0) > seconds
        else fault
        for fault in chosen.faults
        if fault.at_s < seconds
    )
    over = [over_s(fault) for fault in faults]
    return replace(chosen, seconds=ceil(max((seconds, *over))), faults=faults)


def _with_fewer_faults(chosen: Scenario, _broken: Violation) -> Smaller:
    faults = chosen.faults
    size = len(faults)
    while size:
        for start in range(0, len(faults), size):
            left_out = ", ".join(f"{one.kind} at {one.at_s:g} s" for one in faults[start:][:size])
            rest = faults[:start] + faults[start + size :]
            yield f"without {left_out}", replace(chosen, faults=rest)
        size //= 2


def _with_calmer_weather(chosen: Scenario, _broken: Violation) -> Smaller:
    weather = chosen.weather
    shares = [one.name for one in fields(weather) if one.name.endswith("_ppm")]
    bad = [name for name in shares if getattr(weather, name)]
    if len(bad) > 1:
        yield (
            "without bad weather",
            replace(chosen, weather=replace(weather, **dict.fromkeys(bad, 0))),
        )
    for name in bad:
        what = name.removesuffix("_ppm")
        yield f"without {what} on the air", replace(chosen, weather=replace(weather, **{name: 0}))


def _with_fewer_expectations(chosen: Scenario, broken: Violation) -> Smaller:
    name = broken.rule.removeprefix("expect ")
    expected = {key: bound for key, bound in chosen.expect.items() if key == name}
    if len(expected) < len(chosen.expect):
        yield "without other expectations", replace(chosen, expect=expected)


def _with_smaller_faults(chosen: Scenario, _broken: Violation) -> Smaller:
    """Yield scenarios with one number of a fault nearer to the lowest allowed."""
    for place, fault in enumerate(chosen.faults):
        for key in KINDS[fault.kind].keys:
            present = fault.numbers.get(key.name, key.low)
            if key.name in (AT.name, HEAL.name):
                continue
            for number in dict.fromkeys((key.low, float(round((key.low + present) / 2)))):
                if key.low <= number < present:
                    smaller = replace(fault, numbers={**fault.numbers, key.name: number})
                    faults = (*chosen.faults[:place], smaller, *chosen.faults[place + 1 :])
                    change = (
                        f"{fault.kind} at {fault.at_s:g} s: {key.name} {present:g} -> {number:g}"
                    )
                    yield change, replace(chosen, faults=faults)


Stage = Callable[[Scenario, Violation], Smaller]

STAGES: tuple[Stage, ...] = (
    _with_less_time,
    _with_fewer_people,
    _with_fewer_faults,
    _with_calmer_weather,
    _with_fewer_expectations,
    _with_smaller_faults,
)
"""In the order tried: what makes the following runs cheaper comes first."""


def _is_valid(chosen: Scenario) -> bool:
    """Would a file with this scenario be read again?"""
    try:
        return scenario.parse(chosen.name, scenario.render(chosen), "") == chosen
    except SettingsError:
        return False
