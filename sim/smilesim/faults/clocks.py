"""Local clocks that run wrong: a crystal far off, or time that leaps, as after a suspend.

Local time is monotonic: it never goes back in one life of a device, and starts anew with each.
"""

from typing import TYPE_CHECKING

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
from smilesim.oscillator import drift_ppb_of

if TYPE_CHECKING:
    from smilesim.device import Device

READING_MS = 8_010
"""How long a reading of a clock is used after it was taken, by anybody's crystal."""

PPB_PER_PERCENT = 10_000_000
NS_PER_MS = 1_000_000


def _drift(fault: Fault, ground: Ground) -> list[Step]:
    """Let crystals run off, also through a restart, until they come back."""
    struck = some(range(ground.size), fault.numbers["percent"], chance(fault, ground))
    off_ppb = round(fault.numbers["drift_percent"] * PPB_PER_PERCENT)
    heal = ticks(fault.numbers["heal_s"])
    return [
        Step(ticks(fault.at_s), _run_at(struck, off_ppb, heal)),
        Step(heal, _run_at(struck, None, heal)),
    ]


def _run_at(struck: list[int], off_ppb: int | None, heal: int) -> Act:
    """Let crystals have this drift, None: the one that is their own."""

    def act(stage: Stage) -> None:
        world = stage.world
        for index in struck:
            memberships = world.devices[index].memberships
            own_ppb = drift_ppb_of(world.seed, memberships[0].index)
            for device in memberships:
                device.drift_ppb = off_ppb
                drift_ppb = own_ppb if off_ppb is None else off_ppb
                world.retime(device, device.oscillator.turned(world.tick, drift_ppb=drift_ppb))
                _mistrust(device, heal)
            world.fired["drifting-clock"] += off_ppb is not None

    return act


def _jump(fault: Fault, ground: Ground) -> list[Step]:
    entropy, jump_ns = chance(fault, ground), ticks(fault.numbers["jump_s"]) * NS_PER_MS
    struck = some(range(ground.size), fault.numbers["percent"], entropy)
    return in_order(Step(moment(fault, entropy), _leap(index, jump_ns)) for index in struck)


def _leap(index: int, jump_ns: int) -> Act:
    def act(stage: Stage) -> None:
        world = stage.world
        if world.devices[index].is_on:
            for device in world.devices[index].memberships:
                world.retime(device, device.oscillator.turned(world.tick, jump_ns=jump_ns))
                _mistrust(device, world.tick)
            world.fired["clock-leap"] += 1

    return act


def _mistrust(device: "Device", until_tick: int) -> None:
    """Tell the checks that what this clock says is nobody's promise, until its readings are old."""
    device.clock_off_until_tick = max(device.clock_off_until_tick, until_tick + READING_MS)


KINDS: tuple[Kind, ...] = (
    Kind(
        "clock-drift",
        "local clocks run fast (or slow, with a minus) by far more than a crystal may",
        (
            AT,
            HEAL,
            share(20, "devices"),
            Key("drift_percent", -10, 10, "how much too fast", 10, nearest=0.02),
        ),
        ("drifting-clock",),
        _drift,
        over_after(),
    ),
    Kind(
        "clock-jump",
        "local clocks leap ahead, as after a suspend",
        (
            AT,
            spread(5),
            share(20, "devices"),
            Key("jump_s", 0.001, 3_600, "how far", 3_600),
        ),
        ("clock-leap",),
        _jump,
        over_after("spread_s"),
    ),
)
