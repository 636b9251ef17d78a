"""What the operator may set: flags over environment over file over defaults, all checked at once.

Every problem is reported together, each as `where: setting: what was given; what is expected`.
"""

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from smilesync.errors import SettingsError
from smilesync.light.composition import Position
from smilesyncd import expectations as expect
from smilesyncd.expectations import StaticPeer
from smilesyncd.outputs.slots import PRIORITY_DEFAULT, PRIORITY_MAX
from smilesyncd.outputs.strip import (
    BUDGET_MA_MAX,
    LEDS_MAX,
    ORDERS,
    RATE_HZ_DEFAULT,
    RATE_HZ_MAX,
    RATE_HZ_MIN,
    Strip,
)
from smilesyncd.outputs.target import TERMINAL, Target, target, universe_excess

Parsed = TypeVar("Parsed")

CONFIG_NAME = "config.toml"
CONFIG_BYTES_MAX = 65_536
ENVIRONMENT_PREFIX = "SMILESYNC_"
DEFAULT_PORT = 7412
UNIX_PATH_BYTES_MAX = 107


@dataclass(frozen=True, slots=True)
class Settings:
    """One daemon's settings. `name` is shown on this device only and never sent."""

    name: str
    state_dir: Path
    control_socket: Path
    genesis: Path | None
    interface: str
    port: int
    mdns: bool
    peers: tuple[StaticPeer, ...]
    position_cm: tuple[int, int]
    lamp: Target
    strip: Strip
    zone_positions_cm: tuple[Position, ...]
    pattern: str


FIELDS = (
    "name",
    "state_dir",
    "control_socket",
    "genesis",
    "interface",
    "port",
    "mdns",
    "peers",
    "position_cm",
    "lamp",
    "zones",
    "zone_positions_cm",
    "leds",
    "channel_order",
    "transfer",
    "budget_ma",
    "rate_hz",
    "priority",
    "pattern",
)


@dataclass(frozen=True, slots=True)
class _Given:
    """A raw value and where it came from, in the operator's words."""

    value: object
    origin: str


