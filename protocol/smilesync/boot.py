"""What a device starts from: its keys, its place in the circle, and what its journal tells."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smilesync.circle.circumstances import Circumstances, Matchmaker
from smilesync.circle.genesis import Genesis, decode_genesis
from smilesync.circle.provenance import Provenance, proven
from smilesync.circle.state import EMPTY
from smilesync.circle.value import decode_value, named
from smilesync.commands import DEFAULT_SWITCHES, EmotionState, Switch
from smilesync.config import CircleConfig
from smilesync.ids import CircleId
from smilesync.keys import Signer, Verifier
from smilesync.light import conditions
from smilesync.wire import records
from smilesync.wire.records import Record


@dataclass(frozen=True, slots=True)
class Keys:
    """Who a device is: its identity, and its voter key if it is to vote in a circle.

    `spare`: the voter key that it asks for, or asked for, in the place of that one.
    """

    identity: Signer
    voter: Signer | None = None
    spare: Signer | None = None


def circumstances(
    config: CircleConfig,
    keys: Keys,
    verifier: Verifier,
    genesis: Genesis,
    matchmaker: Matchmaker | None = None,
) -> Circumstances:
    """Return this device's place in the circle at its founding; without a seat it listens."""
    roster = genesis.roster
    index = roster.place_of(keys.voter.public) if keys.voter is not None else None
    return Circumstances(
        config=config,
        roster=roster,
        parameters=genesis.parameters,
        state=EMPTY,
        me=index,
        signer=keys.voter,
        verifier=verifier,
        check_pattern=conditions.check,
        identity=keys.identity,
        matchmaker=matchmaker,
        spare=keys.spare,
    )


def in_force(
    genesis: Genesis, journal: Sequence[Record], verifier: Verifier
) -> tuple[Genesis, list[Record]]:
    """Return the genesis of the circle that the device is in, and the records that bind it there.

    That of the person's file, or the last successor of it that the journal says the device moved
    to. A journal of a device that was given another file since says nothing of it.
    """
    moved = [i for i, record in enumerate(journal) if isinstance(record, records.Moved)]
    last = journal[moved[-1]] if moved else None
    if not isinstance(last, records.Moved) or last.origin != genesis.circle_id:
        return genesis, list(journal)
    before = [one for one in journal[: moved[-1]] if not isinstance(one, records.CIRCLE_BOUND)]
    return decode_genesis(last.genesis, verifier), before + list(journal[moved[-1] + 1 :])


def forebears(
    genesis: Genesis, journal: Sequence[Record], verifier: Verifier
) -> tuple[Genesis, ...]:
    """Return the circles that the device was in before the one it is in, the oldest first.

    As far as the journal keeps them (SUC-044); none if it never moved.
    """
    moved = [one for one in journal if isinstance(one, records.Moved)]
    if not moved or moved[-1].origin != genesis.circle_id:
        return ()
    before = [one for one in moved[:-1] if one.origin == genesis.circle_id]
    return (genesis, *(decode_genesis(one.genesis, verifier) for one in before))


def has_abandoned(journal: Sequence[Record], circle: CircleId) -> bool:
    """Did the device give up this circle for a successor?"""
    return any(isinstance(one, records.Abandoned) and one.circle == circle for one in journal)


def usable(keys: Keys, journal: Sequence[Record]) -> Keys:
    """Return the keys without a voter key that was given up and could not be erased in time."""
    given_up = {one.voter for one in journal if isinstance(one, records.Abandoned)}
    is_burnt = keys.voter is not None and keys.voter.public in given_up
    return replace(keys, voter=None, spare=None) if is_burnt else keys


def is_foreign(journal: Sequence[Record], keys: Keys) -> bool:
    """Does the journal belong to another voter key? Then it says nothing about this one's votes."""
    opened = [record.voter for record in journal if isinstance(record, records.Opened)]
    return keys.voter is not None and any(voter != keys.voter.public for voter in opened)


def floor_us_of(journal: Sequence[Record]) -> int:
    """Return the circle time that the clock may have reached before: it never runs below it."""
    floor_us = 0
    for record in journal[_elsewhere(journal) :]:
        match record:
            case records.ClockReserved(until_us):
                floor_us = max(floor_us, until_us)
            case records.Notarized(_, _, _, body) | records.DecidedRecord(_, body, _):
                floor_us = max(floor_us, decode_value(body).not_after_us)
            case _:
                pass
    return floor_us


def _elsewhere(journal: Sequence[Record]) -> int:
    """Return where what was said of the present time begins: a merger led to another one."""
    moves = [i for i, record in enumerate(journal) if isinstance(record, records.Moved)]
    last = moves[-1] if moves else 0
    left = [i for i, one in enumerate(journal[:last]) if ends(one)]
    return left[-1] if left else 0


def ends(record: Record) -> bool:
    """Does a record tell that a circle ended, and why the device left it?"""
    return isinstance(record, records.Proven) and named(record.body).value.is_last


def agreement(journal: Sequence[Record]) -> bool | None:
    """Return whether the wearer agrees to mergers; None if never asked."""
    said = [one.agrees for one in journal if isinstance(one, records.MergingSet)]
    return said[-1] if said else None


def known_by(proof: Provenance) -> list[Record]:
    """Return what the journal of a device says that was shown a proof, and nothing else."""
    *links, (decided, certificate, by) = proof.steps
    slot = decided.value.slot
    return [
        *(proven(link) for link in links),
        records.Seated(slot, by.body, None),
        records.DecidedRecord(slot, decided.body, certificate),
    ]


def wearer_of(journal: Sequence[Record]) -> tuple[Switch, EmotionState, int]:
    """Return the wearer's switches, state, and the first unused object sequence number."""
    switches, state, below = DEFAULT_SWITCHES, EmotionState.NEUTRAL, 0
    for record in journal:
        match record:
            case records.ConsentSet(bits):
                switches = Switch(bits)
            case records.Felt(felt):
                state = EmotionState(felt)
            case records.SequenceReserved(reserved):
                below = max(below, reserved)
            case _:
                pass
    return switches, state, below
