"""Who votes in which slot: the check of the city sees every unlawful step, and no lawful one."""

import hashlib
from collections.abc import Callable

import pytest

from smilesim.crowd import district, settle
from smilesim.device import Device, SimCircle
from smilesim.rolls import Rolls
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesync.circle.genesis import Policy
from smilesync.circle.roster import Roster, Seat
from smilesync.ids import VoterKey
from smilesync.wire import cbor
from smilesync.wire.cbor import CborValue

HASH = bytes(32)
GUEST = Seat(b"v" * 32, b"i" * 32)  # type: ignore[arg-type]  # names of bytes
OTHER = Seat(b"w" * 32, b"j" * 32)  # type: ignore[arg-type]  # as above


class Stage:
    """One circle of seven, governed, and the check that follows it."""

    def __init__(self) -> None:
        devices, circles = settle(district(60, 1), 1, SignThrough(), Policy.INVITE)
        self.circle: SimCircle = next(one for one in circles if one.roster.size == 7)
        self.members: list[Device] = [devices[member] for member in self.circle.members]
        self.violations = Violations()
        self.rolls = Rolls(circles, devices, self.violations)
        self.roster: Roster = self.circle.roster
        self.slot = 0

    def decide(
        self, changes: dict[int, CborValue], after: Roster | None = None, slot: int | None = None
    ) -> list[str]:
        """Decide a value with these keys, and return what is wrong with it."""
        self.roster = after or self.roster
        self.slot = self.slot + 1 if slot is None else slot
        body = cbor.encode({0: self.slot, 10: self.roster.hash} | changes)
        self.violations.kept.clear()
        self.violations._seen.clear()
        self.rolls.decided(self.members[0], self.slot, body, 10)
        return [one.detail for one in self.violations.kept]

    def remove(self, *members: int, also: dict[int, CborValue] | None = None) -> list[str]:
        bits = sum(1 << member for member in members)
        delta: CborValue = [bits.to_bytes(1, "little"), []]
        return self.decide({15: delta, **(also or {})}, self.roster.changed(bits, ()))

    def admit(self, seat: Seat, place: int = 0) -> list[str]:
        return self.decide({14: [[1, bytes([place]) * 32, seat.identity, seat.voter, b""]]})

    def add(self, *seats: Seat) -> list[str]:
        listed: CborValue = [list(seat) for seat in seats]
        return self.decide({15: [b"", listed]}, self.roster.changed(0, seats))


def test_lawful_steps_are_followed_slot_by_slot() -> None:
    stage = Stage()
    leaves: dict[int, CborValue] = {14: [[2, HASH, stage.roster.identities[0]]]}

    found = [
        stage.decide({}),
        stage.admit(GUEST),
        stage.add(GUEST),
        stage.remove(0, also=leaves),
        stage.remove(0),
        stage.remove(0),
        stage.remove(0),
    ]

    assert found == [[]] * 7
    assert stage.circle.quorum == 3
    assert len(stage.rolls.at(stage.circle, 99).seats) == 4
    assert stage.rolls.at(stage.circle, 3).quorum == 5
    assert stage.rolls.at(stage.circle, 4).place(GUEST.voter) >= 0
    assert stage.rolls.at(stage.circle, 3).place(GUEST.voter) == -1


def test_decisions_may_be_seen_out_of_order_and_twice() -> None:
    stage = Stage()
    first, last = stage.roster, stage.roster.changed(1, ())

    assert stage.decide({15: [b"\1", []]}, last, slot=2) == []
    assert stage.rolls.at(stage.circle, 3).hash == first.hash
    stage.roster = first
    assert stage.decide({}, slot=1) == []
    assert stage.rolls.at(stage.circle, 3).hash == last.hash
    assert stage.decide({15: [b"\2", []]}, first.changed(2, ()), slot=2) == []

    assert stage.rolls.at(stage.circle, 3).hash == last.hash


def _two_at_once(stage: Stage) -> list[str]:
    return stage.remove(0, 1)


def _seat_for_a_stranger(stage: Stage) -> list[str]:
    return stage.add(GUEST)


def _below_four(stage: Stage) -> list[str]:
    for _ in range(3):
        stage.remove(0)
    return stage.remove(0)


def _another_roster(stage: Stage) -> list[str]:
    return stage.decide({15: [b"\1", []]}, stage.roster.changed(2, ()))


def _expelled_comes_back(stage: Stage) -> list[str]:
    out: dict[int, CborValue] = {13: [[HASH, stage.roster.identities[0]]]}
    stage.members[0].is_villain = True
    seat = stage.roster.seats[0]
    assert stage.remove(0, also=out) == []
    return stage.admit(seat)


