"""The words for an output: `e131:1@HOST`, `ddp:HOST`, `apa102:0.0`, `record:FILE`, `terminal`.

One grammar for the setting `lamp` and for `smilesync guard --out`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smilesyncd.expectations import Unexpected, path
from smilesyncd.outputs import artnet, ddp, e131
from smilesyncd.outputs.slots import UNIVERSE_LEDS

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_NUMBER = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Terminal:
    """A smile in the terminal, or lines where there is none."""


@dataclass(frozen=True, slots=True)
class Nowhere:
    """No light; a device that only talks."""


@dataclass(frozen=True, slots=True)
class Ddp:
    """A DDP receiver such as WLED."""

    host: str
    port: int = ddp.PORT


@dataclass(frozen=True, slots=True)
class E131:
    """E1.31 from `universe` on; `host` empty means multicast."""

    universe: int
    host: str = ""
    port: int = e131.PORT


@dataclass(frozen=True, slots=True)
class ArtNet:
    """Art-Net from port address `universe` on; `host` may be a broadcast address."""

    universe: int
    host: str
    port: int = artnet.PORT


@dataclass(frozen=True, slots=True)
class Apa102:
    """A strip of APA102 or SK9822 LEDs at SPI `bus`, chip select `device`."""

    bus: int
    device: int


@dataclass(frozen=True, slots=True)
class Record:
    """A file with a line for each frame."""

    path: Path


Network = Ddp | E131 | ArtNet
Target = Terminal | Nowhere | Network | Apa102 | Record

TERMINAL: Target = Terminal()
TERMINAL_FORM = "terminal"
FORMS = (
    f"{TERMINAL_FORM}, none, ddp:HOST[:PORT], e131:UNIVERSE[@HOST[:PORT]], "
    "artnet:UNIVERSE@HOST[:PORT], apa102:BUS.DEVICE or record:FILE"
)


def target(value: object) -> Target:
    """Accept the words for an output. Raises Unexpected."""
    kind, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not colon and kind in _PLAIN:
        return _PLAIN[kind]
    if not colon or kind not in _PARSERS:
        raise Unexpected(FORMS)
    return _PARSERS[kind](rest)


def universe_excess(to: Target, leds: int) -> str:
    """Say why a strip of so many LEDs does not fit behind the first universe; empty if it does."""
    if not isinstance(to, E131 | ArtNet):
        return ""
    last = to.universe + max(0, leds - 1) // UNIVERSE_LEDS
    most = e131.UNIVERSE_MAX if isinstance(to, E131) else artnet.UNIVERSE_MAX
    if last <= most:
        return ""
    return f"{leds} LEDs reach universe {last}; expected a first one that keeps it to {most}"


def number(given: str, low: int, high: int, what: str) -> int:
    """Return the number in `given`. Raises Unexpected."""
    if not _NUMBER.fullmatch(given) or not low <= int(given) <= high:
        raise Unexpected(f"{what} from {low} to {high}")
    return int(given)


def host_and_port(given: str, port: int) -> tuple[str, int]:
    """Return host and port of `HOST[:PORT]`, where `port` is the usual one. Raises Unexpected."""
    host, colon, own_port = given.partition(":")
    if not _HOST.fullmatch(host):
        raise Unexpected("a host name or an IPv4 address, e.g. 192.168.1.20")
    return host, number(own_port, 1, 65_535, "a port") if colon else port


def _ddp(rest: str) -> Ddp:
    return Ddp(*host_and_port(rest, ddp.PORT))


def _e131(rest: str) -> E131:
    universe, at, where = rest.partition("@")
    first = number(universe, 1, e131.UNIVERSE_MAX, "a universe")
    return E131(first, *host_and_port(where, e131.PORT)) if at else E131(first)


def _artnet(rest: str) -> ArtNet:
    universe, at, where = rest.partition("@")
    first = number(universe, 0, artnet.UNIVERSE_MAX, "a universe")
    if not at:
        raise Unexpected("artnet:UNIVERSE@HOST; Art-Net needs to know whom to send to")
    return ArtNet(first, *host_and_port(where, artnet.PORT))


def _apa102(rest: str) -> Apa102:
    bus, _, device = rest.partition(".")
    what = "apa102:BUS.DEVICE, e.g. apa102:0.0, each"
    return Apa102(number(bus, 0, 99, what), number(device, 0, 99, what))


def _record(rest: str) -> Record:
    return Record(path(rest))


_PLAIN: dict[str, Target] = {"terminal": TERMINAL, "none": Nowhere()}
_PARSERS: dict[str, Callable[[str], Target]] = {
    "ddp": _ddp,
    "e131": _e131,
    "artnet": _artnet,
    "apa102": _apa102,
    "record": _record,
}
