"""`smilesync identity` and `smilesync circle`: founder cards, and the genesis made of them."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from smilesync.circle import genesis
from smilesync.circle.genesis import FounderCard, Parameters, Policy
from smilesync.errors import RemoteError, SettingsError
from smilesync.keys import Ed25519Signer, Ed25519Verifier, is_strict_key
from smilesyncd import client, keystore, memberships, statedir
from smilesyncd.memory import held_state
from smilesyncd.settings import Settings

NONCE_BYTES = 32
CARD_FILE_BYTES_MAX = 4096


def show(settings: Settings, circle: str | None, *, is_json: bool) -> int:
    """Print the device's founder card; makes its keys first if it has none.

    `circle`: the card for a circle beside the one of the settings, which has its own voter key.
    """
    statedir.prepare(settings.state_dir)
    seeds = keystore.load(settings.state_dir)
    if circle is not None:
        seeds = _prepared(settings, circle)
    if seeds is None:
        with held_state(settings) as memory:
            seeds = memory.seeds
    card = genesis.make_card(Ed25519Signer(seeds.identity), Ed25519Signer(seeds.voter))
    if is_json:
        fields = {"identity": card.identity.hex(), "voter": card.voter.hex(), "card": card.text()}
        print(json.dumps(fields))
    else:
        print(card.text())
    return 0


def _prepared(settings: Settings, circle: str) -> keystore.Seeds:
    """Return the keys for a circle; a running device has the folder, and makes them itself."""
    directory = memberships.folder(settings.state_dir, circle)
    if keystore.load(directory) is None:
        with suppress(client.NoDaemon):
            client.ask(settings.control_socket, "prepare", name=circle)
    return memberships.card_seeds(settings, circle)


def parameters(policy: str, steward: str | None, *, is_strict: bool) -> Parameters:
    """Return what a genesis says beside its founders. Raises SettingsError."""
    chosen = Policy[policy.upper()]
    if (chosen is Policy.STEWARD) is not (steward is not None):
        raise SettingsError("--steward: expected exactly with --policy steward")
    try:
        key = bytes.fromhex(steward) if steward is not None else None
    except ValueError:
        key = b""
    if key is not None and not is_strict_key(key):
        raise SettingsError("--steward: expected a public key of 64 hexadecimal digits")
    return Parameters(is_strict=is_strict, policy=chosen, steward=key)


def create(listed: Sequence[str], out: str, shared: Parameters, *, is_json: bool) -> int:
    """Write the genesis of a circle of the devices whose cards are listed."""
    cards = tuple(_card(given, number) for number, given in enumerate(listed, start=1))
    try:
        born = genesis.found(cards, os.urandom(NONCE_BYTES), shared)
        data = born.encode()
        # Whatever is wrong with the cards together shows here, not on somebody's wrist.
        genesis.decode_genesis(data, Ed25519Verifier())
    except RemoteError as error:
        raise SettingsError(f"{out}: cards: {error}") from error
    try:
        with Path(out).open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise SettingsError(f"{out}: exists already; expected a new file") from None
    except OSError as error:
        raise SettingsError(f"{out}: {error.strerror}; expected a file to write") from error
    if is_json:
        print(json.dumps({"circle": born.circle_id.hex(), "founders": len(cards), "file": out}))
    else:
        print(f"{out}: circle {born.circle_id.hex()[:8]} of {len(cards)} devices; give this file")
        print(f"to each of them and start it with: smilesync run --genesis {out}")
    return 0


def _card(given: str, number: int) -> FounderCard:
    where, text = f"card {number}", given
    path = Path(given)
    if not given.startswith(genesis.CARD_PREFIX):
        where = given
        try:
            with path.open("rb") as file:
                text = file.read(CARD_FILE_BYTES_MAX).decode("ascii", "replace")
        except OSError as error:
            raise SettingsError(
                f"{given[:60]}: {error.strerror}; expected a founder card, or a file with one, "
                "as printed by `smilesync identity show`"
            ) from error
    try:
        card = genesis.card_from_text(text.strip())
        card.verify(Ed25519Verifier())
    except RemoteError as error:
        raise SettingsError(f"{where}: {error}") from error
    return card
