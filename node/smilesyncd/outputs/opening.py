"""From what the settings say to a lamp that is ready to be drawn on, and this process's alone."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from smilesync.errors import SettingsError
from smilesync.ids import Address
from smilesync.light.sink import Transfer
from smilesyncd import lamp
from smilesyncd.lamp import Lamp
from smilesyncd.outputs import artnet, ddp, e131, spi, stream
from smilesyncd.outputs.artnet import ArtNetStream
from smilesyncd.outputs.ddp import DdpStream
from smilesyncd.outputs.e131 import CID_BYTES, E131Stream
from smilesyncd.outputs.owner import Owner
from smilesyncd.outputs.recorder import RecordLamp
from smilesyncd.outputs.slots import PRIORITY_DEFAULT, UNIVERSE_LEDS
from smilesyncd.outputs.strip import Layout, Strip
from smilesyncd.outputs.target import (
    E131,
    Apa102,
    ArtNet,
    Ddp,
    Network,
    Nowhere,
    Record,
    Target,
    Terminal,
)

SOURCE_NAME = "smilesync"
"""What E1.31 receivers list. Never the wearer's name for the device, which stays on the device."""

APA102_ORDER = "bgr"
HERE = "127.0.0.1"
"""All addresses of this machine reach the same programs."""

_USUAL_PORTS: dict[type, int] = {Ddp: ddp.PORT, E131: e131.PORT, ArtNet: artnet.PORT}
STDOUT = 1


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an output needs of the world. `interface` is the own address to send from, or empty."""

    environ: Mapping[str, str]
    now_ns: Callable[[], int]
    interface: str = ""
    descriptor: int = STDOUT


def open_lamp(target: Target, strip: Strip, world: Surroundings) -> Lamp:
    """Return the lamp. Errors: SettingsError if it cannot be had; then nothing stays open."""
    match target:
        case Terminal():
            return lamp.new_terminal(strip.zones, world.descriptor, world.environ)
        case Nowhere():
            return lamp.RecordingLamp(strip.zones or 1)
        case Record(path=path):
            return RecordLamp(path, strip, world.now_ns())
        case Apa102(bus=bus, device=device):
            return _open_spi(bus, device, strip)
        case Ddp() | E131() | ArtNet():
            return _open_stream(target, strip, world)


def ignored(target: Target, strip: Strip) -> list[str]:
    """Return the settings that say something about hardware which this output does not have."""
    given = {
        "leds": strip.leds,
        "channel_order": strip.order,
        "transfer": strip.transfer,
        "budget_ma": strip.budget_ma,
        "priority": strip.priority != PRIORITY_DEFAULT,
    }
    match target:
        case Terminal() | Nowhere():
            unused = tuple(given)
        case Record():
            unused = ("channel_order", "priority")
        case Apa102() | Ddp() | ArtNet():
            unused = ("priority",)
        case E131():
            unused = ()
    return [name for name in unused if given[name]]


def _open_spi(bus: int, device: int, strip: Strip) -> Lamp:
    zones = strip.zones_or(1)
    owner = Owner(f"spi {bus}.{device}")
    try:
        port = spi.open_port(bus, device)
    except SettingsError:
        owner.close()
        raise
    return spi.SpiLamp(
        port,
        Layout(zones, strip.leds, strip.order or APA102_ORDER),
        sink=strip.sink(Transfer.LINEAR, zones),
        zones=zones,
        owner=owner,
    )


def _open_stream(target: Network, strip: Strip, world: Surroundings) -> Lamp:
    zones = strip.zones_or(1)
    made, names = _stream_of(target, strip, zones)
    sock = stream.open_socket(world.interface)
    try:
        owner = Owner(*names)
    except SettingsError:
        sock.close()
        raise
    return stream.StreamLamp(
        made,
        Layout(zones, strip.leds, strip.order or "rgb"),
        sink=strip.sink(Transfer.UNKNOWN, zones),
        zones=zones,
        rate_hz=strip.rate_hz,
        sock=sock,
        owner=owner,
        now_ns=world.now_ns,
    )


def _stream_of(target: Network, strip: Strip, zones: int) -> tuple[stream.Stream, list[str]]:
    """Return the protocol's way to send, and the names under which its outputs are owned."""
    where = stream.find(target.host, target.port) if target.host else None
    universes = -(-max(strip.leds, zones) // UNIVERSE_LEDS)
    names = _names_of(target, where, universes)
    if isinstance(target, Ddp):
        assert where is not None
        return DdpStream(where), names
    if isinstance(target, ArtNet):
        assert where is not None
        return ArtNetStream(where, target.universe), names
    # A new number at every start: a lasting one would let a bystander follow the wearer.
    cid = os.urandom(CID_BYTES)
    made = E131Stream(where, target.universe, priority=strip.priority, cid=cid, name=SOURCE_NAME)
    return made, names


def _names_of(target: Network, where: Address | None, universes: int) -> list[str]:
    """Return what one process alone may drive: the receiver, however it is spelled, and universes.

    A universe is one whatever the host: multicast, broadcast and unicast reach the same lamps. A
    receiver is one whatever the protocol, since many take several. Only programs on this machine
    that listen at a port of their own are apart from the others here.
    """
    names: list[str] = []
    if where is not None:
        host, port = where
        is_shared = stream.is_shared(host)
        is_here = not is_shared and stream.is_local(host)
        if is_here and port != _USUAL_PORTS[type(target)]:
            return [f"{HERE}:{port}"]
        if isinstance(target, Ddp) or not is_shared:
            names.append(HERE if is_here else host)
    if not isinstance(target, Ddp):
        kind, first = type(target).__name__.lower(), target.universe
        names += [f"{kind} {universe}" for universe in range(first, first + universes)]
    return names
