"""What a kind of fault is: its keys with their ranges, what it counts, and a script of steps.

A script is a pure function of the fault and the ground it strikes. What it returns is carried out
step by step; nothing is remembered between two steps, so a run can be resumed anywhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from smilesim.dice import shuffled, stream
from smilesim.engine import TICKS_PER_SECOND
from smilesim.fate import Weather
from smilesync.entropy import Entropy

if TYPE_CHECKING:
    from smilesim.device import SimCircle
    from smilesim.measure import Measure
    from smilesim.world import World
    from smilesync.commands import EmotionState

SECONDS_MAX = 86_400


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `numbers` has exactly the keys of its kind."""

    kind: str
    at_s: float
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Key:
    """One number of a fault; its unit ends its name. Without a default it must be given.

    `nearest`: how near to 0 it may be, if 0 lies within its range and would be no fault.
    """

    name: str
    low: float
    high: float
    meaning: str
    default: float | None = None
    is_whole: bool = False
    nearest: float = 0


@dataclass(frozen=True, slots=True)
class Ground:
    """Where faults strike. Nothing in it changes during a run.

    Shapes: `pairs` are devices in range of each other at some time, lower index first; `faulty`
            are f voters of every circle with f voters to spare, the only ones that kinds may
            strike that count as Byzantine, so that no mixture of faults exceeds f; `wearers` are
            those in several circles, by their memberships.
    """

    seed: int
    positions_cm: tuple[tuple[int, int], ...]
    pairs: tuple[tuple[int, int], ...]
    circles: "Sequence[SimCircle]"
    faulty: tuple[int, ...]
    weather: Weather
    faults: tuple[Fault, ...]
    wearers: tuple[tuple[int, ...], ...] = ()

    @property
    def size(self) -> int:
        return len(self.positions_cm)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a step acts on. `felt` are the feelings of a surge, by device, for the figures.

    `kind` is that of the fault whose step it is: what it does is counted as its own.
    """

    world: "World"
    measure: "Measure"
    felt: "dict[int, EmotionState]"
    kind: str = ""

    def count(self, name: str, number: int = 1) -> None:
        """Count something that this fault did."""
        self.world.fired[name] += number
        self.claim(name, number)

    def claim(self, name: str, number: int = 1) -> None:
        """Count as its own something that is counted among all already."""
        self.world.own[self.kind][name] += number


Act = Callable[[Stage], None]


class Step(NamedTuple):
    """One thing to do at the end of a tick."""

    tick: int
    act: Act


Script = Callable[[Fault, Ground], list[Step]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. Every count of `counts` must have grown, or the fault proved nothing.

    `over_s` says at what time everything it does is done, healing and restarts included.
    """

    name: str
    meaning: str
    keys: tuple[Key, ...]
    counts: tuple[str, ...]
    script: Script
    over_s: Callable[[Fault], float]


AT = Key("at_s", 1, SECONDS_MAX, "when it begins")
HEAL = Key("heal_s", 1, SECONDS_MAX, "when it ends")


def share(default: float, what: str) -> Key:
    """Return the key that says how much of something is struck."""
    return Key("percent", 0.1, 100, f"how many {what} are struck", default)


def spread(default: float) -> Key:
    """Return the key that says over what time devices are struck, each at its own moment."""
    return Key("spread_s", 0, 600, "over what time they are struck, one by one", default)


def over_after(*durations: str) -> Callable[[Fault], float]:
    """Return `over_s` of a kind that is over so long after `heal_s`, or `at_s` without one."""

    def over_s(fault: Fault) -> float:
        end_s = fault.numbers.get("heal_s", fault.at_s)
        return end_s + sum(fault.numbers[name] for name in durations)

    return over_s


def over_when(key: str) -> Callable[[Fault], float]:
    """Return `over_s` of a kind that strikes over `spread_s` and is undone at `key`, if ever."""
    return lambda fault: fault.numbers[key] or fault.at_s + fault.numbers["spread_s"]


def ticks(seconds: float) -> int:
    """Return the tick of a virtual time."""
    return round(seconds * TICKS_PER_SECOND)


def chance(fault: Fault, ground: Ground, *labels: str | int) -> Entropy:
    """Return the draws of one fault, or of one part of it."""
    return stream(ground.seed, fault.kind, ticks(fault.at_s), *labels)


def some(among: Sequence[int], percent: float, entropy: Entropy) -> list[int]:
    """Return a share of `among` in random order, at least one if there is one."""
    count = max(1, round(len(among) * percent / 100))
    return [among[place] for place in shuffled(len(among), entropy)[:count]]


def moment(fault: Fault, entropy: Entropy) -> int:
    """Return a random tick within `spread_s` of the beginning."""
    return ticks(fault.at_s) + entropy.below(ticks(fault.numbers["spread_s"]) + 1)


def during(begin: int, end: int, name: str, read: "Callable[[World], int]") -> list[Step]:
    """Return steps that claim by how much a figure of the world grows between two ticks."""
    return [
        Step(begin, lambda stage: stage.claim(name, -read(stage.world))),
        Step(end, lambda stage: stage.claim(name, read(stage.world))),
    ]


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Return steps by time; those of one tick stay as they were listed."""
    return sorted(steps, key=lambda step: step.tick)
