"""Planted bugs: what a broken peer would journal or send is caught by I1 to I6."""

from dataclasses import dataclass

import pytest

from smilesim.crowd import district, settle
from smilesim.decision import hashed
from smilesim.device import Device, SimCircle
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesim.votecheck import Said, VoteCheck, statement
from smilesync.circle.value import NO_PREVIOUS, Value
from smilesync.ids import ValueHash
from smilesync.wire.messages import Propose, VoteKind, VoteSet
from smilesync.wire.records import ClockReserved, DecidedRecord, Finalized, Notarized, Nullified

N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE


@dataclass
class Stage:
    devices: list[Device]
    circle: SimCircle
    check: VoteCheck
    violations: Violations

    @property
    def members(self) -> list[Device]:
        return [self.devices[member] for member in self.circle.members]

    def rules(self) -> list[str]:
        return [one.rule for one in self.violations.kept]

    def certificate(self, said: Said, signers: int | None = None) -> VoteSet:
        count = self.circle.roster.quorum if signers is None else signers
        data = statement(self.circle, said, self.circle.roster.hash)
        signatures = tuple(device.keys.voter.sign(data) for device in self.members[:count])
        value = ValueHash(said[3]) if said[3] else None
        return VoteSet(said[0], said[2], value, (1 << count) - 1, signatures)

    def decide(self, device: Device, slot: int, body: bytes, view: int = 1) -> None:
        certificate = self.certificate((F, slot, view, hashed(body)))
        self.check.journalled(device, DecidedRecord(slot, body, certificate), 10)

    def vote(self, kind: VoteKind, view: int, value: ValueHash | None = None) -> VoteSet:
        """The first member's own vote, as it would leave."""
        bit = 1 << self.members[0].roster_index
        return VoteSet(kind, view, value, bit, (bytes(64),))


@pytest.fixture
def stage() -> Stage:
    through = SignThrough()
    devices, circles = settle(district(7, 1), 1, through)
    circle = max(circles, key=lambda one: one.roster.size)
    assert circle.roster.size >= 4
    violations = Violations()
    return Stage(devices, circle, VoteCheck(circles, through, violations, devices), violations)


def lease(
    slot: int, parent: bytes, begin_s: float, end_s: float, **changes: object
) -> tuple[bytes, ValueHash]:
    """A value of one pattern, and its hash; all such values renew one another."""
    fields: dict[str, object] = {
        "slot": slot,
        "parent": ValueHash(parent),
        "not_before_us": int(begin_s * 1_000_000),
        "not_after_us": int(end_s * 1_000_000),
        "pattern": b"p",
        "start_us": 0,
        "previous": None,
        "previous_start_us": 0,
        "fade_us": 2_000_000,
        "roster_hash": bytes(32),
        "state_hash": bytes(32),
    }
    body = Value(**(fields | changes)).encode()  # type: ignore[arg-type]  # names are Value's
    return body, hashed(body)


def value(slot: int, parent: bytes = NO_PREVIOUS, *, tone: int = 1) -> bytes:
    return Value(
        slot=slot,
        parent=ValueHash(parent),
        not_before_us=slot * 4_000_000,
        not_after_us=slot * 4_000_000 + 4_000_000,
        pattern=bytes([tone]),
        start_us=slot,
        previous=None,
        previous_start_us=0,
        fade_us=2_000_000,
        roster_hash=bytes(32),
        state_hash=bytes(32),
    ).encode()


def test_an_honest_slot_breaks_nothing(stage: Stage) -> None:
    body = value(1)
    name = hashed(body)
    for device in stage.members:
        stage.check.journalled(device, Notarized(1, 1, name, body), 1)
        stage.check.sending(device, 1, VoteSet(N, 1, name, 1 << device.roster_index, (b"",)), 1)
    for device in stage.members:
        certificate = stage.certificate((N, 1, 1, name))
        stage.check.journalled(device, Finalized(1, 1, name, certificate), 2)
    for device in stage.members:
        stage.decide(device, 1, body)
        stage.decide(device, 2, value(2, name))

    assert stage.rules() == []
    assert stage.check.decided_slots(stage.circle) == 2


def test_i1_two_values_decided_in_one_slot(stage: Stage) -> None:
    stage.decide(stage.members[0], 1, value(1, tone=1))
    stage.decide(stage.members[1], 1, value(1, tone=2))

    assert stage.rules() == ["I1"]


