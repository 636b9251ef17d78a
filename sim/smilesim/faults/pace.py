"""Devices that compute too slowly, or not at all for a while."""

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
    in_order,
    moment,
    over_after,
    share,
    some,
    spread,
    ticks,
)


def _slow(fault: Fault, ground: Ground) -> list[Step]:
    struck = some(range(ground.size), fault.numbers["percent"], chance(fault, ground))
    busy_ms = int(fault.numbers["busy_ms"])
    return [
        Step(ticks(fault.at_s), _take(struck, busy_ms)),
        Step(ticks(fault.numbers["heal_s"]), _take(struck, 0)),
    ]


def _take(struck: list[int], busy_ms: int) -> Act:
    def act(stage: Stage) -> None:
        for index in struck:
            stage.world.slow_down(stage.world.devices[index], busy_ms)
            stage.world.fired["slowed-device"] += busy_ms > 0

    return act


def _pauses(fault: Fault, ground: Ground) -> list[Step]:
    entropy, pause = chance(fault, ground), ticks(fault.numbers["pause_s"])
    struck = some(range(ground.size), fault.numbers["percent"], entropy)
    return in_order(Step(moment(fault, entropy), _pause(index, pause)) for index in struck)


def _pause(index: int, pause_ticks: int) -> Act:
    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        if device.is_on:
            stage.world.freeze(device, stage.world.tick + pause_ticks)
            stage.world.fired["pause"] += 1

    return act


KINDS: tuple[Kind, ...] = (
    Kind(
        "slow",
        "processors are slow: whatever reaches a device keeps it busy for a while",
        (
            AT,
            HEAL,
            share(20, "devices"),
            Key(
                "busy_ms", 1, 500, "how long, for everything that comes at once", 10, is_whole=True
            ),
        ),
        ("slowed-device",),
        _slow,
        over_after(),
    ),
    Kind(
        "pauses",
        "devices stop for a while, and then go on as if nothing had been",
        (
            AT,
            spread(5),
            share(20, "devices"),
            Key("pause_s", 0.01, 60, "for how long", 5),
        ),
        ("pause",),
        _pauses,
        over_after("spread_s", "pause_s"),
    ),
)
