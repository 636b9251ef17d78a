"""The emotion board: what is stated, when, and what is taken from others."""

from dataclasses import replace
from itertools import pairwise

import pytest

from smilesync.commands import EmotionState, Feel, Suggest, Switch
from smilesync.config import SECOND_NS
from smilesync.effects import Event, Persist, Send
from smilesync.emotion import statement
from smilesync.emotion.hearing import Hearing
from smilesync.emotion.statement import Statement
from smilesync.errors import LocalError, RemoteError, Unauthentic, Unwelcome
from smilesync.ids import NO_CIRCLE, PeerId
from smilesync.keys import Ed25519Verifier
from smilesync.wire import cbor, envelope
from smilesync.wire.messages import Carried, ObjectKind
from smilesync.wire.records import Felt, SequenceReserved
from support.boards import (
    CONFIG,
    SHARE_OFF,
    SHARE_ON,
    Company,
    board_of,
    carried_in,
    notices_in,
    records_in,
    signer_of,
)
from support.vectors import Case, by_name, load

ANN, BOB = 0, 1


def _said(sequence: int, state: EmotionState | None, index: int = BOB) -> Carried:
    return statement.write(Statement(sequence, state), signer_of(index))


def _name(index: int) -> PeerId:
    return PeerId(signer_of(index).public)


@pytest.mark.spec("EMO-001", "EMO-002", "EMO-003", "EMO-013", "CNS-001", "CNS-002")
@pytest.mark.parametrize("case", load("emotion"), ids=by_name)
def test_carried_objects_are_taken_refused_or_ignored_as_published(case: Case) -> None:
    board = board_of(ANN)
    given = case["given"]
    carried = envelope.decode(bytes.fromhex(str(given["object"])))
    sender = PeerId(bytes.fromhex(str(given["sender"])))
    board.connected(sender, 0)
    for earlier in given.get("before", []) or []:  # type: ignore[union-attr]  # a list of hex
        board.handle_carried(envelope.decode(bytes.fromhex(str(earlier))), sender, 0)
    before = (board.held(0), board.revision)

    rule = None
    try:
        board.handle_carried(carried, sender, 0)
    except RemoteError as error:
        rule = error.rule

    assert rule == case.get("error")
    if case["expect"] != "accept":
        assert (board.held(0), board.revision) == before
    held = {peer.hex(): int(state) for peer, state in board.held(0)}
    assert held == (case.get("result") or {}).get("held", {})


@pytest.mark.spec("EMO-020")
def test_nothing_is_said_without_consent() -> None:
    room = Company(3)

    for state in EmotionState:
        room.command(ANN, Feel(state))
        room.run(11)

    assert not room.sent
    assert room.boards[BOB].held(room.now_ns) == ()


@pytest.mark.spec("EMO-021", "EMO-023", "EMO-014")
def test_sharing_says_neutral_until_the_wearer_says_more() -> None:
    room = Company(3)

    room.command(ANN, SHARE_ON)
    first = room.heard(BOB, ANN)
    room.run(3)
    room.command(ANN, Feel(EmotionState.LOW))

    assert first is EmotionState.NEUTRAL
    assert room.heard(BOB, ANN) is room.heard(2, ANN) is EmotionState.LOW
    assert not room.refused


@pytest.mark.spec("EMO-021", "EMO-004")
def test_a_shared_emotion_is_stated_again_within_ten_seconds_with_higher_numbers() -> None:
    room = Company(2)
    room.command(ANN, SHARE_ON)

    room.run(300)

    times = [when_ns for when_ns, *_ in room.sent]
    gaps = [b - a for a, b in pairwise(times)]
    assert all(8 * SECOND_NS <= gap <= 10 * SECOND_NS for gap in gaps)
    assert len(set(gaps)) > 10, "a crowd does not speak at once"
    numbers = [statement.read(carried).sequence for *_, carried in room.sent]
    assert numbers == sorted(set(numbers))
    assert room.heard(BOB, ANN) is EmotionState.NEUTRAL


@pytest.mark.spec("EMO-022", "EMO-012")
def test_of_many_changes_the_last_is_stated_two_seconds_later() -> None:
    room = Company(2)
    room.command(ANN, SHARE_ON)

    for state in (EmotionState.HIGH, EmotionState.LOW, EmotionState.CALM):
        room.run(0.25)
        room.command(ANN, Feel(state))
    at_once = room.heard(BOB, ANN)
    room.run(1.3)

    assert at_once is EmotionState.NEUTRAL
    assert room.heard(BOB, ANN) is EmotionState.CALM
    assert [when_ns for when_ns, *_ in room.sent] == [0, 2 * SECOND_NS]
    assert not room.refused


