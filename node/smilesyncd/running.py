"""`smilesync run`: one daemon, wired together in one nursery, from settings to a tidy end."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import trio

from smilesync.circle.genesis import Genesis
from smilesync.effects import Event, Notice
from smilesync.errors import SettingsError
from smilesync.light import conditions
from smilesyncd import control, memberships, udp
from smilesyncd.assembly import new_device, recollected
from smilesyncd.clock import BootClock
from smilesyncd.device import Device
from smilesyncd.ending import deafen
from smilesyncd.lamp import Lamp, TerminalLamp, write_if_ready
from smilesyncd.lives import Lives
from smilesyncd.outputs.opening import Surroundings, ignored, open_lamp
from smilesyncd.service import new_service
from smilesyncd.settings import Settings
from smilesyncd.wearer import Wearer

STDERR = 2


@dataclass(frozen=True, slots=True)
class Intent:
    """The circle of the settings, and what the device would like its circles to show."""

    genesis: Genesis | None
    preferred: bytes | None


async def run(settings: Settings, *, is_verbose: bool = False) -> None:
    """Run a daemon until a signal ends it.

    Errors: SettingsError before anything is sent; JournalError when the disk fails, then the
    light is dark and the neighbours have been told goodbye.
    """
    intent = read_intent(settings)
    if unused := ignored(settings.lamp, settings.strip):
        write_line(f"lamp: this output has no use for {', '.join(unused)}, which is ignored")
    with memberships.held(settings, intent.genesis) as places:
        remembered = await recollected(places)
        lamp = new_lamp(settings)
        try:
            socket = udp.bind(settings.interface, settings.port)
            try:
                # A line printed into the picture would tear it; status and watch tell the same.
                is_picture = isinstance(lamp, TerminalLamp) and os.isatty(STDERR)
                write = write_nothing if is_picture and not is_verbose else write_line
                device = new_device(settings, remembered, socket=socket, lamp=lamp, write=write)
                lives = Lives(
                    settings,
                    device,
                    write,
                    home=next(place for place in places if place.name == memberships.HOME),
                    preferred=intent.preferred,
                    is_verbose=is_verbose,
                )
                for place in places:
                    if place.memory.opening.amnesia is not None:
                        notice = Notice(Event.AMNESIC, detail=place.memory.opening.amnesia)
                        lives.printers[place.name].print(notice, device.started_ns)
                _dress(device, write)
                await _run(settings, device, lives)
            finally:
                socket.close()
        finally:
            lamp.close()


def _dress(device: Device, write: Callable[[str], None]) -> None:
    """Wear what was worn before; a damaged design must keep no light dark."""
    try:
        device.wardrobe.open()
    except SettingsError as error:
        write(str(error))


def new_lamp(settings: Settings) -> Lamp:
    """Return the lamp the settings ask for; SettingsError if it cannot be had."""
    world = Surroundings(os.environ, BootClock().now_ns, settings.interface)
    return open_lamp(settings.lamp, settings.strip, world)


def read_intent(settings: Settings) -> Intent:
    """Return what genesis file and pattern say. Raises SettingsError with all their problems."""
    problems: list[str] = []
    genesis: Genesis | None = None
    if settings.genesis is not None:
        try:
            genesis = memberships.read_genesis(settings.genesis)
        except SettingsError as error:
            problems.append(str(error))
    preferred: bytes | None = None
    if settings.pattern:
        try:
            preferred = bytes.fromhex(settings.pattern)
        except ValueError:
            preferred = b""
        rule = conditions.check(preferred)
        if rule is not None:
            problems.append(
                f"pattern: {settings.pattern[:40]!r}: breaks {rule}; expected the hexadecimal form "
                "of an encoded pattern that `smilesync lint` accepts"
            )
    if problems:
        raise SettingsError("\n".join(problems))
    return Intent(genesis, preferred)


async def _run(settings: Settings, device: Device, lives: Lives) -> None:
    # Open to the very end: somebody who presses twice must not cut the fall short.
    with trio.open_signal_receiver(*deafen()) as signals:
        try:
            async with trio.open_nursery() as nursery:
                service = new_service(Wearer(lives.nodes, device), device, lives)
                await nursery.start(control.serve, settings.control_socket, service)
                nursery.start_soon(lives.run, write_line)
                nursery.start_soon(device.face.run)
                host, port = device.socket.address
                write_line(f"started address={host}:{port} control={settings.control_socket}")
                await anext(signals)
                # Dark first: it takes half a second, in which the neighbours still hear from us.
                await device.face.fall()
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await device.face.fall()
            lives.close()


def write_nothing(line: str) -> None:
    """Print nothing."""


def write_line(line: str) -> None:
    """Write one line to the log."""
    # A log that nobody reads must not stop a light, so it loses lines instead.
    write_if_ready(STDERR, line + "\n")
