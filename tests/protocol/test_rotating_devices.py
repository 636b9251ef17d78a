"""Whole devices that get another voter key: after lost memory, by choice, whenever power fails."""

from dataclasses import dataclass

import pytest

from smilesync.circle.circle import Circle
from smilesync.circle.former import Former
from smilesync.circle.genesis import Parameters, Policy
from smilesync.circle.state import Waiting
from smilesync.commands import Join, Leave, RotateKey
from smilesync.effects import AdoptVoterKey, Effect, Event, Rung
from smilesync.errors import LocalError
from smilesync.ids import PeerId, VoterKey
from smilesync.keys import Ed25519Signer
from smilesync.wire import records
from smilesync.wire.messages import Carried, Decided, ObjectKind, Piece, Status, Votes
from support.lab import SECOND_NS
from support.membership import faults
from support.street import Street


def _circle(street: Street, device: int) -> Circle:
    circle = street.peers[device].circle
    assert circle is not None
    return circle


def _is_voting(street: Street, device: int) -> bool:
    circle = _circle(street, device)
    key = street.pairs[device][1].public
    is_seated = circle.around.me is not None and circle.around.me == circle.roster.place_of(key)
    return is_seated and circle.guard.may_vote


def _has_rotated(street: Street, device: int) -> bool:
    """Does a device vote with the key it asked for?"""
    return device not in street.spares and _is_voting(street, device)


def _head(street: Street, device: int = 0) -> int:
    return _circle(street, device).chain.head().slot


def _assert_sound(street: Street) -> None:
    assert street.genesis is not None
    assert faults(street.genesis, street.journals, street.verifier)[0] == []


@pytest.mark.spec("RKY-006", "RKY-020", "RKY-022")
@pytest.mark.parametrize("policy", [Policy.CLOSED, Policy.OPEN])
def test_amnesic_voter_votes_again_with_another_key_and_the_next_crash_is_borne(
    policy: Policy,
) -> None:
    street = Street(4, parameters=Parameters(policy=policy))
    street.run(6)
    street.forget(3)
    street.run(3)
    assert street.peers[3].statistics(street.local_ns(3)).is_amnesic
    old = street.pairs[3][1].public

    street.rotate(3)
    street.run(20)

    assert _has_rotated(street, 3)
    assert not street.peers[3].statistics(street.local_ns(3)).is_amnesic
    assert _circle(street, 0).roster.place_of(old) is None
    assert any(d == 3 and n.event is Event.KEY_ROTATED for _, d, n in street.notices)
    head = _head(street)
    street.stop(1)
    street.run(40)
    assert _head(street) >= head + 2
    assert set(street.rungs()) == {Rung.COMMITTED}
    _assert_sound(street)


def test_without_another_key_the_next_crash_stops_the_circle() -> None:
    street = Street(4)
    street.run(6)
    street.forget(3)
    street.run(20)
    head = _head(street)
    street.stop(1)
    street.run(40)
    assert _head(street) <= head + 1
    assert Rung.COMMITTED not in street.rungs()


def test_healthy_voter_takes_another_key_and_the_light_goes_on() -> None:
    street = Street(4)
    street.run(6)
    street.rotate(0)
    street.run(30)
    assert _has_rotated(street, 0)
    assert set(street.rungs()) == {Rung.COMMITTED}
    _assert_sound(street)


class Spy(Ed25519Signer):
    """Notes in which slots a voter key signed a vote."""

    def __init__(self, seed: bytes) -> None:
        super().__init__(seed)
        self.slots: set[int] = set()

    def sign(self, data: bytes) -> bytes:
        domain, _, rest = data.partition(b"\0")
        if domain.endswith((b"notarize", b"nullify", b"finalize")):
            self.slots.add(int.from_bytes(rest[32:40], "big"))
        return super().sign(data)


class PowerCut(Exception):
    """Power failed in the middle of a turn."""


@dataclass
class Failing(Street):
    """Power fails at device 0 in the turn that gives it another key, after `cut` effects of it."""

    cut: int = -1
    count: int = 0
    """Effects of that turn."""

    def execute(self, device: int, effects: list[Effect]) -> None:
        is_it = device == 0 and any(isinstance(one, AdoptVoterKey) for one in effects)
        if not is_it or self.count:
            super().execute(device, effects)
            return
        self.count = len(effects)
        super().execute(device, effects if self.cut < 0 else effects[: self.cut])
        if self.cut >= 0:
            self.stop(device)
            raise PowerCut


