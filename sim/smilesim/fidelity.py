"""How much of a device is real: `fast`, `wire` or `daemon`, and `tagged` for the largest cities.

The trace is the same in the first three. `fast` enters at `Peer.handle` and remembers honest
signatures; `tagged` has tags in place of most of them (`verify.py`), and nothing else differs.
`wire` encodes, decodes and verifies every delivery. `daemon` runs every device as the daemon does,
sealed datagrams, link and driver included. What each adds and costs is in sim/docs/fidelity.md.
"""

from typing import TypedDict

from smilesim.drive import Drive, drive
from smilesim.engine import Wheel
from smilesim.fate import Weather
from smilesim.observed.instants import DEVICES_MAX
from smilesim.observed.nodes import Nodes
from smilesim.observed.session import spoil
from smilesim.radio import Radio
from smilesim.verify import SignThrough, tagged_in
from smilesim.wire import RealVerifier, Wire, damaged
from smilesync.errors import SettingsError
from smilesync.keys import Verifier

TAGGED, FAST, WIRE, DAEMON = NAMES = ("tagged", "fast", "wire", "daemon")
HAS_BYTES = (WIRE, DAEMON)
"""What is in the air there are bytes, which can be damaged, and all signatures are computed."""


def check(name: str, peers: int, people: int | None = None) -> None:
    """Refuse what cannot be run. Errors: SettingsError for a name unknown or a city too large.

    `people`: how many they are, if some count more than once.
    """
    if name not in NAMES:
        raise SettingsError(f"--fidelity: expected one of {', '.join(NAMES)}, got {name!r}")
    if name == DAEMON and peers > DEVICES_MAX:
        why = f" of {people} people, one for each circle of each" * (people not in (None, peers))
        detail = f"expected at most {DEVICES_MAX} peers, got {peers}{why}"
        raise SettingsError(f"--fidelity daemon: {detail}")


def mention(name: str) -> str:
    """Return the word for it and a comma, to stand in a line: none for what is usual."""
    return "" if name == FAST else f"{name}, "


def memory_for(name: str, *, is_governed: bool) -> SignThrough:
    """Return who knows what was signed in this run, and makes the signers."""
    tagged = tagged_in(is_governed=is_governed) if name == TAGGED else ()
    return SignThrough(tagged=tagged)


def verifier_for(name: str, through: SignThrough) -> Verifier:
    """Return what peers verify with; above bytes nobody believes what was signed in this run."""
    return RealVerifier(through) if name in HAS_BYTES else through


def radio_for(name: str, weather: Weather) -> Radio:
    """Return the air: it carries messages, or bytes that can be damaged."""
    radio = Radio(Wheel(), weather, delivers_copies=name == DAEMON)
    if name in HAS_BYTES:
        radio.damage = damaged if name == WIRE else spoil
    return radio


def wire_for(name: str, radio: Radio) -> Wire | None:
    """Return what encodes and decodes above the air, where nothing else does."""
    return Wire(radio) if name == WIRE else None


def drive_for(nodes: Nodes | None) -> Drive:
    """Return what moves time: the wheel alone, or from node to node."""
    return drive if nodes is None else nodes.drive


class AirFigures(TypedDict):
    """What went over the air as bytes, and what was refused of it, by rule."""

    datagrams_sent: int | None
    bytes_sent: int | None
    refused: dict[str, int] | None


def figures_of(wire: Wire | None, nodes: Nodes | None) -> AirFigures:
    """Return what went over the air as bytes, for the report; None where nothing did."""
    if nodes is not None:
        tally = nodes.tally
        sent, count, refused = tally.sent_bytes, tally.sent_count, tally.refused
    elif wire is not None:
        sent, count, refused = wire.sent_bytes, wire.sent_count, wire.refused
    else:
        return {"datagrams_sent": None, "bytes_sent": None, "refused": None}
    return {"datagrams_sent": count, "bytes_sent": sent, "refused": dict(sorted(refused.items()))}
