"""A scenario is data: weather, faults by time, and what must be true for the run to pass.

Scenario files are TOML, written by people, so everything in them is checked before anything runs:
an unknown key, a wrong type or unit, a number out of range, a fault that begins after the end are
refused with file, line and expectation. What a scenario says can be written back.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from smilesim.engine import PEERS_MAX
from smilesim.fate import Weather
from smilesim.faults.kind import SECONDS_MAX, Fault, Key, ticks
from smilesim.faults.table import GOVERNED, KINDS, over_s
from smilesim.page import Page, Place
from smilesync.errors import SettingsError

__all__ = ["SECONDS_MAX", "Fault", "Scenario"]

DRAWN = ("swarm", "consensus")
"""The names of scenarios that are drawn from a seed; no file may have one of them."""

SEED_MAX = 2**63 - 1
PPM_PER_PERCENT = 10_000
SUMMARY_CHARACTERS_MAX = 200
FAULTS_MAX = 100
FILE_BYTES_MAX = 1 << 18

TOP = (
    Key("seconds", 1, SECONDS_MAX, "virtual seconds a run takes", is_whole=True),
    Key("peers", 1, PEERS_MAX, "how many devices, if nobody says", is_whole=True),
)
OPTIONAL = (
    Key("circle_size", 1, PEERS_MAX, "people of one circle, most of whom follow", is_whole=True),
    Key("one_circle", 0, 1, "1: everybody is of one circle, all in range of all", is_whole=True),
    Key("villains", 0, 64, "voters of each circle that may be faulty, else f", is_whole=True),
    Key("overlap_percent", 1, 43, "people of a circle who are also in the next one"),
    Key(
        "governed",
        0,
        2,
        "1: circles by invitation, whose voters may change; 2: open",
        is_whole=True,
    ),
    Key("second_circle", 0, 64, "people of one_circle who are one of their own", is_whole=True),
)
WEATHER = (
    Key("loss_percent", 0, 60, "messages that get lost"),
    Key("damage_percent", 0, 60, "messages that arrive damaged"),
    Key("duplicate_percent", 0, 50, "messages that are repeated"),
    Key("reorder_percent", 0, 100, "messages that are held back"),
    Key("delay_ms_min", 1, 500, "what every message takes", is_whole=True),
    Key("delay_ms_span", 1, 500, "how much longer it may take", is_whole=True),
    Key("reorder_ms_span", 1, 500, "by up to how much some are held back", is_whole=True),
    Key("late_percent", 0, 100, "messages that are late, a few of them very"),
    Key("late_ms_max", 0, 10_000, "by up to how much", is_whole=True),
)
EXPECT = (
    Key("end_share_min", 0, 1, "of those able for 7 s show certified light at the end"),
    Key("lit_share_min", 0, 1, "of the time in which it can be, a device has certified light"),
    Key("told_share_min", 0, 1, "of what neighbours feel is known after a surge"),
    Key("commit_s_max", 0, SECONDS_MAX, "from power-up to certified light"),
    Key("dark_s_max", 0, SECONDS_MAX, "for which certified light outlives its quorum"),
    Key("recommit_p95_s_max", 0, SECONDS_MAX, "from restart or healing to light, for 95 of 100"),
    Key("recommit_s_max", 0, SECONDS_MAX, "from restart or healing to light, for the slowest"),
    Key("commit_message_delays_max", 0, 100, "of one message each, from proposal to decision"),
    Key("views_max", 1, 1_000, "of any slot in which an honest voter signed something"),
    Key("seats_given_min", 0, 100_000, "seats that decided values gave to somebody"),
    Key("seats_taken_min", 0, 100_000, "seats that decided values took"),
    Key("feelings_gap_max", 0, 1_000, "between a decided count and a recount at the end"),
    Key("circles_max", 1, PEERS_MAX, "circles in which willing devices are at the end"),
    Key("forks_min", 0, 1_000, "decisions that the agreement check reports as contradicting"),
)
END_KEYS = ("heal_s", "charged_s", "back_s")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run but for its size and its seed. `expect` holds bounds on figures by name.

    `is_one_circle`: everybody founds one circle. `villains`: how many voters of each circle the
    kinds may strike that count as Byzantine; None: f, the most that a circle can bear.
    `circle_size`: so many people make one circle of voters and followers; 0: friends make small
    circles.
    """

    name: str
    summary: str
    seconds: int
    peers: int
    weather: Weather
    faults: tuple[Fault, ...]
    expect: Mapping[str, float]
    is_one_circle: bool = False
    villains: int | None = None
    circle_size: int = 0
    is_governed: bool = False
    """May the voters of a circle change? Then who is away for long loses the seat."""
    overlap_percent: float = 0
    """How many people of a circle are also in the next one; 0: nobody is in two circles."""
    is_open: bool = False
    """May whoever is here become a voter? Then circles that meet may merge, too."""
    second_circle: int = 0
    """So many of those who would found one circle found another one."""


