"""One run from plan to report: a crowd settles, lives through a scenario, and is judged.

Whatever acts on the city is a trio task that derives what is left for it to do from the plan and
the tick, and keeps nothing else. So a city can be stored between two ticks, and its tasks be
started anew when it is loaded.
"""

import gc
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from smilesim.checks import Checks
from smilesim.clock import until
from smilesim.crowd import Crowd, boot_entropy, settle
from smilesim.device import Device, LivePeer, PeerMaker, SimCircle
from smilesim.dice import stream
from smilesim.drive import Actor, Books, run_city, uncollected
from smilesim.engine import TICKS_PER_SECOND
from smilesim.faults.task import Faults
from smilesim.fidelity import (
    DAEMON,
    FAST,
    drive_for,
    memory_for,
    radio_for,
    verifier_for,
    wire_for,
)
from smilesim.inputcheck import is_gentle
from smilesim.largepages import PEERS_MIN, lay_together
from smilesim.lightsample import LightSample
from smilesim.liveness import Liveness, healed_s
from smilesim.measure import Measure
from smilesim.observed.nodes import Nodes
from smilesim.pace import CountingTrace, Pace
from smilesim.restartcheck import REFUSED_RULE
from smilesim.scenario import Scenario
from smilesim.standstill import STANDSTILL, Standstill, Watch, limit_s, watched
from smilesim.trace import Trace
from smilesim.verify import SignThrough
from smilesim.villains.cast import VILLAINS
from smilesim.villains.turned import Means
from smilesim.violations import Broken, Violations
from smilesim.world import World
from smilesync.boot import Keys
from smilesync.circle.genesis import Policy
from smilesync.commands import EmotionState, Feel, SetConsent, Switch
from smilesync.config import Config
from smilesync.entropy import Entropy
from smilesync.mesh.config import LinkConfig
from smilesync.peer import Peer
from smilesync.wire.records import Record
from smilesyncd.analyser.judge import Limits

START_SPREAD_MS = 500
HABIT_MS = 1_500
SHARING_PERCENT = 80
ALOOF_PERCENT = 3
SAMPLE_TICKS = 997
"""Not a whole second: leases of 4 s must not be looked at in the same phase for ever."""
GROWTH_TICKS = 250
"""A city takes most of its memory within its first second."""

AGREEMENT = frozenset(("I1", "I2", "I3", "I6", "I7", "I10", REFUSED_RULE))
"""Rules that f + 1 villains can break whatever the honest do. No villain reaches the others:
light, consent, what an honest device signs, writes and shows."""

Progress = Callable[[int], None]
Probe = Callable[["City", Books], Awaitable[None]]
"""A task that looks at a city and never acts on it: a probe leaves no trace."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides a run."""

    scenario: Scenario
    crowd: Crowd
    seed: int
    seconds: int
    config: Config = field(default_factory=Config)


