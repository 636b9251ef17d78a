"""Where a device looks for others: named peers, mDNS, and the addresses that worked before.

All of them yield addresses worth trying; who is there shows in the handshake. The remembered ones
matter after a power cut, when mDNS may need a minute to notice anybody.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trio

from smilesync.entropy import Entropy
from smilesync.ids import Address
from smilesyncd import statedir, udp
from smilesyncd.device import Member
from smilesyncd.driver import Hint, LocalClock, Node
from smilesyncd.expectations import StaticPeer
from smilesyncd.panel import ALIVE_NS
from smilesyncd.settings import Settings

FILE_NAME = "addresses"
FILE_BYTES_MAX = 16_384
ADDRESSES_MAX = 32
SEED_BYTES = 32
RESOLVE_SECONDS = 60
REMEMBER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Whom one membership looks for. Announced is the first of `gate_keys`, sought are all."""

    member: Member
    clock: LocalClock
    port: int
    gate_keys: tuple[bytes, ...]


async def find_peers(
    settings: Settings, node: Node, place: Neighbourhood, on_trouble: Callable[[str], None]
) -> None:
    """Hint addresses to `node` until cancelled."""
    path = place.member.directory / FILE_NAME
    for address in load(path):
        node.post(Hint(address))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep_resolving, settings.peers, node)
        nursery.start_soon(_keep_remembering, path, place.member)
        if settings.mdns:
            nursery.start_soon(_discover, settings, node, place, on_trouble)


def load(path: Path) -> list[Address]:
    """Return the remembered addresses; none from a file that is missing or damaged."""
    try:
        with path.open("rb") as file:
            listed: object = json.loads(file.read(FILE_BYTES_MAX))
    except (OSError, ValueError, RecursionError):
        return []
    found: list[Address] = []
    for item in listed[:ADDRESSES_MAX] if isinstance(listed, list) else ():
        match item:
            case [str(host), int(port)] if 0 < port <= 65_535:
                found.append((host, port))
            case _:
                pass
    return found


def save(path: Path, addresses: list[Address]) -> None:
    """Store the newest addresses. A disk that does not take them is no reason to stop."""
    data = json.dumps(addresses[-ADDRESSES_MAX:]).encode("ascii")
    try:
        statedir.write_atomically(path, data)
    except OSError:
        path.unlink(missing_ok=True)


async def _keep_remembering(path: Path, member: Member) -> None:
    known = load(path)
    while True:
        await trio.sleep(REMEMBER_SECONDS)
        linked = [one.address for one in member.link.statistics().sessions]
        if not set(linked) <= set(known[-ADDRESSES_MAX:]):
            known = [one for one in known if one not in linked] + linked
            await trio.to_thread.run_sync(save, path, known)


async def _keep_resolving(peers: tuple[StaticPeer, ...], node: Node) -> None:
    """Hint static peers for ever: a name may come up, or move, at any time."""
    known: dict[StaticPeer, Address] = {}
    while peers:
        for peer in peers:
            address = await udp.resolve(peer.host, peer.port)
            if address is not None and known.get(peer) != address:
                known[peer] = address
                node.post(Hint(address, permanent=True))
        await trio.sleep(RESOLVE_SECONDS)


async def _discover(
    settings: Settings, node: Node, place: Neighbourhood, on_trouble: Callable[[str], None]
) -> None:
    # Imported only where it is used: a tenth of the daemon's memory is this library.
    from smilesyncd.discovery import Discovery, discover

    def on_address(address: Address) -> None:
        node.post(Hint(address))

    def is_lonely() -> bool:
        ages_ns = place.member.peer.neighbours.ages_ns(place.clock.now_ns())
        return not any(age_ns <= ALIVE_NS for _, age_ns in ages_ns)

    await discover(
        Discovery(
            interface=settings.interface,
            port=place.port,
            gate_keys=place.gate_keys,
            entropy=Entropy(os.urandom(SEED_BYTES)),
            on_address=on_address,
            is_lonely=is_lonely,
            on_trouble=on_trouble,
        )
    )
