"""`smilesync run`: one daemon, wired together in one nursery, from settings to a tidy end."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import trio

from smilesync.boot import Keys
from smilesync.circle.genesis import Genesis, decode_genesis
from smilesync.commands import Prefer
from smilesync.config import Config
from smilesync.effects import Event, Notice
from smilesync.entropy import Entropy
from smilesync.errors import RemoteError, SettingsError
from smilesync.ids import VoterKey
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.light import conditions
from smilesync.mesh.link import Link
from smilesync.peer import Peer
from smilesyncd import control, keystore, statedir, udp
from smilesyncd.clock import BootClock
from smilesyncd.design.wardrobe import Wardrobe
from smilesyncd.driver import Node, World, drive
from smilesyncd.ending import deafen
from smilesyncd.face import Face, zone_positions
from smilesyncd.finding import find_peers
from smilesyncd.journal import FileJournal, Opening, open_journal
from smilesyncd.lamp import Lamp, TerminalLamp, write_if_ready
from smilesyncd.notices import NoticePrinter
from smilesyncd.outputs.opening import Surroundings, ignored, open_lamp
from smilesyncd.panel import Device
from smilesyncd.service import new_service
from smilesyncd.settings import Settings

SEED_BYTES = 32
STDERR = 2


@dataclass(frozen=True, slots=True)
class Memory:
    """What a device has on its disk."""

    seeds: keystore.Seeds
    opening: Opening


@dataclass(frozen=True, slots=True)
class Membership:
    """The circle a device belongs to, and what it would like the circle to show."""

    genesis: Genesis | None
    preferred: bytes | None


async def run(settings: Settings, *, is_verbose: bool = False) -> None:
    """Run a daemon until a signal ends it.

    Errors: SettingsError before anything is sent; JournalError when the disk fails, then the
    light is dark and the neighbours have been told goodbye.
    """
    membership = read_membership(settings)
    if unused := ignored(settings.lamp, settings.strip):
        write_line(f"lamp: this output has no use for {', '.join(unused)}, which is ignored")
    with held_state(settings) as memory:
        lamp = new_lamp(settings)
        try:
            socket = udp.bind(settings.interface, settings.port)
            try:
                # A line printed into the picture would tear it; status and watch tell the same.
                is_picture = isinstance(lamp, TerminalLamp) and os.isatty(STDERR)
                write = write_nothing if is_picture and not is_verbose else write_line
                printer = NoticePrinter(write, is_verbose=is_verbose)
                device = new_device(settings, memory, membership.genesis, socket=socket, lamp=lamp)
                if memory.opening.amnesia is not None:
                    notice = Notice(Event.AMNESIC, detail=memory.opening.amnesia)
                    printer.print(notice, device.started_ns)
                _dress(device, write)
                await _run(settings, device, printer, membership.preferred)
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


@contextmanager
def held_state(settings: Settings) -> Iterator[Memory]:
    """Lock and open the state directory; makes keys and journal on the first start."""
    statedir.prepare(settings.state_dir)
    lock = statedir.lock(settings.state_dir)
    try:
        seeds = keystore.load(settings.state_dir)
        is_new_device = seeds is None
        seeds = seeds or keystore.generate()
        voter = VoterKey(Ed25519Signer(seeds.voter).public)
        opening = open_journal(settings.state_dir, voter, is_new_device=is_new_device)
        try:
            if is_new_device:
                # After the journal: keys without a journal would mean lost memory.
                keystore.store(settings.state_dir, seeds)
            yield Memory(seeds, opening)
        finally:
            opening.journal.close()
    finally:
        lock.close()


def read_membership(settings: Settings) -> Membership:
    """Return what genesis file and pattern say. Raises SettingsError with all their problems."""
    problems: list[str] = []
    genesis: Genesis | None = None
    if settings.genesis is not None:
        try:
            genesis = decode_genesis(settings.genesis.read_bytes(), Ed25519Verifier())
        except (OSError, RemoteError) as error:
            problems.append(
                f"{settings.genesis}: genesis: {error}; expected a file made by "
                "`smilesync circle create`"
            )
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
    return Membership(genesis, preferred)


def new_device(
    settings: Settings,
    memory: Memory,
    genesis: Genesis | None,
    *,
    socket: udp.UdpSocket,
    lamp: Lamp,
) -> Device:
    """Put peer, link and light together. Nothing runs yet."""
    clock, config = BootClock(), Config()
    started_ns = clock.now_ns()
    identity, verifier = Ed25519Signer(memory.seeds.identity), Ed25519Verifier()
    opening = memory.opening
    link = Link(config.link, identity, verifier, memory.seeds.link, Entropy(os.urandom(SEED_BYTES)))
    peer = Peer(
        config,
        keys=Keys(identity, Ed25519Signer(memory.seeds.voter)),
        verifier=verifier,
        genesis=genesis,
        journal=opening.records,
        entropy=Entropy(os.urandom(SEED_BYTES)),
        now_ns=started_ns,
        is_amnesic=opening.amnesia is not None,
    )
    face = Face(
        config.light,
        lamp,
        clock,
        positions_cm=zone_positions(settings.position_cm, lamp.zones, settings.zone_positions_cm),
        rate_hz=settings.strip.rate_hz,
    )
    # The peer tells of changes only; what it begins with must be shown too.
    face.show(peer.scene, started_ns)
    return Device(
        name=settings.name,
        version=_version(),
        circle=genesis.circle_id if genesis is not None else None,
        peer=peer,
        link=link,
        face=face,
        socket=socket,
        journal=opening.journal,
        clock=clock,
        wardrobe=Wardrobe(settings.state_dir, face=face, peer=peer, clock=clock),
        started_ns=started_ns,
    )


async def _run(
    settings: Settings, device: Device, printer: NoticePrinter, preferred: bytes | None
) -> None:
    world = World(
        device.socket,
        device.clock,
        device.journal,
        device.face.show,
        printer.print,
        lambda: renew_voter_key(settings.state_dir, device.journal),
    )
    node = Node(device.peer, device.link, world)
    if preferred is not None:
        node.post(Prefer(preferred))
    # Open to the very end: somebody who presses twice must not cut the fall short.
    with trio.open_signal_receiver(*deafen()) as signals:
        try:
            await _live(settings, node, device, signals)
        finally:
            with trio.CancelScope(shield=True):
                await device.face.fall()
            node.close()


def renew_voter_key(directory: Path, journal: FileJournal) -> None:
    """Forget the voter key of a circle that was left; the next start has a new one.

    The journal first: between the two the old key finds a journal that is not its own, and listens.
    """
    seeds = keystore.load(directory)
    assert seeds is not None, "a device that runs has keys"
    renewed = replace(seeds, voter=keystore.generate().voter)
    journal.begin_anew(VoterKey(Ed25519Signer(renewed.voter).public))
    keystore.store(directory, renewed)


async def _live(
    settings: Settings, node: Node, device: Device, signals: AsyncIterator[int]
) -> None:
    """Run all tasks of a daemon until it is told to stop."""
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve, settings.control_socket, new_service(node, device))
        nursery.start_soon(drive, node)
        nursery.start_soon(device.face.run)
        nursery.start_soon(find_peers, settings, node, device, write_line)
        host, port = device.socket.address
        write_line(f"started address={host}:{port} control={settings.control_socket}")
        await anext(signals)
        # Dark first: it takes half a second, in which the neighbours still hear from us.
        await device.face.fall()
        nursery.cancel_scope.cancel()


def _version() -> str:
    try:
        return metadata.version("smilesync")
    except metadata.PackageNotFoundError:
        return "unknown"


def write_nothing(line: str) -> None:
    """Print nothing."""


def write_line(line: str) -> None:
    """Write one line to the log."""
    # A log that nobody reads must not stop a light, so it loses lines instead.
    write_if_ready(STDERR, line + "\n")
