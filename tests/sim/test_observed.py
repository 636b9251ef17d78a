"""Observed nodes: their order inside a tick, and bugs of the daemon that only they can show."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
import trio

from smilesim import scenario
from smilesim.city import City, Plan
from smilesim.clock import VirtualClock, make_deterministic, until
from smilesim.crowd import district
from smilesim.device import Device, LivePeer
from smilesim.engine import TICKS_PER_SECOND
from smilesim.fidelity import DAEMON, FAST, NAMES, TAGGED, WIRE, check
from smilesim.observed.instants import DEVICES_MAX, Instants
from smilesync.effects import Effect
from smilesync.errors import SettingsError
from smilesync.mesh.session import ReplayWindow
from smilesync.wire import codec
from smilesync.wire.messages import Clock, Message
from smilesync.wire.records import Record
from smilesyncd import driver
from support import planted

LAST_TICK = scenario.SECONDS_MAX * TICKS_PER_SECOND


def run(fidelity: str, bug: planted.Bug | None = None) -> City:
    """Let a small town live for four seconds, or until a planted bug breaks a promise."""
    calm = scenario.parse(
        "calm",
        'summary = ""\npeers = 8\nseconds = 4\nweather = { duplicate_percent = 20 }',
        "calm",
    )

    def make(device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer:
        peer = city.make_peer(device, journal, now_ns)
        return peer if bug is None else bug(peer, device)

    plan = Plan(calm, district(8, 3), 3, 4)
    city = City(plan, make_peer=make, keep_going=bug is None, fidelity=fidelity)
    city.run()
    return city


@pytest.mark.parametrize("tick", [1, LAST_TICK])
def test_every_device_has_an_instant_of_its_own_also_at_the_end_of_the_longest_run(
    tick: int,
) -> None:
    clock = VirtualClock()
    instants = Instants(clock, DEVICES_MAX)

    deadlines = [instants.deadline(tick, index) for index in range(DEVICES_MAX)]

    assert all(one < other for one, other in pairwise(deadlines))
    assert (tick - 1) / TICKS_PER_SECOND < deadlines[0]
    assert deadlines[-1] < tick / TICKS_PER_SECOND


def test_devices_act_by_index_and_the_tasks_of_the_city_after_them() -> None:
    clock = VirtualClock()
    instants = Instants(clock, 3)
    order: list[str] = []

    async def act(name: str, deadline: float) -> None:
        await trio.sleep_until(deadline)
        order.append(name)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(act, "fault", 7 / TICKS_PER_SECOND)
            for index in (2, 0, 1):
                nursery.start_soon(act, f"device {index}", instants.deadline(7, index))
            await trio.testing.wait_all_tasks_blocked()
            assert instants.next_tick(100) == 7
            await instants.come(7, 1)
            order.append("fed 1")
            await trio.testing.wait_all_tasks_blocked()
            await instants.finish(7)
            order.append("wheel done")
            await until(7)
        assert clock.tick == 7

    make_deterministic()
    trio.run(main, clock=clock)

    assert order == ["device 0", "fed 1", "device 1", "device 2", "wheel done", "fault"]


def test_a_driver_that_sends_before_its_journal_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(self: driver.Node, effects: list[Effect]) -> None:
        for effect in sorted(effects, key=lambda one: isinstance(one, driver.Persist)):
            if isinstance(effect, driver.Persist):
                self._records.append(effect.record)
            else:
                self._act(effect)

    monkeypatch.setattr(driver.Node, "_run", hasty)

    assert "I5" in {one.rule for one in run(DAEMON).violations.kept}
    assert not run(FAST).violations.kept


def test_a_link_without_a_replay_window_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(FAST).trace.digest()
    assert run(DAEMON).trace.digest() == expected

    monkeypatch.setattr(ReplayWindow, "is_fresh", lambda _self, _counter: True)

    assert run(DAEMON).trace.digest() != expected


def test_a_codec_that_forgets_a_field_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(FAST).trace.digest()
    encode = codec.encode

    def forgetful(message: Message) -> bytes:
        return encode(replace(message, held_us=0) if isinstance(message, Clock) else message)

    monkeypatch.setattr(codec, "encode", forgetful)

    assert run(FAST).trace.digest() == expected
    assert run(WIRE).trace.digest() != expected
    assert run(DAEMON).trace.digest() != expected


def test_a_daemon_that_breaks_ends_the_run_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise AssertionError("a bug of the daemon")

    monkeypatch.setattr(driver.Node, "_wake", broken)

    city = run(DAEMON)

    assert "a bug of the daemon" in city.crash
    assert [one.rule for one in city.violations.kept] == ["crash"]


@pytest.mark.parametrize(
    ("rule", "bug"),
    [("I4", planted.VotesTwice), ("I5", planted.WritesLate), ("I5", planted.ForgetsTime)],
)
def test_a_broken_promise_ends_every_fidelity_in_the_same_tick(rule: str, bug: planted.Bug) -> None:
    fast = run(FAST, bug)
    others = [run(fidelity, bug) for fidelity in NAMES if fidelity != FAST]

    assert rule in {one.rule for one in fast.violations.kept}
    assert fast.world.tick < fast.end_tick
    for city in others:
        assert city.world.tick == fast.world.tick
        assert city.violations.kept[0].rule == fast.violations.kept[0].rule
        assert city.fidelity == TAGGED or city.trace.digest() == fast.trace.digest()


def test_what_cannot_be_run_is_refused() -> None:
    for name in NAMES:
        check(name, DEVICES_MAX)
    with pytest.raises(SettingsError, match="tagged, fast, wire, daemon, got 'real'"):
        check("real", 10)
    with pytest.raises(SettingsError, match="expected at most 1000 peers, got 1001"):
        check(DAEMON, DEVICES_MAX + 1)
    check(WIRE, DEVICES_MAX + 1)
