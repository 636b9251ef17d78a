"""Puts a device together from what is on its disk: peers, links, light. Nothing runs yet."""

import os
from collections.abc import Callable, Sequence
from importlib import metadata

from smilesync.boot import Keys
from smilesync.config import Config
from smilesync.entropy import Entropy
from smilesync.ids import CircleId
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.light.stage import Stage, Standing
from smilesync.mesh.config import LinkConfig
from smilesync.mesh.gate import OPEN_GATE_KEY, circle_gate_key
from smilesync.mesh.link import Link
from smilesync.peer import Peer
from smilesync.wearer import Recollection, unsaid
from smilesync.wire import records
from smilesync.wire.records import Record
from smilesyncd import memberships, udp
from smilesyncd.clock import BootClock
from smilesyncd.design.wardrobe import Wardrobe
from smilesyncd.device import Device, Member
from smilesyncd.face import Face, zone_positions
from smilesyncd.lamp import Lamp
from smilesyncd.memberships import Place
from smilesyncd.settings import Settings

SEED_BYTES = 32

Remembered = tuple[Place, Sequence[Record]]
"""One membership on the disk, and all records of its journal."""


async def recollected(places: Sequence[Place]) -> list[Remembered]:
    """Return each place with its records, after all journals know what the wearer said last."""
    openings = [place.memory.opening for place in places]
    is_several = sum(place.genesis is not None for place in places) > 1
    lacking = unsaid(
        [
            Recollection(
                opening.records, opening.amnesia is not None, is_several and place.has_left
            )
            for opening, place in zip(openings, places, strict=True)
        ]
    )
    for opening, lacks in zip(openings, lacking, strict=True):
        if lacks:
            await opening.journal.append([records.encode(record) for record in lacks])
    return [
        (place, [*place.memory.opening.records, *lacks])
        for place, lacks in zip(places, lacking, strict=True)
    ]


def new_device(
    settings: Settings,
    remembered: Sequence[Remembered],
    *,
    socket: udp.UdpSocket,
    lamp: Lamp,
    write: Callable[[str], None],
) -> Device:
    """Put peers, links and light together. Nothing runs yet."""
    clock, config = BootClock(), Config()
    started_ns = clock.now_ns()
    count = sum(place.genesis is not None for place, _ in remembered)
    members = tuple(
        new_member(place, journal, config, now_ns=started_ns, is_only=count < 2)
        for place, journal in remembered
    )
    # Whatever is added and removed meanwhile, this one stays and hears all that the wearer says.
    home = next(one for one in members if one.name == memberships.HOME)
    stage = Stage(
        {one.name: Standing(one.peer.scene, one.peer.board.switches) for one in members},
        memberships.chosen(settings.state_dir) if count > 1 else None,
        [place.name for place, _ in remembered if place.has_left] if count > 1 else (),
    )
    face = Face(
        config.light,
        lamp,
        clock,
        positions_cm=zone_positions(settings.position_cm, lamp.zones, settings.zone_positions_cm),
        rate_hz=settings.strip.rate_hz,
    )
    # The peers tell of changes only; what they begin with must be shown too.
    face.show(stage.scene, started_ns)
    return Device(
        name=settings.name,
        version=_version(),
        members=members,
        stage=stage,
        face=face,
        socket=socket,
        clock=clock,
        wardrobe=Wardrobe(settings.state_dir, face=face, peer=home.peer, clock=clock),
        state_dir=settings.state_dir,
        started_ns=started_ns,
        on_drive=lambda name: write(f"drives circle={name}"),
    )


def new_member(
    place: Place, journal: Sequence[Record], config: Config, *, now_ns: int, is_only: bool
) -> Member:
    """Return one membership: its own link and peer, by the identity that all of them share."""
    seeds, opening, genesis = place.memory.seeds, place.memory.opening, place.genesis
    identity, verifier = Ed25519Signer(seeds.identity), Ed25519Verifier()
    spare = Ed25519Signer(seeds.spare) if seeds.spare is not None else None
    circle = genesis.circle_id if genesis is not None else None
    link = Link(
        LinkConfig(),
        identity,
        verifier,
        seeds.link,
        Entropy(os.urandom(SEED_BYTES)),
        gate_keys_of(circle, is_only=is_only),
    )
    peer = Peer(
        config,
        keys=Keys(identity, Ed25519Signer(seeds.voter), spare),
        verifier=verifier,
        genesis=genesis,
        journal=journal,
        entropy=Entropy(os.urandom(SEED_BYTES)),
        now_ns=now_ns,
        is_amnesic=opening.amnesia is not None,
    )
    return Member(place.name, place.directory, circle, peer, link, opening.journal)


def gate_keys_of(circle: CircleId | None, *, is_only: bool) -> tuple[bytes, ...]:
    """Return what opens the link of a circle: in one of several nothing but its own gate key."""
    if circle is None:
        return (OPEN_GATE_KEY,)
    own = circle_gate_key(circle)
    return (OPEN_GATE_KEY, own) if is_only else (own,)


def sought_keys(device: Device, member: Member) -> tuple[bytes, ...]:
    """Return by which gate keys a membership knows whom to dial: of its circle, or of anybody."""
    keys = gate_keys_of(member.circle, is_only=len(device.linked) < 2)
    return tuple(dict.fromkeys((*keys, OPEN_GATE_KEY)))


def admitted_keys(device: Device, member: Member) -> tuple[bytes, ...]:
    """Return what opens the link of a membership, among those that the device has now."""
    if member not in device.linked:
        return ()
    return gate_keys_of(member.circle, is_only=len(device.linked) < 2)


def _version() -> str:
    try:
        return metadata.version("smilesync")
    except metadata.PackageNotFoundError:
        return "unknown"
