"""The fate of a transmission follows from the seed, the link and its sequence alone."""

import pytest

from smilesim.engine import COPY_BITS, SEQUENCE_MASK, Wheel
from smilesim.radio import AirLink, Radio, Weather
from smilesync.ids import PeerId
from smilesync.wire.messages import Carried, Clock, Message

PING = Clock(1, 0, 0, None, False, False)
FEELING = Carried(2, PeerId(bytes(32)), b"", bytes(64))
CLEAR = Weather(loss_ppm=0, duplicate_ppm=0, reorder_ppm=0)


def fates(weather: Weather, count: int, message: Message = PING, **link: int) -> list[list[int]]:
    """Return the delays of every copy, for each of `count` transmissions."""
    wheel = Wheel()
    wheel.advance()
    radio = Radio(wheel, weather, delivers_copies=True)
    air = AirLink(link.get("seed", 1), link.get("source", 0), link.get("destination", 1))
    air.set_up(is_up=True)
    for _ in range(count):
        radio.transmit(air, message)
    arrivals: list[list[int]] = [[] for _ in range(count)]
    for tick in range(1, 3_000):
        for key in wheel.advance():
            arrivals[(key & SEQUENCE_MASK) >> COPY_BITS].append(tick)
    return arrivals


def test_the_same_link_has_the_same_fate_every_time() -> None:
    weather = Weather(loss_ppm=200_000, duplicate_ppm=100_000, reorder_ppm=100_000)

    assert fates(weather, 300) == fates(weather, 300)


@pytest.mark.parametrize("other", [{"seed": 2}, {"source": 2}, {"destination": 2}])
def test_another_seed_or_link_has_another_fate(other: dict[str, int]) -> None:
    assert fates(Weather(), 300) != fates(Weather(), 300, **other)


def test_two_directions_of_a_pair_are_independent() -> None:
    assert fates(Weather(), 300) != fates(Weather(), 300, source=1, destination=0)


def test_nothing_arrives_in_the_tick_it_was_sent() -> None:
    delays = [delay for copies in fates(CLEAR, 500) for delay in copies]

    assert len(delays) == 500
    assert min(delays) >= CLEAR.delay_ms_min >= 1
    assert max(delays) < CLEAR.delay_ms_min + CLEAR.delay_ms_span


@pytest.mark.parametrize("share_ppm", [0, 10_000, 400_000, 600_000])
def test_loss_has_its_share(share_ppm: int) -> None:
    got = fates(Weather(loss_ppm=share_ppm, duplicate_ppm=0), 5_000)

    lost = sum(not copies for copies in got) / 5_000
    assert lost == pytest.approx(share_ppm / 1e6, abs=0.02)


@pytest.mark.parametrize("share_ppm", [0, 20_000, 500_000])
def test_duplication_has_its_share(share_ppm: int) -> None:
    got = fates(Weather(loss_ppm=0, duplicate_ppm=share_ppm), 5_000)

    doubled = sum(len(copies) == 2 for copies in got) / 5_000
    assert doubled == pytest.approx(share_ppm / 1e6, abs=0.02)


def test_reordered_messages_overtake_each_other() -> None:
    got = fates(Weather(loss_ppm=0, duplicate_ppm=0, reorder_ppm=100_000), 2_000)

    late = [copies[0] for copies in got if copies[0] > 10]
    assert 100 < len(late) < 300
    assert max(late) > 50


def test_nothing_passes_without_session_through_a_cut_or_out_of_range() -> None:
    link = AirLink(1, 0, 1)
    assert not link.is_open
    link.set_up(is_up=True)
    assert link.is_open
    link.set_cut(is_cut=True)
    assert not link.is_open
    link.set_far(is_far=True)
    link.set_cut(is_cut=False)
    assert not link.is_open
    link.set_far(is_far=False)
    assert link.is_open


def test_a_storm_repeats_feelings_and_nothing_else() -> None:
    for message, expected in ((FEELING, 100), (PING, 1)):
        wheel = Wheel()
        wheel.advance()
        radio = Radio(wheel, CLEAR)
        link = AirLink(1, 0, 1)
        link.set_up(is_up=True)
        radio.start_storm(99, 500)
        radio.transmit(link, message)
        radio.stop_storm()

        assert sum(1 for _ in wheel.pending()) == expected


def test_where_no_link_stops_copies_of_the_air_they_are_only_counted() -> None:
    wheel = Wheel()
    wheel.advance()
    radio = Radio(wheel, Weather(loss_ppm=0, duplicate_ppm=500_000))
    link = AirLink(1, 0, 1)
    link.set_up(is_up=True)
    for _ in range(200):
        radio.transmit(link, PING)

    assert sum(1 for _ in wheel.pending()) == 200
    assert 60 < radio.duplicated < 140
