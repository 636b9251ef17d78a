"""Whole cities of real peers: scenarios pass, runs repeat, and planted bugs are caught."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from smilesim import lightsample, scenario
from smilesim.city import City, Plan
from smilesim.crowd import district
from smilesim.device import Device, LivePeer
from smilesim.report import report
from smilesync.commands import Command
from smilesync.effects import Effect, Persist, Scene, Send, Show
from smilesync.ids import PeerId
from smilesync.light.lamp import Frame, Lamp
from smilesync.peer import Statistics
from smilesync.wire import records
from smilesync.wire.messages import Message
from smilesync.wire.records import ClockReserved, Finalized, Notarized, Nullified, Record

PEERS, SEED = 30, 4


def plan(name: str, *, peers: int = PEERS, seconds: int | None = None) -> Plan:
    chosen = scenario.load(name)
    return Plan(chosen, district(peers, SEED), SEED, seconds or chosen.seconds)


def judged(city: City) -> dict[str, object]:
    city.run()
    return report(city)


def rules(result: dict[str, object]) -> set[str]:
    violations = result["violations"]
    assert isinstance(violations, list)
    return {one["rule"] for one in violations}


@pytest.mark.parametrize("name", scenario.names())
def test_a_small_city_lives_through_every_scenario(name: str) -> None:
    result = judged(City(plan(name)))

    assert result["violations"] == []
    assert result["verdict"] == "pass"


def test_a_run_repeats_exactly_and_another_seed_does_not() -> None:
    first = judged(City(plan("blackout", peers=15)))
    second = judged(City(plan("blackout", peers=15)))
    chosen = scenario.load("blackout")
    other = judged(City(Plan(chosen, district(15, SEED), SEED + 1, chosen.seconds)))

    assert first["digest"] == second["digest"]
    assert first["figures"] != {}
    assert first["digest"] != other["digest"]


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    here = Path(__file__).parents[2]
    program = (
        "from smilesim.city import City, Plan\n"
        "from smilesim.crowd import district\n"
        "from smilesim import scenario\n"
        "city = City(Plan(scenario.load('blackout'), district(15, 4), 4, 12))\n"
        "city.run()\n"
        "print(city.trace.digest())\n"
    )
    digests = set()
    for hash_seed in ("0", "1", "4711"):
        path = os.pathsep.join(str(here / part) for part in ("protocol", "node", "sim"))
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        run = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(run.stdout)

    assert len(digests) == 1


class Villain:
    """A peer with a planted bug: `bend` changes what it asks the world to do."""

    def __init__(self, peer: LivePeer) -> None:
        self._peer = peer

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return effects

    def handle(self, message: Message, sender: PeerId, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.handle(message, sender, now_ns))

    def wake(self, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.wake(now_ns))

    def command(self, command: Command, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.command(command, now_ns))

    def connected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.connected(peer, now_ns))

    def disconnected(self, peer: PeerId, now_ns: int) -> list[Effect]:
        return self.bend(self._peer.disconnected(peer, now_ns))

    def next_wake_ns(self) -> int:
        return self._peer.next_wake_ns()

    def statistics(self, now_ns: int) -> Statistics:
        return self._peer.statistics(now_ns)


def record_of(effect: Effect) -> Record | None:
    return records.decode(effect.record) if isinstance(effect, Persist) else None


class ForgetsVotes(Villain):
    """Never writes its NOTARIZE votes down."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [effect for effect in effects if not isinstance(record_of(effect), Notarized)]


class ForgetsTime(Villain):
    """Never reserves circle time."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [effect for effect in effects if not isinstance(record_of(effect), ClockReserved)]


class WritesLate(Villain):
    """Sends first and writes afterwards."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return sorted(effects, key=lambda effect: isinstance(effect, Persist))


class VotesTwice(Villain):
    """Nullifies every view it finalized."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        bent = list(effects)
        for effect in effects:
            record = record_of(effect)
            if isinstance(record, Finalized):
                bent.append(Persist(records.encode(Nullified(record.slot, record.view))))
        return bent


class ShowsForEver(Villain):
    """Never ends a certified pattern."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [
            effect for effect in effects if not isinstance(effect, Show) or effect.scene.is_selected
        ]


class IgnoresConsent(Villain):
    """Says on every record that the wearer had withdrawn, and shows all the same."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        withdrawn = Persist(records.encode(records.ConsentSet(0)))
        return [
            part
            for effect in effects
            for part in ((withdrawn, effect) if isinstance(effect, Show) else (effect,))
        ]


class ShowsOthers(Villain):
    """Shows a pattern that nobody decided, and that no lint would pass."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [
            Show(replace(effect.scene, pattern=b"\xa0"))
            if isinstance(effect, Show) and effect.scene.is_selected
            else effect
            for effect in effects
        ]


