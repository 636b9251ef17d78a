"""Flash that refuses, forgets or changes what was written.

A disk that refuses stops its device with clear words, as the daemon does; it is started again and
again until there is space. Flash that forgets or changes what it had confirmed breaks a promise
that the protocol rests on, so it strikes only as many voters of a circle as may be faulty.
"""

from collections.abc import Callable

from smilesim.disk import Ailment
from smilesim.faults.kind import (
    AT,
    HEAL,
    Act,
    Fault,
    Ground,
    Key,
    Kind,
    Script,
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

RETRY = Key("retry_s", 0.5, 600, "time between two attempts to start a stopped device", 2)
OUTAGE = Key("outage_s", 0.1, 600, "how long a device stays off", 1)


def _refusing(ailment: Ailment) -> Script:
    """Return the script of disks that take nothing for a while."""

    def script(fault: Fault, ground: Ground) -> list[Step]:
        struck = some(range(ground.size), fault.numbers["percent"], chance(fault, ground))
        begin, end = ticks(fault.at_s), ticks(fault.numbers["heal_s"])
        retry = ticks(fault.numbers["retry_s"])
        steps = [Step(begin, _fall_ill(struck, ailment))]
        steps += [Step(tick, _start(struck)) for tick in range(begin + retry, end, retry)]
        return [*steps, Step(end, _recover(struck, ailment)), Step(end, _start(struck))]

    return script


def _fall_ill(struck: list[int], ailment: Ailment) -> Act:
    def act(stage: Stage) -> None:
        for index in struck:
            stage.world.devices[index].disk.fall_ill(ailment)

    return act


def _recover(struck: list[int], ailment: Ailment) -> Act:
    """End one ailment: a disk works again when nothing else ails it."""

    def act(stage: Stage) -> None:
        for index in struck:
            stage.claim("disk-stop", stage.world.devices[index].disk.recover(ailment))

    return act


def _start(struck: list[int]) -> Act:
    """Start whoever stopped; those that run are left alone."""

    def act(stage: Stage) -> None:
        for index in struck:
            device = stage.world.devices[index]
            if not device.is_on:
                stage.world.power_on_at(device, stage.world.tick + 1)

    return act


Harm = Callable[[int, Fault, int], Act]
"""Device index, fault and a draw to the act that harms its disk."""


def _lost_writes(fault: Fault, ground: Ground) -> list[Step]:
    return _power_cuts(fault, ground, _forget)


def _bit_flips(fault: Fault, ground: Ground) -> list[Step]:
    return _power_cuts(fault, ground, _flip)


def _power_cuts(fault: Fault, ground: Ground, harm: Harm) -> list[Step]:
    """Cut the power of devices one by one, harm what their disk holds, and start them again."""
    entropy, outage = chance(fault, ground), ticks(fault.numbers["outage_s"])
    steps: list[Step] = []
    for index in some(ground.faulty, fault.numbers["percent"], entropy):
        tick = moment(fault, entropy)
        steps.append(Step(tick, off(index)))
        steps.append(Step(tick, harm(index, fault, entropy.below(1 << 30))))
        steps.append(Step(tick + outage, on(index)))
    return in_order(steps)


def _forget(index: int, fault: Fault, _draw: int) -> Act:
    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        lost = device.disk.forget(int(fault.numbers["records"]))
        stage.world.fired["forgotten-record"] += lost
        if lost:
            stage.world.checks.restarts.put_back(device, device.disk.replay())

    return act


def _flip(index: int, _fault: Fault, draw: int) -> Act:
    def act(stage: Stage) -> None:
        stage.world.fired["bit-flip"] += stage.world.devices[index].disk.flip_bit(draw)

    return act


def _restored_backup(fault: Fault, ground: Ground) -> list[Step]:
    """Copy the journals of devices, and some time later put the copies in their places."""
    entropy, outage = chance(fault, ground), ticks(fault.numbers["outage_s"])
    age = ticks(fault.numbers["age_s"])
    steps: list[Step] = []
    for index in some(ground.faulty, fault.numbers["percent"], entropy):
        tick = moment(fault, entropy)
        steps.append(Step(tick, _back_up(index)))
        steps.append(Step(tick + age, off(index)))
        steps.append(Step(tick + age, _restore(index)))
        steps.append(Step(tick + age + outage, on(index)))
    return in_order(steps)


def _back_up(index: int) -> Act:
    return lambda stage: stage.world.devices[index].disk.back_up()


def _restore(index: int) -> Act:
    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        before = device.disk.records
        stage.world.fired["rolled-back-record"] += device.disk.restore()
        if device.disk.records is not before:
            stage.world.checks.restarts.put_back(device, device.disk.replay())

    return act


def _refusal(name: str, meaning: str, ailment: Ailment) -> Kind:
    return Kind(
        name,
        meaning,
        (AT, HEAL, share(20, "devices"), RETRY),
        ("disk-stop",),
        _refusing(ailment),
        over_after(),
    )


KINDS: tuple[Kind, ...] = (
    _refusal("disk-full", "no space is left: devices stop until there is some", Ailment.FULL),
    _refusal("read-only", "disks take no writes: devices stop until they do", Ailment.READ_ONLY),
    _refusal("disk-errors", "writes fail half way: devices stop until they work", Ailment.FAILING),
    Kind(
        "lost-writes",
        "power fails and confirmed writes are gone, at f voters of a circle at most",
        (
            AT,
            spread(5),
            share(100, "faulty voters"),
            Key("records", 1, 1_000, "how many of the last records are gone", 5, is_whole=True),
            OUTAGE,
        ),
        ("forgotten-record",),
        _lost_writes,
        over_after("spread_s", "outage_s"),
    ),
    Kind(
        "bit-flips",
        "power fails and a bit of the journal has changed, at f voters of a circle at most",
        (AT, spread(5), share(100, "faulty voters"), OUTAGE),
        ("bit-flip",),
        _bit_flips,
        over_after("spread_s", "outage_s"),
    ),
    Kind(
        "restored-backup",
        "devices are put back to an earlier copy of their journal, f voters of a circle at most",
        (
            AT,
            spread(2),
            share(100, "faulty voters"),
            Key("age_s", 0.5, 600, "how old the copy is", 3),
            OUTAGE,
        ),
        ("rolled-back-record",),
        _restored_backup,
        over_after("spread_s", "age_s", "outage_s"),
    ),
)
