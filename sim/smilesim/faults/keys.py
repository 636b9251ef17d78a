"""Voter keys that another takes the place of: after a lost journal, or because somebody wants to.

A device whose journal is gone knows that, and never votes with its key again; at most f voters of a
circle lose theirs. Whoever wears it asks for another key, in a closed circle too.
"""

from smilesim.faults.flash import OUTAGE
from smilesim.faults.kind import (
    AT,
    Act,
    Fault,
    Ground,
    Key,
    Kind,
    Stage,
    Step,
    chance,
    in_order,
    moment,
    over_after,
    share,
    some,
    spread,
    ticks,
)
from smilesim.faults.power import off, on


def _lost_journals(fault: Fault, ground: Ground) -> list[Step]:
    """Cut the power of devices one by one; when it is back the journal is gone, and they ask."""
    entropy, outage = chance(fault, ground), ticks(fault.numbers["outage_s"])
    asks = ticks(fault.numbers["asks_after_s"])
    steps: list[Step] = []
    for index in some(ground.faulty, fault.numbers["percent"], entropy):
        tick = moment(fault, entropy)
        steps.append(Step(tick, off(index)))
        steps.append(Step(tick, _wipe(index)))
        steps.append(Step(tick + outage, on(index)))
        steps.append(Step(tick + outage + asks, _ask(index)))
    return in_order(steps)


def _rotations(fault: Fault, ground: Ground) -> list[Step]:
    """Let voters that are well ask for another key, one by one."""
    entropy = chance(fault, ground)
    voters = [index for circle in ground.circles for index in circle.members]
    struck = some(voters, fault.numbers["percent"], entropy)
    return in_order(Step(moment(fault, entropy), _ask(index)) for index in struck)


def _wipe(index: int) -> Act:
    def act(stage: Stage) -> None:
        stage.world.fired["journal-lost"] += stage.world.devices[index].disk.wipe() > 0

    return act


def _ask(index: int) -> Act:
    return lambda stage: stage.world.ask_for_key(stage.world.devices[index], stage.kind)


KINDS: tuple[Kind, ...] = (
    Kind(
        "lost-journals",
        "power fails and the whole journal is gone, at f voters of a circle at most; they ask for "
        "another voter key",
        (
            AT,
            spread(5),
            share(100, "faulty voters"),
            OUTAGE,
            Key("asks_after_s", 1, 600, "how long after it is back its wearer asks", 5),
        ),
        ("journal-lost", "voter-key-rotated"),
        _lost_journals,
        over_after("spread_s", "outage_s", "asks_after_s"),
    ),
    Kind(
        "key-rotations",
        "voters ask for another voter key, one by one",
        (AT, spread(5), share(25, "voters")),
        ("voter-key-rotated",),
        _rotations,
        over_after("spread_s"),
    ),
)
