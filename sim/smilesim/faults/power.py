"""Power goes and comes: everywhere, at random, in the middle of any write, or for good.

Outages are counted on each device, so they may overlap: it boots when the last one has ended.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

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
    during,
    in_order,
    moment,
    over_after,
    over_when,
    share,
    some,
    spread,
    ticks,
)

if TYPE_CHECKING:
    from smilesim.world import World

CAPACITOR_MS = 500
"""Who dies in the middle of what it writes next does so at the latest after this."""

DRAW_BELOW = 1 << 30
TEAR_BYTES = 64


def fail(index: int, draw: int) -> Act:
    """Return the act that begins an outage and kills inside the next write, `draw` effects in."""

    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        stage.world.begin_outage(device)
        stage.world.crash_inside(device, draw, stage.kind)

    return act


def die(index: int) -> Act:
    """Return the act that ends whoever lives on in an outage that has begun."""

    def act(stage: Stage) -> None:
        device = stage.world.devices[index]
        stage.claim("power-loss", device.is_on)
        stage.world.power_off(device)

    return act


def off(index: int) -> Act:
    """Return the act that begins an outage, with nothing left in any capacitor."""

    def act(stage: Stage) -> None:
        stage.world.begin_outage(stage.world.devices[index])
        die(index)(stage)

    return act


def on(index: int) -> Act:
    """Return the act that ends an outage; after the last the device boots in the next tick."""
    return lambda stage: stage.world.end_outage(stage.world.devices[index])


def crash(index: int, tick: int, draw: int, outage_s: float) -> list[Step]:
    """Return the steps of one crash: inside a write if there is one soon, then a restart."""
    dead = tick + CAPACITOR_MS
    return [
        Step(tick, fail(index, draw)),
        Step(dead, die(index)),
        Step(dead + ticks(outage_s), on(index)),
    ]


def _blackout(fault: Fault, ground: Ground) -> list[Step]:
    """Power goes everywhere at once; it comes back in random order."""
    entropy, begin = chance(fault, ground), ticks(fault.at_s)
    draws = [
        entropy.below(DRAW_BELOW) if entropy.below(2) == 0 else None for _ in range(ground.size)
    ]
    order = shuffled(ground.size, entropy)
    dead, start = begin + CAPACITOR_MS, begin + ticks(fault.numbers["outage_s"])
    span = max(1, ticks(fault.numbers["spread_s"]))
    due: dict[int, list[int]] = {}
    for place, index in enumerate(order):
        boot = start + place * span // len(order)
        due.setdefault(max(dead, boot - 1), []).append(index)

    def fall(stage: Stage) -> None:
        for index, draw in enumerate(draws):
            (off(index) if draw is None else fail(index, draw))(stage)

    def silence(stage: Stage) -> None:
        for index in range(ground.size):
            die(index)(stage)

    return [
        Step(begin, fall),
        Step(dead, silence),
        *(Step(tick, _all_on(indices)) for tick, indices in due.items()),
    ]


def _all_on(indices: list[int]) -> Act:
    def act(stage: Stage) -> None:
        for index in indices:
            stage.world.end_outage(stage.world.devices[index])

    return act


def _crashes(fault: Fault, ground: Ground) -> list[Step]:
    """Crash random devices at random times, somewhere inside what they write."""
    entropy = chance(fault, ground)
    begin, end = ticks(fault.at_s), ticks(fault.numbers["heal_s"])
    minutes = (fault.numbers["heal_s"] - fault.at_s) / 60
    count = max(1, round(ground.size * minutes * fault.numbers["percent_per_min"] / 100))
    steps: list[Step] = []
    for _ in range(count):
        index, tick = entropy.below(ground.size), begin + entropy.below(end - begin)
        steps += crash(index, tick, entropy.below(DRAW_BELOW), fault.numbers["outage_s"])
    return in_order(steps)


def _persist_points(fault: Fault, ground: Ground) -> list[Step]:
    """In every circle one device after the other crashes, each time one effect further."""
    every = ticks(fault.numbers["every_s"])
    steps: list[Step] = []
    for point in range(int(fault.numbers["points"])):
        tick = ticks(fault.at_s) + point * every
        for circle in ground.circles:
            member = circle.members[point % len(circle.members)]
            steps += crash(member, tick, point, fault.numbers["outage_s"])
    return in_order(steps)


def _torn_writes(fault: Fault, ground: Ground) -> list[Step]:
    """The same, and the record being written is cut at every 64 bytes in turn."""
    every, entropy = ticks(fault.numbers["every_s"]), chance(fault, ground)
    steps: list[Step] = []
    for point in range(int(fault.numbers["points"])):
        tick = ticks(fault.at_s) + point * every
        for circle in ground.circles:
            member = circle.members[point % len(circle.members)]
            steps.append(Step(tick, _tear(member, point * TEAR_BYTES)))
            # Right after the first few effects: what they wrote is then not yet durable.
            draw = 1 + entropy.below(3)
            steps += crash(member, tick, draw, fault.numbers["outage_s"])
            steps += during(tick, tick + CAPACITOR_MS, "torn-record", _torn(member))
    return in_order(steps)


def _tear(index: int, cut_bytes: int) -> Act:
    def act(stage: Stage) -> None:
        stage.world.devices[index].disk.tear_at_bytes = cut_bytes

    return act


def _torn(index: int) -> "Callable[[World], int]":
    return lambda world: world.devices[index].disk.torn


def _batteries(fault: Fault, ground: Ground) -> list[Step]:
    """Some go flat, one by one; they stay off whatever else happens, until charged."""
    entropy, back_s = chance(fault, ground), fault.numbers["charged_s"]
    steps: list[Step] = []
    for index in some(range(ground.size), fault.numbers["percent"], entropy):
        steps.append(Step(moment(fault, entropy), _flat(index)))
        if back_s:
            steps.append(Step(ticks(back_s), on(index)))
    return in_order(steps)


def _flat(index: int) -> Act:
    def act(stage: Stage) -> None:
        off(index)(stage)
        stage.world.fired["battery-death"] += 1

    return act


def _over_after_crash(fault: Fault) -> float:
    return fault.numbers["heal_s"] + CAPACITOR_MS / 1_000 + fault.numbers["outage_s"]


def _over_after_walk(fault: Fault) -> float:
    walked_s = (fault.numbers["points"] - 1) * fault.numbers["every_s"]
    return fault.at_s + walked_s + CAPACITOR_MS / 1_000 + fault.numbers["outage_s"]


EVERY = Key("every_s", 1, 60, "from one crash in a circle to the next", 2)
OUTAGE = Key("outage_s", 0, 600, "how long a device stays off", 0.5)

KINDS: tuple[Kind, ...] = (
    Kind(
        "blackout",
        "half of the devices lose power, the others inside what they write next; all restart",
        (
            AT,
            Key("outage_s", 0.5, 600, "how long everything stays off"),
            Key("spread_s", 0, 600, "over what time they come back, in random order"),
        ),
        ("power-loss",),
        _blackout,
        over_after("outage_s", "spread_s"),
    ),
    Kind(
        "crashes",
        "devices crash at random, inside what they write if they write soon, and restart",
        (AT, HEAL, Key("percent_per_min", 1, 6_000, "crashes per 100 devices and minute"), OUTAGE),
        ("power-loss",),
        _crashes,
        _over_after_crash,
    ),
    Kind(
        "persist-points",
        "in every circle one device after the other crashes, each one effect further than the last",
        (
            AT,
            Key("points", 1, 100, "how many crashes in a circle", 7, is_whole=True),
            EVERY,
            OUTAGE,
        ),
        ("crash-inside-effects",),
        _persist_points,
        _over_after_walk,
    ),
    Kind(
        "torn-writes",
        "as persist-points, and what is being written is cut at byte 0, 64, 128 and so on",
        (
            AT,
            Key("points", 1, 100, "how many crashes in a circle", 7, is_whole=True),
            EVERY,
            OUTAGE,
        ),
        ("crash-inside-effects", "torn-record"),
        _torn_writes,
        _over_after_walk,
    ),
    Kind(
        "batteries",
        "some devices go flat and stay off, until they are charged",
        (
            AT,
            spread(5),
            share(20, "devices"),
            Key("charged_s", 0, SECONDS_MAX, "when they are charged; 0: never", 0),
        ),
        ("battery-death",),
        _batteries,
        over_when("charged_s"),
    ),
)
