"""Consent: off acts at once, is told at once, and stays."""

import pytest

from smilesync.commands import DEFAULT_SWITCHES, EmotionState, Feel, SetConsent, Switch
from smilesync.config import SECOND_NS
from smilesync.effects import Event, Persist, Send
from smilesync.emotion import statement
from smilesync.emotion.consent import Consent
from smilesync.emotion.statement import Statement
from smilesync.errors import LocalError, Unwelcome
from smilesync.ids import PeerId
from smilesync.wire.messages import ObjectKind
from smilesync.wire.records import ConsentSet
from support.boards import (
    SHARE_OFF,
    SHARE_ON,
    Company,
    board_of,
    carried_in,
    notices_in,
    records_in,
    signer_of,
)

ANN, BOB = 0, 1


def test_a_new_device_shows_and_joins_but_says_nothing() -> None:
    switches = board_of(ANN).switches

    assert switches == DEFAULT_SWITCHES
    assert Switch.SHARE not in switches
    assert Switch.SUGGEST not in switches


@pytest.mark.spec("CNS-003", "CNS-004")
@pytest.mark.parametrize("switch", list(Switch))
def test_each_switch_turns_at_once_and_is_journaled(switch: Switch) -> None:
    consent = Consent(DEFAULT_SWITCHES)
    was_on = consent.allows(switch)

    effects = consent.set(SetConsent(switch, not was_on))
    again = consent.set(SetConsent(switch, not was_on))

    assert consent.allows(switch) is not was_on
    assert records_in(effects) == [ConsentSet(int(DEFAULT_SWITCHES ^ switch))]
    assert [notice.event for notice in notices_in(effects)] == [Event.CONSENT_CHANGED]
    assert again == []


@pytest.mark.parametrize("switch", [Switch(0), Switch.SHOW | Switch.SHARE])
def test_several_switches_at_once_are_refused(switch: Switch) -> None:
    consent = Consent(DEFAULT_SWITCHES)

    with pytest.raises(LocalError):
        consent.set(SetConsent(switch, True))

    assert consent.switches == DEFAULT_SWITCHES


@pytest.mark.spec("CNS-001", "CNS-004", "CNS-005")
def test_a_withdrawal_is_sent_at_once_to_all_after_the_record() -> None:
    board = board_of(ANN)
    names = [PeerId(signer_of(index).public) for index in (1, 2, 3)]
    for name in names:
        board.connected(name, 0)
    board.command(SHARE_ON, 0)

    effects = board.command(SHARE_OFF, SECOND_NS)

    assert [type(effect) for effect in effects if isinstance(effect, (Persist, Send))] == [
        Persist,
        Send,
        Send,
        Send,
    ]
    assert {carried.kind for carried in carried_in(effects)} == {ObjectKind.CONSENT}
    assert [effect.to for effect in effects if isinstance(effect, Send)] == names


@pytest.mark.spec("CNS-005")
def test_a_withdrawal_is_repeated_and_then_ends() -> None:
    room = Company(2)
    room.command(ANN, SHARE_ON)
    room.run(1)
    room.sent.clear()

    room.command(ANN, SHARE_OFF)
    room.run(100)

    after = [when_ns // SECOND_NS - 1 for when_ns, *_ in room.sent]
    assert after == [0, 1, 3, 7, 15]
    assert len({carried for *_, carried in room.sent}) == 1
    assert not room.refused


@pytest.mark.spec("CNS-005", "CNS-006")
def test_a_withdrawal_reaches_who_was_cut_off_when_the_link_returns() -> None:
    room = Company(2)
    room.command(ANN, SHARE_ON)
    room.run(0.1)
    room.cut = {(ANN, BOB)}
    room.command(ANN, SHARE_OFF)
    room.run(10)
    held = room.heard(BOB, ANN)

    room.cut.clear()
    room.reconnect(ANN, BOB)

    assert held is EmotionState.NEUTRAL
    assert room.heard(BOB, ANN) is None


@pytest.mark.spec("CNS-005")
def test_sharing_again_stops_the_withdrawal() -> None:
    room = Company(2)
    room.command(ANN, SHARE_ON)
    room.run(0.5)
    room.command(ANN, SHARE_OFF)
    room.run(0.2)
    room.sent.clear()

    room.command(ANN, SHARE_ON)
    early = room.heard(BOB, ANN)
    room.run(5)

    assert early is None, "not sooner than two seconds after the last statement"
    assert [carried.kind for *_, carried in room.sent] == [ObjectKind.EMOTION]
    assert room.heard(BOB, ANN) is EmotionState.NEUTRAL


@pytest.mark.spec("CNS-005")
def test_switching_off_soon_after_a_restart_withdraws_what_an_earlier_life_said() -> None:
    room = Company(2)
    room.command(ANN, SHARE_ON)
    room.run(5)
    room.restart(ANN)

    room.command(ANN, SHARE_OFF)

    assert room.heard(BOB, ANN) is None


@pytest.mark.spec("CNS-006")
def test_toggling_fast_leaves_nothing_held() -> None:
    room = Company(2)
    for _ in range(20):
        room.command(ANN, SHARE_ON)
        room.command(ANN, SHARE_OFF)
        room.run(0.05)

    room.run(20)

    assert room.heard(BOB, ANN) is None
    assert Switch.SHARE not in room.boards[ANN].switches


@pytest.mark.spec("CNS-007")
def test_a_stale_emotion_is_refused_after_the_withdrawal() -> None:
    board = board_of(ANN)
    signer, name = signer_of(BOB), PeerId(signer_of(BOB).public)
    board.connected(name, 0)
    stale = [statement.write(Statement(n, EmotionState.HIGH), signer) for n in range(3)]
    board.handle_carried(stale[0], name, 0)
    board.handle_carried(statement.write(Statement(3, None), signer), name, 0)

    for number, carried in enumerate(stale):
        with pytest.raises(Unwelcome, match="EMO-011"):
            board.handle_carried(carried, name, number * 20 * SECOND_NS)
    board.disconnected(name, 60 * SECOND_NS)
    board.connected(name, 61 * SECOND_NS)
    with pytest.raises(Unwelcome, match="EMO-011"):
        board.handle_carried(stale[2], name, 61 * SECOND_NS)

    assert board.held(61 * SECOND_NS) == ()


@pytest.mark.spec("CNS-003", "EMO-020")
def test_off_acts_in_full_partition() -> None:
    board = board_of(ANN)
    board.command(SHARE_ON, 0)

    board.command(SHARE_OFF, 1)
    board.command(SetConsent(Switch.SHOW, False), 1)
    board.command(Feel(EmotionState.HIGH), 1)

    assert Switch.SHARE not in board.switches
    assert Switch.SHOW not in board.switches
    while board.deadline_ns < 100 * SECOND_NS:
        assert not carried_in(board.wake(board.deadline_ns))


@pytest.mark.spec("CNS-004")
def test_switches_are_as_they_were_after_a_restart() -> None:
    room = Company(2)
    room.command(ANN, SHARE_ON)
    room.command(ANN, SetConsent(Switch.LIT, False))
    room.command(ANN, SHARE_OFF)

    room.restart(ANN)
    room.sent.clear()
    room.run(60)

    assert room.boards[ANN].switches == DEFAULT_SWITCHES & ~Switch.LIT
    assert not room.sent
