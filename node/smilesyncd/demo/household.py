"""Devices as their owners would set them up: keys, one genesis, one settings file each."""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smilesync.circle import genesis
from smilesync.ids import Address, VoterKey
from smilesync.keys import Ed25519Signer
from smilesyncd import keystore, statedir
from smilesyncd.journal import open_journal

NAMES = ("Ada", "Bo", "Cai", "Dee", "Eli", "Fay", "Gus")
FEELINGS = ("calm", "excited", "calm", "high", "calm", "neutral", "excited")
NONCE_BYTES = 32
APART_CM = 80


@dataclass(frozen=True, slots=True)
class Home:
    """Where one device keeps its things, and where its wearer reaches it."""

    name: str
    feeling: str
    config: Path
    control: Path
    log: Path
    recording: Path


def furnish(
    root: Path,
    addresses: Sequence[Sequence[Address]],
    ports: Sequence[int] | None = None,
    *,
    is_recorded: bool = False,
) -> list[Home]:
    """Create one circle of devices under `root`; row i of `addresses` is what device i dials.

    Device i listens on `ports[i]`, or where the system likes. With `is_recorded` each lamp is a
    recording instead of the terminal.
    """
    count = len(addresses)
    genesis_path = root / "circle.genesis"
    cards: list[genesis.FounderCard] = []
    homes: list[Home] = []
    for index in range(count):
        state = root / str(index)
        seeds = _first_start(state)
        cards.append(genesis.make_card(Ed25519Signer(seeds.identity), Ed25519Signer(seeds.voter)))
        homes.append(
            Home(
                name=_name(index),
                feeling=FEELINGS[index % len(FEELINGS)],
                config=root / f"{index}.toml",
                control=state / "control",
                log=root / f"{index}.log",
                recording=root / f"{index}.jsonl",
            )
        )
    circle = genesis.found(tuple(cards), secrets.token_bytes(NONCE_BYTES))
    genesis_path.write_bytes(circle.encode())
    for index, home in enumerate(homes):
        # What an earlier demo left in a folder that was kept.
        home.recording.unlink(missing_ok=True)
        settings = {
            "name": home.name,
            "state_dir": os.fspath(home.control.parent),
            "control_socket": os.fspath(home.control),
            "genesis": os.fspath(genesis_path),
            "interface": "127.0.0.1",
            "port": ports[index] if ports is not None else 0,
            "mdns": False,
            "peers": [f"{host}:{port}" for host, port in addresses[index]],
            "position_cm": [index * APART_CM, 0],
            "lamp": f"record:{home.recording}" if is_recorded else "terminal",
            "zones": 3,
        }
        # JSON writes texts, integers, truth values and lists of them just as TOML does.
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
        home.config.write_text("".join(lines), encoding="utf-8")
    return homes


def _name(index: int) -> str:
    """Return a name; the eighth and later people share theirs, with a number."""
    generation, place = divmod(index, len(NAMES))
    return f"{NAMES[place]} {generation + 1}" if generation else NAMES[place]


def _first_start(state: Path) -> keystore.Seeds:
    """Make keys and journal as a daemon does: keys without a journal would mean lost memory."""
    statedir.prepare(state)
    seeds = keystore.generate()
    voter = VoterKey(Ed25519Signer(seeds.voter).public)
    open_journal(state, voter, is_new_device=True).journal.close()
    keystore.store(state, seeds)
    return seeds