def load(flags: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Return the settings in force. `flags` maps field names to what was typed.

    Errors: SettingsError whose text has one line for each problem.
    """
    problems: list[str] = []
    given = _from_file(flags, environ, problems)
    for name in FIELDS:
        variable = ENVIRONMENT_PREFIX + name.upper()
        if variable in environ:
            given[name] = _Given(environ[variable], variable)
        if name in flags:
            given[name] = _Given(flags[name], "--" + name.replace("_", "-"))
    reader = _Reader(given, problems)
    state_dir = reader.take("state_dir", expect.path, _default_state_dir(environ))
    positions_cm: tuple[Position, ...] = reader.take("zone_positions_cm", expect.positions, ())
    settings = Settings(
        name=reader.take("name", expect.name, ""),
        state_dir=state_dir,
        control_socket=reader.take(
            "control_socket", expect.path, _default_control_socket(environ, state_dir)
        ),
        genesis=reader.take("genesis", expect.readable_file, None),
        interface=reader.take("interface", expect.interface, ""),
        port=reader.take("port", expect.port, DEFAULT_PORT),
        mdns=reader.take("mdns", expect.switch, True),
        peers=reader.take("peers", expect.peers, ()),
        position_cm=reader.take("position_cm", expect.position, (0, 0)),
        lamp=reader.take("lamp", target, TERMINAL),
        strip=_strip(reader, len(positions_cm)),
        zone_positions_cm=positions_cm,
        pattern=reader.take("pattern", expect.text, ""),
    )
    size_bytes = len(os.fsencode(settings.control_socket))
    if size_bytes > UNIX_PATH_BYTES_MAX:
        problems.append(
            f"{reader.origin('control_socket')}: control_socket: {size_bytes} bytes long; expected "
            f"a path of at most {UNIX_PATH_BYTES_MAX} bytes"
        )
    problems += _strip_problems(settings, reader)
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


class _Reader:
    """Takes one setting after the other, collecting what is wrong."""

    def __init__(self, given: Mapping[str, _Given], problems: list[str]) -> None:
        self._given = given
        self._problems = problems

    def has(self, name: str) -> bool:
        return name in self._given

    def origin(self, name: str) -> str:
        return self._given[name].origin if name in self._given else "default"

    def take(self, name: str, parse: Callable[[object], Parsed], default: Parsed) -> Parsed:
        """Return the parsed setting; the default also stands in for a bad value."""
        if name not in self._given:
            return default
        given = self._given[name]
        try:
            return parse(given.value)
        except expect.Unexpected as error:
            self._problems.append(f"{given.origin}: {name}: {given.value!r}; expected {error}")
            return default


def _strip(reader: _Reader, zones: int) -> Strip:
    """Return what is said of the lamp's hardware; `zones` is how many positions are given."""
    return Strip(
        zones=reader.take("zones", expect.integer(0, expect.ZONES_MAX), 0) or zones,
        leds=reader.take("leds", expect.integer(0, LEDS_MAX), 0),
        order=reader.take("channel_order", expect.one_of(ORDERS), ""),
        budget_ma=reader.take("budget_ma", expect.integer(0, BUDGET_MA_MAX), 0),
        transfer=reader.take("transfer", expect.transfer, None),
        rate_hz=reader.take("rate_hz", expect.integer(RATE_HZ_MIN, RATE_HZ_MAX), RATE_HZ_DEFAULT),
        priority=reader.take("priority", expect.integer(0, PRIORITY_MAX), PRIORITY_DEFAULT),
    )


def _strip_problems(settings: Settings, reader: _Reader) -> list[str]:
    """Return what does not fit together, though each setting is sound by itself."""
    strip, problems = settings.strip, list[str]()
    if strip.zones_problem:
        named = "zones" if reader.has("zones") else "zone_positions_cm"
        problems.append(f"{reader.origin(named)}: {named}: {strip.zones_problem}")
    given = len(settings.zone_positions_cm)
    if given not in (0, strip.zones):
        problems.append(
            f"{reader.origin('zone_positions_cm')}: zone_positions_cm: {given} positions; "
            f"expected one for each of the {strip.zones} zones (zones)"
        )
    if excess := universe_excess(settings.lamp, max(strip.leds, strip.zones)):
        problems.append(f"{reader.origin('lamp')}: lamp: {excess}")
    if strip.budget_problem:
        problems.append(f"{reader.origin('budget_ma')}: budget_ma: {strip.budget_problem}")
    return problems


def _from_file(
    flags: Mapping[str, str], environ: Mapping[str, str], problems: list[str]
) -> dict[str, _Given]:
    named = flags.get("config") or environ.get(ENVIRONMENT_PREFIX + "CONFIG")
    path = Path(named) if named else _default_config(environ)
    try:
        with path.open("rb") as file:
            data = file.read(CONFIG_BYTES_MAX + 1)
        if len(data) > CONFIG_BYTES_MAX:
            problems.append(f"{path}: more than {CONFIG_BYTES_MAX} bytes; expected a settings file")
            return {}
        table: dict[str, object] = tomllib.loads(data.decode("utf-8"))
    except FileNotFoundError:
        if named:
            problems.append(f"{path}: no such file; expected a settings file in TOML")
        return {}
    except OSError as error:
        problems.append(f"{path}: {error.strerror}; expected a readable settings file")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path}: {error}; expected TOML")
        return {}
    for name in table:
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(FIELDS)}"
            problems.append(f"{path}: {name}: unknown setting; {hint}")
    return {name: _Given(table[name], str(path)) for name in FIELDS if name in table}


def _default_config(environ: Mapping[str, str]) -> Path:
    if "CONFIGURATION_DIRECTORY" in environ:
        return Path(environ["CONFIGURATION_DIRECTORY"]) / CONFIG_NAME
    import platformdirs  # here, because most commands of a service never need it

    return platformdirs.user_config_path("smilesync") / CONFIG_NAME


def _default_state_dir(environ: Mapping[str, str]) -> Path:
    if "STATE_DIRECTORY" in environ:
        return Path(environ["STATE_DIRECTORY"])
    import platformdirs

    return platformdirs.user_state_path("smilesync")


def _default_control_socket(environ: Mapping[str, str], state_dir: Path) -> Path:
    if "RUNTIME_DIRECTORY" in environ:
        return Path(environ["RUNTIME_DIRECTORY"]) / "control"
    return state_dir / "control"
