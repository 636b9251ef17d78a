"""Partitions: which ways between devices carry nothing, and when.

Cuts are counted on each way, so partitions may overlap: a way is open when the last one is mended.
"""

from collections.abc import Callable, Iterable, Sequence
from math import cos, radians, sin

from smilesim.dice import shuffled
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
    over_after,
    share,
    some,
    ticks,
)

Way = tuple[int, int]
"""Source and destination of one direction between two devices."""

Parts = Sequence[int]
"""By device: which part of the city it is in. Nothing passes between two parts."""


def cut(ways: Iterable[Way]) -> Act:
    """Return the act that lets nothing more pass on these ways."""
    kept = tuple(ways)

    def act(stage: Stage) -> None:
        devices, sent = stage.world.devices, 0
        for source, destination in kept:
            way = devices[destination].inbound[source]
            way.set_cut(is_cut=True)
            sent += way.sequence
        stage.count("cut-link", len(kept))
        stage.claim("cut-message", -sent)

    return act


def mend(ways: Iterable[Way]) -> Act:
    """Return the act that ends a cut; who is in range again dials, and sessions go on meanwhile."""
    kept = tuple(ways)

    def act(stage: Stage) -> None:
        world, sent = stage.world, 0
        dialled: dict[int, dict[int, None]] = {}
        for source, destination in kept:
            way = world.devices[destination].inbound[source]
            way.set_cut(is_cut=False)
            sent += way.sequence
            high, low = max(source, destination), min(source, destination)
            dialled.setdefault(high, {})[low] = None
        for high, lows in dialled.items():
            world.connect_soon(world.devices[high], lows)
        # Whatever was sent on a way since it was cut passed into nothing.
        stage.claim("cut-message", sent)

    return act


def _between(parts: Parts, ground: Ground) -> list[Way]:
    """Return both ways of every pair that `parts` separates."""
    apart = [(low, high) for low, high in ground.pairs if parts[low] != parts[high]]
    return [way for low, high in apart for way in ((low, high), (high, low))]


def _partition(parts_of: Callable[[Fault, Ground], Parts]) -> Callable[[Fault, Ground], list[Step]]:
    """Return the script of a partition that is fixed from `at_s` to `heal_s`."""

    def script(fault: Fault, ground: Ground) -> list[Step]:
        parts = parts_of(fault, ground)
        ways = _between(parts, ground)
        stranded = [
            member
            for circle in ground.circles
            for member in circle.members
            if sum(parts[other] == parts[member] for other in circle.members) < circle.roster.quorum
        ]
        begin, end = cut(ways), mend(ways)

        def separate(stage: Stage) -> None:
            begin(stage)
            devices = [stage.world.devices[index] for index in stranded]
            stage.measure.stranded(devices, stage.world.tick)

        def rejoin(stage: Stage) -> None:
            end(stage)
            stage.count("heal")
            stage.measure.healed(stage.world.tick)

        return [
            Step(ticks(fault.at_s), separate),
            Step(ticks(fault.numbers["heal_s"]), rejoin),
        ]

    return script


def _split(fault: Fault, ground: Ground) -> Parts:
    """Every circle loses up to half of its members to the other side, some to nowhere.

    As many as its quorum can spare, in one circle of four half of it. A circle of two can spare
    nobody, so the cut takes the quorum from both; one alone has nobody to be cut from.
    """
    entropy = chance(fault, ground)
    parts = [0] * ground.size
    for circle in ground.circles:
        size, quorum = circle.roster.size, circle.roster.quorum
        spared = max(1, size - quorum)
        away = size // 2 if entropy.below(4) == 0 else min(spared, size // 2)
        drawn = [circle.members[place] for place in shuffled(size, entropy)]
        for member in drawn[:away]:
            is_lone = entropy.below(100) < fault.numbers["lone_percent"]
            parts[member] = 2 + member if is_lone else 1
    return parts


def _sides(fault: Fault, ground: Ground) -> Parts:
    first = _first_memberships(ground)
    people = list(dict.fromkeys(first))
    there = frozenset(some(people, fault.numbers["percent"], chance(fault, ground)))
    return [int(index in there) for index in first]


def _apart(_: Fault, ground: Ground) -> Parts:
    """By circle, and whoever is in none on its own."""
    parts = list(range(ground.size))
    for circle in ground.circles:
        for member in circle.everybody:
            parts[member] = ground.size + circle.index
    return parts


def _islands(fault: Fault, ground: Ground) -> Parts:
    entropy, count = chance(fault, ground), int(fault.numbers["islands"])
    drawn = [entropy.below(count) for _ in range(ground.size)]
    return [drawn[index] for index in _first_memberships(ground)]


def _first_memberships(ground: Ground) -> list[int]:
    """Return by device who stands for its person: nobody stands in two places."""
    first = list(range(ground.size))
    for memberships in ground.wearers:
        for index in memberships:
            first[index] = memberships[0]
    return first


def _line(fault: Fault, ground: Ground) -> Parts:
    """By place: which side of a straight line."""
    angle = radians(fault.numbers["angle_degrees"])
    along = [x * cos(angle) + y * sin(angle) for x, y in ground.positions_cm]
    border = min(along) + (max(along) - min(along)) * fault.numbers["at_percent"] / 100
    return [int(place > border) for place in along]


