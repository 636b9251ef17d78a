"""`smilesync run`: one daemon, wired together in one nursery, from settings to a tidy end."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import trio

from smilesync.circle.genesis import Genesis
from smilesync.commands import Prefer
from smilesync.effects import Event, Notice
from smilesync.errors import SettingsError
from smilesync.light import conditions
from smilesyncd import control, memberships, udp
from smilesyncd.assembly import new_device, recollected, sought_keys
from smilesyncd.clock import BootClock
from smilesyncd.device import Device
from smilesyncd.driver import Node, World, drive
from smilesyncd.ending import deafen
from smilesyncd.finding import Neighbourhood, find_peers
from smilesyncd.lamp import Lamp, TerminalLamp, write_if_ready
from smilesyncd.memory import renew_voter_key
from smilesyncd.notices import NoticePrinter
from smilesyncd.outputs.opening import Surroundings, ignored, open_lamp
from smilesyncd.service import new_service
from smilesyncd.settings import Settings
from smilesyncd.sharing import Mailbox, sort
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
                printers = new_printers(device, write, is_verbose=is_verbose)
                for place in places:
                    if place.memory.opening.amnesia is not None:
                        notice = Notice(Event.AMNESIC, detail=place.memory.opening.amnesia)
                        printers[place.name].print(notice, device.started_ns)
                _dress(device, write)
                await _run(settings, device, printers, intent.preferred)
            finally:
                socket.close()
        finally:
            lamp.close()


def new_printers(
    device: Device, write: Callable[[str], None], *, is_verbose: bool
) -> dict[str, NoticePrinter]:
    """Return who prints the notices of each membership; of several each line names its circle."""
    if len(device.circles) < 2:
        return {one.name: NoticePrinter(write, is_verbose=is_verbose) for one in device.members}
    return {
        one.name: NoticePrinter(_named(one.name, write), is_verbose=is_verbose)
        for one in device.members
    }


def _named(name: str, write: Callable[[str], None]) -> Callable[[str], None]:
    return lambda line: write(f"{line} circle={name}")


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


async def _run(
    settings: Settings,
    device: Device,
    printers: Mapping[str, NoticePrinter],
    preferred: bytes | None,
) -> None:
    boxes = {member.name: Mailbox(device.socket) for member in device.members}
    nodes: dict[str, Node] = {}
    for member in device.members:
        is_alone = device.linked == (member,)
        world = World(
            device.socket if is_alone else boxes[member.name],
            device.clock,
            member.journal,
            partial(device.show, member),
            printers[member.name].print,
            partial(renew_voter_key, member.directory, member.journal),
        )
        nodes[member.name] = Node(member.peer, member.link, world)
        if preferred is not None:
            nodes[member.name].post(Prefer(preferred))
    # Open to the very end: somebody who presses twice must not cut the fall short.
    with trio.open_signal_receiver(*deafen()) as signals:
        try:
            async with trio.open_nursery() as nursery:
                if len(device.linked) > 1:
                    shared = [(member.link, boxes[member.name]) for member in device.linked]
                    nursery.start_soon(sort, device.socket, shared)
                await _live(settings, nodes, device, nursery)
                await anext(signals)
                # Dark first: it takes half a second, in which the neighbours still hear from us.
                await device.face.fall()
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await device.face.fall()
            for node in nodes.values():
                node.close()


async def _live(
    settings: Settings, nodes: Mapping[str, Node], device: Device, nursery: trio.Nursery
) -> None:
    """Start all tasks of a daemon; return once it can be asked."""
    service = new_service(Wearer(nodes, device), device)
    await nursery.start(control.serve, settings.control_socket, service)
    for node in nodes.values():
        nursery.start_soon(drive, node)
    nursery.start_soon(device.face.run)
    host, port = device.socket.address
    for member in device.linked:
        place = Neighbourhood(member, device.clock, port, sought_keys(device, member))
        nursery.start_soon(find_peers, settings, nodes[member.name], place, write_line)
    write_line(f"started address={host}:{port} control={settings.control_socket}")


def write_nothing(line: str) -> None:
    """Print nothing."""


def write_line(line: str) -> None:
    """Write one line to the log."""
    # A log that nobody reads must not stop a light, so it loses lines instead.
    write_if_ready(STDERR, line + "\n")
