"""What the journals of one wearer say together at the start, and whom a word is for."""

import pytest

from smilesync.commands import (
    DEFAULT_SWITCHES,
    Command,
    EmotionState,
    Feel,
    SetConsent,
    SetOff,
    Switch,
)
from smilesync.ids import VoterKey
from smilesync.wearer import Recollection, audience, unsaid
from smilesync.wire import records
from smilesync.wire.records import Record


def journal(*kept: Record, is_amnesic: bool = False, has_left: bool = False) -> Recollection:
    opened = records.Opened(VoterKey(bytes(32)))
    return Recollection((opened, *kept), is_amnesic, has_left)


def consent(switches: Switch) -> Record:
    return records.ConsentSet(int(switches))


SHARES = DEFAULT_SWITCHES | Switch.SHARE
NO_COLLECTIVE = DEFAULT_SWITCHES & ~Switch.COLLECTIVE
UNSAID = {
    "one circle lacks nothing": ([journal(consent(SHARES))], [[]]),
    "off in one is off in all": (
        [journal(consent(SHARES)), journal(consent(SHARES & ~Switch.SHOW))],
        [[consent(SHARES & ~Switch.SHOW)], []],
    ),
    "given in one only is not given": (
        [journal(consent(SHARES)), journal(records.Shown(3))],
        [[consent(DEFAULT_SWITCHES)], []],
    ),
    "a new circle is told": (
        [journal(consent(SHARES), records.Felt(1), records.SequenceReserved(2048)), journal()],
        [[], [consent(SHARES), records.Felt(1), records.SequenceReserved(2048)]],
    ),
    "who lost its memory is told": (
        [journal(consent(SHARES)), journal(consent(DEFAULT_SWITCHES), is_amnesic=True)],
        [[], [consent(SHARES)]],
    ),
    "nobody remembers, so the less": (
        [journal(is_amnesic=True), journal(consent(NO_COLLECTIVE), is_amnesic=True)],
        [[consent(NO_COLLECTIVE)], []],
    ),
    "a circle that was left says nothing, and is given nothing": (
        [journal(consent(SHARES & ~Switch.LIT)), journal(consent(NO_COLLECTIVE), has_left=True)],
        [[], [consent(NO_COLLECTIVE & ~Switch.LIT)]],
    ),
    "a circle that was left is given nothing back": (
        [journal(consent(SHARES)), journal(consent(SHARES), has_left=True)],
        [[], [consent(NO_COLLECTIVE)]],
    ),
    "no number is used twice": (
        [journal(records.SequenceReserved(9)), journal(records.SequenceReserved(4))],
        [[], [records.SequenceReserved(9)]],
    ),
}


@pytest.mark.spec("DRV-016", "DRV-018")
@pytest.mark.parametrize(("journals", "lacking"), UNSAID.values(), ids=UNSAID.keys())
def test_at_the_start_all_journals_learn_what_the_wearer_said(
    journals: list[Recollection], lacking: list[list[Record]]
) -> None:
    assert unsaid(journals) == lacking


@pytest.mark.spec("DRV-016", "DRV-017")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        (SetConsent(Switch.COLLECTIVE, True), ["home"]),
        (SetConsent(Switch.SHARE, True), ["home"]),
        (SetConsent(Switch.COLLECTIVE, False), ["home", "team"]),
        (SetConsent(Switch.SHOW, True), ["home", "team"]),
        (SetOff(False), ["home", "team"]),
        (Feel(EmotionState.NEUTRAL), ["home", "team"]),
    ],
)
def test_only_what_is_given_in_a_circle_is_kept_from_one_that_was_left(
    command: Command, told: list[str]
) -> None:
    assert audience(command, ["home", "team"], {"team"}) == told
