"""The wheel gives events back at their tick, in the order (station, way, sequence)."""

import random

import pytest

from smilesim.engine import (
    LAP_TICKS,
    SEQUENCE_MASK,
    Event,
    Lane,
    Mark,
    Way,
    Wheel,
    give_ranks,
    step,
)

Heard = list[tuple[int, str, object]]


class Road(Way):
    def __init__(self, source: int) -> None:
        self.key = 0
        self.source = source


class Station(Lane):
    __slots__ = ("name", "ways")

    def __init__(self, name: str, sources: list[int]) -> None:
        self.key = 0
        self.name = name
        self.ways = [Road(source) for source in sources]


class Listener:
    """Notes what it is told; says that a station is due after what it is told to say so for."""

    def __init__(self, wheel: Wheel, *due: object) -> None:
        self.heard: Heard = []
        self._wheel = wheel
        self._due = due

    def hear(self, way: Way, message: object, key: int) -> bool:
        self.heard.append((self._wheel.tick, way.station.name, (way.source, key & SEQUENCE_MASK)))
        return message in self._due

    def mark(self, station: Station, mark: Mark, key: int) -> bool:
        self.heard.append((self._wheel.tick, station.name, key & SEQUENCE_MASK))
        return mark in self._due

    def wake(self, station: Station) -> None:
        self.heard.append((self._wheel.tick, station.name, "woke"))


def stations() -> list[Station]:
    made = [Station("a", [1, 2]), Station("b", [0, 2]), Station("c", [0, 1])]
    give_ranks((station, station.ways) for station in made)
    return made


def event(lane: Lane, sequence: int, payload: object = "message") -> Event:
    return (lane.key | sequence, lane, payload)


def taken(wheel: Wheel, until: int) -> list[tuple[int, Event]]:
    found: list[tuple[int, Event]] = []
    while wheel.tick < until:
        bucket = wheel.advance()
        found += [(wheel.tick, event) for event in bucket]
        bucket.clear()
    return found


def test_events_of_one_tick_are_ordered_by_destination_source_and_sequence() -> None:
    wheel = Wheel()
    events = [
        event(lane, n)
        for station in stations()
        for lane in (*station.ways, station)
        for n in (0, 9)
    ]
    shuffled = list(events)
    random.Random(4).shuffle(shuffled)

    for one in shuffled:
        wheel.put(3, one)

    assert [one for _, one in taken(wheel, 3)] == events


def test_a_station_that_is_due_wakes_once_after_everything_that_reaches_it() -> None:
    wheel = Wheel()
    a, b, c = stations()
    host = Listener(wheel, "due", Mark.WAKE)
    for lane, payload in (
        (c, Mark.WAKE),
        (a, Mark.LINK_UP),
        (a.ways[0], "due"),
        (a.ways[1], "due"),
        (b.ways[0], "message"),
    ):
        wheel.put(1, event(lane, 7, payload))
    while wheel.tick < 2:
        step(wheel, host)

    assert host.heard == [
        (1, "a", (1, 7)),
        (1, "a", (2, 7)),
        (1, "a", 7),
        (1, "a", "woke"),
        (1, "b", (0, 7)),
        (1, "c", 7),
        (1, "c", "woke"),
    ]


def test_the_same_event_may_be_put_twice() -> None:
    wheel = Wheel()
    station = stations()[0]
    for _ in range(2):
        wheel.put(1, event(station, 0, Mark.WAKE))

    assert len(taken(wheel, 1)) == 2


@pytest.mark.parametrize("ahead", [1, LAP_TICKS - 1, LAP_TICKS, LAP_TICKS + 1, 5 * LAP_TICKS + 7])
@pytest.mark.parametrize("start", [0, 1, LAP_TICKS - 2, LAP_TICKS, 2 * LAP_TICKS + 3])
def test_an_event_happens_at_its_tick_however_far_ahead(start: int, ahead: int) -> None:
    wheel = Wheel()
    one = event(stations()[1], 0, Mark.WAKE)
    taken(wheel, start)

    wheel.put(start + ahead, one)

    assert taken(wheel, start + ahead + LAP_TICKS) == [(start + ahead, one)]


def test_random_events_come_back_like_from_a_sorted_list() -> None:
    chance = random.Random(11)
    wheel = Wheel()
    lanes = [lane for station in stations() for lane in station.ways]
    expected: list[tuple[int, Event]] = []
    for number in range(3_000):
        tick, one = chance.randrange(20_000), event(chance.choice(lanes), number)
        wheel.put(tick, one)
        expected.append((tick, one))

    assert taken(wheel, 20_000) == sorted(expected, key=lambda item: (item[0], item[1][0]))
    assert list(wheel.pending()) == []


def test_an_event_in_the_past_is_a_bug() -> None:
    wheel = Wheel()
    taken(wheel, 10)

    with pytest.raises(AssertionError):
        wheel.put(10, event(stations()[0], 0))