@pytest.mark.spec("EMO-012")
def test_a_flood_of_statements_is_refused_before_the_signature() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    for sequence in range(3):
        board.handle_carried(_said(sequence, EmotionState.HIGH), _name(BOB), 0)

    for sequence in range(3, 100):
        with pytest.raises(Unwelcome, match="EMO-012"):
            board.handle_carried(_said(sequence, EmotionState.LOW), _name(BOB), SECOND_NS)

    assert board.held(SECOND_NS) == ((_name(BOB), EmotionState.HIGH),)
    board.handle_carried(_said(200, EmotionState.LOW), _name(BOB), 2 * SECOND_NS)
    assert board.held(SECOND_NS) == ((_name(BOB), EmotionState.LOW),)


@pytest.mark.spec("EMO-012", "CNS-006")
def test_a_withdrawal_is_taken_even_when_emotions_used_up_their_allowance() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    for sequence in range(3):
        board.handle_carried(_said(sequence, EmotionState.HIGH), _name(BOB), 0)

    board.handle_carried(_said(3, None), _name(BOB), 0)

    assert board.held(0) == ()


@pytest.mark.spec("EMO-011")
def test_a_copy_is_ignored_and_an_older_statement_refused() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    new, old = _said(7, EmotionState.HIGH), _said(6, EmotionState.LOW)
    board.handle_carried(new, _name(BOB), 0)
    revision = board.revision

    copied = board.handle_carried(new, _name(BOB), 20 * SECOND_NS)
    with pytest.raises(Unwelcome, match="EMO-011"):
        board.handle_carried(old, _name(BOB), 20 * SECOND_NS)

    assert copied == []
    assert board.revision == revision
    assert board.held(31 * SECOND_NS) == (), "a copy does not prolong the lifetime"


def test_a_copy_is_of_the_last_word_of_a_neighbour_while_nothing_expires() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    board.connected(_name(2), 0)
    old, new = _said(6, EmotionState.LOW), _said(7, EmotionState.HIGH)
    for word in (old, new):
        board.handle_carried(word, _name(BOB), 0)

    assert board.holds(new, _name(BOB), 20 * SECOND_NS)
    assert board.holds(replace(new), _name(BOB), 20 * SECOND_NS), "whoever made the object"
    assert not board.holds(old, _name(BOB), 20 * SECOND_NS)
    assert not board.holds(replace(new, signature=bytes(64)), _name(BOB), 20 * SECOND_NS)
    assert not board.holds(new, _name(2), 20 * SECOND_NS)
    assert not board.holds(new, _name(BOB), board.deadline_ns)
    board.disconnected(_name(BOB), 20 * SECOND_NS)
    assert not board.holds(new, _name(BOB), 20 * SECOND_NS)


@pytest.mark.spec("EMO-010")
def test_a_statement_is_refused_on_any_link_but_its_signers() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    board.connected(_name(2), 0)

    with pytest.raises(Unwelcome, match="EMO-010"):
        board.handle_carried(_said(1, EmotionState.HIGH), _name(2), 0)
    with pytest.raises(Unwelcome, match="EMO-010"):
        board.handle_carried(_said(1, EmotionState.HIGH, 5), _name(5), 0)

    assert board.held(0) == ()


@pytest.mark.spec("EMO-010")
def test_a_statement_without_a_link_is_refused_even_from_who_is_remembered() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    board.disconnected(_name(BOB), 0)

    with pytest.raises(Unwelcome, match="EMO-010"):
        board.handle_carried(_said(1, EmotionState.HIGH), _name(BOB), 0)

    assert board.held(0) == ()


@pytest.mark.spec("EMO-010")
def test_nothing_is_forwarded() -> None:
    board = board_of(ANN)
    for index in range(1, 6):
        board.connected(_name(index), 0)

    effects = board.handle_carried(_said(1, EmotionState.HIGH), _name(BOB), 0)

    assert carried_in(effects) == []
    assert [notice.event for notice in notices_in(effects)] == [Event.EMOTION_HEARD]


