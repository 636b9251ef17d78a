"""Members who turn against their circle: each kind of villain is a kind of fault."""

from smilesim.faults.kind import (
    AT,
    Act,
    Fault,
    Ground,
    Kind,
    Stage,
    Step,
    chance,
    in_order,
    moment,
    share,
    some,
    spread,
)
from smilesim.faults.power import off, on
from smilesim.villains.cast import VILLAINS

TURN_MS = 1_000
"""A device restarts to turn: somebody took it and put other software on it."""


def _turn(fault: Fault, ground: Ground) -> list[Step]:
    entropy = chance(fault, ground)
    steps: list[Step] = []
    for index in some(_its_share(fault, ground), fault.numbers["percent"], entropy):
        tick = moment(fault, entropy)
        steps.append(Step(tick, _possess(index, fault.kind)))
        steps.append(Step(tick + TURN_MS - 1, on(index)))
    return in_order(steps)


def _its_share(fault: Fault, ground: Ground) -> tuple[int, ...]:
    """Return which faulty voters are this kind's: several kinds share them, one each in turn."""
    kinds = [other.kind for other in ground.faults if other.kind in VILLAINS]
    kinds = list(dict.fromkeys(kinds))
    return ground.faulty[kinds.index(fault.kind) :: len(kinds)]


def _possess(index: int, villain: str) -> Act:
    def act(stage: Stage) -> None:
        off(index)(stage)
        device = stage.world.devices[index]
        device.villain, device.is_villain = villain, True
        stage.count("villain")

    return act


def _over_when_turned(fault: Fault) -> float:
    return fault.at_s + fault.numbers["spread_s"] + TURN_MS / 1_000


KINDS: tuple[Kind, ...] = tuple(
    Kind(
        name,
        f"f voters of a circle at most turn: {villain.meaning}",
        (AT, spread(2), share(100, "faulty voters")),
        ("villain", villain.counts),
        _turn,
        _over_when_turned,
    )
    for name, villain in VILLAINS.items()
)
