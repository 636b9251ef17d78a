"""What a device has on its disk for each circle, and what all of it says of the one wearer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from smilesync import boot
from smilesync.commands import Switch
from smilesync.ids import VoterKey
from smilesync.keys import Ed25519Signer, Signer
from smilesync.wire import records
from smilesync.wire.records import Record
from smilesyncd import keystore, statedir
from smilesyncd.journal import FileJournal, Opening, open_journal
from smilesyncd.settings import Settings

IN_A_CIRCLE = Switch.SHARE | Switch.COLLECTIVE
"""What leaving a circle withdraws there, and there only."""


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
    renewed = replace(seeds, voter=keystore.generate().voter)
    signer = Ed25519Signer(renewed.voter)
    journal.begin_anew(VoterKey(signer.public))
    keystore.store(directory, renewed)
    return signer


def unsaid(openings: Sequence[Opening], has_left: Sequence[bool]) -> list[list[Record]]:
    """Return for each journal what it lacks of what the wearer said, to be made durable first.

    A switch is on if every journal that can know says so: power may have failed between two of
    them. Who never ran does not know, nor who lost its memory while another did not; a circle that
    was left says nothing of the others. No number is used twice, whichever link it went over.
    """
    told = [boot.wearer_of(opening.records) for opening in openings]
    known = [
        wearer
        for wearer, opening, is_left in zip(told, openings, has_left, strict=True)
        if opening.amnesia is None and len(opening.records) > 1 and not is_left
    ]
    common = known or told
    switches = common[0][0]
    for allowed, _, _ in common:
        switches &= allowed
    felt = common[0][1]
    below = max(reserved for _, _, reserved in told)
    lacking: list[list[Record]] = []
    for wearer, is_left in zip(told, has_left, strict=True):
        own, own_felt, own_below = wearer
        wanted = switches & ~IN_A_CIRCLE if is_left else switches
        lacks: list[Record] = []
        if wanted != own:
            lacks.append(records.ConsentSet(int(wanted)))
        if felt != own_felt:
            lacks.append(records.Felt(int(felt)))
        if below != own_below:
            lacks.append(records.SequenceReserved(below))
        lacking.append(lacks)
    return lacking
