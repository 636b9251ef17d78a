"""What a device starts from: its keys, its place in the circle, and what its journal tells."""

from collections.abc import Sequence
from dataclasses import dataclass

from smilesync.circle.circumstances import Circumstances
from smilesync.circle.genesis import Genesis
from smilesync.circle.state import EMPTY
from smilesync.circle.value import decode_value
from smilesync.commands import DEFAULT_SWITCHES, EmotionState, Switch
from smilesync.config import CircleConfig
from smilesync.keys import Signer, Verifier
from smilesync.light import conditions
from smilesync.wire import records
from smilesync.wire.records import Record


@dataclass(frozen=True, slots=True)
class Keys:
    """Who a device is: its identity, and its voter key if it is to vote in a circle."""

    identity: Signer
    voter: Signer | None = None


def circumstances(
    config: CircleConfig, keys: Keys, verifier: Verifier, genesis: Genesis
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
    )


def is_foreign(journal: Sequence[Record], keys: Keys) -> bool:
    """Does the journal belong to another voter key? Then it says nothing about this one's votes."""
    opened = [record.voter for record in journal if isinstance(record, records.Opened)]
    return keys.voter is not None and any(voter != keys.voter.public for voter in opened)


def floor_us_of(journal: Sequence[Record]) -> int:
    """Return the circle time that the clock may have reached before: it never runs below it."""
    floor_us = 0
    for record in journal:
        match record:
            case records.ClockReserved(until_us):
                floor_us = max(floor_us, until_us)
            case records.Notarized(_, _, _, body) | records.DecidedRecord(_, body, _):
                floor_us = max(floor_us, decode_value(body).not_after_us)
            case _:
                pass
    return floor_us


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