def _spied(street: Street) -> tuple[Spy, Spy]:
    """Let device 0 start anew with voter keys that are watched; returns both."""
    index = next(i for i in range(4) if Spy(bytes([2, i]) * 16).public == street.pairs[0][1].public)
    old, spare = Spy(bytes([2, index]) * 16), Spy(b"spare" * 6 + b"!!")
    street.stop(0)
    street.pairs[0] = street.pairs[0][0], old
    street.spares[0] = spare
    return old, spare


def _rotated_by_power_loss_at(cut: int, *, is_amnesic: bool) -> tuple[Failing, Spy, Spy]:
    street = Failing(4, cut=cut)
    street.run(6)
    old, spare = _spied(street)
    street.start(0)
    if is_amnesic:
        street.forget(0)
    try:
        street.run(30)
    except PowerCut:
        street.run(3)
        street.start(0)
    street.run(30)
    return street, old, spare


@pytest.mark.spec("RKY-022", "RKY-023")
@pytest.mark.parametrize("is_amnesic", [False, True])
def test_whenever_power_fails_no_slot_is_signed_with_both_keys(is_amnesic: bool) -> None:
    whole, _, _ = _rotated_by_power_loss_at(-1, is_amnesic=is_amnesic)
    assert whole.count > 4
    for cut in range(whole.count + 1):
        street, old, spare = _rotated_by_power_loss_at(cut, is_amnesic=is_amnesic)

        assert street.pairs[0][1] is spare, cut
        assert _is_voting(street, 0), cut
        assert spare.slots, cut
        assert not old.slots & spare.slots, cut
        assert max(old.slots, default=0) < min(spare.slots), cut
        assert set(street.rungs()) == {Rung.COMMITTED}, cut
        _assert_sound(street)


@pytest.mark.spec("RKY-023")
def test_new_key_signs_nothing_before_q_minus_one_others_answered_its_own_question() -> None:
    street = Street(4)
    street.run(6)
    asked = _circle(street, 0).guard.question
    _, spare = _spied(street)
    street.start(0)

    def passes(source: int, to: int, message: object) -> bool:
        return not (to == 0 and isinstance(message, Status) and message.answer)

    street.run(3)
    before = _circle(street, 0).guard.question
    street.passes = passes
    street.run(20)

    guard = _circle(street, 0).guard
    assert guard.question not in (asked, before)
    assert guard.is_asking
    assert spare.slots == set()
    street.passes = lambda source, to, message: True
    street.run(20)
    assert spare.slots
    assert _has_rotated(street, 0)


@pytest.mark.spec("RKY-012", "RKY-020", "RKY-021")
def test_wish_outlives_restarts_and_an_old_rotate_brings_no_key_back() -> None:
    street = Street(4)
    street.run(6)
    street.passes = lambda source, to, message: not _is_rotate(message)
    street.rotate(0)
    street.run(9)
    assert street.spares
    replayed = [m for _, source, _, m in street.sent if source == 0 and _is_rotate(m)]
    assert len({m.body for m in replayed if isinstance(m, Carried)}) > 1, "one for each head"
    street.stop(0)
    street.start(0)
    street.passes = lambda source, to, message: True
    street.run(25)
    assert _has_rotated(street, 0)

    for message in replayed:
        street.deliver(0, 1, message)

    assert street.peers[1].dropped["RKY-012"] == len(replayed)
    street.run(10)
    assert _is_voting(street, 0)
    _assert_sound(street)


def _is_rotate(message: object) -> bool:
    return isinstance(message, Carried) and message.kind == ObjectKind.ROTATE


@pytest.mark.spec("RKY-020", "RKY-021")
def test_key_is_asked_for_by_its_wearer_only() -> None:
    street = Street(4)
    street.run(6)
    street.forget(3)
    street.run(30)
    assert not any(_is_rotate(message) for *_, message in street.sent)


