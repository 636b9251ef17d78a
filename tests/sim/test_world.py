"""The world executes effects in order, wakes on time, and loses what power loss takes."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from smilesim.city import City, Plan
from smilesim.crowd import Crowd
from smilesim.device import Device, LivePeer
from smilesim.disk import DiskFull
from smilesim.fate import Weather
from smilesim.scenario import Scenario
from smilesync.commands import Command, EmotionState, Feel
from smilesync.effects import Effect, Persist, Send
from smilesync.ids import PeerId
from smilesync.statistics import Statistics
from smilesync.wire import records
from smilesync.wire.messages import Clock, Message
from smilesync.wire.records import Felt, Record

CALM = Weather(loss_ppm=0, duplicate_ppm=0, reorder_ppm=0)
PERIOD_NS = 100_000_000
NEVER_NS = 2**62 - 1
Calls = list[tuple[int, str, object]]


class Fake:
    """A peer that pings its neighbours every 100 ms and notes what happens to it."""

    def __init__(self, device: Device, now_ns: int, city: City, calls: Calls) -> None:
        self.device = device
        self.city = city
        self.calls = calls
        self.next_ns = now_ns + PERIOD_NS
        self.count = 0

    def _note(self, what: str, detail: object, now_ns: int) -> None:
        tick = self.city.world.tick
        assert now_ns == self.device.oscillator.at(tick)
        self.calls.append((tick, f"{self.device.index} {what}", detail))

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        assert isinstance(message, Clock)
        self._note("got", message.stamp_us, now_ns)
        return []

    def wake(self, now_ns: int) -> list[Effect]:
        self._note("woke", now_ns >= self.next_ns, now_ns)
        if now_ns < self.next_ns:
            return []
        self.next_ns += PERIOD_NS * (1 + (now_ns - self.next_ns) // PERIOD_NS)
        self.count += 1
        ping = Clock(self.count, 0, 0, None, False, False)
        return [
            Persist(records.encode(Felt(self.count % 5))),
            *(Send(to, ping) for to in self.device.links),
        ]

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        self._note("told", command, now_ns)
        return []

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        self._note("linked", peer, now_ns)
        return []

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        self._note("parted", peer, now_ns)
        return []

    def next_wake_ns(self) -> int:
        return self.next_ns

    def statistics(self, now_ns: int) -> Statistics:
        raise NotImplementedError


def fake_city(calls: Calls) -> City:
    """Two devices near each other, not in one circle."""

    def make(device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer:
        calls.append((city.world.tick, f"{device.index} born", len(journal)))
        return Fake(device, now_ns, city, calls)

    crowd = Crowd(((0, 0), (100, 0)), ((0,), (1,)), ((0, 1),))
    scenario = Scenario("fake", "", 10, 2, CALM, (), {})
    city = City(Plan(scenario, crowd, 1, 10), make_peer=make)
    city.world.is_dialling = False
    return city


@pytest.fixture
def calls() -> Calls:
    return []


@pytest.fixture
def city(calls: Calls) -> City:
    city = fake_city(calls)
    for device in city.devices:
        city.world.power_on_at(device, 0)
    city.world.connect_at(city.devices[0], city.devices[1], 1)
    return city


def sent_by(device: Device) -> int:
    return sum(link.sequence for link in device.links.values())


def ticks(calls: Calls, what: str) -> list[int]:
    return [tick for tick, found, _ in calls if found == what]


def test_deadlines_round_up_to_the_tick_and_fire_once(city: City, calls: Calls) -> None:
    city.world.run_to(1_000)

    woke = ticks(calls, "0 woke")
    assert woke[0] == 0
    assert len(woke) == 11 or len(woke) == 10
    assert all(100 * n <= tick <= 100 * n + 1 for n, tick in enumerate(woke[1:], 1))


def test_messages_arrive_later_and_in_order(city: City, calls: Calls) -> None:
    city.world.run_to(1_000)

    got = [(tick, stamp) for tick, what, stamp in calls if what == "1 got"]
    woke = ticks(calls, "0 woke")[1:]
    assert [stamp for _, stamp in got] == list(range(1, len(got) + 1))
    assert all(
        CALM.delay_ms_min <= tick - sent < CALM.delay_ms_min + CALM.delay_ms_span
        for (tick, _), sent in zip(got, woke, strict=False)
    )


def test_nothing_is_handed_to_a_device_that_is_off(city: City, calls: Calls) -> None:
    city.world.run_to(450)
    city.world.power_off(city.devices[1])
    calls.clear()
    city.world.run_to(1_000)

    assert not [what for _, what, _ in calls if what.startswith("1")]
    assert ticks(calls, "0 woke")


def test_a_restart_begins_with_the_disk_and_hears_nothing_sent_before_its_links(
    city: City, calls: Calls
) -> None:
    city.world.run_to(401)
    city.world.power_off(city.devices[1])
    city.world.power_on_at(city.devices[1], 402)
    city.world.run_to(700)

    assert ("1 born", 4) in [(what, detail) for _, what, detail in calls]
    assert all(tick < 402 for tick in ticks(calls, "1 got"))
    city.world.connect_at(city.devices[0], city.devices[1], 750)
    city.world.run_to(1_000)
    assert any(tick > 750 for tick in ticks(calls, "1 got"))


def test_power_lost_inside_effects_takes_what_was_not_synced(city: City) -> None:
    device = city.devices[0]
    city.world.run_to(150)
    assert len(device.disk.records) == 1
    city.world.crash_inside(device, 1)
    city.world.run_to(250)

    assert not device.is_on
    assert city.world.fired["crash-inside-effects"] == 1
    assert len(device.disk.records) in (1, 2)


def test_power_lost_after_the_send_keeps_the_record_before_it(city: City) -> None:
    device = city.devices[0]
    city.world.run_to(150)
    sent = sent_by(device)
    city.world.crash_inside(device, 2)
    city.world.run_to(250)

    assert not device.is_on
    assert len(device.disk.records) == 2
    assert sent_by(device) > sent


def test_a_cut_stops_both_ways_and_ends(city: City, calls: Calls) -> None:
    city.world.run_to(300)
    ways = [link for device in city.devices for link in device.inbound.values()]
    for way in ways:
        way.set_cut(is_cut=True)
    city.world.run_to(320)
    calls.clear()
    city.world.run_to(700)
    assert not ticks(calls, "0 got")
    assert not ticks(calls, "1 got")
    assert city.world.radio.cut == 8

    for way in ways:
        way.set_cut(is_cut=False)
    city.world.connect_soon(city.devices[1], [0])
    city.world.run_to(1_000)
    assert ticks(calls, "0 got")
    assert ticks(calls, "1 got")
    assert not ticks(calls, "1 linked"), "the link kept its session, and tells nothing"


def test_people_who_walk_apart_hear_nothing_until_they_meet(city: City, calls: Calls) -> None:
    city.world.run_to(300)
    city.world.range_changed(0, 1, is_far=True)
    city.world.run_to(320)
    calls.clear()
    city.world.run_to(700)
    assert not ticks(calls, "1 got")

    city.world.range_changed(0, 1, is_far=False)
    city.world.run_to(1_000)
    assert ticks(calls, "1 got")


def test_a_wearers_command_comes_at_its_tick(city: City, calls: Calls) -> None:
    city.world.command_at(city.devices[1], 333, Feel(EmotionState.LOW))
    city.world.run_to(400)
    city.world.command(city.devices[1], Feel(EmotionState.HIGH))
    city.world.run_to(401)

    told = [(tick, command) for tick, what, command in calls if what == "1 told"]
    assert told == [(333, Feel(EmotionState.LOW)), (401, Feel(EmotionState.HIGH))]


def test_a_quiet_device_costs_no_wake(city: City, calls: Calls) -> None:
    city.world.run_to(10)
    for device in city.devices:
        peer = device.peer
        assert isinstance(peer, Fake)
        peer.next_ns = NEVER_NS
    city.world.run_to(200)
    calls.clear()
    city.world.run_to(5_000)

    assert calls == []


def test_what_reaches_a_paused_device_waits_until_it_goes_on(city: City, calls: Calls) -> None:
    city.world.run_to(300)
    city.world.pause(city.devices[1], 600)
    calls.clear()
    city.world.run_to(599)
    assert not [what for _, what, _ in calls if what.startswith("1")]
    city.world.command(city.devices[1], Feel(EmotionState.LOW))
    city.world.run_to(600)

    assert [what for _, what, _ in calls if what.startswith("1")] == [
        "1 got",
        "1 got",
        "1 got",
        "1 told",
        "1 woke",
    ]
    stamps = [stamp for _, what, stamp in calls if what == "1 got"]
    assert stamps == sorted(stamps)  # type: ignore[type-var]


def test_a_slow_device_handles_a_batch_and_then_nothing_for_a_while(
    city: City, calls: Calls
) -> None:
    city.devices[1].slow_ms = 250
    city.world.run_to(2_000)

    busy = sorted({tick for tick, what, _ in calls if what.startswith("1") and tick > 1})
    assert len(busy) > 4
    assert all(after - before >= 250 for before, after in pairwise(busy))


def test_a_pause_ends_with_the_life_it_was_in(city: City, calls: Calls) -> None:
    city.world.run_to(300)
    city.world.pause(city.devices[1], 5_000)
    city.world.power_off(city.devices[1])
    city.world.power_on_at(city.devices[1], 310)
    city.world.run_to(320)

    assert ("1 born", 310) in [(what, tick) for tick, what, _ in calls]


def test_after_a_change_of_clock_a_device_is_due_by_the_new_one(city: City, calls: Calls) -> None:
    device = city.devices[0]
    city.world.run_to(310)
    calls.clear()
    ahead_ns = 1_000_000_000
    device.oscillator._origin_ns += ahead_ns
    city.world.retime(device, device.oscillator)
    city.world.run_to(311)

    assert ticks(calls, "0 woke") == [311]


def test_a_disk_that_refuses_a_write_stops_its_device(
    city: City, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = city.devices[0]
    city.world.run_to(150)
    sent = sent_by(device)

    def refuse(disk: object, record: bytes) -> None:
        if disk is device.disk:
            raise DiskFull

    monkeypatch.setattr("smilesim.disk.Disk.write", refuse)
    city.world.run_to(205)

    assert not device.is_on
    assert city.world.fired["disk-stop"] == 1
    assert city.world.fired["power-loss"] == 0
    assert sent_by(device) == sent
    assert city.devices[1].is_on


def test_one_direction_can_be_cut_alone_and_no_handshake_passes_then(
    city: City, calls: Calls
) -> None:
    city.world.run_to(300)
    city.devices[1].inbound[0].set_cut(is_cut=True)
    city.world.run_to(320)
    calls.clear()
    city.world.connect_soon(city.devices[0], [1])
    city.world.run_to(700)

    assert not ticks(calls, "1 got")
    assert ticks(calls, "0 got")
    assert not ticks(calls, "0 linked")
    assert not ticks(calls, "1 linked")


def test_who_lived_on_hears_that_the_other_is_another_life(city: City, calls: Calls) -> None:
    city.world.run_to(401)
    city.world.power_off(city.devices[1])
    city.world.power_on_at(city.devices[1], 402)
    city.world.connect_at(city.devices[0], city.devices[1], 410)
    city.world.run_to(405)
    calls.clear()
    city.world.run_to(410)

    assert [what for _, what, _ in calls] == ["0 parted", "0 linked", "1 linked"]