def names() -> list[str]:
    """Return the scenarios that come with the simulator."""
    files = resources.files("smilesim").joinpath("scenarios").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load(name: str) -> Scenario:
    """Return a scenario by its name, or by the path of its file.

    Errors: SettingsError for an unknown one, or with file, line and expectation for a bad one.
    """
    text, source = text_of(name)
    if (stem := Path(name).stem) in DRAWN:
        raise SettingsError(f"{source}: expected another name, {stem} is drawn from its seed")
    return parse(Path(name).stem, text, source)


def text_of(name: str) -> tuple[str, str]:
    """Return the text of a scenario file, and what to call it in messages."""
    if name in names():
        file = resources.files("smilesim").joinpath("scenarios", f"{name}.toml")
        return file.read_text(encoding="utf-8"), f"scenarios/{name}.toml"
    path = Path(name)
    if path.suffix != ".toml":
        listed = ", ".join([*names(), *DRAWN])
        raise SettingsError(
            f"scenario: expected one of {listed}, or the path of a .toml file, got {name!r}"
        )
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise SettingsError(f"{path}: expected at most {FILE_BYTES_MAX} bytes")
        return path.read_text(encoding="utf-8"), str(path)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: expected UTF-8 text") from None


def parse(name: str, text: str, source: str) -> Scenario:
    """Check the text of a scenario file; raises SettingsError with file, line and expectation."""
    page = Page(source, text)
    table = page.read()
    summary = table.pop("summary", None)
    is_line = isinstance(summary, str) and summary.isprintable()
    if not isinstance(summary, str) or not is_line or len(summary) > SUMMARY_CHARACTERS_MAX:
        expected = f"expected one sentence of text, at most {SUMMARY_CHARACTERS_MAX} characters"
        raise page.error(Place(), "summary", expected)
    weather = page.numbers(Place("weather"), "weather", page.table(table, "weather"), WEATHER)
    expect = page.numbers(Place("expect"), "expect", page.table(table, "expect"), EXPECT)
    listed = table.pop("fault", [])
    if not isinstance(listed, list) or len(listed) > FAULTS_MAX:
        raise page.error(Place(), "fault", f"expected tables [[fault]], at most {FAULTS_MAX}")
    top = page.numbers(Place(), "", table, (*TOP, *OPTIONAL))
    for key in TOP:
        page.must_have(Place(), "", top, key.name)
    faults = [_fault(page, number, item) for number, item in enumerate(listed)]
    _must_fit(page, faults, top["seconds"])
    if not top.get("governed"):
        _must_mean_something(page, faults)
    return Scenario(
        name=name,
        summary=summary,
        seconds=int(top["seconds"]),
        peers=int(top["peers"]),
        weather=weather_of(weather),
        faults=tuple(sorted(faults, key=lambda fault: fault.at_s)),
        expect=expect,
        is_one_circle=bool(top.get("one_circle", 0)),
        villains=int(top["villains"]) if "villains" in top else None,
        is_governed=top.get("governed", 0) >= 1,
        is_open=top.get("governed", 0) == 2,
        second_circle=int(top.get("second_circle", 0)),
        circle_size=int(top.get("circle_size", 0)),
        overlap_percent=top.get("overlap_percent", 0),
    )


def lasting(scenario: Scenario, seconds: int) -> Scenario:
    """Return the scenario with another end.

    Errors: SettingsError when it would end before one of its faults is over, as for a file.
    """
    for fault in scenario.faults:
        if over_s(fault) > seconds or fault.at_s >= seconds:
            least = over_s(fault) if over_s(fault) > fault.at_s else int(fault.at_s) + 1
            raise SettingsError(
                f"--seconds {seconds}: expected {least:g} at least, when {fault.kind} is over"
            )
    return replace(scenario, seconds=seconds)


def digest(scenario: Scenario) -> str:
    """Return the scenario hash: SHA-256 of what `render` writes, so names do not matter."""
    return hashlib.sha256(render(scenario).encode()).hexdigest()