def _disc(fault: Fault, ground: Ground) -> Parts:
    """By place: inside or outside of a circle on the ground."""
    side_cm = max(1, *(max(position) for position in ground.positions_cm))
    x_cm, y_cm, radius_cm = (
        fault.numbers[key] * side_cm / 100 for key in ("x_percent", "y_percent", "radius_percent")
    )
    return [int((x - x_cm) ** 2 + (y - y_cm) ** 2 <= radius_cm**2) for x, y in ground.positions_cm]


def _pairs(fault: Fault, ground: Ground) -> list[Way]:
    """Return some pairs in random order, lower index first."""
    drawn = some(range(len(ground.pairs)), fault.numbers["percent"], chance(fault, ground))
    return [ground.pairs[place] for place in drawn]


def _one_way(fault: Fault, ground: Ground) -> list[Step]:
    entropy = chance(fault, ground, "order")
    ways = [(high, low) if entropy.below(2) else (low, high) for low, high in _pairs(fault, ground)]
    return [Step(ticks(fault.at_s), cut(ways)), Step(ticks(fault.numbers["heal_s"]), mend(ways))]


def _flapping(fault: Fault, ground: Ground) -> list[Step]:
    """Cut for the first half of every period, open for the second, whole at the end."""
    ways = [way for low, high in _pairs(fault, ground) for way in ((low, high), (high, low))]
    begin, end = ticks(fault.at_s), ticks(fault.numbers["heal_s"])
    period = ticks(fault.numbers["period_s"])
    steps: list[Step] = []
    for start in range(begin, end, period):
        steps.append(Step(start, cut(ways)))
        steps.append(Step(min(end, start + period // 2), mend(ways)))
    return steps


def _swizzle(fault: Fault, ground: Ground) -> list[Step]:
    """Clog links one after the other, then free them in another order (FoundationDB's idea)."""
    entropy = chance(fault, ground, "order")
    begin, end = ticks(fault.at_s), ticks(fault.numbers["heal_s"])
    pairs, half = _pairs(fault, ground), (end - begin) // 2
    steps = []
    for place, turn in enumerate(shuffled(len(pairs), entropy)):
        low, high = pairs[place]
        ways = ((low, high), (high, low))
        steps.append(Step(begin + half * place // len(pairs), cut(ways)))
        steps.append(Step(end - half * turn // len(pairs), mend(ways)))
    return in_order(steps)


KINDS: tuple[Kind, ...] = (
    Kind(
        "split",
        "every circle is cut in two, one in four in half; the others can keep a quorum",
        (AT, HEAL, Key("lone_percent", 0, 100, "how many of those cut off are alone")),
        ("heal", "cut-link", "cut-message"),
        _partition(_split),
        over_after(),
    ),
    Kind(
        "apart",
        "nobody hears anything of another circle",
        (AT, HEAL),
        ("heal", "cut-link"),
        _partition(_apart),
        over_after(),
    ),
    Kind(
        "sides",
        "the whole city falls into two sides, whoever stands where",
        (AT, HEAL, Key("percent", 1, 99, "how many are on the other side", 50)),
        ("heal", "cut-link", "cut-message"),
        _partition(_sides),
        over_after(),
    ),
    Kind(
        "islands",
        "the whole city falls into several parts",
        (AT, HEAL, Key("islands", 2, 1_000, "how many parts", 4, is_whole=True)),
        ("heal", "cut-link", "cut-message"),
        _partition(_islands),
        over_after(),
    ),
    Kind(
        "line",
        "nothing crosses a straight line through the district",
        (
            AT,
            HEAL,
            Key("angle_degrees", 0, 180, "direction across it; 0 parts west from east", 0),
            Key("at_percent", 1, 99, "how far along that direction it lies", 50),
        ),
        ("heal", "cut-link", "cut-message"),
        _partition(_line),
        over_after(),
    ),
    Kind(
        "disc",
        "nothing crosses a circle on the ground",
        (
            AT,
            HEAL,
            Key("radius_percent", 1, 100, "its radius; 100 is the side of the district", 25),
            Key("x_percent", 0, 100, "its centre, from west to east", 50),
            Key("y_percent", 0, 100, "its centre, from south to north", 50),
        ),
        ("heal", "cut-link", "cut-message"),
        _partition(_disc),
        over_after(),
    ),
    Kind(
        "one-way",
        "between some pairs messages pass in one direction only",
        (AT, HEAL, share(50, "pairs")),
        ("cut-link", "cut-message"),
        _one_way,
        over_after(),
    ),
    Kind(
        "flapping",
        "links come and go all the time",
        (AT, HEAL, share(50, "pairs"), Key("period_s", 0.1, 60, "from cut to cut", 1)),
        ("cut-link", "cut-message"),
        _flapping,
        over_after(),
    ),
    Kind(
        "swizzle",
        "links clog one by one, then come free in another order",
        (AT, HEAL, share(50, "pairs")),
        ("cut-link", "cut-message"),
        _swizzle,
        over_after(),
    ),
)