class City:
    """A settled crowd, ready to run once. `make_peer` is replaced by tests that plant faults.

    A promise that is found broken ends the run at that tick, unless it is to `keep_going`.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        make_peer: PeerMaker | None = None,
        trace: Trace | None = None,
        keep_going: bool = True,
        fidelity: str = FAST,
    ) -> None:
        self.plan = replace(plan, crowd=plan.crowd.settled())
        self.fidelity = fidelity
        self.verifier = memory_for(fidelity, is_governed=plan.scenario.is_governed)
        self.peer_verifier = verifier_for(fidelity, self.verifier)
        self.devices, self.circles = _settled(plan, self.verifier)
        self.violations = Violations(is_stopping=not keep_going, conceded=self._conceded())
        self.measure = Measure(self.devices)
        self.pace = Pace(self.circles, _healed_tick(plan), devices=len(self.devices))
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
            devices=self.devices,
            violations=self.violations,
            measure=self.measure,
            lights=self.lights,
            pace=self.pace,
            is_gentle=is_gentle(plan.scenario),
        )
        self.liveness = Liveness(plan.scenario, self.devices, self.checks)
        self.counting = CountingTrace() if plan.scenario.is_one_circle and not trace else None
        self.trace = trace or self.counting or Trace()
        radio = radio_for(fidelity, plan.scenario.weather)
        self.nodes: Nodes | None = None
        if fidelity == DAEMON:
            self.nodes = Nodes(make_peer or self.make_peer, self.peer_verifier, LinkConfig())
        self.world = World(
            seed=plan.seed,
            devices=self.devices,
            radio=radio,
            trace=self.trace,
            checks=self.checks,
            make_peer=make_peer or self.make_peer,
            wire=wire_for(fidelity, radio),
            host=self.nodes,
        )
        self.faults = Faults(
            self.world, self.circles, self.measure, scenario=plan.scenario, seed=plan.seed
        )
        self.end_tick = plan.seconds * TICKS_PER_SECOND
        self.wall_s = 0.0
        self.cpu_s = 0.0
        self._started_s = (0.0, 0.0)
        self.interrupted = False
        self.crash = ""

    def _conceded(self) -> frozenset[str]:
        """Return what nobody promises of this crowd: with more than f villains, agreement."""
        villains = self.plan.scenario.villains
        is_beyond = villains is not None and any(
            min(villains, circle.roster.size) > circle.roster.faults for circle in self.circles
        )
        return AGREEMENT if is_beyond else frozenset()

    def make_peer(self, device: Device, journal: Sequence[Record], now_ns: int) -> LivePeer:
        """Return the real peer of a device."""
        entropy = boot_entropy(self.plan.seed, device.index, device.boots)
        again = partial(self._honest_peer, device, journal, now_ns, entropy)
        peer = again()
        if not device.is_villain:
            return peer
        means = Means(peer, device, entropy, self.world.fired, again)
        return VILLAINS[device.villain].make(means)

    def _honest_peer(
        self, device: Device, journal: Sequence[Record], now_ns: int, entropy: Entropy
    ) -> Peer:
        circle = device.circle
        return Peer(
            self.plan.config,
            keys=Keys(device.keys.identity, device.keys.voter, device.keys.spare),
            verifier=self.peer_verifier,
            genesis=circle.genesis if circle is not None else None,
            journal=journal,
            entropy=entropy,
            now_ns=now_ns,
        )

    def run(self, progress: Progress | None = None, probes: Sequence[Probe] = ()) -> None:
        """Run to the end, to a crash or hang of the code under test, or to Ctrl-C; then judge.

        Errors: MemoryError, which says nothing about the code under test.
        """
        self._started_s = (time.perf_counter() - self.wall_s, time.process_time() - self.cpu_s)
        books = Books()
        actors = self._actors()
        actors += [partial(probe, self, books) for probe in probes]
        if progress is not None:
            actors.append(partial(self._report, progress))
        if len(self.devices) >= PEERS_MIN:
            actors.append(self._lay_together)
        is_out_of_memory = False
        watch = Watch(lambda: self.world.tick)
        try:
            moving = drive_for(self.nodes)
            with watched(watch, limit_s(len(self.devices))):
                run_city(self.world, actors, end_tick=self.end_tick, books=books, moving=moving)
        except* Broken:
            # What to make of it follows from the violations; the tick it was found in counts.
            self.world.end_tick()
        except* KeyboardInterrupt:
            self.interrupted = True
        except* MemoryError:
            is_out_of_memory = True
        except* Standstill:
            self._crashed("hang", STANDSTILL)
        except* Exception as group:  # noqa: BLE001 - whatever it raises is its fault
            # Interrupted between two tasks, trio calls a standstill an error of its own.
            found = ("hang", STANDSTILL) if watch.is_hung else ("crash", _first_line(group))
            self._crashed(*found)
        if is_out_of_memory:
            raise MemoryError
        self.checks.finish(self.world.tick)
        self._look_at_clock()

    def run_whole(self, probes: Sequence[Probe] = ()) -> None:
        """Run as `run` does. Errors: KeyboardInterrupt, as an interrupted run says nothing."""
        self.run(probes=probes)
        if self.interrupted:
            raise KeyboardInterrupt

    def _crashed(self, rule: str, detail: str) -> None:
        self.crash = detail
        self.violations.add(rule, self.world.tick, -1, detail)

    def _look_at_clock(self) -> None:
        started_s, started_cpu_s = self._started_s
        self.wall_s = time.perf_counter() - started_s
        self.cpu_s = time.process_time() - started_cpu_s

    def __getstate__(self) -> dict[str, object]:
        """Return what a stored city is, with the time it took so far."""
        self._look_at_clock()
        return dict(self.__dict__)

    def _actors(self) -> list[Actor]:
        """Return everything that acts on the city, in the order in which it does within a tick."""
        done_tick = max(0, self.world.tick)
        actors: list[Actor] = [self._start]
        actors += [self.faults.task(fault, done_tick) for fault in self.plan.scenario.faults]
        if self.plan.crowd.open_ticks is not None:
            actors.append(self._walk)
        return [*actors, self._sample, self.violations.watch]

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
        if self.world.tick > 0:
            return
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
        for number in count(max(0, self.world.tick) // SAMPLE_TICKS + 1):
            await until(number * SAMPLE_TICKS)
            self.measure.sample(self.world.tick)
            self.liveness.sample(self.world.tick)
            self.checks.sweep(self.world.tick)

    async def _walk(self) -> None:
        """Follow the recording: who is in range of whom, and when."""
        crowd, done_tick = self.plan.crowd, self.world.tick
        assert crowd.open_ticks is not None
        changes: list[tuple[int, int, bool]] = []
        for place, (first, end) in enumerate(crowd.open_ticks):
            if first > 0:
                changes.append((first, place, False))
                if done_tick <= 0:
                    self.world.range_changed(*crowd.pairs[place], is_far=True)
            if end < self.end_tick:
                changes.append((end, place, True))
        for tick, place, is_far in sorted(changes):
            if tick > done_tick:
                await until(tick)
                self.world.range_changed(*crowd.pairs[place], is_far=is_far)

    async def _lay_together(self) -> None:
        """Keep what the city holds in large pages, as it grows."""
        for number in count(max(0, self.world.tick) // GROWTH_TICKS + 1):
            lay_together()
            await until(number * GROWTH_TICKS)

    async def _report(self, progress: Progress) -> None:
        """Tell a person of every second reached."""
        for second in count(max(0, self.world.tick) // TICKS_PER_SECOND + 1):
            await until(second * TICKS_PER_SECOND)
            progress(second)


def _settled(plan: Plan, verifier: SignThrough) -> tuple[list[Device], list[SimCircle]]:
    """Make devices and circles, once what is left of another city is gone."""
    gc.collect()
    with uncollected():
        return settle(plan.crowd, plan.seed, verifier, _policy(plan))


def _policy(plan: Plan) -> Policy:
    """Return who may become a voter of the plan's circles."""
    if plan.scenario.is_open:
        return Policy.OPEN
    return Policy.INVITE if plan.scenario.is_governed else Policy.CLOSED


def _healed_tick(plan: Plan) -> int | None:
    """Return when the last fault is over, None if that is never."""
    healed = healed_s(plan.scenario)
    return None if healed is None else int(healed * TICKS_PER_SECOND)


def _limits(plan: Plan) -> Limits:
    """What a judge must allow: one transition more where power may fail under a lamp.

    A wearer who leaves the collective makes the light fall, and so does a loss of power; only the
    first may also go down faster than the slew.
    """
    return Limits(luminance_max=plan.config.light.luminance_max).with_fall()


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