def _who_left_comes_back(stage: Stage) -> list[str]:
    seat = stage.roster.seats[0]
    assert stage.remove(0, also={14: [[2, HASH, seat.identity]]}) == []
    assert stage.admit(GUEST) == []
    assert stage.decide({14: [[2, HASH, GUEST.identity]]}) == []
    return [*stage.admit(seat), *stage.admit(GUEST, 1)]


def _link_that_nobody_promised(stage: Stage) -> list[str]:
    links = [bytes([7]) * 32]
    for _ in range(2):
        links.append(hashlib.sha256(links[-1]).digest())
    for slot in range(1, 23):
        assert stage.decide({}) == [], slot
    assert stage.decide({12: [3, links[2]]}) == []
    assert stage.decide({12: [3, links[1]]}) == []
    return [*stage.decide({12: [3, links[1]]}), *stage.decide({12: [9, links[0]]})]


def _honest_voter_expelled(stage: Stage) -> list[str]:
    out: dict[int, CborValue] = {13: [[HASH, stage.roster.identities[2]]]}
    return stage.remove(2, also=out)


FAULTS: list[tuple[str, Callable[[Stage], list[str]], str]] = [
    ("I9", _two_at_once, "2 out and 0 in"),
    ("I9", _seat_for_a_stranger, "did not wait"),
    ("I9", _below_four, "absence leaves 3"),
    ("I9", _another_roster, "another roster"),
    ("I9", _expelled_comes_back, "is admitted"),
    ("I9", _who_left_comes_back, "what it said before"),
    ("I9", _link_that_nobody_promised, "not promised"),
    ("I15", _honest_voter_expelled, "honest voter is expelled"),
]


@pytest.mark.parametrize("case", FAULTS, ids=[case[2] for case in FAULTS])
def test_each_unlawful_step_is_seen(case: tuple[str, Callable[[Stage], list[str]], str]) -> None:
    rule, fault, says = case
    stage = Stage()

    found = fault(stage)

    assert any(says in detail for detail in found), found
    assert {one.rule for one in stage.violations.kept} == {rule}


def test_device_whose_flash_lied_may_be_expelled() -> None:
    stage = Stage()
    stage.members[2].disk.has_lied = True

    assert _honest_voter_expelled(stage) == []


def _turn(stage: Stage, place: int, voter: bytes) -> list[str]:
    after = stage.roster.changed(0, (), {place: VoterKey(voter)})
    return stage.decide({18: [[HASH, place, voter]]}, after)


def test_other_voter_keys_are_followed_and_never_come_back() -> None:
    stage = Stage()
    (old, owner), size = stage.roster.seats[2], stage.roster.size

    assert _turn(stage, 2, b"n" * 32) == []
    assert stage.rolls.at(stage.circle, 1).place(old) == 2
    assert stage.rolls.at(stage.circle, 2).place(old) == -1
    assert stage.rolls.at(stage.circle, 2).place(b"n" * 32) == stage.roster.index_of[owner]
    assert stage.decide({18: [[HASH, size, b"m" * 32]]}) == [], "of who waits"
    (found,) = _turn(stage, stage.roster.index_of[owner], b"o" * 32)
    assert "too soon" in found
    other = next(i for i, one in enumerate(stage.roster.identities) if one != owner)
    (found,) = _turn(stage, other, old)
    assert "used before" in found


def test_other_key_counts_as_a_changed_seat_and_its_roster_must_follow() -> None:
    stage = Stage()
    bits: CborValue = [b"\1", []]
    after = stage.roster.changed(1, (), {1: VoterKey(b"n" * 32)})
    found = stage.decide({15: bits, 18: [[HASH, 1, b"n" * 32]]}, after)
    assert any("1 out and 0 in" in fault for fault in found)
    ignored = Stage()
    found = ignored.decide({18: [[HASH, 1, b"n" * 32]]})
    assert any("another roster" in fault for fault in found)


def test_closed_circle_changes_keys_and_nobody() -> None:
    devices, circles = settle(district(60, 1), 1, SignThrough(), Policy.CLOSED)
    violations = Violations()
    rolls = Rolls(circles, devices, violations)
    circle = next(one for one in circles if one.roster.size == 7)
    after = circle.roster.changed(0, (), {0: VoterKey(b"n" * 32)})
    body = cbor.encode({0: 1, 10: after.hash, 18: [[HASH, 0, b"n" * 32]]})
    rolls.decided(devices[circle.members[0]], 1, body, 10)
    assert violations.kept == []
    assert circle.rosters == {circle.roster.hash, after.hash}
    less = after.changed(1, ())
    body = cbor.encode({0: 2, 10: less.hash, 15: [b"\1", []]})
    rolls.decided(devices[circle.members[0]], 2, body, 11)
    assert any("closed" in one.detail for one in violations.kept)