def render(scenario: Scenario) -> str:
    """Return the text of a file that `parse` reads back equal."""
    overlaps = scenario.overlap_percent > 0
    parts = [
        [
            f"summary = {json.dumps(scenario.summary, ensure_ascii=False)}",
            f"seconds = {scenario.seconds}",
            f"peers = {scenario.peers}",
            *(["one_circle = 1"] if scenario.is_one_circle else []),
            *([f"villains = {scenario.villains}"] if scenario.villains is not None else []),
            *([f"governed = {1 + scenario.is_open}"] if scenario.is_governed else []),
            *([f"second_circle = {scenario.second_circle}"] if scenario.second_circle else []),
            *([f"circle_size = {scenario.circle_size}"] if scenario.circle_size else []),
            *_assigned({"overlap_percent": scenario.overlap_percent} if overlaps else {}),
        ],
        ["[weather]", *_assigned(weather_numbers(scenario.weather))],
    ]
    for fault in scenario.faults:
        numbers = {key.name: fault.numbers[key.name] for key in KINDS[fault.kind].keys}
        parts.append(["[[fault]]", f'kind = "{fault.kind}"', *_assigned(numbers)])
    if scenario.expect:
        in_order = {k.name: scenario.expect[k.name] for k in EXPECT if k.name in scenario.expect}
        parts.append(["[expect]", *_assigned(in_order)])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _fault(page: Page, number: int, item: object) -> Fault:
    place = Place("fault", number)
    if not isinstance(item, dict):
        raise page.error(Place(), "fault", "expected tables [[fault]]")
    table: dict[str, object] = dict(item)
    kind = table.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise page.error(place, "kind", f"expected one of {', '.join(KINDS)}, got {kind!r}")
    numbers = page.numbers(place, f"fault {kind}", table, KINDS[kind].keys)
    for key in KINDS[kind].keys:
        page.must_have(place, f"fault {kind}", numbers, key.name)
    return Fault(kind, numbers["at_s"], numbers)


def _must_mean_something(page: Page, faults: Sequence[Fault]) -> None:
    """Refuse what nobody can do in a closed circle."""
    for number, fault in enumerate(faults):
        if fault.kind in GOVERNED:
            detail = f"{fault.kind}: expected governed = 1 or 2 above, closed circles never merge"
            raise page.error(Place("fault", number), "kind", detail)


def _must_fit(page: Page, faults: Sequence[Fault], seconds: float) -> None:
    """Refuse what ends before it begins, what is not over in time, and a kind that overlaps."""
    over: dict[str, float] = {}
    by_time = sorted(range(len(faults)), key=lambda number: faults[number].at_s)
    for number in by_time:
        fault, place = faults[number], Place("fault", number)
        if fault.at_s >= seconds:
            raise page.error(place, "at_s", f"expected a time before the end at {seconds:g} s")
        ends = [key for key in END_KEYS if fault.numbers.get(key)]
        spread_s = fault.numbers.get("spread_s", 0)
        if ends and ticks(fault.numbers[ends[0]]) <= ticks(fault.at_s) + ticks(spread_s):
            begun_s = fault.at_s + spread_s
            # What is over within its tick has not been.
            wanted = "a time" if fault.numbers[ends[0]] <= begun_s else "1 ms at least"
            detail = "at_s" if begun_s == fault.at_s else "at_s and spread_s"
            raise page.error(place, ends[0], f"expected {wanted} after {detail}, {begun_s:g} s")
        last = ends[0] if ends else "at_s"
        if over_s(fault) > seconds:
            detail = (
                f"this is over at {over_s(fault):g} s, expected before the end at {seconds:g} s"
            )
            raise page.error(place, last, detail)
        if fault.at_s < over.get(fault.kind, 0):
            detail = f"expected a time after the {fault.kind} before, {over[fault.kind]:g} s"
            raise page.error(place, "at_s", detail)
        over[fault.kind] = over_s(fault)


def weather_of(numbers: Mapping[str, float]) -> Weather:
    """Return a weather from what its table in a file says; the rest is as usual."""
    calm = weather_numbers(Weather())
    found = {**calm, **numbers}
    return Weather(
        delay_ms_min=int(found["delay_ms_min"]),
        delay_ms_span=int(found["delay_ms_span"]),
        loss_ppm=round(found["loss_percent"] * PPM_PER_PERCENT),
        damage_ppm=round(found["damage_percent"] * PPM_PER_PERCENT),
        duplicate_ppm=round(found["duplicate_percent"] * PPM_PER_PERCENT),
        reorder_ppm=round(found["reorder_percent"] * PPM_PER_PERCENT),
        reorder_ms_span=int(found["reorder_ms_span"]),
        tail_ppm=round(found["late_percent"] * PPM_PER_PERCENT),
        tail_ms_max=int(found["late_ms_max"]),
    )


def weather_numbers(weather: Weather) -> dict[str, float]:
    """Return a weather by the keys of its table in a file."""
    return {
        "loss_percent": weather.loss_ppm / PPM_PER_PERCENT,
        "damage_percent": weather.damage_ppm / PPM_PER_PERCENT,
        "duplicate_percent": weather.duplicate_ppm / PPM_PER_PERCENT,
        "reorder_percent": weather.reorder_ppm / PPM_PER_PERCENT,
        "delay_ms_min": weather.delay_ms_min,
        "delay_ms_span": weather.delay_ms_span,
        "reorder_ms_span": weather.reorder_ms_span,
        "late_percent": weather.tail_ppm / PPM_PER_PERCENT,
        "late_ms_max": weather.tail_ms_max,
    }


def _assigned(numbers: Mapping[str, float]) -> list[str]:
    """Return lines `key = number`; the same number is always written the same way."""
    return [
        f"{key} = {int(number) if number == int(number) else number!r}"
        for key, number in numbers.items()
    ]
