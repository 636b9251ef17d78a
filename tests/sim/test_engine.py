"""The wheel gives events back at their tick, in the order (destination, source, sequence)."""

import random

import pytest

from smilesim.engine import (
    DESTINATION_SHIFT,
    LAP_TICKS,
    NOBODY,
    SEQUENCE_BITS,
    SEQUENCE_MASK,
    SOURCE_MASK,
    Mark,
    Wheel,
    link_key,
    mark_key,
)


def taken(wheel: Wheel, until: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while wheel.tick < until:
        bucket = wheel.advance()
        found += [(wheel.tick, key) for key in sorted(bucket)]
        bucket.clear()
    return found


def test_events_of_one_tick_are_ordered_by_destination_source_and_sequence() -> None:
    wheel = Wheel()
    keys = [link_key(d, s) + n for d in (0, 1, 70_000) for s in (0, 9, 99_999) for n in (0, 1, 300)]
    random.Random(4).shuffle(keys)

    for key in keys:
        wheel.put(3, key, Mark.LINK_UP)

    assert [key for _, key in taken(wheel, 3)] == sorted(keys)


def test_a_wake_comes_after_every_delivery_to_the_same_device() -> None:
    last_delivery = link_key(5, NOBODY - 1) + SEQUENCE_MASK

    assert last_delivery < mark_key(5) < link_key(6, 0)


def test_a_key_can_be_taken_apart_again() -> None:
    key = link_key(123, 456) + 789

    assert key >> DESTINATION_SHIFT == 123
    assert key >> SEQUENCE_BITS & SOURCE_MASK == 456
    assert key & SEQUENCE_MASK == 789


@pytest.mark.parametrize("ahead", [1, LAP_TICKS - 1, LAP_TICKS, LAP_TICKS + 1, 5 * LAP_TICKS + 7])
@pytest.mark.parametrize("start", [0, 1, LAP_TICKS - 2, LAP_TICKS, 2 * LAP_TICKS + 3])
def test_an_event_happens_at_its_tick_however_far_ahead(start: int, ahead: int) -> None:
    wheel = Wheel()
    taken(wheel, start)

    wheel.put(start + ahead, mark_key(1), Mark.WAKE)

    assert taken(wheel, start + ahead + LAP_TICKS) == [(start + ahead, mark_key(1))]


def test_random_events_come_back_like_from_a_sorted_list() -> None:
    chance = random.Random(11)
    wheel = Wheel()
    expected: list[tuple[int, int]] = []
    for number in range(3_000):
        tick, key = chance.randrange(20_000), link_key(chance.randrange(50), number)
        wheel.put(tick, key, Mark.WAKE)
        expected.append((tick, key))

    assert taken(wheel, 20_000) == sorted(expected)
    assert list(wheel.pending()) == []


def test_an_event_in_the_past_is_a_bug() -> None:
    wheel = Wheel()
    taken(wheel, 10)

    with pytest.raises(AssertionError):
        wheel.put(10, mark_key(0), Mark.WAKE)
