"""A scenario is data: weather, faults by time, and what must be true for the run to pass.

Scenario files are TOML, written by people, so everything in them is checked before anything runs:
an unknown key, a wrong type or a number out of range is refused with file, line and expectation.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from smilesim.engine import PEERS_MAX
from smilesim.radio import COPIES_MAX, Weather
from smilesync.errors import SettingsError

SECONDS_MAX = 86_400
PPM_PER_PERCENT = 10_000

Number = tuple[float, float]
"""Lowest and highest value allowed."""

TOP = {"seconds": (1, SECONDS_MAX), "peers": (1, PEERS_MAX)}
WEATHER = {
    "loss_percent": (0, 60),
    "duplicate_percent": (0, 50),
    "reorder_percent": (0, 100),
    "delay_ms_min": (1, 500),
    "delay_ms_span": (1, 500),
    "reorder_ms_span": (1, 500),
}
FAULTS: dict[str, dict[str, Number]] = {
    "blackout": {"at_s": (1, SECONDS_MAX), "outage_s": (0.5, 600), "spread_s": (0, 600)},
    "split": {"at_s": (1, SECONDS_MAX), "heal_s": (1, SECONDS_MAX), "lone_percent": (0, 100)},
    "surge": {"at_s": (1, SECONDS_MAX), "spread_s": (0.1, 3.5), "copies": (0, COPIES_MAX)},
}
EXPECT = {
    "end_share_min": (0, 1),
    "lit_share_min": (0, 1),
    "told_share_min": (0, 1),
    "commit_s_max": (0, SECONDS_MAX),
    "dark_s_max": (0, SECONDS_MAX),
    "recommit_p95_s_max": (0, SECONDS_MAX),
    "recommit_s_max": (0, SECONDS_MAX),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `numbers` has exactly the keys of its kind in `FAULTS`."""

    kind: str
    at_s: float
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A run but for its size and its seed. `expect` holds bounds on figures by name."""

    name: str
    summary: str
    seconds: int
    peers: int
    weather: Weather
    faults: tuple[Fault, ...]
    expect: Mapping[str, float]


def names() -> list[str]:
    """Return the scenarios that come with the simulator."""
    files = resources.files("smilesim").joinpath("scenarios").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load(name: str) -> Scenario:
    """Return a scenario by name; raises SettingsError for an unknown one or a bad file."""
    if name not in names():
        raise SettingsError(f"scenario: expected one of {', '.join(names())}, got {name!r}")
    file = resources.files("smilesim").joinpath("scenarios", f"{name}.toml")
    return parse(name, file.read_text(encoding="utf-8"), f"scenarios/{name}.toml")


def parse(name: str, text: str, source: str) -> Scenario:
    """Check the text of a scenario file; raises SettingsError with file, line and expectation."""
    try:
        table: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source}: not TOML: {error}") from None
    page = _Page(source, text)
    summary = table.pop("summary", None)
    if not isinstance(summary, str):
        raise page.error("summary", "expected one sentence of text")
    weather = page.numbers("weather", page.table(table, "weather"), WEATHER, must=False)
    expect = page.numbers("expect", page.table(table, "expect"), EXPECT, must=False)
    listed = table.pop("fault", [])
    if not isinstance(listed, list):
        raise page.error("fault", "expected tables [[fault]]")
    top = page.numbers("", table, TOP, must=True)
    faults = tuple(_fault(page, item, top["seconds"]) for item in listed)
    return Scenario(
        name=name,
        summary=summary,
        seconds=int(top["seconds"]),
        peers=int(top["peers"]),
        weather=_weather(weather),
        faults=tuple(sorted(faults, key=lambda fault: fault.at_s)),
        expect=expect,
    )


def _fault(page: "_Page", item: object, seconds: float) -> Fault:
    if not isinstance(item, dict):
        raise page.error("fault", "expected tables [[fault]]")
    table: dict[str, object] = dict(item)
    kind = table.pop("kind", None)
    if not isinstance(kind, str) or kind not in FAULTS:
        raise page.error("kind", f"expected one of {', '.join(sorted(FAULTS))}, got {kind!r}")
    numbers = page.numbers(f"fault {kind}", table, FAULTS[kind], must=True)
    if numbers["at_s"] >= seconds:
        raise page.error("at_s", f"expected a time before the end at {seconds:g} s")
    if numbers.get("heal_s", seconds) <= numbers["at_s"]:
        raise page.error("heal_s", "expected a time after at_s")
    return Fault(kind, numbers["at_s"], numbers)


def _weather(numbers: Mapping[str, float]) -> Weather:
    calm = Weather()
    return Weather(
        delay_ms_min=int(numbers.get("delay_ms_min", calm.delay_ms_min)),
        delay_ms_span=int(numbers.get("delay_ms_span", calm.delay_ms_span)),
        loss_ppm=_ppm(numbers, "loss_percent", calm.loss_ppm),
        duplicate_ppm=_ppm(numbers, "duplicate_percent", calm.duplicate_ppm),
        reorder_ppm=_ppm(numbers, "reorder_percent", calm.reorder_ppm),
        reorder_ms_span=int(numbers.get("reorder_ms_span", calm.reorder_ms_span)),
    )


def _ppm(numbers: Mapping[str, float], key: str, default: int) -> int:
    return int(numbers[key] * PPM_PER_PERCENT) if key in numbers else default


@dataclass(frozen=True, slots=True)
class _Page:
    """The file being checked, for messages that say where."""

    source: str
    text: str

    def error(self, key: str, expectation: str) -> SettingsError:
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.split("=")[0].strip(" []") == key:
                return SettingsError(f"{self.source}, line {number}, {key}: {expectation}")
        return SettingsError(f"{self.source}, {key}: {expectation}")

    def table(self, top: dict[str, object], key: str) -> dict[str, object]:
        found = top.pop(key, {})
        if not isinstance(found, dict):
            raise self.error(key, f"expected a table [{key}]")
        return found

    def numbers(
        self, where: str, table: dict[str, object], allowed: Mapping[str, Number], *, must: bool
    ) -> dict[str, float]:
        """Return the numbers of a table; exactly the allowed keys if it `must` hold them all."""
        numbers: dict[str, float] = {}
        for key, value in table.items():
            if key not in allowed:
                raise self.error(key, f"unknown {where} key; expected {', '.join(allowed)}")
            low, high = allowed[key]
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise self.error(key, f"expected a number from {low} to {high}")
            if not low <= value <= high:
                raise self.error(key, f"expected {low} to {high}, got {value}")
            numbers[key] = value
        missing = [key for key in allowed if must and key not in numbers]
        if missing:
            raise self.error(missing[0], f"missing in {where or 'the file'}")
        return numbers
