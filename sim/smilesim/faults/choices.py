"""Wearers in several circles: whom they let drive, whom they leave, and what only one was told."""

from smilesim.dice import shuffled
from smilesim.faults.kind import (
    AT,
    HEAL,
    SECONDS_MAX,
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
    over_when,
    share,
    spread,
    ticks,
)
from smilesim.faults.power import CAPACITOR_MS, die, fail, on
from smilesync.commands import Join, Leave, SetConsent, Switch
from smilesync.entropy import Entropy

ANY = -1
"""The choice of whichever circle stands highest."""


def _choose(fault: Fault, ground: Ground) -> list[Step]:
    """Return the script of wearers who change their minds about which circle drives, at random."""
    entropy = chance(fault, ground)
    begin, end = ticks(fault.at_s), ticks(fault.numbers["heal_s"])
    minutes = (fault.numbers["heal_s"] - fault.at_s) / 60
    steps: list[Step] = []
    for memberships in ground.wearers:
        for _ in range(max(1, round(minutes * fault.numbers["choices_per_min"]))):
            place = entropy.below(len(memberships) + 1)
            chosen = memberships[place] if place < len(memberships) else ANY
            tick = begin + entropy.below(end - begin)
            steps.append(Step(tick, _let_drive(memberships[0], chosen)))
    return in_order(steps)


def _let_drive(first: int, chosen: int) -> Act:
    def act(stage: Stage) -> None:
        world = stage.world
        wearer = world.devices[first].wearer
        if wearer is not None and world.devices[first].is_on and chosen not in wearer.left:
            world.choose(wearer, None if chosen == ANY else world.devices[chosen])
            world.fired["choice-made"] += 1

    return act


def _part(fault: Fault, ground: Ground) -> list[Step]:
    """Return the script of wearers who leave one of their circles, and perhaps come back to it."""
    entropy, back_s = chance(fault, ground), fault.numbers["back_s"]
    steps: list[Step] = []
    for memberships in _some_wearers(fault, ground, entropy):
        left = memberships[entropy.below(len(memberships))]
        steps.append(Step(moment(fault, entropy), _say_goodbye(left)))
        if back_s:
            steps.append(Step(ticks(back_s), _come_back(left)))
    return in_order(steps)


def _say_goodbye(index: int) -> Act:
    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        stage.world.fired["circle-left"] += device.is_on
        stage.world.command(device, Leave(is_now=False))

    return act


def _come_back(index: int) -> Act:
    return lambda stage: stage.world.command(stage.world.devices[index], Join(None))


def _half_told(fault: Fault, ground: Ground) -> list[Step]:
    """Return the script of wearers who withdraw, while power fails between two journals."""
    entropy, outage = chance(fault, ground), ticks(fault.numbers["outage_s"])
    back_s = fault.numbers["back_s"]
    steps: list[Step] = []
    for memberships in _some_wearers(fault, ground, entropy):
        tick, spared = moment(fault, entropy), entropy.below(len(memberships))
        steps.append(Step(tick, _tell_all_but(memberships[spared])))
        steps.append(Step(tick + CAPACITOR_MS, die(memberships[0])))
        steps.append(Step(tick + CAPACITOR_MS + outage, on(memberships[0])))
        if back_s:
            steps.append(Step(ticks(back_s), _allow(memberships[0])))
    return in_order(steps)


def _tell_all_but(spared: int) -> Act:
    """Let a wearer withdraw: the power goes when the last membership is about to write it."""

    def act(stage: Stage) -> None:
        device = stage.world.devices[spared]
        stage.world.fired["half-told-consent"] += device.is_on
        fail(spared, 0)(stage)
        stage.world.command(device, SetConsent(Switch.COLLECTIVE, on=False))

    return act


def _allow(index: int) -> Act:
    consent = SetConsent(Switch.COLLECTIVE, on=True)
    return lambda stage: stage.world.command(stage.world.devices[index], consent)


def _some_wearers(fault: Fault, ground: Ground, entropy: Entropy) -> list[tuple[int, ...]]:
    """Return a share of those in several circles, in random order, one at least if there is one."""
    count = max(1, round(len(ground.wearers) * fault.numbers["percent"] / 100))
    order = shuffled(len(ground.wearers), entropy)
    return [ground.wearers[place] for place in order[:count]]


BACK = Key("back_s", 0, SECONDS_MAX, "when they all change their minds again; 0: never", 0)

KINDS: tuple[Kind, ...] = (
    Kind(
        "choices",
        "wearers in several circles choose which one drives their light, again and again",
        (AT, HEAL, Key("choices_per_min", 0.1, 600, "how often each of them does", 6)),
        ("choice-made",),
        _choose,
        over_after(),
    ),
    Kind(
        "partings",
        "wearers in several circles leave one of them, one by one",
        (AT, spread(5), share(30, "such wearers"), BACK),
        ("circle-left",),
        _part,
        over_when("back_s"),
    ),
    Kind(
        "half-told",
        "wearers in several circles withdraw, and power fails when one journal has not heard it",
        (
            AT,
            spread(5),
            share(30, "such wearers"),
            Key("outage_s", 0.1, 600, "how long a device stays off", 1),
            BACK,
        ),
        ("half-told-consent",),
        _half_told,
        lambda fault: max(
            fault.numbers["back_s"],
            fault.at_s
            + fault.numbers["spread_s"]
            + CAPACITOR_MS / 1_000
            + fault.numbers["outage_s"],
        ),
    ),
)
