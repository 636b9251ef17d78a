"""One run from plan to report: a crowd settles, lives through a scenario, and is judged."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import trio

from smilesim.checks import Checks
from smilesim.clock import until
from smilesim.crowd import Crowd, boot_entropy, settle
from smilesim.device import Device, LivePeer, PeerMaker
from smilesim.dice import stream
from smilesim.drive import Actor, run_city
from smilesim.engine import TICKS_PER_SECOND, Wheel
from smilesim.faults import Faults
from smilesim.lightjudge import Limits
from smilesim.lightsample import LightSample
from smilesim.measure import Measure
from smilesim.radio import Radio
from smilesim.scenario import Scenario
from smilesim.trace import Trace
from smilesim.verify import SignThrough
from smilesim.violations import Violations
from smilesim.world import World
from smilesync.boot import Keys
from smilesync.commands import EmotionState, Feel, SetConsent, Switch
from smilesync.config import Config
from smilesync.peer import Peer
from smilesync.wire.records import Record

START_SPREAD_MS = 500
HABIT_MS = 1_500
SHARING_PERCENT = 80
ALOOF_PERCENT = 3
SAMPLE_TICKS = 997
"""Not a whole second: leases of 4 s must not be looked at in the same phase for ever."""

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides a run."""

    scenario: Scenario
    crowd: Crowd
    seed: int
    seconds: int
    config: Config = field(default_factory=Config)


class City:
    """A settled crowd, ready to run once. `make_peer` is replaced by tests that plant faults."""

    def __init__(
        self, plan: Plan, *, make_peer: PeerMaker | None = None, trace: Trace | None = None
    ) -> None:
        self.plan = plan
        self.verifier = SignThrough()
        self.devices, self.circles = settle(plan.crowd, plan.seed, self.verifier)
        self.violations = Violations()
        self.measure = Measure(self.devices)
        self.lights = LightSample(
            self.devices,
            plan.seed,
            plan.config.light,
            self.violations,
            limits=_limits(plan),
        )
        self.checks = Checks(
            self.circles,
            self.verifier,
            violations=self.violations,
            measure=self.measure,
            lights=self.lights,
        )
        self.trace = trace or Trace()
        self.world = World(
            seed=plan.seed,
            devices=self.devices,
            radio=Radio(Wheel(), plan.scenario.weather),
            trace=self.trace,
            checks=self.checks,
            make_peer=make_peer or self.make_peer,
        )
        self.faults = Faults(self.world, self.circles, self.measure, plan.seed)
        self.end_tick = plan.seconds * TICKS_PER_SECOND
        self.wall_s = 0.0
        self.cpu_s = 0.0
        self.interrupted = False
        self.crash = ""

    def make_peer(self, device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer:
        """Return the real peer of a device."""
        circle = device.circle
        return Peer(
            self.plan.config,
            keys=Keys(device.keys.identity, device.keys.voter),
            verifier=self.verifier,
            genesis=circle.genesis if circle is not None else None,
            journal=journal,
            entropy=boot_entropy(self.plan.seed, device.index, device.boots),
            now_ns=now_ns,
        )

    def run(self, progress: Progress | None = None) -> None:
        """Run to the end, to a crash of the code under test, or to Ctrl-C; then judge."""
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        actors = [self._start, self._sample, *map(self.faults.task, self.plan.scenario.faults)]
        if self.plan.crowd.open_ticks is not None:
            actors.append(self._walk)
        if progress is not None:
            actors.append(_reporting(progress, self.plan.seconds))
        try:
            run_city(self.world, actors, end_tick=self.end_tick, seed=self.plan.seed)
        except* KeyboardInterrupt:
            self.interrupted = True
        except* (
            AssertionError,
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as group:
            self.crash = _first_line(group)
            self.violations.add("crash", self.world.tick, -1, self.crash)
        self.checks.finish(self.world.tick)
        self.wall_s = time.perf_counter() - started_s
        self.cpu_s = time.process_time() - started_cpu_s

    def told_share(self) -> float | None:
        """Return how many neighbours' feelings are known where a surge should have told them."""
        if not self.faults.felt:
            return None
        known = told = 0
        for device in self.devices:
            if device.peer is None:
                continue
            now_ns = device.oscillator.at(self.world.tick)
            held = dict(device.peer.statistics(now_ns).emotions)
            for source, link in device.inbound.items():
                other = self.devices[source]
                if link.is_open and other.is_on and self._is_sharing(other):
                    told += 1
                    known += held.get(other.identity) == self.faults.felt.get(source)
        return known / told if told else 0.0

    def _is_sharing(self, device: Device) -> bool:
        assert device.peer is not None
        switches = device.peer.statistics(device.oscillator.at(self.world.tick)).switches
        return Switch.SHARE in switches

    async def _start(self) -> None:
        """Switch everybody on within half a second; wearers say how they feel a little later."""
        entropy = stream(self.plan.seed, "start")
        for device in self.devices:
            tick = 1 + entropy.below(START_SPREAD_MS)
            self.world.power_on_at(device, tick)
            tick += 1 + entropy.below(HABIT_MS)
            feeling = EmotionState(entropy.below(len(EmotionState)))
            self.world.command_at(device, tick, Feel(feeling))
            if entropy.below(100) < SHARING_PERCENT:
                self.world.command_at(device, tick, SetConsent(Switch.SHARE, on=True))
            if entropy.below(100) < ALOOF_PERCENT:
                self.world.command_at(device, tick, SetConsent(Switch.COLLECTIVE, on=False))

    async def _sample(self) -> None:
        """Take the figures and sweep the checks, about once a second, for ever."""
        while True:
            await trio.sleep(SAMPLE_TICKS / TICKS_PER_SECOND)
            self.measure.sample(self.world.tick)
            self.checks.sweep(self.world.tick)

    async def _walk(self) -> None:
        """Follow the recording: who is in range of whom, and when."""
        crowd = self.plan.crowd
        assert crowd.open_ticks is not None
        changes: list[tuple[int, int, bool]] = []
        for place, (first, end) in enumerate(crowd.open_ticks):
            if first > 0:
                self.world.range_changed(*crowd.pairs[place], is_far=True)
                changes.append((first, place, False))
            if end < self.end_tick:
                changes.append((end, place, True))
        for tick, place, is_far in sorted(changes):
            await until(tick)
            self.world.range_changed(*crowd.pairs[place], is_far=is_far)


def _limits(plan: Plan) -> Limits:
    """What a judge must allow: one transition more where power may fail under a lamp.

    A wearer who leaves the collective makes the light fall, and so does a loss of power; only the
    first may also go down faster than the slew.
    """
    return Limits(luminance_max=plan.config.light.luminance_max).with_fall()


def _reporting(progress: Progress, seconds: int) -> Actor:
    async def report() -> None:
        for second in range(1, seconds + 1):
            await until(second * TICKS_PER_SECOND)
            progress(second)

    return report


def _first_line(group: BaseExceptionGroup[Exception]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    place = ""
    trace = error.__traceback__
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}: {error}"
