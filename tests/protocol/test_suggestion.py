"""Suggestions of a sensor: asked, answered or forgotten, and never shared."""

import pytest

from smilesync.commands import AnswerSuggestion, EmotionState, Feel, SetConsent, Suggest, Switch
from smilesync.config import SECOND_NS
from smilesync.effects import Event
from smilesync.emotion.board import EmotionBoard
from smilesync.emotion.suggestion import Suggestions
from smilesync.errors import LocalError
from smilesync.ids import PeerId
from support.boards import CONFIG, SHARE_ON, board_of, carried_in, notices_in, records_in, signer_of

E = EmotionState
LISTEN = SetConsent(Switch.SUGGEST, True)


def _listening() -> EmotionBoard:
    board = board_of(0)
    board.command(LISTEN, 0)
    return board


@pytest.mark.spec("EMO-031")
@pytest.mark.parametrize(
    ("state", "activated", "expected"),
    [
        (E.CALM, True, E.EXCITED),
        (E.NEUTRAL, True, E.EXCITED),
        (E.LOW, True, E.HIGH),
        (E.EXCITED, True, None),
        (E.HIGH, True, None),
        (E.EXCITED, False, E.CALM),
        (E.NEUTRAL, False, E.CALM),
        (E.HIGH, False, E.LOW),
        (E.CALM, False, None),
        (E.LOW, False, None),
    ],
)
def test_arousal_keeps_its_side_of_the_pleasant_axis(
    state: E, activated: bool, expected: E | None
) -> None:
    suggestions = Suggestions(CONFIG)

    is_new = suggestions.offer(state, 0, activated=activated)

    pending = suggestions.pending
    assert (pending.state if pending else None) is expected
    assert is_new is (expected is not None)


@pytest.mark.spec("EMO-030")
def test_a_sensor_is_refused_while_its_switch_is_off() -> None:
    board = board_of(0)

    with pytest.raises(LocalError):
        board.command(Suggest(True), 0)

    assert board.suggestion is None


@pytest.mark.spec("EMO-034")
def test_an_accepted_suggestion_is_displayed_and_never_shared_or_journaled() -> None:
    board = _listening()
    board.connected(PeerId(signer_of(1).public), 0)
    board.command(SHARE_ON, 0)

    asked = board.command(Suggest(True), SECOND_NS)
    accepted = board.command(AnswerSuggestion(True), 2 * SECOND_NS)
    later = board.wake(board.deadline_ns)

    assert [notice.event for notice in notices_in(asked)] == [Event.SUGGESTION]
    assert board.state is E.EXCITED
    assert not records_in(accepted)
    assert not carried_in(accepted)
    assert [carried.body for carried in carried_in(later)] == [b"\xa2\x01\x01\x02\x02"]
    assert board.counts(3 * SECOND_NS, ()) == (0, 0, 1, 0, 0)
    board.command(Feel(E.NEUTRAL), 4 * SECOND_NS)
    assert board.state is E.NEUTRAL


def test_a_dismissed_suggestion_changes_nothing() -> None:
    board = _listening()
    board.command(Suggest(True), 0)

    board.command(AnswerSuggestion(False), 0)

    assert board.state is E.NEUTRAL
    assert board.suggestion is None
    with pytest.raises(LocalError):
        board.command(AnswerSuggestion(True), 0)


@pytest.mark.spec("EMO-032")
def test_an_unanswered_question_is_dropped_after_two_minutes() -> None:
    board = _listening()
    board.command(Suggest(True), 0)
    revision = board.revision

    assert board.deadline_ns == 120 * SECOND_NS
    with pytest.raises(LocalError):
        board.command(AnswerSuggestion(True), 120 * SECOND_NS)
    board = _listening()
    board.command(Suggest(True), 0)
    board.wake(120 * SECOND_NS)

    assert board.suggestion is None
    assert board.state is E.NEUTRAL
    assert board.revision > revision


@pytest.mark.spec("EMO-033")
def test_a_question_is_not_asked_again_within_thirty_seconds() -> None:
    board = _listening()
    board.command(Suggest(True), 0)
    board.command(AnswerSuggestion(True), SECOND_NS)

    early = board.command(Suggest(False), 29 * SECOND_NS)
    late = board.command(Suggest(False), 30 * SECOND_NS)

    assert early == []
    assert [notice.event for notice in notices_in(late)] == [Event.SUGGESTION]
    assert board.command(Suggest(False), 70 * SECOND_NS) == [], "it is being asked already"
    board.command(AnswerSuggestion(True), 71 * SECOND_NS)
    assert board.state is E.CALM


@pytest.mark.spec("CNS-008")
def test_switching_suggestions_off_drops_the_question() -> None:
    board = _listening()
    board.command(Suggest(True), 0)

    board.command(SetConsent(Switch.SUGGEST, False), 0)

    assert board.suggestion is None
