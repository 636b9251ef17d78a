"""The circles a device belongs to, as folders: one for each, beside the circle of its settings.

`circles/NAME/` holds what the state directory holds for the first circle: keys (with the same
identity), journal, addresses; also the genesis, and a mark once the wearer has left.
Source: SPEC section Several circles, DRV-001.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from smilesync.circle import genesis as founding
from smilesync.circle.genesis import Genesis, Policy
from smilesync.circle.roster import Roster, roster_of
from smilesync.errors import RemoteError, SettingsError
from smilesync.ids import short
from smilesync.keys import Ed25519Signer, Ed25519Verifier
from smilesync.wire import records
from smilesyncd import keystore, statedir
from smilesyncd.journal import FILE_NAME, replay_file
from smilesyncd.memory import Memory, held_state, opened
from smilesyncd.settings import Settings

HOME = "home"
"""What the circle of the settings is called; its folder is the state directory itself."""

FOLDER_NAME = "circles"
GENESIS_NAME = "genesis"
LEFT_NAME = "left"
CHOSEN_NAME = "chosen"
MEMBERSHIPS_MAX = 8
GENESIS_BYTES_MAX = 65_536
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Place:
    """One membership on the disk. `genesis` None: the device's own, without a circle."""

    name: str
    directory: Path
    genesis: Genesis | None
    memory: Memory

    @property
    def has_left(self) -> bool:
        """Whether the wearer has left this circle, and not joined it again."""
        return (self.directory / LEFT_NAME).exists()


def names(state_dir: Path) -> tuple[str, ...]:
    """Return the names of the circles that were added, in their order."""
    found = (state_dir / FOLDER_NAME).glob(f"*/{GENESIS_NAME}")
    return tuple(sorted(path.parent.name for path in found if NAME.fullmatch(path.parent.name)))


def folder(state_dir: Path, name: str) -> Path:
    """Return where the circle `name` is kept. Raises SettingsError for a name that cannot be."""
    if name == HOME or not NAME.fullmatch(name):
        raise SettingsError(
            f"{name[:40]!r}: expected a name of up to 32 small letters, digits and hyphens, and "
            f"not {HOME!r}, which is the circle of --genesis"
        )
    return state_dir / FOLDER_NAME / name


def read_genesis(path: Path) -> Genesis:
    """Return what a genesis file says. Raises SettingsError."""
    try:
        with path.open("rb") as file:
            data = file.read(GENESIS_BYTES_MAX)
        return founding.decode_genesis(data, Ed25519Verifier())
    except (OSError, RemoteError) as error:
        raise SettingsError(
            f"{path}: genesis: {error}; expected a file made by `smilesync circle create`"
        ) from error


@contextmanager
def held(settings: Settings, home: Genesis | None) -> Iterator[tuple[Place, ...]]:
    """Lock the state directory and open all memberships in it.

    A home without a circle is the last: it keeps what the wearer says, also while others drive.
    """
    with ExitStack() as stack:
        memory = stack.enter_context(held_state(settings))
        own = Place(HOME, settings.state_dir, home, memory)
        added: list[Place] = []
        for name in names(settings.state_dir):
            directory = folder(settings.state_dir, name)
            statedir.prepare(directory)
            genesis = read_genesis(directory / GENESIS_NAME)
            theirs = stack.enter_context(opened(directory, memory.seeds.identity))
            _check_identity(directory, theirs.seeds, memory.seeds)
            added.append(Place(name, directory, genesis, theirs))
        places = (own, *added) if home is not None else (*added, own)
        _check_apart(places)
        yield places


def card_seeds(settings: Settings, name: str) -> keystore.Seeds:
    """Return the keys of the circle `name`, made now if there are none: what a card is made of."""
    directory = folder(settings.state_dir, name)
    seeds = keystore.load(directory)
    if seeds is not None:
        return seeds
    with held_state(settings) as home, made(directory, home.seeds) as memory:
        return memory.seeds


def add(settings: Settings, home: Genesis | None, name: str, file: Path) -> Genesis:
    """Let the device belong to one circle more from its next start on. Raises SettingsError."""
    with held_state(settings) as memory:
        genesis = addable(settings, home, name, file, memory.seeds)
        directory = folder(settings.state_dir, name)
        with made(directory, memory.seeds):
            found(directory, file)
    return genesis


def addable(
    settings: Settings, home: Genesis | None, name: str, file: Path, seeds: keystore.Seeds
) -> Genesis:
    """Return the genesis of a circle that may be added; nothing is changed.

    `seeds`: of the device's home, whose state directory is held. Raises SettingsError.
    """
    directory = folder(settings.state_dir, name)
    genesis = read_genesis(file)
    if (directory / GENESIS_NAME).exists():
        raise SettingsError(f"{name}: there is a circle of this name already; choose another")
    listed = names(settings.state_dir)
    if len(listed) >= MEMBERSHIPS_MAX:
        raise SettingsError(f"{name}: expected at most {MEMBERSHIPS_MAX} circles beside {HOME}")
    known = {one: read_genesis(folder(settings.state_dir, one) / GENESIS_NAME) for one in listed}
    known |= {HOME: home} if home is not None else {}
    for other, theirs in known.items():
        if theirs.circle_id == genesis.circle_id:
            raise SettingsError(
                f"{file}: this is circle {short(genesis.circle_id)}, which is here as {other!r}"
            )
    _check_seat(file, genesis, name, seeds, keystore.load(directory))
    return genesis