def test_i2_a_decision_that_extends_another_value(stage: Stage) -> None:
    stage.decide(stage.members[0], 1, value(1))
    stage.decide(stage.members[0], 2, value(2, bytes(32)))

    assert stage.rules() == ["I2"]


def test_i2_a_good_certificate_of_another_vote_proves_nothing(stage: Stage) -> None:
    device, body, other = stage.members[0], value(1), value(1, tone=2)
    good = stage.certificate((N, 1, 1, hashed(other)))
    stage.check.journalled(device, Finalized(1, 1, hashed(other), good), 1)
    assert stage.rules() == []

    stage.check.journalled(stage.members[1], Finalized(1, 1, hashed(body), good), 2)
    assert stage.rules() == ["I2"]


def test_i2_a_certificate_is_found_bad_every_time(stage: Stage) -> None:
    said = (N, 1, 1, bytes(hashed(value(1))))
    few = stage.certificate(said, stage.circle.roster.quorum - 1)
    for device in stage.members[:2]:
        stage.check.journalled(device, Finalized(1, 1, hashed(value(1)), few), 1)

    assert stage.violations.broken["I2"] == 2


@pytest.mark.parametrize("flaw", ["few", "forged", "other-kind", "other-slot", "no-value"])
def test_i2_a_decision_whose_certificate_proves_nothing(stage: Stage, flaw: str) -> None:
    body = value(1)
    said = (F, 1, 1, bytes(hashed(body)))
    certificate = stage.certificate(said)
    if flaw == "few":
        certificate = stage.certificate(said, stage.circle.roster.quorum - 1)
    elif flaw == "forged":
        wrong = (bytes(64), *certificate.signatures[1:])
        certificate = VoteSet(F, 1, certificate.value_hash, certificate.bitmap, wrong)
    elif flaw == "other-kind":
        certificate = stage.certificate((N, 1, 1, bytes(hashed(body))))
    elif flaw == "other-slot":
        certificate = stage.certificate((F, 2, 1, bytes(hashed(body))))
    else:
        body = b"\x00"

    stage.check.journalled(stage.members[0], DecidedRecord(1, body, certificate), 1)

    assert stage.rules() == ["I2"]


def test_i3_two_notarized_values_in_one_view(stage: Stage) -> None:
    quorum = stage.circle.roster.quorum
    members = stage.members
    for device in members[:quorum]:
        stage.check.journalled(device, Notarized(1, 1, hashed(value(1)), value(1)), 1)
    other = value(1, tone=9)
    for device in members[-quorum:]:
        stage.check.journalled(device, Notarized(1, 1, hashed(other), other), 2)

    assert "I3" in stage.rules()


def test_i3_a_view_nullified_and_finalized(stage: Stage) -> None:
    quorum = stage.circle.roster.quorum
    name = hashed(value(1))
    certificate = stage.certificate((N, 1, 1, name))
    for device in stage.members[:quorum]:
        stage.check.journalled(device, Nullified(1, 1), 1)
    for device in stage.members[-quorum:]:
        stage.check.journalled(device, Finalized(1, 1, name, certificate), 2)

    assert "I3" in stage.rules()


def test_i6_renewed_leases_double_up_to_16_s(stage: Stage) -> None:
    parent, begin_s = bytes(NO_PREVIOUS), 10.0
    for slot, length_s in enumerate((4, 8, 16, 16), 1):
        body, name = lease(slot, parent, begin_s, begin_s + length_s)
        for device in stage.members:
            stage.decide(device, slot, body)
        parent, begin_s = name, begin_s + length_s

    assert stage.rules() == []


@pytest.mark.parametrize(
    ("begin_s", "end_s", "changes", "is_broken"),
    [
        (14, 22, {}, False),
        (14, 18, {}, True),
        (14, 30, {}, True),
        (13.5, 17.5, {}, True),
        (14.5, 18.5, {}, False),
        (14.5, 22.5, {}, True),
        (14, 22, {"pattern": b"q"}, True),
        (14, 18, {"pattern": b"q"}, False),
        (14, 22, {"start_us": 1}, True),
        (14, 22, {"roster_hash": b"r" * 32}, True),
    ],
)
def test_i6_a_lease_has_the_length_that_the_one_before_gives_it(
    stage: Stage, begin_s: float, end_s: float, changes: dict[str, object], *, is_broken: bool
) -> None:
    first, name = lease(1, NO_PREVIOUS, 10, 14)
    second, _ = lease(2, name, begin_s, end_s, **changes)
    for device in stage.members:
        stage.decide(device, 1, first)
        stage.decide(device, 2, second)

    assert stage.rules() == (["I6"] if is_broken else [])


