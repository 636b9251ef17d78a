"""The checks hear of every record that one of them judges, and of no other."""

import pytest

from smilesim.checks import UNWATCHED_KINDS
from smilesim.retention import PLACE_OF_KIND
from smilesync.ids import ValueHash, VoterKey
from smilesync.wire import records
from smilesync.wire.messages import VoteKind, VoteSet
from smilesync.wire.records import (
    Amnesia,
    ClockReserved,
    ConsentSet,
    DecidedRecord,
    Felt,
    Finalized,
    Notarized,
    Nullified,
    Opened,
    Record,
    SequenceReserved,
    Shown,
)

HASH = ValueHash(bytes(32))
VOTES = VoteSet(VoteKind.NOTARIZE, 1, HASH, 1, (bytes(64),))


@pytest.mark.parametrize(
    ("record", "is_watched"),
    [
        (Opened(VoterKey(bytes(32))), False),
        (Notarized(1, 1, HASH, b"body"), True),
        (Nullified(1, 1), True),
        (Finalized(1, 1, HASH, VOTES), True),
        (DecidedRecord(1, b"body", VOTES), True),
        (Shown(1), False),
        (ClockReserved(1), True),
        (SequenceReserved(1), False),
        (ConsentSet(1), True),
        (Felt(1), True),
        (Amnesia(), False),
    ],
)
def test_only_records_that_a_check_judges_are_read(record: Record, is_watched: bool) -> None:
    kind = records.encode(record)[PLACE_OF_KIND]

    assert (kind not in UNWATCHED_KINDS) == is_watched