def found(directory: Path, file: Path) -> None:
    """Make a folder with keys and journal a membership, durable on return."""
    statedir.write_atomically(directory / GENESIS_NAME, file.read_bytes())


def remove(settings: Settings, name: str, *, is_now: bool) -> None:
    """Forget the circle `name` and its keys. Raises SettingsError while the wearer belongs."""
    with held_state(settings):
        directory = removable(settings, name, is_now=is_now)
        unfound(directory)
        erase(directory)


def removable(settings: Settings, name: str, *, is_now: bool) -> Path:
    """Return the folder of a circle that may be removed. Raises SettingsError."""
    directory = folder(settings.state_dir, name)
    if not directory.is_dir():
        raise SettingsError(f"{name}: no such circle; `smilesync circle list` says which")
    if chosen(settings.state_dir) == name:
        raise SettingsError(
            f"{name}: you chose this circle to drive the light; say `smilesync circle use --any` "
            "while the device runs, or choose another"
        )
    if _is_seated(directory) and not is_now:
        raise SettingsError(
            f"{name}: this device votes in it; say `smilesync circle leave --circle {name}` "
            "first (in a closed circle with --now), or remove it with --now: the others then "
            "have one voter less"
        )
    return directory


def unfound(directory: Path) -> None:
    """Make a folder no membership any more; first, so that no removal leaves half of one."""
    (directory / GENESIS_NAME).unlink(missing_ok=True)
    statedir.sync_directory(directory)


def erase(directory: Path) -> None:
    """Forget the keys of a circle, and all else that was kept for it."""
    (directory / keystore.FILE_NAME).unlink(missing_ok=True)
    shutil.rmtree(directory)


def chosen(state_dir: Path) -> str | None:
    """Return the circle that the wearer chose to drive the light, None if none or unreadable."""
    try:
        with (state_dir / CHOSEN_NAME).open("rb") as file:
            name = file.read(64).decode("ascii", "replace").strip()
    except OSError:
        return None
    return name or None


def keep_choice(state_dir: Path, name: str | None) -> None:
    """Remember the wearer's choice, durable on return."""
    statedir.write_atomically(state_dir / CHOSEN_NAME, f"{name or ''}\n".encode("ascii"))


def mark_left(directory: Path, has_left: bool) -> None:
    """Remember that the wearer has left the circle kept here, or has come back."""
    if has_left:
        statedir.write_atomically(directory / LEFT_NAME, b"")
    elif (directory / LEFT_NAME).exists():
        (directory / LEFT_NAME).unlink()
        statedir.sync_directory(directory)


@contextmanager
def made(directory: Path, home: keystore.Seeds) -> Iterator[Memory]:
    """Open the folder of a circle of this device, made if there is none. Raises SettingsError."""
    statedir.prepare(directory.parent)
    statedir.prepare(directory)
    with opened(directory, home.identity) as memory:
        _check_identity(directory, memory.seeds, home)
        yield memory


def _is_seated(directory: Path) -> bool:
    """Would the others miss this device? Of a closed circle a seat is kept also by who left."""
    path = directory / GENESIS_NAME
    if not path.exists():
        return False
    if not (directory / LEFT_NAME).exists():
        return True
    genesis, seeds = read_genesis(path), keystore.load(directory)
    if genesis.parameters.policy is not Policy.CLOSED or seeds is None:
        return False
    return _last_roster(directory, genesis).place_of(Ed25519Signer(seeds.voter).public) is not None


def _last_roster(directory: Path, genesis: Genesis) -> Roster:
    """Return the voters as far as the journal knows; also a closed circle changes their keys."""
    path, roster = directory / FILE_NAME, genesis.roster
    for record in replay_file(path).records if path.exists() else ():
        if isinstance(record, records.Seated):
            roster = roster_of(genesis.circle_id, record.roster)
    return roster


def _check_identity(directory: Path, seeds: keystore.Seeds, home: keystore.Seeds) -> None:
    if seeds.identity != home.identity:
        raise SettingsError(
            f"{directory / keystore.FILE_NAME}: of another device; expected the identity of this "
            "one. Move the folder away and add the circle again"
        )


def _check_apart(places: tuple[Place, ...]) -> None:
    seen: dict[bytes, str] = {}
    for place in places:
        if place.genesis is None:
            continue
        other = seen.setdefault(place.genesis.circle_id, place.name)
        if other != place.name:
            raise SettingsError(
                f"circles {other!r} and {place.name!r} are one circle, "
                f"{short(place.genesis.circle_id)}; remove one: smilesync circle remove NAME --now"
            )


def _check_seat(
    file: Path, genesis: Genesis, name: str, home: keystore.Seeds, own: keystore.Seeds | None
) -> None:
    """Refuse a genesis that seats this device by a voter key that is not kept for this circle."""
    me = Ed25519Signer(home.identity).public
    voter = Ed25519Signer(own.voter).public if own is not None else None
    roster = genesis.roster
    if me in roster.index_of and (voter is None or roster.place_of(voter) is None):
        raise SettingsError(
            f"{file}: it seats this device with another voter key than that of {name!r}; make the "
            f"card for it with: smilesync identity show --circle {name}"
        )