@pytest.mark.spec("EMO-013")
def test_a_forged_statement_does_not_censor_the_true_one() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    true = _said(5, EmotionState.HIGH)
    forged = Carried(true.kind, true.signer, true.body, bytes(64))

    with pytest.raises(Unauthentic):
        board.handle_carried(forged, _name(BOB), 0)
    board.handle_carried(true, _name(BOB), 0)

    assert board.held(0) == ((_name(BOB), EmotionState.HIGH),)


@pytest.mark.spec("EMO-001", "EMO-013")
def test_a_statement_of_another_kind_circle_or_epoch_is_refused() -> None:
    body: dict[int, cbor.CborValue] = {1: 9, 2: 1}
    raw = cbor.encode(body)
    signer = signer_of(BOB)
    wrong = [
        (envelope.Domain.CONSENT, NO_CIRCLE, 0),
        (envelope.Domain.EMOTION, type(NO_CIRCLE)(b"\1" * 32), 0),
        (envelope.Domain.EMOTION, NO_CIRCLE, 1),
    ]
    for domain, circle, epoch in wrong:
        board = board_of(ANN)
        board.connected(_name(BOB), 0)
        data = envelope.signed_bytes(domain, raw, circle=circle, epoch=epoch)
        carried = Carried(ObjectKind.EMOTION, _name(BOB), raw, signer.sign(data))

        with pytest.raises(Unauthentic):
            board.handle_carried(carried, _name(BOB), 0)


@pytest.mark.spec("EMO-014")
def test_silence_is_withdrawal_after_thirty_seconds() -> None:
    room = Company(2)
    room.command(ANN, SHARE_ON)
    room.run(1)
    room.cut = {(ANN, BOB)}
    revision = room.boards[BOB].revision

    room.run(28.9)
    late = room.heard(BOB, ANN)
    room.run(0.2)

    assert late is EmotionState.NEUTRAL
    assert room.heard(BOB, ANN) is None
    assert room.boards[BOB].revision > revision


@pytest.mark.spec("EMO-014")
def test_a_word_outlives_its_link_but_not_its_lifetime() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    board.handle_carried(_said(1, EmotionState.HIGH), _name(BOB), 0)

    board.disconnected(_name(BOB), SECOND_NS)

    assert board.held(29 * SECOND_NS) == ((_name(BOB), EmotionState.HIGH),)
    assert board.held(30 * SECOND_NS) == ()
    notices = notices_in(board.wake(30 * SECOND_NS))
    assert [notice.event for notice in notices] == [Event.EMOTION_WITHDRAWN]


@pytest.mark.spec("EMO-015")
def test_leaving_and_coming_back_does_not_make_old_statements_new() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    old, new = _said(1, EmotionState.LOW), _said(2, EmotionState.HIGH)
    board.handle_carried(new, _name(BOB), 0)

    board.disconnected(_name(BOB), SECOND_NS)
    board.wake(100 * SECOND_NS)
    board.connected(_name(BOB), 100 * SECOND_NS)

    assert board.handle_carried(new, _name(BOB), 100 * SECOND_NS) == []
    with pytest.raises(Unwelcome, match="EMO-011"):
        board.handle_carried(old, _name(BOB), 100 * SECOND_NS)
    assert board.held(100 * SECOND_NS) == ()


@pytest.mark.spec("EMO-015")
def test_strangers_never_displace_a_neighbour_and_the_table_is_bounded() -> None:
    hearing = Hearing(CONFIG, Ed25519Verifier())
    hearing.connected(_name(BOB))
    hearing.take(_said(1, EmotionState.HIGH), _name(BOB), 0)

    for number in range(5_000):
        stranger = PeerId(number.to_bytes(32, "big"))
        hearing.connected(stranger)
        hearing.disconnected(stranger, number)

    assert len(hearing._voices) <= CONFIG.voices_max
    assert hearing.held(0) == [(_name(BOB), EmotionState.HIGH)]
    hearing.expire(200 * SECOND_NS)
    assert list(hearing._voices) == [_name(BOB)]