@pytest.mark.spec("RKY-020")
def test_device_without_a_place_or_that_leaves_asks_for_no_other_key() -> None:
    street = Street(5, members=4, parameters=Parameters(policy=Policy.OPEN))
    street.run(6)
    _refused(street, 4, "no seat")
    street.command(3, Leave(is_now=False))
    _refused(street, 3, "leaves")
    alone = Street(1, members=0)
    _refused(alone, 0, "no seat in a circle")


def _refused(street: Street, device: int, why: str) -> None:
    before = list(street.sent)
    with pytest.raises(LocalError, match=why):
        street.rotate(device)
    assert street.sent == before


@pytest.mark.spec("RKY-002", "RKY-020")
def test_second_wish_is_refused_while_one_is_under_way_and_for_long_after() -> None:
    street = Street(4)
    street.run(6)
    street.passes = lambda source, to, message: not _is_rotate(message)
    street.rotate(0)
    street.rotate(0)  # the same key again: nothing new
    with pytest.raises(LocalError, match="already"):
        street.command(0, RotateKey(Ed25519Signer(b"x" * 32)))
    street.passes = lambda source, to, message: True
    street.run(15)
    assert not street.spares
    _refused(street, 0, "of late")


@pytest.mark.spec("RKY-020", "MEM-037")
def test_who_leaves_while_it_asks_is_let_go_by_either_key() -> None:
    street = Street(5, parameters=Parameters(policy=Policy.INVITE))
    street.run(6)
    street.rotate(4)
    street.command(4, Leave(is_now=False))
    street.run(25)
    roster = _circle(street, 0).roster
    assert street.identities[4] not in roster.index_of
    assert _circle(street, 0).members.standby == ()
    assert street.erased == [4]
    assert not street.spares
    _assert_sound(street)


@pytest.mark.spec("RKY-006")
def test_who_waits_for_a_seat_gets_another_key_and_keeps_its_turn() -> None:
    street = Street(5, members=4, parameters=Parameters(policy=Policy.OPEN))
    street.run(6)
    street.command(4, Join(None))
    street.run(15)
    (waiting,) = _waiting(street)
    street.rotate(4)
    street.run(20)

    (after,) = _waiting(street)
    assert after.since_us == waiting.since_us
    assert after.seat.identity == waiting.seat.identity
    assert after.seat.voter != waiting.seat.voter
    assert after.seat.voter == street.pairs[4][1].public
    assert not street.spares
    _assert_sound(street)


def _waiting(street: Street) -> tuple[Waiting, ...]:
    state = _circle(street, 0).around.state
    assert state is not None
    return state.standby


@pytest.mark.spec("RKY-006", "MEM-026")
@pytest.mark.parametrize("policy", [Policy.CLOSED, Policy.OPEN])
def test_voter_that_was_away_during_rotations_follows_them_and_votes(policy: Policy) -> None:
    street = Street(4, parameters=Parameters(policy=policy))
    street.run(6)
    street.stop(3)
    for device in (0, 1, 2):
        street.rotate(device)
        street.run(20)
        assert _has_rotated(street, device)
    street.start(3)
    street.run(15)
    assert _is_voting(street, 3)
    assert _circle(street, 3).roster.hash == _circle(street, 0).roster.hash
    assert _circle(street, 3).chain.state == _circle(street, 0).chain.state
    _assert_sound(street)


@pytest.mark.spec("RKY-006")
def test_device_that_was_away_while_its_rotation_was_decided_comes_back_with_the_new_key() -> None:
    street = Street(4)
    street.run(6)
    street.rotate(3)
    street.passes = lambda source, to, message: to != 3
    street.run(12)
    street.stop(3)
    street.passes = lambda source, to, message: True
    spare = street.spares[3].public
    assert _circle(street, 0).roster.place_of(spare) is not None
    street.start(3)
    street.run(15)
    assert _has_rotated(street, 3)
    _assert_sound(street)


@pytest.mark.spec("RKY-006", "MRG-005")
def test_circle_whose_founders_all_have_other_keys_is_proven_to_the_one_it_merges_with() -> None:
    street = Street(8, others=3, parameters=Parameters(policy=Policy.OPEN))
    street.passes = lambda source, to, message: (source < 5) is (to < 5)
    street.run(12)
    for device in range(8):
        street.rotate(device)
        street.run(20)
        assert _has_rotated(street, device), device
    ids = {_circle(street, device).roster.circle for device in range(8)}
    assert len(ids) == 2

    street.passes = lambda source, to, message: True
    street.run(150)

    merged = {_circle(street, device).roster.circle for device in range(8)}
    assert len(merged) == 1
    assert merged < ids
    assert set(street.rungs()) == {Rung.COMMITTED}


