"""The fate of a transmission follows from the seed, the link and its sequence alone."""

from itertools import pairwise

import pytest

from smilesim.engine import LAP_TICKS, SEQUENCE_BITS, Wheel
from smilesim.fate import FATES, LOST, Weather, fates_of
from smilesim.radio import AirLink, Radio
from smilesync.ids import PeerId
from smilesync.wire.messages import Carried, Clock, Message

PING = Clock(1, 0, 0, None, False, False)
FEELING = Carried(2, PeerId(bytes(32)), b"", bytes(64))
CLEAR = Weather(loss_ppm=0, duplicate_ppm=0, reorder_ppm=0)


def air_link(seed: int = 1, source: int = 0, destination: int = 1) -> AirLink:
    link = AirLink(seed, source, destination)
    link.key |= (2 * source + destination) << SEQUENCE_BITS
    link.set_up(is_up=True)
    return link


def fates(weather: Weather, count: int, message: Message = PING, **link: int) -> list[list[int]]:
    """Return the delays of every copy, for each of `count` transmissions."""
    wheel = Wheel()
    wheel.advance()
    radio = Radio(wheel, weather, delivers_copies=True)
    air = air_link(link.get("seed", 1), link.get("source", 0), link.get("destination", 1))
    begin = air.key
    for _ in range(count):
        radio.transmit(air, message)
    arrivals: list[list[int]] = [[] for _ in range(count)]
    for tick in range(1, link.get("ticks", 3_000)):
        for key, _, _ in wheel.advance():
            arrivals[key - begin].append(tick)
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
        link = air_link()
        radio.start_storm(99, 500)
        radio.transmit(link, message)
        radio.stop_storm()

        arrived = 0
        for _ in range(600):
            radio.release()
            arrived += len(wheel.advance())
        assert arrived == expected


@pytest.mark.parametrize("is_open", [True, False])
def test_copies_fare_as_if_each_were_carried_alone(is_open: bool) -> None:
    weather = Weather(loss_ppm=50_000, duplicate_ppm=20_000, reorder_ppm=90_000, tail_ppm=20_000)
    waits_ms = [*range(0, 2 * LAP_TICKS, 50), 0]
    found = []
    for is_together in (True, False):
        wheel, link = Wheel(), air_link()
        wheel.advance()
        if not is_open:
            link.set_cut(is_cut=True)
        radio = Radio(wheel, weather, delivers_copies=True)
        if is_together:
            radio.carry_each(link, FEELING, waits_ms)
        else:
            for wait_ms in waits_ms:
                radio.carry(link, FEELING, wait_ms)
        radio.set_weather(CLEAR)
        events = []
        for _ in range(4 * LAP_TICKS):
            radio.release()
            # Copies are not told apart: all but the last, which has the highest key of them.
            events += [(wheel.tick, key == link.key - 1) for key, _, _ in wheel.advance()]
        counts = (radio.lost, radio.cut, radio.duplicated, radio.reordered, radio.late)
        found.append((events, link.key, counts))

    assert found[0] == found[1]


def test_where_no_link_stops_copies_of_the_air_they_are_only_counted() -> None:
    wheel = Wheel()
    wheel.advance()
    radio = Radio(wheel, Weather(loss_ppm=0, duplicate_ppm=500_000))
    link = air_link()
    for _ in range(200):
        radio.transmit(link, PING)

    assert sum(1 for _ in wheel.pending()) == 200
    assert 60 < radio.duplicated < 140


def test_a_heavy_tail_is_late_rarely_mostly_by_little_and_beyond_a_lap() -> None:
    weather = Weather(
        loss_ppm=0, duplicate_ppm=0, reorder_ppm=0, tail_ppm=200_000, tail_ms_max=2_000
    )
    late = [copies[0] for copies in fates(weather, 4_000) if copies[0] >= 10]

    assert len(late) / 4_000 == pytest.approx(0.2, abs=0.02)
    assert max(late) > 1_000
    assert sorted(late)[len(late) // 2] < 100
    far = Weather(loss_ppm=0, duplicate_ppm=0, reorder_ppm=0, tail_ppm=10**6, tail_ms_max=9_000)
    assert max(copies[0] for copies in fates(far, 300, ticks=10_000)) > LAP_TICKS


def test_weather_changes_for_what_is_sent_after() -> None:
    wheel = Wheel()
    wheel.advance()
    radio = Radio(wheel, Weather(loss_ppm=1_000_000))
    air = air_link()
    radio.transmit(air, PING)
    radio.set_weather(Weather(loss_ppm=0))
    radio.transmit(air, PING)

    assert radio.lost == 1
    assert len(list(wheel.pending())) == 1


def test_a_link_meets_every_fate_of_its_weather_before_it_meets_one_again() -> None:
    weather = Weather(loss_ppm=30_000, duplicate_ppm=0, reorder_ppm=0)
    once = fates(weather, FATES)

    lost = sum(not copies for copies in once)
    assert lost == 30_000 * FATES // 1_000_000
    assert fates(weather, 2 * FATES)[FATES:] == once


def test_links_meet_losses_one_after_the_other_as_often_as_chance_has_it() -> None:
    weather = Weather(loss_ppm=100_000)
    pairs = links = 0
    for source in range(200):
        fallen = [not copies for copies in fates(weather, 300, source=source, ticks=200)]
        pairs += sum(one and other for one, other in pairwise(fallen))
        links += 299

    assert pairs / links == pytest.approx(0.01, rel=0.25)


def test_what_is_damaged_is_dropped_unless_something_does_the_damage() -> None:
    wheel = Wheel()
    wheel.advance()
    radio = Radio(wheel, Weather(loss_ppm=0, duplicate_ppm=0, reorder_ppm=0, damage_ppm=500_000))
    link = air_link()
    for _ in range(200):
        radio.carry(link, b"bytes")
    whole = len(list(wheel.pending()))
    assert radio.damaged == 200 - whole
    assert 50 < whole < 150

    radio.damage = lambda payload, chance: (payload, chance)
    for _ in range(200):
        radio.carry(link, b"bytes")
    payloads = [payload for _, _, payload in wheel.pending()]
    assert len(payloads) == whole + 200
    changed = [payload for payload in payloads if isinstance(payload, tuple)]
    assert len(changed) == radio.damaged - (200 - whole)
    assert len({chance for _, chance in changed}) == len(changed)


def test_the_smallest_share_strikes_somebody() -> None:
    assert fates_of(Weather(loss_ppm=1)).count(LOST) == 1
    assert fates_of(Weather(loss_ppm=0)).count(LOST) == 0
