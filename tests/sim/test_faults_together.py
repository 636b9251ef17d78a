"""Faults that overlap: each does what it says all the time, and heals nothing of another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import pytest

from smilesim import lightsample, scenario
from smilesim.city import City, Plan
from smilesim.clock import until
from smilesim.crowd import Crowd, district
from smilesim.device import Device
from smilesim.drive import Books
from smilesim.faults.kind import Fault
from smilesim.faults.power import CAPACITOR_MS
from smilesim.faults.table import KINDS, over_s
from smilesim.oscillator import DRIFT_PPB_MAX
from smilesync.commands import Command, Switch
from smilesync.effects import Effect, Persist
from smilesync.ids import PeerId
from smilesync.keys import Signer
from smilesync.statistics import Statistics
from smilesync.wire import records
from smilesync.wire.messages import Message
from smilesync.wire.records import ConsentSet, Record

PEERS, SEED, SECONDS = 8, 4, 14
LONG = {"at_s": 2, "heal_s": 8, "outage_s": 4, "charged_s": 8, "pause_s": 6}
SHORT = {"at_s": 3, "heal_s": 5, "outage_s": 0.6, "charged_s": 5, "pause_s": 1}
BOTH = {"spread_s": 0.5, "percent": 60, "percent_per_min": 1_000, "points": 2, "every_s": 1}
BOTH |= {"retry_s": 0.5, "age_s": 0.5, "asks_after_s": 1, "late_ms": 500}
POWER = ("blackout", "crashes", "torn-writes", "batteries", "restored-backup", "lost-journals")
POWER += ("replayer",)
DISKS = ("disk-full", "read-only", "disk-errors")
OTHERS = ("pauses", "slow", "clock-drift", "loss", "delay", "sides")
LASTING = (*POWER, *DISKS, *OTHERS)
SAMPLE_MS, SAMPLES = CAPACITOR_MS, 2 * SECONDS
WRITES_NS = 200_000_000
WRITTEN = Persist(records.encode(ConsentSet(int(Switch.COLLECTIVE))))


@pytest.fixture(autouse=True)
def _no_light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at lamps here: half of the time would go into drawing them."""
    monkeypatch.setattr(lightsample, "SAMPLE_SIZE", 0)


State = tuple[str | int, ...]
"""What ails somebody, and whom; how bad it is where that can vary."""


@dataclass
class Scribe:
    """Runs on a device and does nothing but write: a run without circles costs little time."""

    due_ns: int

    def wake(self, now_ns: int) -> list[Effect]:
        self.due_ns = now_ns + WRITES_NS
        return [WRITTEN]

    def next_wake_ns(self) -> int:
        return self.due_ns

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        return []

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        return []

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return []

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return []

    def renewed(self, key: Signer, now_ns: int) -> list[Effect]:
        return []

    def statistics(self, now_ns: int) -> Statistics:
        raise NotImplementedError


def scribe(_device: Device, _journal: Sequence[Record], now_ns: int) -> Scribe:
    return Scribe(now_ns + WRITES_NS)


def fault_of(kind: str, times: dict[str, float]) -> Fault:
    given = {**BOTH, **times}
    numbers = {key.name: given.get(key.name, key.default or 0.0) for key in KINDS[kind].keys}
    return Fault(kind, numbers["at_s"], numbers)


@cache
def people() -> Crowd:
    return district(PEERS, SEED)


def life(*faults: Fault) -> list[dict[State, int]]:
    """Return what ails a city in each half second, and how badly."""
    plan = replace(scenario.load("calm"), faults=faults, seconds=SECONDS, expect={})
    city = City(Plan(plan, people(), SEED, SECONDS), make_peer=scribe)
    found: list[dict[State, int]] = []

    async def probe(city: City, _: Books) -> None:
        for number in range(1, SAMPLES):
            await until(number * SAMPLE_MS)
            found.append(ails(city))

    city.run(probes=[probe])

    assert not city.crash
    return found


@cache
def alone(kind: str, *, is_long: bool) -> list[dict[State, int]]:
    return life(fault_of(kind, LONG if is_long else SHORT))


def ails(city: City) -> dict[State, int]:
    found: dict[State, int] = {}
    for device in city.devices:
        index = device.index
        found["off", index] = not device.is_on
        found["paused", index] = device.is_paused
        found["life", index] = device.boots
        found["slow", index] = device.slow_ms
        found["drift", index] = device.is_on and abs(drift_ppb(device)) > 10 * DRIFT_PPB_MAX
        for ailment in device.disk.ailments:
            found["ill", index, ailment.name] = 1
        for source, way in device.inbound.items():
            found["cut", source, index] = way.is_cut
    weather = city.world.radio.weather
    found["loss",], found["tail",] = weather.loss_ppm, weather.tail_ppm
    return {state: amount for state, amount in found.items() if amount}


def drift_ppb(device: Device) -> int:
    clock = device.oscillator
    return (clock.at(1_000_000) - clock.at(0)) // 1_000 - 1_000_000_000


def unkept(kind: str, lone: list[dict[State, int]], both: list[dict[State, int]]) -> list[State]:
    """Return what a fault does alone and not beside another."""
    found: list[State] = []
    for number, states in enumerate(lone[1:], 1):
        for state, amount in states.items():
            name, who = state[0], state[1:2]
            is_off = ("off", *who) in both[number]
            if name == "life" or both[number].get(state, 0) >= amount:
                continue
            # Whoever crashes inside a write does so when it writes, within what a capacitor lasts.
            if name == "off" and (kind in DISKS or state not in lone[number - 1]):
                continue
            if name == "paused" and kind != "pauses":  # a slow one is busy now and then
                continue
            # Nobody notices a crystal without power, and a restart ends a pause.
            is_anew = both[number].get(("life", *who)) != states[("life", *who)] if who else False
            if (name in ("drift", "paused") and is_off) or (name == "paused" and is_anew):
                continue
            found.append((number, *state))
    return found


@pytest.mark.parametrize("first", LASTING)
def test_a_long_fault_and_all_others_within_it_do_what_each_does_alone(first: str) -> None:
    others = [kind for kind in LASTING if kind != first]
    faults = [fault_of(first, LONG), *(fault_of(kind, SHORT) for kind in others)]

    both = life(*faults)

    assert unkept(first, alone(first, is_long=True), both) == []
    for kind in others:
        assert unkept(kind, alone(kind, is_long=False), both) == [], kind
    assert max(map(over_s, faults)) < SECONDS
    assert [state for state in both[-1] if state[0] not in ("life", "loss")] == []


def test_who_comes_back_from_the_shortest_blackout_at_once_stays_on() -> None:
    states = life(fault_of("blackout", {"at_s": 2, "outage_s": 0.5, "spread_s": 0}))

    assert [state for state in states[-1] if state[0] == "off"] == []


@pytest.mark.parametrize(
    ("first", "second", "beside"),
    [
        ("blackout", "disk-full", {}),
        ("blackout", "crashes", {"percent_per_min": 6_000}),
        ("batteries", "blackout", {}),
        ("disk-full", "read-only", {}),
    ],
)
def test_what_is_over_early_ends_nothing_of_what_lasts(
    first: str, second: str, beside: dict[str, float]
) -> None:
    lasting = fault_of(first, {**LONG, "percent": 100, "spread_s": 0})

    both = life(lasting, fault_of(second, {**SHORT, "percent": 100, **beside}))

    off = [sum(state[0] == "off" for state in states) for states in both]
    assert min(off[7:11]) == PEERS, "until 6 s nobody has power, or a disk that takes writes"
    assert off[-1] == 0