class TrustsNoClock(Villain):
    """Shows as if its clock were a quarter of a second ahead."""

    def bend(self, effects: list[Effect]) -> list[Effect]:
        return [self._shift(effect) for effect in effects]

    def _shift(self, effect: Effect) -> Effect:
        if isinstance(effect, Show) and effect.scene.timeline is not None:
            line = effect.scene.timeline
            return Show(
                replace(effect.scene, timeline=replace(line, circle_us=line.circle_us + 250_000))
            )
        return effect


class Explodes(Villain):
    """Has a bug of the plain kind."""

    def wake(self, now_ns: int) -> list[Effect]:
        effects = super().wake(now_ns)
        assert not any(isinstance(effect, Send) for effect in effects)
        return effects


class OverslepsWakes(Villain):
    """Asks to be woken when it is too late."""

    def next_wake_ns(self) -> int:
        return super().next_wake_ns() + 300_000_000


@pytest.mark.parametrize(
    ("villain", "rule"),
    [
        (ForgetsVotes, "I5"),
        (ForgetsTime, "I5"),
        (WritesLate, "I5"),
        (VotesTwice, "I4"),
        (VotesTwice, "I3"),
        (ShowsForEver, "I7"),
        (ShowsForEver, "I8"),
        (IgnoresConsent, "I8"),
        (ShowsOthers, "I8"),
        (TrustsNoClock, "I8"),
        (OverslepsWakes, "I8"),
        (Explodes, "crash"),
    ],
)
def test_a_planted_bug_is_caught(villain: type[Villain], rule: str) -> None:
    def make(device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer:
        return villain(city.make_peer(device, journal, now_ns))

    city = City(plan("calm", peers=14, seconds=10), make_peer=make)
    result = judged(city)

    assert rule in rules(result)
    assert result["verdict"] == "fail"


def test_a_pattern_that_breaks_a_static_condition_is_named_by_its_rule() -> None:
    def make(device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer:
        return ShowsOthers(city.make_peer(device, journal, now_ns))

    city = City(plan("calm", peers=7, seconds=6), make_peer=make)

    assert any(rule.startswith("PAT") for rule in rules(judged(city)))


def test_a_lamp_without_a_governor_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strobe(Lamp):
        """Emits full white and black in turns, four times a second."""

        def frame(self, scene: Scene, now_ns: int) -> Frame:
            frame = super().frame(scene, now_ns)
            level = float(now_ns // 125_000_000 % 2)
            return replace(frame, light=((level, level, level),))

    monkeypatch.setattr(lightsample, "Lamp", Strobe)

    assert "light" in rules(judged(City(plan("calm", peers=7, seconds=4))))


def test_the_light_of_at_most_32_devices_is_drawn_30_times_a_second() -> None:
    city = City(plan("calm", peers=40, seconds=5))
    city.run()

    assert city.lights.size == 32
    assert 32 * 30 * 4.4 < city.lights.frames < 32 * 30 * 5


def test_a_split_cuts_every_circle_that_has_two_and_strands_who_lost_the_quorum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts: list[int] = []
    stranded: set[int] = set()
    city = City(plan("split", peers=83, seconds=7))
    monkeypatch.setattr(city.world, "cut", parts.extend)
    monkeypatch.setattr(
        city.measure, "stranded", lambda who, _: stranded.update(one.index for one in who)
    )

    city.run()

    assert {circle.roster.size for circle in city.circles} == set(range(1, 8))
    for circle in city.circles:
        sides = Counter(parts[member] for member in circle.members)
        assert circle.roster.size == 1 or 2 * sides[0] >= circle.roster.size > sides[0]
        lost = {who for who in circle.members if sides[parts[who]] < circle.roster.quorum}
        assert stranded & set(circle.members) == lost
        assert circle.roster.size != 2 or len(lost) == 2


def test_an_expectation_that_is_not_met_fails_the_run() -> None:
    chosen = plan("calm", peers=7, seconds=6)
    strict = replace(chosen.scenario, expect={"commit_s_max": 0.01, "recommit_s_max": 5})
    result = judged(City(replace(chosen, scenario=strict)))

    assert rules(result) == {"expect commit_s_max", "expect recommit_s_max"}


def test_a_fault_that_never_fired_fails_the_run() -> None:
    city = City(plan("split", peers=1))

    assert "fault-not-seen" in rules(judged(city))
