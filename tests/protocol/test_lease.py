"""Selection: what may be shown at which circle time, and that two devices never disagree."""

import random
from itertools import pairwise

import pytest

from smilesync.circle.genesis import Parameters
from smilesync.circle.lease import CANDIDATES_MAX, NEVER_NS, Lease, Standing
from smilesync.circle.value import Named, named
from smilesync.timeline import Timeline
from support.lab import Lab

LAB = Lab(1, silent=frozenset({0}))
PARAMETERS = Parameters()
GUARD_US = PARAMETERS.guard_us
LINE = Timeline(0, 0)
SECOND_US = 1_000_000


def _value(slot: int, begin_us: int, length_us: int = 4 * SECOND_US) -> Named:
    value = LAB.value(
        slot,
        slot=slot,
        not_before_us=begin_us,
        not_after_us=begin_us + length_us,
        start_us=begin_us,
    )
    return named(value.encode())


FIRST = _value(1, 10 * SECOND_US)
SECOND = _value(2, 14 * SECOND_US)
LONG = _value(2, 14 * SECOND_US, 16 * SECOND_US)


def _standing(
    circle_us: int,
    *,
    synced: bool = True,
    willing: bool = True,
    hears: bool = False,
    heard_until_us: int = 0,
) -> Standing:
    line = LINE if synced else None
    return Standing(circle_us * 1_000, line, willing, hears, heard_until_us * 1_000)


def _lease(*values: Named, shown_slot: int = 0) -> Lease:
    lease = Lease(PARAMETERS, shown_slot)
    for value in values:
        lease.offer(value)
    return lease


def _shown(lease: Lease) -> Named | None:
    return lease.selected or lease.held


@pytest.mark.spec("LSE-001")
@pytest.mark.parametrize(
    ("circle_us", "is_selected"),
    [
        (10 * SECOND_US + GUARD_US - 1, False),
        (10 * SECOND_US + GUARD_US, True),
        (14 * SECOND_US - GUARD_US - 1, True),
        (14 * SECOND_US - GUARD_US, False),
    ],
)
def test_value_is_selected_inside_its_guarded_lease_only(circle_us: int, is_selected: bool) -> None:
    lease = _lease(FIRST)

    lease.update(_standing(circle_us))

    assert (lease.selected is FIRST) == is_selected
    assert lease.held is None


@pytest.mark.spec("LSE-001")
@pytest.mark.parametrize(("synced", "willing"), [(False, True), (True, False)])
def test_nothing_is_selected_without_clock_or_consent(synced: bool, willing: bool) -> None:
    lease = _lease(FIRST)
    lease.update(_standing(12 * SECOND_US, hears=True))
    assert _shown(lease) is FIRST

    assert not lease.update(_standing(12 * SECOND_US, synced=synced, willing=willing, hears=True))

    assert lease.selected is None
    assert lease.held is None, "a withdrawal is at once, no output is kept"
    assert lease.deadline_ns() == NEVER_NS


@pytest.mark.spec("LSE-002")
def test_selection_is_told_once_per_slot_and_never_goes_back() -> None:
    lease = _lease(FIRST)

    assert lease.update(_standing(11 * SECOND_US))
    assert lease.shown_slot == 1
    assert not lease.update(_standing(12 * SECOND_US))
    lower = _lease(FIRST, shown_slot=2)

    assert not lower.update(_standing(12 * SECOND_US))
    assert lower.selected is None


@pytest.mark.spec("LSE-002")
def test_after_a_restart_the_same_slot_may_go_on() -> None:
    lease = _lease(FIRST, shown_slot=1)

    assert not lease.update(_standing(12 * SECOND_US))
    assert lease.selected is FIRST


@pytest.mark.spec("LSE-003")
def test_lease_seen_to_end_stays_ended_when_the_clock_is_slewed_back() -> None:
    lease = _lease(FIRST)
    lease.update(_standing(14 * SECOND_US - GUARD_US))

    lease.update(_standing(14 * SECOND_US - GUARD_US - 5))

    assert lease.selected is None


@pytest.mark.spec("LSE-004")
def test_highest_slot_wins() -> None:
    overlapping = _value(2, 11 * SECOND_US)
    lease = _lease(FIRST, overlapping)

    lease.update(_standing(12 * SECOND_US))

    assert lease.selected is overlapping


