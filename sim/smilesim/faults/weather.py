"""The air gets worse for a while: loss, duplication, reordering, late arrivals.

Kinds combine: at any time the air is as bad as the worst of all that act on it then. Each makes
something of its own worse, and counts what befell that would not have befallen without it.
"""

from dataclasses import replace

from smilesim.fate import (
    DAMAGED,
    DELAY_BITS,
    DUPLICATED,
    GONE,
    LATE,
    REORDERED,
    WORSE_BITS,
    Weather,
)
from smilesim.faults.kind import (
    AT,
    HEAL,
    Act,
    Fault,
    Ground,
    Key,
    Kind,
    Step,
    during,
    over_after,
    ticks,
)

PPM_PER_PERCENT = 10_000


def weather_at(ground: Ground, tick: int) -> Weather:
    """Return the weather of a tick: what the scenario says, made worse by what acts then."""
    weather = ground.weather
    for fault in ground.faults:
        if fault.kind in _WORSEN and ticks(fault.at_s) <= tick < ticks(fault.numbers["heal_s"]):
            weather = _WORSEN[fault.kind](weather, fault)
    return weather


def _lossy(weather: Weather, fault: Fault) -> Weather:
    return replace(weather, loss_ppm=max(weather.loss_ppm, _ppm(fault, "percent")))


def _doubling(weather: Weather, fault: Fault) -> Weather:
    return replace(weather, duplicate_ppm=max(weather.duplicate_ppm, _ppm(fault, "percent")))


def _jumbled(weather: Weather, fault: Fault) -> Weather:
    return replace(
        weather,
        reorder_ppm=max(weather.reorder_ppm, _ppm(fault, "percent")),
        reorder_ms_span=max(weather.reorder_ms_span, int(fault.numbers["span_ms"])),
    )


def _late(weather: Weather, fault: Fault) -> Weather:
    return replace(
        weather,
        delay_ms_min=weather.delay_ms_min + int(fault.numbers["more_ms"]),
        tail_ppm=max(weather.tail_ppm, _ppm(fault, "percent")),
        tail_ms_max=max(weather.tail_ms_max, int(fault.numbers["late_ms"])),
    )


def _noisy(weather: Weather, fault: Fault) -> Weather:
    return replace(weather, damage_ppm=max(weather.damage_ppm, _ppm(fault, "percent")))


_WORSEN = {
    "loss": _lossy,
    "damage": _noisy,
    "duplication": _doubling,
    "reordering": _jumbled,
    "delay": _late,
}


_COUNTED = {
    "loss": ("lost-message", GONE),
    "damage": ("damaged-message", DAMAGED << WORSE_BITS - DELAY_BITS),
    "duplication": ("duplicated-message", DUPLICATED << WORSE_BITS - DELAY_BITS),
    "reordering": ("reordered-message", REORDERED << WORSE_BITS - DELAY_BITS),
    "delay": ("late-message", LATE << WORSE_BITS - DELAY_BITS),
}


def _script(fault: Fault, ground: Ground) -> list[Step]:
    """Change the weather at both ends to what it is from then on."""
    name, mark = _COUNTED[fault.kind]
    begin, end = ticks(fault.at_s), ticks(fault.numbers["heal_s"])
    return [
        Step(begin, _blow(weather_at(ground, begin))),
        *during(begin, end, name, lambda world: world.radio.worse_by(mark)),
        Step(end, _blow(weather_at(ground, end))),
    ]


def _blow(weather: Weather) -> Act:
    return lambda stage: stage.world.radio.set_weather(weather)


def _ppm(fault: Fault, key: str) -> int:
    return round(fault.numbers[key] * PPM_PER_PERCENT)


KINDS: tuple[Kind, ...] = (
    Kind(
        "loss",
        "messages get lost on the air",
        (AT, HEAL, Key("percent", 0.1, 60, "how many messages are lost")),
        ("lost-message",),
        _script,
        over_after(),
    ),
    Kind(
        "damage",
        "messages arrive with a bit flipped or cut short; links and decoders refuse them",
        (AT, HEAL, Key("percent", 0.1, 60, "how many messages are damaged")),
        ("damaged-message",),
        _script,
        over_after(),
    ),
    Kind(
        "duplication",
        "the air repeats messages; links drop the copies",
        (AT, HEAL, Key("percent", 0.1, 50, "how many messages are repeated")),
        ("duplicated-message",),
        _script,
        over_after(),
    ),
    Kind(
        "reordering",
        "messages overtake each other",
        (
            AT,
            HEAL,
            Key("percent", 0.1, 100, "how many messages are held back"),
            Key("span_ms", 1, 500, "by up to how much", 200, is_whole=True),
        ),
        ("reordered-message",),
        _script,
        over_after(),
    ),
    Kind(
        "delay",
        "messages come late, most by little, a few by very much (a heavy tail)",
        (
            AT,
            HEAL,
            Key("percent", 0.1, 100, "how many messages are late"),
            Key("late_ms", 64, 10_000, "by up to how much", 2_000, is_whole=True),
            Key("more_ms", 0, 500, "how much longer every message takes", 0, is_whole=True),
        ),
        ("late-message",),
        _script,
        over_after(),
    ),
)