@pytest.mark.spec("EMO-005")
def test_a_reservation_is_durable_before_its_first_number_is_sent() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)
    effects = board.command(SHARE_ON, 0)
    now_ns = 0
    sent = 0
    below = 0

    while sent < 2_500:
        for effect in effects:
            if isinstance(effect, Persist):
                for record in records_in([effect]):
                    if isinstance(record, SequenceReserved):
                        assert record.below == below + 1024
                        below = record.below
            elif isinstance(effect, Send) and isinstance(effect.message, Carried):
                assert statement.read(effect.message).sequence == sent < below
                sent += 1
        now_ns = board.deadline_ns
        effects = board.wake(now_ns)

    assert below == 3 * 1024


@pytest.mark.spec("EMO-004", "EMO-005", "CNS-004")
def test_after_power_loss_sharing_goes_on_with_numbers_never_used() -> None:
    room = Company(2)
    room.command(ANN, SHARE_ON)
    room.command(ANN, Feel(EmotionState.HIGH))
    room.run(25)
    before = [statement.read(carried).sequence for *_, carried in room.sent]
    room.sent.clear()

    room.restart(ANN)
    room.run(1)

    after = [statement.read(carried).sequence for *_, carried in room.sent]
    assert after
    assert min(after) > max(before)
    assert room.heard(BOB, ANN) is EmotionState.HIGH
    assert not room.refused


@pytest.mark.spec("EMO-021")
def test_a_new_neighbour_hears_the_current_word_at_once() -> None:
    board = board_of(ANN)
    board.command(SHARE_ON, 0)

    effects = board.connected(_name(BOB), SECOND_NS)

    assert [e.to for e in effects if isinstance(e, Send)] == [_name(BOB)]
    assert not records_in(effects), "the same statement needs no new number"


@pytest.mark.spec("EMO-003")
def test_unknown_even_kinds_are_ignored_and_odd_ones_refused() -> None:
    board = board_of(ANN)
    board.connected(_name(BOB), 0)

    assert board.handle_carried(Carried(42, _name(BOB), b"x", bytes(64)), _name(BOB), 0) == []
    with pytest.raises(Unwelcome, match="EMO-003"):
        board.handle_carried(Carried(43, _name(BOB), b"x", bytes(64)), _name(BOB), 0)
    with pytest.raises(Unwelcome, match="EMO-001"):
        statement.read(Carried(42, _name(BOB), cbor.encode({}), bytes(64)))


@pytest.mark.spec("EMO-016")
def test_counts_hold_neighbours_and_the_wearer_only_while_sharing() -> None:
    room = Company(4)
    for index, state in ((0, EmotionState.LOW), (1, EmotionState.LOW), (2, EmotionState.CALM)):
        room.command(index, Feel(state))
        room.command(index, SHARE_ON)

    everybody = room.names
    assert room.boards[0].counts(0, everybody) == (1, 0, 0, 2, 0)
    assert room.boards[3].counts(0, everybody) == (1, 0, 0, 2, 0)
    room.command(0, SHARE_OFF)
    assert room.boards[0].counts(0, everybody) == (1, 0, 0, 1, 0)
    assert room.boards[3].counts(0, everybody) == (1, 0, 0, 1, 0)


@pytest.mark.spec("PAT-016")
def test_who_is_no_member_of_the_circle_is_not_counted() -> None:
    room = Company(4)
    for index, state in ((0, EmotionState.LOW), (1, EmotionState.LOW), (2, EmotionState.CALM)):
        room.command(index, Feel(state))
        room.command(index, SHARE_ON)

    assert room.boards[3].counts(0, (room.names[0], room.names[2])) == (1, 0, 0, 1, 0)
    assert room.boards[0].counts(0, ()) == (0, 0, 0, 1, 0)


def test_what_the_wearer_says_is_journaled_once_and_displayed() -> None:
    board = board_of(ANN)

    first = board.command(Feel(EmotionState.LOW), 0)
    second = board.command(Feel(EmotionState.LOW), 0)

    assert records_in(first) == [Felt(int(EmotionState.LOW))]
    assert second == []
    assert board.state is EmotionState.LOW


@pytest.mark.parametrize("number", [-1, 1 << 53])
def test_a_number_out_of_range_is_never_signed(number: int) -> None:
    with pytest.raises(LocalError):
        statement.write(Statement(number, EmotionState.CALM), signer_of(ANN))


def test_a_refused_command_changes_nothing() -> None:
    board = board_of(ANN)

    with pytest.raises(LocalError):
        board.command(Suggest(True), 0)

    assert board.revision == 0
    assert Switch.SUGGEST not in board.switches