@pytest.mark.spec("LSE-005")
@pytest.mark.parametrize(
    ("later_us", "hears", "has_successor", "is_held"),
    [
        (0, True, False, True),
        (SECOND_US - 1, True, False, True),
        (SECOND_US, True, False, False),
        (0, False, False, False),
        (0, False, True, True),
        (SECOND_US, False, True, False),
    ],
)
def test_last_output_is_held_for_a_second_at_most(
    later_us: int, hears: bool, has_successor: bool, is_held: bool
) -> None:
    end_us = 14 * SECOND_US - GUARD_US
    late = _value(2, 16 * SECOND_US)
    lease = _lease(FIRST, late) if has_successor else _lease(FIRST)
    lease.update(_standing(end_us - 1, hears=hears))
    assert _shown(lease) is FIRST

    lease.update(_standing(end_us + later_us, hears=hears))

    assert lease.selected is None
    assert (lease.held is FIRST) == is_held
    expected_us = end_us + SECOND_US if is_held else (16 * SECOND_US + GUARD_US)
    if is_held or has_successor:
        assert lease.deadline_ns() == expected_us * 1_000
    else:
        assert lease.deadline_ns() == NEVER_NS


@pytest.mark.spec("LSE-005")
def test_hold_ends_with_the_quorum_and_does_not_come_back() -> None:
    end_us = 14 * SECOND_US - GUARD_US
    lease = _lease(FIRST)
    lease.update(_standing(end_us - 1, hears=True))
    lease.update(_standing(end_us, hears=True))
    assert _shown(lease) is FIRST

    lease.update(_standing(end_us + 1, hears=False))
    lease.update(_standing(end_us + 2, hears=True))

    assert lease.held is None


def test_touching_leases_follow_one_another_over_a_hold_of_two_guards() -> None:
    lease = _lease(FIRST, SECOND)
    lease.update(_standing(11 * SECOND_US))
    changes = []
    while lease.deadline_ns() != NEVER_NS:
        circle_us = lease.deadline_ns() // 1_000
        lease.update(_standing(circle_us))
        changes.append((circle_us, lease.selected, lease.held))

    assert changes == [
        (14 * SECOND_US - GUARD_US, None, FIRST),
        (14 * SECOND_US + GUARD_US, SECOND, None),
        (18 * SECOND_US - GUARD_US, None, None),
    ]


def test_candidates_are_bounded() -> None:
    lease = _lease(*(_value(slot, slot * 4 * SECOND_US) for slot in range(1, 9)))

    assert len(lease._candidates) == CANDIDATES_MAX


@pytest.mark.spec("LSE-001", "CIR-024")
def test_two_devices_within_two_guards_never_select_different_slots() -> None:
    draw = random.Random(5)
    for _ in range(40):
        values, end_us = [], 10 * SECOND_US
        for slot in range(1, 4):
            begin_us = end_us + draw.choice([0, 0, 1, 30_000])
            length_us = draw.choice([4, 8, 16]) * SECOND_US
            values.append(_value(slot, begin_us, length_us))
            end_us = begin_us + length_us
        apart_us = draw.randint(0, 2 * GUARD_US)
        ahead, behind = _lease(*values), _lease(*values)
        edges = {us + step for value in values for us in _edges(value) for step in (-1, 0, 1)}
        for true_us in sorted(edges | {us - apart_us for us in edges}):
            until_us = draw.choice([0, 2**52])
            ahead.update(_standing(true_us + apart_us, heard_until_us=until_us))
            behind.update(_standing(true_us, heard_until_us=2**52))
            shown = {one.selected.value.slot for one in (ahead, behind) if one.selected}
            assert len(shown) <= 1, (apart_us, true_us)


def _edges(value: Named) -> tuple[int, int]:
    return value.value.not_before_us + GUARD_US, value.value.not_after_us - GUARD_US


def test_the_display_theorem_needs_the_guard() -> None:
    """The check above can see: with clocks further apart two slots are selected at once."""
    ahead, behind = _lease(FIRST, SECOND), _lease(FIRST, SECOND)
    true_us = 14 * SECOND_US - GUARD_US - 1

    ahead.update(_standing(true_us + 2 * GUARD_US + 1))
    behind.update(_standing(true_us))

    assert (ahead.selected, behind.selected) == (SECOND, FIRST)
    assert all(a.value.not_after_us <= b.value.not_before_us for a, b in pairwise((FIRST, SECOND)))


# Renewed leases: shown only while q voters are heard.


