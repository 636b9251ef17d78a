"""What a device has on its disk for each circle: keys and a journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from smilesync.ids import VoterKey
from smilesync.keys import Ed25519Signer, Signer
from smilesync.wire import records
from smilesyncd import keystore, statedir
from smilesyncd.journal import FILE_NAME, FileJournal, Opening, open_journal, replay_file
from smilesyncd.settings import Settings


@dataclass(frozen=True, slots=True)
class Memory:
    """What a device has on its disk for one circle."""

    seeds: keystore.Seeds
    opening: Opening


@contextmanager
def held_state(settings: Settings) -> Iterator[Memory]:
    """Lock and open the state directory; makes keys and journal on the first start."""
    statedir.prepare(settings.state_dir)
    lock = statedir.lock(settings.state_dir)
    try:
        with opened(settings.state_dir) as memory:
            yield memory
    finally:
        lock.close()


@contextmanager
def opened(directory: Path, identity: bytes | None = None) -> Iterator[Memory]:
    """Open keys and journal in a directory that is ours, or make them, for `identity` if given."""
    seeds = keystore.load(directory)
    is_new_device = seeds is None
    seeds = _adopted(directory, seeds) if seeds is not None else None
    if seeds is None:
        seeds = keystore.generate()
        seeds = seeds if identity is None else replace(seeds, identity=identity)
    voter = VoterKey(Ed25519Signer(seeds.voter).public)
    opening = open_journal(directory, voter, is_new_device=is_new_device)
    try:
        if is_new_device:
            # After the journal: keys without a journal would mean lost memory.
            keystore.store(directory, seeds)
        yield Memory(seeds, opening)
    finally:
        opening.journal.close()


def renew_voter_key(directory: Path, journal: FileJournal) -> Signer:
    """Forget the voter key of a circle that was left; returns the new one, which is durable.

    The journal first: between the two the old key finds a journal that is not its own, and listens.
    """
    seeds = keystore.load(directory)
    assert seeds is not None, "a device that runs has keys"
    renewed = replace(seeds, voter=keystore.generate().voter, spare=None)
    signer = Ed25519Signer(renewed.voter)
    journal.begin_anew(VoterKey(signer.public))
    keystore.store(directory, renewed)
    return signer


def spare_voter_key(directory: Path) -> tuple[Signer, bool]:
    """Return a voter key to ask for, durable, and whether it was made now: one under way stays."""
    seeds = keystore.load(directory)
    assert seeds is not None, "a device that runs has keys"
    if seeds.spare is not None:
        return Ed25519Signer(seeds.spare), False
    spare = keystore.generate().voter
    keystore.store(directory, replace(seeds, spare=spare))
    return Ed25519Signer(spare), True


def drop_spare_voter_key(directory: Path) -> None:
    """Forget a voter key that was refused before anybody was asked for it."""
    seeds = keystore.load(directory)
    assert seeds is not None, "a device that runs has keys"
    keystore.store(directory, replace(seeds, spare=None))


def adopt_voter_key(directory: Path, journal: FileJournal) -> None:
    """Put the spare voter key, which the circle decided, in the place of the other one for good.

    The journal first: between the two it tells which key is to be used (`_adopted`).
    """
    seeds = keystore.load(directory)
    assert seeds is not None, "a device that runs has keys"
    assert seeds.spare is not None, "decided because this device asked"
    journal.begin_anew(VoterKey(Ed25519Signer(seeds.spare).public))
    keystore.store(directory, replace(seeds, voter=seeds.spare, spare=None))


def _adopted(directory: Path, seeds: keystore.Seeds) -> keystore.Seeds:
    """Return the seeds, after what a loss of power left undone: the journal is the spare's."""
    path = directory / FILE_NAME
    if seeds.spare is None or not path.exists():
        return seeds
    first = replay_file(path).records[:1]
    if first != (records.Opened(VoterKey(Ed25519Signer(seeds.spare).public)),):
        return seeds
    seeds = replace(seeds, voter=seeds.spare, spare=None)
    keystore.store(directory, seeds)
    return seeds