@pytest.mark.spec("RKY-007")
def test_former_keys_are_forgotten_after_three_hundred_slots() -> None:
    former = Former(VoterKey(bytes(32)), PeerId(bytes(32)), 7)
    assert former.counts_after(306)
    assert not former.counts_after(307)


def _restored_after_it_used_its_new_key(street: Street) -> int:
    """Let device 0 vote with another key, then go back to two slots before it got that.

    Returns in which slot that was decided.
    """
    street.run(6)
    old = street.pairs[0]
    street.passes = lambda source, to, message: not isinstance(message, Carried)
    street.rotate(0)
    journal, spare = list(street.journals[0]), street.spares[0]
    while _head(street) < 3:
        street.run(0.1)
    street.passes = lambda source, to, message: True
    while not _has_rotated(street, 0):
        street.run(0.1)
    rotated = _head(street)
    while _head(street) < rotated + 3 or not _has_signed_last(street):
        street.run(0.1)
        assert street.now_ns < 120 * SECOND_NS
    street.stop(0)
    street.journals[0], street.pairs[0], street.spares[0] = journal, old, spare
    return rotated


def _has_signed_last(street: Street) -> bool:
    """Is a signature of device 0 in the certificate of the last decision, as device 1 has it?"""
    newest = _circle(street, 1).chain.newest
    assert newest is not None
    _, certificate = newest
    index = _circle(street, 1).roster.index_of[street.identities[0]]
    return bool(certificate.bitmap >> index & 1)


def _tell(street: Street, slot: int) -> None:
    """Let device 1 tell device 0 what was decided in a slot."""
    decided = next(one for one in _decisions(street, 1) if one.slot == slot)
    votes = decided.certificate
    street.deliver(1, 0, Votes(slot, (votes,)))
    street.deliver(1, 0, Decided(decided.body, votes.view))
    street.run(1)


def _decisions(street: Street, device: int) -> list[records.DecidedRecord]:
    log = [records.decode(one) for one in street.journals[device]]
    return [one for one in log if isinstance(one, records.DecidedRecord)]


@pytest.mark.spec("RKY-024", "CIR-054")
def test_backup_from_before_a_rotation_is_found_out_by_a_certificate_alone() -> None:
    """Those who saw the votes of the new key may be away, and nobody answers its question."""
    street = Street(4, parameters=Parameters(policy=Policy.INVITE))
    rotated = _restored_after_it_used_its_new_key(street)
    street.passes = lambda source, to, message: to != 0 or isinstance(message, Piece)
    street.start(0)
    _tell(street, rotated - 1)
    for _ in range(2):  # of the first it learns which roster to ask for
        _tell(street, _head(street, 1))

    assert _head(street) > rotated
    assert 0 not in street.spares, "it has the new key"
    assert _circle(street, 0).guard.is_amnesic
    log = [records.decode(one) for one in street.journals[0]]
    assert records.Amnesia() in log
    street.stop(0)
    street.start(0)
    assert _circle(street, 0).guard.is_amnesic
    _assert_sound(street)


@pytest.mark.spec("RKY-024")
def test_power_that_fails_before_that_is_on_the_record_hides_nothing() -> None:
    street = Street(4, parameters=Parameters(policy=Policy.INVITE))
    rotated = _restored_after_it_used_its_new_key(street)
    old, spare = street.pairs[0], street.spares[0]
    street.passes = lambda source, to, message: to != 0 or isinstance(message, Piece)
    street.start(0)
    _tell(street, rotated - 1)
    for _ in range(2):
        _tell(street, _head(street, 1))
    lost = records.encode(records.Amnesia())
    street.stop(0)
    street.journals[0] = [one for one in street.journals[0] if one != lost]
    street.pairs[0], street.spares[0] = old, spare

    street.start(0)
    assert 0 not in street.spares
    street.run(1)

    assert _circle(street, 0).guard.is_amnesic
    assert street.journals[0].count(lost) == 1