def test_i6_slot_1_has_the_base_length(stage: Stage) -> None:
    stage.decide(stage.members[0], 1, lease(1, NO_PREVIOUS, 10, 18)[0])

    assert stage.rules() == ["I6"]


def test_i6_nothing_doubles_beyond_16_s(stage: Stage) -> None:
    parent, begin_s = bytes(NO_PREVIOUS), 10.0
    for slot, length_s in enumerate((4, 8, 16, 32), 1):
        assert stage.rules() == []
        body, parent = lease(slot, parent, begin_s, begin_s + length_s)
        stage.decide(stage.members[0], slot, body)
        begin_s += length_s

    assert stage.rules() == ["I6"]


@pytest.mark.parametrize("restarts", [False, True])
def test_i4_one_voter_signs_two_values_even_across_a_restart(
    stage: Stage, *, restarts: bool
) -> None:
    device, other = stage.members[0], value(1, tone=9)
    stage.check.journalled(device, Notarized(1, 1, hashed(value(1)), value(1)), 1)
    if restarts:
        stage.check.restarted(device, [], 2)
    stage.check.journalled(device, Notarized(1, 1, hashed(other), other), 3)

    assert stage.rules() == ["I4"]


def test_i4_one_voter_signs_nullify_and_finalize(stage: Stage) -> None:
    device, name = stage.members[0], hashed(value(1))
    stage.check.journalled(device, Nullified(1, 1), 1)
    stage.check.journalled(device, Finalized(1, 1, name, stage.certificate((N, 1, 1, name))), 2)

    assert stage.rules() == ["I4"]


def test_i4_a_body_journalled_under_another_hash(stage: Stage) -> None:
    stage.check.journalled(stage.members[0], Notarized(1, 1, ValueHash(bytes(32)), value(1)), 1)

    assert stage.rules() == ["I4"]


def test_i5_a_vote_leaves_before_its_record(stage: Stage) -> None:
    stage.check.sending(stage.members[0], 1, stage.vote(X, 1), 1)

    assert stage.rules() == ["I5"]


def test_i5_a_vote_leaves_whose_record_power_loss_took(stage: Stage) -> None:
    device = stage.members[0]
    stage.check.journalled(device, Nullified(1, 1), 1)
    stage.check.restarted(device, [], 2)
    stage.check.sending(device, 1, stage.vote(X, 1), 3)

    assert stage.rules() == ["I5"]


@pytest.mark.parametrize(("signed_view", "is_broken"), [(1, False), (2, True)])
def test_i5_a_vote_of_a_decided_slot_was_signed_on_record(
    stage: Stage, signed_view: int, *, is_broken: bool
) -> None:
    device = stage.members[0]
    stage.check.journalled(device, Nullified(1, signed_view), 1)
    stage.decide(device, 1, value(1))
    stage.check.sending(device, 1, stage.vote(X, 1), 3)

    assert stage.rules() == (["I5"] if is_broken else [])


def test_i5_an_own_proposal_leaves_before_its_record_but_anothers_may_pass(stage: Stage) -> None:
    device, body = stage.members[0], value(1)
    signature = device.keys.voter.sign(
        statement(stage.circle, (N, 1, 1, bytes(hashed(body))), stage.circle.roster.hash)
    )
    proposal = Propose(1, 1, body, signature)

    stage.check.proposing(stage.members[1], proposal, 1)
    assert stage.rules() == []
    stage.check.proposing(device, proposal, 1)
    assert stage.rules() == ["I5"]


def test_i5_a_circle_time_leaves_before_its_reservation(stage: Stage) -> None:
    device = stage.members[0]
    stage.check.clock_reserved(device, 1_000)
    stage.check.clock_published(device, 1_000, 1)
    assert stage.rules() == []

    stage.check.restarted(device, [ClockReserved(500)], 2)
    stage.check.clock_published(device, 501, 3)
    assert stage.rules() == ["I5"]
