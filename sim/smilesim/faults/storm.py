"""Storms: everybody speaks at once, or links carry forged, misplaced and replayed messages."""

from smilesim.dice import stream
from smilesim.faults.forgery import Forger
from smilesim.faults.kind import (
    AT,
    HEAL,
    Act,
    Fault,
    Ground,
    Key,
    Kind,
    Stage,
    Step,
    chance,
    over_after,
    share,
    some,
    ticks,
)
from smilesim.radio import COPIES_MAX
from smilesync.commands import EmotionState, Feel

BEAT_MS = 100
"""Forged messages come in so many milliseconds' worth at a time."""


def _surge(fault: Fault, ground: Ground) -> list[Step]:
    """Everybody feels something else at once, and the air repeats it all the time."""
    entropy, begin = chance(fault, ground), ticks(fault.at_s)
    states = [EmotionState(entropy.below(len(EmotionState))) for _ in range(ground.size)]
    copies, spread_ms = int(fault.numbers["copies"]), ticks(fault.numbers["spread_s"])

    def start(stage: Stage) -> None:
        stage.world.radio.start_storm(copies, spread_ms)
        for device, state in zip(stage.world.devices, states, strict=True):
            stage.felt[device.index] = state
            stage.world.command(device, Feel(state))

    return [
        Step(begin, start),
        Step(begin + spread_ms, lambda stage: stage.world.radio.stop_storm()),
    ]


def _forgeries(fault: Fault, ground: Ground) -> list[Step]:
    """Give a share of the devices so many messages a second that no honest peer sent."""
    struck = some(range(ground.size), fault.numbers["percent"], chance(fault, ground))
    begin, end = ticks(fault.at_s), ticks(fault.numbers["heal_s"])
    rate_hz = fault.numbers["rate_hz"]
    steps: list[Step] = []
    sent = 0
    for beat, tick in enumerate(range(begin, end, BEAT_MS), 1):
        due = int(beat * rate_hz * BEAT_MS / 1_000)
        if due > sent:
            steps.append(Step(tick, _pelt(struck, due - sent, ground.seed)))
        sent = due
    return steps


def _pelt(struck: list[int], count: int, seed: int) -> Act:
    def act(stage: Stage) -> None:
        world = stage.world
        entropy = stream(seed, "forgeries", world.tick)
        for index in struck:
            device = world.devices[index]
            links = [link for link in device.inbound.values() if link.is_open]
            forger = Forger(device, entropy)
            for _ in range(count if links and device.is_on else 0):
                link = links[entropy.below(len(links))]
                world.inject(link, forger.forge())
                world.fired["forged-message"] += 1

    return act


KINDS: tuple[Kind, ...] = (
    Kind(
        "surge",
        "every wearer feels something else at once, and the air repeats every statement",
        (
            AT,
            Key("spread_s", 0.1, 3.5, "for how long it is repeated"),
            Key("copies", 0, COPIES_MAX, "how many more times", is_whole=True),
        ),
        ("storm-copy",),
        _surge,
        over_after("spread_s"),
    ),
    Kind(
        "forgeries",
        "links carry forged votes and statements, wrong slots, and old messages again",
        (
            AT,
            HEAL,
            share(50, "devices"),
            Key("rate_hz", 0.5, 1_000, "how many such messages a struck device gets", 20),
        ),
        ("forged-message",),
        _forgeries,
        over_after(),
    ),
)