@pytest.mark.spec("LSE-007")
@pytest.mark.parametrize(
    ("length_us", "is_heard", "is_selected"),
    [
        (4 * SECOND_US, False, True),
        (4 * SECOND_US + 1, False, False),
        (4 * SECOND_US + 1, True, True),
        (8 * SECOND_US, False, False),
        (16 * SECOND_US, False, False),
        (16 * SECOND_US, True, True),
    ],
)
def test_only_a_short_lease_is_selected_without_hearing_a_quorum(
    length_us: int, is_heard: bool, is_selected: bool
) -> None:
    value = _value(1, 10 * SECOND_US, length_us)
    lease = _lease(value)
    now_us = 12 * SECOND_US

    lease.update(_standing(now_us, hears=True, heard_until_us=now_us + is_heard))

    assert (lease.selected is value) == is_selected
    assert lease.is_unheard != is_selected
    assert lease.held is None


@pytest.mark.spec("LSE-007")
def test_long_lease_ends_when_the_quorum_was_heard_too_long_ago_and_returns_with_it() -> None:
    lease = _lease(LONG)
    assert lease.update(_standing(15 * SECOND_US, hears=True, heard_until_us=19 * SECOND_US))
    assert lease.deadline_ns() == 19_000_000_000

    lease.update(_standing(19 * SECOND_US - 1, hears=True, heard_until_us=19 * SECOND_US))
    assert lease.selected is LONG
    lease.update(_standing(19 * SECOND_US, hears=True, heard_until_us=19 * SECOND_US))
    assert _shown(lease) is None, "darkness by this rule has no hold"
    assert lease.is_unheard

    persists = lease.update(_standing(22 * SECOND_US, heard_until_us=23 * SECOND_US))

    assert lease.selected is LONG
    assert not persists
    assert not lease.is_unheard


@pytest.mark.spec("LSE-007")
def test_voters_heard_again_move_the_end_of_a_long_selection() -> None:
    lease = _lease(LONG)
    lease.update(_standing(15 * SECOND_US, heard_until_us=16 * SECOND_US))

    lease.update(_standing(16 * SECOND_US, heard_until_us=29 * SECOND_US))
    assert lease.selected is LONG
    assert lease.deadline_ns() == 29_000_000_000
    lease.update(_standing(29 * SECOND_US, heard_until_us=33 * SECOND_US))

    assert lease.deadline_ns() == (30 * SECOND_US - GUARD_US) * 1_000, "its own end comes first"


@pytest.mark.spec("LSE-005", "LSE-007")
@pytest.mark.parametrize("later_us", [0, 5, 2 * GUARD_US])
def test_darkness_for_want_of_voters_is_not_held_when_the_lease_ends(later_us: int) -> None:
    end_us = 30 * SECOND_US - GUARD_US
    lease = _lease(LONG, _value(3, 30 * SECOND_US))
    lease.update(_standing(20 * SECOND_US, heard_until_us=21 * SECOND_US))
    lease.update(_standing(21 * SECOND_US, heard_until_us=21 * SECOND_US))

    lease.update(_standing(end_us + later_us, hears=True, heard_until_us=2**52))

    assert lease.held is None


@pytest.mark.spec("LSE-005", "LSE-007")
def test_what_a_long_lease_leaves_is_held_no_longer_than_voters_are_heard() -> None:
    end_us = 30 * SECOND_US - GUARD_US
    lease = _lease(LONG)
    lease.update(_standing(end_us - 1, hears=True, heard_until_us=end_us + 500))

    lease.update(_standing(end_us, hears=True, heard_until_us=end_us + 500))
    assert lease.held is LONG
    assert lease.deadline_ns() == (end_us + 500) * 1_000
    lease.update(_standing(end_us + 500, hears=True, heard_until_us=end_us + 500))

    assert _shown(lease) is None


@pytest.mark.spec("LSE-005", "LSE-007")
def test_long_successor_that_is_not_heard_leaves_no_hold_of_the_value_before() -> None:
    lease = _lease(FIRST, LONG)
    end_us, begin_us = 14 * SECOND_US - GUARD_US, 14 * SECOND_US + GUARD_US
    lease.update(_standing(end_us - 1))
    lease.update(_standing(end_us))
    assert lease.held is FIRST

    lease.update(_standing(begin_us))

    assert _shown(lease) is None
    assert lease.is_unheard


@pytest.mark.spec("LSE-001", "LSE-007")
def test_unheard_lease_is_forgotten_with_the_clock() -> None:
    lease = _lease(LONG)
    lease.update(_standing(20 * SECOND_US))
    assert lease.is_unheard

    lease.update(_standing(20 * SECOND_US, synced=False))

    assert not lease.is_unheard
    assert lease.deadline_ns() == NEVER_NS
