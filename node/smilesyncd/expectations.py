"""What each setting must look like: one function per kind, from a raw value to a typed one.

Raw values come from TOML (typed) or from flags and environment (text); both forms are accepted.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from smilesync.light.sink import Transfer

NAME_LENGTH_MAX = 64
PEERS_MAX = 64
POSITION_CM_MAX = 100_000
ZONES_MAX = 170
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class Unexpected(Exception):
    """The value is not what it must be; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class StaticPeer:
    """A peer named by the operator; `host` is a name or an IPv4 address."""

    host: str
    port: int


def text(value: object) -> str:
    """Accept any text."""
    if not isinstance(value, str):
        raise Unexpected("text")
    return value


def name(value: object) -> str:
    """Accept a short printable text."""
    if not isinstance(value, str) or len(value) > NAME_LENGTH_MAX or not value.isprintable():
        raise Unexpected(f"printable text of at most {NAME_LENGTH_MAX} characters")
    return value


def path(value: object) -> Path:
    """Accept a path; a leading ~ is the home directory."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise Unexpected("a path")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise Unexpected("a path whose home directory exists") from None


def readable_file(value: object) -> Path:
    """Accept the path of a file that exists."""
    found = path(value)
    if not found.is_file():
        raise Unexpected("the path of an existing file")
    return found


def interface(value: object) -> str:
    """Accept an own IPv4 address; an empty text stands for all."""
    given = text(value)
    try:
        return str(ipaddress.IPv4Address(given)) if given else ""
    except ValueError:
        raise Unexpected("an IPv4 address of this machine, or nothing for all of them") from None


def port(value: object) -> int:
    """Accept a UDP port; 0 lets the system choose."""
    return _integer(value, 0, 65_535)


def integer(low: int, high: int) -> Callable[[object], int]:
    """Return what accepts an integer within these bounds."""
    return lambda value: _integer(value, low, high)


def one_of(choices: Sequence[str]) -> Callable[[object], str]:
    """Return what accepts one of these words."""

    def chosen(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise Unexpected("one of " + ", ".join(choices))
        return value

    return chosen


def switch(value: object) -> bool:
    """Accept yes or no in the usual spellings."""
    if isinstance(value, bool):
        return value
    spelling = value.lower() if isinstance(value, str) else ""
    if spelling in ("true", "yes", "on", "1"):
        return True
    if spelling in ("false", "no", "off", "0"):
        return False
    raise Unexpected("true or false")


def peers(value: object) -> tuple[StaticPeer, ...]:
    """Accept a list of host:port, or the same separated by commas."""
    listed = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(listed, list) or len(listed) > PEERS_MAX:
        raise Unexpected(f"a list of at most {PEERS_MAX} texts host:port")
    return tuple(_peer(item) for item in listed if item != "")


def position(value: object) -> tuple[int, int]:
    """Accept two whole centimetres, x and y."""
    pair = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(pair, list) or len(pair) != 2:
        raise Unexpected("two integers, x and y in centimetres")
    x, y = (_integer(item, -POSITION_CM_MAX, POSITION_CM_MAX) for item in pair)
    return x, y


def positions(value: object) -> tuple[tuple[int, int], ...]:
    """Accept a list of positions, or the same as text with semicolons between them."""
    listed = [part.strip() for part in value.split(";")] if isinstance(value, str) else value
    if not isinstance(listed, list) or len(listed) > ZONES_MAX:
        raise Unexpected(f"a list of at most {ZONES_MAX} pairs, x and y in centimetres")
    return tuple(position(item) for item in listed if item != "")


def transfer(value: object) -> Transfer:
    """Accept what a lamp makes of a code."""
    try:
        return Transfer(value)
    except ValueError:
        raise Unexpected("one of " + ", ".join(kind.value for kind in Transfer)) from None


def _peer(item: object) -> StaticPeer:
    host, _, number = item.rpartition(":") if isinstance(item, str) else ("", "", "")
    if not _HOST.fullmatch(host) or not re.fullmatch(r"[0-9]{1,5}", number):
        raise Unexpected("host:port with a host name or an IPv4 address, e.g. 192.168.1.20:7412")
    if not 1 <= int(number) <= 65_535:
        raise Unexpected("host:port with a port from 1 to 65535")
    return StaticPeer(host, int(number))


def _integer(value: object, low: int, high: int) -> int:
    number = value
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,9}", value):
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise Unexpected(f"an integer from {low} to {high}")
    return number
