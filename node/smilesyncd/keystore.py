"""The device's secret seeds: identity, voter key and link key, in one private file.

One file, because it is written in one step: a device never has some of its keys. Beside them, while
it asks its circle for another voter key, the one it asks for.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from smilesync.errors import SettingsError
from smilesyncd import statedir

FILE_NAME = "keys"
FIRST_LINE = "smilesync keys 1"
SEED_BYTES = 32
FILE_BYTES_MAX = 1024
_LINE = re.compile(r"(identity|voter|link|spare) = ([0-9a-f]{64})")
_NAMES = ("identity", "voter", "link")


@dataclass(frozen=True, slots=True, repr=False)
class Seeds:
    """Secret. Has no repr, so that no log or traceback can print it.

    `spare`: the voter key that the device asks for in the place of its own.
    """

    identity: bytes
    voter: bytes
    link: bytes
    spare: bytes | None = None

    def __repr__(self) -> str:
        return "Seeds(secret)"


def load(directory: Path) -> Seeds | None:
    """Return the stored seeds, None if there are none yet. Raises SettingsError."""
    path = directory / FILE_NAME
    if not path.exists():
        return None
    statedir.check_private(path)
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; expected the device's key file") from error
    lines = data.decode("ascii", "replace").splitlines()
    matches = [match for line in lines[1:] if (match := _LINE.fullmatch(line))]
    found = {str(match[1]): str(match[2]) for match in matches}
    is_whole = len(lines) == len(found) + 1 and found.keys() >= set(_NAMES)
    if lines[:1] != [FIRST_LINE] or not is_whole:
        raise SettingsError(
            f"{path}: not a key file of this version; expected the line '{FIRST_LINE}' and one "
            "line each for identity, voter and link, maybe for spare; restore it from a copy or "
            "move it away to become a new device"
        )
    return Seeds(**{name: bytes.fromhex(text) for name, text in found.items()})


def generate() -> Seeds:
    """Return new seeds from the system's generator."""
    return Seeds(os.urandom(SEED_BYTES), os.urandom(SEED_BYTES), os.urandom(SEED_BYTES))


def store(directory: Path, seeds: Seeds) -> None:
    """Write `seeds`, durable on return. Raises SettingsError when the disk does not take them."""
    lines = [FIRST_LINE]
    for name in (*_NAMES, "spare"):
        seed: bytes | None = getattr(seeds, name)
        if seed is not None:
            lines.append(f"{name} = {seed.hex()}")
    data = ("\n".join(lines) + "\n").encode("ascii")
    try:
        statedir.write_atomically(directory / FILE_NAME, data)
    except OSError as error:
        raise SettingsError(
            f"{directory}: state_dir: {error.strerror}; expected room for the device's keys"
        ) from error
